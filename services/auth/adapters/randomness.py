"""What nobody may guess, from the operating system's source."""

from __future__ import annotations

import base64
import os
import secrets

from services.kernel.ids import prefixed

_BYTES = 32  # 256 bits


class OsSecrets:
    """Identifiers, nonces and tokens of the operating system's randomness."""

    @staticmethod
    def identifier(prefix: str) -> str:
        """A ULID behind a prefix."""
        return prefixed(prefix)

    @staticmethod
    def nonce() -> str:
        """256 random bits in base64, 44 characters."""
        return base64.b64encode(os.urandom(_BYTES)).decode()

    @staticmethod
    def access_token() -> str:
        """256 random bits in base64url, 43 characters."""
        return secrets.token_urlsafe(_BYTES)
