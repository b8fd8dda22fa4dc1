"""Operation records: what was done with a file, by whom, from where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.kernel.contracts.apply import Actor, Client, OperationView
from services.kernel.ids import prefixed


@dataclass(frozen=True)
class Record:
    """A record that has no number yet (`view.seq` is 0); `entry_id` is None for exports."""

    application_no: str
    entry_id: str | None
    view: OperationView


@dataclass(frozen=True)
class Who:
    """Who acts, from where, and when."""

    actor: Actor
    client: Client
    at: datetime


def document_record(
    application_no: str,
    entry_id: str,
    action: str,
    who: Who,
    *,
    sha256: str | None,
    bundle_id: str | None = None,
) -> Record:
    """A record about a printed form."""
    view = OperationView(
        prefixed("opr_"), 0, who.at, action, who.actor, who.client, sha256, bundle_id
    )
    return Record(application_no, entry_id, view)


def export_record(
    application_no: str, who: Who, *, sha256: str, format_: str, partial: bool
) -> Record:
    """A record about a data file."""
    view = OperationView(
        operation_id=prefixed("opr_"),
        seq=0,
        at=who.at,
        action="export",
        actor=who.actor,
        client=who.client,
        file_sha256=sha256,
        format=format_,
        partial=partial,
    )
    return Record(application_no, None, view)
