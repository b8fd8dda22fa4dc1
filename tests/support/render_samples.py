"""Invented snapshots for render's tests: every field filled, or almost none."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

import msgspec

from services.kernel.contracts.declaration import (
    Attachment,
    Charge,
    Coded,
    Container,
    DeclarationData,
    Goods,
    Licence,
    Promises,
    Snapshot,
)

IMPORT_ID = "530120261000000018"
EXPORT_ID = "530120260000000026"


def goods(line_no: int = 1, **changes: object) -> Goods:
    """A goods line with every field filled."""
    line = Goods(
        line_no=line_no,
        manual_item_no="12",
        hs_code="0404210000",
        ciq_code="101",
        name="样例乳清粉",
        specification="4|3|用途:饲料|品牌:样例牌",
        quantity="700",
        unit_code="035",
        unit_name="千克",
        first_quantity="700.5",
        first_unit_code="035",
        first_unit_name="千克",
        second_quantity="0.70050",
        second_unit_code="070",
        second_unit_name="吨",
        unit_price="20.7000",
        total_price="14490.00",
        currency_code="USD",
        currency_name="美元",
        origin_country_code="USA",
        origin_country_name="美国",
        destination_country_code="CHN",
        destination_country_name="中国",
        domestic_district_code="32052",
        domestic_district_name="苏州高新区",
        domestic_division_code="320506",
        domestic_division_name="苏州市吴中区",
        duty_mode_code="1",
        duty_mode_name="照章征税",
    )
    return replace(line, **changes)


def full_data(entry_id: str = IMPORT_ID, **changes: object) -> DeclarationData:
    """A declaration with every field filled."""
    data = DeclarationData(
        entry_id=entry_id,
        pre_entry_id=entry_id,
        seq_no="I20260000999900001",
        ie_flag="I",
        form_kind="import_declaration",
        customs_code="5301",
        customs_name="皇岗海关",
        ie_port_code="5304",
        ie_port_name="蛇口海关",
        ie_date=date(2026, 11, 1),
        declared_on=date(2026, 11, 2),
        cleared_on=date(2026, 11, 5),
        manual_no="C53012600001",
        trade_uscc="91990000MA0TEAAA29",
        trade_customs_code="5301910001",
        trade_name="示例甲进出口有限公司",
        overseas_code="NO",
        overseas_name="SAMPLE BLUE HERON TRADING LLC",
        owner_uscc="91990000MA0TEAAA29",
        owner_customs_code="5301910001",
        owner_name="示例甲进出口有限公司",
        agent_uscc="91990000MA0TEBBB3X",
        agent_customs_code="5301980002",
        agent_name="样例报关有限公司",
        transport_mode_code="2",
        transport_mode_name="水路运输",
        transport_name="SAMPLE STAR 12",
        voyage_no="103W",
        bill_no="SAMP26110001",
        goods_place="样例一期堆场",
        supervision_mode_code="0110",
        supervision_mode_name="一般贸易",
        levy_nature_code="101",
        levy_nature_name="一般征税",
        license_no="26-AA-000001",
        departure_port_code="USA264",
        departure_port_name="长滩（美国）",
        contract_no="SC-2026-0001",
        trade_country_code="USA",
        trade_country_name="美国",
        partner_country_code="USA",
        partner_country_name="美国",
        transit_port_code="USA264",
        transit_port_name="长滩（美国）",
        border_port_code="470401",
        border_port_name="蛇口",
        package_type_code="22",
        package_type_name="纸制或纤维板制盒/箱",
        other_package_types=[Coded("93", "天然木托"), Coded("99", "其他包装")],
        package_count=47,
        gross_weight_kg="807.8832",
        net_weight_kg="748.04",
        deal_mode_code="3",
        deal_mode_name="FOB",
        freight=Charge("2", "35.5", "USD"),
        insurance=Charge("1", "0.3", None),
        misc=Charge("3", "-120.00", "CNY"),
        promises=Promises("yes", "no", "blank", "no", "blank"),
        self_declared_tax=True,
        remarks="=1+1 备注",
        marks="N/M",
        related_entry_id="530120261000000009",
        related_manual_no="C00002500009",
        declarant_name="报关员乙",
        declarant_no="9900000000017",
        declarant_phone="0755-00000000",
        licenses=[Licence(1, "Y", "原产地证明", "<10>SAMPLE25000001")],
        attachments=[Attachment("00000001", "发票", "4258000000IM0001")],
        containers=[
            Container("ZZZU3001113", "21", "海运40尺标准集装箱", lcl=False, goods_lines=[1, 2])
        ],
        goods=[goods(1), goods(2, name="样例乳糖", unit_price="0.12345")],
    )
    return replace(data, **changes)


def bare_data(entry_id: str = EXPORT_ID) -> DeclarationData:
    """A declaration with as little as one can have."""
    return DeclarationData(
        entry_id=entry_id, ie_flag="E", form_kind="export_declaration", goods=[Goods(line_no=1)]
    )


def snapshot(data: DeclarationData | None = None, doc_type_code: str = "") -> Snapshot:
    """A snapshot of `data` (default: the full one) with a digest of its content."""
    data = data or full_data()
    digest = hashlib.sha256(msgspec.json.encode(data)).hexdigest()
    return Snapshot(data.entry_id, 1, digest, doc_type_code, data)
