"""The management port: `/live`, `/ready` and `/metrics`."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.kernel.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINE_LIMIT = 4096
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Natives:
    """The modules for threads and sockets; nameko_kit passes the unpatched ones."""

    threading: Any = threading
    socket: Any = socket


class HealthServer:
    """A native thread that answers probes and scrapes, whatever the rest of the process does.

    `checks` are called for `/ready`: one that raises makes the answer 503 and is named in it.
    `alive` is called for `/live`. They run in this server's threads, so they may only touch what
    is safe there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        checks: Mapping[str, Callable[[], object]],
        alive: Callable[[], bool] = lambda: True,
        before_metrics: Callable[[], None] = lambda: None,
        natives: Natives | None = None,
    ) -> None:
        self._checks = checks
        self._alive = alive
        self._before_metrics = before_metrics
        self._draining = False
        self._natives = natives or Natives()
        module = self._natives.socket
        self._listener = module.socket(module.AF_INET, module.SOCK_STREAM)
        self._listener.setsockopt(module.SOL_SOCKET, module.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(16)
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        """Begin to answer."""
        self._spawn(self._accept)

    def drain(self) -> None:
        """Answer 503 to `/ready` from now on: no new work, please."""
        self._draining = True

    def stop(self) -> None:
        """Close the port."""
        self._draining = True
        try:
            self._listener.shutdown(self._natives.socket.SHUT_RDWR)
        except OSError:
            pass  # not connected: some systems say so of a listener, and it is closed next
        finally:
            self._listener.close()

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        self._natives.threading.Thread(target=target, args=args, name="health", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return  # the port was closed
            self._spawn(self._serve, caller)

    def _serve(self, caller: Any) -> None:
        with caller:
            caller.settimeout(_PATIENCE_S)
            try:
                path = _path_of(caller.recv(_LINE_LIMIT))
                caller.sendall(_http(*self._answer(path)))
            except OSError:
                return  # the prober went away

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/live":
            alive = self._alive()
            return (200 if alive else 503), "application/json", _json({"live": alive})
        if path == "/ready":
            return self._readiness()
        if path == "/metrics":
            self._before_metrics()
            return 200, metrics.CONTENT_TYPE, metrics.exposition()
        return 404, "application/json", _json({"paths": ["/live", "/ready", "/metrics"]})

    def _readiness(self) -> tuple[int, str, bytes]:
        states = {name: _state(check) for name, check in self._checks.items()}
        if self._draining:
            states["draining"] = "this process is ending"
        ready = all(state == "ok" for state in states.values())
        return (200 if ready else 503), "application/json", _json({"ready": ready, **states})


def _state(check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as fault:  # noqa: BLE001  whatever it is, it makes the process unready
        return type(fault).__name__
    return "ok"


def _path_of(request: bytes) -> str:
    words = request.split(b" ", 2)
    return words[1].decode("latin-1").partition("?")[0] if len(words) > 1 else ""


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _http(status: int, content_type: str, body: bytes) -> bytes:
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
