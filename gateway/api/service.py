"""Calls about the service itself: HTTP API section 13."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway.answers import json_answer
from gateway.api import shapes
from gateway.api.calls import call, router
from gateway.api.params import asked
from gateway.parts import parts_of
from services.kernel.contracts.declaration import SCHEMA
from services.kernel.contracts.dictionary import dictionary

calls = router("service")


@calls.get("/health/live", **call("Whether it answers", {200: shapes.Live}, signed_in=False))
async def live(request: Request) -> Response:
    """The process answers."""
    asked(request)
    return json_answer(request, {"status": "ok"})


@calls.get(
    "/health/ready",
    **call("Whether it works", {200: shapes.Ready, 503: shapes.Ready}, signed_in=False),
)
async def ready(request: Request) -> Response:
    """How all parts are; 503 when nothing can be applied for or handed out."""
    asked(request)
    found = await parts_of(request).readiness.read()
    return json_answer(request, found, status=503 if found["status"] == "down" else 200)


@calls.get(
    "/data-dictionary",
    **call("The fields of the declaration data", {200: shapes.Dictionary}, signed_in=False),
)
async def data_dictionary(request: Request) -> Response:
    """All fields of section 14."""
    asked(request)
    return json_answer(request, {"schema": SCHEMA, "fields": [asdict(f) for f in dictionary()]})


@calls.get(
    "/openapi.json",
    **call("This description", {200: "application/json"}, signed_in=False),
)
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    asked(request)
    document: dict[str, Any] = request.app.openapi()
    return json_answer(request, document)
