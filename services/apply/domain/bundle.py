"""Bundles of made documents and the tickets that fetch them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.apply.domain import words
from services.kernel.contracts.apply import Actor, BundleMember, SkippedMember

if TYPE_CHECKING:
    from services.apply.domain.application import Item
    from services.apply.domain.policy import Policy
    from services.kernel.contracts.render import BundleMade

QUEUED = "queued"
BUILDING = "building"
READY = "ready"
FAILED = "failed"


@dataclass(frozen=True)
class Bundle:
    """Many documents in one ZIP. `queued` waits for a free place of its company."""

    bundle_id: str
    uscc: str
    state: str
    created_at: datetime
    object_key: str
    members: list[BundleMember]
    skipped: list[SkippedMember]
    members_until: datetime
    give_up_at: datetime
    version: int = 0
    remind_at: datetime | None = None
    reminders: int = 0
    reason_code: str | None = None
    etag: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    made_at: datetime | None = None
    expires_at: datetime | None = None
    deleted_at: datetime | None = None
    dropped_at: datetime | None = None

    def shown_state(self, now: datetime) -> str:
        """The stored state, or `expired`, which is no state but the clock."""
        over = self.expires_at is not None and now >= self.expires_at
        return "expired" if over else self.state

    @property
    def bytes_total(self) -> int:
        """The size of all members."""
        return sum(member.size_bytes for member in self.members)


@dataclass(frozen=True)
class TicketRow:
    """A ticket as stored: by digest, with the one for whom it was issued."""

    ticket_sha256: str
    bundle_id: str
    actor: Actor
    expires_at: datetime
    spent_at: datetime | None = None


def unavailable_code(item: Item | None, now: datetime) -> str | None:
    """Why an item cannot go into a bundle, or None."""
    if item is None:
        return "not-found"
    if item.expired(now) or item.deleted_at is not None:
        return "expired"
    return None if item.ready else "not-ready"


def member(item: Item) -> BundleMember:
    """A made item as a member of a bundle."""
    seal = item.seal or "none"
    return BundleMember(
        application_no=item.application_no,
        entry_id=item.entry_id,
        seal=seal,
        object_key=item.object_key or "",
        etag=item.etag or "",
        sha256=item.sha256 or "",
        crc32=item.crc32 or 0,
        size_bytes=item.size_bytes or 0,
        name=words.document_path(item.application_no, item.entry_id, seal),
    )


def handed(bundle: Bundle, now: datetime, policy: Policy) -> Bundle:
    """The bundle after its order went to render."""
    return replace(
        bundle,
        state=BUILDING,
        remind_at=now + policy.late_after,
        give_up_at=now + policy.give_up_after,
    )


def reminded(bundle: Bundle, now: datetime, policy: Policy) -> Bundle:
    """The bundle after its order went out once more."""
    pause = policy.late_after * (1 << min(bundle.reminders + 1, 6))
    return replace(bundle, reminders=bundle.reminders + 1, remind_at=now + pause)


def built(bundle: Bundle, fact: BundleMade) -> Bundle | None:
    """The bundle after it was stored."""
    if bundle.state != BUILDING or bundle.dropped_at is not None:
        return None
    return replace(
        bundle,
        state=READY,
        remind_at=None,
        etag=fact.etag,
        sha256=fact.sha256,
        size_bytes=fact.size_bytes,
        made_at=fact.made_at,
        expires_at=fact.expires_at,
    )


def broken(bundle: Bundle, reason_code: str) -> Bundle | None:
    """The bundle after the last try, or after nobody waits any longer."""
    if bundle.state not in {QUEUED, BUILDING} or bundle.dropped_at is not None:
        return None
    code = words.known_reason(reason_code)
    return replace(bundle, state=FAILED, remind_at=None, reason_code=code)


def timed_out(bundle: Bundle, now: datetime) -> Bundle | None:
    """The bundle after nobody waits any longer; None when it was given more time meanwhile."""
    return broken(bundle, "timed-out") if bundle.give_up_at <= now else None
