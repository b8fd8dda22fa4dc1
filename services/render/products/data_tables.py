"""Declarations as typed tables: what XLSX and CSV both show.

A cell is text, a decimal, a count or a date; absent is None. Codes and long numbers are text,
amounts and quantities decimals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from services.kernel.contracts.declaration import FORM_KIND_TEXTS
from services.kernel.contracts.dictionary import DictionaryField, dictionary

if TYPE_CHECKING:
    from services.kernel.contracts.declaration import DeclarationData
    from services.kernel.contracts.render import FailedEntry

Cell = str | Decimal | int | date | None

REASONS = {"source-missing": "数据来源缺失"}
_OTHER_REASON = "数据生成失败"
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_GUARDED = ("=", "+", "-", "@", "\t", "\r")
_WORDS = {
    "form_kind": FORM_KIND_TEXTS,
    "promises": {"yes": "是", "no": "否", "blank": "空"},
}
_YES_NO = {True: "是", False: "否"}
_TYPE_WORDS = {
    "string": "文本",
    "date": "日期",
    "integer": "整数",
    "decimal": "数值",
    "boolean": "是/否",
    "integers": "整数列表",
}


@dataclass(frozen=True)
class Table:
    """A sheet: its title, its columns' labels, its rows."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class _Column:
    label: str
    read: Callable[[Any], Cell]


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_GUARDED) else text


def declarations_table(declarations: Sequence[DeclarationData]) -> Table:
    """One row a declaration."""
    columns = _head_columns()
    return Table("报关单", _labels(columns), tuple(_row(columns, one) for one in declarations))


def goods_table(declarations: Sequence[DeclarationData]) -> Table:
    """One row a goods line, behind the number of its declaration."""
    return _lines("商品", "goods", declarations)


def containers_table(declarations: Sequence[DeclarationData]) -> Table:
    """One row a container."""
    return _lines("集装箱", "containers", declarations)


def documents_table(declarations: Sequence[DeclarationData]) -> Table:
    """One row a licence (随附单证) or attached file (随附单据)."""
    rows: list[tuple[Cell, ...]] = []
    for one in declarations:
        rows += [
            (one.entry_id, "随附单证", each.line_no, each.type_code, each.type_name, each.number)
            for each in one.licenses
        ]
        rows += [
            (one.entry_id, "随附单据", None, each.type_code, each.type_name, each.number)
            for each in one.attachments
        ]
    labels = ("海关编号", "类别", "序号", "代码", "名称", "编号")
    return Table("随附单证", labels, tuple(rows))


def failed_table(failed: Sequence[FailedEntry]) -> Table:
    """The numbers whose data could not be made."""
    rows = tuple(
        (one.entry_id, one.reason_code, REASONS.get(one.reason_code, _OTHER_REASON))
        for one in failed
    )
    return Table("失败", ("海关编号", "原因代码", "原因"), rows)


@cache
def dictionary_table() -> Table:
    """The field dictionary."""
    rows = tuple(
        (
            field.label,
            field.path,
            _TYPE_WORDS[field.type],
            field.max_length,
            field.code_table,
            field.dec_message,
        )
        for field in dictionary()
    )
    labels = ("中文名称", "数据字段", "类型", "最大长度", "代码表", "报文元素")
    return Table("字段说明", labels, rows)


def flat_table(declarations: Sequence[DeclarationData]) -> Table:
    """One row a goods line, the declaration's own columns repeated: the CSV."""
    head, line = _head_columns(), _line_columns("goods")
    rows = tuple(_row(head, one) + _row(line, each) for one in declarations for each in one.goods)
    return Table("报关单数据", _labels(head + line), rows)


def _lines(title: str, name: str, declarations: Sequence[DeclarationData]) -> Table:
    columns = _line_columns(name)
    rows = tuple(
        (one.entry_id, *_row(columns, each)) for one in declarations for each in getattr(one, name)
    )
    return Table(title, ("海关编号", *_labels(columns)), rows)


def _labels(columns: Sequence[_Column]) -> tuple[str, ...]:
    return tuple(column.label for column in columns)


def _row(columns: Sequence[_Column], record: Any) -> tuple[Cell, ...]:
    return tuple(column.read(record) for column in columns)


@cache
def _head_columns() -> tuple[_Column, ...]:
    """The declaration's own columns; 其他包装 is joined into one cell each for codes and names."""
    columns: list[_Column] = []
    for field in dictionary():
        if "[]" not in field.path:
            columns.append(_Column(field.label, _reader(field, field.path)))
        elif field.path.startswith("other_package_types[]."):
            columns.append(_Column(field.label, _joiner(field.path.partition("[].")[2])))
    return tuple(columns)


@cache
def _line_columns(name: str) -> tuple[_Column, ...]:
    prefix = f"{name}[]."
    return tuple(
        _Column(field.label, _reader(field, field.path.removeprefix(prefix)))
        for field in dictionary()
        if field.path.startswith(prefix)
    )


def _reader(field: DictionaryField, path: str) -> Callable[[Any], Cell]:
    """How the cell of a field is read from its record."""
    record_name, _, name = path.rpartition(".")
    words = _WORDS.get(record_name or name, {})

    def read(record: Any) -> Cell:
        holder = getattr(record, record_name) if record_name else record
        value = None if holder is None else getattr(holder, name)
        return None if value is None else _cell(field, words, value)

    return read


def _joiner(name: str) -> Callable[[Any], Cell]:
    def read(record: DeclarationData) -> Cell:
        return "、".join(getattr(one, name) or "" for one in record.other_package_types) or None

    return read


def _cell(field: DictionaryField, words: Mapping[str, str], value: Any) -> Cell:
    """A value as its type shows it; a decimal that is none stays the text it was."""
    if words:
        return words.get(value, str(value))
    if field.type == "boolean":
        return _YES_NO[value]
    if field.type == "integers":
        return ",".join(str(one) for one in value)
    if field.type == "decimal" and _DECIMAL.fullmatch(value):
        return Decimal(value)
    cell: Cell = value
    return cell
