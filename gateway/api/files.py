"""Files of applications: HTTP API sections 8.4 and 9.4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway import texts
from gateway.api.calls import call, router
from gateway.api.params import asked
from gateway.api.paths import EntryId, ExportNo, PrintNo  # noqa: TC001  FastAPI reads them
from gateway.callers import Caller, signed_in
from gateway.negotiation import data_format
from gateway.parts import parts_of
from gateway.problems import Problem
from gateway.services import FileWish
from gateway.streaming import File, file_answer
from gateway.validation import Param, one_of, true_or_false

if TYPE_CHECKING:
    from gateway.negotiation import Slice
    from services.kernel.contracts.apply import FileGrant

PURPOSE = Param(
    "purpose",
    one_of("export", "print"),
    {"type": "string", "enum": ["export", "print"], "default": "export"},
    "export",
    "print shows it in the browser",
)
FORMAT = Param(
    "format",
    one_of(*texts.DATA_MEDIA_TYPES),
    {"type": "string", "enum": list(texts.DATA_MEDIA_TYPES)},
    description="Wins over Accept",
)
ACCEPT_PARTIAL = Param(
    "accept_partial",
    true_or_false,
    {"type": "boolean", "default": False},
    False,
    "Take the file although some declarations failed",
)
FILE_REFUSALS = (404, 409, 410, 416)

calls = router("files")


@calls.get(
    "/print-applications/{application_no:print_no}/items/{entry_id:entry_id}/file",
    **call(
        "Get a printed form",
        {200: "application/pdf", 206: "application/pdf"},
        refusals=FILE_REFUSALS,
        params=(PURPOSE,),
    ),
)
async def get_print_file(
    request: Request,
    application_no: PrintNo,
    entry_id: EntryId,
    caller: Annotated[Caller, Depends(signed_in)],
) -> Response:
    """Section 8.4."""
    purpose: Literal["export", "print"] = asked(request, (PURPOSE,))["purpose"]
    return await _get(request, caller, FileWish(application_no, entry_id, None, purpose))


@calls.get(
    "/export-applications/{application_no:export_no}/file",
    **call(
        "Get a data file",
        dict.fromkeys((200, 206), "application/octet-stream"),
        refusals=(*FILE_REFUSALS, 406),
        params=(FORMAT, ACCEPT_PARTIAL),
    ),
)
async def get_data_file(
    request: Request, application_no: ExportNo, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 9.4."""
    given = asked(request, (FORMAT, ACCEPT_PARTIAL))
    format_ = given["format"] or data_format(request.headers.get("accept"))
    if format_ is None:
        raise Problem("not-acceptable", {"available": list(texts.DATA_MEDIA_TYPES.values())})
    wish = FileWish(application_no, None, format_, accept_partial=given["accept_partial"])
    return await _get(request, caller, wish)


async def _get(request: Request, caller: Caller, wish: FileWish) -> Response:
    parts = parts_of(request)

    async def leave(*, record: bool) -> FileGrant:
        return await parts.services.apply.open_file(
            caller.uscc, wish, caller.actor, caller.client, record=record
        )

    async def commit(part: Slice) -> None:
        if part.begins_the_file:
            await leave(record=True)

    grant = await leave(record=False)
    answer = await file_answer(request, parts.files, _file(wish, grant), commit)
    if wish.format is not None:
        answer.headers["Vary"] = "Accept"
    return answer


def _file(wish: FileWish, grant: FileGrant) -> File:
    if wish.entry_id is not None:
        name = texts.print_file_name(wish.entry_id, grant.seal or "none")
        ascii_name, media_type = f"{wish.entry_id}.pdf", "application/pdf"
    else:
        format_ = str(wish.format)
        name = texts.data_file_name(wish.application_no, format_)
        ascii_name = f"{wish.application_no}.{format_}"
        media_type = texts.DATA_MEDIA_TYPES[format_]
    return File(
        object_key=grant.object_key,
        store_etag=grant.etag,
        sha256=grant.sha256,
        size=grant.size,
        media_type=media_type,
        name=name,
        ascii_name=ascii_name,
        shown="inline" if wish.purpose == "print" else "attachment",
    )
