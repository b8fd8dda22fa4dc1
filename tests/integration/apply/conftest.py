"""Apply over PostgreSQL, with a clock that stands still for the database too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from services.apply.adapters.sql import SqlWork
from services.kernel.contracts import envelope
from services.kernel.database.migrate import migrate
from tests.support import engines as parts
from tests.support.apply_room import Room, frozen

_TABLES = (
    "applications, items, snapshots, evidence, companies, answers, feed, bundles, tickets, "
    "outbox, inbox"
)


class StandingWork(SqlWork):
    """The database's clock is the test's clock."""

    def __enter__(self):
        super().__enter__()
        ask = self.applications.intake
        self.applications.intake = lambda digest: replace(
            ask(digest), now=self._clock.now(), oldest_unsent=None
        )
        return self


@pytest.fixture(scope="session")
def migrated(engines):
    databases = parts.fresh_database(engines)
    url = next(databases)
    migrate("apply", url)
    engine = create_engine(url, pool_size=10)
    yield engine
    engine.dispose()
    next(databases, None)


@pytest.fixture
def engine(migrated):
    with migrated.begin() as connection:
        connection.execute(text(f"TRUNCATE {_TABLES} CASCADE"))
        connection.execute(text("TRUNCATE operations"))
    return migrated


@pytest.fixture
def room(engine):
    clock = frozen()

    def said():
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT body FROM outbox ORDER BY seq"))
            return [envelope.decode(bytes(row.body)).data for row in rows]

    room = Room(lambda: StandingWork(engine, clock, timedelta(hours=24)), said, clock)
    yield room
    _counts_agree(engine)


def _counts_agree(engine):
    """The running counts of companies and applications equal what the items say."""
    with engine.connect() as connection:
        wrong = connection.execute(
            text(
                "SELECT c.uscc FROM companies c WHERE (unfinished, in_work, waiting) <> (SELECT "
                "count(*) FILTER (WHERE status = 'making'), "
                "count(*) FILTER (WHERE status = 'making' AND kind = 'print' "
                "AND handed_at IS NOT NULL), "
                "count(*) FILTER (WHERE status = 'making' AND kind = 'print' "
                "AND handed_at IS NULL) FROM items i WHERE i.uscc = c.uscc)"
            )
        ).all()
        assert not wrong
        wrong = connection.execute(
            text(
                "SELECT application_no FROM applications a WHERE (total, making, failed) <> "
                "(SELECT count(*), count(*) FILTER (WHERE status = 'making'), "
                "count(*) FILTER (WHERE status = 'failed') FROM items i "
                "WHERE i.application_no = a.application_no)"
            )
        ).all()
        assert not wrong
