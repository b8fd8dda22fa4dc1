"""The signature field of a sealed document, written with the page and filled in place.

The file is complete but for two gaps: the byte range, whose numbers are known once everything is
placed, and the signature itself, which covers all the rest.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from services.render.adapters.reportlab_engine.objects import Written, date_string, number

if TYPE_CHECKING:
    from datetime import datetime

    from services.render.engine import Frame
    from services.render.sealing import Sealer

_RANGE = b"/ByteRange [0 %010d %010d %010d]"  # of one width, whatever the numbers
_EMPTY_RANGE = _RANGE % (0, 0, 0)
_CONTENTS = b" /Contents <"
_PRINTED_AND_LOCKED = 4 + 128
_SIGNED_AND_APPEND_ONLY = 3


def signature_value(room_bytes: int, signed_at: datetime) -> Written:
    """The signature dictionary with its gaps; PAdES takes the claimed time from /M."""
    return Written(
        b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached ",
        _EMPTY_RANGE,
        _CONTENTS,
        b"0" * (2 * room_bytes),
        b"> /M ",
        date_string(signed_at),
        b" >>",
    )


def signature_field(
    value: Written, appearance: Written, box: Frame, height: float, page: Written
) -> Written:
    """The field, which is also the annotation that shows the seal."""
    corners = (box.x, height - box.y - box.height, box.x + box.width, height - box.y)
    return Written(
        b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Seal) /F %d /Rect [%s] /P "
        % (_PRINTED_AND_LOCKED, b" ".join(map(number, corners))),
        page,
        b" /V ",
        value,
        b" /AP << /N ",
        appearance,
        b" >> >>",
    )


def form_of(field: Written) -> Written:
    """The interactive form with the one field."""
    return Written(b"<< /Fields [ ", field, b" ] /SigFlags %d >>" % _SIGNED_AND_APPEND_ONLY)


def sealed(file: bytes, sealer: Sealer) -> bytes:
    """The file with both gaps filled."""
    content = bytearray(file)
    range_at = content.rindex(_EMPTY_RANGE)
    gap = range_at + len(_EMPTY_RANGE) + len(_CONTENTS) - 1  # the gap has the angle brackets
    end = gap + 2 * sealer.room_bytes + 2
    byte_range = _RANGE % (gap, end, len(content) - end)
    content[range_at : range_at + len(byte_range)] = byte_range
    view = memoryview(content)
    digest = hashlib.sha256(view[:gap])
    digest.update(view[end:])
    view.release()
    signature = sealer.seal(digest.digest()).hex().encode()
    content[gap + 1 : gap + 1 + len(signature)] = signature
    return bytes(content)
