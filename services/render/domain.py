"""The terms of render: jobs, what they come to, and why they fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.kernel.contracts import render as facts

Product = Literal["document", "export", "bundle"]
State = Literal["made", "failed"]

SOURCE_MISSING = "source-missing"
RENDER_FAILED = "render-failed"
SEAL_UNAVAILABLE = "seal-unavailable"

# trying again cannot help, and everything there is to know is in the reason
FORESEEN = frozenset({SOURCE_MISSING, SEAL_UNAVAILABLE})
_SENTENCES = {
    SOURCE_MISSING: "数据来源缺失",
    RENDER_FAILED: "文件制作失败，请重试；多次失败请联系客服",
    SEAL_UNAVAILABLE: "签章服务暂不可用，请稍后重试",
}

Made = facts.DocumentMade | facts.ExportMade | facts.BundleMade
Failed = facts.DocumentFailed | facts.ExportFailed | facts.BundleFailed
Fact = Made | Failed


def sentence(reason_code: str) -> str:
    """What the applicant reads about a reason."""
    return _SENTENCES[reason_code]


def reason_of(code: str) -> str:
    """The reason the applicant hears for any fault's code."""
    return code if code in _SENTENCES else RENDER_FAILED


@dataclass(frozen=True)
class Job:
    """A job at its end. `subject` and `revision` name it, `message_id` is what brought it."""

    subject: str
    revision: int
    product: Product
    state: State
    attempts: int
    message_id: str
    fact: Fact


@dataclass(frozen=True)
class Known:
    """What the room knows when a message arrives."""

    seen: bool
    job: Job | None


@dataclass(frozen=True)
class DrawnDocument:
    """A drawn document with its digests. `missing` counts the characters no font has."""

    content: bytes
    sha256: str
    crc32: int
    pages: int
    missing: int
    seal_certificate_sha256: str | None
    layout_version: str
    render_ms: float


@dataclass(frozen=True)
class DrawnFiles:
    """Drawn files by format, with their digests."""

    contents: Mapping[str, bytes]
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Lifetime:
    """When a file was made and when it expires."""

    made_at: datetime
    expires_at: datetime
