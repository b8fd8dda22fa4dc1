"""How a call is described in the OpenAPI document, and the router that all calls hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import paths
from gateway.resources import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from gateway.validation import Param

paths.register()

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_SESSION = (401, 403, 429, 500, 503)
_TITLES = {
    400: "Not JSON, or a header is missing or wrong",
    401: "No valid session or proof",
    403: "Not allowed for this card or session",
    404: "Not there",
    406: "No such format",
    409: "Not possible in this state",
    410: "Past its time, or used",
    413: "Too large",
    415: "Unsupported content type",
    416: "Range outside the file",
    422: "A rule is broken",
    429: "Too often or too much",
    500: "Internal error",
    503: "A part does not answer",
}
_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "16 to 64 characters, with or without double quotes; kept 24 hours",
    "schema": {"type": "string", "pattern": '^"?[A-Za-z0-9_-]{16,64}"?$'},
}


def router(tag: str) -> APIRouter:
    """A router for the calls of a noun."""
    return APIRouter(prefix=BASE, tags=[tag], default_response_class=Response)


def call(
    summary: str,
    success: Mapping[int, type[BaseModel] | str | None],
    *,
    refusals: Sequence[int] = (),
    params: Sequence[Param] = (),
    body: type[BaseModel] | Mapping[str, Any] | None = None,
    body_required: bool = True,
    signed_in: bool = True,
    keyed: bool = False,
) -> dict[str, Any]:
    """The arguments of a route.

    `success`: answer shape, or media type of a file, by status. `body`: a shape for JSON, or the
    content of the request body object for anything else.
    """
    extra: dict[str, Any] = {
        "parameters": [param.openapi() for param in params] + ([_KEY_HEADER] if keyed else [])
    }
    if signed_in:
        extra["security"] = [{"session": []}]
    if body is not None:
        extra["requestBody"] = {"required": body_required, "content": _content(body)}
    everywhere = _SESSION if signed_in else (429, 500, 503)
    return {
        "summary": summary,
        "status_code": next(iter(success)),
        "responses": {
            **{
                status: {"description": _TITLES[status], "content": PROBLEM}
                for status in sorted({*refusals, *everywhere, 422})
            },
            **{status: _success(what) for status, what in success.items()},
        },
        "openapi_extra": extra,
    }


def _content(body: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(body, type):
        reference = {"$ref": f"#/components/schemas/{body.__name__}"}
        return {"application/json": {"schema": reference}}
    return dict(body)


def _success(what: type[BaseModel] | str | None) -> dict[str, Any]:
    if what is None:
        return {"description": "Done"}
    if what == "application/json":
        content = {what: {"schema": {"type": "object"}}}
        return {"description": "A document", "content": content}
    if isinstance(what, str):
        schema = {"type": "string", "contentMediaType": what}
        return {"description": "The file", "content": {what: {"schema": schema}}}
    reference = {"$ref": f"#/components/schemas/{what.__name__}"}
    return {"description": what.__doc__, "content": {"application/json": {"schema": reference}}}
