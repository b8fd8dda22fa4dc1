"""Auth as nameko sees it: translates and calls."""

from __future__ import annotations

from typing import Any

from services.auth import bootstrap
from services.auth.domain import Client
from services.kernel.contracts.wire import from_builtins, to_builtins
from services.kernel.messaging.nameko_kit import UseCases, rpc, timer

_RELAY_S = 0.5
_LISTS_S = 15.0  # a card revoked just now is refused this soon after the list says so
_SWEEP_S = 10.0


class AuthService:
    """Challenges, sessions, and the checking of submissions."""

    name = "auth"
    use = UseCases(bootstrap.from_env)

    @rpc
    def ping(self) -> str:
        """Say that the room is here."""
        return "pong"

    @rpc
    def challenge(self) -> Any:
        """A Challenge."""
        return to_builtins(self.use.challenge())

    @rpc
    def open_session(self, challenge_id: str, auth_token: object, client: dict[str, str]) -> Any:
        """An OpenedSession."""
        origin = from_builtins(client, Client)
        return to_builtins(self.use.open_session(challenge_id, auth_token, origin))

    @rpc
    def read_session(self, access_token: str) -> Any:
        """A Session, active or locked."""
        return to_builtins(self.use.read_session(access_token))

    @rpc
    def lock(self, access_token: str) -> Any:
        """The Session, locked."""
        return to_builtins(self.use.lock(access_token))

    @rpc
    def unlock(self, access_token: str, challenge_id: str, auth_token: object) -> Any:
        """The Session, active."""
        return to_builtins(self.use.unlock(access_token, challenge_id, auth_token))

    @rpc
    def end_session(self, access_token: str) -> None:
        """Nothing; the token is good for nothing afterwards."""
        self.use.end_session(access_token)

    @rpc
    def check_submission(
        self,
        access_token: str,
        kind: str,
        seal: str | None,
        entry_ids: list[str],
        submitted_at: str,
        signature: object,
    ) -> Any:
        """The Evidence of a submission."""
        submission = {
            "kind": kind,
            "seal": seal,
            "entry_ids": entry_ids,
            "submitted_at": submitted_at,
        }
        return to_builtins(self.use.check_submission(access_token, submission, signature))

    @timer(_RELAY_S, after_work=True)
    def relay(self) -> None:
        """Publish what was said."""
        self.use.relay()

    @timer(_LISTS_S)
    def refresh_lists(self) -> None:
        """Read the revocation lists again."""
        self.use.refresh_lists()

    @timer(_SWEEP_S)
    def sweep(self) -> None:
        """End what is over."""
        self.use.sweep()
