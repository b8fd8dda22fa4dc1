"""A stored ZIP that is the same for the same members: the archives of exports and lists."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

from services.kernel.calendar import ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

CHECKSUMS = "SHA256SUMS"


def member(name: str, made_at: datetime) -> zipfile.ZipInfo:
    """An entry stored as it is, dated in local time, readable by all."""
    local = made_at.astimezone(ZONE)
    info = zipfile.ZipInfo(
        name, (local.year, local.month, local.day, local.hour, local.minute, local.second)
    )
    info.compress_type = zipfile.ZIP_STORED
    info.create_system = 3  # Unix, wherever it is made
    info.external_attr = 0o100644 << 16
    return info


def checksums(digests: Mapping[str, str]) -> bytes:
    """The lines that `sha256sum --check` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()


def to_zip(files: Mapping[str, bytes], made_at: datetime) -> bytes:
    """The files in their order, and their SHA256SUMS at the end."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in {**files, CHECKSUMS: checksums(digests)}.items():
            archive.writestr(member(name, made_at), content)
    return target.getvalue()
