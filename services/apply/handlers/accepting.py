"""A company hands in an application."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.apply.domain import application as rules
from services.apply.domain import numbers, orders, views, words
from services.apply.domain.application import Application, Item
from services.apply.domain.company import check_quotas, free_places
from services.apply.domain.feed import application_changed
from services.apply.handlers import keys
from services.apply.handlers.telling import complete, tell
from services.apply.ports import Request
from services.kernel.calendar import local_day
from services.kernel.contracts.apply import (
    AcceptedItem,
    ApplicationAccepted,
    ApplicationView,
    Order,
    RefusedItem,
    SubmissionView,
)
from services.kernel.contracts.auth import Evidence
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.apply.domain.policy import Policy
    from services.apply.ports import Declarations, Dice, Intake, Work, Works
    from services.kernel.contracts.declaration import Snapshot
    from services.kernel.contracts.query import SnapshotAnswer

log = structlog.get_logger()


@dataclass(frozen=True)
class Submission:
    """An order with its proof and the key under which it came."""

    order: Order
    evidence: Evidence
    request: Request


def accept(
    submission: Submission,
    *,
    works: Works,
    declarations: Declarations,
    dice: Dice,
    policy: Policy,
) -> ApplicationView:
    """Accept what can be accepted under one number.

    The checks come in the order of the HTTP API: replay, time, signature, eligibility, quotas. The
    register is asked between two transactions, since no transaction waits for a neighbour.
    """
    with works() as work:
        earlier = _judge(submission, work, policy)
    if earlier is not None:
        return earlier
    order = submission.order
    answers = declarations.snapshots(order.uscc, order.entry_ids)
    _refuse_if_nothing_is_left(answers)
    with works() as work:
        return _record(submission, answers, work, dice, policy)


def _judge(submission: Submission, work: Work, policy: Policy) -> ApplicationView | None:
    intake = work.applications.intake(submission.evidence.payload_sha256)
    known = keys.replay(submission.request, work=work, now=intake.now, policy=policy)
    earlier = keys.earlier_answer(known, ApplicationView)
    if earlier is None:
        refuse_if_backlogged(intake, policy)
        _check_time(submission.order.submitted_at, intake.now, policy)
        _check_signature(intake.signature_used_by)
    return earlier


def refuse_if_backlogged(intake: Intake, policy: Policy) -> None:
    """Raise Refusal `queue-full` while messages of a minute ago have not left."""
    if intake.oldest_unsent and intake.now - intake.oldest_unsent > policy.backlog_limit:
        raise Refusal("queue-full")


def _check_time(submitted_at: str, now: datetime, policy: Policy) -> None:
    if abs(now - datetime.fromisoformat(submitted_at)) > policy.submission_skew:
        raise Refusal("submitted-at-skewed", facts={"server_time": words.shown(now)})


def _check_signature(used_by: str | None) -> None:
    if used_by is not None:
        raise Refusal("signature-reused", facts={"application_no": used_by})


def _refused(answers: list[SnapshotAnswer]) -> list[RefusedItem]:
    return [
        RefusedItem(answer.entry_id, "declaration-not-found", words.REFUSED_MESSAGE)
        for answer in answers
        if not answer.found
    ]


def _refuse_if_nothing_is_left(answers: list[SnapshotAnswer]) -> None:
    if not any(answer.found for answer in answers):
        facts = [
            {"entry_id": item.entry_id, "code": item.code, "message": item.message}
            for item in _refused(answers)
        ]
        raise Refusal("all-refused", facts={"refused_items": facts})


def _record(
    submission: Submission,
    answers: list[SnapshotAnswer],
    work: Work,
    dice: Dice,
    policy: Policy,
) -> ApplicationView:
    intake = work.applications.intake(submission.evidence.payload_sha256)
    known = work.answers.claim(submission.request, intake.now - policy.key_kept)
    earlier = keys.earlier_answer(known, ApplicationView)
    if earlier is not None:
        return earlier
    application, items = _draw_up(submission, answers, work, intake.now, dice)
    _check_signature(
        work.applications.keep_evidence(application.application_no, submission.evidence)
    )
    company = work.companies.lock(application.uscc)
    check_quotas(
        company, items=application.total, making=application.making, now=intake.now, policy=policy
    )
    free = free_places(company, policy)
    application, items = _hand_out(application, items, free, intake.now, policy)
    snapshots = {answer.entry_id: answer.snapshot for answer in answers if answer.snapshot}
    _keep(work, application, items, snapshots, intake.now)
    _say(work, submission, application, items, snapshots, policy)
    view = views.application_view(application, items, intake.now)
    keys.keep(work, submission.request, view, intake.now)
    complete(work, application, intake.now)
    work.commit()
    log.info(
        "application_accepted",
        application_no=application.application_no,
        items=application.total,
        refused=len(application.refused_items),
    )
    return view


def _draw_up(
    submission: Submission, answers: list[SnapshotAnswer], work: Work, now: datetime, dice: Dice
) -> tuple[Application, list[Item]]:
    order, evidence = submission.order, submission.evidence
    running = work.applications.next_running(order.kind)
    application = Application(
        application_no=numbers.application_no(order.kind, local_day(now), running),
        kind=order.kind,
        seal=order.seal,
        uscc=order.uscc,
        company_name=order.company_name,
        submitted_at=order.submitted_at,
        accepted_at=now,
        submission=SubmissionView(
            evidence.card_no_masked,
            evidence.holder,
            evidence.certificate_sha256,
            evidence.payload_sha256,
        ),
        refused_items=_refused(answers),
    )
    found = [answer for answer in answers if answer.found]
    items = [_first_item(application, answer, place, dice) for place, answer in enumerate(found)]
    return rules.closed(rules.counted(application, items), now), items


def _first_item(application: Application, answer: SnapshotAnswer, place: int, dice: Dice) -> Item:
    status, reason_code = rules.first_status(application.kind, answer)
    making = status == rules.MAKING
    drawn = making and application.kind == "print"
    return Item(
        application_no=application.application_no,
        entry_id=answer.entry_id,
        rank=-place,
        uscc=application.uscc,
        kind=application.kind,
        seal=application.seal,
        status=status,
        accepted_at=application.accepted_at,
        phase="queued" if making else None,
        attempts=1 if making else 0,
        reason_code=reason_code,
        verification_code=numbers.verification_code(dice(numbers.CODE_BYTES)) if drawn else None,
        form_kind=answer.snapshot.data.form_kind if answer.snapshot else None,
        snapshot_digest=answer.snapshot.digest if answer.snapshot else None,
    )


def _hand_out(
    application: Application, items: list[Item], free: int, now: datetime, policy: Policy
) -> tuple[Application, list[Item]]:
    """Hand an export whole, print items as far as the company has places."""
    if not application.making:
        return application, items
    if application.kind == "export":
        return rules.export_handed(application, now, policy), items
    out = []
    for item in items:
        ready = replace(item, ordered_at=now, give_up_at=now + policy.give_up_after)
        making = item.status == rules.MAKING
        out.append(rules.handed(ready, now, policy) if making and free > 0 else ready)
        free -= making
    return application, out


def _keep(
    work: Work,
    application: Application,
    items: list[Item],
    snapshots: Mapping[str, Snapshot],
    now: datetime,
) -> None:
    work.applications.add(application, items)
    wanted = {
        item.entry_id: snapshots[item.entry_id]
        for item in items
        if item.status == rules.MAKING and item.entry_id in snapshots
    }
    work.applications.freeze(application.application_no, wanted)
    work.companies.count_day(application.uscc, application.total, now)


def _say(
    work: Work,
    submission: Submission,
    application: Application,
    items: list[Item],
    snapshots: Mapping[str, Snapshot],
    policy: Policy,
) -> None:
    work.say(_accepted(submission, application, items), application.application_no)
    handed = [item for item in items if item.handed_at]
    if application.kind == "print":
        work.say_all(
            [orders.document_order(item, snapshots[item.entry_id], policy) for item in handed]
        )
    elif application.making:
        work.say_all([orders.export_order(application, items, snapshots, policy)])
    prints = application.making if application.kind == "print" else 0
    tell(
        work,
        application.uscc,
        [application_changed(application)],
        application.accepted_at,
        unfinished=application.making,
        in_work=len(handed),
        waiting=prints - len(handed),
    )


def _accepted(
    submission: Submission, application: Application, items: list[Item]
) -> ApplicationAccepted:
    return ApplicationAccepted(
        application_no=application.application_no,
        kind=application.kind,
        seal=application.seal,
        uscc=application.uscc,
        session_id=submission.evidence.session_id,
        items=[AcceptedItem(item.entry_id, item.status) for item in items],
        refused_items=application.refused_items,
        payload_sha256=submission.evidence.payload_sha256,
        submitted_at=datetime.fromisoformat(application.submitted_at),
        accepted_at=application.accepted_at,
    )
