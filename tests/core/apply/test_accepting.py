import re
from datetime import timedelta

import pytest

from services.kernel.contracts.apply import (
    ApplicationAccepted,
    ApplicationCompleted,
    ExportAccepted,
    FeedExtended,
    ItemAccepted,
)
from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import Unavailable
from tests.support.apply_room import A, B, entries, entry


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refusal) as fault:
        act(*args, **kwargs)
    assert fault.value.code == code
    return fault.value


def test_an_accepted_print_is_readable_at_once_with_all_items_in_the_order_of_the_request(room):
    wanted = [entry(3), entry(1), entry(2)]

    view = room.accept(wanted)

    assert re.fullmatch(r"P20261123[0-9]{9}", view.application_no)
    assert [item.entry_id for item in room.read(view).items] == wanted
    assert {item.status for item in view.items} == {"making"}
    assert {item.phase for item in view.items} == {"queued"}
    assert view.progress == {
        "total": 3,
        "ready": 0,
        "making": 3,
        "customs_unfinished": 0,
        "unsupported_version": 0,
        "failed": 0,
        "percent": 0,
    }
    assert view.submission.card_no_masked == "8930*****0001"


def test_each_printable_item_is_ordered_once_with_key_code_and_end(room):
    view = room.accept(entries(2))

    first, second = room.said(ItemAccepted)
    assert re.fullmatch(
        rf"documents/{view.application_no}/{entry(1)}/r1/[0-9a-f]{{16}}\.pdf", first.object_key
    )
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{24}", first.verification_code)
    assert first.verification_code != second.verification_code
    assert first.give_up_at - first.ordered_at == timedelta(minutes=60)
    assert (first.lifetime, first.zone) == ("calendar-month", "Asia/Shanghai")
    (accepted,) = room.said(ApplicationAccepted)
    assert [item.entry_id for item in accepted.items] == entries(2)


def test_an_export_is_ordered_whole_with_five_keys(room):
    room.register.outlooks = {entry(2): "customs_unfinished", entry(3): "unsupported_version"}

    view = room.accept(entries(3), "export")

    assert re.fullmatch(r"D20261123[0-9]{9}", view.application_no)
    (order,) = room.said(ExportAccepted)
    assert sorted(order.object_keys) == ["csv", "json", "xlsx", "xml", "zip"]
    assert [each.entry_id for each in order.entries] == [entry(1), entry(3)]
    assert [(each.entry_id, each.code) for each in order.failed] == [
        (entry(2), "customs-unfinished")
    ]
    assert [item.status for item in view.items] == ["making", "failed", "making"]
    assert view.status == "making"
    assert not room.said(ItemAccepted)


def test_numbers_that_are_not_found_are_refused_one_by_one(room):
    room.register.unknown = {entry(2)}

    view = room.accept(entries(2))

    (item,) = view.refused_items
    assert (item.entry_id, item.code) == (entry(2), "declaration-not-found")
    assert item.message == "未查到该报关单，或本企业不是该报关单的境内收发货人。"
    assert [item.entry_id for item in view.items] == [entry(1)]


def test_with_all_numbers_refused_there_is_no_application_and_the_key_stays_free(room):
    room.register.unknown = {entry(1)}
    submission = room.submission([entry(1)])

    fault = refused("all-refused", room.use.accept, submission)

    assert fault.facts["refused_items"][0]["entry_id"] == entry(1)
    assert not room.said(ApplicationAccepted)
    room.register.unknown = set()
    assert room.use.accept(submission).application_no


def test_unfinished_and_old_declarations_get_their_final_status_at_once(room):
    room.register.outlooks = {entry(1): "customs_unfinished", entry(2): "unsupported_version"}

    view = room.accept(entries(2))

    assert [item.status for item in view.items] == ["customs_unfinished", "unsupported_version"]
    assert [item.reason.message for item in view.items] == [
        "海关作业流程未完结",
        "旧版本暂不支持",
    ]
    assert view.state == "finished"
    assert view.finished_at == view.accepted_at
    assert not room.said(ItemAccepted)
    (completed,) = room.said(ApplicationCompleted)
    assert completed.items[0].reason_code == "customs-unfinished"


def test_an_export_of_nothing_but_unfinished_declarations_has_failed_at_once(room):
    room.register.outlooks = {entry(1): "customs_unfinished"}

    view = room.accept([entry(1)], "export")

    assert (view.state, view.status, view.files) == ("finished", "failed", None)
    assert not room.said(ExportAccepted)


def test_the_same_key_and_content_give_the_first_answer_however_late(room):
    submission = room.submission(entries(2))
    first = room.use.accept(submission)
    room.clock.advance(timedelta(hours=23))

    again = room.use.accept(submission)

    assert again == first
    assert len(room.said(ApplicationAccepted)) == 1
    known = room.use.replay(submission.request)
    assert (known.state, known.answer["application_no"]) == ("done", first.application_no)


def test_the_same_key_with_other_content_is_refused(room):
    room.accept([entry(1)], key="the-same-key-of-both", content="c" * 64)

    refused(
        "idempotency-key-reused",
        room.accept,
        [entry(1)],
        key="the-same-key-of-both",
        content="d" * 64,
    )


def test_a_key_belongs_to_its_company_and_is_forgotten_after_a_day(room):
    first = room.accept([entry(1)], key="the-same-key-of-both")
    other = room.accept([entry(1)], key="the-same-key-of-both", uscc=B)
    room.clock.advance(timedelta(hours=24, seconds=1))
    later = room.accept([entry(1)], key="the-same-key-of-both", content="d" * 64)

    assert len({first.application_no, other.application_no, later.application_no}) == 3


@pytest.mark.parametrize(
    "skew", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)]
)
def test_a_submission_more_than_five_minutes_off_is_refused(room, skew):
    fault = refused(
        "submitted-at-skewed", room.accept, [entry(1)], submitted_at=room.clock.now() + skew
    )

    assert fault.facts == {"server_time": "2026-11-23T10:15:30.000+08:00"}


def test_a_submission_five_minutes_off_is_accepted(room):
    assert room.accept([entry(1)], submitted_at=room.clock.now() - timedelta(minutes=5))


def test_a_signature_is_good_for_one_application(room):
    first = room.accept([entry(1)], payload="signed once")

    fault = refused("signature-reused", room.accept, [entry(1)], payload="signed once")

    assert fault.facts == {"application_no": first.application_no}


def test_time_is_judged_before_the_signature_and_that_before_the_register(room):
    room.accept([entry(1)], payload="signed once")
    room.register.away = True
    late = room.clock.now() - timedelta(minutes=6)

    refused(
        "submitted-at-skewed", room.accept, [entry(1)], payload="signed once", submitted_at=late
    )
    refused("signature-reused", room.accept, [entry(1)], payload="signed once")
    with pytest.raises(Unavailable):
        room.accept([entry(1)])


def test_the_day_has_a_quota_and_an_application_over_it_is_refused_whole(room):
    room.set(daily_items=3)
    room.accept(entries(2))

    fault = refused("quota-exceeded", room.accept, entries(2))

    assert (fault.facts["quota"], fault.facts["limit"], fault.facts["used"]) == (
        "daily_items",
        3,
        2,
    )
    assert fault.facts["resets_at"] == "2026-11-24T00:00:00.000+08:00"
    assert room.accept([entry(3)])
    room.clock.advance(timedelta(days=1))
    assert room.accept(entries(3))
    assert room.use.usage(A).daily_items_used == 3
    assert room.use.usage(B).daily_items_used == 0


def test_unfinished_items_have_a_quota(room):
    room.set(unfinished_items=2)
    room.accept([entry(1)], "export")

    fault = refused("quota-exceeded", room.accept, entries(2))

    assert (fault.facts["quota"], fault.facts["resets_at"]) == ("unfinished_items", None)
    assert room.use.usage(A).unfinished_items_used == 1


def test_at_most_so_many_items_of_a_company_are_at_render_and_the_rest_follow(room):
    room.set(items_at_render=2)
    room.accept(entries(3))
    room.accept([entry(4)])
    room.accept([entry(5)], uscc=B)

    ordered = room.said(ItemAccepted)
    assert [order.entry_id for order in ordered] == [entry(1), entry(2), entry(5)]

    room.make(ordered[0])
    assert [order.entry_id for order in room.said(ItemAccepted)][3:] == [entry(3)]
    room.make(ordered[1])
    assert [order.entry_id for order in room.said(ItemAccepted)][4:] == [entry(4)]
    for order in room.said(ItemAccepted)[3:]:
        room.make(order)
    assert len(room.said(ItemAccepted)) == 5
    assert room.use.usage(A).unfinished_items_used == 0


def test_a_change_is_told_in_the_feed_with_a_number_that_rises_within_the_company(room):
    view = room.accept([entry(1)])
    room.accept([entry(1)], uscc=B)
    room.make(room.said(ItemAccepted)[0])

    entries_ = [each for told in room.said(FeedExtended) if told.uscc == A for each in told.entries]
    assert [(each.seq, each.event) for each in entries_] == [
        (1, "application"),
        (2, "item"),
        (3, "application"),
    ]
    assert entries_[1].data == {
        "seq": 2,
        "kind": "print",
        "application_no": view.application_no,
        "entry_id": entry(1),
        "status": "sealed_ready",
        "status_code": "1",
        "status_text": "有签章已生成",
        "phase": None,
        "percent": 100,
        "expires_at": "2026-12-23T10:15:30.000+08:00",
    }
    assert entries_[2].data["state"] == "finished"
