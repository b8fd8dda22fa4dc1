"""The envelope of an event: CloudEvents 1.0, structured JSON, UTF-8."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.kernel.contracts import events, registry
from services.kernel.errors import PermanentFailure

CONTENT_TYPE = "application/cloudevents+json"
assert events  # the registry is filled by importing the speakers' modules  # noqa: S101


@dataclass(frozen=True)
class Envelope:
    """A message on its way: who says what about which subject, and because of what.

    `subject` names the thing spoken of (`P…/entry_id`), `correlationid` the request it began
    with, `causationid` the message that caused this one.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Any
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    dataschema: str = ""


@dataclass(frozen=True)
class _Wire:
    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: msgspec.Raw
    specversion: str
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    datacontenttype: str = "application/json"
    dataschema: str = ""


def encode(envelope: Envelope) -> bytes:
    """The envelope as bytes for the wire."""
    return msgspec.json.encode(envelope)


def decode(body: bytes) -> Envelope:
    """The envelope in `body` with its payload as an instance of its class.

    Raises PermanentFailure with reason `undecodable` (no envelope), `unknown_type` or
    `schema` (the payload does not fit its class).
    """
    try:
        wire = msgspec.json.decode(body, type=_Wire)
    except msgspec.MsgspecError as fault:
        raise PermanentFailure("undecodable", str(fault)) from fault
    payload = registry.payload_class(wire.type)
    if payload is None:
        raise PermanentFailure("unknown_type", wire.type)
    try:
        data = msgspec.json.decode(wire.data, type=payload)
    except msgspec.MsgspecError as fault:
        raise PermanentFailure("schema", f"{wire.type}: {fault}") from fault
    return Envelope(
        id=wire.id,
        type=wire.type,
        source=wire.source,
        subject=wire.subject,
        time=wire.time,
        data=data,
        correlationid=wire.correlationid,
        causationid=wire.causationid,
        traceparent=wire.traceparent,
        specversion=wire.specversion,
        datacontenttype=wire.datacontenttype,
        dataschema=wire.dataschema,
    )
