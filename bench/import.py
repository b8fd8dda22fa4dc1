"""How many declarations a second the import takes in, through the real command.

    make bench SUITE=import          COUNT=3000 ROUNDS=3

Random samples are written once; each round imports them with `python -m services.query import`
into a fresh database: declarations alone, declarations with all their receipts, and the same once
more, which changes nothing. The start of the process is counted in.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.record import keep  # noqa: E402
from deploy.local.samples.random_set import random_declarations  # noqa: E402
from deploy.local.samples.writing import write_set  # noqa: E402
from services.kernel.database.migrate import migrate  # noqa: E402
from tests.support.engines import fresh_database, running_engines  # noqa: E402

COUNT = int(os.environ.get("COUNT", "3000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
GOAL_PER_S = 300


def run_import(url: str, *paths: Path) -> float:
    """The seconds of one import."""
    env = os.environ | {
        "DANZHENG_AMQP_URI": "amqp://none@127.0.0.1:1/none",
        "DANZHENG_DATABASE_URL": url,
    }
    command = [sys.executable, "-W", "ignore", "-m", "services.query", "import"]
    began = time.monotonic()
    subprocess.run(
        [*command, *map(str, paths)], env=env, check=True, stdout=subprocess.DEVNULL, cwd=ROOT
    )
    return time.monotonic() - began


def one_round(folder: Path) -> dict[str, float]:
    """Declarations a second, by what is imported."""
    declarations, receipts = folder / "declarations", folder / "receipts"
    rates = {}
    for name, paths in {
        "declarations alone": [declarations],
        "declarations and their receipts": [declarations, receipts],
    }.items():
        database = fresh_database(running_engines())
        url = next(database)
        migrate("query", url)
        rates[name] = COUNT / run_import(url, *paths)
        if len(paths) > 1:
            rates["the same once more"] = COUNT / run_import(url, *paths)
        next(database, None)
    return rates


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_set(random_declarations(COUNT, seed=7), folder)
        receipts = sum(1 for _ in (folder / "receipts").iterdir())
        rounds = [one_round(folder) for _ in range(ROUNDS)]
    rates = {name: round(statistics.median(r[name] for r in rounds)) for name in rounds[0]}
    result = {
        "declarations": COUNT,
        "receipts": receipts,
        "rounds": ROUNDS,
        "declarations_per_s": rates,
        "goal_per_s": GOAL_PER_S,
        "goal_met": rates["declarations alone"] >= GOAL_PER_S,
    }
    keep("import", result)
    print(f"{COUNT:,} declarations, {receipts:,} receipts, medians of {ROUNDS} rounds")
    for name, rate in rates.items():
        print(f"{name:36}{rate:8,} declarations/s")
    print(f"goal: {GOAL_PER_S}/s: {'met' if result['goal_met'] else 'NOT met'}")
    return 0 if result["goal_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
