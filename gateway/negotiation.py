"""Conditional requests, ranges, formats and file names, without any server."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from gateway.texts import DATA_MEDIA_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*\Z", re.IGNORECASE | re.ASCII)
_ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"')
_MAX_DIGITS = 18  # beyond any file; keeps the arithmetic of hostile headers small
_BEYOND = 10**_MAX_DIGITS


def matches(if_none_match: str | None, etag: str) -> bool:
    """If `If-None-Match` names `etag`; tags are compared weakly (RFC 9110 section 13.1.2)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    bare = etag.removeprefix("W/")
    return any(tag.removeprefix("W/") == bare for tag in _ENTITY_TAG.findall(if_none_match))


@dataclass(frozen=True)
class Slice:
    """What of a file is sent: `length` bytes from `start` of `size`, with this status."""

    status: Literal[200, 206, 304, 416]
    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str | None:
        """The header of a 206 or 416."""
        if self.status == 206:
            return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"
        return f"bytes */{self.size}" if self.status == 416 else None

    @property
    def begins_the_file(self) -> bool:
        """If it hands out the file from its first byte, which is what operation records count."""
        return self.status in {200, 206} and self.start == 0


def slice_of(headers: Mapping[str, str], etag: str, size: int) -> Slice:
    """What a request with these headers (names in lower case) gets of a file."""
    if matches(headers.get("if-none-match"), etag):
        return Slice(304, 0, 0, size)
    whole = Slice(200, 0, size, size)
    if_range = headers.get("if-range")
    if "range" not in headers or (if_range is not None and if_range.strip() != etag):
        return whole
    found = _RANGE.match(headers["range"])
    if found is None:
        return whole
    return _ranged(found[1], found[2], size) or whole


def _ranged(first: str, last: str, size: int) -> Slice | None:
    if first:
        start, end = _place(first), min(_place(last), size - 1) if last else size - 1
        if last and _place(last) < start:
            return None
    elif last:
        start, end = max(0, size - _place(last)), size - 1
    else:
        return None
    if start >= size or end < start:
        return Slice(416, 0, 0, size)
    return Slice(206, start, end - start + 1, size)


def _place(digits: str) -> int:
    bare = digits.lstrip("0")
    return int(bare or "0") if len(bare) <= _MAX_DIGITS else _BEYOND


def repr_digest(sha256: str) -> str:
    """The value of `Repr-Digest` (RFC 9530) for a digest in hex."""
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"


def disposition(kind: Literal["attachment", "inline"], ascii_name: str, name: str) -> str:
    """`Content-Disposition` with both names (RFC 6266, RFC 8187)."""
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def data_format(accept: str | None) -> str | None:
    """The data format that `Accept` asks for: `zip` when anything goes, None when none fits."""
    if accept is None or not accept.strip():
        return "zip"
    wishes = [_wish(part) for part in accept.split(",") if part.strip()]
    ranked = sorted(
        DATA_MEDIA_TYPES, key=lambda format_: -_weight(wishes, DATA_MEDIA_TYPES[format_])
    )
    best = ranked[0]
    return best if _weight(wishes, DATA_MEDIA_TYPES[best]) > 0 else None


def _wish(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media, _quality(value.strip())
    return media, 1.0


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _weight(wishes: list[tuple[str, float]], media_type: str) -> float:
    """The weight of a type by the most exact wish that covers it (RFC 9110 section 12.5.1)."""
    bare = media_type.partition(";")[0]
    for cover in (bare, bare.partition("/")[0] + "/*", "*/*"):
        weights = [weight for media, weight in wishes if media == cover]
        if weights:
            return max(weights)
    return 0.0
