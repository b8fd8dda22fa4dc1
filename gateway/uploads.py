"""Bodies of requests, read up to their limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.problems import Fault, Problem, of_faults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

JSON_LIMIT_BYTES = 64 * 1024
# a part's own head and the boundaries around it
_MULTIPART_EXTRA_BYTES = 4 * 1024


@dataclass(frozen=True)
class Upload:
    """A file that was sent."""

    name: str
    content: bytes


def media_type(request: Request) -> str:
    """The bare, lower-case content type of the request."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_json(request: Request) -> None:
    """Raises Problem `unsupported-media-type` for anything but JSON."""
    if media_type(request) != "application/json":
        raise Problem("unsupported-media-type")


async def read_bytes(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises Problem `body-too-large` before more than the limit is kept."""
    return b"".join([chunk async for chunk in _bounded(request, limit_bytes)])


async def _bounded(
    request: Request, limit_bytes: int, told_bytes: int | None = None
) -> AsyncGenerator[bytes, None]:
    too_large = Problem("body-too-large", {"limit_bytes": told_bytes or limit_bytes})
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit_bytes:
        raise too_large
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > limit_bytes:
            raise too_large
        yield chunk


async def read_upload(request: Request, limit_bytes: int) -> Upload:
    """The part `file` of a multipart body; no other part is allowed. Raises Problem."""
    if not _boundary(request):
        raise Problem("unsupported-media-type")
    stream = _bounded(request, limit_bytes + _MULTIPART_EXTRA_BYTES, limit_bytes)
    try:
        form = await MultiPartParser(request.headers, stream, max_files=1, max_fields=0).parse()
    except MultiPartException as fault:
        raise of_faults([_wrong_part(str(fault))]) from None
    try:
        return await _file_part(form.get("file"), limit_bytes)
    finally:
        await form.close()


async def _file_part(part: object, limit_bytes: int) -> Upload:
    if not isinstance(part, UploadFile):
        raise of_faults([_wrong_part("a part named file is needed")])
    content = await part.read()
    if len(content) > limit_bytes:
        raise Problem("body-too-large", {"limit_bytes": limit_bytes})
    return Upload(part.filename or "", content)


def _boundary(request: Request) -> bytes | None:
    if media_type(request) != "multipart/form-data":
        return None
    _, options = parse_options_header(request.headers["content-type"])
    return options.get(b"boundary")


def _wrong_part(why: str) -> Fault:
    return Fault(
        "body", "/file", "validation-failed", "须上传一个名为 file 的文件。", f"One file: {why}."
    )
