"""`make up`: parts, cards, schemas, processes, accounts, declarations; then what clients read."""

from __future__ import annotations

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from deploy.local.client import Client
from deploy.local.console import step
from deploy.local.demo import printable
from deploy.local.engines import ROOMS
from deploy.local.outside import write_env
from deploy.local.pki import Pki, make_pki
from deploy.local.places import ROOT, VENV, write_private
from deploy.local.processes import RETRY_PAUSES_MS
from deploy.local.rabbitmq import OPERATOR
from deploy.local.samples import sandbox as samples
from deploy.local.samples.companies import COMPANIES, Company
from services.kernel.calendar import local_day
from services.kernel.database.migrate import migrate
from services.kernel.messaging import topology

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.system import System

_SHORT_LIFE: Final = "PT1S"  # the file of the expired application
_COMMAND_LIMIT_S: Final = 600
_NO_ACCOUNT: Final = "no-account"  # a company whose card is good and which never registered


class CommandFailed(Exception):
    """A command of a room failed; the text is the end of what it said."""


def start(system: System) -> None:
    """Start everything, and write what clients from outside read."""
    system.start_engines()
    with step("cards, their revocation list, and the specimen seal"):
        pki = make_pki(system.place.folder / "pki", base_url=system.processes.base_url)
    make_schemas(system)
    first = not _expired_path(system).exists()
    (system.with_lifetime(_SHORT_LIFE) if first else system).start_processes()
    _open_accounts(system)
    declarations = _import_declarations(system)
    facts = _facts(system, pki, declarations)
    if first:
        _make_expired(system, facts)
        with step("apply once more, with the lifetime of files as it is set"):
            system.take_up_changes()
    facts["applications"] = [json.loads(_expired_path(system).read_text())]
    write_private(
        system.place.path("sandbox.json"), json.dumps(facts, ensure_ascii=False, indent=1)
    )
    write_env(system)


def make_schemas(system: System) -> None:
    """Bring every database to its newest schema, and declare exchanges and queues."""
    for room in ROOMS:
        with step(f"database schema of {room}"):
            url = system.processes.room_environment(room)["DANZHENG_DATABASE_URL"]
            migrate(room, url)
    with step("exchanges and queues"):
        topology.declare(system.engines.amqp_uri(OPERATOR), pauses_ms=RETRY_PAUSES_MS)


def _open_accounts(system: System) -> None:
    def open_one(company: Company) -> None:
        given = ("--uscc", company.uscc, "--name", company.name, "--card-no", company.card_no)
        _room_command(system, "auth", "account", "add", *given)

    with step("accounts of the invented companies"), ThreadPoolExecutor() as pool:
        known = _room_command(system, "auth", "account", "list")
        registered = [company for name, company in COMPANIES.items() if name != _NO_ACCOUNT]
        list(pool.map(open_one, (each for each in registered if each.uscc not in known)))


def _import_declarations(system: System) -> list[dict[str, Any]]:
    """The declarations of the sandbox, in the register; made on the first start, then kept."""
    folder = system.place.path("samples", samples.ROWS_FILE).parent
    with step("invented declarations"):
        if not (folder / samples.ROWS_FILE).exists():
            samples.write(folder, local_day(datetime.now(UTC)))
        parts = [str(folder / part) for part in ("declarations", "receipts")]
        _room_command(system, "query", "import", *parts)
    rows: list[dict[str, Any]] = json.loads((folder / samples.ROWS_FILE).read_text())
    return rows


def _facts(system: System, pki: Pki, declarations: list[dict[str, Any]]) -> dict[str, Any]:
    url = system.processes.base_url
    return {
        "base_url": url,
        "origin": url,
        "cards": pki.cards,
        "declarations": declarations,
        "applications": [],
        "seal_trust_anchor_pem": (pki.seal / "root.pem").read_text(),
    }


def _make_expired(system: System, facts: dict[str, Any]) -> None:
    """Apply for one document that lives for a second, and wait until it has expired."""
    card = next(card for card in facts["cards"] if card["name"] == "company-a")
    number = printable(facts, "company-a")[-1]
    with step("an application whose month is over"), Client(facts["base_url"], card) as client:
        client.log_in()
        done = client.finished(client.apply("print", [number], "none"))
        while not done["items"][0]["expired"]:
            time.sleep(0.2)
            done = client.finished(done)
    kept = {
        "application_no": done["application_no"],
        "owner": "company-a",
        "entry_id": number,
        "expired": True,
    }
    _expired_path(system).write_text(json.dumps(kept))


def _expired_path(system: System) -> Path:
    return system.place.path("expired.json")


def _room_command(system: System, room: str, *arguments: str) -> str:
    """Run a command of a room; what it said. Raises CommandFailed with the end of it."""
    command = [str(VENV / "bin" / "python"), "-m", f"services.{room}", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | system.processes.room_environment(room),
        capture_output=True,
        text=True,
        timeout=_COMMAND_LIMIT_S,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise CommandFailed(f"services.{room} {' '.join(arguments)}:\n{said}")
    return done.stdout
