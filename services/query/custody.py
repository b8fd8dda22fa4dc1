"""保管期限: how long a cleared declaration can be asked for, by a table an operator can change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.kernel.calendar import add_months

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from services.kernel.contracts.declaration import DeclarationData

GENERAL = "general"
_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class ClassRule:
    """A row of the table: it fits when each condition that it names fits."""

    custody_class: str
    supervision_modes: frozenset[str]
    manual_prefixes: frozenset[str]
    levy_natures: tuple[tuple[int, int], ...]
    duty_modes: frozenset[str]
    record_list: bool

    def fits(self, data: DeclarationData) -> bool:
        """Whether this row speaks of the declaration."""
        return all(
            (
                not self.supervision_modes or data.supervision_mode_code in self.supervision_modes,
                not self.manual_prefixes or (data.manual_no or "")[:1] in self.manual_prefixes,
                not self.levy_natures or self._has_levy_nature(data.levy_nature_code),
                not self.duty_modes or any(g.duty_mode_code in self.duty_modes for g in data.goods),
                not self.record_list or data.form_kind.endswith("record_list"),
            )
        )

    def _has_levy_nature(self, code: str | None) -> bool:
        if code is None or not code.isdecimal():
            return False
        return any(first <= int(code) <= last for first, last in self.levy_natures)


@dataclass(frozen=True)
class CustodyRules:
    """The table and the years of each class."""

    rows: tuple[ClassRule, ...]
    years: Mapping[str, int]

    def class_of(self, data: DeclarationData) -> str:
        """The class with the longest period among the fitting rows, else `general`."""
        fitting = {row.custody_class for row in self.rows if row.fits(data)} | {GENERAL}
        return max(fitting, key=lambda name: self.years[name])

    def until(self, custody_class: str, cleared_on: date | None) -> date | None:
        """The last day of custody: the same day years later, 28 February for the 29th."""
        if cleared_on is None:
            return None
        return add_months(cleared_on, self.years[custody_class] * _MONTHS_A_YEAR)


def parse_rules(rows: Iterable[Mapping[str, str]], years: Mapping[str, int]) -> CustodyRules:
    """The rules of `custody_classes.tsv`. Raises ValueError for a class without a period."""
    parsed = tuple(_rule(row) for row in rows)
    unknown = {row.custody_class for row in parsed} - set(years)
    if unknown:
        raise ValueError(f"custody classes without a period: {sorted(unknown)}")
    return CustodyRules(parsed, dict(years))


def _rule(row: Mapping[str, str]) -> ClassRule:
    return ClassRule(
        custody_class=row["custody_class"],
        supervision_modes=_codes(row["supervision_mode"]),
        manual_prefixes=_codes(row["manual_prefix"]),
        levy_natures=tuple(_range(cell) for cell in sorted(_codes(row["levy_nature"]))),
        duty_modes=_codes(row["duty_mode"]),
        record_list=row["record_list"] == "yes",
    )


def _codes(cell: str) -> frozenset[str]:
    return frozenset(part.strip() for part in cell.split(",") if part.strip())


def _range(cell: str) -> tuple[int, int]:
    first, _, last = cell.partition("-")
    return int(first), int(last or first)
