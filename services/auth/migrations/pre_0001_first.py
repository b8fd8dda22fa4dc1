"""Challenges, accounts, sessions with their proofs, log-ins, revocation lists."""

from alembic import op

from services.kernel.database.tables import metadata

revision = "pre_0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE challenges (
    challenge_id text PRIMARY KEY,
    nonce text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX challenges_expires ON challenges (expires_at);

CREATE TABLE accounts (
    uscc text PRIMARY KEY,
    company_name text NOT NULL,
    card_no text NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('open', 'closed', 'excluded')),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- touched_at is not indexed: noting the idle time stays an update within the page
CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('active', 'locked')),
    uscc text NOT NULL,
    company_name text NOT NULL,
    card_no text NOT NULL,
    card_kind text NOT NULL,
    holder text NOT NULL,
    certificate_sha256 text NOT NULL,
    valid_until timestamptz NOT NULL,
    via text NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('left', 'idle', 'age', 'replaced', 'revoked')),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX sessions_living ON sessions (session_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_of_company ON sessions (uscc) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE session_proofs (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id text NOT NULL REFERENCES sessions ON DELETE CASCADE,
    proof jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX session_proofs_session ON session_proofs (session_id);

CREATE TABLE logins (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    session_id text NOT NULL,
    uscc text NOT NULL,
    card_no_masked text NOT NULL,
    certificate_sha256 text NOT NULL,
    via text NOT NULL,
    ip text NOT NULL,
    user_agent text NOT NULL
);
CREATE INDEX logins_at ON logins (at);
CREATE INDEX logins_uscc ON logins (uscc, at);

CREATE FUNCTION logins_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table of log-ins is append-only';
END $$;
CREATE TRIGGER logins_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON logins
    FOR EACH STATEMENT EXECUTE FUNCTION logins_only_grow();

CREATE TABLE revocation_lists (
    sha256 text PRIMARY KEY,
    issuer bytea NOT NULL,
    number numeric(49) NOT NULL,
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL,
    der bytea NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocation_lists_newest ON revocation_lists (issuer, number DESC, taken_at DESC);
"""


def upgrade() -> None:
    """Make the tables of auth and the delivery tables of every room."""
    op.execute(_TABLES)
    metadata.create_all(op.get_bind())
