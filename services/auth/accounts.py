"""What an operator does with accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.auth.domain import Account, is_card_no, is_uscc
from services.auth.handlers import say_ended
from services.kernel.errors import DanzhengError

if TYPE_CHECKING:
    from services.auth.ports import Work

OPEN = "open"
CLOSED = "closed"


class AccountFault(DanzhengError):
    """The account cannot be made or changed so; the message says why."""


def add(*, work: Work, uscc: str, company_name: str, card_no: str) -> Account:
    """Open an account bound to a card; the same account again is no fault."""
    account = Account(_uscc(uscc), company_name.strip(), _card_no(card_no), OPEN)
    if not account.company_name:
        raise AccountFault("the company's name is missing")
    with work:
        if not work.add_account(account) and work.account(uscc) != account:
            raise AccountFault(f"{uscc} or card {card_no} has another account")
        work.commit()
    return account


def bind(*, work: Work, uscc: str, card_no: str) -> Account:
    """Bind another card; sessions of the old one end."""
    with work:
        account = replace(_existing(work, uscc), card_no=_card_no(card_no))
        if not work.change_account(account):
            raise AccountFault(f"card {card_no} is bound to another account")
        say_ended(work, work.end_sessions_of(uscc, "revoked"))
        work.commit()
    return account


def close(*, work: Work, uscc: str) -> Account:
    """Close an account; its sessions end."""
    with work:
        account = replace(_existing(work, uscc), state=CLOSED)
        work.change_account(account)
        say_ended(work, work.end_sessions_of(uscc, "revoked"))
        work.commit()
    return account


def reopen(*, work: Work, uscc: str) -> Account:
    """Open a closed account again."""
    with work:
        account = replace(_existing(work, uscc), state=OPEN)
        work.change_account(account)
        work.commit()
    return account


def listed(*, work: Work) -> list[Account]:
    """All accounts, by credit code."""
    with work:
        return work.accounts()


def _existing(work: Work, uscc: str) -> Account:
    account = work.account(uscc)
    if account is None:
        raise AccountFault(f"{uscc} has no account")
    return account


def _uscc(text: str) -> str:
    if not is_uscc(text):
        raise AccountFault(f"{text} is no unified social credit code")
    return text


def _card_no(text: str) -> str:
    if not is_card_no(text):
        raise AccountFault(f"{text} is no card number: 13 digits")
    return text
