"""The port of sealing: a signature over a finished document's digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SealMaterial:
    """The installation's test or company seal as PEM: private key, certificate, issuers."""

    key: bytes = field(repr=False)
    certificate: bytes
    chain: bytes

    @classmethod
    def read(cls, key_path: Path, certificate_path: Path, chain_path: Path) -> SealMaterial:
        """The material of three files. Raises OSError if one cannot be read."""
        return cls(key_path.read_bytes(), certificate_path.read_bytes(), chain_path.read_bytes())


class Sealer(Protocol):
    """Signs the SHA-256 digest of a document's bytes."""

    @property
    def certificate_sha256(self) -> str:
        """The signer certificate's SHA-256, lower-case hex."""
        ...

    @property
    def room_bytes(self) -> int:
        """The largest signature `seal` will ever return."""
        ...

    def seal(self, digest: bytes) -> bytes:
        """A detached CMS signature (DER) over a SHA-256 digest."""
        ...
