"""Whether anybody takes orders for documents, as the broker sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.asyncio_broker import Channel, KeptConnection

if TYPE_CHECKING:
    from typing import Any


class RenderWatch:
    """Asks the broker how many workers listen to the inbox of render."""

    def __init__(self, amqp_uri: str) -> None:
        self._channel: Channel | None = None
        self._asking = asyncio.Lock()
        self._connection = KeptConnection(
            amqp_uri, purpose="render-watch", prepare=self._prepare, on_lost=self._lost
        )

    async def start(self) -> None:
        """Connect."""
        await self._connection.start()

    async def stop(self) -> None:
        """Hang up."""
        await self._connection.stop()

    async def check(self) -> None:
        """Raise Unavailable when no worker listens, or the broker does not tell."""
        async with self._asking:
            if self._channel is None:
                raise Unavailable("broker")
            answer: Any = await self._channel.ask(
                "queue_declare", queue=topology.RENDER_INBOX, passive=True
            )
        if not answer.method.consumer_count:
            raise Unavailable("render")

    async def _prepare(self, channel: Channel) -> None:
        self._channel = channel

    def _lost(self) -> None:
        self._channel = None
