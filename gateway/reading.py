"""Strange files are read by a child process, one at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from gateway.pdf_reading import UNREADABLE, PdfFacts, PdfJob, Reader, SheetJob, make
from services.kernel.children import ChildFault, ChildLost, Children, Limits
from services.kernel.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _Answer = TypeVar("_Answer")

CHILDREN = 1  # a check takes a tenth of a second; more would take the cores from documents
LIMITS = Limits(deadline_s=20.0, jobs=200, memory_bytes=384 * 1024 * 1024)
_WAITING = 4  # callers that may stand in line; a thread each, which only waits for the child


class ChildReading:
    """Gives files to children; what kills a child is a file that cannot be read."""

    def __init__(self, seal_trust_anchors: bytes) -> None:
        self._children = Children(make, Reader(seal_trust_anchors), CHILDREN, limits=LIMITS)
        self._pool = ThreadPoolExecutor(_WAITING, thread_name_prefix="reading")

    async def start(self) -> None:
        """Start the children. Raises ChildFault when the seal's roots cannot be read."""
        await self._threads(self._children.start)

    async def stop(self) -> None:
        """End them."""
        await self._threads(self._children.stop)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def pdf(self, content: bytes) -> PdfFacts:
        """Codes and signatures; none when reading fails. Raises Unavailable when busy."""
        try:
            facts: PdfFacts = await self._run(PdfJob(content))
        except (ChildLost, ChildFault):
            return PdfFacts([], [])
        return facts

    async def sheet(self, content: bytes) -> list[list[str]]:
        """The first column. Raises PermanentFailure when it cannot be read."""
        try:
            rows: list[list[str]] = await self._run(SheetJob(content))
        except (ChildLost, ChildFault) as fault:
            raise PermanentFailure(UNREADABLE, str(fault)) from fault
        return rows

    async def _run(self, job: object) -> Any:
        return await self._threads(lambda: self._children.run(job))

    async def _threads(self, work: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
