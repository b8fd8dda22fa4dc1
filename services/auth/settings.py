"""What auth is told by its environment."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003  pydantic reads it
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from services.auth.card_protocol import is_serialized_origin
from services.auth.domain import Rules, is_sandbox_oid
from services.kernel.settings import RoomSettings

_SANDBOX_KINDS = ("2.999.10.1", "2.999.10.2")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


class Settings(RoomSettings):
    """The card's issuer, its lists, and how long challenges and sessions live."""

    public_base_url: str = Field(description="scheme, host and port as a browser writes an origin")
    card_trust_anchors_path: Path = Field(description="PEM: roots that vouch for cards")
    card_intermediates_path: Path | None = Field(default=None, description="PEM: card CAs")
    card_crl_paths: tuple[Path, ...] = Field(default=(), description="lists as files, PEM or DER")
    card_crl_urls: tuple[str, ...] = Field(default=(), description="lists fetched over http")
    card_crl_refresh_s: float = Field(default=60.0, gt=0, description="between two fetches")
    card_legal_person_oid: str = Field(default="", description="policy of the 法人卡")
    card_operator_oid: str = Field(default="", description="policy of the 操作员卡")
    submission_certificate: Literal["any", "signature"] = Field(
        default="any", description="signature: contentCommitment is demanded"
    )
    challenge_lifetime_s: int = Field(default=300, ge=1)
    session_idle_s: int = Field(default=1_800, ge=1)
    session_lifetime_s: int = Field(default=28_800, ge=1)
    session_touch_s: float = Field(default=10.0, ge=0, description="idle time is noted this often")
    session_record_days: int = Field(
        default=1_130, ge=1, description="evidence is kept three years and a month"
    )

    @field_validator("public_base_url")
    @classmethod
    def _is_origin(cls, text: str) -> str:
        if not is_serialized_origin(text):
            raise ValueError("must be an origin as browsers write it: https://host[:port]")
        return text

    @field_validator("card_legal_person_oid", "card_operator_oid")
    @classmethod
    def _is_oid(cls, text: str) -> str:
        if text and not _OID.fullmatch(text):
            raise ValueError("must be an object identifier such as 1.2.156.1")
        return text

    @property
    def kinds(self) -> dict[str, str]:
        """Which policy means which kind of card."""
        sandbox = _SANDBOX_KINDS if self.environment == "development" else ("", "")
        return {
            self.card_legal_person_oid or sandbox[0]: "legal_person",
            self.card_operator_oid or sandbox[1]: "operator",
        }

    @property
    def rules(self) -> Rules:
        """What the handlers need to know of all this."""
        return Rules(
            origin=self.public_base_url,
            challenge_lifetime_s=self.challenge_lifetime_s,
            idle_s=self.session_idle_s,
            lifetime_s=self.session_lifetime_s,
            touch_s=self.session_touch_s,
            record_days=self.session_record_days,
        )

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if "" in self.kinds or len(self.kinds) != 2:
            raise ValueError("card_legal_person_oid and card_operator_oid: two different policies")
        if not (self.card_crl_paths or self.card_crl_urls):
            raise ValueError("card_crl_paths or card_crl_urls: without a list no card is good")
        if self.environment == "production":
            self._refuse_the_sandbox()
        return self

    def _refuse_the_sandbox(self) -> None:
        for oid in self.kinds:
            if is_sandbox_oid(oid):
                raise ValueError("card policies below 2.999 belong to the sandbox")
        if not self.public_base_url.startswith("https://"):
            raise ValueError("public_base_url: production speaks https")
