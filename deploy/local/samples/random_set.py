"""Random declarations for load tests: most are closed, a tenth are 备案清单, sizes are skewed."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING

from deploy.local.samples import world
from deploy.local.samples.declaration import Declaration, Plan, build

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRADERS = 200
_CITIES = (
    ("上海", "310115", "31222"),
    ("上海", "310112", "31222"),
    ("苏州", "320506", "32052"),
    ("宁波", "330206", "33022"),
    ("青岛", "370211", "37022"),
    ("广州", "440112", "44012"),
    ("深圳", "440305", "44031"),
    ("厦门", "350205", "35021"),
    ("北京", "110105", "11059"),
    ("长沙", "430112", "43012"),
)
_STYLES = (
    *("澄岚", "海棠", "远帆", "百川", "云溪", "青禾", "石榴", "白鹭", "长庚", "望舒"),
    *("松涛", "银杏", "北辰", "南屿", "玉衡", "沧浪", "锦帆", "鹿鸣", "棠梨", "星槎"),
)
_TRADES = (
    *("机械有限公司", "电子科技有限公司", "进出口有限公司", "国际贸易有限公司"),
    *("新材料股份有限公司", "食品有限公司", "服饰有限公司", "医疗器械有限公司"),
)
_SIZES = ((1, 1), (2, 6), (7, 20), (21, 50))
_SIZE_WEIGHTS = (35, 35, 20, 10)


def random_declarations(count: int, seed: int) -> Iterator[Declaration]:
    """`count` declarations of 200 traders of very unequal size; the same seed, the same bytes."""
    rng = random.Random(seed)  # noqa: S311  # samples must repeat; nothing here is a secret
    base = 980_000_000 + (seed % 19) * 1_000_000
    traders = [trader(number) for number in range(_TRADERS)]
    weights = [1 / (rank + 1) for rank in range(_TRADERS)]
    for index in range(count):
        owner = rng.choices(traders, weights)[0]
        yield build(rng, f"{index + 1:06d}", base + index, _plan(rng, index, owner))


def trader(number: int) -> world.Party:
    """The trader of that number, 0 to 199."""
    city, division, district = _CITIES[number % len(_CITIES)]
    style = _STYLES[number % len(_STYLES)]
    if number >= len(_STYLES):
        style += _STYLES[number // len(_STYLES)]
    name = f"{city}样例{style}{_TRADES[(number * 7) % len(_TRADES)]}"
    return world.party(100 + number, name, division, district)


def _plan(rng: random.Random, index: int, owner: world.Party) -> Plan:
    listing = rng.random() < 0.10
    processing = not listing and rng.random() < 0.2
    declared = _declared(rng)
    still_open = rng.random() < 0.08
    span = rng.choices(_SIZES, _SIZE_WEIGHTS)[0]
    bonded = listing or processing
    year = declared.year % 100
    return Plan(
        direction=rng.choice("IE"),
        trader=owner,
        partner=rng.choice(world.PARTNERS),
        route=world.ZONE_WAIGAOQIAO if listing else rng.choice(world.ROUTES),
        wares=tuple(rng.choice(world.WARES) for _ in range(rng.randint(*span))),
        declared_on=declared,
        closed_on=None if still_open else declared + timedelta(days=rng.randrange(1, 12)),
        version="4.8" if declared.year >= 2024 else "3.1",
        doc_type=rng.choice(("ML", "LY")) if listing else "",
        trade_mode="5034" if listing else ("0615" if processing else "0110"),
        cut_mode="" if listing else ("503" if processing else "101"),
        duty_mode="3" if bonded else "1",
        record_no=f"{'H' if listing else 'C'}0000{year:02d}{index % 100000:05d}" if bonded else "",
        trans_mode=rng.choice("123"),
        currency=rng.choice(("USD", "USD", "USD", "EUR", "JPY", "CNY")),
        containers=rng.choice((0, 0, 1, 2, 5)),
        last_channel=rng.choice("LGPC") if still_open else "R",
        broker=rng.choice((world.BROKER, world.BROKER_SOUTH, None)),
        retention_years=5 if bonded else 3,
        note="random",
    )


def _declared(rng: random.Random) -> date:
    if rng.random() < 0.1:
        return date(2019, 1, 1) + timedelta(days=rng.randrange(2200))
    return date(2025, 8, 1) + timedelta(days=rng.randrange(160))
