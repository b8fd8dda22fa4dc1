"""Runs a service's migrations in one transaction under a lock."""

from alembic import context
from sqlalchemy import create_engine, text

_LOCK = 0x646E7A32  # "dnz2": two releases never migrate one database at once

engine = create_engine(context.config.attributes["database_url"])
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.run_migrations()
engine.dispose()
