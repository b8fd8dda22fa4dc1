"""One lasting connection to RabbitMQ on the asyncio loop, by pika."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from pika import URLParameters
from pika.adapters.asyncio_connection import AsyncioConnection

from services.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

HEARTBEAT_S = 20
_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 3.0)  # pauses between tries; the last one repeats
_CONNECT_LIMIT_S = 5.0
_GOODBYE_LIMIT_S = 5.0


class KeptConnection:
    """A connection with one channel that comes back by itself, at most three seconds apart.

    `prepare(channel)` is awaited after each connect, before others may use the channel;
    `on_lost()` is called after each loss.
    """

    def __init__(
        self,
        amqp_uri: str,
        *,
        purpose: str,
        prepare: Callable[[Channel], Awaitable[None]],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._parameters = URLParameters(amqp_uri)
        self._parameters.heartbeat = HEARTBEAT_S
        self._parameters.socket_timeout = _CONNECT_LIMIT_S
        self._parameters.client_properties = {"connection_name": f"danzheng.{purpose}"}
        self._purpose = purpose
        self._prepare = prepare
        self._on_lost = on_lost
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._raw: Any = None

    @property
    def is_up(self) -> bool:
        """Whether the channel can be used now."""
        return self._up.is_set()

    async def start(self) -> None:
        """Begin to keep the connection; returns when it is up, or after five seconds."""
        self._keeper = asyncio.create_task(self._keep(), name=f"broker.{self._purpose}")
        try:
            await self.wait_up(_CONNECT_LIMIT_S)
        except Unavailable:
            log.warning("broker_not_there_yet", purpose=self._purpose)

    async def stop(self) -> None:
        """Close for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    async def wait_up(self, limit_s: float) -> None:
        """Wait until the channel can be used. Raises Unavailable after the limit."""
        if self._up.is_set():
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._up.wait()
        except TimeoutError:
            raise Unavailable("broker") from None

    async def _keep(self) -> None:
        losses = 0
        while True:
            try:
                await self._live()
            except (OSError, Unavailable) as fault:
                losses = 0 if self._up.is_set() else losses + 1
                self._down()
                pause = _RECONNECT_S[min(losses, len(_RECONNECT_S) - 1)]
                log.warning(
                    "broker_lost", purpose=self._purpose, again_in_s=pause, reason=str(fault)
                )
                await asyncio.sleep(pause)
            finally:
                self._down()

    def _down(self) -> None:
        self._up.clear()
        self._on_lost()

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Any] = loop.create_future()
        closed: asyncio.Future[str] = loop.create_future()
        connection = AsyncioConnection(
            self._parameters,
            on_open_callback=lambda made: _settle(opened, made),
            on_open_error_callback=lambda _made, fault: _fail(opened, fault),
            on_close_callback=lambda _made, fault: _settle(closed, str(fault)),
            custom_ioloop=loop,
        )
        try:
            async with asyncio.timeout(_CONNECT_LIMIT_S):
                await opened
                channel = Channel(await _open_channel(connection))
                await self._prepare(channel)
            self._up.set()
            raise ConnectionError(await asyncio.shield(closed))  # `stop` cancels us, not it
        finally:
            await _close(connection, closed)


async def _close(connection: Any, closed: asyncio.Future[str]) -> None:
    if connection.is_closed:
        return
    _hang_up(connection)
    await asyncio.wait([closed], timeout=_GOODBYE_LIMIT_S)


async def _open_channel(connection: Any) -> Any:
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    connection.channel(on_open_callback=lambda made: _settle(ready, made))
    channel = await ready
    # a channel that the broker closed, or whose queue it took away, is worth nothing: start afresh
    channel.add_on_close_callback(lambda _channel, _fault: _hang_up(connection))
    channel.add_on_cancel_callback(lambda _frame: _hang_up(connection))
    return channel


def _hang_up(connection: Any) -> None:
    if not (connection.is_closing or connection.is_closed):
        connection.close()


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], fault: object) -> None:
    if not future.done():
        future.set_exception(ConnectionError(str(fault)))


class Channel:
    """A pika channel whose declarations can be awaited; `raw` is the channel itself."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    async def ask(self, method: str, **kwargs: Any) -> Any:
        """Call a method of the channel and await the broker's answer to it."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        getattr(self.raw, method)(**kwargs, callback=lambda frame: _settle(answer, frame))
        return await answer
