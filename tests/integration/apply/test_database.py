"""What only the real database shows: races, triggers, ages, shapes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from services.apply.adapters.sql import SqlWork
from services.apply.adapters.tables import metadata
from services.apply.ports import Request
from services.kernel.clock import SystemClock
from services.kernel.contracts.apply import ApplicationAccepted, ItemAccepted
from services.kernel.contracts.refusal import Refusal
from services.kernel.database import tables as delivery
from services.kernel.errors import TryLater, Unavailable
from tests.core.apply.test_accepting import refused
from tests.core.apply.test_hearing import failure
from tests.support.apply_room import CLIENT, A, Room, actor, entries, entry


def works(engine):
    return lambda: SqlWork(engine, SystemClock(), timedelta(hours=24))


def at_once(*acts):
    """Run all at the same moment; answers what each gave or refused."""
    gate = threading.Barrier(len(acts))

    def run(act):
        gate.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_the_tables_in_the_code_are_those_in_the_database(engine):
    ours = {*metadata.tables, *delivery.metadata.tables}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [
            change
            for change in compare_metadata(context, metadata)
            if not _beside(change, ours, metadata)
        ]
    assert found == []


def _beside(change, ours, known):
    """Indexes, constraints and the delivery tables are no matter of our table definitions."""
    if isinstance(change, list):
        return False
    kind, subject = change[0], change[1]
    if kind in {"remove_index", "add_constraint", "remove_constraint", "remove_fk"}:
        return True
    return kind == "remove_table" and subject.name in {"outbox", "inbox", "alembic_version"} | (
        ours - set(known.tables)
    )


def test_the_same_command_ten_times_at_once_makes_one_application(engine, room):
    submission = room.submission(entries(3))

    answers = at_once(*[lambda: room.use.accept(submission)] * 10)

    numbers = {answer.application_no for answer in answers if not isinstance(answer, str)}
    assert len(numbers) == 1
    assert {answer for answer in answers if isinstance(answer, str)} <= {"idempotency-in-progress"}
    assert len(room.said(ApplicationAccepted)) == 1
    assert room.use.accept(submission).application_no in numbers


def test_one_signature_under_ten_keys_at_once_makes_one_application(room):
    acts = [room.submission([entry(1)], payload="signed once") for _ in range(10)]

    answers = at_once(*[lambda each=each: room.use.accept(each) for each in acts])

    assert (
        sorted(str(each) for each in answers if isinstance(each, str)) == ["signature-reused"] * 9
    )
    assert len(room.said(ApplicationAccepted)) == 1


def test_a_running_command_is_told_to_its_twin_without_waiting(engine):
    request = Request(A, "/api/v1/print-applications", "a-key-of-the-client", "c" * 64)
    day_ago = datetime.now(UTC) - timedelta(days=1)
    with works(engine)() as first, works(engine)() as second:
        assert first.answers.claim(request, day_ago).state == "new"
        assert second.answers.find(request, day_ago).state == "running"
        assert second.answers.claim(request, day_ago).state == "running"
        first.answers.keep(request, {"a": 1}, datetime.now(UTC))
        first.commit()
        assert second.answers.claim(request, day_ago).answer == {"a": 1}


def test_quotas_hold_when_many_come_at_once(room):
    room.set(daily_items=10)
    acts = [room.submission(entries(3)) for _ in range(8)]

    answers = at_once(*[lambda each=each: room.use.accept(each) for each in acts])

    assert [each for each in answers if isinstance(each, str)] == ["quota-exceeded"] * 5
    assert room.use.usage(A).daily_items_used == 9


def test_facts_of_one_application_heard_at_once_count_right_and_number_the_feed_without_gap(room):
    view = room.accept(entries(20))
    orders = room.said(ItemAccepted)

    at_once(*[lambda order=order: room.make(order) for order in orders[:10]])
    at_once(*[lambda order=order: room.make(order) for order in orders[10:]])

    assert room.read(view).state == "finished"
    feed = room.use.feed(A, 0, None, 1000)
    assert [each.seq for each in feed.entries] == list(range(1, 42))
    assert feed.entries[-1].data["state"] == "finished"


def test_records_of_one_item_written_at_once_have_numbers_without_gap(room):
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])

    at_once(*[lambda: room.open_document(view, entry(1))] * 8)

    assert [each.seq for each in room.operations(view, entry(1))] == list(range(1, 9))


def test_a_ticket_asked_for_ten_times_at_once_is_spent_once(room):
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])
    from services.kernel.contracts.apply import BundleAccepted

    bundle = room.bundle([(view.application_no, entry(1))])
    room.build(room.said(BundleAccepted)[0])
    ticket = room.use.issue_ticket(A, bundle.bundle_id, actor()).ticket

    answers = at_once(*[lambda: room.use.spend_ticket(ticket, CLIENT, spend=True)] * 10)

    assert [each for each in answers if isinstance(each, str)] == ["ticket-spent"] * 9
    assert len(room.operations(view, entry(1))) == 1


def test_bundles_that_end_at_once_leave_their_places_to_the_waiting(room):
    room.set(bundles_building=2)
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])
    ids = [room.bundle([(view.application_no, entry(1))]).bundle_id for _ in range(4)]

    at_once(*[lambda each=each: room.use.drop_bundle(A, each) for each in ids[:2]])

    assert [room.use.read_bundle(A, each).state for each in ids[2:]] == ["building"] * 2


def test_a_stale_row_is_not_written_over_a_newer_one(engine, room):
    view = room.accept([entry(1)])
    with works(engine)() as first, works(engine)() as second:
        (stale,) = first.applications.items(view.application_no)
        (fresh,) = second.applications.items(view.application_no)
        second.applications.save_items([fresh])
        second.commit()
        with pytest.raises(TryLater):
            first.applications.save_items([stale])


def test_operation_records_can_neither_be_changed_nor_removed_before_three_years(engine, room):
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])
    room.clock.moment = datetime.now(UTC)
    with engine.begin() as connection:
        connection.execute(text("UPDATE items SET expires_at = now() + interval '1 day'"))
    room.open_document(view, entry(1))

    for forbidden in ("UPDATE operations SET action = 'print'", "DELETE FROM operations"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(forbidden))


def test_with_messages_of_a_minute_ago_unsent_new_applications_are_refused_and_reads_go_on(engine):
    clock = SystemClock()
    room = Room(works(engine), list, clock)
    view = room.accept([entry(1)])
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET created_at = now() - interval '61 seconds'"))

    refused("queue-full", room.accept, [entry(2)])
    assert room.read(view).application_no == view.application_no
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET sent_at = now()"))
    assert room.accept([entry(2)])


def test_the_time_of_a_submission_is_judged_by_the_clock_of_the_database(engine):
    class Fast:
        def now(self):
            return datetime.now(UTC) + timedelta(minutes=10)

    room = Room(works(engine), list, Fast())

    refused("submitted-at-skewed", room.accept, [entry(1)])
    assert room.accept([entry(1)], submitted_at=datetime.now(UTC))


def test_what_outlived_its_time_is_swept(engine, room):
    view = room.accept([entry(1)])
    room.hear(failure(room.said(ItemAccepted)[0]))
    room.clock.advance(timedelta(days=63))
    assert _rows(engine, "answers", "feed", "snapshots") == [1, 3, 1]

    room.use.reconcile()

    assert _rows(engine, "answers", "feed", "snapshots") == [0, 0, 0]
    assert room.use.feed(A, 1, None, 10).reset
    assert room.read(view).items[0].status == "failed"
    refused("nothing-to-retry", room.retry, view)
    room.clock.advance(timedelta(days=3 * 365 + 2))
    room.use.reconcile()
    assert _rows(engine, "applications", "items", "evidence") == [0, 0, 0]


def _rows(engine, *tables):
    with engine.connect() as connection:
        return [connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in tables]


def test_accepting_fifty_items_takes_few_statements(engine, room):
    from sqlalchemy import event

    said = []
    listener = lambda *arguments: said.append(arguments[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    try:
        room.accept(entries(50))
        accepting = len(said)
        said.clear()
        room.make(room.said(ItemAccepted)[0])
        hearing = len(said) - 1  # without the question what was said
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    assert accepting <= 22
    assert hearing <= 9


def test_evidence_is_kept_as_it_came(engine, room):
    submission = room.submission([entry(1)])
    view = room.use.accept(submission)

    with works(engine)() as work:
        assert work.applications.evidence(view.application_no) == submission.evidence


def test_a_database_that_is_busy_or_away_is_told_as_unavailable(engine):
    url = engine.url.render_as_string(hide_password=False)
    small = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    away = create_engine(engine.url.set(port=1), connect_args={"connect_timeout": 1})

    with pytest.raises(Unavailable, match="database"):
        _two_at_once(small)
    with pytest.raises(Unavailable, match="database"):
        _too_slow(engine)
    with pytest.raises(Unavailable, match="database"):
        works(away)().__enter__()
    small.dispose()


def _two_at_once(small):
    with works(small)(), works(small)():
        pass


def _too_slow(engine):
    with works(engine)() as work:
        work.connection.execute(text("SET LOCAL statement_timeout = 50"))
        work.connection.execute(text("SELECT pg_sleep(5)"))
