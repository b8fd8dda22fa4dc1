from datetime import timedelta

import pytest

from services.kernel.contracts.apply import (
    BundleAccepted,
    BundleDropped,
    FeedExtended,
    ItemAccepted,
)
from services.kernel.contracts.render import BundleFailed
from tests.core.apply.test_accepting import refused
from tests.support.apply_room import CLIENT, A, B, actor, entries, entry


@pytest.fixture
def pairs(room):
    view = room.accept(entries(3))
    for order in room.said(ItemAccepted):
        room.make(order)
        room.clock.advance(timedelta(minutes=1))
    return [(view.application_no, each) for each in entries(3)]


def test_a_bundle_goes_from_order_to_file(room, pairs):
    view = room.bundle(pairs)

    assert view.bundle_id.startswith("bdl_")
    assert (view.state, view.file, view.expires_at) == ("building", None, None)
    assert view.progress == {
        "total": 3,
        "done": 0,
        "bytes_total": 3 * 185_601,
        "bytes_done": 0,
        "percent": 0,
    }
    (order,) = room.said(BundleAccepted)
    assert order.object_key.startswith(f"bundles/{view.bundle_id}/")
    assert order.members[0].name == f"{pairs[0][0]}/报关单_{entry(1)}_有签章.pdf"
    assert order.members_until == min(
        room.use.read_item(A, *pair).item.expires_at for pair in pairs
    )
    room.build(order)
    seen = room.use.read_bundle(A, view.bundle_id)
    assert (seen.state, seen.file.size, seen.progress["percent"]) == ("ready", 200_000, 100)
    assert seen.file_name == "报关单批量导出_20261123101830_3票.zip"
    states = [
        each.data["state"]
        for told in room.said(FeedExtended)
        for each in told.entries
        if each.event == "bundle"
    ]
    assert states == ["building", "ready"]
    room.clock.advance(timedelta(hours=24))
    assert room.use.read_bundle(A, view.bundle_id).state == "expired"


def test_pairs_that_cannot_be_delivered_are_named_or_skipped(room, pairs):
    making = room.accept([entry(4)])
    wrong = [(making.application_no, entry(4)), (pairs[0][0], entry(7))]

    fault = refused("items-unavailable", room.bundle, [*pairs, *wrong])
    assert fault.facts["unavailable"] == [
        {"application_no": making.application_no, "entry_id": entry(4), "code": "not-ready"},
        {"application_no": pairs[0][0], "entry_id": entry(7), "code": "not-found"},
    ]
    refused("items-unavailable", room.bundle, wrong, accept_partial=True)
    refused("items-unavailable", room.bundle, pairs, uscc=B)
    view = room.bundle([*wrong, *pairs], accept_partial=True)
    assert [each.code for each in view.skipped] == ["not-ready", "not-found"]
    assert [each.entry_id for each in view.items] == entries(3)
    room.clock.moment = room.use.read_item(A, *pairs[0]).item.expires_at
    late = room.bundle(pairs, accept_partial=True)
    assert [(each.entry_id, each.code) for each in late.skipped] == [(entry(1), "expired")]


def test_the_same_key_orders_one_bundle(room, pairs):
    first = room.bundle(pairs, key="bundle-key-of-client")

    assert room.bundle(pairs, key="bundle-key-of-client") == first
    assert len(room.said(BundleAccepted)) == 1


def test_two_bundles_build_twenty_wait_and_the_next_is_too_many(room, pairs):
    room.set(bundles_waiting=2)
    views = []
    for _ in range(4):
        views.append(room.bundle(pairs))
        room.clock.advance(timedelta(seconds=1))
    assert [view.state for view in views] == ["building", "building", "queued", "queued"]

    fault = refused("quota-exceeded", room.bundle, pairs)
    assert fault.facts == {"quota": "bundles", "limit": 2, "used": 2, "resets_at": None}

    room.build(room.said(BundleAccepted)[0])
    assert [order.bundle_id for order in room.said(BundleAccepted)] == [
        view.bundle_id for view in views[:3]
    ]
    room.hear(BundleFailed(views[1].bundle_id, A, "render-failed", "", 5, room.clock.now()))
    assert room.use.read_bundle(A, views[1].bundle_id).reason.code == "render-failed"
    room.use.drop_bundle(A, views[2].bundle_id)
    assert room.use.read_bundle(A, views[3].bundle_id).state == "building"


def test_a_dropped_bundle_is_gone_and_that_is_said(room, pairs):
    view = room.bundle(pairs)
    refused("not-found", room.use.drop_bundle, B, view.bundle_id)

    room.use.drop_bundle(A, view.bundle_id)

    assert [said.bundle_id for said in room.said(BundleDropped)] == [view.bundle_id]
    refused("not-found", room.use.read_bundle, A, view.bundle_id)
    refused("not-found", room.use.drop_bundle, A, view.bundle_id)
    room.build(room.said(BundleAccepted)[0])
    assert room.use.list_bundles(A, limit=20, cursor=None, include_total=True).total == 0


def test_bundles_are_listed_newest_first(room, pairs):
    views = []
    for _ in range(3):
        views.append(room.bundle(pairs).bundle_id)
        room.clock.advance(timedelta(seconds=1))

    def page(cursor=None):
        return room.use.list_bundles(A, limit=2, cursor=cursor, include_total=False)

    first = page()
    assert [each.bundle_id for each in first.items] == views[:0:-1]
    assert [each.bundle_id for each in page(first.next_cursor).items] == views[:1]
    assert page(page(first.next_cursor).prev_cursor).items == first.items
    refused(
        "cursor-invalid",
        room.use.list_bundles,
        B,
        limit=2,
        cursor=first.next_cursor,
        include_total=False,
    )


def test_a_ticket_is_good_for_one_download_and_writes_a_record_for_each_file(room, pairs):
    view = room.bundle(pairs)
    refused("not-ready", room.use.issue_ticket, A, view.bundle_id, actor())
    room.build(room.said(BundleAccepted)[0])
    ticket = room.use.issue_ticket(A, view.bundle_id, actor())
    assert (len(ticket.ticket), ticket.ticket[:4]) == (47, "tkt_")
    assert ticket.expires_at == room.clock.now() + timedelta(minutes=2)

    looked = room.use.spend_ticket(ticket.ticket, CLIENT, spend=False)
    spent = room.use.spend_ticket(ticket.ticket, CLIENT, spend=True)

    assert looked == spent
    assert (spent.sha256, spent.size, spent.etag) == ("b" * 64, 200_000, '"b"')
    for number, entry_id in pairs:
        page = room.use.operations(A, number, entry_id, limit=20, cursor=None)
        (record,) = page.items
        assert (record.action, record.bundle_id) == ("bundle_export", view.bundle_id)
        assert record.actor == actor()
        assert record.file_sha256 == room.use.read_item(A, number, entry_id).item.file.sha256
    refused("ticket-spent", room.use.spend_ticket, ticket.ticket, CLIENT, spend=True)
    refused("ticket-spent", room.use.spend_ticket, ticket.ticket, CLIENT, spend=False)


def test_a_ticket_ends_after_two_minutes_or_with_its_bundle(room, pairs):
    view = room.bundle(pairs)
    room.build(room.said(BundleAccepted)[0])
    refused("ticket-not-found", room.use.spend_ticket, "tkt_x", CLIENT, spend=True)
    refused("not-found", room.use.issue_ticket, B, view.bundle_id, actor(B))
    old = room.use.issue_ticket(A, view.bundle_id, actor()).ticket
    room.clock.advance(timedelta(minutes=2))
    refused("ticket-expired", room.use.spend_ticket, old, CLIENT, spend=True)
    dropped = room.use.issue_ticket(A, view.bundle_id, actor()).ticket
    room.use.drop_bundle(A, view.bundle_id)
    refused("ticket-not-found", room.use.spend_ticket, dropped, CLIENT, spend=True)


def test_an_expired_bundle_gives_no_ticket(room, pairs):
    view = room.bundle(pairs)
    room.build(room.said(BundleAccepted)[0])
    room.clock.advance(timedelta(hours=24))

    refused("expired", room.use.issue_ticket, A, view.bundle_id, actor())
