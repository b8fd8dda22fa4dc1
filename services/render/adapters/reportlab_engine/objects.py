"""PDF objects whose bytes we write ourselves, for reportlab's document to number and place.

reportlab's own streams lack the line end before `endstream` that PDF/A asks for, and its generic
dictionaries cost more time than the whole form's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isal import isal_zlib
from reportlab.pdfbase import pdfdoc

if TYPE_CHECKING:
    from datetime import datetime

_LEVEL = 3  # isal's strongest: 343 MB/s here, files as small as zlib's fastest


class Written(pdfdoc.PDFObject):  # type: ignore[misc]
    """An indirect object of ready bytes and of other objects, which become references."""

    __RefOnly__ = 1

    def __init__(self, *parts: bytes | pdfdoc.PDFObject) -> None:
        self._parts = parts

    def format(self, document: pdfdoc.PDFDocument) -> bytes:
        """The object's bytes; reportlab calls this once, when it places the object."""
        return b"".join(
            part if isinstance(part, bytes) else document.Reference(part).format(document)
            for part in self._parts
        )


def deflate(data: bytes) -> bytes:
    """A zlib stream of the data."""
    return bytes(isal_zlib.compress(data, _LEVEL))


def stream(
    entries: bytes, data: bytes, *references: bytes | pdfdoc.PDFObject, packed: bool = False
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
