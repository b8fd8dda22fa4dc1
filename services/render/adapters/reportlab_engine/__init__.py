"""Draws papers as PDF on reportlab's document layer.

What all documents of a form kind share (rules, labels, their font) is compiled once a process;
a document adds its values as one text block a page and one subset a font face.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from services.render.adapters.reportlab_engine import marks, metadata
from services.render.adapters.reportlab_engine.colour import srgb_profile
from services.render.adapters.reportlab_engine.faces import Advances, Face, Glyphs
from services.render.adapters.reportlab_engine.fonts import DocumentFonts, PackedFont
from services.render.adapters.reportlab_engine.objects import (
    Document,
    Written,
    deflate,
    deflate_well,
    number,
    stream,
)
from services.render.adapters.reportlab_engine.signature import (
    form_of,
    sealed,
    signature_field,
    signature_value,
)
from services.render.engine import Composed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.render.engine import Background, Modules, Paper, Sheet, Stamp
    from services.render.sealing import Sealer

_LABELS, _VALUES = "L", "V"  # prefixes of font resources
_VERSION = (1, 7)  # PDF/A-2 and A-3 stand on it


@dataclass(frozen=True)
class _Compiled:
    """A background's finished bytes; those prepared together have the same `labels`."""

    content: bytes
    labels: _Labels


@dataclass(frozen=True, eq=False)
class _Labels:
    """The fonts of a form kind's words, by resource name."""

    fonts: dict[str, PackedFont]


class ReportlabEngine:
    """One process's engine. Opens the font files at once and keeps what it compiled."""

    def __init__(self, font_files: list[Path], sheet_size: tuple[float, float]) -> None:
        main, *rare = font_files
        openers = [partial(Face, path, often=False) for path in rare]
        self._glyphs = Glyphs([partial(Face, main, often=True), *openers])
        self._advances = Advances(self._glyphs)
        self._compiled: dict[str, _Compiled] = {}
        self.sheet_size = sheet_size
        self.measure = self._advances.measure

    def compose(self, paper: Paper, sealer: Sealer | None) -> Composed:
        """The PDF of a paper, signed if a sealer is given. The same paper gives the same bytes."""
        composition = _Composition(self, paper, sealer)
        return Composed(composition.file(), composition.missing)

    def prepare(self, backgrounds: Sequence[Background]) -> None:
        """Compile the backgrounds of one form kind, once, before papers use them."""
        fonts = DocumentFonts(self._glyphs, _LABELS)
        height = self.sheet_size[1]
        contents = [marks.background(art, height, fonts, _LABELS) for art in backgrounds]
        labels = _Labels(fonts.written(deflate_well))
        for art, content in zip(backgrounds, contents, strict=True):
            self._compiled[art.name] = _Compiled(deflate_well(content), labels)

    def compiled(self, art: Background) -> _Compiled:
        """A prepared background's bytes."""
        return self._compiled[art.name]

    def fonts(self) -> DocumentFonts:
        """Fonts for the values of one document."""
        return DocumentFonts(self._glyphs, _VALUES)

    @cached_property
    def profile(self) -> bytes:
        """The deflated colour profile."""
        return deflate_well(srgb_profile())


class _Composition:
    """The making of one document. An object is never shared between two documents."""

    def __init__(self, engine: ReportlabEngine, paper: Paper, sealer: Sealer | None) -> None:
        self._engine = engine
        self._paper = paper
        self._sealer = sealer
        self._width, self._height = engine.sheet_size
        self._fonts = engine.fonts()
        self._backgrounds: dict[str, Written] = {}
        self._labels: dict[_Labels, Written] = {}

    @property
    def missing(self) -> list[str]:
        """The characters that no font holds."""
        return self._fonts.missing

    def file(self) -> bytes:
        """The finished file."""
        contents = [self._page_marks(sheet) for sheet in self._paper.sheets]
        stamp = self._paper.stamp
        stamp_marks = marks.stamp(stamp, self._fonts, _VALUES) if stamp else b""
        resources = _font_resources(self._fonts.written())
        tree = Written()  # filled below, since each page names its parent
        pages = [
            self._page(sheet, content, resources, tree)
            for sheet, content in zip(self._paper.sheets, contents, strict=True)
        ]
        field = self._seal_field(stamp, stamp_marks, resources, pages[0])
        tree.parts = _page_tree(pages)
        file = self._written(tree, form_of(field) if field else None)
        return sealed(file, self._sealer) if self._sealer else file

    def _page_marks(self, sheet: Sheet) -> bytes:
        texts = marks.texts(sheet.texts, self._height, self._fonts, _VALUES)
        return b"q /B Do Q\n" + self._codes(sheet.codes) + texts

    def _codes(self, codes: tuple[Modules, ...]) -> bytes:
        return b"".join(marks.modules(code, self._height) for code in codes)

    def _page(self, sheet: Sheet, content: bytes, resources: Written, tree: Written) -> Written:
        return Written(
            b"<< /Type /Page /MediaBox [0 0 %s %s] /Parent "
            % (number(self._width), number(self._height)),
            tree,
            b" /Contents ",
            stream(b"", content),
            b" /Resources << /Font ",
            resources,
            b" /XObject << /B ",
            self._background(sheet.background),
            b" >> >>",
            b" >>",
        )

    def _background(self, art: Background) -> Written:
        found = self._backgrounds.get(art.name)
        if found is None:
            compiled = self._engine.compiled(art)
            size = (self._width, self._height)
            found = self._form(size, compiled.content, self._label_fonts(compiled.labels))
            self._backgrounds[art.name] = found
        return found

    def _label_fonts(self, labels: _Labels) -> Written:
        found = self._labels.get(labels)
        if found is None:
            found = self._labels[labels] = _font_resources(labels.fonts)
        return found

    def _form(self, size: tuple[float, float], packed: bytes, fonts: Written) -> Written:
        return stream(
            b"/Type /XObject /Subtype /Form /BBox [0 0 %s %s] /Resources << /Font "
            % (number(size[0]), number(size[1])),
            packed,
            fonts,
            b" >>",
            packed=True,
        )

    def _seal_field(
        self, stamp: Stamp | None, content: bytes, fonts: Written, page: Written
    ) -> Written | None:
        if stamp is None or self._sealer is None:
            return None
        size = (stamp.frame.width, stamp.frame.height)
        appearance = self._form(size, deflate(content), fonts)
        value = signature_value(self._sealer.room_bytes, self._paper.dated)
        field = signature_field(value, appearance, stamp.frame, self._height, page)
        page.parts = [*page.parts[:-1], b" /Annots [ ", field, b" ] >>"]
        return field

    def _written(self, tree: Written, form: Written | None) -> bytes:
        title, dated = self._paper.title, self._paper.dated
        profile = stream(b"/N 3", self._engine.profile, packed=True)
        root = metadata.catalog(tree, metadata.xmp(title, dated), profile, form)
        document = Document(_VERSION, self._paper.identity)
        return document.written(root, metadata.information(title, dated))


def _page_tree(pages: list[Written]) -> list[bytes | Written]:
    kids = [part for page in pages for part in (page, b" ")]
    return [b"<< /Type /Pages /Count %d /Kids [ " % len(pages), *kids, b"] >>"]


def _font_resources(fonts: dict[str, PackedFont]) -> Written:
    parts: list[bytes | Written] = [b"<<"]
    for name, font in fonts.items():
        parts += [f" /{name} ".encode(), font.put()]
    return Written(*parts, b" >>")
