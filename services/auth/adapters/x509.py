"""Certificates read and judged: key floors, chain, time, usage and the profile of a card."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from services.auth import card_protocol
from services.auth.domain import (
    LOG_IN,
    CardCertificate,
    Rejected,
    is_card_no,
    is_sandbox_oid,
    is_uscc,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_RSA_BITS = 2048
_RSA_EXPONENT = 65537
_INTERMEDIATES = 2  # a root, a CA for cards, and room for one between
_IDENTIFIER = "NTRCN-"  # ETSI EN 319 412-1: a national trade register of China
_LONGEST_NAME = 200
_NAMES = (
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATION_IDENTIFIER,
    NameOID.COMMON_NAME,
    NameOID.SERIAL_NUMBER,
)
_UNDERSTOOD = {  # critical extensions that are looked at below or by the chain's verifier
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.CERTIFICATE_POLICIES,
}


class Revocation(Protocol):
    """Knows of revocations: by lists, or by asking a responder."""

    def status(
        self, leaf: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> dict[str, str]:
        """The evidence that a leaf is good. Raises Rejected: revoked or status_unknown."""
        ...


@dataclass(frozen=True)
class _Parsed:
    """A believed certificate as the library holds it."""

    leaf: x509.Certificate
    issuer: x509.Certificate
    key: object


class X509Judge:
    """Judges certificates by configured anchors, policies of the two kinds, and revocation."""

    def __init__(
        self,
        *,
        anchors: Sequence[x509.Certificate],
        intermediates: Sequence[x509.Certificate],
        kinds: Mapping[str, str],
        revocation: Revocation,
        commitment_only: bool = False,
    ) -> None:
        self._store = Store(list(anchors))
        self._intermediates = list(intermediates)
        self._kinds = kinds
        self._revocation = revocation
        self._commitment_only = commitment_only

    def certificate(self, der: bytes, purpose: str, at: datetime) -> CardCertificate:
        """The certificate, its chain and profile good at `at`. Raises Rejected."""
        with _faults_are("malformed"):
            leaf = _read(der)
            extensions = leaf.extensions
        key = _strong_key(leaf)
        _require_end_entity(leaf, extensions)
        chain = self._chain(leaf, at)
        _require_time(leaf, at)
        self._require_usage(extensions, purpose)
        names = _names(leaf.subject)
        return CardCertificate(
            chain=tuple(part.public_bytes(Encoding.DER) for part in chain),
            parsed=_Parsed(leaf, chain[1], key),
            sha256=leaf.fingerprint(SHA256()).hex(),
            card_no=_card_no(names[NameOID.SERIAL_NUMBER]),
            uscc=_uscc(names[NameOID.ORGANIZATION_IDENTIFIER]),
            company_name=names[NameOID.ORGANIZATION_NAME],
            holder=names[NameOID.COMMON_NAME],
            kind=self._kind(extensions),
            valid_until=leaf.not_valid_after_utc,
        )

    def revocation(self, card: CardCertificate, at: datetime) -> dict[str, str]:
        """What is known of the leaf's revocation. Raises Rejected: revoked, status_unknown."""
        parsed = _parsed(card)
        return self._revocation.status(parsed.leaf, parsed.issuer, at)

    @staticmethod
    def is_signed(card: CardCertificate, algorithm: str, signature: bytes, message: bytes) -> bool:
        """Whether the card's key signed `message` with the algorithm that fits the key."""
        return card_protocol.is_signed(_parsed(card).key, algorithm, signature, message)

    def _chain(self, leaf: x509.Certificate, at: datetime) -> list[x509.Certificate]:
        """From leaf to anchor, at a moment when the leaf was valid: its own time is said apart."""
        moment = min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(moment)
            .max_chain_depth(_INTERMEDIATES)
            .extension_policies(
                ca_policy=ExtensionPolicy.webpki_defaults_ca(),
                ee_policy=ExtensionPolicy.permit_all(),
            )
            .build_client_verifier()
        )
        try:
            chain = verifier.verify(leaf, self._intermediates).chain
        except VerificationError as fault:
            raise Rejected("untrusted") from fault
        if len(chain) == 1:  # an anchor itself: nobody vouches for it, nobody revokes it
            raise Rejected("untrusted")
        return chain

    def _require_usage(self, extensions: x509.Extensions, purpose: str) -> None:
        usage = _find(extensions, x509.KeyUsage)
        extended = _find(extensions, x509.ExtendedKeyUsage)
        if usage is None:
            raise Rejected("key_usage")
        if purpose == LOG_IN:
            fits = usage.digital_signature and extended is not None
            fits = fits and ExtendedKeyUsageOID.CLIENT_AUTH in (extended or ())
        else:
            digital = usage.digital_signature and not self._commitment_only
            fits = usage.content_commitment or digital
        if not fits:
            raise Rejected("key_usage")

    def _kind(self, extensions: x509.Extensions) -> str:
        policies = _find(extensions, x509.CertificatePolicies) or ()
        found = [policy.policy_identifier.dotted_string for policy in policies]
        kinds = [self._kinds[oid] for oid in found if oid in self._kinds]
        if len(kinds) != 1:
            raise Rejected("profile")
        return kinds[0]


def load_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file. Raises ValueError or OSError."""
    return x509.load_pem_x509_certificates(path.read_bytes())


def is_sandbox(anchor: x509.Certificate) -> bool:
    """Whether a trust anchor is one that the development PKI made."""
    named = "sandbox" in anchor.subject.rfc4514_string().lower()
    policies = _find(anchor.extensions, x509.CertificatePolicies) or ()
    return named or any(is_sandbox_oid(part.policy_identifier.dotted_string) for part in policies)


def is_strong(certificate: x509.Certificate) -> bool:
    """Whether the key of a certificate meets the floor."""
    try:
        _strong_key(certificate)
    except Rejected:
        return False
    return True


@contextmanager
def _faults_are(reason: str) -> Iterator[None]:
    """What the library finds unreadable is a rejection, not an error of ours."""
    try:
        yield
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
    ) as fault:
        raise Rejected(reason) from fault


def _parsed(card: CardCertificate) -> _Parsed:
    if not isinstance(card.parsed, _Parsed):
        raise TypeError("another judge has read this certificate")
    return card.parsed


def _read(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    if certificate.public_bytes(Encoding.DER) != der:
        raise ValueError("bytes left over")
    return certificate


def _strong_key(certificate: x509.Certificate) -> object:
    with _faults_are("weak_key"):
        key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        named = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if named in certificate.tbs_certificate_bytes:  # not a curve spelled out or a packed point
            return key
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        if key.key_size >= _RSA_BITS and numbers.e == _RSA_EXPONENT:
            return key
    raise Rejected("weak_key")


def _require_end_entity(leaf: x509.Certificate, extensions: x509.Extensions) -> None:
    constraints = _find(extensions, x509.BasicConstraints)
    strange = [part for part in extensions if part.critical and part.oid not in _UNDERSTOOD]
    if leaf.version is not x509.Version.v3 or strange or (constraints and constraints.ca):
        raise Rejected("profile")


def _require_time(leaf: x509.Certificate, at: datetime) -> None:
    if at < leaf.not_valid_before_utc:
        raise Rejected("not_yet_valid")
    if at > leaf.not_valid_after_utc:
        raise Rejected("expired")


def _names(subject: x509.Name) -> dict[x509.ObjectIdentifier, str]:
    """The four attributes of the profile, each exactly once and alone."""
    if any(len(list(part)) != 1 for part in subject.rdns):
        raise Rejected("profile")
    return {oid: _name(subject.get_attributes_for_oid(oid)) for oid in _NAMES}


def _name(found: Sequence[x509.NameAttribute[str | bytes]]) -> str:
    text = found[0].value if len(found) == 1 else ""
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_NAME:
        raise Rejected("profile")
    if not text.isprintable():
        raise Rejected("profile")
    return text


def _card_no(text: str) -> str:
    if not is_card_no(text):
        raise Rejected("profile")
    return text


def _uscc(text: str) -> str:
    uscc = text.removeprefix(_IDENTIFIER)
    if uscc == text or not is_uscc(uscc):
        raise Rejected("profile")
    return uscc


def _find(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    for part in extensions:
        if isinstance(part.value, kind):
            return part.value
    return None
