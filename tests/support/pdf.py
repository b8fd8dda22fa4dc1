"""Reading finished PDFs with the programs that users have: poppler, qpdf, zbar."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run(*command: str | Path, check: bool = True) -> str:
    """What a program prints."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, check=False, timeout=60
    )
    text = done.stdout.decode() + done.stderr.decode()
    if check and done.returncode:
        raise AssertionError(f"{command[0]} said {done.returncode}: {text}")
    return text


def text_of(path: Path, *options: str) -> str:
    """All text, laid out as on the page."""
    return run("pdftotext", "-layout", *options, path, "-")


def words_of(path: Path, *options: str) -> str:
    """All text without blanks and line ends: a value that wraps is found whole."""
    return "".join(run("pdftotext", "-raw", *options, path, "-").split())


def is_sound(path: Path) -> bool:
    """Whether qpdf finds neither error nor warning."""
    return "No syntax or stream encoding errors found" in run("qpdf", "--check", path)


def picture(path: Path, folder: Path, page: int = 1, dpi: int = 150) -> Path:
    """A page as PNG."""
    stem = folder / f"{path.stem}-{page}-{dpi}"
    run(
        "pdftoppm",
        "-r",
        str(dpi),
        "-f",
        str(page),
        "-l",
        str(page),
        "-singlefile",
        "-png",
        path,
        stem,
    )
    return stem.with_suffix(".png")


def scanned(image: Path) -> dict[str, str]:
    """The codes in a picture: kind to payload."""
    lines = run("zbarimg", "-q", image, check=False).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and " " not in line)
