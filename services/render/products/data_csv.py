"""Tables as CSV: UTF-8 with byte order mark, CRLF, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from services.render.products.data_tables import Cell, Table, guarded

if TYPE_CHECKING:
    from collections.abc import Iterable


def to_csv(table: Table) -> bytes:
    """The table with its labels in row 1."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.labels)
    writer.writerows(_texts(row) for row in table.rows)
    return text.getvalue().encode("utf-8-sig")


def _texts(row: Iterable[Cell]) -> list[str]:
    return [_text(cell) for cell in row]


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return guarded(cell) if isinstance(cell, str) else str(cell)
