"""Waiting until processes are well, and saying which are not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import httpx

from deploy.local.ports import answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deploy.local.program import Program
    from deploy.local.supervision import Supervisor

_TAIL_LINES: Final = 15
_LIMIT_S: Final = 180  # a start takes seconds; a busy machine, its first time, a minute


class NotReady(Exception):
    """Processes did not become ready in time; the text names them and shows their last lines."""


def health(program: Program) -> str:
    """`ok`, `not ready`, or `silent` where nothing answers."""
    if program.health is None:
        return "ok" if answers(program.port) else "silent"
    try:
        answer = httpx.get(program.health, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return "silent"
    return "ok" if answer.status_code == httpx.codes.OK else "not ready"


def await_ready(
    supervisor: Supervisor, programs: Sequence[Program], limit_s: float = _LIMIT_S
) -> None:
    """Wait until all `programs` are ready.

    Raises NotReady when the limit is over, or at once when the supervisor gave one up.
    """
    until = time.monotonic() + limit_s
    waiting = list(programs)
    while True:
        waiting = [program for program in waiting if health(program) != "ok"]
        if not waiting:
            return
        given_up = any(_given_up(supervisor.state(program.name)) for program in waiting)
        if given_up or time.monotonic() > until:
            raise NotReady(_complaint(supervisor, waiting))
        time.sleep(0.1)


def _given_up(state: dict[str, Any]) -> bool:
    return bool(state["statename"] == "FATAL")


def _complaint(supervisor: Supervisor, programs: Sequence[Program]) -> str:
    names = ", ".join(program.name for program in programs)
    ends = [
        f"\n-- {program.name} ({supervisor.state(program.name)['statename'].lower()}),"
        f" last lines of {supervisor.place.log(program.name)}\n"
        + last_lines(supervisor.place.log(program.name))
        for program in programs
    ]
    return f"not ready: {names}" + "".join(ends)


def last_lines(path: Path, count: int = _TAIL_LINES) -> str:
    """The end of a log."""
    if not path.exists():
        return "(it wrote nothing)"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-count:]) or "(it wrote nothing)"
