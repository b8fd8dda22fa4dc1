"""The port of drawing: a form as sheets of rules and texts, free of any file format's terms.

Lengths are points (1/72 inch), x to the right and y downwards from the upper left corner of the
sheet, as in `form_geometry.json`. A text stands on its baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.render.sealing import Sealer


class Text(NamedTuple):
    """One line of text from `x` on the baseline `y`."""

    x: float
    y: float
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line; `dots` draws it dotted."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle's outline; `radius` rounds its corners."""

    x: float
    y: float
    width: float
    height: float
    line: float
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Modules:
    """A code's dark fields: (column, row, columns, rows) in units of `step_x` and `step_y`."""

    x: float
    y: float
    step_x: float
    step_y: float
    dark: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class Background:
    """What every document of a form kind has in common. Equal names mean equal content."""

    name: str
    rules: tuple[Rule, ...]
    frames: tuple[Frame, ...]
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Sheet:
    """One page: its background and what this document adds."""

    background: Background
    texts: list[Text]
    codes: tuple[Modules, ...]


@dataclass(frozen=True)
class StampLine:
    """A line of a seal, on the baseline `y` from the upper left corner of the seal."""

    x: float
    y: float
    size: float
    text: str
    bold: bool = False


@dataclass(frozen=True)
class Stamp:
    """The visible seal on the first page: its frame on the sheet and its lines."""

    frame: Frame
    rgb: tuple[float, float, float]
    lines: tuple[StampLine, ...]


@dataclass(frozen=True)
class Paper:
    """A whole document. `identity` (16 bytes) and `dated` are all that makes its file unique."""

    title: str
    sheets: list[Sheet]
    stamp: Stamp | None
    dated: datetime
    identity: bytes


@dataclass(frozen=True)
class Composed:
    """The finished file, and the characters that no font holds, sorted."""

    content: bytes
    missing_characters: list[str]


class Engine(Protocol):
    """Draws papers in one file format with one set of fonts."""

    @property
    def sheet_size(self) -> tuple[float, float]:
        """Width and height of a sheet in points."""
        ...

    def measure(self, text: str) -> float:
        """The width of a text at size 1; times the size it is points."""
        ...

    def prepare(self, backgrounds: Sequence[Background]) -> None:
        """Compile the backgrounds of one form kind, once, before papers use them."""
        ...

    def compose(self, paper: Paper, sealer: Sealer | None) -> Composed:
        """The file of a paper, signed if a sealer is given (which needs a stamp)."""
        ...
