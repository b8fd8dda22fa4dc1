"""The 24 curated samples: each shows one thing that a declaration can be."""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING

from deploy.local.samples import world
from deploy.local.samples.declaration import Declaration, Plan, Special, build, entry_id

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_SEED = 2018
_FIRST_SERIAL = 999_900_001
_INDUSTRIAL = "8413709990 8481804090 8482102000 8483409000 7318159090 7326901900 9031809090"
_ELECTRONIC = "8504401990 8507600090 8534009000 8536690000 8528591090 8471309000"
_FOOD = "2204210000 0203290090 1806900000 1905310000 0901210000 0402210000"
_GARMENT = "6109100010 6203429090 6403990090 4202220000"
_HAICANG = world.Route(
    "3701",
    "3701",
    "390101",
    "2",
    "海沧样例堆场三区东侧第二十七排五号仓库（恒温恒湿精密设备专用库位，须预约提货）",
)
_LONG_GOODS_NAME = (
    "带视觉定位与在线测量功能的半导体封装测试用全自动上料压装点胶固化分选一体机"
    "（含专用夹具、校准件及备用传感器，散件进口，拼装后成套）"
)
_LONG_SPECIFICATION = (
    "4|3|用途:用于半导体后段封装测试生产线的自动上料、视觉定位、压装、点胶、固化与下线分选"
    "|功能:自动上料压装并在线测量|品牌:样例牌（中文）SAMPLE BRAND（外文）"
    "|型号:SA-900-XL-2025-REV.C|控制方式:可编程控制器|电压:AC380V 50Hz|"
    "随机附件:专用夹具2套、校准件1套、备用传感器4只、操作手册1册"
    "|其他:整机分三件木箱包装，拼装后为一台完整设备"
)
_LONG_REMARKS = (
    "本批货物为成套设备分批到货的第二批，前批报关单号见关联报关单；收货人与使用单位一致；"
    "随机附件不单独计价；设备须在恒温恒湿环境下开箱，请勿倒置；"
    "如需开箱查验请提前联系收货人到场；本备注用于检验长文本的换行与截断。"
)
_LONG_MARKS = (
    "SAMPLE/XIAMEN/CASE NO. 1-3/FRAGILE/THIS SIDE UP/DO NOT STACK/KEEP DRY/GROSS 2460 KGS/"
    "NET 2300 KGS/MEAS. 420*220*260 CM/MADE IN GERMANY/ORDER NO. SC-2025-LONG-"
    "000000000000000000000000000000000001"
)
_MIXED_REMARKS = (
    '㙍、𠮷、䶮；（全角）［括号］《书名》“引号”—…·￥％＃＆＜＞　半角 <tag> & "quote" '
    "① ㈱ ㎡ Ⅲ é Ö ß µ ±5℃"
)


def curated(seed: int = DEFAULT_SEED) -> list[Declaration]:
    """All of them, in order; the same seed gives the same bytes."""
    rng = random.Random(seed)  # noqa: S311  # samples must repeat; nothing here is a secret
    made = []
    for place, (name, plan) in enumerate(_PLANS):
        sample = build(rng, f"{place + 1:02d}_{name}", _FIRST_SERIAL + place, plan)
        if name in _TOUCHES:
            _TOUCHES[name](sample)
        made.append(sample)
    return made


def _wares(codes: str, count: int) -> tuple[world.Ware, ...]:
    chosen = [world.WARE[code] for code in codes.split()]
    return tuple(chosen[place % len(chosen)] for place in range(count))


_PLANS: tuple[tuple[str, Plan], ...] = (
    (
        "import_one_item",
        Plan(
            "I",
            world.MACHINES,
            world.PARTNER["DEU"],
            world.SEA_SHANGHAI,
            _wares("8479899990", 1),
            declared_on=date(2025, 9, 10),
            closed_on=date(2025, 9, 12),
            wrap="23",
            currency="EUR",
            note="one item, CIF, no charges",
        ),
    ),
    (
        "export_six_items",
        Plan(
            "E",
            world.ELECTRONICS,
            world.PARTNER["USA"],
            world.SEA_YANGSHAN,
            _wares(_ELECTRONIC, 6),
            declared_on=date(2025, 9, 15),
            closed_on=date(2025, 9, 22),
            containers=1,
            note="six items: the first page is full; export swap",
        ),
    ),
    (
        "import_seven_items_twelve_containers",
        Plan(
            "I",
            world.TRADING,
            world.PARTNER["THA"],
            world.SEA_NINGBO,
            _wares(
                "4011100000 3901100090 4016931000 4412339090 3926909090 7606125900 3919909090", 7
            ),
            declared_on=date(2025, 10, 9),
            closed_on=date(2025, 10, 13),
            containers=12,
            wrap="92",
            note="seven items: first continuation page; twelve containers of 1 and 2 TEU",
        ),
    ),
    (
        "export_twenty_items_road",
        Plan(
            "E",
            world.SOUTH,
            world.PARTNER["HKG"],
            world.ROAD_HUANGGANG,
            _wares(_ELECTRONIC + " 3926909090 7323930000", 20),
            declared_on=date(2025, 10, 20),
            closed_on=date(2025, 10, 21),
            broker=world.BROKER_SOUTH,
            trans_mode="1",
            currency="HKD",
            note="twenty items: the second page is full; road transport with Chinese characters; "
            "CIF export with charges; owner code NO",
        ),
    ),
    (
        "import_twentyone_items_air",
        Plan(
            "I",
            world.ELECTRONICS,
            world.PARTNER["JPN"],
            world.AIR_PUDONG,
            _wares(_ELECTRONIC + " " + _INDUSTRIAL, 21),
            declared_on=date(2025, 11, 3),
            closed_on=date(2025, 11, 4),
            trans_mode="3",
            currency="JPY",
            promise="01000",
            note="twenty-one items: third page with one item; air: flight number, no voyage; "
            "FOB with freight total and insurance rate; AEO partner",
        ),
    ),
    (
        "export_fifty_items",
        Plan(
            "E",
            world.GARMENTS,
            world.PARTNER["NLD"],
            world.SEA_NANSHA,
            _wares(_GARMENT + " 9503008900 6911101900 7323930000 9403200000 9401710000", 50),
            declared_on=date(2025, 11, 10),
            closed_on=date(2025, 11, 18),
            broker=None,
            containers=2,
            currency="EUR",
            note="fifty items, the most a message holds: five pages; declared by the trader itself",
        ),
    ),
    (
        "import_filing_list",
        Plan(
            "I",
            world.WAREHOUSE,
            world.PARTNER["AUS"],
            world.ZONE_WAIGAOQIAO,
            _wares(_FOOD, 4),
            declared_on=date(2025, 9, 18),
            closed_on=date(2025, 9, 19),
            doc_type="ML",
            trade_mode="1234",
            cut_mode="",
            duty_mode="3",
            record_no="H00002500001",
            retention_years=5,
            note="进境备案清单: no 征免性质, no 征免 column",
        ),
    ),
    (
        "export_filing_list_two_pages",
        Plan(
            "E",
            world.WAREHOUSE,
            world.PARTNER["SGP"],
            world.ZONE_WAIGAOQIAO,
            _wares(_INDUSTRIAL + " " + _ELECTRONIC, 8),
            declared_on=date(2025, 10, 27),
            closed_on=date(2025, 10, 30),
            doc_type="LY",
            trade_mode="5034",
            cut_mode="",
            duty_mode="3",
            record_no="H00002500002",
            retention_years=5,
            note="出境备案清单, two pages; AEO partner",
        ),
    ),
    (
        "import_seven_licences",
        Plan(
            "I",
            world.FOODS,
            world.PARTNER["NZL"],
            world.SEA_QINGDAO,
            _wares(_FOOD, 6),
            declared_on=date(2025, 11, 17),
            closed_on=date(2025, 11, 24),
            containers=1,
            wrap="06",
            trans_mode="2",
            note="seven licence documents (the most), certificate of origin first in print, "
            "licence per item, C&F with insurance",
        ),
    ),
    (
        "import_long_names",
        Plan(
            "I",
            world.LONG_NAME,
            world.PARTNER["DEU"],
            _HAICANG,
            _wares("8479899990 9031809090", 2),
            declared_on=date(2025, 12, 1),
            closed_on=date(2025, 12, 3),
            wrap="23",
            currency="EUR",
            remarks=_LONG_REMARKS,
            marks=_LONG_MARKS,
            specials={1: Special(_LONG_GOODS_NAME, _LONG_SPECIFICATION)},
            note="names, specification, marks and remarks that must wrap or be cut",
        ),
    ),
    (
        "import_second_quantity_absent",
        Plan(
            "I",
            world.TRADING,
            world.PARTNER["KOR"],
            world.SEA_NINGBO,
            _wares("7318159090 8482102000 3901100090 8507600090 7606125900", 5),
            declared_on=date(2025, 12, 8),
            closed_on=date(2025, 12, 10),
            specials={4: Special(drop_second=True)},
            note="legal quantity 2 absent by tariff (items 1, 3, 5) and left out (item 4)",
        ),
    ),
    (
        "import_charges_rate_unit_total",
        Plan(
            "I",
            world.FOODS,
            world.PARTNER["BRA"],
            world.SEA_QINGDAO,
            _wares("0203290090 0901210000", 2),
            declared_on=date(2025, 12, 10),
            closed_on=date(2025, 12, 18),
            trans_mode="3",
            note="freight as unit price per tonne, insurance as rate, other charges as a negative "
            "total",
        ),
    ),
    (
        "export_charges_rate",
        Plan(
            "E",
            world.GARMENTS,
            world.PARTNER["GBR"],
            world.AIR_GUANGZHOU,
            _wares(_GARMENT, 3),
            declared_on=date(2025, 12, 11),
            closed_on=date(2025, 12, 12),
            trans_mode="1",
            currency="GBP",
            note="freight as rate, insurance as total",
        ),
    ),
    (
        "import_all_confirmations",
        Plan(
            "I",
            world.MACHINES,
            world.PARTNER["ITA"],
            world.SEA_SHANGHAI,
            _wares(_INDUSTRIAL, 3),
            declared_on=date(2025, 12, 15),
            closed_on=date(2025, 12, 17),
            promise="11111",
            doc_type="CL",
            remarks="<总担保SAMPLE0001>",
            note="all five confirmations yes; 汇总征税 mark; remark begins with an angle bracket",
        ),
    ),
    (
        "export_blank_confirmations",
        Plan(
            "E",
            world.MACHINES,
            world.PARTNER["VNM"],
            world.SEA_SHANGHAI,
            _wares(_INDUSTRIAL, 2),
            declared_on=date(2025, 12, 16),
            closed_on=date(2025, 12, 19),
            promise="99999",
            doc_type="SZ",
            note="confirmations blank (9); 水运中转 type",
        ),
    ),
    (
        "import_mixed_characters",
        Plan(
            "I",
            world.RARE_NAME,
            world.PARTNER["JPN"],
            world.AIR_PUDONG,
            _wares("9027899090 9018909919 9031809090", 3),
            declared_on=date(2025, 12, 18),
            closed_on=date(2025, 12, 22),
            currency="CNY",
            remarks=_MIXED_REMARKS,
            marks="ＡＢＣ１２３/ABC123/𠮷野家様見本/№ 7",
            specials={
                1: Special(
                    "成分分析仪（㙍型，含“𠮷”字标牌）",
                    "4|3|用途:分析|原理:近红外|波长:900～1700㎚|品牌:䶮牌/YAN|型号:Ａ－１｜B-2",
                ),
                3: Special("尺寸测量仪 (half-width) <&> 'quoted'"),
            },
            note="ASCII, CJK, GB18030 four-byte characters, full-width forms, XML special "
            "characters",
        ),
    ),
    (
        "old_form_before_2018_08",
        Plan(
            "I",
            world.MACHINES,
            world.PARTNER["JPN"],
            world.SEA_SHANGHAI,
            _wares(_INDUSTRIAL, 3),
            declared_on=date(2018, 7, 10),
            closed_on=date(2018, 7, 16),
            version="3.1",
            note="old form: numeric country and currency codes, 境内目的地 in the head; status "
            "旧版本暂不支持; receipts in GB2312",
        ),
    ),
    (
        "import_not_closed_settled",
        Plan(
            "I",
            world.MACHINES,
            world.PARTNER["DEU"],
            world.SEA_SHANGHAI,
            _wares(_INDUSTRIAL, 4),
            declared_on=date(2026, 1, 9),
            closed_on=None,
            last_channel="G",
            currency="EUR",
            note="settled, not yet closed",
        ),
    ),
    (
        "export_not_closed_inspection",
        Plan(
            "E",
            world.ELECTRONICS,
            world.PARTNER["USA"],
            world.SEA_YANGSHAN,
            _wares(_ELECTRONIC, 3),
            declared_on=date(2026, 1, 12),
            closed_on=None,
            last_channel="C",
            containers=1,
            note="inspection notice, not yet closed",
        ),
    ),
    (
        "import_deleted",
        Plan(
            "I",
            world.TRADING,
            world.PARTNER["KOR"],
            world.SEA_NINGBO,
            _wares(_INDUSTRIAL, 2),
            declared_on=date(2025, 11, 25),
            closed_on=None,
            last_channel="D",
            note="deleted by customs after acceptance",
        ),
    ),
    (
        "import_general_expired",
        Plan(
            "I",
            world.MACHINES,
            world.PARTNER["ITA"],
            world.SEA_SHANGHAI,
            _wares(_INDUSTRIAL, 3),
            declared_on=date(2022, 2, 21),
            closed_on=date(2022, 2, 28),
            version="3.1",
            currency="EUR",
            note="closed more than three years ago: retention is over",
        ),
    ),
    (
        "import_processing_trade",
        Plan(
            "I",
            world.ELECTRONICS,
            world.PARTNER["KOR"],
            world.AIR_PUDONG,
            _wares(_ELECTRONIC, 5),
            declared_on=date(2021, 6, 1),
            closed_on=date(2021, 6, 3),
            version="3.1",
            trade_mode="0615",
            cut_mode="503",
            duty_mode="3",
            record_no="C00002100001",
            retention_years=5,
            note="processing trade: five years, still kept",
        ),
    ),
    (
        "import_duty_exempt",
        Plan(
            "I",
            world.MACHINES,
            world.PARTNER["DEU"],
            world.SEA_SHANGHAI,
            _wares("8479899990", 1),
            declared_on=date(2018, 8, 20),
            closed_on=date(2018, 9, 3),
            version="3.1",
            trade_mode="2025",
            cut_mode="789",
            duty_mode="3",
            record_no="Z00001800001",
            retention_years=11,
            currency="EUR",
            promise="100",
            note="duty exempt: eleven years; first weeks of the new form; three confirmations",
        ),
    ),
    (
        "import_empty_elements",
        Plan(
            "I",
            world.TRADING,
            world.PARTNER["HKG"],
            world.SEA_NINGBO,
            _wares("8536690000 3926909090", 2),
            declared_on=date(2025, 12, 22),
            closed_on=date(2025, 12, 24),
            trans_mode="7",
            note="every optional element written, most of them empty; EXW",
        ),
    ),
)


# --- what no plan says --------------------------------------------------------------------------


def _mix_containers(made: Declaration) -> None:
    made.containers[4]["ContainerMd"] = "13"
    made.containers[5]["ContainerMd"] = "32"
    made.containers[6].update(ContainerMd="31", LclFlag="1")


def _name_no_owner(made: Declaration) -> None:
    made.head.update(
        OwnerCodeScc="NO",
        OwnerCode="NO",
        OwnerName="样例个体工商户（无统一社会信用代码）",
        TrafName="粤样A12345",
    )


def _add_licences(made: Declaration) -> None:
    made.head["LicenseNo"] = "25-AA-999001"
    made.licences = [
        {"DocuCode": "7", "CertCode": "25-AA-999001"},
        {"DocuCode": "A", "CertCode": "370200125999001"},
        {"DocuCode": "t", "CertCode": "SAMPLE-TRQ-25-0001"},
        {"DocuCode": "Y", "CertCode": "<10>SAMPLECOO25000001"},
        {"DocuCode": "O", "CertCode": "25-ZZ-999002"},
        {"DocuCode": "r", "CertCode": "SAMPLE-PRECLASS-9"},
        {"DocuCode": "s", "CertCode": "样例证明字〔2025〕第9号"},
    ]
    made.origin_relations = [
        {
            "CertType": "Y10",
            "EcoCertNo": "SAMPLECOO25000001",
            "DecGNo": line["GNo"],
            "EcoGNo": line["GNo"],
        }
        for line in made.goods[:3]
    ]
    permit: dict[str, str | None] = {"GoodsNo": "2", "LicTypeCode": "519"}
    written_off = {"LicWrtofDetailNo": "1", "LicWrtofQty": "100"}
    made.goods_limits[2] = [
        {**permit, "LicenceNo": "SAMPLE-PERMIT-0001", **written_off},
        {**permit, "LicTypeCode": "520", "LicenceNo": "SAMPLE-PERMIT-0002"},
    ]


def _lengthen(made: Declaration) -> None:
    name = (
        "SAMPLE KESTREL PRECISION ASSEMBLY AND TEST EQUIPMENT HOLDING GMBH & CO. KG, "
        "ZWEIGNIEDERLASSUNG"
    )
    made.head["OverseasConsignorEname"] = name[:100]
    made.free["RelId"] = entry_id("3701", 2025, "I", 999_899_999)


def _charge_by_unit(made: Declaration) -> None:
    made.head.update(FeeMark="2", FeeCurr="USD", FeeRate="85.50000")
    made.head.update(InsurMark="1", InsurRate="0.30000")
    made.head.update(OtherMark="3", OtherCurr="USD", OtherRate="-150.5")


def _charge_by_rate(made: Declaration) -> None:
    made.head.update(FeeMark="1", FeeRate="5", FeeCurr=None)
    made.head.update(InsurMark="3", InsurCurr="GBP", InsurRate="120")


def _relate(made: Declaration) -> None:
    made.other_packs = [
        {"PackQty": "3", "PackType": "93"},
        {"PackQty": "2", "PackType": "99"},
    ]
    made.head["NoOtherPack"] = "0"
    made.free.update(RelId=entry_id("2225", 2025, "I", 999_899_998), RelManNo="C00002500009")


_NOT_IN_OLD_FORM = (
    "DespPortCode",
    "EntyPortCode",
    "GoodsPlace",
    "DespDate",
    "NoOtherPack",
    "DeclareName",
    "MarkNo",
    "OverseasConsignorCode",
    "OverseasConsignorEname",
    "TradeCoScc",
)


def write_in_old_form(made: Declaration) -> None:
    """Turn a declaration into one as it was written before 2018-08-01."""
    made.old_form = True
    for name in _NOT_IN_OLD_FORM:
        made.head.pop(name, None)
    made.head.update(
        TradeCountry="116",
        TradeAreaCode="116",
        DistinatePort="1331",
        WrapType="2",
        DistrictCode="31222",
        PayWay="",
        PaymentMark="",
        InRatio="",
        TradeCodeScc=made.plan.trader.uscc,
    )
    for line in made.goods:
        line.update(OriginCountry="116", DestinationCountry="142", TradeCurr="502")
        for name in ("CiqCode", "DistrictCode", "DestCode"):
            line.pop(name)


def _write_empty_elements(made: Declaration) -> None:
    made.emit_empty = True


_TOUCHES: dict[str, Callable[[Declaration], None]] = {
    "import_seven_items_twelve_containers": _mix_containers,
    "export_twenty_items_road": _name_no_owner,
    "import_seven_licences": _add_licences,
    "import_long_names": _lengthen,
    "import_charges_rate_unit_total": _charge_by_unit,
    "export_charges_rate": _charge_by_rate,
    "import_all_confirmations": _relate,
    "old_form_before_2018_08": write_in_old_form,
    "import_empty_elements": _write_empty_elements,
}
