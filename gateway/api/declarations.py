"""Declarations and lists of their numbers: HTTP API section 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway.answers import json_answer
from gateway.api import shapes
from gateway.api.calls import call, router
from gateway.api.params import CURSOR, DATE_FROM, DATE_TO, ENTRY_IDS, INCLUDE_TOTAL, asked, limit
from gateway.callers import Caller, signed_in
from gateway.number_lists import (
    TooManyNumbers,
    Unreadable,
    lines_of_csv,
    lines_of_text,
    read_list,
    text_of,
)
from gateway.parts import parts_of
from gateway.problems import Problem
from gateway.resources import declarations
from gateway.uploads import read_upload
from gateway.validation import check_range
from services.kernel.errors import PermanentFailure

if TYPE_CHECKING:
    from gateway.parts import Reading
    from gateway.uploads import Upload

LIST_LIMIT_BYTES = 1024 * 1024
PARAMS = (ENTRY_IDS, DATE_FROM, DATE_TO, limit(100), CURSOR, INCLUDE_TOTAL)
FILE_BODY = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "additionalProperties": False,
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    }
}

calls = router("declarations")


@calls.get(
    "/declarations",
    **call("Find the company's cleared declarations", {200: shapes.Declarations}, params=PARAMS),
)
async def find_declarations(
    request: Request, caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 7.1."""
    given = asked(request, PARAMS)
    check_range(given["date_from"], given["date_to"])
    if given["entry_ids"] is None and given["date_from"] is None:
        raise Problem("query-empty")
    days = {name: given[name] and given[name].isoformat() for name in ("date_from", "date_to")}
    found = await parts_of(request).services.query.search(caller.uscc, **{**given, **days})
    return json_answer(request, declarations(found, given["limit"]))


@calls.post(
    "/entry-id-lists",
    **call(
        "Read a list of numbers from a file",
        {200: shapes.EntryIdList},
        refusals=(413, 415),
        body=FILE_BODY,
    ),
)
async def read_entry_id_list(
    request: Request, _caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    """Section 7.2."""
    upload = await read_upload(request, LIST_LIMIT_BYTES)
    asked(request)
    try:
        lines = await _lines(upload, parts_of(request).reading)
        return json_answer(request, read_list(lines))
    except TooManyNumbers:
        raise Problem("body-too-large", {"limit_bytes": LIST_LIMIT_BYTES}) from None
    except (Unreadable, PermanentFailure):
        raise Problem("file-unreadable") from None


async def _lines(upload: Upload, reading: Reading) -> list[list[str]]:
    kind = upload.name.lower().rpartition(".")[2]
    if kind == "txt":
        return lines_of_text(text_of(upload.content))
    if kind == "csv":
        return lines_of_csv(text_of(upload.content))
    if kind == "xlsx":
        return await reading.sheet(upload.content)
    raise Problem("unsupported-media-type")
