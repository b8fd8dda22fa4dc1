"""nameko's RPC as it looks on the wire, with our refusals and faults in it."""

from __future__ import annotations

from typing import Any

import msgspec

from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import DanzhengError, Outage, RemoteFault, TryLater, Unavailable
from services.kernel.observability.trace import current

EXCHANGE = "nameko-rpc"
CONTENT_TYPE = "application/json"
CORRELATION = "danzheng.correlation_id"
TRACEPARENT = "traceparent"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def queue_of(service: str) -> str:
    """The queue in which a service takes questions."""
    return f"rpc-{service}"


def request(kwargs: dict[str, Any]) -> bytes:
    """The body of a question."""
    return _encoder.encode({"args": (), "kwargs": kwargs})


def headers() -> dict[str, str]:
    """What is in work here, for the one who is asked."""
    work = current()
    return {CORRELATION: work.correlation_id, TRACEPARENT: work.traceparent}


def read_request(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments. Raises ValueError for anything that is no question."""
    try:
        message = _decoder.decode(body)
        return list(message["args"]), dict(message["kwargs"])
    except (msgspec.MsgspecError, KeyError, TypeError) as fault:
        raise ValueError("not an RPC request") from fault


def answer(result: object) -> bytes:
    """The body of an answer. Raises TypeError when `result` cannot be JSON."""
    return _encoder.encode({"result": result, "error": None})


def failure(fault: BaseException) -> bytes:
    """The body that tells of a fault: ours in full, foreign ones by name only.

    A foreign message may hold anything, personal data included: it stays in the log here.
    """
    kind = type(fault)
    own = isinstance(fault, Refusal | DanzhengError)
    error = {
        "exc_type": kind.__name__,
        "exc_path": f"{kind.__module__}.{kind.__name__}",
        "exc_args": _arguments(fault) if own else [],
        "value": str(fault) if own else kind.__name__,
    }
    return _encoder.encode({"result": None, "error": error})


def _arguments(fault: BaseException) -> list[Any]:
    if isinstance(fault, Unavailable):
        return [fault.component, str(fault)]
    return list(fault.args)


def read_answer(body: bytes, service: str, method: str) -> Any:
    """The result in an answer.

    Raises Refusal as it was raised there, Unavailable when the neighbour lacked something for
    now, RemoteFault for everything else.
    """
    message = _decoder.decode(body)
    error = message.get("error")
    if error is None:
        return message.get("result")
    raise fault_of(error["exc_type"], list(error.get("exc_args", ())), f"{service}.{method}")


def fault_of(kind: str, arguments: list[Any], where: str) -> Exception:
    """The fault that stands for one raised at the other side."""
    if kind == Refusal.__name__:
        return Refusal(*arguments)
    if kind in {Unavailable.__name__, Outage.__name__}:
        return Unavailable(*arguments)
    if kind == TryLater.__name__:
        return Unavailable(where.partition(".")[0], f"{where} cannot answer now")
    return RemoteFault(f"{where} failed: {kind}")
