"""Which adapter fills which port of auth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.auth import handlers, metrics
from services.auth.adapters import x509
from services.auth.adapters.fetch import fetch
from services.auth.adapters.randomness import OsSecrets
from services.auth.adapters.revocation import FileSource, RevocationLists, WebSource
from services.auth.adapters.sql import SqlSessions, SqlShelf, SqlWork
from services.auth.domain import LOG_IN, SUBMISSION, Client, Rules
from services.auth.ports import CardJudge, Secrets
from services.auth.settings import Settings
from services.kernel.clock import SystemClock
from services.kernel.database.engine import make_engine
from services.kernel.database.relay import Publisher, Relay
from services.kernel.errors import SettingsFault, Unavailable
from services.kernel.observability.metrics import outbox_backlog, outbox_oldest_seconds
from services.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate

    from services.kernel.contracts.auth import Challenge, Evidence, OpenedSession, Session

log = structlog.get_logger(__name__)

ROOM = "auth"
_RELAY_EVERY_S = 0.5  # for what another pod left behind; our own events go at once


@dataclass
class Bell:
    """Whether something was said since the outbox was looked at, or looking is due anyway."""

    monotonic: Callable[[], float] = time.monotonic
    _due: float = 0.0

    def ring(self) -> None:
        """Something was said."""
        self._due = 0.0

    def answered(self) -> bool:
        """Whether to look now; the next time is in a while, or after a ring."""
        now = self.monotonic()
        if now < self._due:
            return False
        self._due = now + _RELAY_EVERY_S
        return True


@dataclass(frozen=True)
class AuthUseCases:
    """The use cases of auth, each in transactions of its own."""

    engine: Engine
    reading: Engine
    rules: Rules
    judge: CardJudge
    lists: RevocationLists
    sessions: SqlSessions
    work: Callable[[], SqlWork]
    outgoing: Relay | None = None
    secrets: Secrets = field(default_factory=OsSecrets)
    bell: Bell = field(default_factory=Bell)

    def challenge(self) -> Challenge:
        """A new challenge."""
        return handlers.challenge(work=self.work(), secrets=self.secrets, rules=self.rules)

    def open_session(self, challenge_id: str, auth_token: object, client: Client) -> OpenedSession:
        """Log a card in."""
        with metrics.counted(LOG_IN):
            opened = handlers.open_session(
                work=self.work(),
                judge=self.judge,
                secrets=self.secrets,
                rules=self.rules,
                challenge_id=challenge_id,
                auth_token=auth_token,
                client=client,
            )
        self.bell.ring()
        return opened

    def read_session(self, access_token: str) -> Session:
        """The session of a token."""
        return handlers.read_session(
            sessions=self.sessions, rules=self.rules, access_token=access_token
        )

    def lock(self, access_token: str) -> Session:
        """The card left."""
        session = handlers.lock(work=self.work(), rules=self.rules, access_token=access_token)
        self.bell.ring()
        return session

    def unlock(self, access_token: str, challenge_id: str, auth_token: object) -> Session:
        """The card came back."""
        with metrics.counted("unlock"):
            session = handlers.unlock(
                work=self.work(),
                judge=self.judge,
                rules=self.rules,
                access_token=access_token,
                challenge_id=challenge_id,
                auth_token=auth_token,
            )
        self.bell.ring()
        return session

    def end_session(self, access_token: str) -> None:
        """Leave."""
        handlers.end_session(work=self.work(), rules=self.rules, access_token=access_token)
        self.bell.ring()

    def check_submission(
        self, access_token: str, submission: dict[str, Any], signature: object
    ) -> Evidence:
        """Whether the session's card signed a submission."""
        with metrics.counted(SUBMISSION):
            return handlers.check_submission(
                sessions=self.sessions,
                work=self.work(),
                judge=self.judge,
                rules=self.rules,
                access_token=access_token,
                submission=submission,
                signature=signature,
            )

    def sweep(self) -> None:
        """End what is over; show how the outbox and the lists stand."""
        metrics.sessions_ended.inc(handlers.sweep(work=self.work(), rules=self.rules))
        self.bell.ring()
        if self.outgoing is not None:
            waiting, oldest_s = self.outgoing.backlog()
            outbox_backlog.labels(ROOM).set(waiting)
            outbox_oldest_seconds.labels(ROOM).set(oldest_s)
            self.outgoing.sweep()

    def refresh_lists(self) -> None:
        """Read the revocation lists again where they changed."""
        self.lists.refresh()
        now = SystemClock().now()
        for issuer, until in self.lists.next_updates().items():
            metrics.list_seconds_left.labels(issuer).set(
                (until - now).total_seconds() if until else -1
            )

    def relay(self) -> None:
        """Publish what was said, if there may be something."""
        if self.outgoing is not None and self.bell.answered():
            self.outgoing.run()

    @property
    def pings(self) -> Mapping[str, Callable[[], object]]:
        """What `/ready` asks for."""
        return {"database": self.ping_database}

    def ping_database(self) -> None:
        """Raise when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()
        self.reading.dispose()


def from_settings(
    settings: Settings, publisher: Callable[[str], Publisher] | None = None
) -> AuthUseCases:
    """The use cases over the parts that `settings` name; without a publisher nothing is relayed.

    Raises SettingsFault when the certificates do not fit.
    """
    engine_like = partial(
        make_engine,
        settings.database_url.get_secret_value(),
        pool=settings.database_pool,
        application="danzheng-auth",
    )
    engine, reading = engine_like(), engine_like(single_statements=True)
    anchors, intermediates = trusted(settings)
    lists = RevocationLists([*anchors, *intermediates], _sources(settings), SqlShelf(engine))
    judge = x509.X509Judge(
        anchors=anchors,
        intermediates=intermediates,
        kinds=settings.kinds,
        revocation=lists,
        commitment_only=settings.submission_certificate == "signature",
    )
    amqp_uri = settings.amqp_uri.get_secret_value()
    return AuthUseCases(
        engine=engine,
        rules=settings.rules,
        judge=judge,
        lists=lists,
        reading=reading,
        sessions=SqlSessions(reading),
        work=partial(SqlWork, engine, ROOM, SystemClock()),
        outgoing=Relay(engine, publisher(amqp_uri)) if publisher else None,
    )


def from_env() -> AuthUseCases:
    """The use cases over the parts that the environment names, publishing to the broker."""
    from services.kernel.messaging.publishing import ConfirmedPublisher  # noqa: PLC0415  no CLI

    use = from_settings(read_settings(Settings), ConfirmedPublisher)
    try:
        use.refresh_lists()
    except (
        SQLAlchemyError,
        Unavailable,
    ) as fault:  # the timer tries again; until then no card is good
        log.warning("revocation_lists_later", reason=type(fault).__name__)
    return use


def trusted(settings: Settings) -> tuple[list[Certificate], list[Certificate]]:
    """Anchors and intermediates. Raises SettingsFault with all that is wrong with them."""
    anchors, faults = _certificates("CARD_TRUST_ANCHORS_PATH", settings.card_trust_anchors_path)
    intermediates: list[Certificate] = []
    if settings.card_intermediates_path:
        intermediates, more = _certificates(
            "CARD_INTERMEDIATES_PATH", settings.card_intermediates_path
        )
        faults += more
    if settings.environment == "production" and any(map(x509.is_sandbox, anchors)):
        faults.append("DANZHENG_CARD_TRUST_ANCHORS_PATH: an anchor of the sandbox in production")
    if faults:
        raise SettingsFault("settings are wrong:\n" + "\n".join(f"  {each}" for each in faults))
    return anchors, intermediates


def _certificates(name: str, path: Any) -> tuple[list[Certificate], list[str]]:
    try:
        found = x509.load_certificates(path)
    except (OSError, ValueError) as fault:
        return [], [f"DANZHENG_{name}: {type(fault).__name__}"]
    weak = [part for part in found if not x509.is_strong(part)]
    return found, [f"DANZHENG_{name}: a key below the floor"] * bool(weak)


def _sources(settings: Settings) -> list[FileSource | WebSource]:
    files = [FileSource(path) for path in settings.card_crl_paths]
    pages = [WebSource(url, fetch, settings.card_crl_refresh_s) for url in settings.card_crl_urls]
    return [*files, *pages]
