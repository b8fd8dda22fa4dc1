"""The main job once, through the public HTTP API alone: apply, wait, fetch; then a table of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pikepdf
from rich.table import Table

from deploy.local.client import Client
from deploy.local.console import out, step, tell_table
from deploy.local.places import ROOT

OUT: Final = ROOT / "out"
DECLARATIONS: Final = 3


@dataclass(frozen=True)
class Made:
    """One file of the demonstration."""

    number: str
    kind: str
    status: str
    pages: int | None
    size_bytes: int
    seconds: float
    path: Path


def demonstrate(sandbox: Path) -> None:
    """Print with and without seal, export data, and show what came of it."""
    facts = json.loads(sandbox.read_text())
    card = next(card for card in facts["cards"] if card["name"] == "company-a")
    numbers = printable(facts, "company-a")[:DECLARATIONS]
    made: list[Made] = []
    with Client(facts["base_url"], card) as client:
        with step("logging in with the legal-person card of company-a"):
            client.log_in()
        for seal, words in (("none", "without seal"), ("sealed", "with seal")):
            with step(f"printing {len(numbers)} declarations {words}"):
                made += _print(client, numbers, seal)
        with step(f"exporting the data of {len(numbers)} declarations"):
            made.append(_export(client, numbers))
    _tell(made, facts["base_url"])


def printable(facts: dict[str, Any], owner: str) -> list[str]:
    """Numbers of `owner` that print and export."""
    return [
        each["entry_id"]
        for each in facts["declarations"]
        if each["owner"] == owner
        and each["expect_print"] == each["expect_export"] == "ready"
        and each["in_query"]
    ]


def _print(client: Client, numbers: list[str], seal: str) -> list[Made]:
    started = time.monotonic()
    accepted = client.apply("print", numbers, seal)
    done = client.finished(accepted)
    return [_print_one(client, done, item, started) for item in done["items"]]


def _print_one(
    client: Client, application: dict[str, Any], item: dict[str, Any], started: float
) -> Made:
    number = application["application_no"]
    path = OUT / number / f"{item['entry_id']}.pdf"
    size = client.fetch(
        f"/print-applications/{number}/items/{item['entry_id']}/file", path, purpose="export"
    )
    with pikepdf.open(path) as document:
        pages = len(document.pages)
    kind = f"print, {application['seal_text']}"
    seconds = time.monotonic() - started
    return Made(item["entry_id"], kind, item["status_text"], pages, size, seconds, path)


def _export(client: Client, numbers: list[str]) -> Made:
    started = time.monotonic()
    done = client.finished(client.apply("export", numbers))
    number = done["application_no"]
    path = OUT / number / f"{number}.zip"
    size = client.fetch(f"/export-applications/{number}/file", path, format="zip")
    seconds = time.monotonic() - started
    return Made(number, "data", done["status_text"], None, size, seconds, path)


def _tell(made: list[Made], base_url: str) -> None:
    table = Table(title="What was made")
    for column in ("number", "kind", "status"):
        table.add_column(column)
    for column in ("pages", "bytes", "seconds"):
        table.add_column(column, justify="right")
    table.add_column("path", overflow="fold")
    for one in made:
        pages = "" if one.pages is None else str(one.pages)
        path = str(one.path.relative_to(ROOT))
        figures = (pages, f"{one.size_bytes:,}", f"{one.seconds:.2f}")
        table.add_row(one.number, one.kind, one.status, *figures, path)
    tell_table(table)
    out.print(f"The portal: [bold]{base_url}/[/bold]")
