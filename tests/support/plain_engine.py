"""The form by reportlab's ordinary means: canvas, `drawString`, its own TrueType fonts.

It shares nothing with the product's engine but the sheets, so the two can be held against each
other: the same text, the same picture. It is also the base of the benchmark.
"""

from __future__ import annotations

import io
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.render.engine import Composed
from services.render.fonts import font_files
from services.render.products.declaration_form import FormPrinter

if TYPE_CHECKING:
    from pathlib import Path

    from services.render.engine import Background, Modules, Paper, Sheet, Stamp, Text


@cache
def _face(path: Path) -> TTFont:
    face = TTFont(path.stem, str(path))
    pdfmetrics.registerFont(face)
    return face


class PlainEngine:
    """Draws papers by canvas; never signs."""

    def __init__(self, font_files: list[Path], sheet_size: tuple[float, float]) -> None:
        self._files = font_files
        self._main = _face(font_files[0])
        self.sheet_size = sheet_size

    def measure(self, text: str) -> float:
        return sum(
            pdfmetrics.stringWidth("".join(run), name, 1.0) for name, run in self._runs(text)
        )

    def _runs(self, text: str) -> list[tuple[str, str]]:
        known = self._main.face.charToGlyph
        if all(ord(character) in known for character in text):
            return [(self._main.fontName, text)]
        rare = _face(self._files[1]).fontName
        chosen = groupby(text, lambda character: ord(character) in known)
        return [(self._main.fontName if main else rare, "".join(run)) for main, run in chosen]

    def prepare(self, backgrounds: list[Background]) -> None:
        """Nothing is compiled here."""

    def compose(self, paper: Paper, sealer: None = None) -> Composed:
        target = io.BytesIO()
        canvas = Canvas(
            target,
            self.sheet_size,
            invariant=1,
            pageCompression=1,
            initialFontName=self._main.fontName,
        )
        canvas.setTitle(paper.title)
        for number, sheet in enumerate(paper.sheets):
            self._sheet(canvas, sheet)
            if paper.stamp and not number:
                self._stamp(canvas, paper.stamp)
            canvas.showPage()
        canvas.save()
        return Composed(target.getvalue(), [])

    def _sheet(self, canvas: Canvas, sheet: Sheet) -> None:
        self._background(canvas, sheet.background)
        for code in sheet.codes:
            self._code(canvas, code)
        for text in sheet.texts:
            self._text(canvas, text)

    def _background(self, canvas: Canvas, art: Background) -> None:
        height = self.sheet_size[1]
        for rule in art.rules:
            canvas.setDash([0.8, 1.6] if rule.dots else [])
            canvas.setLineWidth(rule.width)
            canvas.line(rule.x0, height - rule.y0, rule.x1, height - rule.y1)
        canvas.setDash([])
        for box in art.frames:
            canvas.setLineWidth(box.line)
            canvas.rect(box.x, height - box.y - box.height, box.width, box.height)
        for text in art.texts:
            self._text(canvas, text)

    def _text(self, canvas: Canvas, text: Text) -> None:
        x = text.x
        for name, run in self._runs(text.text):
            canvas.setFont(name, text.size)
            canvas.drawString(x, self.sheet_size[1] - text.y, run)
            x += pdfmetrics.stringWidth(run, name, text.size)

    def _code(self, canvas: Canvas, code: Modules) -> None:
        path = canvas.beginPath()
        for column, row, columns, rows in code.dark:
            path.rect(
                code.x + column * code.step_x,
                self.sheet_size[1] - code.y - (row + rows) * code.step_y,
                columns * code.step_x,
                rows * code.step_y,
            )
        canvas.drawPath(path, stroke=0, fill=1)

    def _stamp(self, canvas: Canvas, stamp: Stamp) -> None:
        box, height = stamp.frame, self.sheet_size[1]
        canvas.saveState()
        canvas.setStrokeColorRGB(*stamp.rgb)
        canvas.setFillColorRGB(*stamp.rgb)
        canvas.setLineWidth(box.line)
        canvas.roundRect(box.x, height - box.y - box.height, box.width, box.height, box.radius)
        for line in stamp.lines:
            canvas.setFont(self._main.fontName, line.size)
            canvas.drawString(
                box.x + line.x, height - box.y - line.y, line.text, mode=2 if line.bold else 0
            )
        canvas.restoreState()


class PlainPrinter(FormPrinter):
    """The product's printer on the plain engine; draws the seal's picture, signs nothing."""

    def __init__(self, font_dir: Path) -> None:
        super().__init__(font_dir, None)
        self._engine = PlainEngine(font_files(font_dir), self._engine.sheet_size)
        self._layouts = {kind: self._compiled(kind) for kind in self._layouts}

    def draw_unsigned(self, job) -> bytes:
        """The document, with the seal's picture where one was asked for."""
        return self._engine.compose(self._paper(job)).content
