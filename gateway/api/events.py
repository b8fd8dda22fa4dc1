"""The stream of changes: HTTP API section 11."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response, StreamingResponse

from gateway.answers import API_POLICY, NO_CACHE
from gateway.api.calls import call, router
from gateway.api.params import asked
from gateway.callers import Caller, signed_in
from gateway.changes import Told, Wish, changes
from gateway.parts import parts_of
from gateway.problems import of_faults
from gateway.validation import Param, Wrong, application_nos, whole_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.live import Listener
    from gateway.parts import Parts

MAX_SEQ = 10**15
APPLICATION_NOS = Param(
    "application_no",
    application_nos,
    {"type": "string"},
    description="Up to 50 application numbers, joined by commas; default all",
)
AFTER = Param(
    "after",
    whole_number(0, MAX_SEQ),
    {"type": "integer", "minimum": 0, "maximum": MAX_SEQ},
    description="Sequence number after which the stream begins; Last-Event-ID wins",
)
PARAMS = (APPLICATION_NOS, AFTER)
HEADERS = {
    "Cache-Control": NO_CACHE,
    "Content-Security-Policy": API_POLICY,
    "X-Accel-Buffering": "no",  # a reverse proxy passes each event on at once
}

calls = router("events")


@calls.get(
    "/events",
    **call("Hear of changes", {200: "text/event-stream"}, params=PARAMS),
)
async def stream_events(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 11."""
    last_seen = _last_event_id(request)
    given = asked(request, PARAMS)
    after = given["after"] if last_seen is None else last_seen
    parts = parts_of(request)
    listener = parts.live.listen(caller.uscc, caller.session.session_id)
    told = Told(parts.services.apply, Wish(caller.uscc, given["application_no"], after))
    try:
        first = await told.begin()
    except BaseException:
        parts.live.leave(listener)
        raise
    return StreamingResponse(
        _stream(parts, listener, told, first), headers=HEADERS, media_type="text/event-stream"
    )


async def _stream(
    parts: Parts, listener: Listener, told: Told, first: bytes
) -> AsyncIterator[bytes]:
    try:
        async for piece in changes(told, first, listener, parts.pace):
            yield piece
    finally:
        parts.live.leave(listener)


def _last_event_id(request: Request) -> int | None:
    header = request.headers.get("last-event-id", "")
    try:
        return AFTER.read(header) if header else None
    except Wrong as wrong:
        raise of_faults([wrong.at("header", "Last-Event-ID")]) from None
