"""A company's program at the HTTP API: logs in with a card, applies, waits, fetches."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self
from zoneinfo import ZoneInfo

import httpx

from services.auth.card_agent.soft import SoftCard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ZONE: Final = ZoneInfo("Asia/Shanghai")


class Refused(Exception):
    """The API answered with a problem; the text is the call and the problem's own sentence."""


class Client:
    """One session of the company whose card is given as in `sandbox.json`."""

    def __init__(self, base_url: str, card: Mapping[str, Any]) -> None:
        self._http = httpx.Client(base_url=f"{base_url}/api/v1", timeout=30, trust_env=False)
        self._card = SoftCard.from_pem(
            card["certificate_pem"],
            card["private_key_pem"],
            card["signature_certificate_pem"],
            card["signature_private_key_pem"],
        )
        self._session: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._session:
            self._ask("DELETE", "/auth/sessions/current")
        self._http.close()

    def log_in(self) -> None:
        """Open the session."""
        challenge = self._json("POST", "/auth/challenges", json={})
        token = self._card.auth_token(challenge["origin"], challenge["challenge_nonce"])
        body = {"challenge_id": challenge["challenge_id"], "auth_token": token}
        self._session = self._json("POST", "/auth/sessions", json=body)
        self._http.headers["Authorization"] = f"Bearer {self._session['access_token']}"

    def apply(self, kind: str, entry_ids: list[str], seal: str | None = None) -> dict[str, Any]:
        """Hand in an application (`print` or `export`); the application as accepted."""
        submitted_at = datetime.now(UTC).astimezone(ZONE).isoformat(timespec="milliseconds")
        signed = {
            "kind": kind,
            "seal": seal,
            "entry_ids": entry_ids,
            "submitted_at": submitted_at,
            "session": self._session["session_id"],
        }
        body: dict[str, Any] = {"entry_ids": entry_ids, "submitted_at": submitted_at}
        if kind == "print":
            body["seal"] = seal
        body["submission_signature"] = self._card.submission_signature(signed)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._json("POST", f"/{kind}-applications", json=body, headers=key)

    def finished(self, application: Mapping[str, Any], limit_s: float = 120) -> dict[str, Any]:
        """The application when all its items are at an end; asked again as the API says when."""
        path = f"/{application['kind']}-applications/{application['application_no']}"
        until = time.monotonic() + limit_s
        while True:
            current = self._json("GET", path)
            if current["state"] == "finished":
                return current
            if time.monotonic() > until:
                raise Refused(f"{path}: not finished after {limit_s:.0f} s")
            time.sleep(0.1)

    def fetch(self, path: str, target: Path, **parameters: str) -> int:
        """Download a file to `target`; its size in bytes."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._http.stream("GET", path, params=parameters) as answer:
            if answer.is_error:
                answer.read()
                raise _refusal("GET", path, answer)
            with target.open("wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
        return target.stat().st_size

    def _json(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(method, path, **given).json()
        return answer

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        answer = self._http.request(method, path, **given)
        if answer.is_error:
            raise _refusal(method, path, answer)
        return answer


def _refusal(method: str, path: str, answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
        said = f"{problem['code']}: {problem['detail'] or problem['title']}"
    except (ValueError, KeyError):
        said = answer.text[:200]
    return Refused(f"{method} {path} answered {answer.status_code} {said}")
