"""How many questions a second rooms answer: our clients beside nameko's own, in the same run.

    make bench SUITE=rpc             RUNS=5 CALLS=2000

One room (the kit of the product, in its own process) gives a small answer over a fresh virtual
host of the broker that runs here. Measured in turn, so that the machine's mood meets all alike:

* nameko's standalone ClusterRpcClient against the same room: one after the other
* RpcClient (asyncio, what the gateway uses): one after the other, and 32 callers at once
* BlockingRpcClient (threads, what rooms use): one after the other, and 32 threads at once

"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.record import keep  # noqa: E402
from services.kernel.messaging.blocking_rpc import BlockingRpcClient  # noqa: E402
from services.kernel.messaging.rpc_client import RpcClient  # noqa: E402
from tests.support.engines import fresh_vhost, running_engines  # noqa: E402
from tests.support.transports import Child  # noqa: E402

RUNS = int(os.environ.get("RUNS", "5"))
CALLS = int(os.environ.get("CALLS", "2000"))
PEER_CALLS = int(os.environ.get("PEER_CALLS", "150"))  # it is slow, and steady soon
CALLERS = 32
GOAL_PER_S = 1000
ROOM = "retention"  # the name under which the echo room answers

_PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import nameko
from nameko.standalone.rpc import ClusterRpcClient
nameko.config["AMQP_URI"] = sys.argv[1]
with ClusterRpcClient() as rpc:
    rpc.retention.ping()
    waits = []
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        rpc.retention.ping()
        waits.append(time.perf_counter() - began)
print(json.dumps(waits))
"""


def numbers(waits: list[float], took_s: float) -> dict[str, float]:
    """Calls a second and percentiles in milliseconds."""
    ordered = sorted(waits)
    return {
        "calls_per_s": round(len(waits) / took_s, 1),
        "p50_ms": round(statistics.median(ordered) * 1000, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99) - 1] * 1000, 2),
    }


def peer(uri: str) -> dict[str, float]:
    """The named peer: the standalone client of nameko."""
    command = [sys.executable, "-c", _PEER, uri, str(PEER_CALLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    waits = json.loads(done.stdout)
    return numbers(waits, sum(waits))


async def _ask(client: RpcClient, calls: int, waits: list[float]) -> None:
    for _ in range(calls):
        began = time.perf_counter()
        await client.call(ROOM, "ping")
        waits.append(time.perf_counter() - began)


async def _asyncio(uri: str, callers: int) -> dict[str, float]:
    client = RpcClient(uri)
    await client.start()
    waits: list[float] = []
    await _ask(client, 50, [])
    began = time.perf_counter()
    await asyncio.gather(*(_ask(client, CALLS // callers, waits) for _ in range(callers)))
    took = time.perf_counter() - began
    await client.stop()
    return numbers(waits, took)


def blocking(uri: str, callers: int) -> dict[str, float]:
    """Threads that share one client."""
    client = BlockingRpcClient(uri)
    waits: list[float] = []

    def ask() -> None:
        for _ in range(CALLS // callers):
            began = time.perf_counter()
            client.call(ROOM, "ping")
            waits.append(time.perf_counter() - began)

    client.call(ROOM, "ping")
    threads = [threading.Thread(target=ask) for _ in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    client.close()
    return numbers(waits, took)


VARIANTS = {
    "nameko standalone client, one at a time": peer,
    "RpcClient, one at a time": lambda uri: asyncio.run(_asyncio(uri, 1)),
    f"RpcClient, {CALLERS} callers": lambda uri: asyncio.run(_asyncio(uri, CALLERS)),
    "BlockingRpcClient, one at a time": lambda uri: blocking(uri, 1),
    f"BlockingRpcClient, {CALLERS} threads": lambda uri: blocking(uri, CALLERS),
}


def measure() -> dict[str, object]:
    """All variants in turn, so many times."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        for uri in fresh_vhost(running_engines()):
            room = Child("tests.support.echo_room", uri, Path(folder) / "diary")
            for _ in range(RUNS):
                for name, variant in VARIANTS.items():
                    runs[name].append(variant(uri))
            room.close()
    return {"runs": runs, "median": medians(runs)}


def medians(runs: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The median of each number over the runs."""
    return {
        name: {
            key: round(statistics.median(each[key] for each in each_run), 2) for key in each_run[0]
        }
        for name, each_run in runs.items()
    }


def main() -> int:
    """Measure, print, write."""
    result = measure()
    median = result["median"]
    for name, row in median.items():
        print(
            f"{name:42} {row['calls_per_s']:8.1f}/s  p50 {row['p50_ms']:6.2f} ms  "
            f"p99 {row['p99_ms']:7.2f} ms"
        )
    reached = median[f"RpcClient, {CALLERS} callers"]["calls_per_s"]
    result |= {"goal_calls_per_s": GOAL_PER_S, "reached": reached >= GOAL_PER_S}
    keep("rpc", result)
    print(f"goal {GOAL_PER_S}/s: {'reached' if result['reached'] else 'missed'}")
    return 0 if result["reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
