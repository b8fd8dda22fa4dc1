"""Retention's use cases over corners of the real parts, without broker or nameko."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from pydantic import SecretStr
from sqlalchemy import text

from services.kernel.clock import SystemClock
from services.kernel.contracts import envelope as envelopes
from services.kernel.contracts import registry
from services.kernel.contracts.envelope import Envelope
from services.kernel.contracts.render import BundleMade, DocumentMade, ExportFile, ExportMade
from services.kernel.database.engine import make_engine
from services.kernel.database.migrate import migrate
from services.kernel.database.relay import Relay
from services.kernel.ids import uuid7
from services.kernel.testing.memory_store import MemoryStore
from services.retention.bootstrap import Due, RetentionUseCases
from services.retention.settings import RetentionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.kernel.contracts.retention import ArtifactDeleted
    from services.kernel.storage.port import ObjectStore


class NoBroker:
    """Takes nothing: what was said stays in the outbox, where a test reads it."""

    def publish(self, batch):
        return set()

    def close(self):
        pass


def retention_use(
    database_url: str, store: ObjectStore | None = None, **settings: object
) -> Iterator[RetentionUseCases]:
    """Use cases over a migrated database, and a store in memory unless one is given."""
    migrate("retention", database_url)
    engine = make_engine(database_url)
    clock = SystemClock()
    use = RetentionUseCases(
        engine=engine,
        store=store or MemoryStore(clock),
        clock=clock,
        settings=RetentionSettings(
            environment="development",
            amqp_uri=SecretStr("amqp://none"),
            database_url=SecretStr(database_url),
            s3_endpoint_url="http://none",
            s3_bucket="none",
            s3_access_key_id=SecretStr("none"),
            s3_secret_access_key=SecretStr("none"),
            **settings,
        ),
        outbox=Relay(engine, NoBroker()),
        publisher=NoBroker(),
        sweep_due=Due(0),
        audit_due=Due(0),
    )
    yield use
    engine.dispose()


def said(use: RetentionUseCases, type_: str = "") -> list[Envelope]:
    """What stands in the outbox, in order."""
    with use.engine.connect() as connection:
        rows = connection.execute(text("SELECT body FROM outbox ORDER BY seq")).all()
    found = [envelopes.decode(bytes(row.body)) for row in rows]
    return [one for one in found if type_ in one.type]


def deletions(use: RetentionUseCases) -> list[ArtifactDeleted]:
    """The facts of deletions."""
    return [one.data for one in said(use, "deleted")]


def states(use: RetentionUseCases) -> dict[str, str]:
    """The states of all artifacts by subject and revision."""
    with use.engine.connect() as connection:
        rows = connection.execute(text("SELECT subject, revision, state FROM artifacts"))
        return {f"{row.subject}#{row.revision}": row.state for row in rows}


def stored(store: ObjectStore, key: str, body: bytes = b"document") -> str:
    """Store an object; answers its ETag."""
    return store.put_new(key, body, content_type="application/pdf", metadata={}).etag


def document(
    store: ObjectStore | None, number: int = 1, revision: int = 1, **changes: object
) -> DocumentMade:
    """A made document that expired an hour ago, stored if a store is given."""
    application_no = f"P20261123{number:09d}"
    key = f"documents/{application_no}/530120261000000018/r{revision}/0123456789abcdef.pdf"
    ended = datetime.now(UTC) - timedelta(hours=1)
    made = DocumentMade(
        application_no=application_no,
        entry_id="530120261000000018",
        revision=revision,
        uscc="91990000MA0TEAAA29",
        seal="none",
        object_key=key,
        etag=stored(store, key) if store else "0" * 32,
        sha256="ab" * 32,
        crc32=1,
        size_bytes=8,
        pages=1,
        verification_code="7K3M9QW2XR5T8V1B4N6P0D2H",
        layout_version="1",
        reused=False,
        attempts=1,
        made_at=ended - timedelta(seconds=5),
        expires_at=ended,
        render_ms=2.0,
    )
    return replace(made, **changes)


def export(store: ObjectStore) -> ExportMade:
    """A made export that expired an hour ago."""
    formats = ("zip", "xlsx", "csv", "json", "xml")
    ended = datetime.now(UTC) - timedelta(hours=1)
    keys = {one: f"exports/D20261123000000009/r1/0123456789abcdef.{one}" for one in formats}
    return ExportMade(
        application_no="D20261123000000009",
        revision=1,
        uscc="91990000MA0TEAAA29",
        files=[
            ExportFile(one, keys[one], stored(store, keys[one]), "cd" * 32, 8) for one in formats
        ],
        failed=[],
        attempts=1,
        made_at=ended - timedelta(seconds=5),
        expires_at=ended,
    )


def bundle(store: ObjectStore, **changes: object) -> BundleMade:
    """A made bundle that lives another day."""
    key = "bundles/bdl_1/0123456789abcdef.zip"
    now = datetime.now(UTC)
    made = BundleMade(
        bundle_id="bdl_1",
        uscc="91990000MA0TEAAA29",
        object_key=key,
        etag=stored(store, key),
        sha256="ef" * 32,
        size_bytes=8,
        made_at=now,
        expires_at=now + timedelta(hours=24),
    )
    return replace(made, **changes)


def told(payload: object, subject: str | None = None, id_: str | None = None) -> Envelope:
    """The payload as it would arrive."""
    return Envelope(
        id=id_ or uuid7(),
        type=registry.type_of(payload),
        source="/danzheng/render",
        subject=subject or _subject(payload),
        time=datetime.now(UTC),
        data=msgspec.convert(msgspec.to_builtins(payload), type(payload)),
    )


def _subject(payload: object) -> str:
    if isinstance(payload, DocumentMade):
        return f"{payload.application_no}/{payload.entry_id}"
    return getattr(payload, "bundle_id", "") or payload.application_no
