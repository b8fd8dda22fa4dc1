"""Reading finished PDFs with the programs that users have: poppler, qpdf, zbar."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pikepdf

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
    """All text as it stands on the page, line by line, without blanks."""
    return "".join(text_of(path, *options).split())


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


@dataclass(frozen=True)
class Drawn:
    """One text of a content stream: its origin from the upper left corner, in points."""

    text: str
    x: float
    baseline: float
    size: float


@dataclass(frozen=True)
class Places:
    """What a page draws, background included: texts, straight lines, rectangles."""

    texts: list[Drawn]
    lines: list[tuple[float, float, float, float]]
    boxes: list[tuple[float, float, float, float]]

    def of(self, text: str) -> Drawn:
        """The only text that reads so."""
        (found,) = [drawn for drawn in self.texts if drawn.text == text]
        return found


def places(path: Path, page: int = 1) -> Places:
    """The operators of a page, read back independently of the writer."""
    found = Places([], [], [])
    with pikepdf.open(path) as file:
        sheet = file.pages[page - 1]
        height = float(sheet.MediaBox[3])
        background = sheet.Resources.XObject["/B"]
        for content in (background, sheet):
            _read(content, _decoders(content.Resources.Font), height, found)
    return found


def _decoders(fonts: pikepdf.Dictionary) -> dict[str, dict[str, str]]:
    return {str(name): _to_unicode(font.ToUnicode.read_bytes()) for name, font in fonts.items()}


def _to_unicode(stream: bytes) -> dict[str, str]:
    decoded = {}
    for start, texts in re.findall(r"<([0-9A-F]{4})> <[0-9A-F]{4}> \[(.*)\]\n", stream.decode()):
        for number, text in enumerate(re.findall(r"<([0-9A-F]+)>", texts), start=int(start, 16)):
            decoded[f"{number:04X}"] = bytes.fromhex(text).decode("utf-16-be")
    return decoded


def _read(content, decoders, height: float, found: Places) -> None:
    font, size, x, y, start = "", 0.0, 0.0, 0.0, (0.0, 0.0)
    for operands, operator in pikepdf.parse_content_stream(content):
        match str(operator):
            case "Tf":
                font, size = str(operands[0]), float(operands[1])
            case "Tm":
                x, y = float(operands[4]), height - float(operands[5])
            case "Tj":
                codes = bytes(operands[0]).hex().upper()
                cids = (codes[n : n + 4] for n in range(0, len(codes), 4))
                text = "".join(decoders[font][cid] for cid in cids)
                found.texts.append(Drawn(text, x, y, size))
            case "m":
                start = (float(operands[0]), height - float(operands[1]))
            case "l":
                found.lines.append((*start, float(operands[0]), height - float(operands[1])))
            case "re" if len(found.boxes) < 2:
                left, bottom, width, tall = map(float, operands)
                found.boxes.append((left, height - bottom - tall, left + width, height - bottom))
