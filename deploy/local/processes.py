"""The six kinds of process of danzheng, and what each is told by its environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploy.local.places import FONTS, VENV
from deploy.local.ports import HOST
from deploy.local.program import Program

if TYPE_CHECKING:
    from collections.abc import Mapping

from deploy.local.engines import ROOMS, Engines
from deploy.local.ports import Ports

RENDERERS: Final = ("render-1", "render-2")
RETRY_PAUSES_MS: Final = (100, 100, 100, 100)  # the sandbox does not wait (HTTP API section 16)
_TIMES: Final = 100  # the sandbox's limits are a hundred times those of HTTP API section 15
_LIMITS: Final = {
    "DANZHENG_CALLS_PER_MINUTE": 600,
    "DANZHENG_LOGINS_PER_MINUTE": 30,
    "DANZHENG_VERIFICATIONS_PER_MINUTE": 30,
    "DANZHENG_DAILY_ITEMS": 2_000,
    "DANZHENG_UNFINISHED_ITEMS": 1_000,
    "DANZHENG_BUNDLES_BUILDING": 2,
    "DANZHENG_BUNDLES_WAITING": 20,
}
_OURS: Final = frozenset(
    f"DANZHENG_{name}" for name in ("STATE", "DURABLE", "ENGINES", "SANDBOX", "STARTED_BY")
)


@dataclass(frozen=True)
class Processes:
    """The processes of one running system; `lifetime` is that of the files it makes."""

    ports: Ports
    engines: Engines
    lifetime: str

    @property
    def base_url(self) -> str:
        """The address of the portal and the HTTP API."""
        return f"http://{HOST}:{self.ports['gateway']}"

    def programs(self) -> tuple[Program, ...]:
        """All of them; render twice, since one process draws while the other is replaced."""
        return (
            self._room("auth", self._cards()),
            self._room("query", {}),
            self._room("apply", self._lifetime()),
            *(self._room("render", self._drawing(), name) for name in RENDERERS),
            self._room("retention", self._store("retention") | self._lifetime()),
            self._gateway(),
        )

    def room_environment(self, room: str) -> dict[str, str]:
        """What `python -m services.<room> …` needs, for its commands as for its process."""
        name = RENDERERS[0] if room == "render" else room
        return next(dict(each.environment) for each in self.programs() if each.name == name)

    def _room(self, room: str, own: Mapping[str, str], name: str | None = None) -> Program:
        port = self.ports[name or room]
        url = self.engines.database_url(room).replace("postgresql://", "postgresql+psycopg2://", 1)
        return Program(
            name=name or room,
            kind=room,
            command=(str(VENV / "bin" / "python"), "-m", f"services.{room}"),
            environment=self._common(room, port) | {"DANZHENG_DATABASE_URL": url} | dict(own),
            port=port,
            health=f"http://{HOST}:{port}/ready",
            metrics=f"http://{HOST}:{port}/metrics",
        )

    def _gateway(self) -> Program:
        management = self.ports["gateway-management"]
        own = self._store("gateway") | {
            "DANZHENG_PUBLIC_BASE_URL": self.base_url,
            "DANZHENG_HTTP_PORT": str(self.ports["gateway"]),
            "DANZHENG_FILE_LIFETIME": self.lifetime,
            "DANZHENG_SEAL_TRUST_ANCHORS_PATH": str(self._pki("seal", "root.pem")),
        }
        return Program(
            name="gateway",
            kind="gateway",
            command=(str(VENV / "bin" / "python"), "-m", "gateway", "web"),
            environment=self._common("gateway", management) | own,
            port=self.ports["gateway"],
            health=f"http://{HOST}:{management}/ready",
            metrics=f"http://{HOST}:{management}/metrics",
        )

    def _common(self, user: str, health_port: int) -> dict[str, str]:
        return _passed_on() | {
            "DANZHENG_ENVIRONMENT": "development",
            "DANZHENG_AMQP_URI": self.engines.amqp_uri(user),
            "DANZHENG_HEALTH_HOST": HOST,
            "DANZHENG_HEALTH_PORT": str(health_port),
            "DANZHENG_RETRY_PAUSES_MS": json.dumps(RETRY_PAUSES_MS),
            **{name: str(limit * _TIMES) for name, limit in _LIMITS.items()},
        }

    def _cards(self) -> dict[str, str]:
        return {
            "DANZHENG_PUBLIC_BASE_URL": self.base_url,
            "DANZHENG_CARD_TRUST_ANCHORS_PATH": str(self._pki("card", "root.pem")),
            "DANZHENG_CARD_INTERMEDIATES_PATH": str(self._pki("card", "intermediates.pem")),
            "DANZHENG_CARD_CRL_PATHS": json.dumps([str(self._pki("card", "card-ca.crl"))]),
        }

    def _lifetime(self) -> dict[str, str]:
        return {"DANZHENG_FILE_LIFETIME": self.lifetime}

    def _drawing(self) -> dict[str, str]:
        return self._store("render") | {
            "DANZHENG_PUBLIC_BASE_URL": self.base_url,
            "DANZHENG_FONT_DIR": str(FONTS),
            "DANZHENG_CHILDREN": str(_children()),
            "DANZHENG_SEAL_KEY_PATH": str(self._pki("seal", "key.pem")),
            "DANZHENG_SEAL_CERTIFICATE_PATH": str(self._pki("seal", "certificate.pem")),
            "DANZHENG_SEAL_CHAIN_PATH": str(self._pki("seal", "chain.pem")),
        }

    def _store(self, identity: str) -> dict[str, str]:
        access, secret = self.engines.s3_keys(identity)
        return {
            "DANZHENG_S3_ENDPOINT_URL": self.engines.s3_endpoint_url(),
            "DANZHENG_S3_BUCKET": self.engines.s3_bucket(),
            "DANZHENG_S3_ACCESS_KEY_ID": access,
            "DANZHENG_S3_SECRET_ACCESS_KEY": secret,
        }

    def _pki(self, *parts: str) -> object:
        return self.engines.place.folder.joinpath("pki", *parts)


def _children() -> int:
    """The machine's cores, shared by the render processes: more would only wait for each other."""
    return max(1, (os.cpu_count() or 1) // len(RENDERERS))


def _passed_on() -> dict[str, str]:
    """Settings of the caller's own: what it says wins only where this file says nothing."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("DANZHENG_") and name not in _OURS
    }


def metrics_names(programs: tuple[Program, ...]) -> dict[str, str]:
    """`METRICS_URL_<PROCESS>` for each process that tells metrics."""
    return {
        f"METRICS_URL_{program.name.upper().replace('-', '_')}": program.metrics
        for program in programs
        if program.metrics is not None
    }


__all__ = ["RETRY_PAUSES_MS", "ROOMS", "Processes", "metrics_names"]
