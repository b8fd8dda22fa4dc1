"""Official code tables: names of codes, read once from tab-separated files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FOLDER = Path(__file__).with_name("codes")
_RENAMED_ON = date(2019, 1, 1)  # names of the list of 2018 hold for declarations before this day
_NEW_CODES_ON = date(2018, 8, 1)  # licences and three-digit countries changed with the new form


@dataclass(frozen=True)
class CodeTables:
    """Codes to names, each as of a declaration's day."""

    current: dict[str, dict[str, str]]
    of_2018: dict[str, dict[str, str]]
    legacy: dict[str, dict[str, str]]

    def name(self, table: str, code: str | None, declared_on: date | None) -> str | None:
        """The official name of `code`, or None: an unknown code is printed as it is."""
        if code is None:
            return None
        if declared_on is not None and declared_on < _RENAMED_ON:
            old = self._old_name(table, code, declared_on)
            if old is not None:
                return old
        return self.current[table].get(code)

    @staticmethod
    def list_of(declared_on: date | None) -> int:
        """Which of the lists gives the names for a declaration of that day."""
        if declared_on is None or declared_on >= _RENAMED_ON:
            return 2
        return 1 if declared_on >= _NEW_CODES_ON else 0

    def _old_name(self, table: str, code: str, declared_on: date) -> str | None:
        if declared_on < _NEW_CODES_ON:
            legacy = self.legacy[table].get(code)
            if legacy is not None and code not in self.current[table]:
                return legacy
            before = self.of_2018.get(f"v2018/{table}", {}).get(code)
            if before is not None:
                return before
        return self.of_2018[table].get(code)


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of one of the files; cells are text, leading zeros included."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def load(folder: Path = FOLDER) -> CodeTables:
    """All tables of `folder` that have codes and Chinese names."""
    current: dict[str, dict[str, str]] = {}
    of_2018: dict[str, dict[str, str]] = {}
    legacy: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.tsv")):
        rows = read_table(path)
        if not rows or "name_zh" not in rows[0]:
            continue
        current[path.stem] = {row["code"]: row["name_zh"] for row in rows}
        of_2018[path.stem] = _column(rows, "code", "name_zh_2018")
        legacy[path.stem] = _column(rows, "legacy_code", "name_zh")
    for path in sorted((folder / "v2018").glob("*.tsv")):
        of_2018[f"v2018/{path.stem}"] = _column(read_table(path), "code", "name_zh")
    return CodeTables(current, of_2018, legacy)


def _column(rows: list[dict[str, str]], key: str, value: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for row in rows:
        if row.get(key) and row.get(value):
            pairs.setdefault(row[key], row[value])
    return pairs


def message_elements(folder: Path = FOLDER) -> dict[str, frozenset[str]]:
    """The element names known in each part of a DecMessage."""
    known: dict[str, set[str]] = {}
    for row in read_table(folder / "dec_message.tsv"):
        known.setdefault(row["section"], set()).add(row["element"])
    return {section: frozenset(names) for section, names in known.items()}
