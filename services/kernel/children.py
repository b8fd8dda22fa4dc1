"""Child processes that each do one job at a time, for work that would hold a thread or crash it.

We own the children instead of using a pool, because a pool cannot end one task. Children come by
`spawn`: they inherit no thread, no connection and no lock of ours.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import queue
import resource
import signal
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from services.kernel.errors import DanzhengError, PermanentFailure, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    Job = Callable[[Any], Any]
    MakeJob = Callable[[Any], Job]

log = structlog.get_logger(__name__)

# why a child was replaced: the values of a metric's label
JOBS: Final = "jobs"
MEMORY: Final = "memory"
DEADLINE: Final = "deadline"
DIED: Final = "died"
UNFIT: Final = "unfit"

_STATM_PAGES_FIELD = 1
_HARD_MEMORY_FACTOR = 4  # address space to resident memory: shared libraries and mapped fonts
_ALARM_SLACK_S = 5  # the kernel's own deadline for a child whose parent is gone
_RESTART_PAUSE_S = 1.0  # between attempts to start a child that does not come up
_END_S = 2.0  # a child told to end has nothing left to do


class ChildLost(DanzhengError):
    """The child that had the job ended before it was done. `cause`: died or deadline."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(f"the child was lost: {cause}")


class ChildFault(DanzhengError):
    """The job raised something unforeseen in the child; the message holds its traceback."""


@dataclass(frozen=True)
class Limits:
    """What a child may use up."""

    deadline_s: float = 60.0  # a document takes milliseconds, an export of 50 a second
    jobs: int = 500  # keeps fragmentation and slow leaks of C libraries small
    memory_bytes: int = 512 * 1024 * 1024  # resident; four times what drawing needs
    start_s: float = 30.0  # imports and warming on a machine under load


class Children:
    """Hands jobs to child processes and replaces the children that end.

    Any thread may call `run`; each child works for one caller at a time.
    """

    def __init__(
        self,
        make: MakeJob,
        spec: object,
        count: int,
        *,
        limits: Limits | None = None,
        on_replaced: Callable[[str], None] = lambda _cause: None,
    ) -> None:
        """`make(spec)` is called once in each child and answers the function that does jobs.

        `make` is importable by name; `spec`, jobs and answers can be pickled. `on_replaced` hears
        the cause of each replacement.
        """
        self._make = make
        self._spec = spec
        self._count = count
        self._limits = limits or Limits()
        self._on_replaced = on_replaced
        self._idle: queue.Queue[_Child] = queue.Queue()
        self._nurse = ThreadPoolExecutor(1, thread_name_prefix="children-nurse")
        self._lock = threading.Lock()
        self._members: set[_Child] = set()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start all children and wait until they are warm. Raises ChildFault when one is unfit."""
        with ThreadPoolExecutor(self._count) as starters:
            for child in list(starters.map(self._new, range(self._count))):
                self._idle.put(child)

    @property
    def alive(self) -> int:
        """How many children live."""
        with self._lock:
            return sum(child.is_alive for child in self._members)

    @property
    def busy(self) -> int:
        """How many children live and have a job."""
        return max(0, self.alive - self._idle.qsize())

    def pids(self) -> list[int]:
        """The process ids of the children."""
        with self._lock:
            return sorted(child.pid for child in self._members)

    def run(self, job: object) -> Any:
        """Let a child do the job and answer what it answered.

        Raises PermanentFailure as the job raised it, ChildFault for anything else it raised,
        ChildLost when the child died or had to be ended, Unavailable when no child is free within
        the deadline.
        """
        child = self._take()
        try:
            answer = child.do(job, self._limits.deadline_s)
        except ChildLost as lost:
            self._replace(child, lost.cause)
            raise
        self._give_back(child)
        return answer.value()

    def stop(self) -> None:
        """End all children; a job in work is lost."""
        self._stopping.set()
        self._nurse.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            members, self._members = self._members, set()
        for child in members:
            child.end()
        for child in members:
            child.bury()

    def _take(self) -> _Child:
        ends_at = time.monotonic() + self._limits.deadline_s
        while not self._stopping.is_set():
            try:
                child = self._idle.get(timeout=max(0.0, ends_at - time.monotonic()))
            except queue.Empty:
                raise Unavailable("children", "no child is free") from None
            if child.is_alive:
                return child
            self._replace(child, DIED)
        raise Unavailable("children", "the children are being ended")

    def _give_back(self, child: _Child) -> None:
        if child.jobs >= child.jobs_allowed:
            self._replace(child, JOBS)
        elif child.memory_bytes > self._limits.memory_bytes:
            self._replace(child, MEMORY)
        else:
            self._idle.put(child)

    def _replace(self, child: _Child, cause: str) -> None:
        """Bury a child and have the nurse raise another."""
        log.info("child_replaced", cause=cause, child_pid=child.pid, jobs=child.jobs)
        self._on_replaced(cause)
        with self._lock:
            self._members.discard(child)
        child.end()
        if not self._stopping.is_set():
            with contextlib.suppress(RuntimeError):  # the nurse went home meanwhile
                self._nurse.submit(self._raise_another, child)

    def _raise_another(self, lost: _Child) -> None:
        lost.bury()
        while not self._stopping.is_set():
            try:
                self._idle.put(self._new(lost.index))
            except (ChildFault, ChildLost, OSError) as fault:
                log.error("child_unfit", error=str(fault))  # noqa: TRY400  known, no traceback
                self._on_replaced(UNFIT)
                self._stopping.wait(_RESTART_PAUSE_S)
            else:
                return

    def _new(self, index: int) -> _Child:
        child = _Child(self._make, self._spec, self._limits, index, self._staggered(index))
        with self._lock:
            self._members.add(child)
        try:
            child.wait_until_warm(self._limits.start_s)
        except (ChildFault, ChildLost):
            with self._lock:
                self._members.discard(child)
            child.end()
            child.bury()
            raise
        return child

    def _staggered(self, index: int) -> int:
        """Children end their days apart, so that a part of them always works."""
        return max(1, self._limits.jobs - index * self._limits.jobs // (4 * self._count))


@dataclass(frozen=True)
class _Answer:
    """What came of a job. `kind`: done, permanent (with its reason), failed."""

    kind: str
    content: Any
    text: str
    memory_bytes: int

    def value(self) -> Any:
        if self.kind == "permanent":
            raise PermanentFailure(self.content, self.text)
        if self.kind == "failed":
            raise ChildFault(self.text)
        return self.content


class _Child:
    """The parent's end of one child."""

    def __init__(
        self, make: MakeJob, spec: object, limits: Limits, index: int, jobs_allowed: int
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, far_end = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_live, args=(far_end, make, spec, limits), name=f"child-{index}", daemon=True
        )
        self._process.start()
        far_end.close()  # else the child's end would never be seen
        self.pid = self._process.pid or 0
        self.index = index
        self.jobs_allowed = jobs_allowed
        self.jobs = 0
        self.memory_bytes = 0

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def wait_until_warm(self, limit_s: float) -> None:
        self._hear(limit_s).value()

    def do(self, job: object, limit_s: float) -> _Answer:
        try:
            self._line.send(job)
        except OSError as fault:
            raise ChildLost(DIED) from fault
        answer = self._hear(limit_s)
        self.jobs += 1
        self.memory_bytes = answer.memory_bytes
        return answer

    def _hear(self, limit_s: float) -> _Answer:
        try:
            if not self._line.poll(limit_s):
                raise ChildLost(DEADLINE)
            answer: _Answer = self._line.recv()
        except (EOFError, OSError) as fault:
            raise ChildLost(DIED) from fault
        return answer

    def end(self) -> None:
        """An idle child ends by itself when its line closes; a busy one is killed."""
        self._process.kill()
        self._line.close()

    def bury(self) -> None:
        self._process.join(_END_S)


def _live(line: Connection, make: MakeJob, spec: object, limits: Limits) -> None:
    """A child's life: get warm, do jobs until the line closes."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent decides when its children end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound_memory(limits)
    try:
        do = make(spec)
    except Exception:  # noqa: BLE001  told to the parent, which decides
        line.send(_Answer("failed", None, traceback.format_exc(), 0))
        return
    with contextlib.suppress(EOFError, OSError):  # the parent is gone or wants no more
        line.send(_Answer("done", None, "", _resident_bytes()))
        while True:
            job = line.recv()
            signal.alarm(math.ceil(limits.deadline_s) + _ALARM_SLACK_S)
            line.send(_done(do, job))
            signal.alarm(0)


def _done(do: Job, job: object) -> _Answer:
    try:
        return _Answer("done", do(job), "", _resident_bytes())
    except PermanentFailure as fault:
        return _Answer("permanent", fault.reason, str(fault), _resident_bytes())
    except Exception:  # noqa: BLE001  raised again in the parent
        return _Answer("failed", None, traceback.format_exc(), _resident_bytes())


def _bound_memory(limits: Limits) -> None:
    """A job that grows without end fails with MemoryError before the machine suffers."""
    hard = limits.memory_bytes * _HARD_MEMORY_FACTOR
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[_STATM_PAGES_FIELD])
    return pages * resource.getpagesize()
