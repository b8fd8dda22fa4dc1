"""`python -m deploy.local COMMAND`: what the Makefile's targets call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from deploy.local.console import err, out
from deploy.local.health import NotReady
from deploy.local.rungs import TestsFailed, run_tests
from deploy.local.supervision import SupervisorFault
from deploy.local.system import Occupied, end_this_system, this_system

if TYPE_CHECKING:
    from collections.abc import Callable


def engines() -> None:
    """Start the real parts alone."""
    this_system().start_engines()
    out.print("The real parts run; `make down` ends them.")


COMMANDS: Final[dict[str, Callable[[], None]]] = {
    "engines": engines,
    "down": end_this_system,
    "test": run_tests,
}


def main(argv: list[str]) -> int:
    """Run one command; the exit code of the process."""
    if len(argv) != 1 or argv[0] not in COMMANDS:
        err.print(f"usage: python -m deploy.local {'|'.join(COMMANDS)}")
        return 2
    try:
        COMMANDS[argv[0]]()
    except (NotReady, Occupied, SupervisorFault, TestsFailed) as fault:
        err.print(f"[red]{argv[0]}:[/red] {fault}", markup=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
