"""What others say has happened. Whoever hears a fact makes no call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from services.apply import metrics
from services.apply.domain import application as rules
from services.apply.domain import bundle as bundles
from services.apply.domain.application import StoredFile
from services.apply.domain.feed import application_changed, bundle_changed, item_changed
from services.apply.domain.policy import Policy
from services.apply.handlers.bundling import build_next
from services.apply.handlers.telling import complete, hand_over, tell
from services.apply.ports import Work
from services.kernel.contracts import query, render, retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.apply.domain.application import Application, Item
    from services.apply.domain.bundle import Bundle
    from services.kernel.contracts.envelope import Envelope

log = structlog.get_logger()


@dataclass(frozen=True)
class Moment:
    """The transaction, the time and the numbers by which a fact is judged.

    `ended` collects kind, status and order time of what came to its end, to be counted when that
    is committed.
    """

    work: Work
    now: datetime
    policy: Policy
    ended: list[tuple[str, str, datetime | None]] = field(default_factory=list)

    def commit(self) -> None:
        """Make it last, then count it."""
        self.work.commit()
        for kind, status, ordered_at in self.ended:
            metrics.ended.labels(kind, status).inc()
            if ordered_at and status != rules.FAILED:
                waited_s = (self.now - ordered_at).total_seconds()
                metrics.application_to_artifact_seconds.labels(kind).observe(waited_s)


def hear(envelope: Envelope, *, work: Work, now: datetime, policy: Policy) -> None:
    """Take a fact in, once; a fact that concerns nothing here is seen and passed by."""
    if not work.first_sight(envelope.id):
        return
    react = _REACTIONS.get(type(envelope.data))
    moment = Moment(work, now, policy)
    if react is not None and not react(envelope.data, moment):
        log.info("fact_ignored", type=envelope.type, subject=envelope.subject)
    moment.commit()


# --- printed forms -------------------------------------------------------------------------------


def _document_made(fact: render.DocumentMade, at: Moment) -> bool:
    return _change_item(fact, at, lambda item: rules.made(item, fact))


def _document_delayed(fact: render.DocumentDelayed, at: Moment) -> bool:
    return _change_item(fact, at, lambda item: rules.delayed(item, fact, at.policy))


def _document_failed(fact: render.DocumentFailed, at: Moment) -> bool:
    return _change_item(
        fact,
        at,
        lambda item: rules.failed(item, fact.revision, fact.reason_code, fact.attempts),
    )


_ItemFact = render.DocumentMade | render.DocumentDelayed | render.DocumentFailed


def _change_item(fact: _ItemFact, at: Moment, change: Callable[[Item], Item | None]) -> bool:
    found = at.work.applications.lock_item(fact.application_no, fact.entry_id)
    if found is None:
        return False
    application, item = found
    changed = change(item)
    if changed is None:
        return False
    change_items(at, application, [(item, changed)])
    return True


def change_items(at: Moment, application: Application, pairs: list[tuple[Item, Item]]) -> None:
    """Save changed print items of a locked application and tell everyone."""
    work = at.work
    work.applications.save_items([new for _, new in pairs])
    ended = [old for old, new in pairs if old.bucket != new.bucket]
    at.ended.extend((new.kind, new.status, new.ordered_at) for _, new in pairs if not new.phase)
    for old, new in pairs:
        application = rules.moved(application, old, new, at.now)
    changes = [item_changed(new) for _, new in pairs]
    if ended:
        work.applications.save(application)
        changes.append(application_changed(application))
    handed = sum(1 for item in ended if item.handed_at)
    company = tell(
        work,
        application.uscc,
        changes,
        at.now,
        unfinished=-len(ended),
        in_work=-handed,
        waiting=handed - len(ended),
    )
    if ended:
        complete(work, application, at.now)
        hand_over(work, company, at.now, at.policy)


# --- data files ----------------------------------------------------------------------------------


def _export_made(fact: render.ExportMade, at: Moment) -> bool:
    application = at.work.applications.lock(fact.application_no)
    if application is None or not rules.export_concerned(application, fact.revision):
        return False
    reasons = {entry.entry_id: entry.reason_code for entry in fact.failed}
    new = [
        _entry_after(item, reasons.get(item.entry_id), fact.attempts)
        for item in at.work.applications.items(fact.application_no)
    ]
    if any(item.ready for item in new) and _brings_new(application, new):
        application = replace(
            application,
            files={file.format: _stored(file) for file in fact.files},
            made_at=fact.made_at,
            expires_at=fact.expires_at,
            deleted_at=None,
        )
    _end_export(at, application, new)
    return True


def _brings_new(application: Application, items: list[Item]) -> bool:
    """Whether these files hold more than the ones of an earlier revision."""
    return sum(item.ready for item in items) > application.ready


def _entry_after(item: Item, reason_code: str | None, attempts: int) -> Item:
    if item.status != rules.MAKING:
        return item
    if reason_code is not None:
        return rules.entry_failed(item, reason_code, attempts)
    return rules.entry_ready(item, attempts)


def _stored(file: render.ExportFile) -> StoredFile:
    return StoredFile(file.object_key, file.etag, file.sha256, file.size_bytes)


def _export_failed(fact: render.ExportFailed, at: Moment) -> bool:
    application = at.work.applications.lock(fact.application_no)
    if application is None or not rules.export_concerned(application, fact.revision):
        return False
    fail_export(at, application, fact.reason_code, fact.attempts)
    return True


def fail_export(at: Moment, application: Application, reason_code: str, attempts: int) -> None:
    """End what is being made of a locked export without new data."""
    items = [
        _entry_after(item, reason_code, attempts)
        for item in at.work.applications.items(application.application_no)
    ]
    _end_export(at, application, items)


def _end_export(at: Moment, application: Application, items: list[Item]) -> None:
    work, ended = at.work, application.making
    application = replace(application, phase=None, remind_at=None)
    application = rules.closed(rules.counted(application, items), at.now)
    at.ended.append(("export", application.status, application.ordered_at))
    work.applications.save_items(items)
    work.applications.save(application)
    change = application_changed(application)
    tell(work, application.uscc, [change], at.now, unfinished=-ended)
    complete(work, application, at.now)


def _export_delayed(fact: render.ExportDelayed, at: Moment) -> bool:
    application = at.work.applications.lock(fact.application_no)
    if application is None or not rules.export_concerned(application, fact.revision):
        return False
    remind_at = fact.next_try_at + at.policy.late_after
    application = replace(application, phase="retrying", remind_at=remind_at)
    making = [
        replace(item, attempts=fact.attempt, phase="retrying")
        for item in at.work.applications.items(fact.application_no)
        if item.status == rules.MAKING
    ]
    at.work.applications.save_items(making)
    at.work.applications.save(application)
    tell(at.work, application.uscc, [application_changed(application)], at.now)
    return True


# --- bundles -------------------------------------------------------------------------------------


def _bundle_made(fact: render.BundleMade, at: Moment) -> bool:
    return change_bundle(at, fact.bundle_id, lambda bundle: bundles.built(bundle, fact))


def _bundle_failed(fact: render.BundleFailed, at: Moment) -> bool:
    return change_bundle(
        at, fact.bundle_id, lambda bundle: bundles.broken(bundle, fact.reason_code)
    )


def _bundle_delayed(fact: render.BundleDelayed, at: Moment) -> bool:
    bundle = at.work.bundles.lock(fact.bundle_id)
    if bundle is None or bundle.state != bundles.BUILDING:
        return False
    at.work.bundles.save(replace(bundle, remind_at=fact.next_try_at + at.policy.late_after))
    return True


def change_bundle(at: Moment, bundle_id: str, change: Callable[[Bundle], Bundle | None]) -> bool:
    """Bring a bundle to its end, tell, and let the company's next one begin."""
    bundle = at.work.bundles.lock(bundle_id)
    changed = change(bundle) if bundle else None
    if changed is None:
        return False
    at.work.bundles.save(changed)
    tell(at.work, changed.uscc, [bundle_changed(changed, at.now)], at.now)
    build_next(at.work, changed.uscc, at.now, at.policy)
    return True


# --- what went away ------------------------------------------------------------------------------


def _artifact_deleted(fact: retention.ArtifactDeleted, at: Moment) -> bool:
    number, _, entry_id = fact.subject.partition("/")
    if number.startswith("bdl_"):
        return _bundle_deleted(number, fact, at)
    if not entry_id:
        return _export_deleted(number, fact, at)
    found = at.work.applications.lock_item(number, entry_id)
    changed = rules.deleted(found[1], fact.object_keys, fact.deleted_at) if found else None
    if changed is None:
        return False
    at.work.applications.save_items([changed])
    at.work.applications.thaw(number, entry_id)
    return True


def _export_deleted(number: str, fact: retention.ArtifactDeleted, at: Moment) -> bool:
    application = at.work.applications.lock(number)
    if application is None or application.making:
        return False
    if not {file.object_key for file in application.files.values()} & set(fact.object_keys):
        return False
    at.work.applications.save(replace(application, deleted_at=fact.deleted_at))
    at.work.applications.thaw(number)
    return True


def _bundle_deleted(bundle_id: str, fact: retention.ArtifactDeleted, at: Moment) -> bool:
    bundle = at.work.bundles.lock(bundle_id)
    if bundle is None or bundle.object_key not in fact.object_keys:
        return False
    at.work.bundles.save(replace(bundle, deleted_at=fact.deleted_at))
    return True


def _declaration_withdrawn(fact: query.DeclarationWithdrawn, at: Moment) -> bool:
    at.work.applications.mark_withdrawn(fact.entry_id, fact.at)
    return True


def _declaration_erased(fact: query.DeclarationErased, at: Moment) -> bool:
    at.work.applications.erase_declaration(fact.entry_id)
    return True


_REACTIONS: dict[type[Any], Callable[[Any, Moment], bool]] = {
    render.DocumentMade: _document_made,
    render.DocumentDelayed: _document_delayed,
    render.DocumentFailed: _document_failed,
    render.ExportMade: _export_made,
    render.ExportDelayed: _export_delayed,
    render.ExportFailed: _export_failed,
    render.BundleMade: _bundle_made,
    render.BundleDelayed: _bundle_delayed,
    render.BundleFailed: _bundle_failed,
    retention.ArtifactDeleted: _artifact_deleted,
    query.DeclarationWithdrawn: _declaration_withdrawn,
    query.DeclarationErased: _declaration_erased,
}
