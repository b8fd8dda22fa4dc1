"""Asks rooms from threads, or green where nameko hosts: one lasting connection for all callers."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import Future
from typing import Any

import amqp

from services.kernel.errors import Unavailable
from services.kernel.messaging import rpc_wire
from services.kernel.messaging.broker import (
    CONSUMER_HEARTBEAT_S,
    TROUBLE,
    connect,
    hang_up,
    say_goodbye,
)

_TRANSIENT = 1
_TICK_S = 1.0
_GOODBYE_LIMIT_S = 5.0


class BlockingRpcClient:
    """Asks rooms by nameko's RPC; any number of threads may call at once.

    Connects with the first call and again after a loss. Questions are transient, expire with
    their limit, and are mandatory: a room that never started answers Unavailable at once.
    """

    def __init__(self, amqp_uri: str, *, purpose: str = "rpc") -> None:
        self._amqp_uri = amqp_uri
        self._purpose = purpose
        self._lock = threading.Lock()
        self._line: _Line | None = None

    def call(self, service: str, method: str, *, limit_s: float = 5.0, **kwargs: Any) -> Any:
        """The room's answer, as JSON builtins.

        Raises Refusal as it was raised there, Unavailable (with the room or `broker` as
        component) when there is no answer within the limit, RemoteFault for what went wrong there.
        """
        line, question = self._ask(service, method, limit_s, kwargs)
        try:
            body = line.answer(question, limit_s)
        except TimeoutError:
            raise Unavailable(service, f"{service}.{method} did not answer in time") from None
        return rpc_wire.read_answer(body, service, method)

    def close(self) -> None:
        """Hang up; the next call connects again."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _ask(
        self, service: str, method: str, limit_s: float, kwargs: dict[str, Any]
    ) -> tuple[_Line, str]:
        body = rpc_wire.request(kwargs)
        try:
            line = self._open_line()
            return line, line.ask(f"{service}.{method}", body, limit_s)
        except TROUBLE as fault:
            raise Unavailable("broker", f"the broker does not answer: {fault}") from fault

    def _open_line(self) -> _Line:
        with self._lock:
            if self._line is None or self._line.is_lost:
                self._line = _Line(self._amqp_uri, self._purpose)
            return self._line


class _Line:
    """One connection: callers write, a thread of its own reads and settles their futures."""

    def __init__(self, amqp_uri: str, purpose: str) -> None:
        self.is_lost = False
        self._waiting: dict[str, Future[bytes]] = {}
        self._reply_to = str(uuid.uuid4())
        self._connection = connect(
            amqp_uri, purpose=purpose, heartbeat_s=CONSUMER_HEARTBEAT_S, shared=True
        )
        self._channel = self._connection.channel()
        self._listen()
        self._reader = threading.Thread(target=self._read, name="rpc-answers", daemon=True)
        self._reader.start()

    def ask(self, routing_key: str, body: bytes, limit_s: float) -> str:
        key = str(uuid.uuid4())
        self._waiting[key] = Future()
        question = amqp.Message(
            body,
            content_type=rpc_wire.CONTENT_TYPE,
            content_encoding="utf-8",
            delivery_mode=_TRANSIENT,
            reply_to=self._reply_to,
            correlation_id=key,
            expiration=str(int(limit_s * 1000)),
            application_headers=rpc_wire.headers(),
        )
        self._channel.basic_publish(question, rpc_wire.EXCHANGE, routing_key, mandatory=True)
        return key

    def answer(self, key: str, limit_s: float) -> bytes:
        try:
            return self._waiting[key].result(timeout=limit_s)
        finally:
            del self._waiting[key]

    def close(self) -> None:
        self.is_lost = True
        try:
            say_goodbye(self._connection)
        except TROUBLE:
            return  # it is lost indeed, and the reader knows
        finally:
            self._reader.join(_GOODBYE_LIMIT_S)

    def _listen(self) -> None:
        queue = f"rpc.reply-{self._reply_to}"
        self._channel.exchange_declare(rpc_wire.EXCHANGE, "topic", durable=True, auto_delete=False)
        self._channel.queue_declare(queue, exclusive=True, auto_delete=True)
        self._channel.queue_bind(queue, exchange=rpc_wire.EXCHANGE, routing_key=self._reply_to)
        self._channel.events["basic_return"].add(self._on_return)
        self._channel.basic_consume(queue, no_ack=True, callback=self._on_answer)

    def _read(self) -> None:
        ticked = time.monotonic()
        try:
            while not self.is_lost:
                self._drain()
                if time.monotonic() - ticked >= _TICK_S:
                    ticked = time.monotonic()
                    self._connection.heartbeat_tick()
        except TROUBLE:
            self.is_lost = True
        finally:
            hang_up(self._connection)
            self._lose_all()

    def _drain(self) -> None:
        try:
            self._connection.drain_events(timeout=_TICK_S)
        except TimeoutError:
            return

    def _on_answer(self, message: amqp.Message) -> None:
        answer = self._waiting.get(message.properties.get("correlation_id", ""))
        if answer is not None and not answer.done():  # else its caller has gone
            body = message.body
            answer.set_result(body.encode() if isinstance(body, str) else bytes(body))

    def _on_return(self, _fault: object, _exchange: str, key: str, message: amqp.Message) -> None:
        service = key.partition(".")[0]
        answer = self._waiting.get(message.properties.get("correlation_id", ""))
        if answer is not None and not answer.done():
            answer.set_exception(Unavailable(service, f"{service} does not run"))

    def _lose_all(self) -> None:
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(Unavailable("broker", "the connection was lost"))
