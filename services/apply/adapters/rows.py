"""Between rows and the nouns of the rules."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import dialect

from services.apply.adapters.tables import applications, items
from services.apply.domain.application import Application, Item, StoredFile
from services.apply.domain.bundle import Bundle
from services.kernel.contracts.apply import (
    BundleMember,
    OperationView,
    RefusedItem,
    SkippedMember,
    SubmissionView,
)
from services.kernel.contracts.wire import from_builtins, to_builtins
from services.kernel.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping, Table

ITEM_COLUMNS = tuple(field.name for field in fields(Item))
APPLICATION_COLUMNS = tuple(field.name for field in fields(Application))
BUNDLE_COLUMNS = tuple(field.name for field in fields(Bundle))
_FIXED_APPLICATION = {
    "application_no",
    "kind",
    "seal",
    "uscc",
    "company_name",
    "submitted_at",
    "accepted_at",
    "submission",
    "refused_items",
    "total",
}
_FIXED_ITEM = {"application_no", "entry_id", "rank", "uscc", "kind", "seal", "accepted_at"}
_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no type
_APPLICATION_JSON: dict[str, Any] = {
    "submission": SubmissionView,
    "refused_items": list[RefusedItem],
    "files": dict[str, StoredFile],
}
_BUNDLE_JSON: dict[str, Any] = {"members": list[BundleMember], "skipped": list[SkippedMember]}


def item(row: RowMapping | Mapping[str, Any]) -> Item:
    """An item."""
    return Item(**{name: row[name] for name in ITEM_COLUMNS})


def application(row: RowMapping | Mapping[str, Any]) -> Application:
    """An application."""
    return Application(**_read(row, APPLICATION_COLUMNS, _APPLICATION_JSON))


def bundle(row: RowMapping | Mapping[str, Any]) -> Bundle:
    """A bundle."""
    return Bundle(**_read(row, BUNDLE_COLUMNS, _BUNDLE_JSON))


def operation(row: RowMapping | Mapping[str, Any]) -> OperationView:
    """An operation record."""
    return from_builtins(
        {field.name: row[field.name] for field in fields(OperationView)}, OperationView
    )


def _read(
    row: RowMapping | Mapping[str, Any], columns: Iterable[str], shapes: dict[str, Any]
) -> dict[str, Any]:
    return {
        name: from_builtins(row[name], shapes[name]) if name in shapes else row[name]
        for name in columns
    }


def item_values(value: Item) -> dict[str, Any]:
    """The columns of an item."""
    return {name: getattr(value, name) for name in ITEM_COLUMNS}


def application_values(value: Application) -> dict[str, Any]:
    """The columns of an application."""
    return _values(value, APPLICATION_COLUMNS, _APPLICATION_JSON)


def bundle_values(value: Bundle) -> dict[str, Any]:
    """The columns of a bundle."""
    return _values(value, BUNDLE_COLUMNS, _BUNDLE_JSON)


def _values(value: object, columns: Iterable[str], shapes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: to_builtins(getattr(value, name)) if name in shapes else getattr(value, name)
        for name in columns
    }


class Saver:
    """Saves any number of changed rows by one prepared statement, each against its version.

    The rows travel as one JSON text: building and compiling an UPDATE of thirty columns anew for
    each fact took longer than the database needs for it.
    """

    def __init__(self, table: Table, keys: tuple[str, ...], columns: Iterable[str]) -> None:
        self._columns = [*keys, *columns]
        changes = ", ".join(f"{name} = r.{name}" for name in columns if name != "version")
        same = " AND ".join(f"{table.name}.{name} = r.{name}" for name in (*keys, "version"))
        shape = ", ".join(f"{name} {_type(table, name)}" for name in self._columns)
        self._statement = text(
            f"UPDATE {table.name} SET {changes}, version = {table.name}.version + 1 "  # noqa: S608
            f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({shape}) WHERE {same}"
        )

    def save(self, connection: Connection, changed: Sequence[object]) -> None:
        """Save all or raise TryLater, when one was changed by another meanwhile."""
        rows = [{name: getattr(value, name) for name in self._columns} for value in changed]
        told = {"rows": msgspec.json.encode(rows).decode()}
        if connection.execute(self._statement, told).rowcount != len(changed):
            raise TryLater("a row was changed by another at the same time")


def _type(table: Table, name: str) -> str:
    return str(table.c[name].type.compile(_DIALECT))


ITEMS = Saver(
    items,
    ("application_no", "entry_id"),
    [name for name in ITEM_COLUMNS if name not in _FIXED_ITEM],
)
APPLICATIONS = Saver(
    applications,
    ("application_no",),
    [name for name in APPLICATION_COLUMNS if name not in _FIXED_APPLICATION],
)
ITEM_WITH_APPLICATION = text(
    "SELECT "  # noqa: S608  column names
    + ", ".join(f"a.{name} AS a_{name}" for name in APPLICATION_COLUMNS)
    + ", "
    + ", ".join(f"i.{name} AS i_{name}" for name in ITEM_COLUMNS)
    + " FROM applications a JOIN items i ON i.application_no = a.application_no "
    "WHERE a.application_no = :application_no AND i.entry_id = :entry_id FOR UPDATE OF a, i"
)


def item_with_application(row: RowMapping) -> tuple[Application, Item]:
    """Both nouns out of one row of ITEM_WITH_APPLICATION."""
    return (
        application({name: row[f"a_{name}"] for name in APPLICATION_COLUMNS}),
        item({name: row[f"i_{name}"] for name in ITEM_COLUMNS}),
    )
