"""Asks rooms from asyncio: one lasting connection, a future per question."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from pika import BasicProperties

from services.kernel.errors import Unavailable
from services.kernel.messaging import rpc_wire
from services.kernel.messaging.asyncio_broker import Channel, KeptConnection

_TRANSIENT = 1
_WAIT_FOR_BROKER_S = 1.0  # a reconnect takes less when the broker is there


class RpcClient:
    """Asks rooms by nameko's RPC.

    Questions are transient, expire with their limit, and are mandatory: a room that never started
    answers Unavailable at once. What is in flight when the connection is lost is Unavailable.
    """

    def __init__(self, amqp_uri: str, *, purpose: str = "rpc") -> None:
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._reply_to = str(uuid.uuid4())
        self._channel: Any = None
        self._asked = 0
        self._connection = KeptConnection(
            amqp_uri, purpose=purpose, prepare=self._prepare, on_lost=self._lost
        )

    async def start(self) -> None:
        """Connect; a broker that is away is waited for in the background."""
        await self._connection.start()

    async def stop(self) -> None:
        """Hang up; what is in flight is Unavailable."""
        await self._connection.stop()

    def check(self) -> None:
        """Raise Unavailable while the broker is away; for `/ready`, from any thread."""
        if not self._connection.is_up:
            raise Unavailable("broker")

    async def ping(self, service: str, *, limit_s: float = 2.0) -> None:
        """Raise Unavailable unless the room answers."""
        await self.call(service, "ping", limit_s=limit_s)

    async def call(self, service: str, method: str, *, limit_s: float = 5.0, **kwargs: Any) -> Any:
        """The room's answer, as JSON builtins.

        Raises Refusal as it was raised there, Unavailable (with the room or `broker` as
        component) when there is no answer within the limit, RemoteFault for what went wrong there.
        """
        await self._connection.wait_up(min(limit_s, _WAIT_FOR_BROKER_S))
        self._asked += 1
        key = f"{self._reply_to}.{self._asked}"
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            self._publish(service, method, key, limit_s, kwargs)
            async with asyncio.timeout(limit_s):
                body = await answer
        except TimeoutError:
            raise Unavailable(service, f"{service}.{method} did not answer in time") from None
        finally:
            self._waiting.pop(key, None)
        return rpc_wire.read_answer(body, service, method)

    def _publish(
        self, service: str, method: str, key: str, limit_s: float, kwargs: dict[str, Any]
    ) -> None:
        self._channel.basic_publish(
            rpc_wire.EXCHANGE,
            f"{service}.{method}",
            rpc_wire.request(kwargs),
            BasicProperties(
                content_type=rpc_wire.CONTENT_TYPE,
                content_encoding="utf-8",
                delivery_mode=_TRANSIENT,
                reply_to=self._reply_to,
                correlation_id=key,
                expiration=str(int(limit_s * 1000)),
                headers=rpc_wire.headers(),
            ),
            mandatory=True,
        )

    async def _prepare(self, channel: Channel) -> None:
        queue = f"rpc.reply-{self._reply_to}"
        await channel.ask(
            "exchange_declare", exchange=rpc_wire.EXCHANGE, exchange_type="topic", durable=True
        )
        await channel.ask("queue_declare", queue=queue, exclusive=True, auto_delete=True)
        await channel.ask(
            "queue_bind", queue=queue, exchange=rpc_wire.EXCHANGE, routing_key=self._reply_to
        )
        channel.raw.add_on_return_callback(self._on_return)
        await channel.ask(
            "basic_consume", queue=queue, on_message_callback=self._on_answer, auto_ack=True
        )
        self._channel = channel.raw

    def _on_answer(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        answer = self._waiting.get(properties.correlation_id)
        if answer is not None and not answer.done():  # else its caller has gone
            answer.set_result(body)

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        service = method.routing_key.partition(".")[0]
        self._fail(properties.correlation_id, Unavailable(service, f"{service} does not run"))

    def _lost(self) -> None:
        self._channel = None
        for key in list(self._waiting):
            self._fail(key, Unavailable("broker", "the connection was lost"))

    def _fail(self, key: str, fault: Exception) -> None:
        answer = self._waiting.get(key)
        if answer is not None and not answer.done():
            answer.set_exception(fault)
