"""`python -m deploy.local.samples.sandbox`: the declarations of the sandbox companies.

Their dates follow `--today`, so that they are in custody and within reach of a query whenever the
sandbox is made.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.samples import world
from deploy.local.samples.companies import COMPANIES
from deploy.local.samples.curated import write_in_old_form
from deploy.local.samples.declaration import Declaration, Plan, Special, build
from deploy.local.samples.writing import write_set
from services.kernel.calendar import local_day

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
ROWS_FILE = "sandbox_declarations.json"
_SEED = 16  # any number: the same day gives the same bytes
_FIRST_SERIAL = 970_000_001
_PRINTABLE_OF_A = 70  # more than 60, and more than one application takes
_PRINTABLE_OF_OTHERS = 4
_LINES = (3, 1, 6, 7, 2, 12, 4, 20, 1, 21, 5, 50)  # one page, a full one, the next, the most
_DAYS_APART = 1.25  # sixty of them lie within the last three months
_OLD_FORM_ON = date(2018, 7, 10)


@dataclass(frozen=True)
class Sample:
    """A declaration of the sandbox and what a client will meet."""

    owner: str
    made: Declaration
    in_query: bool = True
    expect_print: str = "ready"
    expect_export: str = "ready"


class Sandbox:
    """Makes the samples of one day, one after the other."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._rng = random.Random(_SEED)  # noqa: S311  # samples must repeat; no secret
        self._serial = _FIRST_SERIAL

    def samples(self) -> Iterator[Sample]:
        """All samples; the first declarations of company-a are of today."""
        for place in range(_PRINTABLE_OF_A):
            yield self._printable("company-a", place)
        for owner in ("company-b", "company-c"):
            for place in range(_PRINTABLE_OF_OTHERS):
                yield self._printable(owner, place + 1)
        yield self._reopened()
        yield self._not_closed()
        yield self._old_form()
        yield self._without_goods()

    def _printable(self, owner: str, place: int) -> Sample:
        declared = self._today - timedelta(days=int(place * _DAYS_APART))
        lines = _LINES[place % len(_LINES)]
        plan = self._plan(owner, place, declared, lines)
        return Sample(owner, self._build(owner, plan))

    def _reopened(self) -> Sample:
        declared = self._today - timedelta(days=20)
        made = self._build("company-a", self._plan("company-a", 0, declared, 2))
        made.reopened_on = self._today - timedelta(days=5)
        return Sample("company-a", made, expect_print="customs_unfinished", expect_export="failed")

    def _not_closed(self) -> Sample:
        declared = self._today - timedelta(days=4)
        plan = self._plan("company-a", 1, declared, 3, closed=False)
        return Sample(
            "company-a",
            self._build("company-a", plan),
            in_query=False,
            expect_print="customs_unfinished",
            expect_export="failed",
        )

    def _old_form(self) -> Sample:
        plan = Plan(
            "I",
            _party("company-a"),
            world.PARTNER["JPN"],
            world.SEA_SHANGHAI,
            _wares(7, 2),
            declared_on=_OLD_FORM_ON,
            closed_on=_OLD_FORM_ON + timedelta(days=6),
            version="3.1",
            trade_mode="2025",
            cut_mode="789",
            duty_mode="3",
            record_no="Z00001800002",  # 征免税证明: in custody for eleven years
            retention_years=11,
            note="old form, still in custody",
        )
        made = self._build("company-a", plan)
        write_in_old_form(made)
        return Sample("company-a", made, expect_print="unsupported_version")

    def _without_goods(self) -> Sample:
        plan = self._plan("company-a", 0, self._today - timedelta(days=9), 1)
        made = self._build("company-a", plan)
        made.goods, made.containers = [], []
        return Sample("company-a", made, expect_print="failed", expect_export="failed")

    def _build(self, owner: str, plan: Plan) -> Declaration:
        slug = f"{owner}_{self._serial - _FIRST_SERIAL + 1:03d}"
        made = build(self._rng, slug, self._serial, plan)
        self._serial += 1
        return made

    def _plan(
        self, owner: str, place: int, declared: date, lines: int, *, closed: bool = True
    ) -> Plan:
        record_list = place % 4 >= 2  # both kinds of form, both directions, in turn
        closing = min(declared + timedelta(days=1 + place % 4), self._today)
        return Plan(
            direction="IE"[place % 2],
            trader=_party(owner),
            partner=world.PARTNERS[place % len(world.PARTNERS)],
            route=world.ZONE_WAIGAOQIAO if record_list else world.ROUTES[place % len(world.ROUTES)],
            wares=_wares(place, lines),
            declared_on=declared,
            closed_on=closing if closed else None,
            doc_type=("ML" if place % 2 == 0 else "LY") if record_list else "",
            trade_mode="5034" if record_list else "0110",
            cut_mode="" if record_list else "101",
            duty_mode="3" if record_list else "1",
            record_no=f"H0000{declared.year % 100:02d}{place:05d}" if record_list else "",
            currency=("USD", "EUR", "CNY", "JPY")[place % 4],
            promise=("00000", "10000", "99999")[place % 3],
            containers=place % 3,
            remarks=f"沙箱样例第{place + 1}票，内容均为虚构。",
            last_channel="R" if closed else "G",
            retention_years=5 if record_list else 3,
            specials={1: Special(name="测试用轴承")} if place == 0 else {},
            note="sandbox",
        )


def _party(owner: str) -> world.Party:
    company = COMPANIES[owner]
    return world.Party(
        name=company.name,
        uscc=company.uscc,
        customs_code=f"3122269{company.card_no[-3:]}",
        district="31222",
        division="310115",
    )


def _wares(place: int, lines: int) -> tuple[world.Ware, ...]:
    return tuple(world.WARES[(place * 5 + line) % len(world.WARES)] for line in range(lines))


def write(folder: Path, today: date) -> list[dict[str, object]]:
    """Write declarations, receipts and the rows of `sandbox.json`; answers those rows."""
    samples = list(Sandbox(today).samples())
    write_set((sample.made for sample in samples), folder)
    rows = [_row(sample, folder) for sample in samples]
    content = json.dumps(rows, ensure_ascii=False, indent=1)
    (folder / ROWS_FILE).write_text(content + "\n", encoding="utf-8")
    return rows


def _row(sample: Sample, folder: Path) -> dict[str, object]:
    source = (folder / "declarations" / f"{sample.made.slug}.xml").resolve()
    within = source.is_relative_to(CHECKOUT)
    return {
        "entry_id": sample.made.entry_id,
        "owner": sample.owner,
        "declared_on": sample.made.plan.declared_on.isoformat(),
        "source_file": str(source.relative_to(CHECKOUT) if within else source),
        "in_query": sample.in_query,
        "expect_print": sample.expect_print,
        "expect_export": sample.expect_export,
    }


def main(arguments: list[str]) -> int:
    """Write the sandbox set and tell how large it is."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.samples.sandbox", description="The sandbox's declarations."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for all files")
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        default=local_day(datetime.now(UTC)),
        help="the day from which the dates follow (default: today in Shanghai)",
    )
    options = parser.parse_args(arguments)
    rows = write(options.out, options.today)
    print(f"{len(rows)} declarations written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
