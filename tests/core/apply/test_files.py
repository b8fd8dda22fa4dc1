from datetime import timedelta

import pytest

from services.apply.domain.words import partial_question
from services.apply.handlers.files import Wanted
from services.kernel.contracts.apply import ExportAccepted, ItemAccepted
from tests.core.apply.test_accepting import refused
from tests.core.apply.test_hearing import failure
from tests.support.apply_room import CLIENT, A, B, actor, entries, entry


@pytest.fixture
def made(room):
    view = room.accept(entries(2))
    room.make(room.said(ItemAccepted)[0])
    return view


@pytest.fixture
def partial(room):
    view = room.accept(entries(2), "export")
    room.make_export(room.said(ExportAccepted)[0], failed=[(entry(2), "source-missing")])
    return view


def test_an_opened_file_is_named_by_key_and_digest_and_leaves_a_record(room, made):
    grant = room.open_document(made, entry(1))

    assert grant.object_key == room.said(ItemAccepted)[0].object_key
    assert (grant.etag, grant.size, grant.seal) == ('"e"', 185_601, "sealed")
    (record,) = room.operations(made, entry(1))
    assert (record.seq, record.action, record.file_sha256) == (1, "export", grant.sha256)
    assert record.operation_id.startswith("opr_")
    assert record.actor == actor()
    assert record.client == CLIENT


def test_records_count_from_one_for_each_item_and_say_what_was_done(room, made):
    room.make(room.said(ItemAccepted)[1])
    room.open_document(made, entry(1))
    room.open_document(made, entry(1), "print")
    room.open_document(made, entry(2))
    room.open_document(made, entry(1), record=False)

    assert [(each.seq, each.action) for each in room.operations(made, entry(1))] == [
        (1, "export"),
        (2, "print"),
    ]
    assert [each.seq for each in room.operations(made, entry(2))] == [1]


def test_what_is_not_made_has_no_file_and_says_why(room):
    room.register.outlooks = {entry(2): "customs_unfinished"}
    view = room.accept(entries(3))
    room.hear(failure(room.said(ItemAccepted)[1], "seal-unavailable"))

    making = refused("not-ready", room.open_document, view, entry(1))
    assert making.facts == {"item_status": "making", "status_text": "制作中", "reason": None}
    unfinished = refused("not-ready", room.open_document, view, entry(2))
    assert unfinished.detail == "海关作业流程未完结"
    assert unfinished.facts["reason"] == {
        "code": "customs-unfinished",
        "message": "海关作业流程未完结",
    }
    failed = refused("not-ready", room.open_document, view, entry(3))
    assert failed.facts["reason"]["code"] == "seal-unavailable"
    assert room.operations(view, entry(1)) == []


def test_from_the_moment_of_expiry_the_file_is_refused_and_its_records_stay(room, made):
    room.open_document(made, entry(1))
    expires_at = room.item(made, entry(1)).expires_at
    room.clock.moment = expires_at - timedelta(microseconds=1)
    assert room.open_document(made, entry(1))
    room.clock.moment = expires_at

    fault = refused("expired", room.open_document, made, entry(1))

    assert fault.facts == {"expires_at": "2026-12-23T10:15:30.000+08:00"}
    assert fault.detail == "已超过保存期限，请重新申请"
    assert len(room.operations(made, entry(1))) == 2


def test_another_companys_file_does_not_exist(room, made, partial):
    for entry_id, number in ((entry(1), made), (None, partial)):
        wanted = Wanted(B, number.application_no, entry_id, "zip", "export")
        refused("not-found", room.use.open_file, wanted, actor(B), CLIENT, record=True)
        refused(
            "not-found",
            room.use.operations,
            B,
            number.application_no,
            entry_id,
            limit=1,
            cursor=None,
        )
    refused("not-found", room.use.read, B, made.application_no)
    refused("not-found", room.use.read_item, B, made.application_no, entry(1))


def test_a_document_is_not_found_under_a_data_application_nor_data_under_a_print(
    room, made, partial
):
    refused("not-found", room.open_document, partial, entry(1))
    refused("not-found", room.open_data, made)


def test_partial_data_are_given_only_to_who_accepts_that(room, partial):
    fault = refused("partial-failure", room.open_data, partial)
    assert fault.detail == f"报关单号 {entry(2)}数据生成失败，请确认是否继续导出？"
    assert fault.facts == {"failed_entry_ids": [entry(2)]}
    assert room.operations(partial) == []

    grant = room.open_data(partial, "csv", accept_partial=True)

    assert grant.object_key.endswith(".csv")
    assert grant.partial
    (record,) = room.operations(partial)
    assert (record.seq, record.action, record.format, record.partial) == (1, "export", "csv", True)


def test_the_question_names_up_to_five_numbers_and_counts_the_rest():
    words = "数据生成失败，请确认是否继续导出？"
    assert partial_question(["1", "2"]) == f"报关单号 1、2{words}"
    assert partial_question(list("12345")) == f"报关单号 1、2、3、4、5{words}"
    assert partial_question(list("1234567")) == f"报关单号 1、2、3、4、5等 7 票{words}"


def test_data_that_are_not_made_or_failed_altogether_have_no_file(room):
    view = room.accept(entries(2), "export")
    fault = refused("not-ready", room.open_data, view)
    assert (fault.facts["item_status"], fault.facts["status_text"]) == ("making", "生成中")
    room.make_export(
        room.said(ExportAccepted)[0], failed=[(each, "source-missing") for each in entries(2)]
    )

    fault = refused("nothing-to-export", room.open_data, view)

    assert fault.facts == {"failed_entry_ids": entries(2)}


def test_expired_data_are_refused(room, partial):
    room.clock.moment = room.read(partial).expires_at

    refused("expired", room.open_data, partial, accept_partial=True)
    assert room.read(partial).expired
    assert room.read(partial).files


def test_a_print_event_needs_a_print_of_the_same_session_within_the_hour(room, made):
    wanted = Wanted(A, made.application_no, entry(1), None, "print")

    def tell(event, session="ses_1"):
        return room.use.record_print_event(wanted, event, actor(session=session), CLIENT)

    room.open_document(made, entry(1), "export")
    refused("no-print-stream", tell, "dialog_opened")
    room.open_document(made, entry(1), "print")
    refused("no-print-stream", tell, "dialog_opened", "ses_2")

    assert tell("dialog_opened").action == "print_dialog_opened"
    assert tell("dialog_closed").seq == 4
    room.clock.advance(timedelta(minutes=60, seconds=1))
    refused("no-print-stream", tell, "dialog_closed")


def test_records_are_read_page_by_page_oldest_first(room, made):
    for _ in range(5):
        room.open_document(made, entry(1))

    def page(cursor=None):
        return room.use.operations(A, made.application_no, entry(1), limit=2, cursor=cursor)

    first = page()
    second = page(first.next_cursor)
    third = page(second.next_cursor)
    assert [[each.seq for each in p.items] for p in (first, second, third)] == [[1, 2], [3, 4], [5]]
    assert (first.prev_cursor, third.next_cursor) == (None, None)
    assert [each.seq for each in page(third.prev_cursor).items] == [3, 4]
    refused(
        "cursor-invalid",
        room.use.operations,
        A,
        made.application_no,
        entry(2),
        limit=2,
        cursor=first.next_cursor,
    )
