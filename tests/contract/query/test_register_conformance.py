"""One suite over the register in memory and the one in PostgreSQL: the use cases of query."""

import itertools
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from services.kernel.contracts.query import (
    DeclarationCleared,
    DeclarationErased,
    DeclarationRecorded,
    DeclarationWithdrawn,
)
from services.kernel.contracts.refusal import Refusal
from services.kernel.database.engine import make_engine
from services.kernel.database.migrate import migrate
from services.query import handlers
from services.query.adapters.sql import SqlWork
from tests.core.query.documents import (
    ENTRY_ID,
    KNOWLEDGE,
    OTHER_USCC,
    TODAY,
    USCC,
    cleared,
    clock,
    message,
    read,
    receipt,
)
from tests.core.query.memory_register import MemoryRegister, MemoryWork
from tests.support.engines import fresh_database

ACCEPTED = receipt("L", "2026-11-02T02:00")
CLEARED = receipt("R", "2026-11-05T08:30")
REOPENED = receipt("M", "2026-11-20T03:00")
CLEARED_AGAIN = receipt("R", "2026-11-22T03:00")
DELETED = receipt("D", "2026-11-06T03:00")


class Bench:
    """The use cases over one register; each call is a transaction of its own."""

    def __init__(self, work):
        self._work = work
        self.said = []
        self.clock = clock()

    @contextmanager
    def work(self):
        with self._work() as work:
            say = work.say

            def remember(payload, subject):
                self.said.append(payload)
                return say(payload, subject)

            work.say = remember
            yield work

    def take(self, *documents, channel="feed"):
        with self.work() as work:
            return handlers.take(
                documents, channel=channel, work=work, knowledge=KNOWLEDGE, clock=self.clock
            )

    def search(self, uscc=USCC, entry_ids=None, **more):
        with self.work() as work:
            question = handlers.Question(uscc, entry_ids, **more)
            return handlers.search(question, work=work, clock=self.clock)

    def snapshots(self, *entry_ids, uscc=USCC):
        with self.work() as work:
            return handlers.snapshots(uscc, entry_ids, work=work, clock=self.clock)

    def digests(self, *entry_ids):
        with self.work() as work:
            return handlers.digests(entry_ids, work=work)

    def versions(self, entry_id):
        with self.work() as work:
            return work.register.versions(entry_id)

    def erase(self):
        with self.work() as work:
            return handlers.erase_after_custody(work=work, clock=self.clock)

    def told(self):
        said, self.said = self.said, []
        return [type(payload) for payload in said]


@pytest.fixture(scope="module")
def migrated(engines):
    for url in fresh_database(engines):
        migrate("query", url)
        engine = make_engine(url, pool=2)
        yield engine
        engine.dispose()


@pytest.fixture(params=["memory", "postgresql"])
def bench(request):
    if request.param == "memory":
        register = MemoryRegister()
        yield Bench(lambda: MemoryWork(register))
        return
    engine = request.getfixturevalue("migrated")
    yield Bench(lambda: SqlWork(engine, "query", clock()))
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE declarations, superseded, receipts, outbox, inbox"))


def outlook(bench, entry_id=ENTRY_ID):
    (answer,) = bench.snapshots(entry_id)
    return answer.outlook if answer.found else "not found"


# --- taking in


def test_a_declaration_is_recorded_and_its_clearance_told(bench):
    assert bench.take(read(message())) == ["accepted"]
    assert bench.take(ACCEPTED) == ["accepted"]
    assert bench.told() == [DeclarationRecorded]
    assert outlook(bench) == "customs_unfinished"

    assert bench.take(CLEARED) == ["accepted"]
    (said,) = bench.said
    assert said == DeclarationCleared(
        entry_id=ENTRY_ID,
        version=1,
        uscc=USCC,
        declared_on=date(2026, 11, 2),
        cleared_on=date(2026, 11, 5),
        custody_class="general",
        custody_until=date(2029, 11, 5),
    )
    assert outlook(bench) is None


def test_the_same_once_more_changes_nothing_and_says_nothing(bench):
    documents = [read(message()), ACCEPTED, CLEARED]
    bench.take(*documents)
    digests = bench.digests(ENTRY_ID)
    bench.told()
    assert bench.take(*documents) == ["unchanged"] * 3
    assert [bench.take(item) for item in documents] == [["unchanged"]] * 3
    assert bench.told() == []
    assert bench.digests(ENTRY_ID) == digests


def test_twins_in_one_call_count_once(bench):
    found = read(message())
    assert bench.take(found, found, CLEARED, CLEARED) == [
        "accepted",
        "unchanged",
        "accepted",
        "unchanged",
    ]
    assert bench.told() == [DeclarationRecorded, DeclarationCleared]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_arrival_makes_no_difference(bench, order):
    documents = [read(message()), ACCEPTED, REOPENED, CLEARED]
    for place in order:
        bench.take(documents[place])
    (answer,) = bench.snapshots(ENTRY_ID)
    assert answer.outlook == "customs_unfinished"
    assert answer.snapshot.data.declared_on == date(2026, 11, 2)
    assert answer.snapshot.data.cleared_on == date(2026, 11, 5)
    (row,) = bench.search(entry_ids=[ENTRY_ID]).items
    assert row.print_outlook == "customs_unfinished"


def test_receipts_without_declaration_number_are_tied_by_the_unified_number(bench):
    early = receipt("R", "2026-11-05T08:30", entry_id=None)
    bench.take(early)
    bench.take(read(message()))
    assert outlook(bench) is None
    reopened = receipt("M", "2026-11-20T03:00", entry_id=None)
    bench.take(reopened)
    assert outlook(bench) == "customs_unfinished"


def test_another_unified_number_is_tied_by_a_receipt_that_has_both(bench):
    old_number = "000000000000000018"
    bench.take(read(message()))
    bench.take(receipt("R", "2026-11-05T08:30", entry_id=None, seq_no=old_number))
    assert outlook(bench) == "customs_unfinished"
    bench.take(receipt("L", "2026-11-02T02:00", seq_no=old_number))
    assert outlook(bench) is None


def test_receipts_of_others_change_nothing(bench):
    bench.take(read(message()))
    bench.take(receipt("R", "2026-11-05T08:30", entry_id="222520261000000026", seq_no=None))
    assert outlook(bench) == "customs_unfinished"


def test_a_different_message_is_the_next_version_and_the_old_one_stays_readable(bench):
    first, second = read(message()), read(message(head="<NoteS>更正</NoteS>"))
    bench.take(first, ACCEPTED, CLEARED)
    before = bench.digests(ENTRY_ID)
    bench.told()

    assert bench.take(second) == ["updated"]
    assert bench.told() == [DeclarationRecorded]
    (answer,) = bench.snapshots(ENTRY_ID)
    assert (answer.snapshot.version, answer.snapshot.data.remarks) == (2, "更正")
    assert answer.snapshot.data.cleared_on == date(2026, 11, 5)
    assert bench.digests(ENTRY_ID) != before
    old, new = bench.versions(ENTRY_ID)
    assert (old.version, old.data.remarks, old.digest) == (1, None, before[ENTRY_ID])
    assert new == answer.snapshot


def test_an_older_message_again_is_no_new_version(bench):
    first, second = read(message()), read(message(head="<NoteS>更正</NoteS>"))
    bench.take(first)
    bench.take(second)
    assert bench.take(first) == ["unchanged"]
    assert [item.version for item in bench.versions(ENTRY_ID)] == [1, 2]


def test_two_versions_in_one_call_are_both_kept(bench):
    first, second = read(message()), read(message(head="<NoteS>更正</NoteS>"))
    assert bench.take(first, second) == ["accepted", "updated"]
    (answer,) = bench.snapshots(ENTRY_ID)
    assert answer.snapshot.version == 2
    assert [item.version for item in bench.versions(ENTRY_ID)] == [1, 2]
    assert bench.take(first) == ["unchanged"]


def test_a_reopened_declaration_is_told_again_when_it_clears_again(bench):
    bench.take(read(message()), ACCEPTED, CLEARED)
    bench.take(REOPENED)
    bench.told()
    bench.take(CLEARED_AGAIN)
    (said,) = bench.said
    assert said.cleared_on == date(2026, 11, 22)
    assert said.custody_until == date(2029, 11, 22)


def test_reopening_does_not_make_printed_data_another(bench):
    bench.take(read(message()), ACCEPTED, CLEARED)
    before = bench.digests(ENTRY_ID)
    bench.take(REOPENED)
    assert bench.digests(ENTRY_ID) == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_deletion_withdraws_once_and_for_good(bench, order):
    documents = [read(message()), CLEARED, DELETED]
    for place in order:
        bench.take(documents[place])
    assert bench.told().count(DeclarationWithdrawn) == 1
    bench.take(CLEARED_AGAIN)
    assert bench.told() == []
    assert outlook(bench) == "not found"
    assert bench.search(entry_ids=[ENTRY_ID]).not_found == [ENTRY_ID]


def test_an_event_says_by_which_way_it_came(bench):
    bench.take(read(message()), channel="import")
    assert bench.said[0].channel == "import"


# --- asking


def fill(bench, count=7, uscc=USCC):
    start = date(2026, 11, 20)
    documents = []
    for place in range(count):
        entry_id = f"2225202610000001{place:02d}"
        day = start - timedelta(days=place // 2)  # two a day, so that the number decides
        documents.append(read(message(entry_id, uscc=uscc, seq_no="")))
        documents += cleared(entry_id, day)
    bench.take(*documents)
    return sorted(
        (item.entry_id for item in documents if hasattr(item, "sha256")),
        key=lambda entry_id: (-(int(entry_id[-2:]) // 2), int(entry_id[-2:])),
        reverse=True,
    )


DATES = {"date_from": "2026-11-01", "date_to": "2026-11-24"}


def numbers(page):
    return [row.entry_id for row in page.items]


def test_rows_come_newest_first_and_by_number(bench):
    expected = fill(bench)
    assert numbers(bench.search(**DATES)) == expected


def numbers_of_all_pages(bench, **more):
    page = bench.search(**DATES, **more)
    pages = [page]
    while page.next_cursor:
        page = bench.search(**DATES, cursor=page.next_cursor, **more)
        pages.append(page)
    return pages


def test_pages_follow_each_other_both_ways(bench):
    expected = fill(bench)
    pages = numbers_of_all_pages(bench, limit=3)
    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert [number for page in pages for number in numbers(page)] == expected
    assert (pages[0].prev_cursor, pages[-1].next_cursor) == (None, None)

    middle = bench.search(**DATES, limit=3, cursor=pages[2].prev_cursor)
    assert numbers(middle) == expected[3:6]
    first = bench.search(**DATES, limit=3, cursor=middle.prev_cursor)
    assert numbers(first) == expected[:3]
    assert first.prev_cursor is None
    assert numbers(bench.search(**DATES, limit=3, cursor=first.next_cursor)) == expected[3:6]


def test_a_cursor_is_good_for_its_filters_only(bench):
    fill(bench)
    cursor = bench.search(**DATES, limit=3).next_cursor
    assert len(cursor) <= 512
    assert bench.search(**DATES, limit=2, cursor=cursor).items
    for other in (
        {"uscc": OTHER_USCC},
        {"date_from": "2026-11-02"},
        {"entry_ids": [ENTRY_ID]},
    ):
        with pytest.raises(Refusal) as caught:
            bench.search(**({**DATES, "cursor": cursor} | other))
        assert caught.value.code == "cursor-invalid"


@pytest.mark.parametrize("cursor", ["x", "é", "bm90aGluZw", "W10", "e30", "A" * 513, "bnVsbA=="])
def test_anything_else_is_no_cursor(bench, cursor):
    with pytest.raises(Refusal) as caught:
        bench.search(**DATES, cursor=cursor)
    assert caught.value.code == "cursor-invalid"


def test_the_total_is_counted_when_asked_for(bench):
    fill(bench)
    assert bench.search(**DATES, limit=2).total is None
    assert bench.search(**DATES, limit=2, include_total=True).total == 7


def test_both_numbers_and_dates_apply_and_the_rest_is_not_found(bench):
    asked = fill(bench)
    page = bench.search(
        entry_ids=[*asked, ENTRY_ID], date_from="2026-11-20", date_to="2026-11-20", limit=1
    )
    assert numbers(page) == asked[:1]
    assert page.not_found == [*asked[2:], ENTRY_ID]
    assert bench.search(entry_ids=[asked[0], asked[0]]).not_found == []
    assert bench.search(**DATES).not_found == []


def test_the_range_holds_both_ends(bench):
    fill(bench, count=2)
    assert len(bench.search(date_from="2026-11-20", date_to="2026-11-20").items) == 2
    assert bench.search(date_from="2026-11-21", date_to="2026-11-24").items == []


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({}, "query-empty"),
        ({"entry_ids": []}, "query-empty"),
        ({"date_from": "2026-11-01"}, "validation-failed"),
        ({"date_from": "soon", "date_to": "2026-11-24"}, "validation-failed"),
        ({"entry_ids": [f"2225202610000{n:05d}" for n in range(51)]}, "too-many-numbers"),
    ],
)
def test_query_defends_itself(bench, question, code):
    with pytest.raises(Refusal) as caught:
        bench.search(**question)
    assert caught.value.code == code


def test_another_company_finds_nothing_and_cannot_tell(bench):
    bench.take(read(message()), *cleared())
    theirs = bench.search(uscc=OTHER_USCC, entry_ids=[ENTRY_ID])
    unknown = bench.search(uscc=OTHER_USCC, entry_ids=["222520261000000099"])
    assert (theirs.items, theirs.not_found) == ([], [ENTRY_ID])
    assert unknown.items == theirs.items
    (answer,) = bench.snapshots(ENTRY_ID, uscc=OTHER_USCC)
    assert (answer.found, answer.outlook, answer.snapshot) == (False, None, None)


def test_nobody_finds_what_nobody_owns(bench):
    body = message().replace(USCC.encode(), b"")
    bench.take(read(body), *cleared())
    assert bench.search(entry_ids=[ENTRY_ID]).items == []
    assert outlook(bench) == "not found"
    assert ENTRY_ID in bench.digests(ENTRY_ID)


def test_what_is_not_cleared_is_not_listed_but_answered(bench):
    bench.take(read(message()), ACCEPTED)
    assert bench.search(entry_ids=[ENTRY_ID]).not_found == [ENTRY_ID]
    (answer,) = bench.snapshots(ENTRY_ID)
    assert (answer.found, answer.outlook) == (True, "customs_unfinished")
    assert answer.snapshot.data.entry_id == ENTRY_ID


def test_a_row_holds_what_the_list_shows(bench):
    bench.take(read(message(head="<CutMode>101</CutMode>")), *cleared())
    (row,) = bench.search(entry_ids=[ENTRY_ID]).items
    assert (row.form_kind, row.form_kind_text) == ("import_declaration", "进口货物报关单")
    assert (row.customs_code, row.customs_name) == ("2225", "外港海关")
    assert (row.supervision_mode_code, row.supervision_mode_name) == ("0110", "一般贸易")
    assert (row.goods_count, row.first_goods_name) == (1, "轴承")
    assert (row.declared_on, row.cleared_on) == (date(2026, 11, 2), date(2026, 11, 5))
    assert (row.custody_class, row.custody_until) == ("general", date(2029, 11, 5))
    assert (row.trade_uscc, row.print_outlook) == (USCC, None)


def test_snapshots_come_in_the_order_asked_with_names_and_days(bench):
    bench.take(read(message()), *cleared())
    unknown, known = bench.snapshots("222520261000000099", ENTRY_ID)
    assert (unknown.found, known.found) == (False, True)
    data = known.snapshot.data
    assert data.goods[0].origin_country_name == "德国"
    assert (data.declared_on, data.cleared_on) == (date(2026, 11, 2), date(2026, 11, 5))
    assert bench.digests(ENTRY_ID, "222520261000000099") == {ENTRY_ID: known.snapshot.digest}


def test_the_digest_follows_the_day_of_clearance(bench):
    bench.take(read(message()), ACCEPTED)
    before = bench.digests(ENTRY_ID)
    bench.take(CLEARED)
    assert bench.digests(ENTRY_ID) != before


# --- forgetting


def test_the_last_day_of_custody_is_included(bench):
    until = TODAY.replace(year=TODAY.year - 3)
    bench.take(read(message()), *cleared(declared_on=until, day=until.isoformat()))
    assert len(bench.search(entry_ids=[ENTRY_ID]).items) == 1
    assert outlook(bench) is None
    assert bench.erase() == 0

    bench.clock.advance(timedelta(days=1))
    assert bench.search(entry_ids=[ENTRY_ID]).items == []
    assert outlook(bench) == "not found"


def test_after_custody_everything_of_it_is_forgotten_and_that_is_told(bench):
    long_ago = date(2020, 1, 2)
    receipts = cleared(declared_on=long_ago, day="2020-01-03")
    pre = receipt("7", "2020-01-01T02:00", entry_id=None)
    bench.take(read(message()), read(message(head="<NoteS>二</NoteS>")), pre, *receipts)
    other = "222520261000000026"
    bench.take(read(message(other, seq_no="")), *cleared(other))
    bench.told()

    assert bench.erase() == 1
    (said,) = bench.said
    assert isinstance(said, DeclarationErased)
    assert (said.entry_id, said.version, said.uscc) == (ENTRY_ID, 2, USCC)
    assert bench.digests(ENTRY_ID, other).keys() == {other}
    assert bench.versions(ENTRY_ID) == []
    assert bench.take(pre, *receipts) == ["accepted"] * 3  # nothing was remembered of them
    assert bench.erase() == 0
