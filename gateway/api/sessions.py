"""Sessions: HTTP API section 6."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway.answers import NO_STORE, json_answer, nothing
from gateway.api import shapes
from gateway.api.bodies import json_body
from gateway.api.calls import call, router
from gateway.api.params import asked
from gateway.callers import Caller, logging_in, signed_in, signed_in_even_locked
from gateway.content import parse_json
from gateway.parts import parts_of
from gateway.resources import BASE, challenge, me, opened_session, session
from gateway.uploads import JSON_LIMIT_BYTES, read_bytes, require_json
from gateway.validation import MAX_ENTRY_IDS, read_body
from services.kernel.contracts.apply import Client  # noqa: TC001  FastAPI reads the annotations

MAX_RANGE_MONTHS = 3
MAX_BUNDLE_ITEMS = 500

calls = router("sessions")


@calls.post(
    "/auth/challenges",
    **call(
        "Get a challenge for a card",
        {201: shapes.Challenge},
        refusals=(400, 413, 415),
        body=shapes.NoBody,
        body_required=False,
        signed_in=False,
    ),
)
async def create_challenge(
    request: Request, _client: Annotated[Client, Depends(logging_in)]
) -> Response:
    """Section 6.1."""
    body = await read_bytes(request, JSON_LIMIT_BYTES)
    asked(request)
    if body:
        require_json(request)
        read_body(parse_json(body), shapes.NoBody)
    made = await parts_of(request).services.auth.challenge()
    return json_answer(request, challenge(made), status=201, cache=NO_STORE)


@calls.post(
    "/auth/sessions",
    **call(
        "Log in with a card",
        {201: shapes.OpenedSession},
        refusals=(400, 401, 403, 413, 415),
        body=shapes.CardProof,
        signed_in=False,
    ),
)
async def create_session(
    request: Request, client: Annotated[Client, Depends(logging_in)]
) -> Response:
    """Section 6.2."""
    body = await json_body(request)
    asked(request)
    proof = read_body(body, shapes.CardProof)
    opened = await parts_of(request).services.auth.open_session(
        proof.challenge_id, proof.auth_token, client
    )
    headers = {"Location": f"{BASE}/me"}
    return json_answer(request, opened_session(opened), status=201, cache=NO_STORE, headers=headers)


@calls.delete(
    "/auth/sessions/current",
    **call("Log out", {204: None}),
)
async def end_session(
    request: Request, caller: Annotated[Caller, Depends(signed_in_even_locked)]
) -> Response:
    """Section 6.3."""
    asked(request)
    parts = parts_of(request)
    await parts.services.auth.end_session(caller.token)
    parts.live.session_changed(caller.session.session_id, over=True)
    return nothing(NO_STORE)


@calls.put(
    "/auth/sessions/current/card",
    **call(
        "Tell that the card was removed",
        {200: shapes.Session},
        refusals=(400, 413, 415),
        body=shapes.CardState,
    ),
)
async def put_card(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    """Section 6.4."""
    body = await json_body(request)
    asked(request)
    read_body(body, shapes.CardState)
    parts = parts_of(request)
    locked = await parts.services.auth.lock(caller.token)
    parts.live.session_changed(caller.session.session_id, over=True)
    return json_answer(request, session(locked), cache=NO_STORE)


@calls.post(
    "/auth/sessions/current/unlock",
    **call(
        "Unlock with the same card",
        {200: shapes.Session},
        refusals=(400, 413, 415),
        body=shapes.CardProof,
    ),
)
async def unlock(
    request: Request, caller: Annotated[Caller, Depends(signed_in_even_locked)]
) -> Response:
    """Section 6.4."""
    body = await json_body(request)
    asked(request)
    proof = read_body(body, shapes.CardProof)
    parts = parts_of(request)
    unlocked = await parts.services.auth.unlock(caller.token, proof.challenge_id, proof.auth_token)
    parts.live.session_changed(caller.session.session_id, over=False)
    return json_answer(request, session(unlocked), cache=NO_STORE)


@calls.get("/me", **call("Who one is, and what is left", {200: shapes.Me}))
async def read_me(
    request: Request, caller: Annotated[Caller, Depends(signed_in_even_locked)]
) -> Response:
    """Section 6.5; the session is asked for anew, since its idle time moves."""
    asked(request)
    parts = parts_of(request)
    present = await parts.services.auth.read_session(caller.token)
    usage = await parts.services.apply.usage(caller.uscc)
    limits = {
        "max_entry_ids": MAX_ENTRY_IDS,
        "max_range_months": MAX_RANGE_MONTHS,
        "max_bundle_items": MAX_BUNDLE_ITEMS,
        "file_lifetime": parts.file_lifetime,
    }
    body = me(present, usage, limits, parts.clock.now())
    return json_answer(request, body, cache=NO_STORE)
