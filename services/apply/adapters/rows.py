"""Between rows and the nouns of the rules."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text

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
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, RowMapping, Table

ITEM_COLUMNS = tuple(field.name for field in fields(Item))
APPLICATION_COLUMNS = tuple(field.name for field in fields(Application))
BUNDLE_COLUMNS = tuple(field.name for field in fields(Bundle))
_FIXED_ITEM = {"application_no", "entry_id", "rank", "uscc", "kind", "seal", "accepted_at"}
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


class ItemSaver:
    """Saves any number of changed items by one statement, each against its version."""

    def __init__(self, table: Table) -> None:
        self._columns = [name for name in ITEM_COLUMNS if name not in _FIXED_ITEM]
        changes = ", ".join(f"{name} = r.{name}" for name in self._columns if name != "version")
        shape = ", ".join(
            f"{name} {table.c[name].type.compile()}"
            for name in ["application_no", "entry_id", *self._columns]
        ).replace("DATETIME", "timestamptz")
        self._statement = text(
            f"UPDATE items SET {changes}, version = items.version + 1 "  # noqa: S608  column names
            f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({shape}) "
            "WHERE items.application_no = r.application_no AND items.entry_id = r.entry_id "
            "AND items.version = r.version"
        )

    def save(self, connection: Connection, changed: list[Item]) -> None:
        """Save all or raise TryLater, when one was changed by another meanwhile."""
        names = ["application_no", "entry_id", *self._columns]
        rows = [{name: getattr(value, name) for name in names} for value in changed]
        done = connection.execute(self._statement, {"rows": msgspec.json.encode(rows).decode()})
        if done.rowcount != len(changed):
            raise TryLater("an item was changed by another at the same time")
