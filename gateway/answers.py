"""Answers with the headers that HTTP API section 1 promises."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from gateway.exchange import exchange_of
from gateway.negotiation import matches
from gateway.problems import Problem, document, language_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

NO_STORE = "no-store"  # sessions and tickets
PRIVATE_NO_STORE = "private, no-store"  # files
NO_CACHE = "private, no-cache"  # everything else
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def json_answer(
    request: Request,
    body: Any,
    *,
    status: int = 200,
    cache: str = NO_CACHE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`body` as JSON; a 200 to GET carries a weak ETag and may turn into a 304."""
    content = msgspec.json.encode(body)
    said = {
        "Cache-Control": cache,
        "Content-Security-Policy": API_POLICY,
        **(headers or {}),
    }
    if status == 200 and request.method == "GET":
        said["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        if matches(request.headers.get("if-none-match"), said["ETag"]):
            return Response(status_code=304, headers=said)
    return Response(content, status, said, "application/json")


def nothing(cache: str = NO_CACHE) -> Response:
    """204."""
    return Response(status_code=204, headers={"Cache-Control": cache})


def problem_answer(request: Request, problem: Problem, base_url: str) -> Response:
    """The problem as `application/problem+json`."""
    exchange = exchange_of(request.scope)
    exchange.facts["error_code"] = problem.code
    body = document(
        problem,
        base_url=base_url,
        instance=request.scope["path"],
        trace_id=exchange.trace_id,
        language=language_of(request.headers.get("accept-language")),
    )
    headers = {
        "Cache-Control": _cache_of(request.scope["path"]),
        "Content-Security-Policy": API_POLICY,
        **problem.headers,
    }
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = msgspec.json.encode(body)
    return Response(content, problem.status, headers, "application/problem+json")


def _cache_of(path: str) -> str:
    """What may be kept of a problem at a path: no more than of what it stands for."""
    if path.endswith("/file") or "/downloads/" in path:
        return PRIVATE_NO_STORE
    return NO_STORE if "/auth/" in path or path.endswith(("/me", "/tickets")) else NO_CACHE
