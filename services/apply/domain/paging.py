"""Cursors: a place in a list, bound to the conditions of that list."""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.kernel.contracts.apply import Search

_Row = TypeVar("_Row")
Key = tuple[datetime | str | int, ...]
_FREE = ("limit", "cursor", "include_total")  # these may change from page to page


@dataclass(frozen=True)
class Window:
    """The part of a list that is wanted: `size` rows beyond `beyond`, forward or backward."""

    size: int
    filters: str
    beyond: Key | None = None
    backward: bool = False


@dataclass(frozen=True)
class Cut(Generic[_Row]):
    """A page in reading order with the cursors of its neighbours."""

    rows: list[_Row]
    next_cursor: str | None
    prev_cursor: str | None


def search_window(uscc: str, search: Search) -> Window:
    """The window of a search. Raises Refusal `cursor-invalid`."""
    filters = {name: value for name, value in asdict(search).items() if name not in _FREE}
    return window(search.limit, search.cursor, {"uscc": uscc, **filters})


def window(limit: int, cursor: str | None, filters: dict[str, Any]) -> Window:
    """The window that a cursor opens. Raises Refusal `cursor-invalid`."""
    digest = hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]
    if cursor is None:
        return Window(limit, digest)
    bound, backward, beyond = _read(cursor)
    if bound != digest:
        raise Refusal("cursor-invalid")
    return Window(limit, digest, beyond, backward=backward)


def cut(rows: list[_Row], seen: Window, key: Callable[[_Row], Key]) -> Cut[_Row]:
    """A page out of up to `size + 1` rows, which lie in the direction of the window."""
    more = len(rows) > seen.size
    page = rows[: seen.size]
    if seen.backward:
        page.reverse()
    before, after = (more, True) if seen.backward else (seen.beyond is not None, more)
    return Cut(
        page,
        _write(seen.filters, key(page[-1]), backward=False) if page and after else None,
        _write(seen.filters, key(page[0]), backward=True) if page and before else None,
    )


def _write(filters: str, key: Key, *, backward: bool) -> str:
    parts = [f"@{part.isoformat()}" if isinstance(part, datetime) else part for part in key]
    return urlsafe_b64encode(json.dumps([filters, backward, *parts]).encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[str, bool, Key]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        filters, backward, *parts = json.loads(urlsafe_b64decode(padded.encode("ascii")))
        key = tuple(_part(part) for part in parts)
    except (ValueError, TypeError, binascii.Error) as fault:
        raise Refusal("cursor-invalid") from fault
    if not key:
        raise Refusal("cursor-invalid")
    return str(filters), bool(backward), key


def _part(part: object) -> datetime | str | int:
    if isinstance(part, str) and part.startswith("@"):
        return datetime.fromisoformat(part[1:])
    if isinstance(part, str | int):
        return part
    raise ValueError("a cursor holds texts and numbers")
