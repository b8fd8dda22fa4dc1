"""How each printed string is made from a declaration, box by box.

Boxes are numbered row.column as on the form. Exports arrive with origin and destination by
meaning, so nothing is exchanged here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING

from services.render.products.form.words import WORDS

if TYPE_CHECKING:
    from datetime import date

    from services.kernel.contracts.declaration import (
        Charge,
        Container,
        DeclarationData,
        Goods,
        Licence,
        Snapshot,
    )

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_TWO_TEU_MODELS = frozenset({"11", "12", "13", "32"})  # the 2* standard containers
_ORIGIN_CERTIFICATE = "Y"  # 原产地证明, printed before all other documents
_COLLECTIVE_TAX_PREFIX = "CL"  # document type of collective payment (汇总征税)
_ANSWERS = {"yes": "是", "no": "否", "blank": ""}
_UNIT_PRICE_STEP, _TOTAL_PRICE_STEP = Decimal("0.0001"), Decimal("0.01")


@dataclass(frozen=True)
class GoodsLine:
    """One goods item. `columns`: three lines each; `flowing`: text that wraps over lines."""

    columns: dict[str, tuple[str, str, str]]
    name: str
    specification: str
    place: str


@dataclass(frozen=True)
class FormContent:
    """All strings of one document, without the words every document has."""

    entry_id: str
    pre_entry_id: str
    customs: str
    collective_tax: bool
    codes: dict[str, str]
    values: dict[str, str]
    documents: str
    attachments: str
    remarks: str
    answers: tuple[str, ...]
    declarant: tuple[str, str, str]
    agent: str
    goods: tuple[GoodsLine, ...]


def content_of(snapshot: Snapshot) -> FormContent:
    """The strings of a snapshot's form."""
    data = snapshot.data
    return FormContent(
        entry_id=data.entry_id,
        pre_entry_id=tidy(data.pre_entry_id),
        customs=_enclosed(tidy(data.customs_name), "（", "）"),
        collective_tax=snapshot.doc_type_code.startswith(_COLLECTIVE_TAX_PREFIX),
        codes=_codes(data),
        values=_values(data),
        documents="随附单证1:" + ";".join(map(_document, _origin_first(data.licenses))),
        attachments="随附单证2:" + _joined(";", [a.type_name for a in data.attachments]),
        remarks=_remarks(data),
        answers=_answers(data),
        declarant=(
            tidy(data.declarant_name),
            tidy(data.declarant_no),
            tidy(data.declarant_phone),
        ),
        agent=_coded(data.agent_uscc or data.agent_customs_code) + tidy(data.agent_name),
        goods=tuple(_goods_line(goods, data) for goods in data.goods),
    )


def tidy(text: str | None) -> str:
    """A text on one line: line breaks, control characters and repeated blanks become one blank."""
    if not text:
        return ""
    if text.isprintable() and "  " not in text:  # nearly always, and four times as fast
        return text.strip()
    return _BLANKS.sub(" ", text).strip()


def plain_number(amount: str | int | None) -> str:
    """A number without trailing zeros and trailing point: 1200.00000 becomes 1200."""
    text = tidy(str(amount)) if amount is not None else ""
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact_date(day: date | None) -> str:
    """A day as yyyyMMdd."""
    return f"{day:%Y%m%d}" if day else ""


def charge(cost: Charge | None) -> str:
    """currency/value/mark; nothing when there is no charge."""
    amount = plain_number(cost.amount) if cost else ""
    if cost is None or not amount.strip("-0."):
        return ""
    return f"{tidy(cost.currency)}/{amount}/{tidy(cost.mark)}"


def _codes(data: DeclarationData) -> dict[str, str]:
    packaging = [data.package_type_code, *(other.code for other in data.other_package_types)]
    codes = {
        "1.1": data.trade_uscc or data.trade_customs_code,
        "1.2": data.ie_port_code,
        "2.1": data.overseas_code,
        "2.2": data.transport_mode_code,
        "3.1": data.owner_uscc or data.owner_customs_code,
        "3.2": data.supervision_mode_code,
        "3.3": data.levy_nature_code,
        "3.5": data.departure_port_code,
        "4.2": data.trade_country_code,
        "4.3": data.partner_country_code,
        "4.4": data.transit_port_code,
        "4.5": data.border_port_code,
        "5.1": _joined("/", packaging),
        "5.5": data.deal_mode_code,
    }
    boxes = WORDS[data.form_kind].labels
    return {box: _coded(code) for box, code in codes.items() if code and box in boxes}


def _values(data: DeclarationData) -> dict[str, str]:
    packaging = [data.package_type_name, *(other.name for other in data.other_package_types)]
    values = {
        "1.1": data.trade_name,
        "1.2": data.ie_port_name,
        "1.3": compact_date(data.ie_date),
        "1.4": compact_date(data.declared_on),
        "1.5": data.manual_no,
        "2.1": data.overseas_name,
        "2.2": data.transport_mode_name,
        "2.3": _vessel(data.transport_name, data.voyage_no),
        "2.4": data.bill_no,
        "2.5": data.goods_place,
        "3.1": data.owner_name,
        "3.2": data.supervision_mode_name,
        "3.3": data.levy_nature_name,
        "3.4": data.license_no,
        "3.5": data.departure_port_name,
        "4.1": data.contract_no,
        "4.2": data.trade_country_name,
        "4.3": data.partner_country_name,
        "4.4": data.transit_port_name,
        "4.5": data.border_port_name,
        "5.1": _joined("/", packaging),
        "5.2": plain_number(data.package_count),
        "5.3": plain_number(data.gross_weight_kg),
        "5.4": plain_number(data.net_weight_kg),
        "5.5": data.deal_mode_name,
        "5.6": charge(data.freight),
        "5.7": charge(data.insurance),
        "5.8": charge(data.misc),
    }
    boxes = WORDS[data.form_kind].labels
    return {box: tidy(text) for box, text in values.items() if text and box in boxes}


def _vessel(name: str | None, voyage: str | None) -> str:
    parts = (tidy(name), tidy(voyage))
    return "/".join(parts) if any(parts) else ""


def _origin_first(licences: list[Licence]) -> list[Licence]:
    return sorted(licences, key=lambda licence: licence.type_code != _ORIGIN_CERTIFICATE)


def _document(licence: Licence) -> str:
    return tidy(licence.type_name or licence.type_code) + tidy(licence.number)


def _remarks(data: DeclarationData) -> str:
    remarks = _joined(" ", [data.remarks, data.marks])
    related = [
        _labelled("关联报关单号:", data.related_entry_id),
        _labelled("关联备案号:", data.related_manual_no),
    ]
    containers = _containers(data.containers)
    return _joined(" ", [f"备注:{remarks}{containers}".strip(), *related], keep=True)


def _containers(containers: list[Container]) -> str:
    if not containers:
        return ""
    sizes = [2 if box.model_code in _TWO_TEU_MODELS else 1 for box in containers]
    boxes = zip(containers, sizes, strict=True)
    listed = "".join(f"{tidy(box.container_no)}*{teu};" for box, teu in boxes)
    return f"  集装箱标箱数及号码：{sum(sizes)};{listed}"


def _answers(data: DeclarationData) -> tuple[str, ...]:
    promises = data.promises
    given = (
        (
            promises.special_relation,
            promises.price_influence,
            promises.royalty,
            promises.formula_price,
            promises.provisional_price,
        )
        if promises
        else ("blank",) * 5
    )
    own_tax = {None: "", True: "是", False: "否"}[data.self_declared_tax]
    return (*(_ANSWERS.get(answer, "") for answer in given), own_tax)


def _goods_line(goods: Goods, data: DeclarationData) -> GoodsLine:
    columns = {
        "G.1": (str(goods.line_no), "", _coded(goods.manual_item_no)),
        "G.2": (tidy(goods.hs_code), "", ""),
        "G.4": (
            _quantity(goods.first_quantity, goods.first_unit_name),
            _quantity(goods.second_quantity, goods.second_unit_name),
            _quantity(goods.quantity, goods.unit_name),
        ),
        "G.5": (
            price(goods.unit_price, _UNIT_PRICE_STEP),
            price(goods.total_price, _TOTAL_PRICE_STEP),
            tidy(goods.currency_name),
        ),
        "G.6": (tidy(goods.origin_country_name), _coded(goods.origin_country_code), ""),
        "G.7": (tidy(goods.destination_country_name), _coded(goods.destination_country_code), ""),
        "G.9": (tidy(goods.duty_mode_name), _coded(goods.duty_mode_code), ""),
    }
    shown = WORDS[data.form_kind].goods
    return GoodsLine(
        columns={column: lines for column, lines in columns.items() if column in shown},
        name=tidy(goods.name),
        specification=tidy(goods.specification),
        place=_place(goods),
    )


def _quantity(amount: str | None, unit: str | None) -> str:
    number = plain_number(amount)
    return number + tidy(unit) if number else ""


def price(amount: str | None, step: Decimal) -> str:
    """An amount of money with the decimals of `step`; what is no number stays as it is."""
    text = tidy(amount)
    try:
        return f"{Decimal(text).quantize(step, ROUND_HALF_UP):f}" if text else ""
    except InvalidOperation:
        return text


def _place(goods: Goods) -> str:
    codes = _joined("/", [goods.domestic_district_code, goods.domestic_division_code])
    names = _joined("/", [goods.domestic_district_name, goods.domestic_division_name])
    return _coded(codes) + names


def _coded(code: str | None) -> str:
    return _enclosed(tidy(code), "(", ")")


def _enclosed(text: str, before: str, after: str) -> str:
    return f"{before}{text}{after}" if text else ""


def _labelled(label: str, text: str | None) -> str:
    return label + tidy(text) if tidy(text) else ""


def _joined(separator: str, texts: list[str | None] | list[str], *, keep: bool = False) -> str:
    parts = (text if keep else tidy(text) for text in texts)
    return separator.join(part for part in parts if part)
