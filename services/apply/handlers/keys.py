"""Commands that may come twice (HTTP API section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from services.kernel.contracts.refusal import Refusal
from services.kernel.contracts.wire import from_builtins, to_builtins

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.policy import Policy
    from services.apply.ports import Request, Work
    from services.kernel.contracts.apply import Replay

_View = TypeVar("_View")


def replay(request: Request, *, work: Work, now: datetime, policy: Policy) -> Replay:
    """What is known of a key, without taking it."""
    return work.answers.find(request, now - policy.key_kept)


def earlier_answer(known: Replay, kind: type[_View]) -> _View | None:
    """The first answer of a repeated command, None for a new one.

    Raises Refusal `idempotency-in-progress` or `idempotency-key-reused`.
    """
    if known.state == "running":
        raise Refusal("idempotency-in-progress")
    if known.state == "reused":
        raise Refusal("idempotency-key-reused")
    return from_builtins(known.answer, kind) if known.state == "done" else None


def keep(work: Work, request: Request, view: object, now: datetime) -> None:
    """Keep the answer with the effect."""
    work.answers.keep(request, to_builtins(view), now)
