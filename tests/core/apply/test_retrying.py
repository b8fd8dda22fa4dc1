from datetime import timedelta

from services.kernel.contracts.apply import (
    ApplicationCompleted,
    ExportAccepted,
    ItemAccepted,
)
from services.kernel.contracts.render import ExportFailed
from tests.core.apply.test_accepting import refused
from tests.core.apply.test_hearing import failure
from tests.support.apply_room import A, B, entries, entry


def test_only_failed_items_are_made_again_under_a_new_key(room):
    view = room.accept(entries(3))
    first, second, third = room.said(ItemAccepted)
    room.make(first)
    room.hear(failure(second))
    room.hear(failure(third))
    before = room.item(view, entry(1))
    room.clock.advance(timedelta(minutes=59))

    again = room.retry(view)

    assert [item.status for item in again.items] == ["sealed_ready", "making", "making"]
    assert (again.state, again.finished_at) == ("processing", None)
    orders = room.said(ItemAccepted)[3:]
    assert [order.revision for order in orders] == [2, 2]
    assert orders[0].object_key.startswith(f"documents/{view.application_no}/{entry(2)}/r2/")
    assert orders[0].verification_code == second.verification_code
    assert orders[0].give_up_at == room.clock.now() + timedelta(minutes=60)
    for order in orders:
        room.make(order)
    assert room.item(view, entry(1)) == before
    assert room.read(view).progress["ready"] == 3


def test_a_named_item_that_has_not_failed_is_a_fault_of_the_request(room):
    view = room.accept(entries(2))
    first, second = room.said(ItemAccepted)
    room.make(first)
    room.hear(failure(second))

    fault = refused("validation-failed", room.retry, view, [entry(2), entry(1)])
    assert [error["pointer"] for error in fault.errors] == ["/entry_ids/1"]
    assert room.retry(view, [entry(2)]).items[1].status == "making"


def test_without_a_failure_there_is_nothing_to_retry(room):
    view = room.accept([entry(1)])

    refused("nothing-to-retry", room.retry, view)
    refused("not-found", room.retry, view, uscc=B)


def test_the_same_key_retries_once(room):
    view = room.accept([entry(1)])
    room.hear(failure(room.said(ItemAccepted)[0]))

    first = room.retry(view, key="retry-key-of-client")
    again = room.retry(view, key="retry-key-of-client")

    assert again == first
    assert len(room.said(ItemAccepted)) == 2


def test_retried_items_wait_for_their_turn_too(room):
    room.set(items_at_render=1)
    view = room.accept([entry(1)])
    room.hear(failure(room.said(ItemAccepted)[0]))
    room.accept([entry(2)])

    room.retry(view)

    assert len(room.said(ItemAccepted)) == 2
    room.make(room.said(ItemAccepted)[1])
    assert room.said(ItemAccepted)[2].revision == 2


def test_a_retried_export_replaces_the_files_when_it_makes_something_new(room):
    view = room.accept(entries(2), "export")
    room.make_export(room.said(ExportAccepted)[0], failed=[(entry(2), "source-missing")])
    old = room.read(view)
    room.clock.advance(timedelta(days=1))

    again = room.retry(view)

    assert [item.status for item in again.items] == ["ready", "making"]
    assert (again.status, again.files) == ("making", None)
    order = room.said(ExportAccepted)[1]
    assert (order.revision, [each.entry_id for each in order.entries]) == (2, entries(2))
    room.make_export(order)
    new = room.read(view)
    assert (new.partial, new.made_at) == (False, old.made_at + timedelta(days=1))
    assert new.files["zip"].sha256 != old.files["zip"].sha256


def test_a_retried_export_that_makes_nothing_new_leaves_files_and_expiry(room):
    view = room.accept(entries(2), "export")
    room.make_export(room.said(ExportAccepted)[0], failed=[(entry(2), "source-missing")])
    old = room.read(view)
    room.clock.advance(timedelta(days=1))
    room.retry(view)
    room.make_export(room.said(ExportAccepted)[1], failed=[(entry(2), "source-missing")])

    assert room.read(view).files == old.files
    assert room.read(view).expires_at == old.expires_at

    room.retry(view)
    room.hear(ExportFailed(view.application_no, 3, A, "render-failed", "", 5, room.clock.now()))
    seen = room.read(view)
    assert (seen.status, seen.files, seen.partial) == ("ready", old.files, True)


def test_an_expired_export_is_applied_for_again_and_not_retried(room):
    view = room.accept(entries(2), "export")
    room.make_export(room.said(ExportAccepted)[0], failed=[(entry(2), "source-missing")])
    room.clock.moment = room.read(view).expires_at

    refused("nothing-to-retry", room.retry, view)


def test_the_register_is_asked_again_about_what_customs_had_not_finished(room):
    room.register.outlooks = {entry(1): "customs_unfinished"}
    view = room.accept([entry(1)], "export")

    still = room.retry(view)
    assert (still.state, still.status) == ("finished", "failed")
    assert not room.said(ExportAccepted)

    room.register.outlooks = {}
    now = room.retry(view)
    assert now.status == "making"
    room.make_export(room.said(ExportAccepted)[0])
    assert room.read(view).status == "ready"
    assert [said.round for said in room.said(ApplicationCompleted)] == [1, 2, 3]
