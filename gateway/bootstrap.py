"""The one place that knows which parts the gateway is made of, and the process around them."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from gateway.app import create_app
from gateway.changes import Pace
from gateway.checked_sessions import CheckedSessions
from gateway.inboxes import RenderWatch
from gateway.limits import RateLimit
from gateway.live import Live
from gateway.parts import Limits, Parts
from gateway.readiness import Readiness
from gateway.reading import ChildReading
from gateway.services import Services
from gateway.store import Files
from services.kernel.clock import SystemClock
from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.live import LiveEvents
from services.kernel.messaging.rpc_client import RpcClient
from services.kernel.observability.health import HealthServer
from services.kernel.storage.s3 import make_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import FrameType

    from fastapi import FastAPI

    from gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)

STUCK_S = 10.0  # a loop that did not turn for so long is not alive
_BEAT_S = 1.0
_KEEP_ALIVE_S = 30  # longer than a client that asks every ten seconds pauses


class Process:
    """The gateway as a process: made of parts, started and ended with the server."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        amqp_uri = settings.amqp_uri.get_secret_value()
        self._store = make_store(settings, connections=settings.store_connections)
        self._rpc = RpcClient(amqp_uri, purpose="gateway")
        self._watch = RenderWatch(amqp_uri)
        anchors = settings.seal_trust_anchors_path
        self._reading = ChildReading(anchors.read_bytes() if anchors else b"")
        self.parts = self._parts()
        self._events = LiveEvents(
            amqp_uri,
            topology.LIVE_TYPES,
            self.parts.live.hear,
            on_gap=self.parts.live.resumed,
        )
        self._turned = time.monotonic()
        self._health: HealthServer | None = None

    def _parts(self) -> Parts:
        told = self._settings
        services = Services(self._rpc)
        files = Files(self._store, told.store_connections)
        sessions = CheckedSessions()
        return Parts(
            base_url=told.public_base_url,
            file_lifetime=told.file_lifetime,
            clock=SystemClock(),
            services=services,
            files=files,
            reading=self._reading,
            sessions=sessions,
            live=Live(sessions, told.streams_per_session),
            limits=Limits(
                sessions=RateLimit("session", told.calls_per_minute),
                logins=RateLimit("logins", told.logins_per_minute),
                verifications=RateLimit("verifications", told.verifications_per_minute),
            ),
            pace=Pace(told.stream_s, told.stream_ping_s),
            readiness=Readiness(self._checks(services, files)),
        )

    def _checks(
        self, services: Services, files: Files
    ) -> dict[str, Callable[[], Awaitable[object]]]:
        rooms = {
            room: (lambda room=room: services.ping(room))
            for room in ("auth", "query", "apply", "retention")
        }
        return {
            **rooms,
            "render": self._watch.check,
            "broker": self._broker,
            # the cheapest question that only a database can answer
            "database": lambda: services.apply.feed("", None, None, 1),
            "object_store": files.ping,
        }

    async def _broker(self) -> None:
        self._rpc.check()

    def serve(self) -> int:
        """Serve until SIGTERM or SIGINT; answers the exit code."""
        told = self._settings
        config = uvicorn.Config(
            create_app(self.parts, self._lifespan),
            host=told.http_host,
            port=told.http_port,
            log_config=None,
            log_level="warning",  # what it tells of its start is told by constant events here
            access_log=False,
            server_header=False,
            proxy_headers=bool(told.trusted_proxies),
            forwarded_allow_ips=list(told.trusted_proxies),
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(told.grace_s),
            ws="none",
            lifespan="on",
        )
        # uvicorn ends gracefully and then sends itself the signal again, for whoever else waits
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end_well)
        server = _Server(config, self._drain)
        server.run()
        return 0 if server.started else 1

    def _drain(self) -> None:
        """No new work: `/ready` says so, and streams end so that their clients go elsewhere."""
        log.info("draining")
        self.parts.live.drain()
        if self._health is not None:
            self._health.drain()

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(self._store.close)
            stack.callback(self.parts.files.close)
            await self._declare()
            startable: tuple[Any, ...] = (self._rpc, self._events, self._watch, self._reading)
            for part in startable:
                await part.start()
                stack.push_async_callback(part.stop)
            self._open_health(stack)
            beat = asyncio.create_task(self._beat())
            stack.callback(beat.cancel)
            log.info("gateway_started", port=self._settings.http_port)
            yield
        log.info("gateway_ended")

    async def _declare(self) -> None:
        uri, pauses = self._settings.amqp_uri.get_secret_value(), self._settings.retry_pauses_ms
        try:
            await asyncio.to_thread(topology.declare, uri, pauses_ms=pauses)
        except Unavailable as fault:
            log.warning("broker_not_there_yet", reason=str(fault))  # the rooms declare the same

    def _open_health(self, stack: AsyncExitStack) -> None:
        self._health = HealthServer(
            self._settings.health_host,
            self._settings.health_port,
            checks={"broker": self._rpc.check, "events": self._events.check},
            alive=lambda: time.monotonic() - self._turned < STUCK_S,
        )
        self._health.start()
        stack.callback(self._health.stop)

    async def _beat(self) -> None:
        while True:
            self._turned = time.monotonic()
            await asyncio.sleep(_BEAT_S)


def _end_well(_number: int, _frame: FrameType | None) -> None:
    """A signal before the server has begun, or after it has ended all that was running."""
    sys.exit(0)


class _Server(uvicorn.Server):
    """A server that tells when it is asked to end, before it waits for what is running."""

    def __init__(self, config: uvicorn.Config, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: Any = None) -> None:
        """Remember the loop, since a signal comes outside of it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_exit)
        super().handle_exit(sig, frame)
