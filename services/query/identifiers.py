"""Numbers of customs and of companies: their forms and their check characters."""

from __future__ import annotations

import re

_ENTRY_ID = re.compile(r"[0-9]{8}[01EI][0-9]{9}")
_UNIFIED_NO = re.compile(r"[EI](19|20)[0-9]{2}[0-9]{13}")

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_SUBJECT_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SUBJECT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_SUBJECT_SPECIAL = {10: "X", 11: "0"}


def is_entry_id(text: str) -> bool:
    """Whether `text` has the form of a declaration number (报关单号); it has no check digit."""
    return _ENTRY_ID.fullmatch(text) is not None


def is_unified_no(text: str) -> bool:
    """Whether `text` is a 统一编号, which people mix up with the 报关单号."""
    return _UNIFIED_NO.fullmatch(text) is not None


def is_uscc(text: str) -> bool:
    """Whether `text` is a unified social credit code with the right check character."""
    return (
        len(text) == 18
        and all(character in _USCC_ALPHABET for character in text)
        and uscc_check_character(text[:17]) == text[17]
    )


def uscc_check_character(body: str) -> str:
    """The 18th character of a unified social credit code, from its first 17 (modulus 31)."""
    pairs = zip(body, _USCC_WEIGHTS, strict=True)
    total = sum(_USCC_ALPHABET.index(character) * weight for character, weight in pairs)
    return _USCC_ALPHABET[(31 - total % 31) % 31]


def has_usual_subject_digit(uscc: str) -> bool:
    """Whether place 17 is the check digit of places 9 to 16 (GB 11714).

    Newer codes need not follow it: a reason to warn, never to refuse.
    """
    return subject_check_digit(uscc[8:16]) == uscc[16]


def subject_check_digit(body: str) -> str:
    """The check digit of the eight characters of a subject identifier (modulus 11)."""
    pairs = zip(body, _SUBJECT_WEIGHTS, strict=True)
    total = sum(_SUBJECT_ALPHABET.index(character) * weight for character, weight in pairs)
    rest = 11 - total % 11
    return _SUBJECT_SPECIAL.get(rest, str(rest))
