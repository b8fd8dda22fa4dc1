"""A document's own fonts: one Type 0 font a face, its characters numbered as they appear.

CID n is the nth new character of the document. CIDToGIDMap leads it to the subset's glyph,
ToUnicode back to the character, so that copied text stays right even where 〓 is drawn, and
characters beyond the basic plane need no special care.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import TYPE_CHECKING

from services.render.adapters.reportlab_engine.objects import Written, deflate, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.render.adapters.reportlab_engine.faces import Face, Glyph, Glyphs

_BLOCK = 256  # CIDs of one range must share their first byte
_LINE_END = ord("\n")  # stands between the texts of a page while they are encoded together
_FULL_WIDTH = 1000.0
_MAP_HEAD = (
    b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
    b"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
    b"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
    b"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
)
_MAP_TAIL = b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"


class _Foreign(Exception):
    """A character of another face stands in the text."""


class _Numbers(dict[int, str]):
    """Code points to CIDs in hexadecimal; asking for a new one gives it the next number."""

    def __init__(self, glyphs: Glyphs, face: int) -> None:
        super().__init__({_LINE_END: "\n"})
        self._glyphs = glyphs
        self._face = face
        self.code_points: list[int] = []

    def __missing__(self, code_point: int) -> str:
        if self._glyphs[code_point].face != self._face:
            raise _Foreign
        self.code_points.append(code_point)
        number = self[code_point] = f"{len(self.code_points):04x}"
        return number

    @property
    def glyphs(self) -> list[Glyph]:
        """The glyphs by CID, from CID 1."""
        return [self._glyphs[code_point] for code_point in self.code_points]


class DocumentFonts:
    """The fonts of one document (or of one background), named `prefix` and the face's number."""

    def __init__(self, glyphs: Glyphs, prefix: str) -> None:
        self._glyphs = glyphs
        self._prefix = prefix
        self._numbers: dict[int, _Numbers] = {0: _Numbers(glyphs, 0)}
        self._first = self._numbers[0]

    def encode(self, texts: list[str]) -> list[list[tuple[int, str]]]:
        """Texts without line ends, each as runs of (face, hexadecimal CIDs)."""
        try:
            codes = "\n".join(texts).translate(self._first).split("\n")
        except _Foreign:
            return [list(self._runs(text)) for text in texts]
        return [[(0, code)] for code in codes]

    def _runs(self, text: str) -> Iterator[tuple[int, str]]:
        for face, run in groupby(text, lambda character: self._glyphs[ord(character)].face):
            numbers = self._numbers.setdefault(face, _Numbers(self._glyphs, face))
            yield face, "".join(run).translate(numbers)

    @property
    def missing(self) -> list[str]:
        """The characters that no face holds."""
        return sorted(
            chr(code_point)
            for code_point in self._first.code_points
            if self._glyphs[code_point].missing
        )

    def written(self, pack: Callable[[bytes], bytes] = deflate) -> dict[str, PackedFont]:
        """The fonts by resource name; those without characters are left out."""
        return {
            f"{self._prefix}{face}": PackedFont(self._glyphs.face(face), numbers, pack)
            for face, numbers in sorted(self._numbers.items())
            if numbers.code_points
        }


class PackedFont:
    """A finished subset: all its bytes, ready to be put into any number of documents."""

    def __init__(self, face: Face, numbers: _Numbers, pack: Callable[[bytes], bytes]) -> None:
        glyphs = numbers.glyphs
        program, renumbered = face.subset([glyph.gid for glyph in glyphs])
        places = [0, *(renumbered[glyph.gid] for glyph in glyphs)]
        self._program = pack(program)
        self._program_length = len(program)
        self._map = pack(b"".join(place.to_bytes(2, "big") for place in places))
        self._to_unicode = pack(_to_unicode(numbers.code_points))
        tag = _tag(hashlib.sha256(program).digest())
        self._name = f"/{tag}+{face.name}".encode()
        self._descriptor = _descriptor(face, self._name)
        self._widths = _widths(glyphs)

    def put(self) -> Written:
        """The font object for one document."""
        program = stream(b"/Length1 %d" % self._program_length, self._program, packed=True)
        descriptor = Written(self._descriptor, program, b" >>")
        descendant = Written(
            b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont ",
            self._name,
            b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            b" /DW 1000 /W ",
            self._widths,
            b" /FontDescriptor ",
            descriptor,
            b" /CIDToGIDMap ",
            stream(b"", self._map, packed=True),
            b" >>",
        )
        return Written(
            b"<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /BaseFont ",
            self._name,
            b" /DescendantFonts [ ",
            descendant,
            b" ] /ToUnicode ",
            stream(b"", self._to_unicode, packed=True),
            b" >>",
        )


def _descriptor(face: Face, name: bytes) -> bytes:
    measures = face.measures
    box = b" ".join(b"%d" % edge for edge in measures.box)
    return (
        b"<< /Type /FontDescriptor /FontName %s /Flags 6 /FontBBox [%s] /ItalicAngle 0"
        b" /Ascent %d /Descent %d /CapHeight 730 /StemV 80 /FontFile2 "
        % (name, box, measures.ascent, measures.descent)
    )


def _widths(glyphs: list[Glyph]) -> bytes:
    """The W array: the characters that are not as wide as the size."""
    listed = [
        f"{number} [{glyph.advance:g}]"
        for number, glyph in enumerate(glyphs, start=1)
        if glyph.advance != _FULL_WIDTH
    ]
    return f"[{' '.join(listed)}]".encode()


def _to_unicode(code_points: list[int]) -> bytes:
    """CIDs back to characters, as ranges that share their first byte."""
    texts = [_UTF_16[code_point] for code_point in code_points]
    count = len(texts)
    starts = [1, *range(_BLOCK, count + 1, _BLOCK)]
    ends = [*(start - 1 for start in starts[1:]), count]
    ranges = "".join(
        f"<{start:04X}> <{end:04X}> [{''.join(texts[start - 1 : end])}]\n"
        for start, end in zip(starts, ends, strict=True)
    )
    body = f"{len(starts)} beginbfrange\n{ranges}endbfrange\n"
    return _MAP_HEAD + body.encode() + _MAP_TAIL


class _Utf16(dict[int, str]):
    """Code points to their UTF-16 in angle brackets, kept for the life of the process."""

    def __missing__(self, code_point: int) -> str:
        text = chr(code_point).encode("utf-16-be").hex().upper()
        kept = self[code_point] = f"<{text}>"
        return kept


_UTF_16 = _Utf16()


def _tag(digest: bytes) -> str:
    """The six letters that mark a subset."""
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:6])
