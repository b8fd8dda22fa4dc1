"""Effect and messages share one transaction; the relay repeats what the broker did not take."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from services.kernel.clock import SystemClock
from services.kernel.contracts import envelope
from services.kernel.contracts.auth import SessionEnded
from services.kernel.database.engine import make_engine
from services.kernel.database.relay import Relay
from services.kernel.database.tables import inbox, metadata, outbox
from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.kernel.errors import Outage, Unavailable
from services.kernel.observability.trace import Work, working

AT = datetime(2026, 11, 23, tzinfo=UTC)


class Broker:
    """Takes what it is told to take."""

    def __init__(self, refuse=(), down=False):
        self.taken = []
        self.refuse = set(refuse)
        self.down = down

    def publish(self, batch):
        if self.down:
            raise Unavailable("broker")
        self.taken += [message for message in batch if message.id not in self.refuse]
        return {message.id for message in batch} - self.refuse


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def ended(session_id):
    return SessionEnded(session_id=session_id, uscc="91", reason="left", at=AT)


def say(engine, *sessions):
    with SqlUnitOfWork(engine, "auth", SystemClock()) as work:
        ids = [work.say(ended(session), session) for session in sessions]
        work.commit()
    return ids


def test_what_is_not_committed_is_never_said(engine):
    with SqlUnitOfWork(engine, "auth", SystemClock()) as work:
        work.say(ended("ses_1"), "ses_1")
    broker = Broker()
    assert Relay(engine, broker).run() == 0
    assert broker.taken == []


def test_committed_events_reach_the_broker_once_and_in_order(engine):
    ids = say(engine, *[f"ses_{n}" for n in range(250)])
    broker = Broker()
    assert Relay(engine, broker).run() == 250
    assert [message.id for message in broker.taken] == ids
    assert Relay(engine, broker).run() == 0


def test_the_message_names_what_caused_it(engine):
    with working(Work(correlation_id="req-7", message_id="0198", traceparent="00-a-b-01")):
        say(engine, "ses_1")
    broker = Broker()
    Relay(engine, broker).run()
    heard = envelope.decode(broker.taken[0].body)
    assert (heard.correlationid, heard.causationid) == ("req-7", "0198")
    assert broker.taken[0].type == "auth.session.ended.v1"


def test_a_refused_message_stays_and_is_tried_later(engine):
    first, second = say(engine, "ses_1", "ses_2")
    assert Relay(engine, Broker(refuse=[first])).run_once() == 1
    with engine.connect() as connection:
        row = connection.execute(select(outbox).where(outbox.c.id == first)).one()
        sent = connection.execute(select(outbox).where(outbox.c.id == second)).one()
    assert row.sent_at is None
    assert row.tries == 1
    assert sent.sent_at is not None


def test_a_silent_broker_loses_nothing(engine):
    say(engine, "ses_1")
    relay = Relay(engine, Broker(down=True))
    with pytest.raises(Unavailable):
        relay.run()
    count, age_s = relay.backlog()
    assert count == 1
    assert age_s >= 0
    assert Relay(engine, Broker()).run() == 1


def test_one_relay_a_database_works_at_a_time(engine):
    say(engine, "ses_1")

    class Nested(Broker):
        def publish(self, batch):
            self.other = Relay(engine, Broker()).run_once()
            return super().publish(batch)

    broker = Nested()
    assert Relay(engine, broker).run_once() == 1
    assert broker.other == 0


def test_a_message_is_seen_for_the_first_time_once(engine):
    with SqlUnitOfWork(engine, "apply", SystemClock()) as work:
        assert work.first_sight("m1")
        work.commit()
    with SqlUnitOfWork(engine, "apply", SystemClock()) as work:
        assert not work.first_sight("m1")
    with SqlUnitOfWork(engine, "retention", SystemClock()) as work:
        assert work.first_sight("m1")


def test_what_was_rolled_back_is_still_unseen(engine):
    with SqlUnitOfWork(engine, "apply", SystemClock()) as work:
        assert work.first_sight("m1")
    with engine.connect() as connection:
        assert connection.execute(select(inbox)).all() == []


def test_a_database_that_is_away_is_an_outage_and_a_slow_one_is_not(engine, database_url):
    away = make_engine(database_url.replace("@127.0.0.1:", "@127.0.0.1:1"))
    with pytest.raises(Outage), SqlUnitOfWork(away, "auth", SystemClock()):
        pass
    away.dispose()
    with pytest.raises(Unavailable) as slow, SqlUnitOfWork(engine, "auth", SystemClock()) as work:
        work.connection.execute(text("SET LOCAL statement_timeout = 1"))
        work.connection.execute(text("SELECT pg_sleep(1)"))
    assert not isinstance(slow.value, Outage)


def test_a_connection_that_is_cut_in_the_middle_is_an_outage(engine):
    with pytest.raises(Outage), SqlUnitOfWork(engine, "auth", SystemClock()) as work:
        own = work.connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
        work.connection.execute(text("SELECT 1"))
