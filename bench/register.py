"""How fast declarations are found among a million, and how fast so many come in by COPY.

    make bench SUITE=register        ROWS=1000000 ROUNDS=5 CALLS=400

The register is made in a database of its own on the engines of `.local/engines.json` and dropped
afterwards. Its rows are those of random samples, read, settled and named by the room's own code,
then repeated under other numbers, days and companies. Times are those of the room's use cases,
one after the other on one connection; the broker is measured elsewhere.
"""

from __future__ import annotations

import io
import itertools
import os
import random
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.record import keep  # noqa: E402
from deploy.local.samples.random_set import random_declarations  # noqa: E402
from deploy.local.samples.world import make_uscc  # noqa: E402
from deploy.local.samples.writing import message, receipts_of  # noqa: E402
from services.kernel.database.migrate import migrate  # noqa: E402
from services.kernel.testing.frozen_clock import FrozenClock  # noqa: E402
from services.query import bootstrap  # noqa: E402
from services.query.adapters.sql import declaration_values, declarations  # noqa: E402
from services.query.domain import first_version, settled, standing  # noqa: E402
from services.query.handlers import Question  # noqa: E402
from services.query.naming import named  # noqa: E402
from services.query.settings import Settings  # noqa: E402
from tests.support.engines import fresh_database, running_engines  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.query.bootstrap import QueryUseCases

ROWS = int(os.environ.get("ROWS", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CALLS = int(os.environ.get("CALLS", "400"))
TODAY = date(2026, 11, 24)
COMPANIES = 2_000
DAYS = 900  # all are in custody
TEMPLATES = 400
GOAL_MS = 20.0  # the 99th percentile of a look-up among a million
CHUNK = 2_000
_ESCAPES = str.maketrans({"%": "%%", "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def companies() -> list[str]:
    """The owners, from very large to small."""
    return [make_uscc("310115", 500_000 + number) for number in range(COMPANIES)]


def templates(use: QueryUseCases) -> list[dict[str, Any]]:
    """Rows of real content: samples taken through intake, custody and naming."""
    rows = []
    for made in random_declarations(TEMPLATES, seed=7):
        if made.plan.closed_on is None:
            continue
        found = use.read(message(made))
        receipts = [use.read(body) for _, body in receipts_of(made)]
        item = settled(first_version(found, "import"), standing(receipts), use.knowledge.custody)
        rows.append(declaration_values(replace_names(item, use)))
    return rows


def replace_names(item: Any, use: QueryUseCases) -> Any:
    return replace(item, data=named(item.data, use.knowledge.tables))


def lines(shapes: list[dict[str, Any]], names: list[str]) -> Iterator[str]:
    """The million as lines of COPY: the same contents under other numbers, days and owners."""
    chance = random.Random(11)
    owners = companies()
    picked = chance.choices(owners, [1 / (rank + 10) for rank in range(COMPANIES)], k=ROWS)
    forms = [form(shape, names) for shape in shapes]
    for number, owner in enumerate(picked):
        declared = TODAY - timedelta(days=chance.randrange(DAYS))
        start, copy_form = forms[number % len(forms)]
        yield copy_form % {
            "entry_id": f"{start}{number:09d}",
            "uscc": owner,
            "seq_no": f"I2026{number:013d}",
            "declared_on": declared,
            "cleared_on": declared + timedelta(days=3),
            "custody_until": date(declared.year + 3, 12, 31),
        }


def form(shape: dict[str, Any], names: list[str]) -> tuple[str, str]:
    """The beginning of a row's number, and its line with places for what differs."""
    fixed = shape | {"listed": True}
    differing = {"entry_id", "uscc", "seq_no", "declared_on", "cleared_on", "custody_until"}
    cells = [f"%({name})s" if name in differing else cell(fixed[name]) for name in names]
    line = "\t".join(cells).replace(shape["entry_id"], "%(entry_id)s") + "\n"
    return shape["entry_id"][:9], line


def cell(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value).translate(_ESCAPES)


def load(use: QueryUseCases, shapes: list[dict[str, Any]]) -> float:
    """COPY all rows in chunks; answers the seconds it took, generation included."""
    names = [column.name for column in declarations.c if column.name != "recorded_at"]
    command = f"COPY declarations ({', '.join(names)}) FROM STDIN"
    began = time.monotonic()
    connection = use.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("SET statement_timeout = 0")
    found = lines(shapes, names)
    while chunk := "".join(itertools.islice(found, CHUNK)):
        cursor.copy_expert(command, io.StringIO(chunk))
    connection.commit()
    cursor.execute("ANALYZE declarations")
    connection.commit()
    connection.close()
    return time.monotonic() - began


def questions(use: QueryUseCases, owned: dict[str, list[str]]) -> dict[str, Callable[[], object]]:
    """What is measured; each call is about another company."""
    chance = random.Random(3)
    able = [owner for owner, numbers in owned.items() if len(numbers) >= 50]

    def of_50() -> Question:
        owner = chance.choice(able)
        return Question(owner, chance.sample(owned[owner], 50), limit=50)

    def by_dates(owner: str, **more: Any) -> Question:
        return Question(owner, date_from="2026-08-24", date_to="2026-11-24", **more)

    largest = max(owned, key=lambda owner: len(owned[owner]))
    cursors: list[str] = []

    def later_page() -> object:
        cursor = cursors.pop() if cursors else None
        page = use.search(by_dates(largest, cursor=cursor))
        if page.next_cursor:
            cursors.append(page.next_cursor)
        return page

    return {
        "50 numbers": lambda: use.search(of_50()),
        "first page by dates": lambda: use.search(by_dates(chance.choice(able))),
        "first page by dates, with total": lambda: use.search(
            by_dates(chance.choice(able), include_total=True)
        ),
        "page after page of the largest company": later_page,
        "snapshots of 50 numbers": lambda: snapshots(use, of_50()),
        "one snapshot": lambda: snapshots(use, of_50(), 1),
        "digest of one number": lambda: use.digests(of_50().entry_ids[:1]),
    }


def snapshots(use: QueryUseCases, question: Question, count: int = 50) -> object:
    answers = use.snapshots(question.uscc, (question.entry_ids or [])[:count])
    if not all(answer.found for answer in answers):
        raise AssertionError("a number of the company was not found")
    return answers


def measure(act: Callable[[], object]) -> list[float]:
    """Milliseconds of each of CALLS calls."""
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


def figures(rounds: list[list[float]]) -> dict[str, float]:
    """Medians over the rounds of the percentiles within each."""

    def median_of(share: float) -> float:
        return round(statistics.median(times[int(len(times) * share)] for times in rounds), 2)

    return {"p50_ms": median_of(0.5), "p95_ms": median_of(0.95), "p99_ms": median_of(0.99)}


def owned_numbers(use: QueryUseCases) -> dict[str, list[str]]:
    owned: dict[str, list[str]] = {}
    with use.engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 0"))
        for owner, number in connection.execute(
            text("SELECT uscc, entry_id FROM declarations TABLESAMPLE SYSTEM (20)")
        ):
            owned.setdefault(owner, []).append(number)
    return owned


def main() -> int:
    database = fresh_database(running_engines())
    url = next(database)
    migrate("query", url)
    clock = FrozenClock(datetime(TODAY.year, TODAY.month, TODAY.day, 2, tzinfo=UTC))
    use = bootstrap.from_settings(
        Settings(amqp_uri="amqp://none@127.0.0.1:1/none", database_url=url), clock
    )
    try:
        result = run(use, url)
    finally:
        use.close()
        next(database, None)
    keep("register", result)
    return 0 if result["goal_met"] else 1


def run(use: QueryUseCases, url: str) -> dict[str, Any]:
    shapes = templates(use)
    took_s = load(use, shapes)
    size = create_engine(url)
    with size.connect() as connection:
        total = connection.scalar(text("SELECT pg_total_relation_size('declarations')"))
    size.dispose()
    asked = questions(use, owned_numbers(use))
    rounds: dict[str, list[list[float]]] = {name: [] for name in asked}
    for act in asked.values():  # one round to warm caches and plans
        act()
    for _ in range(ROUNDS):
        for name, act in asked.items():
            rounds[name].append(measure(act))
    found = {name: figures(times) for name, times in rounds.items()}
    lookups = ("50 numbers", "first page by dates")
    result = {
        "rows": ROWS,
        "rounds": ROUNDS,
        "calls_a_round": CALLS,
        "load_s": round(took_s, 1),
        "rows_per_s": round(ROWS / took_s),
        "table_gib": round(total / 2**30, 2),
        "load_average": [round(figure, 1) for figure in os.getloadavg()],
        "questions": found,
        "goal_p99_ms": GOAL_MS,
        "goal_met": all(found[name]["p99_ms"] < GOAL_MS for name in lookups),
    }
    tell(result)
    return result


def tell(result: dict[str, Any]) -> None:
    print(
        f"{result['rows']:,} declarations, {result['table_gib']} GiB with indexes, "
        f"loaded in {result['load_s']} s ({result['rows_per_s']:,}/s)"
    )
    print(f"{'medians of ' + str(ROUNDS) + ' rounds':42}{'p50':>9}{'p95':>9}{'p99':>9}  ms")
    for name, row in result["questions"].items():
        print(f"{name:42}{row['p50_ms']:9.2f}{row['p95_ms']:9.2f}{row['p99_ms']:9.2f}")
    print(f"load averages of the machine just now: {result['load_average']}")
    verdict = "met" if result["goal_met"] else "NOT met"
    print(f"goal: look-ups under {GOAL_MS:.0f} ms at the 99th percentile: {verdict}")


if __name__ == "__main__":
    sys.exit(main())
