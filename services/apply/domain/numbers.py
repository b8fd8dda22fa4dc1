"""Application numbers, verification codes and the keys of files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from services.kernel.contracts.apply import Kind

FORMATS = ("zip", "xlsx", "csv", "json", "xml")
CODE_BYTES = 15  # 120 random bits: 24 characters of five
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = {"print": "P", "export": "D"}


def application_no(kind: Kind, day: date, running: int) -> str:
    """P or D, the day, nine digits; the running number starts over after 999 999 999."""
    return f"{_LETTERS[kind]}{day:%Y%m%d}{running % 1_000_000_000:09d}"


def verification_code(random: bytes) -> str:
    """24 characters for 15 random bytes, without letters that read like digits."""
    value = int.from_bytes(random)
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(115, -1, -5))


def plain_code(code: str) -> str:
    """A code as typed, with its dashes and lower case, as stored."""
    return code.replace("-", "").replace(" ", "").upper()


def order_digest(parts: Iterable[str]) -> str:
    """The 16 hex digits in a key that tell what was ordered."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def document_key(number: str, entry_id: str, revision: int, digest16: str) -> str:
    """Where a document is stored; a new revision has a new key."""
    return f"documents/{number}/{entry_id}/r{revision}/{digest16}.pdf"


def export_keys(number: str, revision: int, digest16: str) -> dict[str, str]:
    """Where the five data files are stored."""
    return {name: f"exports/{number}/r{revision}/{digest16}.{name}" for name in FORMATS}


def bundle_key(bundle_id: str, digest16: str) -> str:
    """Where a bundle is stored."""
    return f"bundles/{bundle_id}/{digest16}.zip"
