from datetime import timedelta

import pytest

from services.kernel.contracts.apply import ExportAccepted, ItemAccepted, Search
from tests.core.apply.test_accepting import refused
from tests.support.apply_room import A, B, entries, entry


@pytest.fixture
def several(room):
    """Seven prints of two declarations, an hour apart, and one of another company."""
    views = []
    for _ in range(7):
        views.append(room.accept(entries(2)))
        room.clock.advance(timedelta(hours=1))
    room.accept(entries(2), uscc=B)
    return views


def numbers(page):
    return [view.application_no for view in page.items]


def test_applications_are_listed_newest_first_and_page_by_page_both_ways(room, several):
    newest = [view.application_no for view in reversed(several)]

    def page(cursor=None, limit=3):
        return room.use.search(A, Search("print", limit=limit, cursor=cursor, include_total=True))

    first = page()
    second = page(first.next_cursor)
    third = page(second.next_cursor)
    assert numbers(first) + numbers(second) + numbers(third) == newest
    assert first.total == 7
    assert (first.prev_cursor, third.next_cursor) == (None, None)
    assert numbers(page(third.prev_cursor)) == numbers(second)
    back = page(second.prev_cursor)
    assert (numbers(back), back.prev_cursor) == (numbers(first), None)
    assert numbers(page(back.next_cursor)) == numbers(second)
    assert numbers(page(first.next_cursor, limit=50)) == newest[3:]


def test_items_are_listed_in_the_order_of_their_requests_across_pages(room, several):
    seen, cursor = [], None
    while True:
        page = room.use.search_items(A, Search("print", limit=3, cursor=cursor, include_total=True))
        seen += [(row.application_no, row.item.entry_id) for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert page.total == 14
    assert seen == [
        (view.application_no, each) for view in reversed(several) for each in entries(2)
    ]


def test_a_cursor_is_good_for_the_same_conditions_only(room, several):
    cursor = room.use.search(A, Search("print", limit=2)).next_cursor

    assert len(cursor) <= 512
    refused("cursor-invalid", room.use.search, A, Search("print", seal="none", cursor=cursor))
    refused("cursor-invalid", room.use.search, B, Search("print", cursor=cursor))
    refused("cursor-invalid", room.use.search, A, Search("export", cursor=cursor))
    for broken in ("", "x", "é", "W10", "eyJhIjoxfQ", cursor[:-6]):
        refused("cursor-invalid", room.use.search, A, Search("print", cursor=broken))


def test_each_condition_limits_and_all_apply_together(room):
    room.register.outlooks = {entry(2): "customs_unfinished"}
    mixed = room.accept(entries(3))
    room.make(room.said(ItemAccepted)[0])
    plain = room.accept([entry(3)], seal="none")
    export = room.accept([entry(1)], "export")

    def found(**conditions):
        return numbers(room.use.search(A, Search("print", **conditions)))

    def rows(**conditions):
        page = room.use.search_items(A, Search("print", **conditions))
        return [(row.application_no, row.item.entry_id) for row in page.items]

    first, second = mixed.application_no, plain.application_no
    assert sorted(found()) == sorted([first, second])
    assert found(application_no=first) == [first]
    assert found(application_no=export.application_no) == []
    assert found(seal="none") == [second]
    assert found(statuses=["customs_unfinished"]) == [first]
    assert sorted(found(statuses=["making"])) == sorted([first, second])
    assert found(statuses=["making"], entry_ids=[entry(1)]) == []
    assert sorted(found(entry_ids=[entry(3)])) == sorted([first, second])
    assert rows(statuses=["sealed_ready", "customs_unfinished"]) == [
        (first, entry(1)),
        (first, entry(2)),
    ]
    assert rows(seal="none", entry_ids=[entry(3)]) == [(second, entry(3))]

    part = room.use.search(A, Search("print", statuses=["sealed_ready"])).items[0]
    assert [item.entry_id for item in part.items] == [entry(1)]
    assert part.progress["total"] == 3


def test_days_are_days_in_shanghai_both_included(room):
    view = room.accept([entry(1)])  # 23 November, 10:15:30 there

    def found(first, last):
        page = room.use.search(A, Search("print", date_from=first, date_to=last))
        rows = room.use.search_items(A, Search("print", date_from=first, date_to=last))
        assert len(rows.items) == len(page.items)
        return numbers(page)

    assert found("2026-11-23", "2026-11-23") == [view.application_no]
    assert found("2026-11-01", "2026-11-22") == []
    assert found("2026-11-24", "2026-11-30") == []
    room.clock.advance(timedelta(hours=14))  # 24 November, 00:15:30 there; still the 23rd in UTC
    late = room.accept([entry(1)])
    assert found("2026-11-24", "2026-11-24") == [late.application_no]


def test_expired_rows_can_be_asked_for_alone(room):
    view = room.accept(entries(2))
    room.make(room.said(ItemAccepted)[0])
    room.clock.moment = room.item(view, entry(1)).expires_at

    def rows(**conditions):
        page = room.use.search_items(A, Search("print", **conditions))
        return [row.item.entry_id for row in page.items]

    assert rows(expired=True) == [entry(1)]
    assert rows(expired=False) == [entry(2)]
    assert rows(expired=False, statuses=["sealed_ready"]) == []


def test_exports_are_filtered_by_their_own_status_and_listed_whole(room):
    room.register.outlooks = {entry(9): "customs_unfinished"}
    ready = room.accept(entries(2), "export")
    room.make_export(room.said(ExportAccepted)[0], failed=[(entry(2), "source-missing")])
    failed = room.accept([entry(9)], "export")
    making = room.accept([entry(3)], "export")

    def found(**conditions):
        return numbers(room.use.search(A, Search("export", **conditions)))

    assert found(statuses=["ready"]) == [ready.application_no]
    assert found(statuses=["failed"]) == [failed.application_no]
    assert found(statuses=["making"]) == [making.application_no]
    assert len(found(statuses=["ready", "failed", "making"])) == 3
    assert found(entry_ids=[entry(2)]) == [ready.application_no]
    whole = room.use.search(A, Search("export", entry_ids=[entry(2)])).items[0]
    assert [item.entry_id for item in whole.items] == entries(2)
    room.clock.moment = room.read(ready).expires_at
    assert found(expired=True) == [ready.application_no]
    assert ready.application_no not in found(expired=False)


def test_the_feed_is_read_from_a_number_on(room):
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])
    other = room.accept([entry(2)])

    def read(after, numbers_=None, limit=100):
        return room.use.feed(A, after, numbers_, limit)

    assert (read(None).last_seq, read(None).entries) == (4, [])
    whole = read(0)
    assert [each.seq for each in whole.entries] == [1, 2, 3, 4]
    assert whole.entries[1].data["seq"] == 2
    assert [each.seq for each in read(2).entries] == [3, 4]
    part = read(0, limit=3)
    assert ([each.seq for each in part.entries], part.last_seq) == ([1, 2, 3], 3)
    filtered = read(0, [other.application_no])
    assert ([each.seq for each in filtered.entries], filtered.last_seq) == ([4], 4)
    assert [each.seq for each in read(0, [view.application_no]).entries] == [1, 2, 3]
    assert read(4).entries == []
    assert read(99).reset
    assert room.use.feed(B, None, None, 10).last_seq == 0


def test_a_row_tells_its_place_in_the_queue(room):
    room.accept(entries(3))
    room.clock.advance(timedelta(seconds=1))
    view = room.accept(entries(2))

    assert [item.queue_position for item in room.read(view).items] == [4, 5]
    assert room.read(view).items[0].eta_seconds is None  # nothing was made of late: no honest guess
    for order in room.said(ItemAccepted)[:3]:
        room.make(order)
    assert [item.queue_position for item in room.read(view).items] == [1, 2]
    assert [item.eta_seconds for item in room.read(view).items] == [20, 40]
