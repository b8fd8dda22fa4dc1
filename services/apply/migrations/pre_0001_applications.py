"""Applications, items, evidence, feed, operation records, bundles, and the delivery tables."""

from alembic import op

from services.kernel.database.tables import metadata as delivery

revision = "apply_0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE SEQUENCE print_numbers;
CREATE SEQUENCE export_numbers;

CREATE TABLE applications (
    application_no text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('print', 'export')),
    seal text CHECK (seal IN ('none', 'sealed')),
    uscc text NOT NULL,
    company_name text NOT NULL,
    submitted_at text NOT NULL,
    accepted_at timestamptz NOT NULL,
    submission jsonb NOT NULL,
    refused_items jsonb NOT NULL,
    finished_at timestamptz,
    round integer NOT NULL,
    version integer NOT NULL,
    total smallint NOT NULL,
    ready smallint NOT NULL CHECK (ready >= 0),
    making smallint NOT NULL CHECK (making >= 0),
    customs_unfinished smallint NOT NULL,
    unsupported_version smallint NOT NULL,
    failed smallint NOT NULL CHECK (failed >= 0),
    revision integer NOT NULL,
    phase text,
    remind_at timestamptz,
    reminders smallint NOT NULL,
    ordered_at timestamptz,
    give_up_at timestamptz,
    files jsonb NOT NULL,
    made_at timestamptz,
    expires_at timestamptz,
    deleted_at timestamptz,
    operations integer NOT NULL DEFAULT 0
);
CREATE INDEX applications_list ON applications (uscc, kind, accepted_at, application_no);
CREATE INDEX applications_late ON applications (remind_at)
    WHERE kind = 'export' AND making > 0;
CREATE INDEX applications_overdue ON applications (give_up_at)
    WHERE kind = 'export' AND making > 0;

CREATE TABLE items (
    application_no text NOT NULL REFERENCES applications ON DELETE CASCADE,
    entry_id text NOT NULL,
    rank smallint NOT NULL,
    uscc text NOT NULL,
    kind text NOT NULL,
    seal text,
    status text NOT NULL,
    accepted_at timestamptz NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL,
    phase text,
    attempts integer NOT NULL,
    reason_code text,
    handed_at timestamptz,
    remind_at timestamptz,
    reminders smallint NOT NULL,
    ordered_at timestamptz,
    give_up_at timestamptz,
    object_key text,
    verification_code text,
    form_kind text,
    snapshot_digest text,
    reused boolean NOT NULL,
    etag text,
    sha256 text,
    crc32 bigint,
    size_bytes bigint,
    pages integer,
    made_at timestamptz,
    expires_at timestamptz,
    deleted_at timestamptz,
    withdrawn_at timestamptz,
    operations integer NOT NULL DEFAULT 0,
    PRIMARY KEY (application_no, entry_id)
) WITH (fillfactor = 80);
CREATE INDEX items_list ON items (uscc, accepted_at, application_no, rank) WHERE kind = 'print';
CREATE INDEX items_entry ON items (entry_id);
CREATE INDEX items_code ON items (verification_code) WHERE made_at IS NOT NULL;
CREATE INDEX items_sha256 ON items (sha256) WHERE made_at IS NOT NULL;
CREATE INDEX items_made ON items (made_at) WHERE made_at IS NOT NULL;
CREATE INDEX items_making ON items (accepted_at) WHERE status = 'making' AND kind = 'print';
CREATE INDEX items_waiting ON items (uscc, accepted_at, rank)
    WHERE status = 'making' AND kind = 'print' AND handed_at IS NULL;

CREATE TABLE snapshots (
    application_no text NOT NULL REFERENCES applications ON DELETE CASCADE,
    entry_id text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (application_no, entry_id)
);
CREATE INDEX snapshots_entry ON snapshots (entry_id);

CREATE TABLE evidence (
    application_no text PRIMARY KEY,
    payload_sha256 text NOT NULL UNIQUE,
    proof jsonb NOT NULL
);

CREATE TABLE companies (
    uscc text PRIMARY KEY,
    feed_seq bigint NOT NULL,
    unfinished integer NOT NULL CHECK (unfinished >= 0),
    in_work integer NOT NULL CHECK (in_work >= 0),
    waiting integer NOT NULL CHECK (waiting >= 0),
    day date,
    day_items integer NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE answers (
    uscc text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    content_sha256 text NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (uscc, path, key)
);
CREATE INDEX answers_age ON answers (created_at);

CREATE TABLE feed (
    uscc text NOT NULL,
    seq bigint NOT NULL,
    event text NOT NULL,
    application_no text,
    data jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (uscc, seq)
);
CREATE INDEX feed_age ON feed (at);

CREATE TABLE operations (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation_id text NOT NULL UNIQUE,
    application_no text NOT NULL,
    entry_id text,
    seq integer NOT NULL,
    at timestamptz NOT NULL,
    action text NOT NULL,
    actor jsonb NOT NULL,
    client jsonb NOT NULL,
    file_sha256 text,
    bundle_id text,
    format text,
    partial boolean
);
CREATE UNIQUE INDEX operations_of_items ON operations (application_no, entry_id, seq)
    WHERE entry_id IS NOT NULL;
CREATE UNIQUE INDEX operations_of_exports ON operations (application_no, seq)
    WHERE entry_id IS NULL;
CREATE FUNCTION operations_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '3 years' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'operation records are append-only';
END $$;
CREATE TRIGGER operations_are_kept BEFORE UPDATE OR DELETE ON operations
    FOR EACH ROW EXECUTE FUNCTION operations_are_kept();

CREATE TABLE bundles (
    bundle_id text PRIMARY KEY,
    uscc text NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    object_key text NOT NULL,
    members jsonb NOT NULL,
    skipped jsonb NOT NULL,
    members_until timestamptz NOT NULL,
    give_up_at timestamptz NOT NULL,
    version integer NOT NULL,
    remind_at timestamptz,
    reminders smallint NOT NULL,
    reason_code text,
    etag text,
    sha256 text,
    size_bytes bigint,
    made_at timestamptz,
    expires_at timestamptz,
    deleted_at timestamptz,
    dropped_at timestamptz
);
CREATE INDEX bundles_list ON bundles (uscc, created_at, bundle_id) WHERE dropped_at IS NULL;
CREATE INDEX bundles_open ON bundles (give_up_at) WHERE state IN ('queued', 'building');

CREATE TABLE tickets (
    ticket_sha256 text PRIMARY KEY,
    bundle_id text NOT NULL REFERENCES bundles ON DELETE CASCADE,
    actor jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX tickets_age ON tickets (expires_at);
"""


def upgrade() -> None:
    """Make them."""
    delivery.create_all(op.get_bind())
    op.get_bind().exec_driver_sql(_TABLES.replace("%", "%%"))
