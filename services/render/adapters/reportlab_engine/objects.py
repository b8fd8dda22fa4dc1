"""PDF objects whose bytes we write ourselves, for reportlab's document to number and place.

reportlab's own streams lack the line end before `endstream` that PDF/A asks for, and its generic
dictionaries cost more time than the whole form's text.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from isal import isal_zlib
from reportlab.pdfbase import pdfdoc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_LEVEL = 3  # isal's strongest: 343 MB/s here, files as small as zlib's fastest


class Written(pdfdoc.PDFObject):  # type: ignore[misc]
    """An indirect object of ready bytes and of other objects, which become references."""

    __RefOnly__ = 1

    def __init__(self, *parts: bytes | Written) -> None:
        self.parts: Sequence[bytes | Written] = parts

    def format(self, document: Document) -> bytes:
        """The object's bytes, once, when it is placed."""
        return b"".join(
            part if isinstance(part, bytes) else document.reference(part) for part in self.parts
        )


class Document(pdfdoc.PDFDocument):  # type: ignore[misc]
    """reportlab's document, which numbers the objects, with our own writing of them.

    Only `Written` objects are placed; reportlab's generic formatting of dictionaries, references
    and strings is passed by.
    """

    def __init__(self, version: tuple[int, int], identity: bytes) -> None:
        super().__init__(pdfVersion=version, invariant=1)
        self._named = identity

    def reference(self, target: Written) -> bytes:
        """A reference to an object, which is placed in the file by this."""
        name = self.Reference(target).name
        return b"%d 0 R" % self.idToObjectNumberAndVersion[name][0]

    def written(self, root: Written, information: Written) -> bytes:
        """The whole file."""
        trailer = Written(b"/Root ", root, b" /Info ", information).format(self)
        file, offsets = pdfdoc.PDFFile(self._pdfVersion), []
        for number, name in self._placed():
            body = self.idToObject[name].format(self)
            offsets.append(file.add(b"%d 0 obj\n%s\nendobj\n" % (number, body)))
        start = file.add(_cross_references(offsets))
        identity = b"<%s>" % self._named.hex().encode()
        file.add(
            b"trailer\n<< /Size %d %s /ID [%s %s] >>\nstartxref\n%d\n%%%%EOF\n"
            % (len(offsets) + 1, trailer, identity, identity, start)
        )
        content: bytes = file.format(self)
        return content

    def _placed(self) -> Iterator[tuple[int, str]]:
        """Objects by number; formatting one may place more."""
        number = 1
        while number in self.numberToId:
            yield number, self.numberToId[number]
            number += 1


def _cross_references(offsets: list[int]) -> bytes:
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(offsets) + 1, entries)


def deflate(data: bytes) -> bytes:
    """A zlib stream of the data, made quickly."""
    return bytes(isal_zlib.compress(data, _LEVEL))


def deflate_well(data: bytes) -> bytes:
    """A zlib stream as small as can be, for what is made once a process."""
    return zlib.compress(data, zlib.Z_BEST_COMPRESSION)


def stream(
    entries: bytes, data: bytes, *references: bytes | Written, packed: bool = False
) -> Written:
    """A deflated stream; `packed` data is deflated already, `references` are more entries."""
    body = data if packed else deflate(data)
    return Written(
        b"<< " + entries,
        *references,
        b" /Filter /FlateDecode /Length %d >>\nstream\n" % len(body),
        body,
        b"\nendstream",
    )


def plain_stream(entries: bytes, data: bytes) -> Written:
    """A stream as it is, for metadata that any program must be able to read."""
    return Written(b"<< " + entries + b" /Length %d >>\nstream\n" % len(data), data, b"\nendstream")


def text_string(text: str) -> bytes:
    """A text for dictionaries, any character."""
    return b"<FEFF" + text.encode("utf-16-be").hex().encode() + b">"


def date_string(moment: datetime) -> bytes:
    """A moment with its offset, D:20261123101533+08'00'."""
    offset = f"{moment:%z}"
    return f"(D:{moment:%Y%m%d%H%M%S}{offset[:3]}'{offset[3:]}')".encode()


def number(value: float) -> bytes:
    """A coordinate with at most two decimals (a hundredth of a point is 4 µm)."""
    return (f"{value:.2f}".rstrip("0").rstrip(".") or "0").encode()
