"""The tables of this room; their making stands in the migrations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _time(name: str, *, required: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required)


applications = Table(
    "applications",
    metadata,
    Column("application_no", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("seal", Text),
    Column("uscc", Text, nullable=False),
    Column("company_name", Text, nullable=False),
    Column("submitted_at", Text, nullable=False),
    _time("accepted_at", required=True),
    Column("submission", JSONB, nullable=False),
    Column("refused_items", JSONB, nullable=False),
    _time("finished_at"),
    Column("round", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("total", SmallInteger, nullable=False),
    Column("ready", SmallInteger, nullable=False),
    Column("making", SmallInteger, nullable=False),
    Column("customs_unfinished", SmallInteger, nullable=False),
    Column("unsupported_version", SmallInteger, nullable=False),
    Column("failed", SmallInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("phase", Text),
    _time("remind_at"),
    Column("reminders", SmallInteger, nullable=False),
    _time("ordered_at"),
    _time("give_up_at"),
    Column("files", JSONB, nullable=False),
    _time("made_at"),
    _time("expires_at"),
    _time("deleted_at"),
    Column("operations", Integer, nullable=False, server_default="0"),
)

items = Table(
    "items",
    metadata,
    Column("application_no", Text, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("rank", SmallInteger, nullable=False),
    Column("uscc", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("seal", Text),
    Column("status", Text, nullable=False),
    _time("accepted_at", required=True),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("phase", Text),
    Column("attempts", Integer, nullable=False),
    Column("reason_code", Text),
    _time("handed_at"),
    _time("remind_at"),
    Column("reminders", SmallInteger, nullable=False),
    _time("ordered_at"),
    _time("give_up_at"),
    Column("object_key", Text),
    Column("verification_code", Text),
    Column("form_kind", Text),
    Column("snapshot_digest", Text),
    Column("reused", Boolean, nullable=False),
    Column("etag", Text),
    Column("sha256", Text),
    Column("crc32", BigInteger),
    Column("size_bytes", BigInteger),
    Column("pages", Integer),
    _time("made_at"),
    _time("expires_at"),
    _time("deleted_at"),
    _time("withdrawn_at"),
    Column("operations", Integer, nullable=False, server_default="0"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("application_no", Text, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("application_no", Text, primary_key=True),
    Column("payload_sha256", Text, nullable=False, unique=True),
    Column("proof", JSONB, nullable=False),
)

companies = Table(
    "companies",
    metadata,
    Column("uscc", Text, primary_key=True),
    Column("feed_seq", BigInteger, nullable=False),
    Column("unfinished", Integer, nullable=False),
    Column("in_work", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("day", Date),
    Column("day_items", Integer, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("uscc", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("content_sha256", Text, nullable=False),
    Column("answer", JSONB, nullable=False),
    _time("created_at", required=True),
)

feed = Table(
    "feed",
    metadata,
    Column("uscc", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("event", Text, nullable=False),
    Column("application_no", Text),
    Column("data", JSONB, nullable=False),
    _time("at", required=True),
)

operations = Table(
    "operations",
    metadata,
    Column("row", BigInteger, Identity(always=True), primary_key=True),
    Column("operation_id", Text, nullable=False, unique=True),
    Column("application_no", Text, nullable=False),
    Column("entry_id", Text),
    Column("seq", Integer, nullable=False),
    _time("at", required=True),
    Column("action", Text, nullable=False),
    Column("actor", JSONB, nullable=False),
    Column("client", JSONB, nullable=False),
    Column("file_sha256", Text),
    Column("bundle_id", Text),
    Column("format", Text),
    Column("partial", Boolean),
)

bundles = Table(
    "bundles",
    metadata,
    Column("bundle_id", Text, primary_key=True),
    Column("uscc", Text, nullable=False),
    Column("state", Text, nullable=False),
    _time("created_at", required=True),
    Column("object_key", Text, nullable=False),
    Column("members", JSONB, nullable=False),
    Column("skipped", JSONB, nullable=False),
    _time("members_until", required=True),
    _time("give_up_at", required=True),
    Column("version", Integer, nullable=False),
    _time("remind_at"),
    Column("reminders", SmallInteger, nullable=False),
    Column("reason_code", Text),
    Column("etag", Text),
    Column("sha256", Text),
    Column("size_bytes", BigInteger),
    _time("made_at"),
    _time("expires_at"),
    _time("deleted_at"),
    _time("dropped_at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_sha256", Text, primary_key=True),
    Column("bundle_id", Text, nullable=False),
    Column("actor", JSONB, nullable=False),
    _time("expires_at", required=True),
    _time("spent_at"),
)
