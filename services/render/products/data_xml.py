"""Declarations as official DecMessage documents, with the names and the order of the standard.

The standard's misspellings are kept, and so is its exchange of origin and destination in exports.
Dates of receipts and the number of the print have no place in it: they stand in our own namespace
beside the messages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from lxml import etree

from services.kernel.contracts.declaration import (
    Charge,
    Container,
    DeclarationData,
    Goods,
    Promises,
    Snapshot,
)
from services.kernel.contracts.render import FailedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable


DEC = "http://www.chinaport.gov.cn/dec"
DATA = "urn:danzheng:declaration-data:1"
# the stubs know no default namespace, which lxml names None
_DEC_MAP: dict[Any, str] = {None: DEC}
_DATA_MAP: dict[Any, str] = {None: DATA}
_VERSION = "4.8"  # of the interface: its element widths are the ones of the data
_ANSWERS = {"yes": "1", "no": "0", "blank": "9", None: "9"}
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class DataDocument:
    """What the one XML file of an application says."""

    application_no: str
    made_at: str
    snapshots: Sequence[Snapshot]
    failed: Sequence[FailedEntry]


def to_xml(document: DataDocument) -> bytes:
    """All messages of an application under one root, then receipts' facts and failed numbers."""
    root = etree.Element(
        f"{{{DATA}}}DeclarationData",
        {"ApplicationNo": document.application_no, "MadeAt": document.made_at},
        nsmap=_DATA_MAP,
    )
    for snapshot in document.snapshots:
        root.append(_message(snapshot))
    for snapshot in document.snapshots:
        etree.SubElement(root, f"{{{DATA}}}Facts", _facts(snapshot.data))
    for one in document.failed:
        etree.SubElement(
            root, f"{{{DATA}}}Failed", {"EntryId": one.entry_id, "Code": one.reason_code}
        )
    return _bytes(root)


def message_xml(snapshot: Snapshot) -> bytes:
    """One declaration as a document of its own."""
    return _bytes(_message(snapshot))


def _bytes(root: etree._Element) -> bytes:
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _facts(data: DeclarationData) -> dict[str, str]:
    """What the message has no element for; absent ones are left out."""
    facts = {
        "EntryId": data.entry_id,
        "FormKind": data.form_kind,
        "PreEntryId": data.pre_entry_id,
        "DeclaredOn": data.declared_on,
        "ClearedOn": data.cleared_on,
    }
    return {name: _clean(str(value)) for name, value in facts.items() if value is not None}


def _message(snapshot: Snapshot) -> etree._Element:
    data = snapshot.data
    root = etree.Element(f"{{{DEC}}}DecMessage", {"Version": _VERSION}, nsmap=_DEC_MAP)
    _record(root, "DecHead", _head(snapshot))
    goods = _section(root, "DecLists")
    for line in data.goods:
        _record(goods, "DecList", _goods(line, export=data.ie_flag == "E"))
    containers = _section(root, "DecContainers")
    for container in data.containers:
        _record(containers, "Container", _container(container))
    licences = _section(root, "DecLicenseDocus")
    for licence in data.licenses:
        _record(
            licences, "LicenseDocu", (("DocuCode", licence.type_code), ("CertCode", licence.number))
        )
    if data.other_package_types:
        packs = _section(root, "DecOtherPacks")
        for pack in data.other_package_types:
            _record(packs, "DecOtherPack", (("PackType", pack.code),))
    _record(root, "DecFreeTxt", _free_text(data))
    for attachment in data.attachments:
        _record(
            root,
            "EdocRealation",
            (("EdocID", attachment.number), ("EdocCode", attachment.type_code)),
        )
    return root


def _section(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{DEC}}}{name}")


def _record(parent: etree._Element, name: str, pairs: Iterable[tuple[str, object]]) -> None:
    """A group of elements; absent values have none."""
    record = _section(parent, name)
    for element, value in pairs:
        if value is not None:
            _section(record, element).text = _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    return _clean(str(value))


def _clean(text: str) -> str:
    """Control characters cannot stand in XML 1.0: the replacement character does."""
    return _NOT_XML.sub("\ufffd", text)


def _head(snapshot: Snapshot) -> tuple[tuple[str, object], ...]:
    """DecHead in the order of the standard."""
    data = snapshot.data
    export = data.ie_flag == "E"
    freight, insurance, misc = (
        charge or Charge() for charge in (data.freight, data.insurance, data.misc)
    )
    return (
        ("SeqNo", data.seq_no),
        ("IEFlag", data.ie_flag),
        ("Type", snapshot.doc_type_code or None),
        ("AgentCode", data.agent_customs_code),
        ("AgentName", data.agent_name),
        ("BillNo", data.bill_no),
        ("ContrNo", data.contract_no),
        ("CustomMaster", data.customs_code),
        ("CutMode", data.levy_nature_code),
        ("DistinatePort", data.transit_port_code),
        ("FeeCurr", freight.currency),
        ("FeeMark", freight.mark),
        ("FeeRate", freight.amount),
        ("GrossWet", data.gross_weight_kg),
        ("IEDate", data.ie_date),
        ("IEPort", data.ie_port_code),
        ("InsurCurr", insurance.currency),
        ("InsurMark", insurance.mark),
        ("InsurRate", insurance.amount),
        ("LicenseNo", data.license_no),
        ("ManualNo", data.manual_no),
        ("NetWt", data.net_weight_kg),
        ("NoteS", data.remarks),
        ("OtherCurr", misc.currency),
        ("OtherMark", misc.mark),
        ("OtherRate", misc.amount),
        ("OwnerCode", data.owner_customs_code),
        ("OwnerName", data.owner_name),
        ("PackNo", data.package_count),
        ("TradeCode", data.trade_customs_code),
        ("TradeCountry", data.partner_country_code),
        ("TradeMode", data.supervision_mode_code),
        ("TradeName", data.trade_name),
        ("TrafMode", data.transport_mode_code),
        ("TrafName", data.transport_name),
        ("TransMode", data.deal_mode_code),
        ("WrapType", data.package_type_code),
        ("EntryId", data.entry_id),
        ("OwnerCodeScc", data.owner_uscc),
        ("AgentCodeScc", data.agent_uscc),
        ("TradeCoScc", data.trade_uscc),
        ("PromiseItmes", _promises(data.promises)),
        ("TradeAreaCode", data.trade_country_code),
        ("MarkNo", data.marks),
        ("DespPortCode", data.departure_port_code),
        ("EntyPortCode", data.border_port_code),
        ("GoodsPlace", data.goods_place),
        ("DeclareName", data.declarant_name),
        ("OverseasConsignorCode", None if export else data.overseas_code),
        ("OverseasConsignorEname", None if export else data.overseas_name),
        ("OverseasConsigneeCode", data.overseas_code if export else None),
        ("OverseasConsigneeEname", data.overseas_name if export else None),
    )


def _promises(promises: Promises | None) -> str | None:
    if promises is None:
        return None
    return "".join(
        _ANSWERS[answer]
        for answer in (
            promises.special_relation,
            promises.price_influence,
            promises.royalty,
            promises.formula_price,
            promises.provisional_price,
        )
    )


def _goods(line: Goods, *, export: bool) -> tuple[tuple[str, object], ...]:
    """DecList in the order of the standard; in exports the countries change places."""
    origin, destination = line.origin_country_code, line.destination_country_code
    if export:
        origin, destination = destination, origin
    return (
        ("CodeTS", line.hs_code),
        ("ContrItem", line.manual_item_no),
        ("DeclPrice", line.unit_price),
        ("DutyMode", line.duty_mode_code),
        ("GModel", line.specification),
        ("GName", line.name),
        ("GNo", line.line_no),
        ("OriginCountry", origin),
        ("TradeCurr", line.currency_code),
        ("DeclTotal", line.total_price),
        ("GQty", line.quantity),
        ("FirstQty", line.first_quantity),
        ("SecondQty", line.second_quantity),
        ("GUnit", line.unit_code),
        ("FirstUnit", line.first_unit_code),
        ("SecondUnit", line.second_unit_code),
        ("DestinationCountry", destination),
        ("CiqCode", line.ciq_code),
        ("DestCode", line.domestic_division_code),
        ("DistrictCode", line.domestic_district_code),
    )


def _container(container: Container) -> tuple[tuple[str, object], ...]:
    lines = ",".join(str(number) for number in container.goods_lines)
    return (
        ("ContainerId", container.container_no),
        ("ContainerMd", container.model_code),
        ("GoodsNo", lines or None),
        ("LclFlag", container.lcl),
    )


def _free_text(data: DeclarationData) -> tuple[tuple[str, object], ...]:
    return (
        ("RelId", data.related_entry_id),
        ("RelManNo", data.related_manual_no),
        ("VoyNo", data.voyage_no),
        ("DecBpNo", data.declarant_phone),
        ("DecNo", data.declarant_no),
    )
