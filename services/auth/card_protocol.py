"""What a card and auth say to each other: the bytes that are signed, and their two shapes.

Both sides use this module, so it carries nothing of the servers. A log-in is a Web eID
authentication token, a submission a flattened JWS with detached payload (RFC 7515 appendix F).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Sequence

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

TOKEN_FORMAT = "web-eid:1.0"  # noqa: S105  the name of a format
SUBMISSION_TYPE = "danzheng-submission+jws"
ALGORITHMS = ("ES256", "RS256")

_P256_BYTES = 32
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_TOKEN_MEMBERS = {"format", "unverifiedCertificate", "algorithm", "signature", "appVersion"}
_HEADER_MEMBERS = {"alg", "typ", "x5c"}
_SIGNATURE_MEMBERS = {"protected", "signature"}
_MOST_CERTIFICATES = 4
_LONGEST_TEXT = 16_384  # a certificate of 4 KiB in base64 is 5.5 KiB; four fit into one header
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Malformed(ValueError):
    """The token or signature has not the agreed form; the message names the member."""


@dataclass(frozen=True)
class AuthToken:
    """An authentication token, taken apart but not believed."""

    certificate: bytes
    algorithm: str
    signature: bytes


@dataclass(frozen=True)
class SubmissionSignature:
    """A submission's JWS, taken apart but not believed; `certificates` are DER, leaf first."""

    protected: str
    algorithm: str
    certificates: tuple[bytes, ...]
    signature: bytes


def is_serialized_origin(text: str) -> bool:
    """Whether a browser would write its origin so: lower case, no default port, no slash."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    written = f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")
    known = parts.scheme in _DEFAULT_PORTS and port != _DEFAULT_PORTS[parts.scheme]
    return known and written == text and _HOST.fullmatch(host) is not None


def token_message(origin: str, nonce: str) -> bytes:
    """The 64 bytes that a card signs to log in or to unlock."""
    return hashlib.sha256(origin.encode()).digest() + hashlib.sha256(nonce.encode()).digest()


def read_token(token: object) -> AuthToken:
    """The token taken apart. Raises Malformed unless it is exactly of the agreed form."""
    members = _texts(token, _TOKEN_MEMBERS)
    if members["format"] != TOKEN_FORMAT:
        raise Malformed("format")
    if members["algorithm"] not in ALGORITHMS:
        raise Malformed("algorithm")
    return AuthToken(
        certificate=from_base64(members["unverifiedCertificate"], "unverifiedCertificate"),
        algorithm=members["algorithm"],
        signature=from_base64(members["signature"], "signature"),
    )


def write_token(
    certificate: bytes, algorithm: str, signature: bytes, app_version: str
) -> dict[str, str]:
    """The token of a certificate (DER) and its signature over `token_message`."""
    return {
        "format": TOKEN_FORMAT,
        "unverifiedCertificate": to_base64(certificate),
        "algorithm": algorithm,
        "signature": to_base64(signature),
        "appVersion": app_version,
    }


def submission_payload(submission: dict[str, Any]) -> bytes:
    """The RFC 8785 form of the five-member object. Raises Malformed if it has none."""
    try:
        return rfc8785.dumps(submission)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as fault:
        raise Malformed("payload") from fault


def protected_header(algorithm: str, certificates: Sequence[bytes]) -> str:
    """The protected header as it stands in the JWS; `certificates` are DER, leaf first."""
    header = {
        "alg": algorithm,
        "typ": SUBMISSION_TYPE,
        "x5c": [to_base64(der) for der in certificates],
    }
    return to_base64url(json.dumps(header, separators=(",", ":")).encode())


def signing_input(protected: str, payload: bytes) -> bytes:
    """The bytes that a card signs for a submission (RFC 7515 section 5.1)."""
    return f"{protected}.{to_base64url(payload)}".encode()


def read_submission_signature(signature: object) -> SubmissionSignature:
    """The JWS taken apart. Raises Malformed unless it is exactly of the agreed form."""
    members = _texts(signature, _SIGNATURE_MEMBERS)
    header = _header(from_base64url(members["protected"], "protected"))
    if set(header) != _HEADER_MEMBERS or header["typ"] != SUBMISSION_TYPE:
        raise Malformed("protected")
    if header["alg"] not in ALGORITHMS:
        raise Malformed("protected/alg")
    return SubmissionSignature(
        protected=members["protected"],
        algorithm=header["alg"],
        certificates=_chain(header["x5c"]),
        signature=from_base64url(members["signature"], "signature"),
    )


def algorithm_of(key: object) -> str | None:
    """The one algorithm for keys of this type, private or public; None where there is none."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return "ES256"
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return "RS256"
    return None


def sign(key: PrivateKey, message: bytes) -> bytes:
    """The signature of `message`: R and S for a P-256 key, PKCS #1 v1.5 for an RSA key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(_P256_BYTES) + s.to_bytes(_P256_BYTES)


def is_signed(key: object, algorithm: str, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over `message` was made by the private half of `key`."""
    if algorithm != algorithm_of(key):
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_to_der(signature), message, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), SHA256())
        else:
            return False
    except (InvalidSignature, Malformed):
        return False
    return True


def from_base64(text: str, member: str) -> bytes:
    """The bytes of standard base64 with padding; blanks, other alphabets and spare bits refused."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Malformed(member) from fault
    if not value or to_base64(value) != text:
        raise Malformed(member)
    return value


def to_base64(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode()


def from_base64url(text: str, member: str) -> bytes:
    """The bytes of base64url without padding; anything else raises Malformed."""
    if not _BASE64URL.fullmatch(text):
        raise Malformed(member)
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as fault:
        raise Malformed(member) from fault
    if to_base64url(value) != text:
        raise Malformed(member)
    return value


def to_base64url(value: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _to_der(signature: bytes) -> bytes:
    if len(signature) != 2 * _P256_BYTES:
        raise Malformed("signature")
    r, s = (int.from_bytes(half) for half in (signature[:_P256_BYTES], signature[_P256_BYTES:]))
    if not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER):
        raise Malformed("signature")
    return encode_dss_signature(r, s)


def _texts(value: object, names: set[str]) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != names:
        raise Malformed("members")
    for name, text in value.items():
        if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
            raise Malformed(name)
        if not (text.isascii() and text.isprintable()):
            raise Malformed(name)
    return value


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("ascii"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as fault:
        raise Malformed("protected") from fault
    if not isinstance(header, dict):
        raise Malformed("protected")
    return header


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("protected")
    return members


def _chain(x5c: object) -> tuple[bytes, ...]:
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= _MOST_CERTIFICATES:
        raise Malformed("protected/x5c")
    if not all(isinstance(text, str) for text in x5c):
        raise Malformed("protected/x5c")
    return tuple(from_base64(text, "protected/x5c") for text in x5c)
