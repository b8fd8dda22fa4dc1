"""nameko, made fit for production: the only module that knows eventlet and nameko.

Importing it patches the standard library, so a room's `__main__` imports it before anything else.
nameko gives the container, dependencies and entrypoints. Ours is everything that touches the
broker, because nameko's own consumers ack what failed, leave on SIGTERM before the work is done,
wait up to 30 s after an outage, and open a connection for each reply.
"""

# ruff: noqa: E402, I001  metrics before the patch (native locks), everything else after it

from __future__ import annotations

from services.kernel.observability import metrics
from services.kernel.observability.health import HealthServer, Natives

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # eventlet announces its retirement at each start; we know
    import eventlet
    import eventlet.debug
    import eventlet.patcher

eventlet.monkey_patch()
eventlet.debug.hub_exceptions(False)  # every greenlet of ours is watched and logged by its owner

import signal
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import amqp
import structlog
from amqp import spec
from eventlet.event import Event
from greenlet import GreenletExit
from nameko import config
from nameko.containers import ServiceContainer, WorkerContext
from nameko.exceptions import MethodNotFound
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from services import __version__
from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import TryLater, Unavailable
from services.kernel.messaging import rpc_wire, topology
from services.kernel.messaging.broker import CONSUMER_HEARTBEAT_S, TROUBLE, connect, hang_up
from services.kernel.messaging.delivery import (
    Ack,
    Breaker,
    Delivery,
    RawMessage,
    forward,
)
from services.kernel.messaging.publishing import ConfirmedChannel
from services.kernel.observability.trace import Work, new_traceparent, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from services.kernel.messaging.delivery import Park, Retry, Verdict
    from services.kernel.settings import ProcessSettings

log = structlog.get_logger(__name__)

RPC_WORKERS = 50  # measured: enough for the broker to be the bound
_DRAIN_S = 0.05  # how often a stopping consumer looks whether it is done
_TICK_S = 1.0  # heartbeats are looked after once a second
_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 3.0)  # pauses between tries; the last one repeats
_PROBE_S = 5.0  # how often a paused consumer looks whether the stores are back
_BREATH_S = 0.02  # between two runs of a timer that work wakes: one run serves many
_READY_EVERY_S = 2.0
_LAG_EVERY_S = 0.25
_LIVE_WITHIN_S = 10.0
_TRANSIENT = 1
_EXIT_OK, _EXIT_FAULT = 0, 1


class Container(ServiceContainer):
    """nameko's container with lean workers: the entrypoint decides what a fault means."""

    def __init__(self, service_cls: type, settings: ProcessSettings, use: Any = None) -> None:
        config.setup({"AMQP_URI": settings.amqp_uri.get_secret_value(), "max_workers": 1_000})
        super().__init__(service_cls)
        self.settings = settings
        self.amqp_uri = settings.amqp_uri.get_secret_value()
        self.use = use
        self.readiness = Readiness(self)

    def work(self, entrypoint: Entrypoint, *args: Any, **kwargs: Any) -> Any:
        """Run the method behind an entrypoint on a fresh instance with its dependencies."""
        context = WorkerContext(self, self.service_cls(), entrypoint, args, kwargs)
        self._inject_dependencies(context)
        self._worker_setup(context)
        try:
            return getattr(context.service, entrypoint.method_name)(*args, **kwargs)
        finally:
            self._worker_teardown(context)

    def spawn(self, task: Callable[..., None], *args: Any) -> None:
        """Run `task` in a worker greenlet; what it raises ends the container."""
        greenlet = self._worker_pool.spawn(task, *args)
        greenlet.link(self._handle_worker_thread_exited, task)

    def worked(self) -> None:
        """Something was done, so there may be something to relay."""
        for each in self.entrypoints:
            if isinstance(each, Timer):
                each.wake()

    def lines(self) -> list[Line]:
        """The connections that consume."""
        holders = [*self.entrypoints, *self.subextensions]
        return [each.line for each in holders if isinstance(each, Consume | RpcInbox)]

    def use_cases(self) -> list[Any]:
        """What the service's use-case dependencies have built."""
        return [each.built for each in self.dependencies if isinstance(each, UseCases)]


class Line:
    """One connection that consumes one queue; reconnects until told to stop.

    `on_message(channel, message)` is called in the reading greenlet and must not wait. A stop
    cancels first and keeps the connection and its heartbeats until nothing is in flight.
    """

    def __init__(
        self,
        amqp_uri: str,
        queue: str,
        prefetch: int,
        on_message: Callable[[amqp.Channel, amqp.Message], None],
        prepare: Callable[[amqp.Channel], None] = lambda _channel: None,
    ) -> None:
        self._amqp_uri = amqp_uri
        self._queue = queue
        self._prefetch = prefetch
        self._on_message = on_message
        self._prepare = prepare
        self._ready = Event()
        self._ended = Event()
        self._stopping = False
        self._paused = False
        self._channel: amqp.Channel | None = None
        self._tag = ""
        self.connected = False
        self.in_flight = 0

    def run(self) -> None:
        """Consume until stopped."""
        try:
            self._run()
        finally:
            self._ended.send()

    def wait_ended(self) -> None:
        """Wait until `run` has returned."""
        self._ended.wait()

    def _run(self) -> None:
        losses = 0
        while not self._stopping:
            try:
                self._consume()
            except (*TROUBLE, Unavailable) as fault:
                losses = 0 if self.connected else losses + 1
                self.connected = False
                pause = _RECONNECT_S[min(losses, len(_RECONNECT_S) - 1)]
                log.warning("broker_lost", queue=self._queue, again_in_s=pause, reason=str(fault))
                eventlet.sleep(pause)

    def wait_ready(self) -> None:
        """Wait until the queue is consumed for the first time."""
        self._ready.wait()

    def pause(self) -> None:
        """Take no more until `resume`."""
        self._paused = True
        self._cancel()

    def resume(self) -> None:
        """Take messages again."""
        self._paused = False

    def stop(self) -> None:
        """Take no more for good; `run` returns when nothing is in flight."""
        self._stopping = True
        self._cancel()

    def done(self) -> None:
        """A message that was handed on is settled."""
        self.in_flight -= 1

    @property
    def was_ready(self) -> bool:
        """Whether the queue was consumed before."""
        return bool(self._ready.ready())

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    @property
    def is_paused(self) -> bool:
        """Whether `pause` was called last."""
        return self._paused

    def _consume(self) -> None:
        connection = connect(
            self._amqp_uri,
            purpose=f"consumer.{self._queue}",
            heartbeat_s=CONSUMER_HEARTBEAT_S,
            shared=True,
        )
        try:
            self._channel = connection.channel()
            self._channel.basic_qos(0, self._prefetch, a_global=False)
            self._prepare(self._channel)
            self._read(connection, self._channel)
        finally:
            self._channel, self._tag = None, ""
            hang_up(connection)
        self.connected = False

    def _read(self, connection: amqp.Connection, channel: amqp.Channel) -> None:
        ticked = time.monotonic()
        while not (self._stopping and self.in_flight == 0):
            if not (self._tag or self._stopping or self._paused):
                self._take(channel)
            with suppress(TimeoutError):  # nothing came
                connection.drain_events(timeout=_DRAIN_S if self._stopping else _TICK_S)
            if time.monotonic() - ticked >= _TICK_S:
                ticked = time.monotonic()
                connection.heartbeat_tick()

    def _take(self, channel: amqp.Channel) -> None:
        self._tag = channel.basic_consume(
            self._queue, callback=lambda message: self._hand_on(channel, message)
        )
        self.connected = True
        if not self._ready.ready():
            self._ready.send()

    def _hand_on(self, channel: amqp.Channel, message: amqp.Message) -> None:
        self.in_flight += 1
        self._on_message(channel, message)

    def _cancel(self) -> None:
        tag, self._tag = self._tag, ""
        if self._channel is None or not tag:
            return
        try:  # the reader meets the answer, which also wakes it
            self._channel.send_method(spec.Basic.Cancel, "sb", (tag, False))
        except TROUBLE:
            log.debug("cancel_after_loss", queue=self._queue)


class Consume(Entrypoint):
    """Hears a queue; see `consume`."""

    def __init__(
        self,
        queue: str,
        prefetch: int = 10,
        decode: str | None = None,
        on_retry: str | None = None,
        on_give_up: str | None = None,
    ) -> None:
        self.queue = queue
        self.prefetch = prefetch
        self.decode = decode
        self.on_retry = on_retry
        self.on_give_up = on_give_up
        self.breaker = Breaker()
        super().__init__()

    def setup(self) -> None:
        """Prepare the chain around the method."""
        self.pauses_ms = self.container.settings.retry_pauses_ms
        self.line = Line(
            self.container.amqp_uri, self.queue, self.prefetch, self._on_message, self._redeclare
        )
        self.forwarder = ConfirmedChannel(self.container.amqp_uri)
        self.delivery = Delivery(
            self.container.service_name,
            lambda subject: self.container.work(self, subject),
            steps=len(self.pauses_ms),
            decode=self.decode,
            on_retry=self._hook(self.on_retry),
            on_give_up=self._hook(self.on_give_up),
        )

    def start(self) -> None:
        """Begin to consume."""
        self.container.spawn_managed_thread(self.line.run, identifier=f"consume.{self.queue}")
        self.line.wait_ready()

    def stop(self) -> None:
        """Take no more and wait until what is in flight is settled."""
        self.line.stop()
        self.line.wait_ended()
        self.forwarder.close()

    def _redeclare(self, _channel: amqp.Channel) -> None:
        """After a loss: whoever comes back may be another broker, or may have lost a queue."""
        if self.line.was_ready:
            topology.declare(self.container.amqp_uri, pauses_ms=self.pauses_ms)

    def _hook(self, name: str | None) -> Callable[..., object] | None:
        if name is None:
            return None

        def call_hook(*args: Any) -> object:
            return self.container.work(_Named(name), *args)

        return call_hook

    def _on_message(self, channel: amqp.Channel, message: amqp.Message) -> None:
        self.container.spawn(self._handle, channel, message)

    def _handle(self, channel: amqp.Channel, message: amqp.Message) -> None:
        raw = _raw(message, self.queue)
        try:
            verdict = self.delivery(raw)
            self._settle(channel, message, raw, verdict)
        finally:
            self.line.done()
        self.breaker.note(verdict)
        if self.breaker.is_open:
            self._pause()
        self.container.worked()

    def _settle(
        self, channel: amqp.Channel, message: amqp.Message, raw: RawMessage, verdict: Verdict
    ) -> None:
        if not isinstance(verdict, Ack) and not self._forwarded(channel, raw, verdict):
            return
        _ack(channel, message, self.queue)

    def _forwarded(self, channel: amqp.Channel, raw: RawMessage, verdict: Retry | Park) -> bool:
        """Publish the copy; while the broker refuses it, hold the message and try again."""
        letter = forward(verdict, raw, self.pauses_ms)
        while channel.connection is not None:
            try:
                if self.forwarder.send([letter]):
                    return True
            except Unavailable as fault:
                log.warning("forward_refused", queue=self.queue, reason=str(fault))
            eventlet.sleep(_TICK_S)
        return False

    def _pause(self) -> None:
        if self.line.is_paused:
            return
        metrics.consumer_pauses.labels(self.queue).inc()
        log.error("consumer_paused", queue=self.queue, probe_every_s=_PROBE_S)
        self.line.pause()
        self.container.spawn_managed_thread(self._probe, identifier=f"probe.{self.queue}")

    def _probe(self) -> None:
        eventlet.sleep(_PROBE_S)
        while not (self.line.is_stopping or self.container.readiness.stores_answer()):
            eventlet.sleep(_PROBE_S)
        self.breaker.close_half()
        self.line.resume()
        log.info("consumer_resumed", queue=self.queue)


consume = Consume.decorator
"""`@consume(queue, prefetch=10, decode=None)`: the method gets each message of the queue.

It gets an Envelope, or with decode="raw" a RawMessage. Returning acks; PermanentFailure parks;
anything else that is raised goes up the ladder of pauses and is parked after the last.
`on_retry` and `on_give_up` name methods that are told before that, with
`(subject, attempt, fault)` and `(subject, fault)`.
"""


class _Named(Entrypoint):
    """Stands for a method that nothing enters from outside."""

    def __init__(self, method_name: str) -> None:
        self.method_name = method_name
        super().__init__()


def _ack(channel: amqp.Channel, message: amqp.Message, queue: str) -> None:
    try:
        channel.basic_ack(message.delivery_info["delivery_tag"])
    except TROUBLE as fault:  # the broker has taken the message back already
        log.warning("ack_after_loss", queue=queue, reason=type(fault).__name__)


def _raw(message: amqp.Message, queue: str) -> RawMessage:
    properties = message.properties
    body = message.body
    return RawMessage(
        body=body.encode() if isinstance(body, str) else bytes(body),
        content_type=properties.get("content_type", ""),
        message_id=properties.get("message_id", ""),
        headers=properties.get("application_headers", {}),
        queue=queue,
        redelivered=message.delivery_info["redelivered"],
    )


class RpcInbox(SharedExtension):
    """The queue of a service's questions, and the connection for the answers.

    Answers are transient and unconfirmed: they are worth no more than the caller's patience. An
    expired question is dropped by the broker before it is delivered.
    """

    def __init__(self) -> None:
        self.methods: dict[str, Rpc] = {}
        super().__init__()

    def setup(self) -> None:
        """Prepare the consumer."""
        self.queue = rpc_wire.queue_of(self.container.service_name)
        self.line = Line(
            self.container.amqp_uri, self.queue, RPC_WORKERS, self._on_message, self._declare
        )
        self._answers: amqp.Connection | None = None
        self._answer_channel: amqp.Channel | None = None

    def start(self) -> None:
        """Begin to take questions."""
        self.container.spawn_managed_thread(self.line.run, identifier="rpc")
        self.line.wait_ready()

    def drain(self) -> None:
        """Take no more and wait until what is in flight is answered."""
        self.line.stop()
        self.line.wait_ended()
        hang_up(self._answers)

    def _declare(self, channel: amqp.Channel) -> None:
        channel.exchange_declare(rpc_wire.EXCHANGE, "topic", durable=True, auto_delete=False)
        channel.queue_declare(self.queue, durable=True, auto_delete=False)
        channel.queue_bind(
            self.queue,
            exchange=rpc_wire.EXCHANGE,
            routing_key=f"{self.container.service_name}.*",
        )

    def _on_message(self, channel: amqp.Channel, message: amqp.Message) -> None:
        self.container.spawn(self._handle, channel, message)

    def _handle(self, channel: amqp.Channel, message: amqp.Message) -> None:
        try:
            self._reply(message, self._answer(message))
            _ack(channel, message, self.queue)
        finally:
            self.line.done()
        self.container.worked()

    def _answer(self, message: amqp.Message) -> bytes:
        method = message.delivery_info["routing_key"].rpartition(".")[2]
        started = time.monotonic()
        with _asked_in(message):
            outcome, body = self._run_method(method, message)
        label = method if method in self.methods else "unknown"
        metrics.rpc_seconds.labels(self.container.service_name, label, outcome).observe(
            time.monotonic() - started
        )
        return body

    def _run_method(self, method: str, message: amqp.Message) -> tuple[str, bytes]:
        try:
            args, kwargs = rpc_wire.read_request(_raw(message, self.queue).body)
            entrypoint = self._method(method)
            entrypoint.check_signature(args, kwargs)
            return "ok", rpc_wire.answer(self.container.work(entrypoint, *args, **kwargs))
        except Refusal as refusal:
            return "refused", rpc_wire.failure(refusal)
        except (TryLater, Unavailable) as fault:
            log.warning("rpc_unavailable", method=method, reason=str(fault))
            return "unavailable", rpc_wire.failure(fault)
        except Exception as fault:
            log.exception("rpc_failed", method=method, error_code=type(fault).__name__)
            return "fault", rpc_wire.failure(fault)

    def _method(self, name: str) -> Rpc:
        try:
            return self.methods[name]
        except KeyError:
            raise MethodNotFound(name) from None

    def _reply(self, message: amqp.Message, body: bytes) -> None:
        answer = amqp.Message(
            body,
            content_type=rpc_wire.CONTENT_TYPE,
            content_encoding="utf-8",
            delivery_mode=_TRANSIENT,
            correlation_id=message.properties.get("correlation_id", ""),
        )
        for _ in range(2):  # the connection may have died since the last answer
            try:
                self._answer_line().basic_publish(
                    answer, rpc_wire.EXCHANGE, message.properties.get("reply_to", "")
                )
            except TROUBLE as fault:
                log.warning("answer_lost", reason=type(fault).__name__)
                self._answer_channel = None
            else:
                return

    def _answer_line(self) -> amqp.Channel:
        if self._answer_channel is None:
            hang_up(self._answers)
            self._answers = connect(self.container.amqp_uri, purpose="answers", shared=True)
            self._answer_channel = self._answers.channel()
        return self._answer_channel


class Rpc(Entrypoint):
    """Answers questions; see `rpc`."""

    inbox = RpcInbox()

    def setup(self) -> None:
        """Tell the inbox which method this is."""
        self.inbox.methods[self.method_name] = self

    def stop(self) -> None:
        """Wait until what is in flight is answered."""
        self.inbox.drain()


rpc = Rpc.decorator
"""`@rpc`: the method answers questions of other processes.

Arguments come by name; arguments and answers are JSON builtins. Refusal is an answer; TryLater and
Unavailable tell the caller to come again; anything else is logged here and named there.
"""


@contextmanager
def _asked_in(message: amqp.Message) -> Iterator[None]:
    headers = message.properties.get("application_headers", {})
    work = Work(
        correlation_id=headers.get(rpc_wire.CORRELATION, ""),
        traceparent=headers.get(rpc_wire.TRACEPARENT) or new_traceparent(),
    )
    with working(work):
        yield


class Timer(Entrypoint):
    """Runs a method again and again; see `timer`."""

    def __init__(self, interval_s: float, *, after_work: bool = False) -> None:
        self.interval_s = interval_s
        self.after_work = after_work
        super().__init__()

    def setup(self) -> None:
        """Prepare the bell that ends a wait early."""
        self._stopping = False
        self._bell = Event()
        self._ended = Event()

    def start(self) -> None:
        """Begin to run."""
        self.container.spawn_managed_thread(self._run, identifier=f"timer.{self.method_name}")

    def wake(self) -> None:
        """Run now, if this timer wants to run after work."""
        if self.after_work:
            self._ring()

    def stop(self) -> None:
        """Wait until the run in work is over; one that runs after work runs after the last."""
        if self.after_work:
            for line in self.container.lines():
                line.wait_ended()
        self._stopping = True
        self._ring()
        self._ended.wait()

    def _ring(self) -> None:
        if not self._bell.ready():
            self._bell.send()

    def _run(self) -> None:
        try:
            while not self._stopping:
                with eventlet.Timeout(self.interval_s, exception=False):
                    self._bell.wait()
                self._bell = Event()
                self._run_once()
                eventlet.sleep(0 if self._stopping else _BREATH_S)
        finally:
            self._ended.send()

    def _run_once(self) -> None:
        if self._stopping and not self.after_work:
            return
        with working(Work(traceparent=new_traceparent())):
            try:
                self.container.work(self)
            except (TryLater, Unavailable) as fault:
                log.warning("timer_later", timer=self.method_name, reason=str(fault))
            except Exception as fault:
                log.exception(
                    "timer_failed", timer=self.method_name, error_code=type(fault).__name__
                )


timer = Timer.decorator
"""`@timer(interval_s)`: the method runs every so many seconds, never twice at once.

With `after_work=True` it also runs at once after each message or question that was handled: that is
how a relay sends what was just committed. A fault is logged; the next run comes all the same.
"""


class UseCases(DependencyProvider):
    """Gives each worker the room's use cases, built once when the container starts.

    `factory` answers the object. Its optional members are known here: `pings`, a mapping of names
    to callables that raise when a store is away (for `/ready`), and `close()`.
    """

    built: Any = None

    def __init__(self, factory: Callable[[], Any]) -> None:
        self.factory = factory
        super().__init__()

    def setup(self) -> None:
        """Build."""
        given = self.container.use
        self.built = given if given is not None else self.factory()

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:  # noqa: ARG002  nameko's signature
        """The use cases."""
        return self.built

    def stop(self) -> None:
        """Give back what they hold."""
        close = getattr(self.built, "close", None)
        if close is not None:
            close()


class Readiness:
    """Looks after the stores from the hub, since pings are green; others read what it saw."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._faults: dict[str, str] = {"start": "not started"}
        self.turned_at = time.monotonic()
        self._stopping = False

    def watch(self) -> None:
        """Look again and again until stopped."""
        looked_at = 0.0
        while not self._stopping:
            due = time.monotonic() + _LAG_EVERY_S
            eventlet.sleep(_LAG_EVERY_S)
            self.turned_at = time.monotonic()
            metrics.hub_lag_seconds.labels(self._container.service_name).set(self.turned_at - due)
            if self._container.started and self.turned_at - looked_at >= _READY_EVERY_S:
                looked_at = self.turned_at
                eventlet.spawn_n(self.look)

    def stop(self) -> None:
        """Look no more."""
        self._stopping = True

    def look(self) -> bool:
        """Ping all; answers whether everything is there."""
        faults = {name: _fault_of(ping) for name, ping in self._pings().items()}
        if not all(line.connected for line in self._container.lines()):
            faults["broker"] = "not connected"
        self._faults = {name: fault for name, fault in faults.items() if fault}
        return not self._faults

    def stores_answer(self) -> bool:
        """Whether all pings succeed just now."""
        return not any(_fault_of(ping) for ping in self._pings().values())

    def check(self) -> None:
        """Raise if something was missing when looked at last."""
        if self._faults:
            raise Unavailable(", ".join(sorted(self._faults)))

    def is_live(self) -> bool:
        """Whether the hub has turned within ten seconds."""
        return time.monotonic() - self.turned_at < _LIVE_WITHIN_S

    def show_lag(self) -> None:
        """Bring the hub's lag up to the moment, so that a hub that hangs shows."""
        lag = time.monotonic() - self.turned_at - _LAG_EVERY_S
        if lag > _LAG_EVERY_S:
            metrics.hub_lag_seconds.labels(self._container.service_name).set(lag)

    def _pings(self) -> Mapping[str, Callable[[], object]]:
        pings: dict[str, Callable[[], object]] = {}
        for use in self._container.use_cases():
            found = getattr(use, "pings", {})
            pings |= found() if callable(found) else found
        return pings


def _fault_of(ping: Callable[[], object]) -> str:
    try:
        ping()
    except Exception as fault:  # noqa: BLE001  whatever it is, the store is away
        return type(fault).__name__
    return ""


def run(service_class: type, settings: ProcessSettings, use: Any = None) -> int:
    """Host the service until SIGTERM or SIGINT; answers the exit code.

    Declares the topology, opens the management port, starts the container. A signal drains it:
    nothing new is taken, what is in work is finished within `settings.grace_s`; what is not by
    then goes back to the broker. `use` replaces what the service's UseCases would build.
    """
    topology.declare(settings.amqp_uri.get_secret_value(), pauses_ms=settings.retry_pauses_ms)
    container = Container(service_class, settings, use)
    health = _management_port(container, settings)
    with _signals() as signalled:
        watcher = eventlet.spawn(container.readiness.watch)
        code = _live(container, health, signalled, settings.grace_s)
    container.readiness.stop()
    watcher.wait()
    health.stop()
    log.info("ended", exit_code=code)
    return code


def _management_port(container: Container, settings: ProcessSettings) -> HealthServer:
    metrics.build_info.labels(__version__).set(1)
    readiness = container.readiness
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        checks={"room": readiness.check},
        alive=readiness.is_live,
        before_metrics=readiness.show_lag,
        natives=Natives(
            eventlet.patcher.original("threading"), eventlet.patcher.original("socket")
        ),
    )
    health.start()
    return health


def _live(container: Container, health: HealthServer, signalled: Event, grace_s: float) -> int:
    life = eventlet.spawn(_start_and_wait, container, signalled)
    outcome = signalled.wait()
    health.drain()
    if isinstance(outcome, BaseException):
        log.critical("container_died", exc_info=outcome)
        return _EXIT_FAULT
    log.info("draining", signal=outcome)
    try:
        with eventlet.Timeout(grace_s):
            container.stop()
    except eventlet.Timeout:
        log.warning("grace_over", in_flight=sum(line.in_flight for line in container.lines()))
        container.kill()
    life.kill()
    return _EXIT_OK


def _start_and_wait(container: Container, signalled: Event) -> None:
    try:
        container.start()
        log.info("started")
        container.wait()
    except GreenletExit:
        return
    except Exception as fault:  # noqa: BLE001  told by the one who waits
        if not signalled.ready():
            signalled.send(fault)


@contextmanager
def _signals() -> Iterator[Event]:
    """An event that is sent the name of the first SIGTERM or SIGINT."""
    signalled = Event()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)  # the wake-up byte tells
    listener = eventlet.spawn(_hear_signal, reader, signalled)
    try:
        yield signalled
    finally:
        signal.set_wakeup_fd(before)
        listener.kill()
        reader.close()
        writer.close()


def _hear_signal(reader: socket.socket, signalled: Event) -> None:
    number = reader.recv(1)[0]
    if not signalled.ready():
        signalled.send(signal.Signals(number).name)
