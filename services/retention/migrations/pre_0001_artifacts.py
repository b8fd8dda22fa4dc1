"""Artifacts with their objects, holds, deletions; and the delivery tables."""

from alembic import op

from services.kernel.database import tables as delivery

revision = "pre_0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE artifacts (
    artifact_id text PRIMARY KEY,
    subject text NOT NULL,
    revision integer NOT NULL,
    product text NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    policy_version text NOT NULL,
    state text NOT NULL CHECK (state IN ('kept', 'condemned', 'deleted', 'changed')),
    holds integer NOT NULL DEFAULT 0 CHECK (holds >= 0),
    condemned_at timestamptz,
    UNIQUE (subject, revision)
);
CREATE INDEX artifacts_due ON artifacts (expires_at) WHERE state IN ('kept', 'condemned');
CREATE INDEX artifacts_condemned ON artifacts (condemned_at) WHERE state = 'condemned';

CREATE TABLE objects (
    object_key text COLLATE "C" PRIMARY KEY,
    artifact_id text NOT NULL REFERENCES artifacts,
    position integer NOT NULL,
    etag text NOT NULL,
    sha256 text NOT NULL,
    size_bytes bigint NOT NULL,
    version_id text
);
CREATE INDEX objects_artifact ON objects (artifact_id);

CREATE TABLE holds (
    hold_id text PRIMARY KEY,
    subject text NOT NULL,
    reason_code text NOT NULL,
    held_at timestamptz NOT NULL,
    released_at timestamptz
);
CREATE INDEX holds_standing ON holds (subject) WHERE released_at IS NULL;

CREATE TABLE dropped (
    bundle_id text PRIMARY KEY,
    dropped_at timestamptz NOT NULL
);

CREATE TABLE deletions (
    number bigint PRIMARY KEY,
    artifact_id text NOT NULL UNIQUE,
    subject text NOT NULL,
    object_keys text[] NOT NULL,
    sha256 text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    deleted_at timestamptz NOT NULL,
    verified_at timestamptz NOT NULL,
    policy_version text NOT NULL,
    proof text NOT NULL
);
CREATE INDEX deletions_deleted_at ON deletions (deleted_at);
"""


def upgrade() -> None:
    """Make the tables."""
    delivery.metadata.create_all(op.get_bind())
    op.execute(_TABLES)
