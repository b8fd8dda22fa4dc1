"""The commands that every room has: serve, check, migrate, parked; and the room's own."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, cast

import structlog

from services.kernel.errors import DanzhengError, SettingsFault
from services.kernel.messaging import parked, topology
from services.kernel.observability import logs
from services.kernel.settings import ProcessSettings, RoomSettings, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic_settings import BaseSettings

log = structlog.get_logger(__name__)

_OK, _FAULT, _USAGE = 0, 1, 2


def main(
    room: str,
    argv: Sequence[str],
    *,
    settings: type[ProcessSettings] | Callable[[], ProcessSettings],
    serve: Callable[[Any], int],
    commands: Mapping[str, Callable[[list[str]], int]] | None = None,
) -> int:
    """Run the command that `argv` (without the program's name) asks for; answers the exit code.

    `serve` gets the settings and answers when the room has ended. `commands` are the room's own:
    name to a callable that gets the remaining arguments. Without arguments the room serves.
    """
    own = dict(commands or {})
    name, rest = (argv[0], list(argv[1:])) if argv else ("serve", [])
    try:
        if name in own:
            logs.configure(room)
            return own[name](rest)
        return _standard(room, name, rest, settings, serve, own)
    except DanzhengError as fault:
        sys.stderr.write(f"{fault}\n")
        return _FAULT


def _standard(
    room: str,
    name: str,
    rest: list[str],
    settings: type[ProcessSettings] | Callable[[], ProcessSettings],
    serve: Callable[[Any], int],
    own: dict[str, Callable[[list[str]], int]],
) -> int:
    known = {"serve", "check", "migrate", "parked"}
    if name not in known:
        sys.stderr.write(f"usage: {room} [{'|'.join(sorted(known | set(own)))}]\n")
        return _USAGE
    if name == "check":
        return _check(settings)
    told = _read(settings)
    logs.configure(room, told.log_level)
    if name == "migrate":
        return _migrate(room, told, rest)
    if name == "parked":
        return parked.command(room, told.amqp_uri.get_secret_value(), rest)
    return serve(told)


def _read(settings: type[ProcessSettings] | Callable[[], ProcessSettings]) -> ProcessSettings:
    if isinstance(settings, type):
        return cast("ProcessSettings", read_settings(cast("type[BaseSettings]", settings)))
    return settings()


def _migrate(room: str, told: ProcessSettings, rest: list[str]) -> int:
    from services.kernel.database.migrate import migrate  # noqa: PLC0415  not every room has one

    parser = argparse.ArgumentParser(prog=f"{room} migrate")
    parser.add_argument("revision", nargs="?", default="head")
    migrate(
        room,
        cast("RoomSettings", told).database_url.get_secret_value(),
        parser.parse_args(rest).revision,
    )
    log.info("migrated")
    return _OK


def _check(settings: type[ProcessSettings] | Callable[[], ProcessSettings]) -> int:
    try:
        told = _read(settings)
    except SettingsFault as fault:
        return _findings([str(fault)])
    findings = _broker_findings(told)
    if isinstance(told, RoomSettings):
        findings += _database_findings(told)
    return _findings(findings)


def _findings(findings: list[str]) -> int:
    sys.stdout.write("".join(f"{finding}\n" for finding in findings) or "all is well\n")
    return _FAULT if findings else _OK


def _broker_findings(told: ProcessSettings) -> list[str]:
    try:
        return topology.check(told.amqp_uri.get_secret_value(), pauses_ms=told.retry_pauses_ms)
    except DanzhengError as fault:
        return [str(fault)]


def _database_findings(told: RoomSettings) -> list[str]:
    from sqlalchemy import text  # noqa: PLC0415  not every room has a database
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from services.kernel.database.engine import make_engine  # noqa: PLC0415

    engine = make_engine(told.database_url.get_secret_value(), pool=1)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as fault:
        return [f"the database does not answer: {type(fault).__name__}"]
    finally:
        engine.dispose()
    return []
