"""Tables as an Excel workbook: codes as text, amounts as numbers, dates as dates."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import xlsxwriter

from services.kernel.calendar import ZONE
from services.render.products.data_tables import Cell, Table, guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS = 15  # what Excel keeps of a number; longer ones are text
_MAX_DECIMALS = 10
_WIDTH = 16  # characters; enough for a date, a code, an amount
_QUIET = {
    "in_memory": True,
    "strings_to_numbers": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "default_date_format": "yyyy-mm-dd",
}


def to_xlsx(tables: Sequence[Table], made_at: datetime) -> bytes:
    """A workbook with a sheet for each table; the same tables and moment give the same bytes."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, _QUIET)
    book.set_properties({"created": made_at.astimezone(ZONE).replace(tzinfo=None, microsecond=0)})
    writer = _Writer(book)
    for table in tables:
        writer.add(table)
    book.close()
    return target.getvalue()


class _Writer:
    """Writes tables into one workbook, sharing its formats."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bottom": 1})
        self._numbers: dict[int, Any] = {}

    def add(self, table: Table) -> None:
        """A sheet with a fixed first row and a filter on it."""
        sheet = self._book.add_worksheet(table.title)
        sheet.freeze_panes(1, 0)
        last = max(len(table.labels) - 1, 0)
        sheet.set_column(0, last, _WIDTH)
        sheet.autofilter(0, 0, len(table.rows), last)
        for column, label in enumerate(table.labels):
            sheet.write_string(0, column, label, self._head)
        for number, row in enumerate(table.rows, start=1):
            for column, cell in enumerate(row):
                self._write(sheet, number, column, cell)

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, str):
            sheet.write_string(row, column, guarded(cell))
        elif isinstance(cell, Decimal):
            self._write_decimal(sheet, row, column, cell)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell)
        elif cell is not None:
            sheet.write_number(row, column, cell)

    def _write_decimal(self, sheet: Any, row: int, column: int, cell: Decimal) -> None:
        """A number that shows as many decimals as were declared; text beyond 15 digits."""
        places = -int(cell.as_tuple().exponent)
        if len(cell.normalize().as_tuple().digits) > _DIGITS or places > _MAX_DECIMALS:
            sheet.write_string(row, column, f"{cell:f}")
        else:
            sheet.write_number(row, column, float(cell), self._number(places))

    def _number(self, places: int) -> Any:
        if places not in self._numbers:
            pattern = "0" + ("." + "0" * places if places else "")
            self._numbers[places] = self._book.add_format({"num_format": pattern})
        return self._numbers[places]
