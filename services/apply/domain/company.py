"""What a company has in work, and its quotas (HTTP API section 15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from services.apply.domain import words
from services.kernel.calendar import day_bounds, local_day
from services.kernel.contracts.apply import Usage
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from services.apply.domain.policy import Policy


@dataclass(frozen=True)
class Company:
    """The running counts of a company.

    `unfinished` counts items of both kinds, `in_work` the print items handed to render, `waiting`
    those whose turn has not come; `day_items` the items accepted on `day`.
    """

    uscc: str
    feed_seq: int = 0
    unfinished: int = 0
    in_work: int = 0
    waiting: int = 0
    day: date | None = None
    day_items: int = 0

    def accepted_on(self, day: date) -> int:
        """How many items were accepted on `day`."""
        return self.day_items if self.day == day else 0


def free_places(company: Company, policy: Policy) -> int:
    """How many more print items may be handed to render."""
    return max(0, policy.items_at_render - company.in_work)


def check_quotas(
    company: Company, *, items: int, making: int, now: datetime, policy: Policy
) -> None:
    """Raise Refusal `quota-exceeded` when `items` more are too many; nothing is halved."""
    day = local_day(now)
    used = company.accepted_on(day)
    if used + items > policy.daily_items:
        resets = day_bounds(day, day)[1]
        raise over_quota("daily_items", policy.daily_items, used, resets)
    if company.unfinished + making > policy.unfinished_items:
        raise over_quota("unfinished_items", policy.unfinished_items, company.unfinished)


def over_quota(quota: str, limit: int, used: int, resets_at: datetime | None = None) -> Refusal:
    """The refusal of what goes over a quota."""
    return Refusal(
        "quota-exceeded",
        facts={
            "quota": quota,
            "limit": limit,
            "used": used,
            "resets_at": words.shown(resets_at),
        },
    )


def usage(company: Company, now: datetime, policy: Policy) -> Usage:
    """What is used of the quotas."""
    return Usage(
        daily_items=policy.daily_items,
        daily_items_used=company.accepted_on(local_day(now)),
        unfinished_items=policy.unfinished_items,
        unfinished_items_used=company.unfinished,
    )
