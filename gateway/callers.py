"""Who calls: the session of a request, its company, and what operation records say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotations

from gateway.exchange import exchange_of
from gateway.parts import parts_of
from gateway.problems import Problem
from gateway.resources import masked
from services.kernel.contracts.apply import Actor, Client
from services.kernel.contracts.auth import Session

if TYPE_CHECKING:
    from gateway.limits import RateLimit

_BEARER = re.compile(r"^[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_~+/.=-]{1,128})\Z", re.ASCII)
_AGENT_CHARS = 256


@dataclass(frozen=True)
class Caller:
    """A session and where it calls from."""

    token: str
    session: Session
    client: Client

    @property
    def uscc(self) -> str:
        """The company everything is looked up for."""
        return self.session.company.uscc

    @property
    def actor(self) -> Actor:
        """As operation records name the caller."""
        company, card = self.session.company, self.session.card
        return Actor(
            company.name,
            company.uscc,
            card.holder,
            masked(card.card_no, 4, 4, 5),
            self.session.session_id,
        )


def bearer_token(request: Request) -> str:
    """The token of the request. Raises Problem `unauthenticated`."""
    found = _BEARER.match(request.headers.get("authorization", ""))
    if found is None:
        raise Problem("unauthenticated")
    return found[1]


def client_of(request: Request) -> Client:
    """Where the request comes from."""
    agent = request.headers.get("user-agent", "")[:_AGENT_CHARS]
    return Client("api", request.client.host if request.client else "", agent)


async def signed_in(request: Request) -> Caller:
    """The caller with an active session, within the rate of calls."""
    caller = await _caller(request)
    if caller.session.state == "locked":
        raise Problem("card-removed", {"lock": "session"})
    _count(request, parts_of(request).limits.sessions, caller.session.session_id)
    return caller


async def signed_in_even_locked(request: Request) -> Caller:
    """The caller whose card may be away."""
    caller = await _caller(request)
    _count(request, parts_of(request).limits.sessions, caller.session.session_id)
    return caller


async def _caller(request: Request) -> Caller:
    token, parts = bearer_token(request), parts_of(request)
    session = await parts.sessions.of(
        token, parts.clock.now(), lambda: parts.services.auth.read_session(token)
    )
    exchange_of(request.scope).facts["session_id"] = session.session_id
    return Caller(token, session, client_of(request))


async def logging_in(request: Request) -> Client:
    """Anyone, within the rate of log-ins of an address."""
    client = client_of(request)
    _count(request, parts_of(request).limits.logins, client.ip)
    return client


async def verifying(request: Request) -> Client:
    """Anyone, within the rate of verifications of an address."""
    client = client_of(request)
    _count(request, parts_of(request).limits.verifications, client.ip)
    return client


def _count(request: Request, limit: RateLimit, key: str) -> None:
    exchange_of(request.scope).headers.update(limit.take(key).headers())
