"""`python -m services.auth account …`: what an operator does with accounts."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from services.auth import accounts
from services.auth.adapters.sql import SqlWork
from services.auth.settings import Settings
from services.kernel.clock import SystemClock
from services.kernel.database.engine import make_engine
from services.kernel.settings import read_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from services.auth.domain import Account


def account(argv: list[str]) -> int:
    """Do what `argv` says and print the accounts concerned; answers the exit code."""
    given = _parser().parse_args(argv)
    engine = make_engine(read_settings(Settings).database_url.get_secret_value(), pool=1)
    try:
        for each in _do(given, engine):
            sys.stdout.write(f"{each.uscc}  {each.card_no}  {each.state}  {each.company_name}\n")
    finally:
        engine.dispose()
    return 0


def _do(given: argparse.Namespace, engine: Engine) -> list[Account]:
    work = SqlWork(engine, "auth", SystemClock())
    match given.action:
        case "add":
            added = accounts.add(
                work=work, uscc=given.uscc, company_name=given.name, card_no=given.card_no
            )
            return [added]
        case "bind":
            return [accounts.bind(work=work, uscc=given.uscc, card_no=given.card_no)]
        case "close":
            return [accounts.close(work=work, uscc=given.uscc)]
        case "reopen":
            return [accounts.reopen(work=work, uscc=given.uscc)]
        case _:
            return accounts.listed(work=work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.auth account")
    actions = parser.add_subparsers(dest="action", required=True)
    asks = {
        "add": ("--uscc", "--name", "--card-no"),
        "bind": ("--uscc", "--card-no"),
        "close": ("--uscc",),
        "reopen": ("--uscc",),
        "list": (),
    }
    for action, options in asks.items():
        wanted = actions.add_parser(action)
        for option in options:
            wanted.add_argument(option, required=True)
    return parser
