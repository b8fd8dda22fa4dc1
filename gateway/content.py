"""Reading JSON bodies, and what makes two requests the same."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import rfc8785

from gateway.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEY = re.compile(r'^("?)([A-Za-z0-9_-]{16,64})\1\Z')


def parse_json(body: bytes) -> Any:
    """The JSON value in `body`.

    Raises Problem `malformed-json` for anything else, for repeated members, for numbers JSON does
    not have and for text that is no Unicode: two readers must never see two contents in one body.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_constant
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Problem("malformed-json") from None
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def content_sha256(body: object) -> str | None:
    """The digest of the RFC 8785 form of a body without `submission_signature`.

    None for a body that has no such form (a number beyond the exact ones): it is refused later.
    """
    content = body
    if isinstance(body, dict):
        content = {name: value for name, value in body.items() if name != "submission_signature"}
    try:
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()  # type: ignore[arg-type]  # JSON
    except rfc8785.CanonicalizationError:
        return None


def place_without_form(body: object) -> tuple[str | int, ...]:
    """Where in a body the value is that has no RFC 8785 form; the whole body when no part is it."""
    parts: Iterable[tuple[str | int, object]] = ()
    if isinstance(body, dict):
        parts = body.items()
    elif isinstance(body, list):
        parts = enumerate(body)
    for name, part in parts:
        if content_sha256([part]) is None:
            return (name, *place_without_form(part))
    return ()


def idempotency_key(header: str | None) -> str:
    """The key in the header, with or without double quotes. Raises Problem."""
    if header is None:
        raise Problem("idempotency-key-missing")
    found = _KEY.match(header)
    if found is None:
        raise Problem("idempotency-key-invalid")
    return found[2]
