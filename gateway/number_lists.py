"""Reading lists of entry numbers: HTTP API section 7.2, decision H8."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.validation import ENTRY_ID, MAX_ENTRY_IDS

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NUMBERS = 10_000
_SEPARATORS = re.compile(r"[,，;；、\s]+")
_NUMBER_LIKE = re.compile(r"[0-9]{6}")  # a column of names or remarks has no such run of digits
_NO_HEADER = re.compile(r"[0-9]{4}")  # even a number cut short has more digits than a heading
_SHOWN_CHARS = 64
_QUOTES = "\"'=\ufeff"  # around cells of spreadsheets' text files


class Unreadable(Exception):
    """The file cannot be read as what it says it is."""


class TooManyNumbers(Exception):
    """The file holds more numbers than a list may have."""


def text_of(content: bytes) -> str:
    """The text of a file in UTF-8 (with or without BOM) or GB 18030. Raises Unreadable."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise Unreadable


def lines_of_text(text: str) -> list[list[str]]:
    """The cells of each line of a text file."""
    return [_cells(line) for line in text.splitlines()]


def lines_of_csv(text: str) -> list[list[str]]:
    """The cells of each line that may be numbers: the first, and others that look like one."""
    return [
        [cell for index, cell in enumerate(cells) if index == 0 or _NUMBER_LIKE.search(cell)]
        for cells in lines_of_text(text)
    ]


def _cells(line: str) -> list[str]:
    cells = (cell.strip(_QUOTES) for cell in _SEPARATORS.split(line))
    return [cell for cell in cells if cell]


def read_list(lines: Iterable[list[str]]) -> dict[str, Any]:
    """The numbers, how many repeats were dropped, and every bad cell with its line.

    A first line without anything like a number is a header. Raises TooManyNumbers.
    """
    numbers: dict[str, None] = {}
    errors: list[dict[str, Any]] = []
    count = 0
    for line, cells in _without_header(lines):
        for cell in cells:
            count += 1
            if ENTRY_ID.match(cell):
                numbers[cell] = None
            else:
                errors.append({"line": line, "text": cell[:_SHOWN_CHARS], "code": "bad-entry-id"})
        if count > MAX_NUMBERS:
            raise TooManyNumbers
    return {
        "entry_ids": list(numbers),
        "duplicates": count - len(errors) - len(numbers),
        "errors": errors,
        "limit": MAX_ENTRY_IDS,
        "over_limit": len(numbers) > MAX_ENTRY_IDS,
    }


def _without_header(lines: Iterable[list[str]]) -> Iterable[tuple[int, list[str]]]:
    first = True
    for number, cells in enumerate(lines, start=1):
        if first and cells:
            first = False
            if not any(_NO_HEADER.search(cell) for cell in cells):
                continue
        yield number, cells
