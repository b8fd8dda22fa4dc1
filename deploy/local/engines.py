"""The real parts: which run privately here, which are somebody else's, and how each is reached."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from deploy.local import postgres, seaweedfs
from deploy.local.passwords import Passwords
from deploy.local.places import Place, write_private
from deploy.local.ports import Ports
from deploy.local.postgres import PostgreSQL
from deploy.local.rabbitmq import ADMINISTRATOR, OPERATOR, RabbitMQ
from deploy.local.seaweedfs import RIGHTS, SeaweedFS

if TYPE_CHECKING:
    from deploy.local.program import Program

ROOMS: Final = ("auth", "query", "apply", "render", "retention")
SPEAKERS: Final = (*ROOMS, "gateway")
PASSWORDS: Final = (
    "supervisor",
    "postgres:postgres",
    *(f"postgres:{room}" for room in ROOMS),
    *(f"amqp:{name}" for name in (*SPEAKERS, OPERATOR, ADMINISTRATOR)),
    *(f"s3:{identity}" for identity in RIGHTS),
)


@dataclass(frozen=True)
class Engines:
    """The real parts of one system, private unless the environment names another server.

    `AMQP_URI`, `DATABASE_ADMIN_URL` and `S3_ENDPOINT_URL` (with `S3_BUCKET`, `AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`) name servers of somebody else; those parts are then not started.
    """

    place: Place
    ports: Ports
    passwords: Passwords
    durable: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @cached_property
    def rabbitmq(self) -> RabbitMQ:
        """The private broker."""
        return RabbitMQ(self.place, self.ports, self.passwords, SPEAKERS)

    @cached_property
    def postgres(self) -> PostgreSQL:
        """The private database server."""
        return PostgreSQL(self.place, self.ports, self.passwords, self.durable)

    @cached_property
    def seaweedfs(self) -> SeaweedFS:
        """The private object store."""
        return SeaweedFS(self.place, self.ports, self.passwords)

    def private(self) -> list[PostgreSQL | RabbitMQ | SeaweedFS]:
        """The parts to start here."""
        parts: list[PostgreSQL | RabbitMQ | SeaweedFS] = []
        if self._foreign("DATABASE_ADMIN_URL", self.postgres.admin_url()) is None:
            parts.append(self.postgres)
        if self._foreign("AMQP_URI", self.rabbitmq.uri(OPERATOR)) is None:
            parts.append(self.rabbitmq)
        if self._foreign_store() is None:
            parts.append(self.seaweedfs)
        return parts

    def programs(self) -> tuple[Program, ...]:
        """The processes of the private parts."""
        return tuple(program for part in self.private() for program in part.programs())

    def amqp_uri(self, user: str) -> str:
        """The broker for `user`."""
        return self._foreign("AMQP_URI", self.rabbitmq.uri(OPERATOR)) or self.rabbitmq.uri(user)

    def amqp_management_url(self) -> str | None:
        """The broker's management API; None where a foreign broker was named without one."""
        if self._foreign("AMQP_URI", self.rabbitmq.uri(OPERATOR)) is None:
            return self.rabbitmq.management_url()
        return self.environment.get("AMQP_MANAGEMENT_URL")

    def database_admin_url(self) -> str:
        """The database server with the administrator's login."""
        own = self.postgres.admin_url()
        return self._foreign("DATABASE_ADMIN_URL", own) or own

    def database_url(self, room: str) -> str:
        """The database of `room` as psql takes it."""
        server = urlsplit(self.database_admin_url())
        host = server.netloc.rpartition("@")[2]
        password = quote(self.passwords[f"postgres:{room}"])
        return f"postgresql://{room}:{password}@{host}/{room}"

    def s3_endpoint_url(self) -> str:
        """The object store."""
        return self._foreign_store() or self.seaweedfs.endpoint_url()

    def s3_bucket(self) -> str:
        """The bucket."""
        if self._foreign_store() is None:
            return seaweedfs.BUCKET
        return self.environment.get("S3_BUCKET", seaweedfs.BUCKET)

    def s3_keys(self, identity: str) -> tuple[str, str]:
        """Access key and secret for `identity`."""
        if self._foreign_store() is None:
            return self.seaweedfs.keys(identity)
        return self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]

    def prepare(self) -> None:
        """Make folders and write settings of the private parts."""
        for part in self.private():
            part.prepare()

    def furnish(self) -> None:
        """Make databases, roles and the bucket where they are missing."""
        roles = {room: self.passwords[f"postgres:{room}"] for room in ROOMS}
        postgres.furnish(self.database_admin_url(), roles)
        keys = self.s3_keys(seaweedfs.ADMINISTRATOR)
        seaweedfs.furnish(self.s3_endpoint_url(), keys, self.s3_bucket())

    def tell_tests(self) -> None:
        """Write `engines.json`, from which tests learn the parts and their administrators."""
        access, secret = self.s3_keys(seaweedfs.ADMINISTRATOR)
        admin_url = self.database_admin_url().replace("postgresql://", "postgresql+psycopg2://", 1)
        told = {
            "postgres_admin_url": admin_url,
            "amqp_admin_uri": self.amqp_uri(ADMINISTRATOR),
            "amqp_management_url": self.amqp_management_url(),
            "s3_endpoint_url": self.s3_endpoint_url(),
            "s3_access_key_id": access,
            "s3_secret_access_key": secret,
        }
        write_private(self.place.path("engines.json"), json.dumps(told, indent=1))

    def _foreign(self, name: str, own: str) -> str | None:
        """A server that the environment names; `.local/env` read into a shell names our own."""
        named = self.environment.get(name)
        return None if named in {None, "", own} else named

    def _foreign_store(self) -> str | None:
        return self._foreign("S3_ENDPOINT_URL", self.seaweedfs.endpoint_url())
