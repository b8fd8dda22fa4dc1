"""One invented declaration: from a plan to the elements of a DecMessage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from deploy.local.samples import world
from services.query.domain import form_kind

if TYPE_CHECKING:
    import random

Elements = dict[str, str | None]
_RECENT = "4"  # versions from here on carry four decimals in prices and five confirmations
_HOME = "CHN"


@dataclass(frozen=True)
class Special:
    """What sets one goods line apart."""

    name: str = ""
    specification: str = ""
    drop_second: bool = False


@dataclass(frozen=True)
class Plan:
    """What a declaration is to be; the rest follows from it and from the random numbers."""

    direction: str
    trader: world.Party
    partner: world.Partner
    route: world.Route
    wares: tuple[world.Ware, ...]
    declared_on: date
    closed_on: date | None
    version: str = "4.8"
    broker: world.Party | None = world.BROKER
    doc_type: str = ""
    trade_mode: str = "0110"
    cut_mode: str = "101"
    duty_mode: str = "1"
    trans_mode: str = ""
    currency: str = "USD"
    record_no: str = ""
    promise: str = ""
    wrap: str = "22"
    containers: int = 0
    remarks: str = ""
    marks: str = "N/M"
    last_channel: str = "R"
    retention_years: int = 3
    note: str = ""
    specials: dict[int, Special] = field(default_factory=dict)

    @property
    def recent(self) -> bool:
        """Whether the message is of a recent version."""
        return self.version >= _RECENT

    @property
    def agent(self) -> world.Party:
        """Who declares: the broker, or the trader itself."""
        return self.broker or self.trader


@dataclass
class Declaration:
    """A declaration as elements of its message, and what became of it at customs."""

    slug: str
    plan: Plan
    head: Elements
    goods: list[Elements]
    containers: list[Elements]
    files: list[Elements]
    free: Elements
    sign: Elements
    licences: list[Elements] = field(default_factory=list)
    other_packs: list[Elements] = field(default_factory=list)
    origin_relations: list[Elements] = field(default_factory=list)
    goods_limits: dict[int, list[Elements]] = field(default_factory=dict)
    old_form: bool = False
    emit_empty: bool = False
    reopened_on: date | None = None

    @property
    def entry_id(self) -> str:
        """The declaration number."""
        return self.head["EntryId"] or ""

    @property
    def unified_no(self) -> str:
        """The 统一编号."""
        return self.head["SeqNo"] or ""

    @property
    def form_kind(self) -> str:
        """The kind of form, in the words of the HTTP API."""
        return form_kind(self.plan.direction, self.plan.doc_type)


def build(rng: random.Random, slug: str, serial: int, plan: Plan) -> Declaration:
    """The declaration of a plan; `serial` makes its numbers."""
    goods, net = _goods(rng, plan)
    head = _head(rng, serial, plan, net)
    voyage = _transport(serial, plan)[1]
    return Declaration(
        slug=slug,
        plan=plan,
        head=head,
        goods=goods,
        containers=_containers(serial, plan, net),
        files=_files(serial, plan),
        free={"VoyNo": voyage or None, "DecBpNo": "021-00000000", "DecNo": "9900000000024"},
        sign=_sign(serial, plan),
    )


def plain(value: Decimal, places: int) -> str:
    """The number with that many decimals."""
    return str(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def trimmed(value: Decimal, places: int = 5) -> str:
    """The number with at most that many decimals and no zeros at its end."""
    text = plain(value, places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def entry_id(customs_district: str, year: int, direction: str, serial: int) -> str:
    """A declaration number."""
    return f"{customs_district}{year}{'1' if direction == 'I' else '0'}{serial:09d}"


# --- goods --------------------------------------------------------------------------------------


def _goods(rng: random.Random, plan: Plan) -> tuple[list[Elements], Decimal]:
    lines, net = [], Decimal(0)
    for place, ware in enumerate(plan.wares, 1):
        quantity = _quantity(rng, ware)
        price = ware.price_usd * world.RATES[plan.currency] * rng.randrange(80, 121) / 100
        lines.append(_line(place, ware, plan, quantity, price))
        net += quantity * ware.kg_each
    return lines, net


def _quantity(rng: random.Random, ware: world.Ware) -> Decimal:
    quantity = Decimal(rng.randrange(1, 40)) * Decimal(rng.choice([1, 1, 5, 10, 25]))
    by_weight_or_volume = ware.quantity_unit in ("035", "070", "095", "033")
    if by_weight_or_volume and rng.random() < 0.4:
        quantity += Decimal(rng.randrange(1, 1000)) / 1000
    return quantity


def _line(place: int, ware: world.Ware, plan: Plan, quantity: Decimal, price: Decimal) -> Elements:
    special = plan.specials.get(place, Special())
    importing = plan.direction == "I"
    price = Decimal(plain(price, 4 if plan.recent else 5))
    second = bool(ware.unit2) and not special.drop_second
    foreign = plan.partner.country
    marks = "4|3" if importing else "1|0"  # 品牌类型, 出口享惠情况
    return {
        "GNo": str(place),
        "CodeTS": ware.code,
        "CiqCode": "999",
        "ContrItem": str(place) if plan.record_no else None,
        "GName": special.name or ware.name,
        "GModel": special.specification or f"{marks}|{ware.specification}",
        "GQty": trimmed(quantity),
        "GUnit": ware.quantity_unit,
        "FirstQty": trimmed(_in_unit(ware.unit1, ware, quantity)),
        "FirstUnit": ware.unit1,
        "SecondQty": trimmed(_in_unit(ware.unit2, ware, quantity)) if second else None,
        "SecondUnit": ware.unit2 if second else None,
        "DeclPrice": str(price),
        "DeclTotal": plain(price * quantity, 2),
        "TradeCurr": plan.currency,
        # the foreign country stands first either way: that is the exchange of the standard
        "OriginCountry": foreign,
        "DestinationCountry": _HOME,
        "DistrictCode": plan.trader.district,
        "DestCode": plan.trader.division,
        "DutyMode": plan.duty_mode,
    }


def _in_unit(unit: str, ware: world.Ware, quantity: Decimal) -> Decimal:
    return quantity if unit == ware.quantity_unit else quantity * ware.kg_each


# --- head ---------------------------------------------------------------------------------------


def _head(rng: random.Random, serial: int, plan: Plan, net: Decimal) -> Elements:
    gross = net * Decimal(rng.randrange(102, 112)) / 100
    packs = max(1, int(net / 18) + rng.randrange(1, 9))
    away = timedelta(days=rng.randrange(0, 3))
    ie_date = plan.declared_on - away if plan.direction == "I" else plan.declared_on + away
    head = {
        **_numbers(serial, plan),
        **_parties(plan),
        **_transport_elements(serial, plan),
        "GrossWet": trimmed(gross),
        "IEDate": f"{ie_date:%Y%m%d}",
        "NetWt": trimmed(net),
        "PackNo": str(packs),
        **_constants(plan),
    }
    if plan.direction == "I":
        head["DespDate"] = f"{ie_date - timedelta(days=14):%Y%m%d}"
    head.update(_charges(rng, plan))
    return head


def _numbers(serial: int, plan: Plan) -> Elements:
    year, direction = plan.declared_on.year, plan.direction
    return {
        "SeqNo": f"{direction}{year}{serial:013d}",
        "IEFlag": direction,
        "Type": plan.doc_type or None,
        "BillNo": f"SAMP{year % 100:02d}{serial % 10**9:09d}",
        "ContrNo": f"SC-{year}-{serial % 10**6:06d}",
        "EntryId": entry_id(plan.route.customs_district, year, direction, serial),
        "ManualNo": plan.record_no or None,
        "PDate": f"{plan.declared_on - timedelta(days=1):%Y%m%d}",
    }


def _parties(plan: Plan) -> Elements:
    agent, trader = plan.agent, plan.trader
    abroad = "OverseasConsignor" if plan.direction == "I" else "OverseasConsignee"
    return {
        "AgentCode": agent.customs_code,
        "AgentName": agent.name,
        "AgentCodeScc": agent.uscc,
        "CopName": agent.name,
        "CopCode": agent.uscc[8:17],
        "CopCodeScc": agent.uscc,
        "OwnerCode": trader.customs_code,
        "OwnerName": trader.name,
        "OwnerCodeScc": trader.uscc,
        "TradeCode": trader.customs_code,
        "TradeName": trader.name,
        "TradeCoScc": trader.uscc,
        f"{abroad}Code": plan.partner.code,
        f"{abroad}Ename": plan.partner.name,
    }


def _transport(serial: int, plan: Plan) -> tuple[str, str]:
    heading = "E" if plan.direction == "E" else "W"
    return {
        "2": (f"SAMPLE STAR {serial % 90 + 10}", f"{serial % 900 + 100}{heading}"),
        "5": (f"ZZ{serial % 9000 + 1000}", ""),
        "4": ("", f"5100{serial % 1000000000:09d}"),
    }[plan.route.transport_mode]


def _transport_elements(serial: int, plan: Plan) -> Elements:
    route, partner = plan.route, plan.partner
    return {
        "CustomMaster": route.customs_district,
        "IEPort": route.border,
        "TrafMode": route.transport_mode,
        "TrafName": _transport(serial, plan)[0] or None,
        "DistinatePort": partner.port,
        # which element carries the exit port in exports is not settled: both do here
        "DespPortCode": partner.port if plan.direction == "I" else route.port,
        "EntyPortCode": route.port,
        "GoodsPlace": route.place,
        "TradeCountry": partner.country,
        "TradeAreaCode": partner.country,
    }


def _constants(plan: Plan) -> Elements:
    return {
        "CutMode": plan.cut_mode or None,
        "NoteS": plan.remarks or None,
        "TradeMode": plan.trade_mode,
        "TransMode": _trans_mode(plan),
        "WrapType": plan.wrap,
        "EdiId": "1",
        "EntryType": "M",
        "TypistNo": "9900000000017",
        "InputerName": "录入员甲",
        "DeclTrnRel": "0",
        "ChkSurety": "0",
        "PromiseItmes": plan.promise or ("00000" if plan.recent else "000"),
        "MarkNo": plan.marks or None,
        "DeclareName": "报关员乙",
        "NoOtherPack": "1",
    }


def _trans_mode(plan: Plan) -> str:
    return plan.trans_mode or ("1" if plan.direction == "I" else "3")  # CIF in, FOB out


def _charges(rng: random.Random, plan: Plan) -> Elements:
    mode = _trans_mode(plan)
    freight_modes, insurance_modes = ("347", "237") if plan.direction == "I" else ("12", "14")
    charges: Elements = {}
    if mode in freight_modes:
        rate = trimmed(Decimal(rng.randrange(8000, 250000)) / 100)
        charges |= {"FeeMark": "3", "FeeCurr": "USD", "FeeRate": rate}
    if mode in insurance_modes:
        charges |= {"InsurMark": "1", "InsurRate": "0.3"}
    return charges


# --- the other sections -------------------------------------------------------------------------


def _containers(serial: int, plan: Plan, net: Decimal) -> list[Elements]:
    return [
        {
            "ContainerId": world.make_container((serial * 37 + place) % 1000000),
            "ContainerMd": "11" if place % 3 else "21",
            "GoodsNo": _share(place, plan),
            "LclFlag": "0",
            "GoodsContaWt": trimmed(net / plan.containers),
        }
        for place in range(plan.containers)
    ]


def _share(place: int, plan: Plan) -> str:
    lines = range(1, len(plan.wares) + 1)
    share = [str(line) for line in lines if (line - 1) % plan.containers == place] or ["1"]
    while not plan.recent and len(",".join(share)) > 100:  # the limit of the 2018 schema
        share.pop()
    return ",".join(share)


def _signed_at(serial: int, plan: Plan) -> str:
    day = plan.declared_on
    return f"{datetime(day.year, day.month, day.day, 9, serial % 60, 0, tzinfo=UTC):%Y%m%d%H%M%S}"


def _files(serial: int, plan: Plan) -> list[Elements]:
    agent = plan.agent
    return [
        {
            "EdocID": f"{plan.route.customs_district}{code}IM{serial * 10 + place:018d}",
            "EdocCode": code,
            "EdocFomatType": "US",
            "OpNote": "",
            "EdocCopId": f"sample-{serial}-{place}.pdf",
            "EdocOwnerCode": agent.customs_code,
            "SignUnit": agent.customs_code,
            "SignTime": _signed_at(serial, plan),
            "EdocOwnerName": agent.name,
            "EdocSize": "20480",
        }
        for place, code in enumerate(("00000004", "00000002", "00000001"), 1)
    ]


def _sign(serial: int, plan: Plan) -> Elements:
    return {
        "OperType": "C",
        "ICCode": "9900000000024",
        "CopCode": plan.agent.uscc,
        "OperName": "报关员乙",
        "ClientSeqNo": f"SAMPLE{serial:012d}",
        "Sign": "SPECIMEN",
        "SignDate": _signed_at(serial, plan) + "00",
        "Certificate": "SPECIMEN",
        "HostId": "",
    }
