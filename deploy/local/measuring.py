"""The benchmarks: all suites, or one, on the system that runs or on one started for them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from deploy.local.console import out
from deploy.local.system import end_this_system, this_system
from deploy.local.up import CommandFailed, start

if TYPE_CHECKING:
    from pathlib import Path

# in this order: what fills the machine's caches with a million rows comes last
SUITES: Final = ("rpc", "import", "render", "documents", "e2e", "register")


def measure() -> None:
    """Run the suite that SUITE names, or all.

    Starts the system first unless it runs, and ends it afterwards if it was started for this.
    Raises CommandFailed for an unknown suite and for one that fails.
    """
    suites = _wanted(os.environ.get("SUITE", ""))
    system = this_system()
    ran_before = system.supervisor.runs()
    try:
        start(system)
        for suite in suites:
            out.rule(suite)
            _run(suite, system.place.path("sandbox.json"), system.place.path("engines.json"))
    finally:
        if not ran_before:
            end_this_system()


def _wanted(named: str) -> tuple[str, ...]:
    if not named:
        return SUITES
    if named not in SUITES:
        raise CommandFailed(f"SUITE={named}: no such suite; there are {', '.join(SUITES)}")
    return (named,)


def _run(suite: str, sandbox: Path, engines: Path) -> None:
    places = {"DANZHENG_SANDBOX": str(sandbox), "DANZHENG_ENGINES": str(engines)}
    done = subprocess.run(
        [sys.executable, f"bench/{suite}.py"], env=os.environ | places, check=False
    )
    if done.returncode:
        raise CommandFailed(f"the suite {suite} ended with {done.returncode}")
