"""The sRGB profile that PDF/A asks for, made from the numbers of the standard (IEC 61966-2-1)."""

from __future__ import annotations

import struct
from functools import cache

_D50 = (0.9642, 1.0, 0.8249)
_RED, _GREEN, _BLUE = (  # the primaries, adapted to D50
    (0.43607, 0.22249, 0.01392),
    (0.38515, 0.71687, 0.09708),
    (0.14307, 0.06061, 0.71410),
)
_CURVE_POINTS = 256
_HEADER_BYTES = 128


@cache
def srgb_profile() -> bytes:
    """A version 2 ICC display profile of sRGB; the same bytes every time."""
    curve = _curve()
    tags = {
        b"desc": _description(b"sRGB"),
        b"cprt": b"text\0\0\0\0No copyright\0",
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(_RED),
        b"gXYZ": _xyz(_GREEN),
        b"bXYZ": _xyz(_BLUE),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _assembled(tags)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    placed: dict[bytes, int] = {}
    body = b""
    table = struct.pack(">I", len(tags))
    for name, data in tags.items():
        if data not in placed:
            placed[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", placed[data], len(data))
    return _header(start + len(body)) + table + body


def _header(size: int) -> bytes:
    dated = struct.pack(">6H", 2018, 8, 1, 0, 0, 0)
    return b"".join(
        [
            struct.pack(">I4sI", size, b"\0\0\0\0", 0x02100000),
            b"mntrRGB XYZ ",
            dated,
            b"acsp",
            bytes(28),
            b"".join(struct.pack(">i", _fixed(part)) for part in _D50),
            bytes(48),
        ]
    )


def _curve() -> bytes:
    values = (_linear(n / (_CURVE_POINTS - 1)) for n in range(_CURVE_POINTS))
    points = (round(value * 65535) for value in values)
    return struct.pack(f">4sII{_CURVE_POINTS}H", b"curv", 0, _CURVE_POINTS, *points)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _description(text: bytes) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + bytes(1 + 8 + 3 + 67)


def _xyz(parts: tuple[float, float, float]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *map(_fixed, parts))


def _fixed(value: float) -> int:
    return round(value * 65536)
