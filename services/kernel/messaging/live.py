"""Hears events as they happen, on a queue that lives as long as this process: for gateways."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import structlog

from services.kernel.contracts import envelope
from services.kernel.errors import PermanentFailure, Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.asyncio_broker import Channel, KeptConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.kernel.contracts.envelope import Envelope

log = structlog.get_logger(__name__)

_HELD_AT_MOST = 10_000  # of a process that stopped reading: older ones are dropped


class LiveEvents:
    """Calls `on_envelope` on the loop for each event of `types` that is said from now on.

    Nothing said while the connection is lost is heard afterwards: `on_gap()` tells that something
    may be missing, so that the process can look for itself.
    """

    def __init__(
        self,
        amqp_uri: str,
        types: Sequence[str],
        on_envelope: Callable[[Envelope], None],
        *,
        on_gap: Callable[[], None] = lambda: None,
    ) -> None:
        self._types = tuple(types)
        self._on_envelope = on_envelope
        self._connection = KeptConnection(
            amqp_uri, purpose="live", prepare=self._prepare, on_lost=on_gap
        )

    async def start(self) -> None:
        """Begin to hear; a broker that is away is waited for in the background."""
        await self._connection.start()

    async def stop(self) -> None:
        """Hear no more."""
        await self._connection.stop()

    def check(self) -> None:
        """Raise Unavailable while nothing can be heard; for `/ready`, from any thread."""
        if not self._connection.is_up:
            raise Unavailable("broker")

    async def _prepare(self, channel: Channel) -> None:
        queue = f"gateway.live.{uuid.uuid4()}"
        await channel.ask(
            "queue_declare",
            queue=queue,
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length": _HELD_AT_MOST},
        )
        await channel.ask(
            "exchange_declare", exchange=topology.LIVE, exchange_type="topic", durable=True
        )
        for type_ in self._types:
            await channel.ask("queue_bind", queue=queue, exchange=topology.LIVE, routing_key=type_)
        await channel.ask(
            "basic_consume", queue=queue, on_message_callback=self._on_message, auto_ack=True
        )

    def _on_message(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        try:
            self._on_envelope(envelope.decode(body))
        except PermanentFailure as fault:
            log.warning("live_event_unreadable", reason=fault.reason)
        except Exception:
            log.exception("live_event_failed")
