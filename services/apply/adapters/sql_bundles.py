"""Bundles and tickets in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update

from services.apply.adapters import rows
from services.apply.adapters.tables import bundles, tickets
from services.apply.domain.bundle import BUILDING, QUEUED, TicketRow
from services.kernel.contracts.apply import Actor
from services.kernel.contracts.wire import from_builtins, to_builtins
from services.kernel.errors import TryLater

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.apply.domain.bundle import Bundle
    from services.apply.domain.paging import Window

_B = [bundles.c[name] for name in rows.BUNDLE_COLUMNS]


class SqlBundles:
    """Bundles of all companies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, bundle: Bundle) -> None:
        """Add a bundle."""
        self._connection.execute(bundles.insert(), rows.bundle_values(bundle))

    def get(self, uscc: str, bundle_id: str) -> Bundle | None:
        """A bundle of this company that was not dropped."""
        found = self._bundles(select(*_B).where(bundles.c.bundle_id == bundle_id, *_own(uscc)))
        return found[0] if found else None

    def lock(self, bundle_id: str) -> Bundle | None:
        """A bundle, kept until the end of the transaction, dropped or not."""
        found = self._bundles(select(*_B).where(bundles.c.bundle_id == bundle_id).with_for_update())
        return found[0] if found else None

    def save(self, bundle: Bundle) -> None:
        """Save a changed bundle. Raises TryLater when another was faster."""
        values = rows.bundle_values(bundle)
        done = self._connection.execute(
            update(bundles)
            .where(bundles.c.bundle_id == bundle.bundle_id, bundles.c.version == bundle.version)
            .values({**values, "version": bundle.version + 1})
        )
        if done.rowcount != 1:
            raise TryLater("a bundle was changed by another at the same time")

    def open_counts(self, uscc: str) -> tuple[int, int]:
        """How many bundles of a company are building and how many are queued."""
        found = self._connection.execute(
            select(bundles.c.state, func.count())
            .where(*_own(uscc), bundles.c.state.in_([BUILDING, QUEUED]))
            .group_by(bundles.c.state)
        )
        counts = {state: count for state, count in found}  # noqa: C416  rows are no pairs to dict
        return counts.get(BUILDING, 0), counts.get(QUEUED, 0)

    def claim_queued(self, uscc: str, count: int) -> list[Bundle]:
        """The oldest queued bundles of a company."""
        return self._bundles(
            select(*_B)
            .where(*_own(uscc), bundles.c.state == QUEUED)
            .order_by(bundles.c.created_at, bundles.c.bundle_id)
            .limit(count)
            .with_for_update(skip_locked=True)
        )

    def late(self, now: datetime, count: int) -> list[Bundle]:
        """Bundles without news beyond their reminder, claimed."""
        return self._bundles(
            select(*_B)
            .where(bundles.c.state == BUILDING, bundles.c.remind_at <= now, _awaited(now))
            .limit(count)
            .with_for_update(skip_locked=True)
        )

    def overdue(self, now: datetime, count: int) -> list[str]:
        """Bundles that nobody waits for any longer."""
        found = self._connection.scalars(
            select(bundles.c.bundle_id)
            .where(
                bundles.c.state.in_([BUILDING, QUEUED]),
                bundles.c.dropped_at.is_(None),
                bundles.c.give_up_at <= now,
            )
            .limit(count)
        )
        return list(found)

    def page(self, uscc: str, window: Window) -> list[Bundle]:
        """Up to `size + 1` bundles in the direction of the window."""
        place = [bundles.c.created_at, bundles.c.bundle_id]
        wanted = select(*_B).where(*_own(uscc))
        if window.beyond:
            here, there = tuple_(*place), tuple_(*window.beyond)
            wanted = wanted.where(here > there if window.backward else here < there)
        order = [column.asc() if window.backward else column.desc() for column in place]
        return self._bundles(wanted.order_by(*order).limit(window.size + 1))

    def count(self, uscc: str) -> int:
        """How many bundles a company has."""
        counted = select(func.count()).select_from(bundles).where(*_own(uscc))
        return int(self._connection.execute(counted).scalar_one())

    def _bundles(self, wanted: Select[Any]) -> list[Bundle]:
        return [rows.bundle(row) for row in self._connection.execute(wanted).mappings()]

    def add_ticket(self, ticket: TicketRow) -> None:
        """Add a ticket."""
        self._connection.execute(
            tickets.insert().values(
                ticket_sha256=ticket.ticket_sha256,
                bundle_id=ticket.bundle_id,
                actor=to_builtins(ticket.actor),
                expires_at=ticket.expires_at,
            )
        )

    def ticket(self, ticket_sha256: str) -> TicketRow | None:
        """A ticket."""
        row = self._connection.execute(
            select(tickets).where(tickets.c.ticket_sha256 == ticket_sha256)
        ).first()
        if row is None:
            return None
        actor = from_builtins(row.actor, Actor)
        return TicketRow(row.ticket_sha256, row.bundle_id, actor, row.expires_at, row.spent_at)

    def spend(self, ticket_sha256: str, now: datetime) -> bool:
        """Spend a ticket; False when it was spent already."""
        done = self._connection.execute(
            update(tickets)
            .where(tickets.c.ticket_sha256 == ticket_sha256, tickets.c.spent_at.is_(None))
            .values(spent_at=now)
        )
        return done.rowcount == 1


def _own(uscc: str) -> list[ColumnElement[bool]]:
    return [bundles.c.uscc == uscc, bundles.c.dropped_at.is_(None)]


def _awaited(now: datetime) -> ColumnElement[bool]:
    return bundles.c.dropped_at.is_(None) & (bundles.c.give_up_at > now)
