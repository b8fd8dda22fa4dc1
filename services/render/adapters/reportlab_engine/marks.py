"""Content streams: texts, rules and fields as PDF operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.render.adapters.reportlab_engine.objects import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.render.adapters.reportlab_engine.fonts import DocumentFonts
    from services.render.engine import Background, Frame, Modules, Rule, Stamp, Text

_ROUND = 0.5523  # control points of a quarter circle drawn as a curve


def texts(lines: Sequence[Text], height: float, fonts: DocumentFonts, prefix: str) -> bytes:
    """All texts of a page as one text object."""
    marks = ["BT\n"]
    current: tuple[int, float] | None = None
    encoded = fonts.encode([line.text for line in lines])
    for (x, y, size, _), runs in zip(lines, encoded, strict=True):
        place = f"1 0 0 1 {x:.2f} {height - y:.2f} Tm"
        for face, codes in runs:
            if current != (face, size):
                marks.append(f"/{prefix}{face} {size:g} Tf\n")
                current = (face, size)
            marks.append(f"{place} <{codes}> Tj\n")
            place = ""
    marks.append("ET\n")
    return "".join(marks).encode()


def background(art: Background, height: float, fonts: DocumentFonts, prefix: str) -> bytes:
    """The rules, frames and labels of a form."""
    marks = [b"0 J 0 G 0 g\n"]
    marks += [_rule(rule, height) for rule in art.rules]
    marks += [frame(box, height) for box in art.frames]
    return b"".join(marks) + texts(art.texts, height, fonts, prefix)


def modules(code: Modules, height: float) -> bytes:
    """A bar code or QR as one filled path."""
    fields = "".join(f"{x} {y} {width} {tall} re\n" for x, y, width, tall in code.dark)
    return (
        f"q {code.step_x:.4f} 0 0 {-code.step_y:.4f} {code.x:.4f} {height - code.y:.4f} cm\n"
        f"{fields}f Q\n"
    ).encode()


def _rule(rule: Rule, height: float) -> bytes:
    dash = b"[0.8 1.6] 0 d " if rule.dots else b"[] 0 d "
    ends = (rule.x0, height - rule.y0, rule.x1, height - rule.y1)
    return b"%s%s w %s %s m %s %s l S\n" % (dash, number(rule.width), *map(number, ends))


def frame(box: Frame, height: float) -> bytes:
    """An outline."""
    left, bottom = box.x, height - box.y - box.height
    if box.radius:
        return b"[] 0 d %s w %sS\n" % (number(box.line), _rounded(left, bottom, box))
    edges = map(number, (left, bottom, box.width, box.height))
    return b"[] 0 d %s w %s %s %s %s re S\n" % (number(box.line), *edges)


def _rounded(left: float, bottom: float, box: Frame) -> bytes:
    right, top, r = left + box.width, bottom + box.height, box.radius
    k = r * (1 - _ROUND)
    path = (
        (b"m", left + r, bottom),
        (b"l", right - r, bottom),
        (b"c", right - k, bottom, right, bottom + k, right, bottom + r),
        (b"l", right, top - r),
        (b"c", right, top - k, right - k, top, right - r, top),
        (b"l", left + r, top),
        (b"c", left + k, top, left, top - k, left, top - r),
        (b"l", left, bottom + r),
        (b"c", left, bottom + k, left + k, bottom, left + r, bottom),
    )
    return b"".join(
        b" ".join((*(number(value) for value in step[1:]), step[0])) + b" " for step in path
    )


def stamp(art: Stamp, fonts: DocumentFonts, prefix: str) -> bytes:
    """The visible seal, its lower left corner at the origin."""
    colour = b" ".join(number(part) for part in art.rgb)
    height = art.frame.height
    inset = art.frame.line / 2
    outline = type(art.frame)(
        inset,
        inset,
        art.frame.width - 2 * inset,
        height - 2 * inset,
        art.frame.line,
        art.frame.radius,
    )
    marks = [b"%s RG %s rg\n" % (colour, colour), frame(outline, height), b"BT 0.25 w\n"]
    encoded = fonts.encode([line.text for line in art.lines])
    for line, runs in zip(art.lines, encoded, strict=True):
        marks.append(b"%d Tr 1 0 0 1 " % (2 if line.bold else 0))
        marks.append(b"%s %s Tm\n" % (number(line.x), number(height - line.y)))
        marks += [
            f"/{prefix}{face} {line.size:g} Tf <{codes}> Tj\n".encode() for face, codes in runs
        ]
    return b"".join([*marks, b"ET\n"])
