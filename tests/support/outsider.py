"""A company's program, made from the description of the HTTP API alone."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CHINA = timezone(timedelta(hours=8))
LIMIT_S = 120.0


class SoftCard:
    """A card whose two keys lie in the sandbox's file (section 16)."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._login = _pair(facts["certificate_pem"], facts["private_key_pem"])
        self._signing = _pair(
            facts["signature_certificate_pem"], facts["signature_private_key_pem"]
        )

    def auth_token(self, origin: str, nonce: str) -> dict[str, Any]:
        """Section 4.2."""
        certificate, key = self._login
        message = hashlib.sha256(origin.encode()).digest() + hashlib.sha256(nonce.encode()).digest()
        return {
            "format": "web-eid:1.0",
            "unverifiedCertificate": base64.b64encode(_der(certificate)).decode(),
            "algorithm": _algorithm(key),
            "signature": base64.b64encode(_signed(key, message)).decode(),
            "appVersion": "https://danzheng.example/test/1.0",
        }

    def submission(self, signed: dict[str, Any]) -> dict[str, str]:
        """Section 4.3."""
        certificate, key = self._signing
        header = {
            "alg": _algorithm(key),
            "typ": "danzheng-submission+jws",
            "x5c": [base64.b64encode(_der(certificate)).decode()],
        }
        protected = _url64(json.dumps(header).encode())
        payload = _url64(rfc8785.dumps(signed))
        return {
            "protected": protected,
            "signature": _url64(_signed(key, f"{protected}.{payload}".encode())),
        }


def _pair(certificate_pem: str, key_pem: str) -> tuple[x509.Certificate, Any]:
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return certificate, serialization.load_pem_private_key(key_pem.encode(), None)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _algorithm(key: Any) -> str:
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"


def _signed(key: Any, message: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Outsider:
    """A caller of the HTTP API, with or without a session."""

    def __init__(self, base_url: str, card: dict[str, Any] | None = None) -> None:
        self.http = httpx.Client(base_url=f"{base_url}/api/v1", timeout=30, trust_env=False)
        self.card = SoftCard(card) if card else None
        self.session: dict[str, Any] = {}

    def close(self) -> None:
        self.http.close()

    def ask(self, method: str, path: str, **words: Any) -> httpx.Response:
        """One call, `path` below the API or as a link of an answer."""
        return self.http.request(method, path.removeprefix("/api/v1"), **words)

    def get(self, path: str, **words: Any) -> httpx.Response:
        return self.ask("GET", path, **words)

    def post(self, path: str, body: object = None, **words: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **words)

    def proof(self) -> dict[str, Any]:
        """A fresh challenge, signed by the card."""
        challenge = self.post("/auth/challenges", {}).json()
        token = self.card.auth_token(challenge["origin"], challenge["challenge_nonce"])
        return {"challenge_id": challenge["challenge_id"], "auth_token": token}

    def log_in(self) -> httpx.Response:
        """Section 6.2; the token is sent from now on."""
        answer = self.post("/auth/sessions", self.proof())
        if answer.status_code == 201:
            self.session = answer.json()
            self.http.headers["Authorization"] = f"Bearer {self.session['access_token']}"
        return answer

    def order(self, entry_ids: list[str], seal: str | None) -> dict[str, Any]:
        """A signed order: for printed forms with `seal`, for data without."""
        submitted_at = datetime.now(UTC).astimezone(CHINA).isoformat(timespec="milliseconds")
        body: dict[str, Any] = {"entry_ids": entry_ids, "submitted_at": submitted_at}
        if seal is not None:
            body["seal"] = seal
        signed = {
            "kind": "export" if seal is None else "print",
            "seal": seal,
            "entry_ids": entry_ids,
            "submitted_at": submitted_at,
            "session": self.session["session_id"],
        }
        return {**body, "submission_signature": self.card.submission(signed)}

    def apply(
        self, entry_ids: list[str], seal: str | None = None, key: str | None = None
    ) -> httpx.Response:
        """Sections 8.1 and 9.1."""
        kind = "export" if seal is None else "print"
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.post(f"/{kind}-applications", self.order(entry_ids, seal), headers=headers)

    def wait(self, path: str, done: Any) -> dict[str, Any]:
        """Ask again, as often as the answers say, until `done` of the resource."""
        ends, etag = time.monotonic() + LIMIT_S, ""
        body: dict[str, Any] = {}
        while time.monotonic() < ends:
            answer = self.get(path, headers={"If-None-Match": etag} if etag else {})
            if answer.status_code == 200:
                body, etag = answer.json(), answer.headers["etag"]
                if done(body):
                    return body
            assert answer.status_code in {200, 304}, answer.text
            time.sleep(min(0.5, float(answer.headers["retry-after"])))
        raise AssertionError(f"{path} was not done in {LIMIT_S} s: {body}")

    def finished(self, answer: httpx.Response) -> dict[str, Any]:
        """The application of a 202 when all its items are at an end."""
        assert answer.status_code == 202, answer.text
        return self.wait(answer.headers["location"], lambda body: body["state"] == "finished")
