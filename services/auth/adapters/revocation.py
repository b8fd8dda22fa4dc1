"""Revocation by lists: taken only from configured places, believed only while fresh."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.domain import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

log = structlog.get_logger(__name__)

_CLOCK_SLACK = timedelta(minutes=5)  # an issuer's clock may run ahead of ours
_HASHES = (SHA256, SHA384, SHA512)
_LARGEST_BYTES = 16 * 1024 * 1024  # about 400 000 entries


class ListRefused(Exception):
    """A list is not taken; the message is the reason."""


@dataclass(frozen=True)
class RevocationList:
    """A list whose signature and form are good, and the serial numbers on it."""

    issuer: bytes
    number: int
    this_update: datetime
    next_update: datetime
    sha256: str
    der: bytes
    serials: frozenset[int]

    def is_fresh(self, at: datetime) -> bool:
        """Whether it speaks for this moment; no grace after `next_update`."""
        return self.this_update - _CLOCK_SLACK <= at < self.next_update


class Shelf(Protocol):
    """Keeps each list that was taken, for evidence and for the other pods."""

    def keep(self, taken: RevocationList) -> None:
        """Write it down, once."""
        ...

    def newest(self, issuer: bytes, above: int) -> bytes | None:
        """The DER of the issuer's list with the highest number above `above`."""
        ...


class Source(Protocol):
    """A configured place that a list comes from."""

    name: str

    def read(self) -> bytes | None:
        """The list, PEM or DER; None when nothing changed since the last reading.

        Raises OSError or ValueError.
        """
        ...


class FileSource:
    """A list in a file."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> bytes | None:
        """The file if it changed since the last reading."""
        state = self._path.stat()
        seen = (state.st_mtime_ns, state.st_size, state.st_ino)
        if seen == self._seen:
            return None
        if state.st_size > _LARGEST_BYTES:
            raise ValueError("too large")
        content = self._path.read_bytes()
        self._seen = seen
        return content


class WebSource:
    """A list at a configured address, fetched at most every `interval_s` seconds."""

    def __init__(
        self,
        url: str,
        fetch: Callable[[str, int], bytes],
        interval_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = url
        self._fetch = fetch
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._due = 0.0

    def read(self) -> bytes | None:
        """What the address answers, or None before it is time to ask again."""
        if self._monotonic() < self._due:
            return None
        self._due = self._monotonic() + self._interval_s
        return self._fetch(self.name, _LARGEST_BYTES)


class RevocationLists:
    """The newest list of each configured issuer; no fresh list, no good answer."""

    def __init__(
        self, issuers: Iterable[x509.Certificate], sources: Sequence[Source], shelf: Shelf
    ) -> None:
        self._issuers = {issuer_id(each): each for each in issuers}
        self._sources = sources
        self._shelf = shelf
        self._held: dict[bytes, RevocationList] = {}

    def status(
        self, leaf: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> dict[str, str]:
        """The list by which a leaf is good. Raises Rejected: revoked or status_unknown."""
        held = self._held.get(issuer_id(issuer))
        if held is None or not held.is_fresh(at):
            raise Rejected("status_unknown")
        if leaf.serial_number in held.serials:
            raise Rejected("revoked")
        return {
            "method": "crl",
            "crl_sha256": held.sha256,
            "crl_number": str(held.number),
            "this_update": held.this_update.isoformat(),
            "next_update": held.next_update.isoformat(),
        }

    def refresh(self) -> int:
        """Read every source and the shelf again; answers how many lists were taken."""
        taken = sum(self._read(source) for source in self._sources)
        return taken + sum(self._borrow(issuer) for issuer in self._issuers)

    def next_updates(self) -> dict[str, datetime | None]:
        """Until when the list of each issuer speaks; None where there is no list."""
        found = {}
        for issuer, certificate in self._issuers.items():
            held = self._held.get(issuer)
            name = certificate.subject.rfc4514_string()
            found[name] = held.next_update if held else None
        return found

    def _read(self, source: Source) -> bool:
        try:
            content = source.read()
            return content is not None and self._take(content)
        except (ListRefused, OSError, ValueError) as fault:
            log.warning("revocation_list_refused", source=source.name, reason=str(fault))
            return False

    def _take(self, content: bytes) -> bool:
        taken = read_list(content, self._issuers)
        held = self._held.get(taken.issuer)
        if held is not None and held.sha256 == taken.sha256:
            return False
        if taken.number < self._floor(taken.issuer, held):
            raise ListRefused("an older list after a newer")
        self._shelf.keep(taken)
        self._hold(taken)
        return True

    def _floor(self, issuer: bytes, held: RevocationList | None) -> int:
        self._borrow(issuer)
        held = self._held.get(issuer, held)
        return held.number if held else 0

    def _borrow(self, issuer: bytes) -> bool:
        """Take from the shelf what another pod, or an earlier life, took."""
        held = self._held.get(issuer)
        der = self._shelf.newest(issuer, held.number if held else -1)
        if der is None:
            return False
        self._hold(read_list(der, self._issuers))
        return True

    def _hold(self, taken: RevocationList) -> None:
        self._held[taken.issuer] = taken
        log.info(
            "revocation_list_taken",
            sha256=taken.sha256,
            number=str(taken.number),
            entries=len(taken.serials),
            next_update=taken.next_update.isoformat(),
        )


@lru_cache(maxsize=64)  # there are as many as settings name
def issuer_id(certificate: x509.Certificate) -> bytes:
    """Name and key of an issuer: another CA of the same name is another issuer."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(certificate.subject.public_bytes() + key).digest()


def read_list(content: bytes, issuers: dict[bytes, x509.Certificate]) -> RevocationList:
    """A list signed by one of `issuers`. Raises ListRefused."""
    try:
        pem = content.lstrip().startswith(b"-----BEGIN")
        found = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
        return _checked(found, issuers)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as fault:
        raise ListRefused("unreadable") from fault


def _checked(
    found: x509.CertificateRevocationList, issuers: dict[bytes, x509.Certificate]
) -> RevocationList:
    number = [part.value for part in found.extensions if isinstance(part.value, x509.CRLNumber)]
    if any(part.critical for part in found.extensions):
        raise ListRefused("a partial list")
    if not number or found.next_update_utc is None:
        raise ListRefused("no number or no next update")
    der = found.public_bytes(Encoding.DER)
    return RevocationList(
        issuer=_signer(found, issuers),
        number=number[0].crl_number,
        this_update=found.last_update_utc,
        next_update=found.next_update_utc,
        sha256=hashlib.sha256(der).hexdigest(),
        der=der,
        serials=frozenset(_serial(entry) for entry in found),
    )


def _serial(entry: x509.RevokedCertificate) -> int:
    if any(part.critical for part in entry.extensions):
        raise ListRefused("an indirect list")
    return entry.serial_number


def _signer(found: x509.CertificateRevocationList, issuers: dict[bytes, x509.Certificate]) -> bytes:
    for issuer, certificate in issuers.items():
        if certificate.subject == found.issuer and _is_signed_by(found, certificate.public_key()):
            return issuer
    raise ListRefused("not signed by a configured issuer")


def _is_signed_by(found: x509.CertificateRevocationList, key: object) -> bool:
    digest = found.signature_hash_algorithm
    if not isinstance(digest, _HASHES):
        return False
    return isinstance(
        key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    ) and found.is_signature_valid(key)
