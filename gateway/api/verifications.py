"""The public check of files and codes: HTTP API section 12."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002

from gateway import verification
from gateway.answers import json_answer
from gateway.api import shapes
from gateway.api.calls import call, router
from gateway.api.declarations import FILE_BODY
from gateway.api.params import asked
from gateway.api.paths import Code  # noqa: TC001  FastAPI reads it
from gateway.callers import verifying
from gateway.parts import parts_of
from gateway.problems import Problem
from gateway.uploads import media_type, read_bytes, read_upload
from services.kernel.contracts.apply import Client  # noqa: TC001  FastAPI reads the annotations
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from gateway.parts import Parts
    from gateway.pdf_reading import PdfFacts
    from services.kernel.contracts.apply import DocumentRecord

PDF_LIMIT_BYTES = 20 * 1024 * 1024
PDF_BODY = {
    **FILE_BODY,
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}
HEAD_BYTES = 1024  # where readers look for the mark of a PDF
MAX_CODES = 5  # a file of ours shows one on each page, always the same

calls = router("verifications")


@calls.post(
    "/verifications",
    **call(
        "Check a file",
        {200: shapes.Verification},
        refusals=(413, 415),
        body=PDF_BODY,
        signed_in=False,
    ),
)
async def verify_file(request: Request, _client: Annotated[Client, Depends(verifying)]) -> Response:
    """Section 12.1."""
    content = await _pdf(request)
    asked(request)
    return json_answer(request, await _checked(parts_of(request), content))


async def _pdf(request: Request) -> bytes:
    if media_type(request) == "application/pdf":
        content = await read_bytes(request, PDF_LIMIT_BYTES)
    else:
        content = (await read_upload(request, PDF_LIMIT_BYTES)).content
    if b"%PDF-" not in content[:HEAD_BYTES]:
        raise Problem("not-a-pdf")
    return content


async def _checked(parts: Parts, content: bytes) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    record = await parts.services.apply.verify_sha256(sha256)
    facts = await parts.reading.pdf(content)
    signature = verification.our_seal(facts) or next(iter(facts.signatures), None)
    if record is not None:
        answers = verification.of_known_file(record, await _digest(parts, record))
    else:
        record = await _claimed(parts, facts)
        ours = record is not None or verification.bears_our_seal(facts)
        answers = verification.of_altered_file(record, facts) if ours else verification.UNRECOGNISED
    return verification.report(answers, record, signature, parts.base_url)


async def _claimed(parts: Parts, facts: PdfFacts) -> DocumentRecord | None:
    """The document that a file says it is, by the code it shows."""
    for code in facts.codes[:MAX_CODES]:
        try:
            return await parts.services.apply.verify_code(code)
        except Refusal as refusal:
            if refusal.code != "verification-not-found":
                raise
    return None


async def _digest(parts: Parts, record: DocumentRecord) -> str | None:
    return (await parts.services.query.digests([record.entry_id])).get(record.entry_id)


@calls.get(
    "/verifications/{code:code}",
    **call("Check a code", {200: shapes.Verification}, refusals=(404,), signed_in=False),
)
async def verify_code(
    request: Request, code: Code, _client: Annotated[Client, Depends(verifying)]
) -> Response:
    """Section 12.2."""
    asked(request)
    parts = parts_of(request)
    record = await parts.services.apply.verify_code(code.replace("-", "").upper())
    answers = verification.of_code(record, await _digest(parts, record))
    return json_answer(request, verification.report(answers, record, None, parts.base_url))
