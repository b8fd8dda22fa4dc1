"""Settings of a process: read from the environment once, all faults told at once."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kernel.errors import SettingsFault

_CONFIG = SettingsConfigDict(
    env_prefix="DANZHENG_", frozen=True, extra="ignore", hide_input_in_errors=True
)


class ProcessSettings(BaseSettings):
    """What every process is told: where it runs, its broker, its management port."""

    model_config = _CONFIG

    environment: Literal["development", "production"] = "production"
    amqp_uri: SecretStr = Field(description="amqp://user:password@host:port/vhost")
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=9090, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    grace_s: float = Field(default=25.0, gt=0, description="from SIGTERM to the end of work")
    retry_pauses_ms: tuple[int, int, int, int] = Field(
        default=(5_000, 30_000, 120_000, 600_000), description="pauses between attempts"
    )


class RoomSettings(ProcessSettings):
    """What every service with a database is told."""

    database_url: SecretStr = Field(description="postgresql+psycopg2://role:password@host/name")
    database_pool: int = Field(default=10, ge=1)


class StoreSettings(BaseSettings):
    """Where the object store is; mixed into the settings of rooms that reach it."""

    model_config = _CONFIG  # of several bases the last one's holds

    s3_endpoint_url: str
    s3_bucket: str
    s3_access_key_id: SecretStr
    s3_secret_access_key: SecretStr
    s3_region: str = "us-east-1"


_Settings = TypeVar("_Settings", bound=BaseSettings)


def read_settings(kind: type[_Settings]) -> _Settings:
    """The settings of `kind` from the environment.

    Raises SettingsFault with one line for each fault; values are never repeated in it, since one
    of them may be a secret.
    """
    try:
        return kind()
    except ValidationError as fault:
        lines = [
            f"  DANZHENG_{'_'.join(str(part) for part in error['loc'])}".upper()
            + f": {error['msg']}"
            for error in fault.errors(include_input=False, include_url=False)
        ]
        raise SettingsFault("settings are wrong:\n" + "\n".join(lines)) from None
