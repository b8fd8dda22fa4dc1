"""Bundles, tickets and downloads: HTTP API section 10."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway import resources
from gateway.answers import NO_STORE, json_answer, nothing
from gateway.api import shapes
from gateway.api.bodies import REPLAYED, first_answer, keyed_body
from gateway.api.calls import call, router
from gateway.api.params import CURSOR, INCLUDE_TOTAL, asked, limit
from gateway.api.paths import BundleId, TicketNo  # noqa: TC001  FastAPI reads them
from gateway.callers import Caller, client_of, signed_in
from gateway.parts import parts_of
from gateway.problems import Fault, of_faults
from gateway.resources import bundle, bundle_path, listing, pause_s
from gateway.streaming import File, file_answer
from gateway.validation import ENTRY_ID, bad_entry_id, read_body
from services.kernel.contracts.apply import BundlePair, BundleView
from services.kernel.contracts.wire import from_builtins

if TYPE_CHECKING:
    from gateway.negotiation import Slice
    from services.kernel.contracts.apply import TicketGrant

PARAMS = (limit(50), CURSOR, INCLUDE_TOTAL)
FIRST_PAUSE = {"Retry-After": "2"}
_REPEATED = ("重复的报关单。", "The pair is repeated.")

calls = router("bundles")


@calls.post(
    "/bundles",
    **call(
        "Put printed forms into one ZIP",
        {202: shapes.Bundle},
        refusals=(400, 409, 413, 415),
        body=shapes.BundleOrder,
        keyed=True,
    ),
)
async def create_bundle(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 10.1."""
    body, keyed = await keyed_body(request)
    apply = parts_of(request).services.apply
    first = await first_answer(apply, caller, keyed)
    if first is not None:
        return _accepted(request, from_builtins(first, BundleView), REPLAYED)
    asked(request)
    order = read_body(body, shapes.BundleOrder)
    pairs = [BundlePair(pair.application_no, pair.entry_id) for pair in order.items]
    _check(pairs)
    view = await apply.create_bundle(
        caller.uscc, pairs, accept_partial=order.accept_partial, keyed=keyed
    )
    return _accepted(request, view)


def _check(pairs: list[BundlePair]) -> None:
    faults: list[Fault] = []
    seen: set[BundlePair] = set()
    for index, pair in enumerate(pairs):
        if not ENTRY_ID.match(pair.entry_id):
            faults.append(bad_entry_id(pair.entry_id).at("body", f"/items/{index}/entry_id"))
        elif pair in seen:
            faults.append(Fault("body", f"/items/{index}", "validation-failed", *_REPEATED))
        seen.add(pair)
    if faults:
        raise of_faults(faults)


def _accepted(
    request: Request, view: BundleView, headers: dict[str, str] | None = None
) -> Response:
    place = {"Location": bundle_path(view.bundle_id)}
    return json_answer(
        request, bundle(view), status=202, headers={**place, **FIRST_PAUSE, **(headers or {})}
    )


@calls.get("/bundles", **call("List bundles", {200: shapes.Bundles}, params=PARAMS))
async def list_bundles(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    """Section 10.2."""
    given = asked(request, PARAMS)
    found = await parts_of(request).services.apply.list_bundles(
        caller.uscc, given["limit"], given["cursor"], include_total=given["include_total"]
    )
    return json_answer(request, listing([bundle(v) for v in found.items], given["limit"], found))


@calls.get(
    "/bundles/{bundle_id:bundle_id}",
    **call("Read a bundle", {200: shapes.Bundle}, refusals=(404,)),
)
async def read_bundle(
    request: Request, bundle_id: BundleId, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 10.2."""
    asked(request)
    parts = parts_of(request)
    view = await parts.services.apply.read_bundle(caller.uscc, bundle_id)
    headers = {}
    if view.state in {"queued", "building"}:
        headers["Retry-After"] = str(pause_s(view.created_at, parts.clock.now()))
    return json_answer(request, bundle(view), headers=headers)


@calls.delete(
    "/bundles/{bundle_id:bundle_id}",
    **call("Drop a bundle", {204: None}, refusals=(404,)),
)
async def delete_bundle(
    request: Request, bundle_id: BundleId, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 10.2."""
    asked(request)
    await parts_of(request).services.apply.drop_bundle(caller.uscc, bundle_id)
    return nothing()


@calls.post(
    "/bundles/{bundle_id:bundle_id}/tickets",
    **call("Get leave for one download", {201: shapes.Ticket}, refusals=(404, 409, 410)),
)
async def create_ticket(
    request: Request, bundle_id: BundleId, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 10.3."""
    asked(request)
    parts = parts_of(request)
    issued = await parts.services.apply.issue_ticket(caller.uscc, bundle_id, caller.actor)
    body = resources.ticket(issued, parts.base_url)
    return json_answer(request, body, status=201, cache=NO_STORE, headers={"Location": body["url"]})


@calls.get(
    "/downloads/{ticket:ticket}",
    **call(
        "Download a bundle",
        {200: "application/zip", 206: "application/zip"},
        refusals=(404, 410, 416),
        signed_in=False,
    ),
)
async def download(request: Request, ticket: TicketNo) -> Response:
    """Section 10.4."""
    asked(request)
    parts, client = parts_of(request), client_of(request)
    grant = await parts.services.apply.spend_ticket(ticket, client, spend=False)

    async def commit(_part: Slice) -> None:
        await parts.services.apply.spend_ticket(ticket, client, spend=True)

    return await file_answer(request, parts.files, _file(grant), commit)


def _file(grant: TicketGrant) -> File:
    return File(
        object_key=grant.object_key,
        store_etag=grant.etag,
        sha256=grant.sha256,
        size=grant.size,
        media_type="application/zip",
        name=grant.file_name,
        ascii_name=f"{grant.bundle_id}.zip",
    )
