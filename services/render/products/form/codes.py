"""The two machine-readable codes of the header: Code 39 and QR."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import zxingcpp

from services.render.engine import Modules

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bars and gaps of a character, w wide and n narrow, bar first; ISO/IEC 16388. An entry number
# has digits and, in old ones, the letters E and I; * starts and stops.
_CODE_39 = {
    "0": "nnnwwnwnn",
    "1": "wnnwnnnnw",
    "2": "nnwwnnnnw",
    "3": "wnwwnnnnn",
    "4": "nnnwwnnnw",
    "5": "wnnwwnnnn",
    "6": "nnwwwnnnn",
    "7": "nnnwnnwnw",
    "8": "wnnwnnwnn",
    "9": "nnwwnnwnn",
    "E": "wnnnwwnnn",
    "I": "nnwnnwwnn",
    "*": "nwnnwnwnn",
}
_WIDE_MODULES = 2  # a wide element in narrow ones, the least the standard allows
_CHARACTER_MODULES = 6 + 3 * _WIDE_MODULES
QUIET_MODULES = 2  # blank border of the QR inside its box; the header keeps the rest free


def code_39(entry_id: str, x: float, y: float, width: float, height: float) -> Modules:
    """The bars of an entry number between start and stop, filling the given box."""
    text = f"*{entry_id}*"
    modules = len(text) * (_CHARACTER_MODULES + 1) - 1
    return Modules(x, y, width / modules, height, tuple(_bars(text)))


def _bars(text: str) -> Iterator[tuple[int, int, int, int]]:
    for number, character in enumerate(text):
        start = number * (_CHARACTER_MODULES + 1)
        for column, columns in _character_bars(character):
            yield start + column, 0, columns, 1


@cache
def _character_bars(character: str) -> tuple[tuple[int, int], ...]:
    """First column and columns of a character's five bars."""
    widths = [_WIDE_MODULES if kind == "w" else 1 for kind in _CODE_39[character]]
    ends = list(accumulate(widths))
    return tuple((ends[n] - widths[n], widths[n]) for n in range(0, len(widths), 2))


def qr(entry_id: str, x: float, y: float, side: float) -> Modules:
    """The QR of an entry number with its asterisks, error correction M, filling the given box."""
    code = zxingcpp.create_barcode(f"*{entry_id}*", zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    image = code.to_image(scale=1, add_quiet_zones=False)
    count = image.shape[0]
    step = side / (count + 2 * QUIET_MODULES)
    dark = tuple(_runs(_pixels(image), count))
    return Modules(x + QUIET_MODULES * step, y + QUIET_MODULES * step, step, step, dark)


def _pixels(image: Any) -> bytes:  # its types do not say that it is a buffer
    return memoryview(image).tobytes()


def _runs(pixels: bytes, count: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(count):
        line = pixels[row * count : (row + 1) * count]
        column = line.find(0)
        while column >= 0:
            end = line.find(255, column)
            end = count if end < 0 else end
            yield column, row, end - column, 1
            column = line.find(0, end)
