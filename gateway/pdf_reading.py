"""Reading strange PDFs and workbooks. Runs in a child process that may hang or die alone."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from services.kernel.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Found = TypeVar("_Found")

MAX_SIGNATURES = 20  # a file of ours has one
MAX_PAGES = 200
MAX_ROWS = 100_000  # ten times the numbers a list may hold, blank lines included
UNREADABLE = "file-unreadable"

_CODE = re.compile(r"(?<![0-9A-Z])[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){5}(?![0-9A-Z-])")
_TOKENS = re.compile(
    rb"/([^\s/<>\[\]()]+)\s+[-+.0-9]+\s+Tf|(\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]+>)", re.DOTALL
)
_HEX = re.compile(rb"<([0-9A-Fa-f]+)>")
_CMAP_BLOCK = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_CMAP_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(\[[^\]]*\]|<[0-9A-Fa-f]+>)")
_MOST_CODES = 1 << 16  # of a font
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_MOST_STREAMS = 1000
_STREAM_LIMIT = 1 << 20  # bytes; text and the meaning of its codes take a few thousand
_ESCAPES = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Reader:
    """What a child is told: the roots that vouch for the seal, as PEM."""

    seal_trust_anchors: bytes


@dataclass(frozen=True)
class PdfJob:
    """Tell the codes and signatures of a PDF."""

    content: bytes


@dataclass(frozen=True)
class SheetJob:
    """Tell the first column of the first sheet of an .xlsx."""

    content: bytes


@dataclass(frozen=True)
class Signature:
    """A signature in a PDF.

    `intact` tells that the bytes it covers are as they were signed, `trusted` that besides its
    certificate leads to our roots, `ours` that such a certificate made it, be it for other bytes.
    """

    signer: str
    issuer: str
    serial_number: str
    signed_at: datetime | None
    timestamp_at: datetime | None
    level: str
    algorithm: str
    covers_whole_file: bool
    trusted: bool
    intact: bool
    ours: bool


@dataclass(frozen=True)
class PdfFacts:
    """What a PDF says of itself."""

    codes: list[str]
    signatures: list[Signature]


def make(told: Reader) -> Callable[[Any], Any]:
    """The function that does the jobs."""
    # asked for here, so that only the children load them, and before the first job comes
    import python_calamine  # noqa: F401, PLC0415
    from pyhanko.keys import load_certs_from_pemder_data  # noqa: PLC0415
    from pyhanko.pdf_utils import reader as _  # noqa: F401, PLC0415
    from pyhanko.sign import validation  # noqa: F401, PLC0415

    given = told.seal_trust_anchors
    roots = list(load_certs_from_pemder_data(given)) if given else []

    def do(job: PdfJob | SheetJob) -> PdfFacts | list[list[str]]:
        if isinstance(job, PdfJob):
            return read_pdf(job.content, roots)
        return read_sheet(job.content)

    return do


def read_sheet(content: bytes) -> list[list[str]]:
    """The first cell of each row. Raises PermanentFailure `file-unreadable`."""
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  child only

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False, nrows=MAX_ROWS)
    except (CalamineError, OSError, IndexError, ValueError) as fault:
        raise PermanentFailure(UNREADABLE, str(fault)) from fault
    return [[cell] if (cell := _cell(row)) else [] for row in rows]


def _cell(row: list[Any]) -> str:
    value = row[0] if row else ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lstrip("'=\"").rstrip('"')


def read_pdf(content: bytes, roots: list[Any]) -> PdfFacts:
    """Codes and signatures; nothing of what cannot be read.

    A file whose order is broken cannot be opened, but still carries the code it shows.
    """
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415  child only

    def open_it() -> Any:
        return PdfFileReader(io.BytesIO(content), strict=False)

    codes = _or_none(lambda: _codes(_texts(open_it())))
    return PdfFacts(
        codes or _or_none(lambda: _codes(_texts_of_wreck(content))),
        _or_none(lambda: _signatures(open_it(), roots)),
    )


def _or_none(read: Callable[[], list[_Found]]) -> list[_Found]:
    from pyhanko.pdf_utils.misc import PdfError  # noqa: PLC0415  child only
    from pyhanko.sign.general import SigningError  # noqa: PLC0415

    try:
        return read()
    except (
        PdfError,
        SigningError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        zlib.error,
        NotImplementedError,
    ):
        # strange files break readers in many ways; none of them makes the file one of ours
        return []


def _signatures(pdf: Any, roots: list[Any]) -> list[Signature]:
    return [_signature(one, roots) for one in pdf.embedded_regular_signatures[:MAX_SIGNATURES]]


def _codes(texts: Iterator[str]) -> list[str]:
    found = _CODE.findall("\n".join(texts))
    return [code.replace("-", "") for code in dict.fromkeys(found)]


def _texts(pdf: Any) -> Iterator[str]:
    """The strings that pages show, by the meaning their fonts give to the codes in them."""
    for index in range(min(int(pdf.root["/Pages"]["/Count"]), MAX_PAGES)):
        page = pdf.find_page_for_modification(index)[0].get_object()
        meanings = _meanings(page)
        contents = page["/Contents"]
        streams = contents if isinstance(contents, list) else [contents]
        for stream in streams:
            yield from _shown(stream.get_object().data, meanings)


def _texts_of_wreck(content: bytes) -> Iterator[str]:
    """The strings in all streams of a file, by any meaning given in it; needs no table or tree."""
    places = itertools.islice(_STREAM.finditer(content), _MOST_STREAMS)
    streams = [_inflated(place[1]) for place in places]
    meanings = [_meaning(stream) for stream in streams if b"beginbf" in stream]
    for stream in streams:
        if b" Tf" not in stream:
            continue  # a font or a picture
        fonts = {font.decode("latin-1") for font, _ in _TOKENS.findall(stream)}
        for meaning in meanings:
            yield from _shown(stream, dict.fromkeys(fonts, meaning))


def _inflated(stream: bytes) -> bytes:
    """What can be had of it: all before the first byte that does not fit."""
    inflate = zlib.decompressobj()
    parts: list[bytes] = []
    size = 0
    with suppress(zlib.error):  # the rest is not to be had
        for start in range(0, len(stream), 64):
            parts.append(inflate.decompress(stream[start : start + 64], _STREAM_LIMIT - size))
            size += len(parts[-1])
            if size >= _STREAM_LIMIT:
                break
    return b"".join(parts)


def _shown(content: bytes, meanings: dict[str, dict[int, str]]) -> Iterator[str]:
    meaning: dict[int, str] = {}
    for font, string in _TOKENS.findall(content):
        if font:
            meaning = meanings.get(font.decode("latin-1"), {})
            continue
        raw = _plain(string)
        codes = (int.from_bytes(raw[place : place + 2]) for place in range(0, len(raw), 2))
        yield "".join(meaning.get(code, "\ufffd") for code in codes)
        yield raw.decode("latin-1")


def _meanings(page: Any) -> dict[str, dict[int, str]]:
    """What the two-byte codes of each font of a page mean, by the font's name there."""
    if "/Resources" not in page or "/Font" not in page["/Resources"]:
        return {}
    fonts = page["/Resources"]["/Font"]
    return {
        str(name).removeprefix("/"): _meaning(fonts[name]["/ToUnicode"].data)
        for name in fonts
        if "/ToUnicode" in fonts[name]
    }


def _meaning(cmap: bytes) -> dict[int, str]:
    """The mapping of a ToUnicode stream (PDF 32000-1 section 9.10.3)."""
    meaning: dict[int, str] = {}
    for kind, block in _CMAP_BLOCK.findall(cmap):
        if kind == b"char":
            codes = _HEX.findall(block)
            meaning.update(
                (int(code, 16), _unicode(text))
                for code, text in zip(codes[::2], codes[1::2], strict=False)
            )
        else:
            for first, last, texts in _CMAP_RANGE.findall(block):
                meaning.update(_range(int(first, 16), int(last, 16), texts))
    return meaning


def _range(first: int, last: int, texts: bytes) -> Iterator[tuple[int, str]]:
    given = [_unicode(text) for text in _HEX.findall(texts)]
    for place, code in enumerate(range(first, min(last, first + _MOST_CODES) + 1)):
        if texts.startswith(b"["):
            if place < len(given):
                yield code, given[place]
        elif given and given[0]:
            yield code, given[0][:-1] + chr(min(ord(given[0][-1]) + place, 0x10FFFF))


def _unicode(digits: bytes) -> str:
    return bytes.fromhex(digits.decode("ascii")).decode("utf-16-be", "replace")


def _plain(string: bytes) -> bytes:
    if string.startswith(b"<"):
        digits = b"".join(string[1:-1].split())
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    return _ESCAPES.sub(_unescaped, string[1:-1])


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code.isdigit() and code[:1] < b"8":
        return bytes([int(code, 8) & 0xFF])
    return b"" if code in {b"\n", b"\r", b"\r\n"} else _ESCAPED.get(code, code)


def _signature(embedded: Any, roots: list[Any]) -> Signature:
    from pyhanko.sign.validation import validate_pdf_signature  # noqa: PLC0415  child only
    from pyhanko.sign.validation.settings import KeyUsageConstraints  # noqa: PLC0415
    from pyhanko.sign.validation.status import SignatureCoverageLevel  # noqa: PLC0415
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415

    def context() -> ValidationContext:
        return ValidationContext(
            trust_roots=roots,
            other_certs=embedded.other_embedded_certs,
            allow_fetching=False,
            revocation_mode="soft-fail",
        )

    status = validate_pdf_signature(
        embedded,
        signer_validation_context=context(),
        key_usage_settings=KeyUsageConstraints(
            key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False
        ),
    )
    certificate = status.signing_cert
    stamped = status.timestamp_validity
    return Signature(
        signer=_common_name(certificate.subject),
        issuer=_common_name(certificate.issuer),
        serial_number=f"{certificate.serial_number:x}",
        signed_at=status.signer_reported_dt,
        timestamp_at=stamped.timestamp if stamped is not None else None,
        level=_level(embedded, stamped),
        algorithm=_algorithm(certificate, status.md_algorithm),
        covers_whole_file=status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
        trusted=bool(status.trusted),
        intact=bool(status.intact and status.valid),
        ours=bool(status.trusted or (status.valid and _vouched_for(certificate, context()))),
    )


def _vouched_for(certificate: Any, context: Any) -> bool:
    """If the roots vouch for a certificate; asked of that of a changed file, which is not told."""
    from pyhanko_certvalidator import CertificateValidator  # noqa: PLC0415  child only
    from pyhanko_certvalidator.errors import PathError, ValidationError  # noqa: PLC0415

    validator: Any = CertificateValidator(certificate, validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage({"digital_signature"}))
    except (PathError, ValidationError):
        return False
    return True


def _common_name(name: Any) -> str:
    return str(name.native.get("common_name") or name.human_friendly)


def _level(embedded: Any, stamped: object) -> str:
    if str(embedded.sig_object.get("/SubFilter")) != "/ETSI.CAdES.detached":
        return "PKCS#7"
    return "PAdES-B-T" if stamped is not None else "PAdES-B-B"


def _algorithm(certificate: Any, digest: str) -> str:
    key = certificate.public_key
    shown = digest.upper().replace("SHA", "SHA-", 1)
    if key.algorithm == "ec":
        curve = str(key.curve[1])
        return f"ECDSA {_CURVES.get(curve, curve)} {shown}"
    return f"{key.algorithm.upper()}-{key.bit_size} {shown}"


_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
