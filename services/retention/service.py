"""Retention as nameko sees it: translates and calls."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from services.kernel.contracts.wire import to_builtins
from services.kernel.messaging import topology
from services.kernel.messaging.nameko_kit import UseCases, consume, rpc, timer
from services.retention import bootstrap

if TYPE_CHECKING:
    from services.kernel.contracts.envelope import Envelope

_RELAY_S = 0.5
_TICK_S = 1.0  # how often it is looked whether a sweep or an audit is due


class RetentionService:
    """How long is what kept, and how is its end proved?"""

    name = "retention"
    use = UseCases(bootstrap.from_env)

    @rpc
    def ping(self) -> str:
        """Say that the room is here."""
        return "pong"

    @rpc
    def hold(self, subject: str, reason_code: str) -> str:
        """The id of a hold placed."""
        return str(self.use.hold(subject, reason_code))

    @rpc
    def release(self, hold_id: str) -> None:
        """Nothing; the hold is over."""
        self.use.release(hold_id)

    @rpc
    def due(self, as_of: str) -> Any:
        """A list of DueArtifact."""
        return to_builtins(self.use.due(datetime.fromisoformat(as_of)))

    @rpc
    def proof(self, day: str) -> Any:
        """A DayProof."""
        return to_builtins(self.use.proof(date.fromisoformat(day)))

    @consume(topology.inbox("retention"))
    def hear(self, envelope: Envelope) -> None:
        """Put what was made on record."""
        self.use.hear(envelope)

    @timer(_TICK_S)
    def tick(self) -> None:
        """Sweep and audit when their time has come."""
        self.use.tick()

    @timer(_RELAY_S, after_work=True)
    def relay(self) -> None:
        """Publish what was said."""
        self.use.relay()
