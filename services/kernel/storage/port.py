"""The object store as rooms see it, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from services.kernel.errors import DanzhengError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

DELETE_LIMIT = 1_000  # keys in one DeleteObjects call: the limit of the S3 API
CHUNK_BYTES = 256 * 1024  # read at a time: a printed form in one, a bundle in bounded memory


class AlreadyStored(DanzhengError):
    """There is an object under this key already; keys are never written twice."""


class NotStored(DanzhengError):
    """There is no object under this key."""


class ObjectChanged(DanzhengError):
    """The object under this key is not the one that was asked for."""


class RangeOutside(DanzhengError):
    """The asked range begins beyond the end of the object."""


class StoreUnavailable(Unavailable):
    """The object store does not answer, or answers that it cannot serve now."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__("store", message)


@dataclass(frozen=True)
class Stored:
    """What the store said of an object it took. `etag` without quotes."""

    etag: str
    version_id: str | None = None


@dataclass(frozen=True)
class Head:
    """What the store knows of an object. `metadata` keys are lower case."""

    etag: str
    size_bytes: int
    content_type: str
    metadata: Mapping[str, str]
    modified_at: datetime
    version_id: str | None = None


@dataclass(frozen=True)
class Listed:
    """An object in a listing."""

    key: str
    etag: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Condemned:
    """An object that is to go, but only as it was when `etag` was noted."""

    key: str
    etag: str


@dataclass(frozen=True)
class DeleteFault:
    """A key that the store did not delete. `code` is the store's: PreconditionFailed, …"""

    key: str
    code: str
    message: str = ""


@dataclass(frozen=True)
class DeleteReport:
    """What became of a deletion: keys that are gone, keys that are not, each exactly once.

    A key that was gone before counts as gone.
    """

    gone: frozenset[str]
    faults: tuple[DeleteFault, ...] = ()


class Chunks(Protocol):
    """The bytes of an object, read as they are asked for; close it when done."""

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in pieces of at most CHUNK_BYTES."""
        ...

    def close(self) -> None:
        """Give the connection back; harmless when repeated."""
        ...

    def __enter__(self) -> Self:
        """Itself; leaving the block closes it."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        ...


class ObjectStore(Protocol):
    """A bucket. Every call ends in bounded time; StoreUnavailable says try again later."""

    def put_new(
        self,
        key: str,
        body: bytes | BinaryIO,
        *,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> Stored:
        """Store `body` under a key nothing was stored under.

        `metadata` is ASCII with lower-case, hyphened keys. Raises AlreadyStored when there is an
        object under the key; what it holds is untouched.
        """
        ...

    def head(self, key: str) -> Head | None:
        """What is known of the object, or None when there is none."""
        ...

    def open(
        self, key: str, start: int = 0, length: int | None = None, *, etag: str | None = None
    ) -> Chunks:
        """The object's bytes from `start`, `length` of them (None: to the end).

        With `etag` only that very object is read. Raises NotStored, ObjectChanged, RangeOutside at
        this call; while reading, StoreUnavailable when bytes are missing.
        """
        ...

    def delete_if(self, condemned: Sequence[Condemned]) -> DeleteReport:
        """Delete objects that still have the given ETags; any number of them."""
        ...

    def purge_versions(self, key: str) -> int:
        """Delete all old versions and markers of a key; answers how many there were.

        0 where the bucket keeps no versions.
        """
        ...

    def listing(self, prefix: str = "") -> Iterable[Listed]:
        """All objects whose key begins with `prefix`, in the order of their keys."""
        ...

    def now(self) -> datetime:
        """The store's own clock, to the second."""
        ...

    def ping(self) -> None:
        """Ask for the bucket. Raises StoreUnavailable, also when the bucket is missing."""
        ...
