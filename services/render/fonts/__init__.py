"""The font files of the form: where they are and what they must be.

The files themselves are not part of the source; see README.md for their origin and licences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.kernel.errors import SettingsFault

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "NotoSerifSC_400Regular.ttf"
RARE = "BabelStoneHan.ttf"


def font_files(font_dir: Path) -> list[Path]:
    """The faces in the order they are asked for a character.

    `font_dir` holds the main face; the face of rare characters may stand there too, else where
    Debian's package puts it. Raises SettingsFault if the main face is missing.
    """
    main = font_dir / MAIN
    if not main.is_file():
        raise SettingsFault(f"the font {MAIN} is not in {font_dir}")
    rare = [place for place in _rare_places(font_dir) if place.is_file()]
    return [main, *rare[:1]]


def _rare_places(font_dir: Path) -> list[Path]:
    debian = font_dir.__class__("/usr/share/fonts/truetype/babelstone")
    return [font_dir / RARE, debian / RARE]
