"""`python -m deploy.local COMMAND`: what the Makefile's targets call."""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from deploy.local.client import Refused
from deploy.local.console import err, out
from deploy.local.demo import OUT, demonstrate
from deploy.local.health import NotReady
from deploy.local.logs import follow
from deploy.local.measuring import measure
from deploy.local.places import this_place
from deploy.local.rungs import TestsFailed, run_tests
from deploy.local.status import tell_status
from deploy.local.supervision import SupervisorFault
from deploy.local.system import Occupied, end_this_system, running_system, this_system
from deploy.local.up import CommandFailed, make_schemas, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local.system import System

_FAULTS: Final = (CommandFailed, NotReady, Occupied, Refused, SupervisorFault, TestsFailed)
_HISTORY: Final = 20  # lines of each process that `make logs` shows of the past


class Ended(BaseException):
    """SIGTERM or SIGHUP came; what was started is to be ended."""


def engines() -> None:
    """Start the real parts alone."""
    this_system().start_engines()
    out.print("The real parts run; `make down` ends them.")


def up() -> None:
    """Start everything and leave it running."""
    system = this_system()
    start(system)
    out.print(f"The portal: [bold]{system.processes.base_url}/[/bold]")
    out.print(
        "`make status` shows the processes, `make logs` what they say, `make down` ends them."
    )


def demo() -> None:
    """Start everything unless it runs, do the main job once, end what was started for it."""
    system = this_system()
    ran_before = system.supervisor.runs()
    try:
        start(system)
        demonstrate(system.place.path("sandbox.json"))
    finally:
        if not ran_before:
            end_this_system()


def run() -> None:
    """Start everything, do the main job once, show the logs until Ctrl-C, then end everything."""
    system = this_system()
    try:
        start(system)
        demonstrate(system.place.path("sandbox.json"))
        out.print("Ctrl-C ends everything that was started here.")
        _follow(system, history=0)
    except (KeyboardInterrupt, Ended):
        out.print()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave half of it
        end_this_system()


def migrate() -> None:
    """Bring the databases of the running system to their newest schema."""
    make_schemas(running_system())


def status() -> None:
    """Show the processes."""
    tell_status(running_system())


def logs() -> None:
    """Show what the processes say, until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        _follow(running_system(), history=_HISTORY)


def clean() -> None:
    """End what runs, and remove what it made; installed packages and fonts stay."""
    end_this_system()
    place = this_place()
    for each in place.folder.iterdir():
        if each.name not in {"bootstrap", "fonts", "stamps", "venv"}:
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    shutil.rmtree(OUT, ignore_errors=True)


def _follow(system: System, *, history: int) -> None:
    names = [program.name for program in system.programs()]
    follow(system.place, names, history=history, going_on=system.supervisor.runs)


COMMANDS: Final[dict[str, Callable[[], None]]] = {
    "bench": measure,
    "clean": clean,
    "demo": demo,
    "down": end_this_system,
    "engines": engines,
    "logs": logs,
    "migrate": migrate,
    "run": run,
    "status": status,
    "test": run_tests,
    "up": up,
}


def main(argv: list[str]) -> int:
    """Run one command; the exit code of the process."""
    if len(argv) != 1 or argv[0] not in COMMANDS:
        err.print(f"usage: python -m deploy.local {'|'.join(COMMANDS)}")
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        COMMANDS[argv[0]]()
    except _FAULTS as fault:
        err.print(f"[red]{argv[0]}:[/red]", end=" ")
        err.print(str(fault), markup=False)
        return 1
    except (KeyboardInterrupt, Ended):
        return 130
    return 0


def _end(*_: object) -> NoReturn:
    raise Ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
