"""A client written from the HTTP API's description alone: it imports nothing of the product."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

ZONE = ZoneInfo("Asia/Shanghai")


def b64url(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(key_pem: str, message: bytes) -> tuple[str, bytes]:
    """Algorithm and signature of `message`: ES256 as R‖S, or RS256."""
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return "ES256", r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return "RS256", key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def der(certificate_pem: str) -> str:
    """Base64 of the certificate's DER form."""
    found = x509.load_pem_x509_certificate(certificate_pem.encode())
    return base64.b64encode(found.public_bytes(serialization.Encoding.DER)).decode()


def canonical(value: object) -> bytes:
    """The RFC 8785 form of an object of strings, lists and nulls."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class Partner:
    """A program of a company, with its card."""

    def __init__(self, sandbox: Sandbox, card: str) -> None:
        self.card = sandbox.card(card)
        self.http = httpx.Client(base_url=f"{sandbox.base_url}/api/v1", timeout=30)
        self.session: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def try_login(self) -> httpx.Response:
        """One challenge, one token, one answer."""
        challenge = self.http.post("/auth/challenges").json()
        message = (
            hashlib.sha256(challenge["origin"].encode()).digest()
            + hashlib.sha256(challenge["challenge_nonce"].encode()).digest()
        )
        algorithm, signature = sign(self.card["private_key_pem"], message)
        token = {
            "format": "web-eid:1.0",
            "unverifiedCertificate": der(self.card["certificate_pem"]),
            "algorithm": algorithm,
            "signature": base64.b64encode(signature).decode(),
            "appVersion": "https://partner.example/client/1.0",
        }
        body = {"challenge_id": challenge["challenge_id"], "auth_token": token}
        return self.http.post("/auth/sessions", json=body)

    def login(self) -> Partner:
        """Log in and use the session from now on."""
        answer = self.try_login()
        assert answer.status_code == 201, answer.text
        self.session = answer.json()
        self.http.headers["Authorization"] = f"Bearer {self.session['access_token']}"
        return self

    def submission(self, kind: str, seal: str | None, entry_ids: list[str]) -> dict[str, Any]:
        """The body of an application, signed by the card."""
        submitted_at = datetime.now(ZONE).isoformat(timespec="milliseconds")
        payload = canonical(
            {
                "kind": kind,
                "seal": seal,
                "entry_ids": entry_ids,
                "submitted_at": submitted_at,
                "session": self.session["session_id"],
            }
        )
        algorithm, _ = sign(self.card["signature_private_key_pem"], b"")
        header = {
            "alg": algorithm,
            "typ": "danzheng-submission+jws",
            "x5c": [der(self.card["signature_certificate_pem"])],
        }
        protected = b64url(canonical(header))
        _, signature = sign(
            self.card["signature_private_key_pem"], f"{protected}.{b64url(payload)}".encode()
        )
        body: dict[str, Any] = {"seal": seal} if kind == "print" else {}
        return body | {
            "entry_ids": entry_ids,
            "submitted_at": submitted_at,
            "submission_signature": {"protected": protected, "signature": b64url(signature)},
        }

    def apply(
        self, kind: str, entry_ids: list[str], seal: str | None = None, key: str | None = None
    ) -> httpx.Response:
        """Hand in an application."""
        return self.http.post(
            f"/{kind}-applications",
            json=self.submission(kind, seal, entry_ids),
            headers={"Idempotency-Key": key or str(uuid.uuid4())},
        )

    def finished(self, application_no: str, limit_s: float = 60) -> dict[str, Any]:
        """The application once all its items are at an end.

        Follows the changes by polling, as the API allows; a passing 5xx is asked again.
        """
        kind = "print" if application_no.startswith("P") else "export"
        until = time.monotonic() + limit_s
        while True:
            view = self._read(f"/{kind}-applications/{application_no}")
            if view and view["state"] == "finished":
                return view
            assert time.monotonic() < until, f"{application_no} is still making: {view}"
            time.sleep(0.2)

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            answer = self.http.get(path)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None
