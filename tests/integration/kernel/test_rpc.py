"""Questions and answers over a real broker: our clients, and nameko's own as the measure."""

import asyncio
import json
import subprocess
import sys
import threading
import time

import pytest

from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import RemoteFault, Unavailable
from services.kernel.ids import uuid7
from services.kernel.messaging.blocking_rpc import BlockingRpcClient
from services.kernel.messaging.rpc_client import RpcClient
from services.kernel.observability.trace import Work, working
from tests.support import engines as parts
from tests.support.engines_cuts import cut_connections
from tests.support.transports import Child

ROOM = "tests.support.echo_room"


@pytest.fixture(scope="module")
def room(engines, tmp_path_factory):
    for uri in parts.fresh_vhost(engines):
        child = Child(ROOM, uri, tmp_path_factory.mktemp("rpc") / "diary")
        yield child
        child.close()


class _OnALoop:
    """The asyncio client with a loop in a thread, so that one suite fits both clients."""

    def __init__(self, amqp_uri, *, purpose="rpc"):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._client = RpcClient(amqp_uri, purpose=purpose)
        self._do(self._client.start())

    def call(self, service, method, *, limit_s=5.0, **kwargs):
        work = kwargs.pop("work", None)

        async def ask():
            with working(work or Work()):
                return await self._client.call(service, method, limit_s=limit_s, **kwargs)

        return self._do(ask())

    def close(self):
        self._do(self._client.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)


class _Blocking(BlockingRpcClient):
    def call(self, service, method, *, limit_s=5.0, **kwargs):
        with working(kwargs.pop("work", None) or Work()):
            return super().call(service, method, limit_s=limit_s, **kwargs)


CLIENTS = [_OnALoop, _Blocking]


@pytest.fixture(params=CLIENTS)
def client(request, room):
    client = request.param(room.amqp_uri)
    yield client
    client.close()


def test_an_answer_comes_back_unchanged(client):
    value = {"goods": [{"name": "螺丝", "price": 1.5}], "none": None}

    assert client.call("retention", "echo", value=value) == value


def test_large_answers_come_back_whole(client):
    value = "报" * 300_000  # many frames

    assert client.call("retention", "echo", value=value) == value


def test_a_refusal_is_an_answer_with_its_facts(client):
    with pytest.raises(Refusal) as caught:
        client.call("retention", "refuse", number=3)

    refusal = caught.value
    assert (refusal.code, refusal.detail) == ("quota-exceeded", "满了")
    assert refusal.facts == {"limit": 3}
    assert refusal.errors == [{"pointer": "/a"}]


def test_an_unforeseen_fault_is_told_by_name_only(client):
    with pytest.raises(RemoteFault) as caught:
        client.call("retention", "fail")

    assert "RuntimeError" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_what_the_room_lacks_is_named(client):
    with pytest.raises(Unavailable) as caught:
        client.call("retention", "lack")

    assert caught.value.component == "database"


@pytest.mark.parametrize("call", [("sing", {}), ("echo", {}), ("echo", {"value": 1, "more": 2})])
def test_a_question_that_makes_no_sense_is_a_fault(client, call):
    with pytest.raises(RemoteFault):
        client.call("retention", call[0], **call[1])


def test_a_room_that_never_ran_is_unavailable_at_once(client):
    began = time.monotonic()

    with pytest.raises(Unavailable) as caught:
        client.call("nobody", "ping")

    assert caught.value.component == "nobody"
    assert time.monotonic() - began < 1


def test_patience_has_a_limit(client):
    with pytest.raises(Unavailable) as caught:
        client.call("retention", "nap", limit_s=0.2, seconds=0.6)

    assert caught.value.component == "retention"
    assert client.call("retention", "ping") == "pong"


def test_the_room_works_in_the_name_of_the_question(client, room):
    traceparent = f"00-{'c' * 32}-{'d' * 16}-01"

    with pytest.raises(RemoteFault):
        client.call("retention", "fail", work=Work("cor-42", "", traceparent))

    room.until(lambda: "cor-42" in room.log.read_text())
    lines = [json.loads(line) for line in room.log.read_text().splitlines() if "cor-42" in line]
    assert lines[-1]["event"] == "rpc_failed"
    assert lines[-1]["trace_id"] == "c" * 32


def test_many_callers_share_one_connection(client):
    answers = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.append(client.call("retention", "echo", value=n))
        )
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == list(range(40))


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_lost_connection_fails_what_is_in_flight_and_comes_back(kind, engines, room):
    purpose = f"cut-{uuid7()}"  # the broker lists connections long after they ended
    client = kind(room.amqp_uri, purpose=purpose)
    client.call("retention", "ping")
    faults = []

    def ask():
        try:
            client.call("retention", "nap", limit_s=30, seconds=29)
        except Unavailable as fault:
            faults.append(fault)

    waiting = threading.Thread(target=ask)
    waiting.start()
    cut_connections(engines, room.amqp_uri, purpose)
    waiting.join(10)

    assert [fault.component for fault in faults] == ["broker"]
    room.until(lambda: _answers(client))
    client.close()


def _answers(client):
    try:
        return client.call("retention", "ping", limit_s=3) == "pong"
    except Unavailable:
        return False


def test_an_expired_question_is_never_worked(engines, amqp_uri, tmp_path):
    room = Child(ROOM, amqp_uri, tmp_path / "diary")
    assert room.terminate() == 0
    client = BlockingRpcClient(amqp_uri)
    with pytest.raises(Unavailable):
        client.call("retention", "nap", limit_s=0.2, seconds=0.01)

    again = Child(ROOM, amqp_uri, tmp_path / "diary")

    assert client.call("retention", "ping") == "pong"
    assert again.lines("napped", "0.01") == []
    client.close()
    again.close()


def test_a_question_in_work_is_answered_before_the_room_ends(amqp_uri, tmp_path):
    room = Child(ROOM, amqp_uri, tmp_path / "diary")
    client = BlockingRpcClient(amqp_uri)
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(client.call("retention", "nap", seconds=0.7))
    )
    waiting.start()
    room.until(lambda: 'method="nap"' in room.get("/metrics")[1] or waiting.is_alive())
    time.sleep(0.2)  # so that the question is surely in work

    assert room.terminate() == 0

    waiting.join(5)
    assert answers == [0.7]
    client.close()
    room.close()


def test_namekos_own_client_understands_us(room):
    program = f"""
import warnings; warnings.simplefilter("ignore")
import nameko.standalone.rpc, nameko
nameko.config["AMQP_URI"] = {room.amqp_uri!r}
with nameko.standalone.rpc.ClusterRpcClient() as rpc:
    print(rpc.retention.echo(value={{"a": 1}}))
    try:
        rpc.retention.refuse(number=1)
    except nameko.exceptions.RemoteError as fault:
        print(fault.exc_type)
"""
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    ).stdout.split("\n")

    assert said[:2] == ["{'a': 1}", "Refusal"]
