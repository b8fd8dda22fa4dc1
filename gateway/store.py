"""Files from the object store without holding up the loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from services.kernel.storage.port import NotStored, ObjectChanged, RangeOutside, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import TypeVar

    from services.kernel.storage.port import Chunks, ObjectStore

    _Answer = TypeVar("_Answer")

_END = b""


class Body:
    """A file on its way: its chunks are fetched one at a time, as fast as the caller reads."""

    def __init__(self, files: Files, chunks: Chunks) -> None:
        self._files, self._chunks = files, chunks
        self._rest: Iterator[bytes] = iter(chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks; the connection to the store is given back however it ends."""
        try:
            while chunk := await self._files.threads(lambda: next(self._rest, _END)):
                yield chunk
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back; may be called twice."""
        self._files.pool.submit(self._chunks.close)


class Files:
    """The object store behind a pool of threads, which touch nothing but the store."""

    def __init__(self, store: ObjectStore, connections: int) -> None:
        self._store = store
        self.pool = ThreadPoolExecutor(connections, thread_name_prefix="store")

    async def threads(self, work: Callable[[], _Answer]) -> _Answer:
        """Run blocking work in the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    async def open(self, key: str, etag: str, start: int, length: int) -> Body:
        """The very object of `etag`. Raises StoreUnavailable when it cannot be had."""
        try:
            chunks = await self.threads(lambda: self._store.open(key, start, length, etag=etag))
        except (NotStored, ObjectChanged, RangeOutside) as fault:
            raise StoreUnavailable(f"{type(fault).__name__}: {key}") from fault
        return Body(self, chunks)

    async def ping(self) -> None:
        """Raises StoreUnavailable."""
        await self.threads(self._store.ping)

    def close(self) -> None:
        """End the threads once they are idle."""
        self.pool.shutdown(wait=False, cancel_futures=True)
