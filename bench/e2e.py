"""How long a company waits: from an order at the HTTP API to its files, and single calls.

    make bench SUITE=e2e        RUNS=5 SINGLES=30 CALLS=40

It works on the running system (`make up`), with sealed forms of company-a, and hears of their end
by the stream of changes, as a program of a company would. What else the machine does is in the
figures, so its load is kept beside them.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.record import keep  # noqa: E402
from tests.support.outsider import Outsider  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

RUNS = int(os.environ.get("RUNS", "5"))
SINGLES = int(os.environ.get("SINGLES", "30"))
CALLS = int(os.environ.get("CALLS", "40"))
AT_ONCE = 4  # applications of fifty handed in together
LIMIT_S = 180.0  # beyond it an application counts as lost and the bench fails
# goals of HTTP API section 15, 95th percentile in milliseconds
GOALS_MS = {
    "GET /declarations, 50 numbers": 150.0,
    "POST of 50 items": 300.0,
    "GET of an application": 80.0,
    "one sealed form, order to ready": 5_000.0,
    "first byte of a file": 100.0,
}


@dataclass
class Ends:
    """Hears when applications are finished."""

    client: Outsider
    moments: dict[str, float] = field(default_factory=dict)
    told: threading.Condition = field(default_factory=threading.Condition)

    def start(self) -> None:
        """Listen, and return when the stream has begun."""
        begun = threading.Event()
        threading.Thread(target=self._listen, args=(begun,), daemon=True).start()
        if not begun.wait(10):
            raise SystemExit("the stream of changes does not begin")

    def of(self, number: str) -> float:
        """When the application was told finished, on the clock of `time.perf_counter`."""
        with self.told:
            if not self.told.wait_for(lambda: number in self.moments, LIMIT_S):
                raise SystemExit(f"{number} was not finished in {LIMIT_S:.0f} s")
            return self.moments[number]

    def _listen(self, begun: threading.Event) -> None:
        last = ""
        while True:  # the server closes a stream after five minutes
            headers = {"Last-Event-ID": last} if last else {}
            with self.client.http.stream("GET", "/events", headers=headers, timeout=60) as answer:
                for line in answer.iter_lines():
                    begun.set()
                    name, _, value = line.partition(": ")
                    if name == "id":
                        last = value
                    elif name == "data":
                        self._hear(json.loads(value))

    def _hear(self, change: dict[str, Any]) -> None:
        if change.get("state") == "finished":
            with self.told:
                self.moments[change["application_no"]] = time.perf_counter()
                self.told.notify_all()


def order(client: Outsider, ends: Ends, numbers: list[str]) -> tuple[float, float, str]:
    """Hand in one application: seconds to its 202, seconds to its end, its number."""
    began = time.perf_counter()
    answer = client.apply(numbers, "sealed")
    accepted = time.perf_counter()
    if answer.status_code != 202:
        raise SystemExit(answer.text)
    number = answer.json()["application_no"]
    return accepted - began, ends.of(number) - began, number


def reused(client: Outsider, number: str) -> int:
    """How many files of an application were copied instead of drawn."""
    body = client.get(f"/print-applications/{number}").json()
    if body["progress"]["ready"] != body["progress"]["total"]:
        raise SystemExit(f"{number}: not all files were made")
    return sum(item["reused"] for item in body["items"])


def timed(calls: int, ask: Callable[[], httpx.Response]) -> list[float]:
    """Seconds of each of some calls."""
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - began)
        if answer.is_error:
            raise SystemExit(answer.text)
    return seconds


def first_bytes(client: Outsider, path: str) -> list[float]:
    """Seconds to the first byte of a file."""
    seconds = []
    for _ in range(CALLS):
        began = time.perf_counter()
        with client.http.stream("GET", path.removeprefix("/api/v1")) as answer:
            for place, _ in enumerate(answer.iter_raw()):
                if place == 0:
                    seconds.append(time.perf_counter() - began)
    return seconds


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    at_95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {
        "calls": len(ordered),
        "p50_ms": round(statistics.median(ordered) * 1000, 1),
        "p95_ms": round(at_95 * 1000, 1),
    }


def measure(client: Outsider, ends: Ends, numbers: list[str]) -> dict[str, Any]:
    """Everything."""
    order(client, ends, numbers[:1])  # the first form of a process draws its fonts
    singles = [order(client, ends, numbers[n % 50 : n % 50 + 1]) for n in range(SINGLES)]
    alone = [order(client, ends, numbers) for _ in range(RUNS)]
    together = [together_s(client, ends, numbers) for _ in range(RUNS)]
    number = alone[-1][2]
    file = client.get(f"/print-applications/{number}").json()["items"][0]["links"]["file"]
    asked = {"entry_ids": ",".join(numbers), "limit": 100}
    latencies = {
        "one sealed form, order to ready": [seconds for _, seconds, _ in singles],
        "POST of 50 items": [seconds for seconds, _, _ in alone],
        "GET /declarations, 50 numbers": timed(
            CALLS, lambda: client.get("/declarations", params=asked)
        ),
        "GET of an application": timed(CALLS, lambda: client.get(f"/print-applications/{number}")),
        "first byte of a file": first_bytes(client, file),
    }
    return {
        "documents_per_second": {
            "one application of 50": per_second(50, [seconds for _, seconds, _ in alone]),
            f"{AT_ONCE} applications of 50 at once": per_second(50 * AT_ONCE, together),
        },
        "latency": {name: spread(seconds) for name, seconds in latencies.items()},
        "reused_files": sum(reused(client, number) for _, _, number in alone),
    }


def together_s(client: Outsider, ends: Ends, numbers: list[str]) -> float:
    """Seconds from the first order to the end of the last of several at once."""
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # each in another order: the same order signed in the same millisecond is one order
        turned = [numbers[place:] + numbers[:place] for place in range(AT_ONCE)]
        orders = [pool.submit(client.apply, each, "sealed") for each in turned]
        answers = [one.result() for one in orders]
    for answer in answers:
        if answer.status_code != 202:
            raise SystemExit(answer.text)
    return max(ends.of(answer.json()["application_no"]) for answer in answers) - began


def per_second(documents: int, seconds: list[float]) -> dict[str, float]:
    """Documents a second: median, lowest, highest of the runs."""
    rates = [documents / each for each in seconds]
    return {
        "runs": len(rates),
        "median": round(statistics.median(rates), 1),
        "lowest": round(min(rates), 1),
        "highest": round(max(rates), 1),
    }


def tell(result: dict[str, Any]) -> None:
    """The tables."""
    print("| documents made | median/s | lowest | highest | runs |\n|---|---:|---:|---:|---:|")
    for name, row in result["documents_per_second"].items():
        print(f"| {name} | {row['median']} | {row['lowest']} | {row['highest']} | {row['runs']} |")
    print("\n| call | p50 ms | p95 ms | goal ms | calls |\n|---|---:|---:|---:|---:|")
    for name, row in result["latency"].items():
        goal = f"{GOALS_MS[name]:.0f}"
        print(f"| {name} | {row['p50_ms']} | {row['p95_ms']} | {goal} | {row['calls']} |")
    print(f"\nload before: {result['load_before']}, files reused: {result['reused_files']}")


def main() -> None:
    """Measure the running system and keep the result."""
    path = Path(os.environ.get("DANZHENG_SANDBOX", ROOT / ".local" / "sandbox.json"))
    if not path.exists():
        raise SystemExit(f"no started system: {path} is missing; `make up` starts it")
    facts = json.loads(path.read_text())
    card = next(one for one in facts["cards"] if one["name"] == "company-a")
    numbers = [
        row["entry_id"]
        for row in facts["declarations"]
        if row["owner"] == "company-a" and row["in_query"] and row["expect_print"] == "ready"
    ][:50]
    load = [round(one, 1) for one in os.getloadavg()]
    client = Outsider(facts["base_url"], card)
    if client.log_in().status_code != 201:
        raise SystemExit("log-in was refused")
    ends = Ends(client)
    ends.start()
    result = {
        "suite": "e2e",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_before": load,
        "goals_p95_ms": GOALS_MS,
        **measure(client, ends, numbers),
    }
    keep("e2e", result)
    tell(result)


if __name__ == "__main__":
    main()
