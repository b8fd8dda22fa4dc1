"""Events travel as CloudEvents; what cannot be read is told apart."""

from datetime import UTC, datetime

import msgspec
import pytest

from services.kernel.contracts import envelope
from services.kernel.contracts.auth import SessionLocked
from services.kernel.errors import PermanentFailure

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MESSAGE = envelope.Envelope(
    id="0199",
    type="auth.session.locked.v1",
    source="/danzheng/auth",
    subject="ses_1",
    time=AT,
    data=SessionLocked(session_id="ses_1", uscc="91", reason="card_removed", at=AT),
    correlationid="req-1",
    causationid="0198",
)


def test_what_was_said_is_what_is_heard():
    assert envelope.decode(envelope.encode(MESSAGE)) == MESSAGE


def test_fields_added_later_are_kept_out_and_not_refused():
    wire = msgspec.json.decode(envelope.encode(MESSAGE))
    wire["extension"] = "new"
    wire["data"]["added"] = "later"
    assert envelope.decode(msgspec.json.encode(wire)) == MESSAGE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "auth.session.locked.v9"}, "unknown_type"),
        ({"data": {"session_id": 5}}, "schema"),
        ({"time": "yesterday"}, "undecodable"),
    ],
)
def test_what_cannot_be_read_is_parked_with_its_reason(change, reason):
    wire = msgspec.json.decode(envelope.encode(MESSAGE)) | change
    with pytest.raises(PermanentFailure) as caught:
        envelope.decode(msgspec.json.encode(wire))
    assert caught.value.reason == reason


def test_bytes_that_are_no_json_are_undecodable():
    with pytest.raises(PermanentFailure) as caught:
        envelope.decode(b"\xff{")
    assert caught.value.reason == "undecodable"
