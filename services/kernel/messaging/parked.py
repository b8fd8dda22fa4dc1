"""What was laid aside for a person: list, show, replay, drop; each act leaves an audit line."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.broker import TROUBLE, connect, hang_up
from services.kernel.messaging.delivery import FAULT, PARKED_AT, QUEUE, REASON
from services.kernel.messaging.publishing import ConfirmedChannel, Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import amqp

log = structlog.get_logger(__name__)

BY_BROKER = "delivery_limit"  # parked by the broker itself: nobody could write a reason
_OK, _FAULT = 0, 1


@dataclass(frozen=True)
class Parked:
    """A parked message and why it is here."""

    id: str
    type: str
    reason: str
    fault: str
    queue: str
    parked_at: str
    content_type: str
    body: bytes
    headers: dict[str, Any]


def all_parked(service: str, amqp_uri: str) -> list[Parked]:
    """Everything that is parked for `service`; it stays there."""
    with _reading(amqp_uri) as channel:
        return [_parked(message) for message in _take_all(channel, service)]


def replay(service: str, amqp_uri: str, chosen: Callable[[Parked], bool], by: str) -> list[Parked]:
    """Put the chosen messages back into the queues they came from, first attempt, same id."""
    letters = ConfirmedChannel(amqp_uri)

    def back(message: Parked) -> bool:
        return bool(letters.send([_again(message)]))

    try:
        return _settle(service, amqp_uri, chosen, back, "parked_replayed", by)
    finally:
        letters.close()


def drop(service: str, amqp_uri: str, chosen: Callable[[Parked], bool], by: str) -> list[Parked]:
    """Forget the chosen messages."""
    return _settle(service, amqp_uri, chosen, lambda _message: True, "parked_dropped", by)


def _settle(
    service: str,
    amqp_uri: str,
    chosen: Callable[[Parked], bool],
    act: Callable[[Parked], bool],
    event: str,
    by: str,
) -> list[Parked]:
    done = []
    with _reading(amqp_uri) as channel:
        for taken in _take_all(channel, service):
            message = _parked(taken)
            if chosen(message) and act(message):
                channel.basic_ack(taken.delivery_info["delivery_tag"])
                log.warning(
                    event, by=by, parked_id=message.id, reason=message.reason, queue=message.queue
                )
                done.append(message)
        channel.close()  # waits until the broker has the acks; the rest goes back
    return done


@contextmanager
def _reading(amqp_uri: str) -> Iterator[amqp.Channel]:
    connection: amqp.Connection | None = None
    try:
        connection = connect(amqp_uri, purpose="parked")
        yield connection.channel()
    except TROUBLE as fault:
        raise Unavailable("broker", f"the broker does not answer: {fault}") from fault
    finally:
        hang_up(connection)


def _take_all(channel: amqp.Channel, service: str) -> list[amqp.Message]:
    """All that lies there now: what is put back meanwhile does not come twice."""
    found = []
    while (message := channel.basic_get(topology.parked(service))) is not None:
        found.append(message)
    return found


def _parked(message: amqp.Message) -> Parked:
    properties = message.properties
    headers = properties.get("application_headers", {})
    body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
    return Parked(
        id=properties.get("message_id", ""),
        type=_type_in(body),
        reason=headers.get(REASON, BY_BROKER),
        fault=headers.get(FAULT, ""),
        queue=headers.get(QUEUE) or headers.get("x-first-death-queue", ""),
        parked_at=headers.get(PARKED_AT, ""),
        content_type=properties.get("content_type", ""),
        body=body,
        headers=headers,
    )


def _type_in(body: bytes) -> str:
    try:
        return str(json.loads(body).get("type", ""))
    except (ValueError, AttributeError):
        return ""


def _again(message: Parked) -> Letter:
    kept = {key: value for key, value in message.headers.items() if key.startswith("ce_")}
    return Letter(
        exchange="",
        routing_key=message.queue,
        body=message.body,
        message_id=message.id,
        content_type=message.content_type,
        headers=kept,
    )


def command(service: str, amqp_uri: str, argv: Sequence[str]) -> int:
    """`parked list|show|replay|drop` of a room; answers the exit code."""
    asked = _parser(service).parse_args(argv)
    if asked.act == "list":
        return _list(service, amqp_uri)
    if asked.act == "show":
        return _show(service, amqp_uri, asked.id)
    act = replay if asked.act == "replay" else drop
    done = act(service, amqp_uri, _chooser(asked), asked.by)
    sys.stdout.write(f"{asked.act}: {len(done)}\n")
    return _OK if done or asked.all else _FAULT


def _parser(service: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{service} parked")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="what is parked, grouped by reason")
    acts.add_parser("show", help="one message in full").add_argument("id")
    for name, sentence in (("replay", "back to where it came from"), ("drop", "forget it")):
        act = acts.add_parser(name, help=sentence)
        which = act.add_mutually_exclusive_group(required=True)
        which.add_argument("--id")
        which.add_argument("--reason")
        which.add_argument("--all", action="store_true")
        act.add_argument("--by", default=_who(), help="who does this, for the audit line")
    return parser


def _who() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _chooser(asked: argparse.Namespace) -> Callable[[Parked], bool]:
    if asked.all:
        return lambda _message: True
    if asked.reason:
        return lambda message: message.reason == asked.reason
    return lambda message: message.id == asked.id


def _list(service: str, amqp_uri: str) -> int:
    messages = all_parked(service, amqp_uri)
    groups = Counter((each.reason, each.fault) for each in messages)
    for (reason, fault), count in groups.most_common():
        sys.stdout.write(f"{count}  {reason}  {fault}\n")
        for each in messages:
            if (each.reason, each.fault) == (reason, fault):
                sys.stdout.write(f"    {each.id}  {each.type}  {each.queue}  {each.parked_at}\n")
    sys.stdout.write(f"{len(messages)} parked\n")
    return _OK


def _show(service: str, amqp_uri: str, wanted: str) -> int:
    for each in all_parked(service, amqp_uri):
        if each.id == wanted:
            facts = {"reason": each.reason, "fault": each.fault, "queue": each.queue}
            text = each.body.decode(errors="backslashreplace")
            sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n" + text + "\n")
            return _OK
    sys.stderr.write(f"nothing parked under {wanted}\n")
    return _FAULT
