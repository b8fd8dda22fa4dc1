"""Where everything stands on the form, read from `form_geometry.json`.

Two measurements live there: `real_print_pt` (one print of the real system, points) which is drawn,
and `official_sample_mm` (the official sample form) for what the print lacks: the labels of the
goods header, scaled from the sample's frame to the print's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[2] / "form_geometry.json"
SHEET = (841.89, 595.276)  # A4 landscape in points: 297 x 210 mm
ITEMS_FIRST_PAGE = 6
ITEMS_NEXT_PAGE = 14

Row = tuple[tuple[str, int, int], ...]  # box, first and last column
_FIVE = range(1, 6)


@dataclass(frozen=True)
class Cell:
    """A box of the head: left, right, upper and lower rule."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Column:
    """A column of the goods table: where its header begins and where its values stand."""

    header_x: float
    left: float
    right: float
    right_aligned: bool


@dataclass(frozen=True)
class Geometry:
    """The measured places, in points from the upper left corner."""

    print_pt: dict[str, Any]
    sample_mm: dict[str, Any]

    @property
    def frame(self) -> tuple[float, float, float, float]:
        left, top, right, bottom = self.print_pt["frame_pt"]
        return left, top, right, bottom

    @property
    def continuation_frame(self) -> tuple[float, float, float, float]:
        left, top, right, bottom = self.print_pt["continuation"]["frame_pt"]
        return left, top, right, bottom

    def scaled_x(self, x_mm: float) -> float:
        """An x of the official sample, brought to the frame of the real print."""
        sample_left, sample_right = self.sample_mm["frame_x"]
        left, _, right, _ = self.frame
        return float(left + (x_mm - sample_left) * (right - left) / (sample_right - sample_left))

    def header_x(self, *, filing_list: bool) -> dict[str, float]:
        """Where the labels of the goods header begin, by label of the sample."""
        name = "filing_list" if filing_list else "declaration"
        places = self.sample_mm[f"goods_header_label_x_{name}"]
        return {label: self.scaled_x(x_mm) for label, x_mm in places.items()}


@cache
def read_geometry() -> Geometry:
    """The geometry of the 2018 form, read once a process."""
    measured = json.loads(_FILE.read_text(encoding="utf-8"))
    return Geometry(measured["real_print_pt"], measured["official_sample_mm"])


def pages(items: int) -> int:
    """How many pages a declaration of so many goods items has."""
    beyond = max(0, items - ITEMS_FIRST_PAGE)
    return 1 + -(-beyond // ITEMS_NEXT_PAGE)
