"""A customs declaration as every room knows it: the data of the HTTP API, section 14.

Named by meaning; imports and exports alike, without the official message's exchange of origin and
destination in exports. Coded fields are pairs `x_code`, `x_name`; amounts and quantities are
decimal strings; absent is None. Field metadata: `label` (Chinese), `dec` (place in DecMessage),
`table` (code table), `max` (characters).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

FormKind = Literal[
    "import_declaration", "export_declaration", "import_record_list", "export_record_list"
]
FORM_KIND_TEXTS: dict[str, str] = {
    "import_declaration": "进口货物报关单",
    "export_declaration": "出口货物报关单",
    "import_record_list": "进境货物备案清单",
    "export_record_list": "出境货物备案清单",
}
"""The official names of the four forms (announcement 2018-61)."""
Answer = Literal["yes", "no", "blank"]
SCHEMA = "danzheng-declaration-data/1"


def _f(label: str, dec: str = "", table: str = "", max_length: int = 0) -> Any:
    return field(
        default=None, metadata={"label": label, "dec": dec, "table": table, "max": max_length}
    )


@dataclass(frozen=True)
class Charge:
    """Freight, insurance or other charges. `mark`: 1 rate, 2 unit price, 3 total."""

    mark: str | None = _f("标记", table="fee_mark", max_length=1)
    amount: str | None = _f("费率/金额", max_length=19)
    currency: str | None = _f("币制", table="currency", max_length=3)


@dataclass(frozen=True)
class Promises:
    """The five confirmations of 价格说明, each `yes`, `no` or `blank`."""

    special_relation: Answer = _f("特殊关系确认", "DecHead/PromiseItmes")
    price_influence: Answer = _f("价格影响确认", "DecHead/PromiseItmes")
    royalty: Answer = _f("支付特许权使用费确认", "DecHead/PromiseItmes")
    formula_price: Answer = _f("公式定价确认", "DecHead/PromiseItmes")
    provisional_price: Answer = _f("暂定价格确认", "DecHead/PromiseItmes")


@dataclass(frozen=True)
class Coded:
    """A code and its official name."""

    code: str | None = _f("代码")
    name: str | None = _f("名称")


@dataclass(frozen=True)
class Licence:
    """随附单证: a licence or certificate named by code and number."""

    line_no: int = _f("序号")
    type_code: str | None = _f("单证代码", "LicenseDocu/DocuCode", "license_docu", 1)
    type_name: str | None = _f("单证名称", table="license_docu")
    number: str | None = _f("单证编号", "LicenseDocu/CertCode", max_length=32)


@dataclass(frozen=True)
class Attachment:
    """随附单据: an attached file, named only."""

    type_code: str | None = _f("单据类型代码", "EdocRealation/EdocCode", "edoc_type", 8)
    type_name: str | None = _f("单据类型", table="edoc_type")
    number: str | None = _f("单据编号", "EdocRealation/EdocID", max_length=64)


@dataclass(frozen=True)
class Container:
    """集装箱."""

    container_no: str | None = _f("集装箱号", "Container/ContainerId", max_length=32)
    model_code: str | None = _f("集装箱规格代码", "Container/ContainerMd", "container_model", 2)
    model_name: str | None = _f("集装箱规格", table="container_model")
    lcl: bool | None = _f("拼箱标识", "Container/LclFlag")
    goods_lines: list[int] = field(
        default_factory=list,
        metadata={"label": "商品项号", "dec": "Container/GoodsNo", "table": "", "max": 255},
    )


@dataclass(frozen=True)
class Goods:
    """One goods line; at most 50 in a declaration."""

    line_no: int = _f("项号", "DecList/GNo")
    manual_item_no: str | None = _f("备案序号", "DecList/ContrItem", max_length=19)
    hs_code: str | None = _f("商品编号", "DecList/CodeTS", max_length=10)
    ciq_code: str | None = _f("检验检疫编码", "DecList/CiqCode", max_length=20)
    name: str | None = _f("商品名称", "DecList/GName", max_length=255)
    specification: str | None = _f("规格型号", "DecList/GModel", max_length=255)
    quantity: str | None = _f("成交数量", "DecList/GQty", max_length=19)
    unit_code: str | None = _f("成交单位代码", "DecList/GUnit", "unit", 3)
    unit_name: str | None = _f("成交单位", table="unit")
    first_quantity: str | None = _f("法定第一数量", "DecList/FirstQty", max_length=19)
    first_unit_code: str | None = _f("法定第一单位代码", "DecList/FirstUnit", "unit", 3)
    first_unit_name: str | None = _f("法定第一单位", table="unit")
    second_quantity: str | None = _f("法定第二数量", "DecList/SecondQty", max_length=19)
    second_unit_code: str | None = _f("法定第二单位代码", "DecList/SecondUnit", "unit", 3)
    second_unit_name: str | None = _f("法定第二单位", table="unit")
    unit_price: str | None = _f("单价", "DecList/DeclPrice", max_length=19)
    total_price: str | None = _f("总价", "DecList/DeclTotal", max_length=19)
    currency_code: str | None = _f("币制代码", "DecList/TradeCurr", "currency", 3)
    currency_name: str | None = _f("币制", table="currency")
    origin_country_code: str | None = _f("原产国代码", "DecList/OriginCountry", "country", 3)
    origin_country_name: str | None = _f("原产国（地区）", table="country")
    destination_country_code: str | None = _f(
        "最终目的国代码", "DecList/DestinationCountry", "country", 3
    )
    destination_country_name: str | None = _f("最终目的国（地区）", table="country")
    domestic_district_code: str | None = _f(
        "境内目的地/境内货源地代码", "DecList/DistrictCode", "district_domestic", 5
    )
    domestic_district_name: str | None = _f("境内目的地/境内货源地", table="district_domestic")
    domestic_division_code: str | None = _f(
        "目的地/产地行政区划代码", "DecList/DestCode", "admin_division", 6
    )
    domestic_division_name: str | None = _f("目的地/产地行政区划", table="admin_division")
    duty_mode_code: str | None = _f("征免代码", "DecList/DutyMode", "duty_mode", 1)
    duty_mode_name: str | None = _f("征免", table="duty_mode")


@dataclass(frozen=True)
class DeclarationData:
    """`declarations[]` of the JSON export, in the order of section 14."""

    entry_id: str = _f("海关编号", "DecHead/EntryId", max_length=18)
    pre_entry_id: str | None = _f("预录入编号", max_length=18)
    seq_no: str | None = _f("统一编号", "DecHead/SeqNo", max_length=18)
    ie_flag: Literal["I", "E"] = _f("进出口标志", "DecHead/IEFlag", max_length=1)
    form_kind: FormKind = _f("单证种类")
    customs_code: str | None = _f("申报地海关代码", "DecHead/CustomMaster", "customs_district", 4)
    customs_name: str | None = _f("申报地海关", table="customs_district")
    ie_port_code: str | None = _f("进/出境关别代码", "DecHead/IEPort", "customs_district", 4)
    ie_port_name: str | None = _f("进/出境关别", table="customs_district")
    ie_date: date | None = _f("进/出口日期", "DecHead/IEDate")
    declared_on: date | None = _f("申报日期")
    cleared_on: date | None = _f("结关日期")
    manual_no: str | None = _f("备案号", "DecHead/ManualNo", max_length=12)
    trade_uscc: str | None = _f(
        "境内收/发货人统一社会信用代码", "DecHead/TradeCoScc", max_length=18
    )
    trade_customs_code: str | None = _f("境内收/发货人海关编码", "DecHead/TradeCode", max_length=10)
    trade_name: str | None = _f("境内收/发货人", "DecHead/TradeName", max_length=100)
    overseas_code: str | None = _f(
        "境外发/收货人代码",
        "DecHead/OverseasConsignorCode|DecHead/OverseasConsigneeCode",
        max_length=50,
    )
    overseas_name: str | None = _f(
        "境外发/收货人",
        "DecHead/OverseasConsignorEname|DecHead/OverseasConsigneeEname",
        max_length=400,
    )
    owner_uscc: str | None = _f(
        "消费使用/生产销售单位统一社会信用代码", "DecHead/OwnerCodeScc", max_length=18
    )
    owner_customs_code: str | None = _f(
        "消费使用/生产销售单位海关编码", "DecHead/OwnerCode", max_length=18
    )
    owner_name: str | None = _f("消费使用/生产销售单位", "DecHead/OwnerName", max_length=100)
    agent_uscc: str | None = _f("申报单位统一社会信用代码", "DecHead/AgentCodeScc", max_length=18)
    agent_customs_code: str | None = _f("申报单位海关编码", "DecHead/AgentCode", max_length=18)
    agent_name: str | None = _f("申报单位", "DecHead/AgentName", max_length=100)
    transport_mode_code: str | None = _f("运输方式代码", "DecHead/TrafMode", "traf_mode", 1)
    transport_mode_name: str | None = _f("运输方式", table="traf_mode")
    transport_name: str | None = _f("运输工具名称", "DecHead/TrafName", max_length=50)
    voyage_no: str | None = _f("航次号", "DecFreeTxt/VoyNo", max_length=32)
    bill_no: str | None = _f("提运单号", "DecHead/BillNo", max_length=32)
    goods_place: str | None = _f("货物存放地点", "DecHead/GoodsPlace", max_length=100)
    supervision_mode_code: str | None = _f("监管方式代码", "DecHead/TradeMode", "trade_mode", 4)
    supervision_mode_name: str | None = _f("监管方式", table="trade_mode")
    levy_nature_code: str | None = _f("征免性质代码", "DecHead/CutMode", "cut_mode", 3)
    levy_nature_name: str | None = _f("征免性质", table="cut_mode")
    license_no: str | None = _f("许可证号", "DecHead/LicenseNo", max_length=20)
    departure_port_code: str | None = _f("启运港代码", "DecHead/DespPortCode", "port", 6)
    departure_port_name: str | None = _f("启运港", table="port")
    contract_no: str | None = _f("合同协议号", "DecHead/ContrNo", max_length=32)
    trade_country_code: str | None = _f("贸易国代码", "DecHead/TradeAreaCode", "country", 3)
    trade_country_name: str | None = _f("贸易国（地区）", table="country")
    partner_country_code: str | None = _f("启运国/运抵国代码", "DecHead/TradeCountry", "country", 3)
    partner_country_name: str | None = _f("启运国/运抵国（地区）", table="country")
    transit_port_code: str | None = _f("经停港/指运港代码", "DecHead/DistinatePort", "port", 6)
    transit_port_name: str | None = _f("经停港/指运港", table="port")
    border_port_code: str | None = _f(
        "入境/离境口岸代码", "DecHead/EntyPortCode", "domestic_port", 6
    )
    border_port_name: str | None = _f("入境/离境口岸", table="domestic_port")
    package_type_code: str | None = _f("包装种类代码", "DecHead/WrapType", "wrap_type", 2)
    package_type_name: str | None = _f("包装种类", table="wrap_type")
    other_package_types: list[Coded] = field(
        default_factory=list,
        metadata={
            "label": "其他包装",
            "dec": "DecOtherPack/PackType",
            "table": "wrap_type",
            "max": 0,
        },
    )
    package_count: int | None = _f("件数", "DecHead/PackNo", max_length=9)
    gross_weight_kg: str | None = _f("毛重(千克)", "DecHead/GrossWet", max_length=19)
    net_weight_kg: str | None = _f("净重(千克)", "DecHead/NetWt", max_length=19)
    deal_mode_code: str | None = _f("成交方式代码", "DecHead/TransMode", "trans_mode", 1)
    deal_mode_name: str | None = _f("成交方式", table="trans_mode")
    freight: Charge | None = _f("运费", "DecHead/FeeMark|FeeRate|FeeCurr")
    insurance: Charge | None = _f("保费", "DecHead/InsurMark|InsurRate|InsurCurr")
    misc: Charge | None = _f("杂费", "DecHead/OtherMark|OtherRate|OtherCurr")
    promises: Promises | None = _f("价格说明", "DecHead/PromiseItmes")
    self_declared_tax: bool | None = _f("自报自缴", "DecHead/Type")
    remarks: str | None = _f("备注", "DecHead/NoteS", max_length=255)
    marks: str | None = _f("标记唛码", "DecHead/MarkNo", max_length=400)
    related_entry_id: str | None = _f("关联报关单号", "DecFreeTxt/RelId", max_length=18)
    related_manual_no: str | None = _f("关联备案号", "DecFreeTxt/RelManNo", max_length=12)
    declarant_name: str | None = _f("报关人员", "DecHead/DeclareName", max_length=50)
    declarant_no: str | None = _f("报关人员证号", "DecFreeTxt/DecNo", max_length=13)
    declarant_phone: str | None = _f("电话", "DecFreeTxt/DecBpNo", max_length=32)
    licenses: list[Licence] = field(
        default_factory=list, metadata={"label": "随附单证", "dec": "", "table": "", "max": 0}
    )
    attachments: list[Attachment] = field(
        default_factory=list, metadata={"label": "随附单据", "dec": "", "table": "", "max": 0}
    )
    containers: list[Container] = field(
        default_factory=list, metadata={"label": "集装箱", "dec": "", "table": "", "max": 0}
    )
    goods: list[Goods] = field(
        default_factory=list, metadata={"label": "商品", "dec": "", "table": "", "max": 0}
    )


@dataclass(frozen=True)
class Snapshot:
    """A declaration frozen for printing and export.

    `version` counts the versions received for the number, `digest` is the SHA-256 (hex) over the
    JSON of `data` and `doc_type_code`; `doc_type_code` is the official 单据类型 (prefix CL prints
    汇总征税).
    """

    entry_id: str
    version: int
    digest: str
    doc_type_code: str
    data: DeclarationData
