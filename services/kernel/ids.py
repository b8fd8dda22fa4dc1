"""Identifiers that sort by time."""

from __future__ import annotations

import os
import time
import uuid

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, 74 random bits."""
    millis = time.time_ns() // 1_000_000
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def prefixed(prefix: str) -> str:
    """An opaque identifier such as `ses_01KAQ7V5N3T8W2YB4C6D9E0FGH`: a ULID behind a prefix."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    return prefix + "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
