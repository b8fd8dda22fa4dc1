"""Print and export applications: HTTP API sections 8 and 9."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway.answers import json_answer
from gateway.api import shapes
from gateway.api.bodies import REPLAYED, first_answer, json_body, keyed_body
from gateway.api.calls import call, router
from gateway.api.params import (
    CURSOR,
    DATE_FROM,
    DATE_TO,
    ENTRY_IDS,
    EXPIRED,
    INCLUDE_TOTAL,
    SEAL,
    application_no,
    asked,
    limit,
    status,
)
from gateway.api.paths import EntryId, ExportNo, PrintNo  # noqa: TC001  FastAPI reads them
from gateway.callers import Caller, signed_in
from gateway.parts import parts_of
from gateway.resources import (
    application,
    application_path,
    listing,
    operation,
    pause_s,
    print_row,
)
from gateway.texts import EXPORT_STATUS, PRINT_STATUS
from gateway.validation import check_entry_ids, check_range, check_submitted_at, read_body
from services.kernel.contracts.apply import ApplicationView, Order, Search
from services.kernel.contracts.wire import from_builtins

PRINT_CONDITIONS = (
    application_no("P"),
    status(*PRINT_STATUS),
    SEAL,
    ENTRY_IDS,
    DATE_FROM,
    DATE_TO,
    EXPIRED,
    CURSOR,
    INCLUDE_TOTAL,
)
EXPORT_CONDITIONS = (
    application_no("D"),
    status(*EXPORT_STATUS),
    ENTRY_IDS,
    DATE_FROM,
    DATE_TO,
    EXPIRED,
    CURSOR,
    INCLUDE_TOTAL,
)
OPERATION_PARAMS = (limit(100), CURSOR)
ORDER_REFUSALS = (400, 401, 403, 409, 413, 415, 429, 503)
RETRY_REFUSALS = (400, 404, 409, 413, 415)
FIRST_PAUSE = {"Retry-After": "2"}

calls = router("applications")


# --- orders -------------------------------------------------------------------------------------


@calls.post(
    "/print-applications",
    **call(
        "Apply for printed forms",
        {202: shapes.PrintApplication},
        refusals=ORDER_REFUSALS,
        body=shapes.PrintOrder,
        keyed=True,
    ),
)
async def create_print_application(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 8.1."""
    return await _create(request, caller, shapes.PrintOrder)


@calls.post(
    "/export-applications",
    **call(
        "Apply for data",
        {202: shapes.ExportApplication},
        refusals=ORDER_REFUSALS,
        body=shapes.ExportOrder,
        keyed=True,
    ),
)
async def create_export_application(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 9.1."""
    return await _create(request, caller, shapes.ExportOrder)


async def _create(
    request: Request, caller: Caller, shape: type[shapes.PrintOrder | shapes.ExportOrder]
) -> Response:
    body, keyed = await keyed_body(request)
    services = parts_of(request).services
    first = await first_answer(services.apply, caller, keyed)
    if first is not None:
        return _accepted(request, from_builtins(first, ApplicationView), REPLAYED)
    asked(request)
    wish = read_body(body, shape)
    check_entry_ids(wish.entry_ids)
    check_submitted_at(wish.submitted_at)
    order = _order(wish, caller)
    signature = wish.submission_signature.model_dump()
    evidence = await services.auth.check_submission(caller.token, order, signature)
    return _accepted(request, await services.apply.accept(order, evidence, keyed))


def _order(wish: shapes.PrintOrder | shapes.ExportOrder, caller: Caller) -> Order:
    company = caller.session.company
    return Order(
        kind="print" if isinstance(wish, shapes.PrintOrder) else "export",
        seal=wish.seal if isinstance(wish, shapes.PrintOrder) else None,
        uscc=company.uscc,
        company_name=company.name,
        entry_ids=wish.entry_ids,
        submitted_at=wish.submitted_at,
    )


def _accepted(
    request: Request, view: ApplicationView, headers: dict[str, str] | None = None
) -> Response:
    place = {"Location": application_path(view.kind, view.application_no)}
    return json_answer(
        request,
        application(view),
        status=202,
        headers={**place, **FIRST_PAUSE, **(headers or {})},
    )


@calls.post(
    "/print-applications/{application_no:print_no}/retries",
    **call(
        "Make failed items again",
        {202: shapes.PrintApplication},
        refusals=RETRY_REFUSALS,
        body=shapes.RetryOrder,
        keyed=True,
    ),
)
async def retry_print_application(
    request: Request, application_no: PrintNo, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 8.6."""
    return await _retry(request, application_no, caller)


@calls.post(
    "/export-applications/{application_no:export_no}/retries",
    **call(
        "Make failed data again",
        {202: shapes.ExportApplication},
        refusals=RETRY_REFUSALS,
        body=shapes.RetryOrder,
        keyed=True,
    ),
)
async def retry_export_application(
    request: Request, application_no: ExportNo, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 9.5."""
    return await _retry(request, application_no, caller)


async def _retry(request: Request, number: str, caller: Caller) -> Response:
    body, keyed = await keyed_body(request)
    apply = parts_of(request).services.apply
    first = await first_answer(apply, caller, keyed)
    if first is not None:
        return _accepted(request, from_builtins(first, ApplicationView), REPLAYED)
    asked(request)
    wish = read_body(body, shapes.RetryOrder)
    if "entry_ids" in wish.model_fields_set:
        check_entry_ids(wish.entry_ids)
    view = await apply.retry(caller.uscc, number, wish.entry_ids or None, keyed)
    return _accepted(request, view)


# --- reading ------------------------------------------------------------------------------------


@calls.get(
    "/print-applications",
    **call(
        "List print applications",
        {200: shapes.PrintApplications},
        params=(*PRINT_CONDITIONS, limit(50)),
    ),
)
async def list_print_applications(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 8.3."""
    search = _search("print", asked(request, (*PRINT_CONDITIONS, limit(50))))
    found = await parts_of(request).services.apply.search(caller.uscc, search)
    rows = [application(view) for view in found.items]
    return json_answer(request, listing(rows, search.limit, found))


@calls.get(
    "/export-applications",
    **call(
        "List export applications",
        {200: shapes.ExportApplications},
        params=(*EXPORT_CONDITIONS, limit(50)),
    ),
)
async def list_export_applications(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 9.3."""
    search = _search("export", asked(request, (*EXPORT_CONDITIONS, limit(50))))
    found = await parts_of(request).services.apply.search(caller.uscc, search)
    rows = [application(view) for view in found.items]
    return json_answer(request, listing(rows, search.limit, found))


@calls.get(
    "/print-items",
    **call(
        "List printed forms, one row for each",
        {200: shapes.PrintRows},
        params=(*PRINT_CONDITIONS, limit(100)),
    ),
)
async def list_print_items(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 8.3."""
    search = _search("print", asked(request, (*PRINT_CONDITIONS, limit(100))))
    found = await parts_of(request).services.apply.search_items(caller.uscc, search)
    rows = [print_row(row) for row in found.items]
    return json_answer(request, listing(rows, search.limit, found))


def _search(kind: Any, given: dict[str, Any]) -> Search:
    check_range(given["date_from"], given["date_to"])
    return Search(
        kind=kind,
        application_no=given["application_no"],
        statuses=given["status"],
        seal=given.get("seal"),
        entry_ids=given["entry_ids"],
        date_from=given["date_from"] and given["date_from"].isoformat(),
        date_to=given["date_to"] and given["date_to"].isoformat(),
        expired=given["expired"],
        limit=given["limit"],
        cursor=given["cursor"],
        include_total=given["include_total"],
    )


@calls.get(
    "/print-applications/{application_no:print_no}",
    **call("Read a print application", {200: shapes.PrintApplication}, refusals=(404,)),
)
async def read_print_application(
    request: Request, application_no: PrintNo, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 8.2."""
    return await _read(request, application_no, caller)


@calls.get(
    "/export-applications/{application_no:export_no}",
    **call("Read an export application", {200: shapes.ExportApplication}, refusals=(404,)),
)
async def read_export_application(
    request: Request, application_no: ExportNo, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 9.2."""
    return await _read(request, application_no, caller)


async def _read(request: Request, number: str, caller: Caller) -> Response:
    asked(request)
    parts = parts_of(request)
    view = await parts.services.apply.read(caller.uscc, number)
    headers = {}
    if view.state == "processing":
        headers["Retry-After"] = str(pause_s(view.accepted_at, parts.clock.now()))
    return json_answer(request, application(view), headers=headers)


@calls.get(
    "/print-applications/{application_no:print_no}/items/{entry_id:entry_id}",
    **call("Read an item", {200: shapes.PrintRow}, refusals=(404,)),
)
async def read_print_item(
    request: Request,
    application_no: PrintNo,
    entry_id: EntryId,
    caller: Annotated[Caller, Depends(signed_in)],
) -> Response:
    """Section 8.3."""
    asked(request)
    parts = parts_of(request)
    row = await parts.services.apply.read_item(caller.uscc, application_no, entry_id)
    headers = {}
    if row.item.status == "making":
        headers["Retry-After"] = str(pause_s(row.accepted_at, parts.clock.now()))
    return json_answer(request, print_row(row), headers=headers)


# --- operation records --------------------------------------------------------------------------


@calls.get(
    "/print-applications/{application_no:print_no}/items/{entry_id:entry_id}/operations",
    **call(
        "Read the operation records of an item",
        {200: shapes.Operations},
        refusals=(404,),
        params=OPERATION_PARAMS,
    ),
)
async def list_print_operations(
    request: Request,
    application_no: PrintNo,
    entry_id: EntryId,
    caller: Annotated[Caller, Depends(signed_in)],
) -> Response:
    """Section 8.5."""
    return await _operations(request, caller, application_no, entry_id)


@calls.get(
    "/export-applications/{application_no:export_no}/operations",
    **call(
        "Read the operation records of an export application",
        {200: shapes.ExportOperations},
        refusals=(404,),
        params=OPERATION_PARAMS,
    ),
)
async def list_export_operations(
    request: Request, application_no: ExportNo, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 9.5."""
    return await _operations(request, caller, application_no, None)


async def _operations(
    request: Request, caller: Caller, number: str, entry_id: str | None
) -> Response:
    given = asked(request, OPERATION_PARAMS)
    found = await parts_of(request).services.apply.operations(
        caller.uscc, number, entry_id, given["limit"], given["cursor"]
    )
    rows = [operation(view, of_export=entry_id is None) for view in found.items]
    return json_answer(request, listing(rows, given["limit"], found))


@calls.post(
    "/print-applications/{application_no:print_no}/items/{entry_id:entry_id}/print-events",
    **call(
        "Tell what the print window did",
        {201: shapes.Operation},
        refusals=(400, 404, 409, 413, 415),
        body=shapes.PrintEvent,
    ),
)
async def create_print_event(
    request: Request,
    application_no: PrintNo,
    entry_id: EntryId,
    caller: Annotated[Caller, Depends(signed_in)],
) -> Response:
    """Section 8.5."""
    body = await json_body(request)
    asked(request)
    wish = read_body(body, shapes.PrintEvent)
    record = await parts_of(request).services.apply.record_print_event(
        caller.uscc, application_no, entry_id, wish.event, caller.actor, caller.client
    )
    return json_answer(request, operation(record, of_export=False), status=201)
