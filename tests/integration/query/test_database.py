"""What only PostgreSQL can show: migrations, plans, and two writers at once."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from services.kernel.errors import Unavailable
from services.query import bootstrap, handlers
from services.query.adapters import sql
from services.query.settings import Settings
from tests.core.query.documents import ENTRY_ID, USCC, cleared, clock, message, read, receipt
from tests.integration.query.conftest import NOBODY


def is_ours(name, kind, _):
    return kind != "table" or name in sql.metadata.tables


def test_the_migrations_make_what_the_code_expects(use):
    with use.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in sql.metadata.tables
            },
        )
        assert compare_metadata(context, sql.metadata) == []


def test_two_writers_of_one_number_lose_nothing(use):
    bodies = [message(head=f"<NoteS>{number}</NoteS>") for number in range(16)]
    faults = []

    def write(part):
        try:
            for body in part:
                use.take([read(body)], "feed")
        except Exception as fault:  # noqa: BLE001  told below
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(bodies[place::4],)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
    with sql.SqlWork(use.engine, "query", use.clock) as work:
        versions = [item.version for item in work.register.versions(ENTRY_ID)]
    assert versions == list(range(1, 17))


def test_a_declaration_and_its_clearance_may_come_at_the_same_moment(use):
    for number in range(20):
        entry_id = f"2225202610000002{number:02d}"
        documents = [read(message(entry_id, seq_no=f"I2026{number:013d}"))]
        documents += [receipt("R", "2026-11-05T08:30", None, f"I2026{number:013d}")]
        gate = threading.Barrier(2)

        def write(document, gate=gate):
            gate.wait(timeout=10)
            use.take([document], "feed")

        threads = [threading.Thread(target=write, args=(item,)) for item in documents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        (answer,) = use.snapshots(USCC, [entry_id])
        assert (answer.found, answer.outlook) == (True, None), number


def test_what_is_said_lies_in_the_outbox_of_the_same_transaction(use):
    use.take([read(message()), *cleared()], "feed")
    with use.engine.connect() as connection:
        said = connection.execute(text("SELECT type, subject FROM outbox ORDER BY seq")).all()
    assert said == [
        ("query.declaration.recorded.v1", ENTRY_ID),
        ("query.declaration.cleared.v1", ENTRY_ID),
    ]


def test_a_failing_call_leaves_nothing_behind(use, monkeypatch):
    def fail(*_):
        raise RuntimeError("no clearance can be told")

    monkeypatch.setattr(handlers, "_cleared", fail)
    with pytest.raises(RuntimeError):
        use.take([read(message()), *cleared()], "feed")
    with use.engine.connect() as connection:
        for table in ("declarations", "receipts", "outbox"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_the_first_page_and_look_ups_use_the_index(use):
    use.take([read(message()), *cleared()], "feed")
    plans = {
        "the list": "SELECT entry_id FROM declarations WHERE uscc = 'a' AND listed "
        "AND declared_on BETWEEN '2026-09-01' AND '2026-11-24' "
        "AND (declared_on, entry_id) < ('2026-11-01', 'x') "
        "ORDER BY declared_on DESC, entry_id DESC LIMIT 21",
        "the sweep": "SELECT entry_id FROM declarations WHERE custody_until < '2026-11-24' "
        "ORDER BY custody_until LIMIT 500",
    }
    with use.engine.connect() as connection:
        for way in ("enable_seqscan", "enable_bitmapscan"):  # tempting for an empty table only
            connection.execute(text(f"SET {way} = off"))
        for name, query in plans.items():
            plan = "\n".join(connection.scalars(text(f"EXPLAIN {query}")))
            assert "Index" in plan, name
            assert "Sort" not in plan, name


def test_a_database_that_is_away_is_unavailable():
    url = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
    use = bootstrap.from_settings(Settings(amqp_uri=NOBODY, database_url=url), clock())
    with pytest.raises(Unavailable) as caught:
        use.digests([ENTRY_ID])
    assert caught.value.component == "database"
    use.close()


def test_the_custody_sweep_takes_all_in_several_rounds(use, monkeypatch):
    monkeypatch.setattr(handlers, "_ERASED_AT_ONCE", 2)
    documents = []
    for number in range(5):
        entry_id = f"2225202010000000{number:02d}"
        documents += [read(message(entry_id, seq_no=""))]
        documents += [receipt("R", "2020-01-03T08:30", entry_id, None)]
    use.take(documents, "feed")
    assert use.erase_after_custody() == 5
    assert use.erase_after_custody() == 0
    with use.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM receipts")) == 0
