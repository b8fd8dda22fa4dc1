"""The jobs of render, and the delivery tables."""

from alembic import op

from services.kernel.database import tables as delivery

revision = "pre_0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE jobs (
    subject text,
    revision integer,
    product text NOT NULL,
    state text NOT NULL CHECK (state IN ('made', 'failed')),
    attempts integer NOT NULL,
    message_id text NOT NULL,
    fact_type text NOT NULL,
    fact bytea NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, revision)
);
CREATE INDEX jobs_changed ON jobs (changed_at);
"""


def upgrade() -> None:
    """Make the tables."""
    delivery.metadata.create_all(op.get_bind())
    op.execute(_TABLES)
