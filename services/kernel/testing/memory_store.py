"""An object store in memory, held to the same conformance suite as the real one."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from services.kernel.storage.port import (
    CHUNK_BYTES,
    AlreadyStored,
    Condemned,
    DeleteFault,
    DeleteReport,
    Head,
    Listed,
    NotStored,
    ObjectChanged,
    RangeOutside,
    Stored,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from services.kernel.clock import Clock


@dataclass(frozen=True)
class _Object:
    body: bytes
    head: Head


class MemoryStore:
    """A bucket in memory. `down` makes every call raise StoreUnavailable."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[str, _Object] = {}
        self._lock = threading.Lock()
        self.down = False

    def put_new(
        self,
        key: str,
        body: bytes | BinaryIO,
        *,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> Stored:
        """Store under a new key. Raises AlreadyStored."""
        self._answer()
        content = body if isinstance(body, bytes) else body.read()
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        head = Head(etag, len(content), content_type, dict(metadata), self._clock.now())
        with self._lock:
            if key in self._objects:
                raise AlreadyStored
            self._objects[key] = _Object(content, head)
        return Stored(etag)

    def head(self, key: str) -> Head | None:
        """What is known of the object."""
        self._answer()
        found = self._objects.get(key)
        return found.head if found else None

    def open(
        self, key: str, start: int = 0, length: int | None = None, *, etag: str | None = None
    ) -> MemoryChunks:
        """The bytes of a range. Raises NotStored, ObjectChanged, RangeOutside."""
        self._answer()
        found = self._objects.get(key)
        if found is None:
            raise NotStored
        if etag is not None and etag != found.head.etag:
            raise ObjectChanged
        if start and start >= len(found.body):
            raise RangeOutside
        end = len(found.body) if length is None else start + length
        return MemoryChunks(found.body[start:end])

    def delete_if(self, condemned: Sequence[Condemned]) -> DeleteReport:
        """Delete what still has the given ETag."""
        self._answer()
        with self._lock:
            faults = [
                DeleteFault(one.key, "PreconditionFailed")
                for one in condemned
                if one.key in self._objects and self._objects[one.key].head.etag != one.etag
            ]
            gone = {one.key for one in condemned} - {fault.key for fault in faults}
            for key in gone:
                self._objects.pop(key, None)
        return DeleteReport(frozenset(gone), tuple(faults))

    def purge_versions(self, key: str) -> int:
        """0: no versions are kept here."""
        del key
        self._answer()
        return 0

    def listing(self, prefix: str = "") -> Iterable[Listed]:
        """All objects under the prefix, in order."""
        self._answer()
        for key, found in sorted(self._objects.items()):
            if key.startswith(prefix):
                yield Listed(key, found.head.etag, found.head.size_bytes, found.head.modified_at)

    def now(self) -> datetime:
        """The clock it was given, to the second."""
        self._answer()
        return self._clock.now().replace(microsecond=0)

    def ping(self) -> None:
        """Raises StoreUnavailable when `down`."""
        self._answer()

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailable


class MemoryChunks:
    """Bytes in pieces."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in pieces of at most CHUNK_BYTES."""
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
