"""`make test`: the checks and the four rungs of tests, on parts of their own.

It has its own folder (`.local/test`) and its own ports (`PORT_BASE` + 50), so that a system that
runs beside it is not disturbed, and ends at the end what it started.
"""

from __future__ import annotations

import os
import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from deploy.local.console import out, tell_table
from deploy.local.places import ROOT, VENV, this_place
from deploy.local.ports import wanted_ports
from deploy.local.system import end_this_system, this_system
from deploy.local.up import start

PORTS_APART: Final = 50
_CHECKS: Final = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "imports": ("lint-imports",),
    "types": ("mypy", "services", "gateway"),
}


@dataclass(frozen=True)
class Outcome:
    """How one check or rung ended."""

    name: str
    passed: bool
    seconds: float
    tests: int = 0
    failures: int = 0
    skipped: int = 0


class TestsFailed(Exception):
    """A check or a test failed; the table above names it."""

    __test__ = False


def run_tests() -> None:
    """Run everything; raises TestsFailed when anything failed."""
    _move_aside()
    outcomes = [_check(name, command) for name, command in _CHECKS.items()]
    outcomes.append(_rung("core"))
    try:
        start(this_system())
        outcomes += [_rung(name) for name in ("contract", "integration", "system")]
    finally:
        end_this_system()
    _tell(outcomes)
    if not all(outcome.passed for outcome in outcomes):
        raise TestsFailed("see the table above")


def _move_aside() -> None:
    os.environ["PORT_BASE"] = str(wanted_ports().base + PORTS_APART)
    os.environ["DANZHENG_STATE"] = ".local/test"
    os.environ["DANZHENG_DURABLE"] = "no"
    os.environ["DANZHENG_ENGINES"] = str(this_place().path("engines.json"))
    os.environ["DANZHENG_SANDBOX"] = str(this_place().path("sandbox.json"))


def _check(name: str, command: tuple[str, ...]) -> Outcome:
    started = time.monotonic()
    out.rule(name)
    code = _call(*command)
    return Outcome(name, code == 0, time.monotonic() - started)


def _rung(name: str) -> Outcome:
    started = time.monotonic()
    out.rule(name)
    report = this_place().path("reports", f"{name}.xml")
    report.unlink(missing_ok=True)
    coverage = ("--cov", "--cov-report=term") if name == "core" else ()
    code = _call("pytest", "-q", f"--junitxml={report}", *coverage, f"tests/{name}")
    counts = _counts(report.read_text()) if report.exists() else (0, 0, 0)
    return Outcome(name, code == 0, time.monotonic() - started, *counts)


def _call(program: str, *arguments: str) -> int:
    return subprocess.run(
        [str(VENV / "bin" / program), *arguments], cwd=ROOT, check=False
    ).returncode


def _counts(report: str) -> tuple[int, int, int]:
    """Tests, failures and skipped tests of a report."""
    suites = ET.fromstring(report).iter("testsuite")  # noqa: S314  written by the run just ended
    sums = [0, 0, 0]
    for suite in suites:
        sums[0] += int(suite.get("tests", 0))
        sums[1] += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        sums[2] += int(suite.get("skipped", 0))
    return sums[0], sums[1], sums[2]


def _tell(outcomes: list[Outcome]) -> None:
    table = Table("check", "", "tests", "failed", "skipped", "seconds")
    for one in outcomes:
        verdict = "[green]passed[/green]" if one.passed else "[red]failed[/red]"
        counts = (
            (str(one.tests), str(one.failures), str(one.skipped)) if one.tests else ("", "", "")
        )
        table.add_row(one.name, verdict, *counts, f"{one.seconds:.0f}")
    tell_table(table)
    failed = sum(one.failures for one in outcomes)
    skipped = sum(one.skipped for one in outcomes)
    passed = sum(one.tests for one in outcomes) - failed - skipped
    out.print(f"{passed} passed, {failed} failed, {skipped} skipped")
