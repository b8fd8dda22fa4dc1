"""The application: all calls and pages behind one door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.answers import problem_answer
from gateway.api import (
    applications,
    bundles,
    declarations,
    events,
    files,
    service,
    sessions,
    shapes,
    verifications,
)
from gateway.exchange import Door
from gateway.parts import Parts, parts_of
from gateway.problems import Problem, of_refusal, unavailable
from gateway.web import pages
from services import __version__
from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from fastapi.routing import APIRoute

ROUTERS = (
    sessions.calls,
    declarations.calls,
    applications.calls,
    files.calls,
    bundles.calls,
    events.calls,
    verifications.calls,
    service.calls,
    pages.calls,
)
NO_HEAD = frozenset({"/api/v1/events"})  # a stream has no answer to describe beforehand
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


def create_app(
    parts: Parts,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> Door:
    """Everything that is served, working with these parts."""
    app = bare_app(lifespan)
    app.state.parts = parts
    return Door(app, https=parts.base_url.startswith("https://"), no_head=NO_HEAD)


def bare_app(
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The application without parts: enough for its description."""
    app = FastAPI(
        title="danzheng",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router)
    _translate_faults(app)
    app.openapi = lambda: description(app)  # type: ignore[method-assign]  # as FastAPI advises
    return app


# --- faults -------------------------------------------------------------------------------------


def _translate_faults(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


def _answer(request: Request, problem: Problem) -> Response:
    return problem_answer(request, problem, parts_of(request).base_url)


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101  registered for it
    return _answer(request, problem)


async def _refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101  registered for it
    return _answer(request, of_refusal(refusal, parts_of(request).clock.now()))


async def _unavailable(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Unavailable)  # noqa: S101  registered for it
    component = {"store": "object_store"}.get(fault.component, fault.component)
    return _answer(request, unavailable(component))


async def _unrouted(request: Request, fault: Exception) -> Response:
    """No route: the path is unknown, or the method is."""
    allowed = allowed_methods(request.scope["path"])
    if isinstance(fault, HTTPException) and fault.status_code == 405 and allowed:
        return _answer(
            request, Problem("method-not-allowed", headers={"Allow": ", ".join(allowed)})
        )
    return _answer(request, Problem("not-found"))


async def _gone(_request: Request, _fault: Exception) -> Response:
    """The client left before its body had come: nobody reads the answer."""
    return Response(status_code=400)


async def _unforeseen(request: Request, _fault: Exception) -> Response:
    """Whatever it was: the door logs it."""
    return _answer(request, Problem("internal"))


def allowed_methods(path: str) -> list[str]:
    """The methods of a path, HEAD wherever GET is."""
    methods: set[str] = set()
    for route in _routes():
        if route.path_regex.match(path):
            methods |= route.methods or set()
    if "GET" in methods and path not in NO_HEAD:
        methods.add("HEAD")
    return [method for method in _METHODS if method in methods]


def _routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes]  # type: ignore[misc]  # ours


# --- description --------------------------------------------------------------------------------


def description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="danzheng",
            version="1",
            summary="报关单证查询打印",
            description="Printed forms and data of a company's cleared customs declarations.",
            routes=app.routes,
            servers=[{"url": "/"}],
        )
        document["components"] = {
            "schemas": _schemas(),
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        }
        app.openapi_schema = document
    return app.openapi_schema


def _schemas() -> dict[str, Any]:
    asked = [(shape, "validation") for shape in _below(shapes.Asked)]
    told = [(shape, "serialization") for shape in _below(shapes.Told)]
    _, made = models_json_schema(
        [*asked, *told],  # type: ignore[list-item]  # the modes are literals
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = made["$defs"]
    return dict(sorted(schemas.items()))


def _below(shape: type[Any]) -> list[type[Any]]:
    below = shape.__subclasses__()
    return below + [deeper for one in below for deeper in _below(one)]
