from dataclasses import replace
from datetime import timedelta

import pytest

from services.kernel.contracts.apply import (
    ApplicationCompleted,
    BundleAccepted,
    ExportAccepted,
    ItemAccepted,
)
from services.kernel.contracts.render import DocumentDelayed
from tests.core.apply.test_hearing import failure
from tests.support.apply_room import A, entries, entry


@pytest.fixture
def turn(room):
    """Time passes and the sweeper looks."""

    def after(**time):
        room.clock.advance(timedelta(**time))
        room.use.reconcile()

    return after


def test_a_late_order_is_said_again_word_for_word_and_then_ever_more_rarely(room, turn):
    room.accept([entry(1)])
    turn(seconds=89)
    assert len(room.said(ItemAccepted)) == 1
    turn(seconds=1)
    first, again = room.said(ItemAccepted)
    assert again == first
    turn(seconds=90)
    assert len(room.said(ItemAccepted)) == 2
    turn(seconds=90)
    assert len(room.said(ItemAccepted)) == 3


def test_news_of_a_delay_postpone_the_reminder(room, turn):
    room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    next_try = room.clock.now() + timedelta(minutes=10)
    room.hear(
        DocumentDelayed(order.application_no, entry(1), 1, A, 4, "seal-unavailable", next_try)
    )
    turn(minutes=11)
    assert len(room.said(ItemAccepted)) == 1
    turn(seconds=30)
    assert len(room.said(ItemAccepted)) == 2


def test_what_is_still_making_after_an_hour_has_timed_out(room, turn):
    room.set(items_at_render=1)
    view = room.accept(entries(3))
    room.make(room.said(ItemAccepted)[0])
    turn(minutes=59, seconds=59)
    assert room.read(view).progress["making"] == 2
    turn(seconds=1)

    seen = room.read(view)
    assert [item.status for item in seen.items] == ["sealed_ready", "failed", "failed"]
    assert [item.reason.code for item in seen.items[1:]] == ["timed-out", "timed-out"]
    assert room.use.usage(A).unfinished_items_used == 0
    assert len(room.said(ApplicationCompleted)) == 1
    late = room.said(ItemAccepted)[1]
    room.make(late)
    assert room.item(view, entry(2)).status == "failed"
    room.retry(view)
    turn(minutes=61)
    assert room.read(view).progress["failed"] == 2
    assert len(room.said(ApplicationCompleted)) == 2


def test_a_retried_item_times_out_apart_from_its_application(room, turn):
    view = room.accept(entries(2))
    room.hear(failure(room.said(ItemAccepted)[0]))
    room.clock.advance(timedelta(minutes=30))
    room.retry(view)
    turn(minutes=30)

    assert [item.status for item in room.read(view).items] == ["making", "failed"]


def test_exports_are_reminded_and_end_too(room, turn):
    view = room.accept(entries(2), "export")
    turn(seconds=90)
    first, again = room.said(ExportAccepted)
    assert again == first
    turn(minutes=60)

    seen = room.read(view)
    assert (seen.status, seen.items[0].reason.code) == ("failed", "timed-out")


def test_bundles_are_reminded_and_end_too(room, turn):
    room.set(bundles_building=1)
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])
    pair = [(view.application_no, entry(1))]
    building, queued = room.bundle(pair), room.bundle(pair)
    turn(seconds=90)
    assert [order.bundle_id for order in room.said(BundleAccepted)] == [building.bundle_id] * 2
    turn(minutes=60)

    assert room.use.read_bundle(A, building.bundle_id).reason.code == "timed-out"
    assert room.use.read_bundle(A, queued.bundle_id).state == "building"


def test_a_company_with_places_again_goes_on(room, turn):
    room.set(items_at_render=1)
    room.accept(entries(2))
    room.policy = replace(room.policy, items_at_render=5)

    turn(seconds=1)

    assert [order.entry_id for order in room.said(ItemAccepted)] == entries(2)
