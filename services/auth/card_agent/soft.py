"""A card made of PEM files, for programs: the same tokens and signatures without a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from services.auth import card_protocol as protocol
from services.auth.card_protocol import PrivateKey

APP_VERSION = "https://danzheng.example/card-agent/1.0"


@dataclass(frozen=True, repr=False)
class SoftCard:
    """The two certificates (DER) of a card with their private keys."""

    certificate: bytes
    private_key: PrivateKey
    signature_certificate: bytes
    signature_private_key: PrivateKey

    @classmethod
    def from_pem(
        cls,
        certificate_pem: str,
        private_key_pem: str,
        signature_certificate_pem: str,
        signature_private_key_pem: str,
    ) -> Self:
        """The card of four PEM texts, named as in the sandbox file.

        Raises ValueError for a text that is no certificate or no unencrypted P-256 or RSA key.
        """
        return cls(
            _certificate(certificate_pem),
            _private_key(private_key_pem),
            _certificate(signature_certificate_pem),
            _private_key(signature_private_key_pem),
        )

    def auth_token(self, origin: str, nonce: str) -> dict[str, str]:
        """The token that logs in at `origin` with the challenge's nonce."""
        signature = protocol.sign(self.private_key, protocol.token_message(origin, nonce))
        return protocol.write_token(
            self.certificate, _algorithm(self.private_key), signature, APP_VERSION
        )

    def submission_signature(self, submission: dict[str, Any]) -> dict[str, str]:
        """The detached JWS of a submission: kind, seal, entry_ids, submitted_at, session."""
        key = self.signature_private_key
        protected = protocol.protected_header(_algorithm(key), [self.signature_certificate])
        payload = protocol.submission_payload(submission)
        signature = protocol.sign(key, protocol.signing_input(protected, payload))
        return {"protected": protected, "signature": protocol.to_base64url(signature)}


def _certificate(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def _private_key(pem: str) -> PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("the key of a card is P-256 or RSA")


def _algorithm(key: PrivateKey) -> str:
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
