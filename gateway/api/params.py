"""The query parameters that several calls share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.validation import (
    MAX_CURSOR_CHARS,
    MAX_ENTRY_IDS,
    Param,
    cursor,
    day,
    entry_ids,
    matching,
    one_of,
    read_query,
    some_of,
    true_or_false,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

_LIST = {"type": "string"}
_DAY = {"type": "string", "format": "date"}
_BOOLEAN = {"type": "boolean"}


def limit(high: int) -> Param:
    """How many entries a page holds."""
    schema = {"type": "integer", "minimum": 1, "maximum": high, "default": 20}
    return Param("limit", whole_number(1, high), schema, 20, "Entries of a page")


CURSOR = Param(
    "cursor",
    cursor,
    {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR_CHARS},
    description="From `page` of an answer to the same conditions",
)
INCLUDE_TOTAL = Param("include_total", true_or_false, {**_BOOLEAN, "default": False}, False)
ENTRY_IDS = Param(
    "entry_ids", entry_ids, _LIST, description=f"Up to {MAX_ENTRY_IDS} numbers, joined by commas"
)
DATE_FROM = Param("date_from", day, _DAY, description="First day; both dates or none")
DATE_TO = Param("date_to", day, _DAY, description="Last day, at most three months after the first")
EXPIRED = Param("expired", true_or_false, _BOOLEAN, description="Past its time or not")
SEAL = Param("seal", one_of("none", "sealed"), {"type": "string", "enum": ["none", "sealed"]})


def application_no(letter: str) -> Param:
    """An application's number."""
    pattern = f"{letter}[0-9]{{17}}"
    return Param(
        "application_no",
        matching(pattern, "申请编号格式错误。", "Not an application number."),
        {"type": "string", "pattern": f"^{pattern}$"},
    )


def status(*words: str) -> Param:
    """A list of states, or `all`."""
    return Param(
        "status",
        some_of(*words),
        {**_LIST, "default": "all"},
        description=f"Some of {', '.join(words)}, joined by commas; or all",
    )


def asked(request: Request, params: Sequence[Param] = ()) -> dict[str, Any]:
    """The query parameters of a request. Raises Problem for unknown or wrong ones."""
    return read_query(request.query_params.multi_items(), params)
