"""Making text fit: wrap where there is more than one line, then shrink, then cut with `…`.

The data export always carries the full text, so a cut on paper loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable

Measure = Callable[[str], float]  # the width of a text at size 1

SMALLEST = 6.0  # points; smaller type cannot be read on paper
ELLIPSIS = "…"
_STEP = 0.25  # points between the sizes that are tried
_WIDE = "\u2e80"  # from here on a line may break before and after each character
_BREAK_AFTER = frozenset(" ;|,/")
_NEVER_FIRST = frozenset("，。；：、）》〉」』】〕！？%)]}>;,.:!?|/ ")


def fit(text: str, room: float, size: float, measure: Measure) -> tuple[float, str]:
    """Size and text that stand in `room` points on one line."""
    width = measure(text)
    if width * size <= room:
        return size, text
    if width * SMALLEST <= room:
        return max(SMALLEST, room / width // _STEP * _STEP), text
    return SMALLEST, cut(text, room / SMALLEST, measure)


def fit_lines(
    text: str, room: float, size: float, lines: int, measure: Measure, indent: float = 0.0
) -> tuple[float, list[str]]:
    """Size and at most `lines` lines that stand in `room` points each, the first indented."""
    while True:
        wrapped = wrap(text, room / size, measure, indent / size)
        if len(wrapped) <= lines:
            return size, wrapped
        if size <= SMALLEST:
            rest = cut(" ".join(wrapped[lines - 1 :]), room / size, measure)
            return size, [*wrapped[: lines - 1], rest]
        size = max(SMALLEST, size - _STEP)


def cut(text: str, room: float, measure: Measure) -> str:
    """The beginning of a text with `…`, at most `room` wide at size 1."""
    left = room - measure(ELLIPSIS)
    return text[: _fitting(text, left, measure)].rstrip() + ELLIPSIS


def wrap(text: str, room: float, measure: Measure, indent: float = 0.0) -> list[str]:
    """A text as lines of at most `room` at size 1, broken where reading suffers least."""
    lines: list[str] = []
    while text:
        left = room if lines else room - indent
        if measure(text) <= left:
            return [*lines, text]
        end = _break_before(text, max(1, _fitting(text, left, measure)))
        lines.append(text[:end].rstrip(" "))
        text = text[end:].lstrip(" ")
    return lines


def _fitting(text: str, room: float, measure: Measure) -> int:
    """How many leading characters are at most `room` wide."""
    count = 0
    for character in text:
        room -= measure(character)
        if room < 0:
            break
        count += 1
    return count


def _break_before(text: str, end: int) -> int:
    """The last good place for a break up to `end`; `end` itself when a line has none."""
    for place in range(end, 0, -1):
        if _may_break(text[place - 1], text[place]):
            return place
    return end


def _may_break(before: str, after: str) -> bool:
    if after in _NEVER_FIRST and after != " ":
        return False
    return after == " " or before in _BREAK_AFTER or before >= _WIDE or after >= _WIDE
