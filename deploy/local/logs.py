"""`make logs`: the lines of all processes, as they come, in colour and in words."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from deploy.local.console import out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from deploy.local.places import Place

PAUSE_S: Final = 0.2  # between two looks at the files; a person does not see less
_LEVELS: Final = {"debug": "dim", "info": "green", "warning": "yellow", "error": "red"}
_COLOURS: Final = ("cyan", "magenta", "blue", "yellow", "green", "bright_cyan", "bright_magenta")
_SHOWN_APART: Final = {"ts", "timestamp", "level", "event", "service", "version", "logger"}
_QUIET: Final = {"rabbitmq", "seaweedfs", "postgres", "epmd"}  # the parts speak when they complain


@dataclass
class Tail:
    """Follows one log across its rotation."""

    path: Path
    position: int = 0
    inode: int = 0
    rest: bytes = field(default=b"")

    def lines(self) -> Iterator[str]:
        """The whole lines written since the last look."""
        if not self.path.exists():
            return
        found = self.path.stat()
        if found.st_ino != self.inode or found.st_size < self.position:
            self.inode, self.position, self.rest = found.st_ino, 0, b""
        with self.path.open("rb") as file:
            file.seek(self.position)
            content = file.read()
            self.position = file.tell()
        *whole, self.rest = (self.rest + content).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)

    def skip(self) -> None:
        """Begin at the end of what is written already."""
        if self.path.exists():
            found = self.path.stat()
            self.inode, self.position = found.st_ino, found.st_size


def follow(
    place: Place, names: Sequence[str], *, history: int, going_on: Callable[[], bool]
) -> None:
    """Print the last `history` lines of every process, then what comes, while `going_on()`."""
    tails = {name: Tail(place.log(name)) for name in names}
    width = max(len(name) for name in names)
    colours = {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(names)}
    for name, tail in tails.items():
        old = list(tail.lines())[-history:] if history else tail.skip()
        _print(name, old or (), width, colours[name])
    while going_on():
        for name, tail in tails.items():
            _print(name, tail.lines(), width, colours[name])
        time.sleep(PAUSE_S)


def _print(name: str, lines: Iterable[str], width: int, colour: str) -> None:
    for line in lines:
        shown = readable(line, quiet=name in _QUIET)
        if shown is not None:
            out.print(Text(f"{name:>{width}} ", style=colour) + shown)


def readable(line: str, *, quiet: bool = False) -> Text | None:
    """A line for a person: time, level, event and its facts; other lines as they are.

    Of a quiet process only lines that are no mere information are shown.
    """
    try:
        facts = json.loads(line)
    except ValueError:
        return _foreign(line, quiet=quiet)
    return _event(facts) if isinstance(facts, dict) else Text(line)


def _event(facts: dict[str, Any]) -> Text:
    level = str(facts.get("level", "info")).lower()
    moment = str(facts.get("ts") or facts.get("timestamp") or "")[11:23]
    style = _LEVELS.get(level, "red")
    text = Text(f"{moment:12} ", style="dim") + Text(f"{level:7} ", style=style)
    text += Text(str(facts.get("event", "")), style="bold")
    for name, value in facts.items():
        if name == "exception":
            text += Text(f"\n{value}", style="red")
        elif name not in _SHOWN_APART and value is not None:
            text += Text(f" {name}=", style="dim") + Text(_short(value))
    return text


def _foreign(line: str, *, quiet: bool) -> Text | None:
    if not line.strip() or (quiet and not _complains(line)):
        return None
    return Text(line)


def _complains(line: str) -> bool:
    """Whether a part's line is more than information (Go's glog, Erlang's and PostgreSQL's)."""
    return (line[:1] in {"E", "F"} and line[1:5].isdigit()) or any(
        word in line for word in ("[error]", "[critical]", "ERROR:", "FATAL:", "PANIC:")
    )


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
