"""The verdicts, without any transport."""

import pytest

from services.kernel.contracts import envelope as envelopes
from services.kernel.contracts.envelope import CONTENT_TYPE
from services.kernel.errors import Outage, PermanentFailure, TryLater, Unavailable
from services.kernel.messaging import delivery, topology
from services.kernel.messaging.delivery import Ack, Breaker, Delivery, Park, RawMessage, Retry
from services.kernel.observability.trace import current
from tests.support.transports import dropped

QUEUE = topology.inbox("retention")
PAUSES = (1, 2, 3, 4)


def _raw(event, attempt=1):
    headers = {delivery.ATTEMPT: attempt, "x-death": ["broker's own"], "ce_type": event.type}
    return RawMessage(envelopes.encode(event), CONTENT_TYPE, event.id, headers, QUEUE)


def _raising(fault):
    def handler(_envelope):
        raise fault

    return handler


@pytest.mark.parametrize(
    "fault", [TryLater(), Unavailable("database"), RuntimeError("?"), KeyError("x")]
)
def test_what_may_pass_goes_up_the_ladder_step_by_step(fault):
    room = Delivery("retention", _raising(fault))

    verdicts = [room(_raw(dropped("x"), attempt)) for attempt in (1, 2, 3, 4, 5)]

    assert [each.step for each in verdicts[:4]] == [1, 2, 3, 4]
    assert verdicts[4] == Park("exhausted", fault)


def test_what_can_never_be_done_is_parked_at_once():
    fault = PermanentFailure("bad-seal")

    assert Delivery("retention", _raising(fault))(_raw(dropped("x"))) == Park("bad-seal", fault)


def test_the_handler_works_in_the_name_of_the_message():
    seen = []
    event = dropped("x")

    verdict = Delivery("retention", lambda _envelope: seen.append(current()))(_raw(event))

    assert verdict == Ack()
    assert seen[0].message_id == event.id
    assert seen[0].correlation_id == event.id
    assert len(seen[0].trace_id) == 32
    assert current().message_id == ""


def test_a_give_up_that_cannot_be_said_keeps_the_message():
    def mute(_envelope, _fault):
        raise Unavailable("database")

    room = Delivery("retention", _raising(RuntimeError()), on_give_up=mute)

    assert isinstance(room(_raw(dropped("x"), 5)), Retry)


def test_a_raw_handler_gets_bytes_and_decides_itself():
    got = []
    raw = RawMessage(b"<xml/>", "application/xml", "m1", {}, topology.CUSTOMS_FEED)

    assert Delivery("query", got.append, decode="raw")(raw) == Ack()
    assert got == [raw]


def test_a_retry_goes_to_the_pause_of_its_step_and_names_the_queue_to_return_to():
    event = dropped("x")
    raw = _raw(event, attempt=2)

    letter = delivery.forward(Retry(2), raw, PAUSES)

    assert (letter.exchange, letter.routing_key) == ("danzheng.retry.2ms", QUEUE)
    assert letter.headers[delivery.ATTEMPT] == 3
    assert letter.message_id == event.id
    assert letter.body == raw.body
    assert "x-death" not in letter.headers


@pytest.mark.parametrize(
    ("queue", "room"),
    [(QUEUE, "retention"), (topology.RENDER_BULK, "render"), (topology.CUSTOMS_FEED, "query")],
)
def test_what_is_parked_lies_with_its_room_and_says_why(queue, room):
    raw = RawMessage(b"?", "text/plain", "m1", {}, queue)

    letter = delivery.forward(Park("undecodable", ValueError("canary")), raw, PAUSES)

    assert (letter.exchange, letter.routing_key) == (topology.PARKED, room)
    assert letter.headers[delivery.REASON] == "undecodable"
    assert letter.headers[delivery.FAULT] == "ValueError"
    assert "canary" not in str(letter.headers)


def test_twenty_failures_in_a_row_open_the_breaker_and_one_success_closes_it():
    breaker = Breaker()
    for _ in range(19):
        breaker.note(Retry(1))
    assert not breaker.is_open
    breaker.note(Park("exhausted"))
    assert breaker.is_open

    breaker.close_half()
    assert not breaker.is_open
    breaker.note(Retry(1))
    assert breaker.is_open

    breaker.note(Ack())
    assert not breaker.is_open


def test_poison_does_not_open_the_breaker():
    breaker = Breaker(limit=1)
    breaker.note(Park("undecodable"))

    assert not breaker.is_open


@pytest.mark.parametrize("attempt", [1, 4, 5, 40])
def test_while_our_own_store_is_away_no_message_is_parked_and_no_attempt_is_spent(attempt):
    raw = _raw(dropped("x"), attempt)

    verdict = Delivery("retention", _raising(Outage("database")), steps=4)(raw)

    assert isinstance(verdict, Retry)
    assert verdict.step <= 4
    letter = delivery.forward(verdict, raw, PAUSES)
    assert letter.headers[delivery.ATTEMPT] == attempt
