"""File answers: HTTP API section 1.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from starlette.responses import Response, StreamingResponse

from gateway.answers import PRIVATE_NO_STORE
from gateway.exchange import exchange_of
from gateway.negotiation import Slice, disposition, repr_digest, slice_of
from gateway.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from gateway.store import Files


@dataclass(frozen=True)
class File:
    """A made file: where it lies, what it is, and how it is called."""

    object_key: str
    store_etag: str
    sha256: str
    size: int
    media_type: str
    name: str
    ascii_name: str
    shown: Literal["attachment", "inline"] = "attachment"

    @property
    def etag(self) -> str:
        """The strong entity tag: the digest of the whole file."""
        return f'"{self.sha256}"'

    def headers(self) -> dict[str, str]:
        """What every answer with this file says, a 304 too."""
        return {
            "ETag": self.etag,
            "Accept-Ranges": "bytes",
            "Repr-Digest": repr_digest(self.sha256),
            "Cache-Control": PRIVATE_NO_STORE,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "frame-ancestors 'self'",
            "Content-Disposition": disposition(self.shown, self.ascii_name, self.name),
        }


async def file_answer(
    request: Request,
    files: Files,
    file: File,
    commit: Callable[[Slice], Awaitable[None]],
) -> Response:
    """The part of the file that the request asks for.

    `commit` is awaited when the store has begun to answer and before the first byte goes out: what
    it raises is answered instead. HEAD, 304 and 416 neither open the file nor commit.
    """
    part = slice_of(request.headers, file.etag, file.size)
    headers = file.headers()
    if part.content_range:
        headers["Content-Range"] = part.content_range
    if part.status == 416:
        raise Problem("range-not-satisfiable", headers={"Content-Range": f"bytes */{file.size}"})
    if part.status == 304:
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(part.length)
    if exchange_of(request.scope).head:
        return Response(None, part.status, headers, file.media_type)
    body = await files.open(file.object_key, file.store_etag, part.start, part.length)
    try:
        await commit(part)
    except BaseException:
        body.close()
        raise
    return StreamingResponse(aiter(body), part.status, headers, file.media_type)
