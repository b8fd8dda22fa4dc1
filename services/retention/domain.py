"""The terms of retention: artifacts, their ends, the proof of their deletion."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.kernel.calendar import expiry

Product = Literal["document", "export", "bundle"]
State = Literal["kept", "condemned", "deleted", "changed"]

POLICY_VERSION = "month-1"  # changes when the rule changes, not when a setting does
FIRST_PROOF = "0" * 64
_BUNDLE_LIFETIME = timedelta(hours=24)
_TOLERANCE = timedelta(seconds=1)


@dataclass(frozen=True)
class StoredObject:
    """An object of an artifact, as it was when it was made."""

    key: str
    etag: str
    sha256: str
    size_bytes: int
    version_id: str | None = None


@dataclass(frozen=True)
class Artifact:
    """What was made of one order and ends at one moment: a document, five files, a bundle."""

    artifact_id: str
    subject: str
    revision: int
    product: Product
    made_at: datetime
    expires_at: datetime
    policy_version: str
    objects: tuple[StoredObject, ...]


@dataclass(frozen=True)
class Deletion:
    """The record that the bytes are gone. `number` counts from 1 without gaps."""

    number: int
    artifact_id: str
    subject: str
    object_keys: tuple[str, ...]
    sha256: tuple[str, ...]
    expires_at: datetime
    deleted_at: datetime
    verified_at: datetime
    policy_version: str


@dataclass(frozen=True)
class ProvenDeletion:
    """A deletion with its link of the chain."""

    deletion: Deletion
    proof: str


@dataclass(frozen=True)
class ChainEnd:
    """The last link: its number (0 before the first) and its proof."""

    number: int
    proof: str


@dataclass(frozen=True)
class DayProof:
    """The head of a day, whether its links hold, and the number of the first that does not."""

    head: str
    ok: bool
    first_broken: int | None


@dataclass(frozen=True)
class DueArtifact:
    """An artifact past its end."""

    artifact_id: str
    subject: str
    expires_at: datetime
    state: State
    held: bool


@dataclass(frozen=True)
class Overdue:
    """What is past its end: not held, its oldest end, held."""

    count: int
    oldest: datetime | None
    held: int


def own_end(product: Product, made_at: datetime, lifetime: str) -> datetime:
    """When the own policy would end an artifact."""
    return made_at + _BUNDLE_LIFETIME if product == "bundle" else expiry(made_at, lifetime)


def differs(stated: datetime, own: datetime, product: Product) -> bool:
    """Whether a stated end contradicts the own policy; bundles may always end earlier."""
    if product == "bundle" and stated <= own:
        return False
    return abs(stated - own) > _TOLERANCE


def link(previous: str, deletion: Deletion) -> str:
    """The proof of a deletion: SHA-256 over the previous proof and the row."""
    row = {
        "number": deletion.number,
        "artifact_id": deletion.artifact_id,
        "subject": deletion.subject,
        "object_keys": deletion.object_keys,
        "sha256": deletion.sha256,
        "expires_at": _instant(deletion.expires_at),
        "deleted_at": _instant(deletion.deleted_at),
        "verified_at": _instant(deletion.verified_at),
        "policy_version": deletion.policy_version,
    }
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((previous + text).encode()).hexdigest()


def verify(before: ChainEnd, links: list[ProvenDeletion]) -> DayProof:
    """Follow the chain from `before`; stops at the first link that does not hold."""
    end = before
    for one in links:
        expected = link(end.proof, one.deletion)
        if one.deletion.number != end.number + 1 or one.proof != expected:
            return DayProof(end.proof, ok=False, first_broken=one.deletion.number)
        end = ChainEnd(one.deletion.number, one.proof)
    return DayProof(end.proof, ok=True, first_broken=None)


def cap(population: int, share: float, floor: int) -> int:
    """How many artifacts a run may delete."""
    return max(floor, int(population * share))


def _instant(moment: datetime) -> str:
    return f"{moment.timestamp():.6f}"
