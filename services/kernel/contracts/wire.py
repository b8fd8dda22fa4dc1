"""Dataclasses to JSON builtins and back, for RPC arguments, answers and database columns."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

_Shape = TypeVar("_Shape")


def to_builtins(value: object) -> Any:
    """A dataclass (or a list of them) as dicts, lists and strings; times become RFC 3339."""
    return msgspec.to_builtins(value)


def from_builtins(value: object, kind: type[_Shape]) -> _Shape:
    """An instance of `kind` from builtins. Raises msgspec.ValidationError if it does not fit."""
    return msgspec.convert(value, kind)
