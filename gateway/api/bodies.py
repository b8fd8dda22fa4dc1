"""Steps that several calls take with their bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.content import content_sha256, idempotency_key, parse_json, place_without_form
from gateway.problems import Fault, Problem, of_faults
from gateway.services import Keyed
from gateway.uploads import JSON_LIMIT_BYTES, read_bytes, require_json
from gateway.validation import pointer

if TYPE_CHECKING:
    from starlette.requests import Request

    from gateway.callers import Caller
    from gateway.services import Apply
    from services.kernel.contracts.apply import Replay

REPLAYED = {"Idempotency-Replayed": "true"}

_NUMBER_TOO_LARGE = (
    "数值超出范围；报关单号须写成字符串。",
    "The number is too large. Entry numbers are strings.",
)


async def json_body(request: Request) -> Any:
    """The JSON of a body. Raises Problem."""
    require_json(request)
    return parse_json(await read_bytes(request, JSON_LIMIT_BYTES))


async def keyed_body(request: Request) -> tuple[Any, Keyed]:
    """The JSON of a body and what makes its repetition known. Raises Problem."""
    key = idempotency_key(request.headers.get("idempotency-key"))
    body = await json_body(request)
    digest = content_sha256(body)
    if digest is None:
        where = pointer(place_without_form(body))
        raise of_faults([Fault("body", where, "validation-failed", *_NUMBER_TOO_LARGE)])
    return body, Keyed(request.scope["path"], key, digest)


async def first_answer(apply: Apply, caller: Caller, keyed: Keyed) -> dict[str, Any] | None:
    """The stored answer of the first request with this key; None when this is the first.

    Raises Problem while the first one runs, and when it had other content.
    """
    replay: Replay = await apply.replay(caller.uscc, keyed)
    if replay.state == "running":
        raise Problem("idempotency-in-progress", headers={"Retry-After": "1"})
    if replay.state == "reused":
        raise Problem("idempotency-key-reused")
    return replay.answer if replay.state == "done" else None
