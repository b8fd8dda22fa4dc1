"""Places in the list as opaque text, bound to the filters they were given for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING

from services.kernel.contracts.refusal import Refusal
from services.query.ports import Place

if TYPE_CHECKING:
    from services.query.ports import Wanted

_MOST_CHARACTERS = 512  # http-api section 1


def write(place: Place, wanted: Wanted) -> str:
    """The text of `place`, good for the same filters only."""
    facts = [_filters(wanted), place.declared_on.isoformat(), place.entry_id, place.backward]
    packed = json.dumps(facts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read(text: str, wanted: Wanted) -> Place:
    """The place that `text` stands for. Raises Refusal `cursor-invalid`."""
    try:
        filters, day, entry_id, backward = _facts(text)
        place = Place(date.fromisoformat(str(day)), str(entry_id), backward is True)
    except (ValueError, TypeError, binascii.Error) as fault:
        raise Refusal("cursor-invalid") from fault
    if filters != _filters(wanted):
        raise Refusal("cursor-invalid")
    return place


def _facts(text: str) -> list[str | bool]:
    if len(text) > _MOST_CHARACTERS:
        raise ValueError("longer than any cursor of ours")
    facts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(facts, list):
        raise TypeError("no cursor of ours")
    return facts


def _filters(wanted: Wanted) -> str:
    facts = (wanted.uscc, wanted.entry_ids, str(wanted.date_from), str(wanted.date_to))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
