from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from services.kernel.contracts.apply import (
    ApplicationCompleted,
    ExportAccepted,
    FeedExtended,
    ItemAccepted,
)
from services.kernel.contracts.query import DeclarationErased, DeclarationWithdrawn
from services.kernel.contracts.render import (
    DocumentDelayed,
    DocumentFailed,
    ExportDelayed,
    ExportFailed,
)
from services.kernel.contracts.retention import ArtifactDeleted
from tests.core.apply.test_accepting import refused
from tests.support.apply_room import A, entries, entry


def failure(order, code="render-failed", revision=None):
    return DocumentFailed(
        order.application_no,
        order.entry_id,
        revision or order.revision,
        order.uscc,
        code,
        "kaputt",
        5,
        order.ordered_at,
    )


def deleted(subject, keys, at):
    return ArtifactDeleted("art_1", subject, keys, ["0" * 64], at, at, at, "proof", "1")


@pytest.mark.parametrize(
    ("seal", "status"), [("none", "unsealed_ready"), ("sealed", "sealed_ready")]
)
def test_a_made_document_is_ready_with_its_facts(room, seal, status):
    view = room.accept([entry(1)], seal=seal)
    (order,) = room.said(ItemAccepted)
    room.make(order, attempts=2, reused=True, pages=3)

    item = room.item(view, entry(1))
    assert (item.status, item.phase, item.percent, item.attempts) == (status, None, 100, 2)
    assert item.reused
    assert (item.file.size, item.file.pages) == (185_601, 3)
    assert item.file.verification_code == order.verification_code
    assert room.read(view).state == "finished"
    assert room.use.usage(A).unfinished_items_used == 0


def test_the_same_message_twice_changes_nothing(room):
    view = room.accept(entries(2))
    fact = room.document(room.said(ItemAccepted)[0])
    room.hear(fact, message_id="m-1")
    told = len(room.said(FeedExtended))

    room.hear(fact, message_id="m-1")
    room.hear(fact, message_id="m-2")

    assert room.read(view).progress["ready"] == 1
    assert room.use.usage(A).unfinished_items_used == 1
    assert len(room.said(FeedExtended)) == told


def test_a_fact_about_another_revision_changes_nothing(room):
    view = room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    room.hear(failure(order))
    room.retry(view)

    room.make(order)

    assert room.item(view, entry(1)).status == "making"
    room.make(room.said(ItemAccepted)[1])
    assert room.item(view, entry(1)).status == "sealed_ready"
    room.hear(failure(order, revision=2))
    assert room.item(view, entry(1)).status == "sealed_ready"


def test_a_fact_about_nothing_known_here_is_passed_by(room):
    room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    room.hear(room.document(order, application_no="P20200101000000001"))


def test_while_tries_last_the_item_is_making_and_retrying(room):
    view = room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    room.hear(
        DocumentDelayed(
            order.application_no, entry(1), 1, A, 2, "seal-unavailable", room.clock.now()
        )
    )

    item = room.item(view, entry(1))
    assert (item.status, item.phase, item.attempts, item.reason) == ("making", "retrying", 2, None)


@pytest.mark.parametrize(
    ("told", "shown"),
    [("seal-unavailable", "seal-unavailable"), ("disk-on-fire", "render-failed")],
)
def test_after_the_last_try_the_item_has_failed_with_a_reason_of_the_api(room, told, shown):
    view = room.accept(entries(2))
    room.hear(failure(room.said(ItemAccepted)[0], told))

    item = room.item(view, entry(1))
    assert (item.status, item.reason.code, item.attempts) == ("failed", shown, 5)
    assert item.reason.message
    assert room.read(view).progress["failed"] == 1
    assert not room.said(ApplicationCompleted)


def test_when_all_are_at_their_end_it_is_said_once_a_round(room):
    view = room.accept(entries(2))
    first, second = room.said(ItemAccepted)
    room.make(first)
    room.hear(failure(second))
    room.retry(view)
    room.make(room.said(ItemAccepted)[2])

    one, two = room.said(ApplicationCompleted)
    assert (one.round, two.round) == (1, 2)
    assert [item.status for item in one.items] == ["sealed_ready", "failed"]
    assert [item.status for item in two.items] == ["sealed_ready", "sealed_ready"]
    assert two.items[0].sha256


def test_export_files_are_ready_and_perhaps_partial(room):
    view = room.accept(entries(2), "export")
    (order,) = room.said(ExportAccepted)
    room.make_export(order, failed=[(entry(2), "source-missing")])

    seen = room.read(view)
    assert (seen.state, seen.status, seen.partial) == ("finished", "ready", True)
    assert [item.status for item in seen.items] == ["ready", "failed"]
    assert seen.items[1].reason.message == "数据来源缺失"
    assert sorted(seen.files) == ["csv", "json", "xlsx", "xml", "zip"]
    assert seen.progress == {"total": 2, "ready": 1, "making": 0, "failed": 1, "percent": 100}
    assert room.use.usage(A).unfinished_items_used == 0
    last = room.said(FeedExtended)[-1].entries[-1].data
    assert (last["status_code"], last["partial"]) == ("1", True)
    assert last["expires_at"] == "2026-12-23T10:15:30.000+08:00"


def test_an_export_that_failed_has_failed_items_and_no_files(room):
    view = room.accept(entries(2), "export")
    room.hear(ExportDelayed(view.application_no, 1, A, 1, "render-failed", room.clock.now()))
    assert room.read(view).items[0].phase == "retrying"
    room.hear(ExportFailed(view.application_no, 1, A, "source-missing", "", 5, room.clock.now()))

    seen = room.read(view)
    assert (seen.status, seen.files, seen.partial) == ("failed", None, False)
    assert {item.reason.code for item in seen.items} == {"source-missing"}


def test_the_month_of_a_file_ends_by_the_calendar_and_then_it_is_shown_as_expired(room):
    room.clock.moment = datetime(2026, 1, 31, 7, 20, tzinfo=UTC)
    view = room.accept([entry(1)])
    room.make(room.said(ItemAccepted)[0])

    item = room.item(view, entry(1))
    assert item.expires_at == datetime(2026, 2, 28, 7, 20, tzinfo=UTC)
    room.clock.moment = item.expires_at - timedelta(microseconds=1)
    assert not room.item(view, entry(1)).expired
    room.clock.moment = item.expires_at
    after = room.item(view, entry(1))
    assert (after.expired, after.status, after.file) == (True, "sealed_ready", item.file)


def test_deleted_bytes_keep_digest_and_size_and_lose_the_frozen_declaration(room):
    view = room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    room.make(order)
    subject = f"{view.application_no}/{entry(1)}"
    room.hear(deleted(subject, ["documents/other"], room.clock.now()), subject)
    assert room.open_document(view, entry(1), record=False)

    room.hear(deleted(subject, [order.object_key], room.clock.now()), subject)

    assert room.item(view, entry(1)).file.sha256
    refused("expired", room.open_document, view, entry(1))


def test_a_withdrawn_declaration_shows_in_the_public_check(room):
    room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    room.make(order)
    assert not room.use.verify_code(order.verification_code).withdrawn

    room.hear(DeclarationWithdrawn(entry(1), 2, A, "deleted", room.clock.now()), entry(1))

    record = room.use.verify_code(order.verification_code)
    assert record.withdrawn
    assert (record.entry_id, record.company_name) == (entry(1), "示例甲进出口有限公司")
    assert room.use.verify_sha256(record.sha256) == record


def test_a_code_is_read_as_people_type_it_and_answers_only_for_made_documents(room):
    room.accept([entry(1)])
    (order,) = room.said(ItemAccepted)
    code = order.verification_code
    refused("verification-not-found", room.use.verify_code, code)
    assert room.use.verify_sha256("0" * 64) is None
    room.make(order)

    typed = "-".join(code[at : at + 4] for at in range(0, 24, 4)).lower()
    assert room.use.verify_code(typed).verification_code == code


def test_after_erasure_a_failed_item_cannot_be_drawn_again(room):
    view = room.accept([entry(1)])
    room.hear(failure(room.said(ItemAccepted)[0]))
    room.hear(DeclarationErased(entry(1), 1, A, "custody", room.clock.now()), entry(1))

    refused("nothing-to-retry", room.retry, view)


def test_what_ends_is_counted_once_with_the_time_it_took(room):
    def counted():
        name, labels = "danzheng_application_to_artifact_seconds", {"kind": "print"}
        return [
            REGISTRY.get_sample_value(f"{name}_{what}", labels) or 0 for what in ("count", "sum")
        ]

    before = counted()
    room.accept([entry(1)])
    room.clock.advance(timedelta(seconds=4))
    fact = room.document(room.said(ItemAccepted)[0])
    room.hear(fact)
    room.hear(fact)

    assert [after - old for after, old in zip(counted(), before, strict=True)] == [1, 4]
