"""The digest of a snapshot: equal digests, equal prints."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from services.kernel.contracts.declaration import DeclarationData


def snapshot_digest(data: DeclarationData, doc_type_code: str) -> str:
    """SHA-256 (hex) over the canonical JSON of a snapshot: sorted names, no spaces, UTF-8."""
    facts = {"data": data, "doc_type_code": doc_type_code}
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()
