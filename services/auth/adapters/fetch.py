"""Fetches a revocation list from a configured address."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

_LIMIT_S = 10.0


class _StayHere(urllib.request.HTTPRedirectHandler):
    """An address that points elsewhere is not the configured one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow nothing."""


def fetch(url: str, most_bytes: int) -> bytes:
    """The body at `url`. Raises OSError when it does not answer well, ValueError if too large."""
    opener = urllib.request.build_opener(_StayHere)
    try:
        with opener.open(url, timeout=_LIMIT_S) as answer:
            body: bytes = answer.read(most_bytes + 1)
    except urllib.error.HTTPError as fault:
        fault.close()
        raise OSError(f"answered {fault.code}") from fault
    if len(body) > most_bytes:
        raise ValueError("too large")
    return body
