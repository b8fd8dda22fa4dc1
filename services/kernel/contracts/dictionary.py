"""The field dictionary of the declaration data: GET /data-dictionary and the sheet 字段说明.

Read off the fields of `contracts.declaration`, so that no field can be without an entry.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from services.kernel.contracts.declaration import Charge, DeclarationData, Promises

DataType = Literal["string", "date", "integer", "decimal", "boolean", "integers"]

# decimal strings: they keep the digits as they were sent
_DECIMALS = frozenset(
    {
        "amount",
        "first_quantity",
        "gross_weight_kg",
        "net_weight_kg",
        "quantity",
        "second_quantity",
        "total_price",
        "unit_price",
    }
)
_TYPES: dict[type, DataType] = {bool: "boolean", int: "integer", date: "date"}


@dataclass(frozen=True)
class DictionaryField:
    """A field of the declaration data.

    `path` names it in the JSON (`goods[].hs_code`), `max_length` counts characters, `dec_message`
    is its place in the official message: several places are joined by `|`.
    """

    path: str
    label: str
    type: DataType
    max_length: int | None
    code_table: str | None
    dec_message: str | None


@cache
def dictionary() -> tuple[DictionaryField, ...]:
    """All fields, in the order of the JSON."""
    return tuple(_fields(DeclarationData, "", "", ""))


def _fields(shape: type, prefix: str, label: str, place: str) -> list[DictionaryField]:
    """The entries of a record; `label` and `place` come from the field that holds it."""
    hints = get_type_hints(shape)
    found: list[DictionaryField] = []
    for index, field in enumerate(dataclasses.fields(shape)):
        inner, repeated = _inner(hints[field.name])
        path = prefix + field.name
        own = field.metadata
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            nested = f"{path}[]." if repeated else f"{path}."
            found += _fields(inner, nested, _label_for_parts(inner, own["label"]), str(own["dec"]))
        else:
            found.append(
                DictionaryField(
                    path=path,
                    label=label + own["label"],
                    type="integers" if repeated else _type(field.name, inner),
                    max_length=own["max"] or None,
                    code_table=own["table"] or None,
                    dec_message=own["dec"] or _part_of(shape, place, index, field.name),
                )
            )
    return found


def _label_for_parts(shape: type, label: str) -> str:
    """运费 goes before 币制; the parts of lists and of 价格说明 speak for themselves."""
    names = {field.name for field in dataclasses.fields(shape)}
    return label if shape is Charge or names == {"code", "name"} else ""


def _part_of(shape: type, place: str, index: int, name: str) -> str | None:
    """The place of a part that has none of its own: the n-th element of its record's place."""
    if shape is Charge:
        section, _, elements = place.partition("/")
        return f"{section}/{elements.split('|')[index]}"
    if shape is Promises or name == "code":
        return place or None
    return None


def _type(name: str, kind: Any) -> DataType:
    return "decimal" if name in _DECIMALS else _TYPES.get(kind, "string")


def _inner(hint: Any) -> tuple[Any, bool]:
    """The type inside `X | None` or `list[X]`, and whether it is a list."""
    if get_origin(hint) in {Union, UnionType}:
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is list:
        return get_args(hint)[0], True
    return hint, False
