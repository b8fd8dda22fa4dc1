"""The orders that render fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.apply.domain.application import MAKING
from services.apply.domain.numbers import document_key, export_keys, order_digest
from services.kernel.contracts.apply import (
    BundleAccepted,
    ExportAccepted,
    ExportEntry,
    ExportFailure,
    ItemAccepted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.apply.domain.application import Application, Item
    from services.apply.domain.bundle import Bundle
    from services.apply.domain.policy import Policy
    from services.kernel.contracts.declaration import Snapshot

Message = tuple[object, str]


def key_of_document(item: Item, snapshot_digest: str) -> str:
    """Where the document of this item and revision is stored."""
    digest = order_digest([snapshot_digest, item.kind, item.seal or ""])
    return document_key(item.application_no, item.entry_id, item.revision, digest)


def document_order(item: Item, snapshot: Snapshot, policy: Policy) -> Message:
    """The order of a document, the same however often it is said."""
    assert item.ordered_at and item.give_up_at and item.verification_code  # noqa: S101, PT018
    order = ItemAccepted(
        application_no=item.application_no,
        entry_id=item.entry_id,
        revision=item.revision,
        uscc=item.uscc,
        seal=item.seal or "none",
        snapshot=snapshot,
        object_key=key_of_document(item, snapshot.digest),
        verification_code=item.verification_code,
        ordered_at=item.ordered_at,
        lifetime=policy.file_lifetime,
        zone=policy.zone,
        give_up_at=item.give_up_at,
    )
    return order, f"{item.application_no}/{item.entry_id}"


def export_order(
    application: Application,
    items: list[Item],
    snapshots: Mapping[str, Snapshot],
    policy: Policy,
) -> Message:
    """The order of all data files of an application, with what is known to have no data."""
    assert application.ordered_at and application.give_up_at  # noqa: S101, PT018
    wanted = [item for item in items if item.status != "failed" and item.entry_id in snapshots]
    digests = [snapshots[item.entry_id].digest for item in wanted]
    digest = order_digest([*digests, "export", ""])
    order = ExportAccepted(
        application_no=application.application_no,
        revision=application.revision,
        uscc=application.uscc,
        entries=[ExportEntry(item.entry_id, snapshots[item.entry_id]) for item in wanted],
        failed=_without_data(items, snapshots),
        object_keys=export_keys(application.application_no, application.revision, digest),
        ordered_at=application.ordered_at,
        lifetime=policy.file_lifetime,
        zone=policy.zone,
        give_up_at=application.give_up_at,
    )
    return order, application.application_no


def _without_data(items: list[Item], snapshots: Mapping[str, Snapshot]) -> list[ExportFailure]:
    return [
        ExportFailure(item.entry_id, item.reason_code or "source-missing")
        for item in items
        if item.status == "failed" or item.entry_id not in snapshots
    ]


def bundle_order(bundle: Bundle) -> Message:
    """The order of a bundle."""
    order = BundleAccepted(
        bundle_id=bundle.bundle_id,
        uscc=bundle.uscc,
        object_key=bundle.object_key,
        members=bundle.members,
        skipped=bundle.skipped,
        ordered_at=bundle.created_at,
        members_until=bundle.members_until,
        give_up_at=bundle.give_up_at,
    )
    return order, bundle.bundle_id


def wants_render(items: list[Item]) -> bool:
    """Whether anything of an export is left to be made."""
    return any(item.status == MAKING for item in items)
