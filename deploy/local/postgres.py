"""A private PostgreSQL of Debian's package: own data folder, loopback only, no service.

PostgreSQL refuses to run as root. A root shell lends it the package's user `postgres`; where the
checkout lies in a folder that user cannot enter, it is lent the right to pass folders as well.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg2
from psycopg2 import sql

from deploy.local.passwords import Passwords
from deploy.local.places import Place, write_private
from deploy.local.ports import HOST, Ports
from deploy.local.program import Program

if TYPE_CHECKING:
    from psycopg2.extensions import connection


ADMINISTRATOR: Final = "postgres"
_BINARIES: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class PostgreSQL:
    """The database server of one running system."""

    place: Place
    ports: Ports
    passwords: Passwords
    durable: bool = True
    """False lets tests skip the wait for the disk; a killed machine may then lose their data."""

    def prepare(self) -> None:
        """Make the data folder on the first start, and write the settings."""
        data = self._data()
        if not (data / "PG_VERSION").exists():
            self._make(data)
        (data / "postgresql.auto.conf").write_text("")
        (data / "danzheng.conf").write_text(self._configuration())
        (data / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
        self._lend(data)

    def programs(self) -> tuple[Program, ...]:
        """The server."""
        configuration = self._data() / "danzheng.conf"
        command = (str(_binary("postgres")), "-D", str(self._data()))
        return (
            Program(
                name="postgres",
                kind="postgres",
                command=(*self._as_ordinary_user(), *command, f"--config-file={configuration}"),
                port=self.ports["postgres"],
                start_retries=20,
                stop_signal="INT",  # close connections, then end; TERM would wait for clients
            ),
        )

    def admin_url(self) -> str:
        """Address of the server with the administrator's login."""
        password = self.passwords["postgres:postgres"]
        return f"postgresql://{ADMINISTRATOR}:{password}@{HOST}:{self.ports['postgres']}/postgres"

    def _data(self) -> Path:
        return self.place.folder / "postgres" / "data"

    def _make(self, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, mode=0o700)
        password = data.parent / "password"
        write_private(password, self.passwords["postgres:postgres"])
        self._lend(data)
        self._lend(password)
        options = (
            f"--username={ADMINISTRATOR}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-sync",
        )
        command = (*self._as_ordinary_user(), str(_binary("initdb")), *options, "-D", str(data))
        try:
            _run(command)
        finally:
            password.unlink()

    def _configuration(self) -> str:
        lasting = "on" if self.durable else "off"
        return "\n".join(
            [
                f"port = {self.ports['postgres']}",
                f"listen_addresses = '{HOST}'",
                "unix_socket_directories = ''",
                "max_connections = 300",
                "shared_buffers = 128MB",
                "password_encryption = 'scram-sha-256'",
                "timezone = 'UTC'",
                "log_timezone = 'UTC'",
                "log_min_messages = warning",
                f"fsync = {lasting}",
                # never off: a killed server must keep what it has confirmed, in tests above all
                "synchronous_commit = on",
                f"full_page_writes = {lasting}",
                "",
            ]
        )

    def _lend(self, path: Path) -> None:
        """Give `path`, and all below it, to the user the server runs as."""
        if os.geteuid() == 0:
            owner = pwd.getpwnam(ADMINISTRATOR)
            for each in (path, *path.rglob("*")):
                os.chown(each, owner.pw_uid, owner.pw_gid)

    def _as_ordinary_user(self) -> tuple[str, ...]:
        if os.geteuid() != 0:
            return ()
        lent = ("setpriv", f"--reuid={ADMINISTRATOR}", f"--regid={ADMINISTRATOR}", "--clear-groups")
        if _may_enter(lent, self.place.folder):
            return lent
        return (*lent, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def furnish(admin_url: str, roles: dict[str, str]) -> None:
    """Make a role and a database of its own for each service; nobody else may enter it."""
    link = psycopg2.connect(admin_url)
    link.autocommit = True
    try:
        for role, password in roles.items():
            _furnish_one(link, role, password)
    finally:
        link.close()


def _furnish_one(link: connection, role: str, password: str) -> None:
    name = sql.Identifier(role)
    with link.cursor() as cursor:
        cursor.execute("select 1 from pg_roles where rolname = %s", (role,))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        cursor.execute(
            sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %s").format(
                name
            ),
            (password,),
        )
        cursor.execute("select 1 from pg_database where datname = %s", (role,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def _binary(name: str) -> Path:
    versions = sorted(_BINARIES.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    if not versions:
        raise FileNotFoundError(f"{_BINARIES} holds no {name}; `make install` brings it")
    return versions[-1]


def _may_enter(lent: tuple[str, ...], folder: Path) -> bool:
    return subprocess.run([*lent, "test", "-x", str(folder)], check=False).returncode == 0


def _run(command: tuple[str, ...]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{command[-4]} failed:\n{done.stdout}{done.stderr}")
