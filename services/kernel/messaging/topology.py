"""What exists in the broker: exchanges, queues and bindings as data, and their declaration.

Everything is declared by whoever starts first, identically everywhere. A broker that holds
something else under one of these names is a start-up failure which names both values.

A pause of the retry ladder is part of its queue's name (`retry.5000ms`): queues cannot change their
arguments, so a new pause makes a new queue, and the old one runs empty by itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from amqp.exceptions import AMQPError, NotFound, PreconditionFailed

from services.kernel.errors import DanzhengError, Unavailable
from services.kernel.messaging.broker import TROUBLE, connect, hang_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import amqp

EVENTS = "danzheng.events"
UNHEARD = "danzheng.unheard"
LIVE = "danzheng.live"
OUTSIDE = "danzheng.outside"
PARKED = "danzheng.parked"
UNHEARD_QUEUE = "unheard"

RENDER_INBOX = "render.inbox"
RENDER_BULK = "render.bulk"
CUSTOMS_FEED = "customs.feed"

DEFAULT_PAUSES_MS = (5_000, 30_000, 120_000, 600_000)

_DAY_MS = 86_400_000
_RENDER_INBOX_MESSAGES = 50_000
_RENDER_INBOX_BYTES = 1 << 30
# each lost connection adds one to what it held, so the limit is not the number of attempts
_DELIVERY_LIMIT = 10
_LOOKING_IS_FREE = 1_000_000  # listing parked messages returns them, which counts as delivery

_MADE_AND_FAILED = tuple(
    f"render.{product}.{fact}.v1"
    for product in ("document", "export", "bundle")
    for fact in ("made", "delayed", "failed")
)


def inbox(service: str) -> str:
    """The queue in which a service hears."""
    return f"{service}.inbox"


def parked(service: str) -> str:
    """The queue in which a service's unworkable messages wait for a person."""
    return f"{service}.parked"


HEARD_BY: dict[str, tuple[str, ...]] = {
    inbox("query"): (),
    inbox("apply"): (
        "auth.session.opened.v1",
        "query.declaration.withdrawn.v1",
        "query.declaration.erased.v1",
        *_MADE_AND_FAILED,
        "retention.artifact.scheduled.v1",
        "retention.artifact.held.v1",
        "retention.artifact.released.v1",
        "retention.artifact.deleted.v1",
    ),
    inbox("retention"): (
        "render.document.made.v1",
        "render.export.made.v1",
        "render.bundle.made.v1",
        "apply.bundle.dropped.v1",
    ),
    RENDER_INBOX: ("apply.item.accepted.v1", "apply.export.accepted.v1"),
    RENDER_BULK: ("apply.bundle.accepted.v1",),
}
"""Which queue hears which event types."""

LIVE_TYPES: tuple[str, ...] = (
    "auth.session.locked.v1",
    "auth.session.unlocked.v1",
    "auth.session.ended.v1",
    "apply.feed.extended.v1",
)
"""Said to every gateway process that lives; when none does, nobody needs to know."""

OUTSIDE_TYPES: dict[str, str] = {
    "query.declaration.recorded.v1": "for partners: their declaration arrived",
    "query.declaration.cleared.v1": "for partners, and for standing orders when there are some",
    "apply.application.accepted.v1": "for partners: what became of their request",
    "apply.application.completed.v1": "for partners: all items are at an end",
}
"""Said to outsiders only, with the reason; a partner's queue is bound to `danzheng.outside`."""

SPOKEN_TO_WHOEVER_IS_THERE = frozenset(LIVE_TYPES) | frozenset(OUTSIDE_TYPES)
"""Types that may find no queue at all without being unheard."""


@dataclass(frozen=True)
class Exchange:
    """An exchange and its kind: topic, fanout or direct."""

    name: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Queue:
    """A durable quorum queue and what is bound to it, as pairs of exchange and key."""

    name: str
    arguments: dict[str, Any]
    bindings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Topology:
    """All that is declared."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    links: tuple[tuple[str, str, str], ...]  # from exchange, to exchange, key


class TopologyFault(DanzhengError):
    """The broker holds something else under one of our names."""


def retry_exchange(pause_ms: int) -> str:
    """The exchange whose messages come back to the queue named by their key after the pause."""
    return f"danzheng.retry.{pause_ms}ms"


def retry_queue(pause_ms: int) -> str:
    """The queue in which messages wait for that pause."""
    return f"retry.{pause_ms}ms"


def topology(pauses_ms: Sequence[int] = DEFAULT_PAUSES_MS) -> Topology:
    """Everything that danzheng declares, for these pauses of the retry ladder."""
    return Topology(
        exchanges=(*_exchanges(), *(_retry_exchange(pause) for pause in sorted(set(pauses_ms)))),
        queues=(
            *_inboxes(),
            *(_parked(service) for service in ("query", "apply", "retention", "render")),
            _unheard(),
            *(_retry_queue(pause) for pause in sorted(set(pauses_ms))),
        ),
        links=(
            *((EVENTS, LIVE, type_) for type_ in LIVE_TYPES),
            *((EVENTS, OUTSIDE, type_) for type_ in OUTSIDE_TYPES),
        ),
    )


def _exchanges() -> tuple[Exchange, ...]:
    return (
        Exchange(UNHEARD, "fanout"),
        Exchange(EVENTS, "topic", {"alternate-exchange": UNHEARD}),
        Exchange(LIVE, "topic"),
        Exchange(OUTSIDE, "topic"),
        Exchange(PARKED, "direct"),
    )


def _inboxes() -> tuple[Queue, ...]:
    bounds = {
        RENDER_INBOX: {
            "x-max-length": _RENDER_INBOX_MESSAGES,
            "x-max-length-bytes": _RENDER_INBOX_BYTES,
        }
    }
    heard = tuple(
        Queue(
            name,
            _inbox_arguments(name.partition(".")[0]) | bounds.get(name, {}),
            tuple((EVENTS, type_) for type_ in types),
        )
        for name, types in HEARD_BY.items()
    )
    return (*heard, Queue(CUSTOMS_FEED, _inbox_arguments("query")))


def _inbox_arguments(service: str) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": PARKED,
        "x-dead-letter-routing-key": service,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _parked(service: str) -> Queue:
    return Queue(
        parked(service),
        {
            "x-queue-type": "quorum",
            "x-message-ttl": 28 * _DAY_MS,  # personal data never outlives the month
            "x-max-length": 100_000,
            "x-delivery-limit": _LOOKING_IS_FREE,
        },
        ((PARKED, service),),
    )


def _unheard() -> Queue:
    return Queue(
        UNHEARD_QUEUE,
        {"x-queue-type": "quorum", "x-message-ttl": 7 * _DAY_MS, "x-max-length": 10_000},
        ((UNHEARD, ""),),
    )


def _retry_exchange(pause_ms: int) -> Exchange:
    return Exchange(retry_exchange(pause_ms), "fanout")


def _retry_queue(pause_ms: int) -> Queue:
    return Queue(
        retry_queue(pause_ms),
        {
            "x-queue-type": "quorum",
            "x-message-ttl": pause_ms,
            "x-dead-letter-exchange": "",  # without a key: back to the queue the message names
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
        ((retry_exchange(pause_ms), ""),),
    )


def declare(amqp_uri: str, *, pauses_ms: Sequence[int] = DEFAULT_PAUSES_MS) -> None:
    """Declare everything; what is there already and equal stays as it is.

    Raises TopologyFault when something of another shape is there, and Unavailable when the broker
    does not answer.
    """
    with _line(amqp_uri) as connection:
        _declare(connection, topology(pauses_ms))


def _declare(connection: amqp.Connection, everything: Topology) -> None:
    channel = connection.channel()
    for exchange in everything.exchanges:
        _strictly(exchange.name, partial(_declare_exchange, channel, exchange))
    for queue in everything.queues:
        _strictly(queue.name, partial(_declare_queue, channel, queue))
    for source, target, key in everything.links:
        channel.exchange_bind(destination=target, source=source, routing_key=key)


def check(amqp_uri: str, *, pauses_ms: Sequence[int] = DEFAULT_PAUSES_MS) -> list[str]:
    """Compare the broker with the data and change nothing; a sentence for each difference."""
    everything = topology(pauses_ms)
    with _line(amqp_uri) as connection:
        findings = [_compare_exchange(connection, each) for each in everything.exchanges]
        findings += [_compare_queue(connection, each) for each in everything.queues]
    return [finding for finding in findings if finding]


@contextmanager
def _line(amqp_uri: str) -> Iterator[amqp.Connection]:
    connection: amqp.Connection | None = None
    try:
        connection = connect(amqp_uri, purpose="topology")
        yield connection
    except TROUBLE as fault:
        raise Unavailable("broker", f"the broker does not answer: {fault}") from fault
    finally:
        hang_up(connection)


def _declare_exchange(channel: amqp.Channel, exchange: Exchange) -> None:
    channel.exchange_declare(
        exchange.name,
        exchange.kind,
        durable=True,
        auto_delete=False,
        arguments=exchange.arguments,
    )


def _declare_queue(channel: amqp.Channel, queue: Queue) -> None:
    _create_queue(channel, queue)
    for exchange, key in queue.bindings:
        channel.queue_bind(queue.name, exchange=exchange, routing_key=key)


def _create_queue(channel: amqp.Channel, queue: Queue) -> None:
    channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=queue.arguments)


def _strictly(name: str, act: Callable[[], None]) -> None:
    try:
        act()
    except PreconditionFailed as fault:
        raise TopologyFault(f"{name}: {fault.reply_text}") from fault


def _compare_exchange(connection: amqp.Connection, exchange: Exchange) -> str:
    return _compare(
        exchange.name,
        lambda: connection.channel().exchange_declare(exchange.name, exchange.kind, passive=True),
        lambda: _declare_exchange(connection.channel(), exchange),
    )


def _compare_queue(connection: amqp.Connection, queue: Queue) -> str:
    return _compare(
        queue.name,
        lambda: connection.channel().queue_declare(queue.name, passive=True),
        lambda: _create_queue(connection.channel(), queue),
    )


def _compare(name: str, look: Callable[[], object], equal: Callable[[], object]) -> str:
    try:
        look()
        equal()  # only reached when it is there, so that it creates nothing
    except NotFound:
        return f"{name} is missing"
    except AMQPError as fault:
        return f"{name} differs: {fault.reply_text}"
    return ""
