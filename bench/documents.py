"""How many documents a second one render process makes, from the queue to the fact of it.

    make bench SUITE=documents        DOCUMENTS=600 ROUNDS=3 CHILDREN=1

One process over a database, a virtual host and a bucket of its own on the engines of
`.local/engines.json`: hear the order, draw, store, commit, say, acknowledge. Beside the rate stands
the computing time of the process and of its children for one document, which a busy machine blurs
less than the rate.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from bench.record import keep  # noqa: E402

os.environ["PYTHONPATH"] = str(ROOT)

from tests.support.engines import (  # noqa: E402
    fresh_bucket,
    fresh_database,
    fresh_vhost,
    running_engines,
)
from tests.support.render_room import RenderRoom, item, render_room, subject  # noqa: E402
from tests.support.seals import make_seal  # noqa: E402

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

DOCUMENTS = int(os.environ.get("DOCUMENTS", "600"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CHILDREN = os.environ.get("CHILDREN", "1")
GOAL_PER_S = 40
WARM = 40
_TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def corners() -> Iterator[RenderRoom]:
    """A room on corners of its own."""
    engines = running_engines()
    with contextlib.ExitStack() as stack:
        made = [
            stack.enter_context(contextlib.contextmanager(corner)(engines))
            for corner in (fresh_database, fresh_vhost, fresh_bucket)
        ]
        yield stack.enter_context(contextlib.contextmanager(render_room)(engines, *made))


def seal_settings(folder: Path) -> dict[str, str]:
    """A throw-away seal in files."""
    material = make_seal().material
    for name in ("key", "certificate", "chain"):
        (folder / f"{name}.pem").write_bytes(getattr(material, name))
    return {
        f"seal_{name}_path": str(folder / f"{name}.pem") for name in ("key", "certificate", "chain")
    }


def computing_s(pid: int) -> float:
    """Seconds of computing that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def drawing_children(process: subprocess.Popen[bytes]) -> list[int]:
    """The process ids of the children that draw."""
    pids: set[str] = set()
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        pids |= set((task / "children").read_text().split())
    return [int(pid) for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def one_round(
    room: RenderRoom, process: subprocess.Popen[bytes], first: int, count: int, seal: str
) -> dict[str, float]:
    """Order, wait for all facts; documents a second, and milliseconds of computing for each."""
    children = drawing_children(process)
    before = computing_s(process.pid), sum(map(computing_s, children))
    began = time.monotonic()
    for number in range(first, first + count):
        order = item(number, seal=seal)
        room.say(order, subject(order))
    facts = room.heard(count, 300)
    took = time.monotonic() - began
    assert all(fact.type == "render.document.made.v1" for fact in facts)
    after = computing_s(process.pid), sum(map(computing_s, children))
    return {
        "documents_per_s": count / took,
        "process_ms": (after[0] - before[0]) / count * 1000,
        "children_ms": (after[1] - before[1]) / count * 1000,
    }


def measured(seal: str, folder: Path) -> dict[str, float]:
    """Medians over the rounds."""
    with corners() as room:
        process = room.start(children=CHILDREN, log_level="WARNING", **seal_settings(folder))
        one_round(room, process, 10**8, WARM, seal)
        rounds = [
            one_round(room, process, number * DOCUMENTS, DOCUMENTS, seal)
            for number in range(ROUNDS)
        ]
        return {
            name: round(statistics.median(each[name] for each in rounds), 2) for name in rounds[0]
        }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {seal: measured(seal, Path(folder)) for seal in ("none", "sealed")}
    result = {
        "documents": DOCUMENTS,
        "rounds": ROUNDS,
        "children": int(CHILDREN),
        **found,
        "goal_per_s": GOAL_PER_S,
        "goal_met": all(one["documents_per_s"] >= GOAL_PER_S for one in found.values()),
    }
    keep("documents", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
