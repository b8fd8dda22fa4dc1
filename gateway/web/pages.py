"""Public pages: what runs here, help, and what each problem code means."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response

from gateway.problems import KINDS, Problem
from services import __version__

HERE: Final = Path(__file__).parent
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'; "
    "base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "private, no-store",
}
STATIC: Final = {"danzheng.css": "text/css; charset=utf-8"}
STATIC_CACHE: Final = "public, max-age=3600"  # a new version shows within the hour

calls = APIRouter(include_in_schema=False)


def page(template: str, title: str, **words: str) -> Response:
    """A page of a template inside the frame; `words` are escaped here."""
    body = _template(template).substitute({name: escape(word) for name, word in words.items()})
    html = _template("frame").substitute(title=escape(title), body=body)
    return Response(html, headers=HEADERS, media_type="text/html")


def _template(name: str) -> Template:
    return Template((HERE / "templates" / f"{name}.html").read_text(encoding="utf-8"))


@calls.get("/")
async def landing(request: Request) -> Response:
    """What runs here."""
    base_url = request.app.state.parts.base_url
    return page("landing", "报关单证查询打印", version=__version__, base_url=base_url)


@calls.get("/help")
async def help_(_request: Request) -> Response:
    """How to use it."""
    return page("help", "帮助")


@calls.get("/problems/{code}")
async def problem(_request: Request, code: Annotated[str, PathParameter()]) -> Response:
    """What a problem code means."""
    kind = KINDS.get(code)
    if kind is None:
        raise Problem("not-found")
    return page("problem", kind.zh, code=code, status=str(kind.status), zh=kind.zh, en=kind.en)


@calls.get("/static/{name}")
async def static(_request: Request, name: Annotated[str, PathParameter()]) -> Response:
    """A file of the pages."""
    if name not in STATIC:
        raise Problem("not-found")
    content = (HERE / "static" / name).read_bytes()
    return Response(content, headers={"Cache-Control": STATIC_CACHE}, media_type=STATIC[name])
