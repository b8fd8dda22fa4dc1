"""Where things lie: the checkout, and the folder that holds everything a start makes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".local" / "venv"
FONTS = ROOT / ".local" / "fonts"


@dataclass(frozen=True)
class Place:
    """The folder of one running system (`.local`; the tests have `.local/test`)."""

    folder: Path

    def path(self, *parts: str) -> Path:
        """A path inside, its parent folders made."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """Where the process `name` writes."""
        return self.path("logs", f"{name}.log")

    def mark(self) -> str:
        """What every process started here carries in its environment, to be known by."""
        return str(self.folder)


def this_place() -> Place:
    """The place named by `DANZHENG_STATE`, relative to the checkout; `.local` unless named."""
    return Place((ROOT / os.environ.get("DANZHENG_STATE", ".local")).resolve())


def write_private(path: Path, content: str) -> None:
    """Write a file that holds secrets: whole or not at all, readable by its owner alone."""
    half = path.with_name(f".{path.name}.part")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    half.replace(path)
