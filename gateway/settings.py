"""What the gateway is told by its environment."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  pydantic reads it
from typing import Self

from pydantic import Field, field_validator, model_validator

from services.kernel.settings import ProcessSettings, StoreSettings


class GatewaySettings(ProcessSettings, StoreSettings):
    """Where the door stands, which limits it keeps (HTTP API section 15), whose seal it knows."""

    public_base_url: str = Field(description="scheme, host and port, without a slash at the end")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="addresses whose X-Forwarded-For and -Proto are believed"
    )
    store_connections: int = Field(default=32, ge=1, description="files on their way at once")
    calls_per_minute: int = Field(default=600, ge=1, description="of a session")
    logins_per_minute: int = Field(default=30, ge=1, description="and challenges, of an address")
    verifications_per_minute: int = Field(default=30, ge=1, description="of an address")
    streams_per_session: int = Field(default=5, ge=1)
    stream_s: float = Field(default=300.0, gt=0, description="after which a stream is closed")
    stream_ping_s: float = Field(default=15.0, gt=0, description="between two signs of life")
    file_lifetime: str = Field(default="calendar-month", description="told by GET /me")
    seal_trust_anchors_path: Path | None = Field(
        default=None, description="PEM: roots that vouch for the seal; without, no seal is trusted"
    )

    @field_validator("public_base_url")
    @classmethod
    def _is_origin(cls, text: str) -> str:
        scheme, _, host = text.partition("://")
        if scheme not in {"http", "https"} or not host or "/" in host:
            raise ValueError("must be an origin: https://host[:port]")
        return text

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.environment == "production" and not self.public_base_url.startswith("https://"):
            raise ValueError("public_base_url: production speaks https")
        return self
