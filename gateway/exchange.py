"""One HTTP exchange from outside in: its trace, its common headers, its line in the log."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Histogram

from services.kernel.observability.trace import Work, new_traceparent, working

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

KEY = "danzheng.exchange"
_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_SECONDS = Histogram(
    "danzheng_http_seconds",
    "Time to the last byte of an answer",
    ["route", "code"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.08, 0.15, 0.3, 0.6, 1, 2.5, 5, 10),
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@dataclass
class Exchange:
    """What is known of an exchange while it lasts.

    `headers` go into whatever is answered; `head` tells that the caller asked for HEAD, which is
    served as GET without its body and must leave no trace.
    """

    traceparent: str
    head: bool
    began: float = field(default_factory=time.monotonic)
    headers: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    status: int = 0

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return self.traceparent.split("-")[1]


def exchange_of(scope: Mapping[str, Any]) -> Exchange:
    """The exchange of a request's scope."""
    exchange: Exchange = scope[KEY]
    return exchange


def continued(traceparent: str | None) -> str:
    """A traceparent of our own that goes on with the caller's trace, or begins one."""
    found = _TRACEPARENT.match(traceparent or "")
    if found is None or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return new_traceparent()
    return f"00-{found[1]}-{os.urandom(8).hex()}-{found[3]}"


class Door:
    """The outermost layer: every answer passes here, those to broken requests too."""

    def __init__(self, app: ASGIApp, *, https: bool, no_head: frozenset[str]) -> None:
        self._app = app
        self._no_head = no_head
        self._always = dict(_ALWAYS)
        if https:
            self._always["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name == b"traceparent"}
        exchange = Exchange(
            continued(headers.get(b"traceparent", b"").decode("latin-1")),
            head=scope["method"] == "HEAD" and scope["path"] not in self._no_head,
        )
        # a copy, since the server still has to know that the caller asked for HEAD
        inner = {**scope, KEY: exchange, "method": "GET" if exchange.head else scope["method"]}
        with working(Work(exchange.trace_id, "", exchange.traceparent)):
            await self._serve(inner, exchange, receive, send)

    async def _serve(self, scope: Scope, exchange: Exchange, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, self._sending(exchange, send))
        except Exception:
            log.exception("request_failed", route=_route(scope))
            if not exchange.status:
                raise
        finally:
            _tell(scope, exchange)

    def _sending(self, exchange: Exchange, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message = {**message, "headers": self._headers(message["headers"], exchange)}
            elif exchange.head:
                message = {**message, "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        return sending

    def _headers(
        self, given: list[tuple[bytes, bytes]], exchange: Exchange
    ) -> list[tuple[bytes, bytes]]:
        ours = {**self._always, **exchange.headers, "X-Trace-Id": exchange.trace_id}
        said = {name.lower() for name, _ in given}
        more = [(name.lower().encode(), value.encode("latin-1")) for name, value in ours.items()]
        return [*given, *((name, value) for name, value in more if name not in said)]


def _route(scope: Scope) -> str:
    """The path with its parameters unnamed: numbers and tickets stay out of logs and metrics."""
    return str(getattr(scope.get("route"), "path_format", "unknown"))


def _tell(scope: Scope, exchange: Exchange) -> None:
    route, seconds = _route(scope), time.monotonic() - exchange.began
    _SECONDS.labels(route=route, code=str(exchange.status)).observe(seconds)
    log.info(
        "http_answered",
        method="HEAD" if exchange.head else scope["method"],
        route=route,
        status=exchange.status,
        duration_ms=round(seconds * 1000, 1),
        **exchange.facts,
    )
