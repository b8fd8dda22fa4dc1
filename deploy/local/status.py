"""`make status`: every process with kind, id, port and health; `FORMAT=json` for programs."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table

from deploy.local.console import tell_table
from deploy.local.health import health

if TYPE_CHECKING:
    from deploy.local.program import Program
    from deploy.local.system import System


def tell_status(system: System) -> None:
    """Print a row for each process."""
    rows = status(system)
    if os.environ.get("FORMAT") == "json":
        print(json.dumps(rows, indent=1))
        return
    table = Table("process", "kind", "pid", "port", "state", "health", "up")
    for row in rows:
        colour = "green" if row["health"] == "ok" else "red"
        words = (row["name"], row["kind"], str(row["pid"] or ""), str(row["port"]), row["state"])
        up = _span(row["up_s"]) if row["pid"] else ""
        table.add_row(*words, f"[{colour}]{row['health']}[/{colour}]", up)
    tell_table(table)


def status(system: System) -> list[dict[str, Any]]:
    """A row for each process; `pid` is null where it does not run."""
    states = system.supervisor.states()
    return [_row(program, states.get(program.name, {})) for program in system.programs()]


def _row(program: Program, state: dict[str, Any]) -> dict[str, Any]:
    pid = state.get("pid") or None
    return {
        "name": program.name,
        "kind": program.kind,
        "pid": pid,
        "port": program.port,
        "state": state.get("statename", "STOPPED").lower(),
        "health": health(program) if pid else "down",
        "up_s": int(time.time()) - state["start"] if pid else None,
    }


def _span(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
