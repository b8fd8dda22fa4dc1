"""The constant words of the four forms: titles and labels, by box number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.kernel.contracts.declaration import FormKind

# box -> first and last cell of its row; rows 1 to 4 have five cells, row 5 has eight
Spans = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Words:
    """One form kind: its title, the labels of its boxes, their spans, its goods columns."""

    title: str
    labels: dict[str, str]
    spans: Spans
    goods: dict[str, str]
    filing_list: bool


_SHARED = {
    "1.4": "申报日期",
    "1.5": "备案号",
    "2.2": "运输方式",
    "2.3": "运输工具名称及航次号",
    "2.4": "提运单号",
    "3.2": "监管方式",
    "3.3": "征免性质",
    "3.4": "许可证号",
    "4.1": "合同协议号",
    "4.2": "贸易国（地区）",
    "5.1": "包装种类",
    "5.2": "件数",
    "5.3": "毛重(千克)",
    "5.4": "净重(千克)",
    "5.5": "成交方式",
    "5.6": "运费",
    "5.7": "保费",
    "5.8": "杂费",
    "6": "随附单证及编号",
    "7": "标记唛码及备注",
}
_IMPORT = {
    "1.1": "境内收货人",
    "1.2": "进境关别",
    "2.1": "境外发货人",
    "2.5": "货物存放地点",
    "3.1": "消费使用单位",
    "3.5": "启运港",
    "4.3": "启运国（地区）",
    "4.4": "经停港",
    "4.5": "入境口岸",
}
_EXPORT = {
    "1.1": "境内发货人",
    "1.2": "出境关别",
    "2.1": "境外收货人",
    "3.1": "生产销售单位",
    "4.3": "运抵国（地区）",
    "4.4": "指运港",
    "4.5": "离境口岸",
}
_GOODS = {
    "G.1": "项号",
    "G.2": "商品编号",
    "G.3": "商品名称及规格型号",
    "G.4": "数量及单位",
    "G.5": "单价/总价/币制",
    "G.6": "原产国（地区）",
    "G.7": "最终目的国（地区）",
    "G.8": "境内目的地",
    "G.9": "征免",
}
CONFIRMATIONS = (
    "特殊关系确认:",
    "价格影响确认:",
    "支付特许权使用费确认:",
    "公式定价确认:",
    "暂定价格确认:",
    "自报自缴:",
)
STATEMENT = "兹申明对以上内容承担如实申报、依法纳税之法律责任"
PRE_ENTRY = "预录入编号："
ENTRY = "海关编号："
PAGE_NO = "页码/页数:"
EMBLEM = "关徽位"
DEMO = "演示数据"
COLLECTIVE_TAX = "汇总征税"
SEAL_ELSEWHERE = "样章见第1页 / specimen seal on page 1"
CODE = "验证码 "
CHECK = "  查验 "


def _spans(*, export: bool, filing_list: bool) -> Spans:
    spans = {f"{row}.{cell}": (cell, cell) for row in range(1, 5) for cell in range(1, 6)}
    if export:
        spans["2.4"], spans["3.4"] = (4, 5), (4, 5)
        del spans["2.5"], spans["3.5"]
    if filing_list:
        spans["3.2"] = (2, 3)
        del spans["3.3"]
    return spans | {f"5.{cell}": (cell, cell) for cell in range(1, 9)}


def _words(kind: str, title: str, date_label: str) -> Words:
    export, filing_list = kind.startswith("export"), kind.endswith("record_list")
    spans = _spans(export=export, filing_list=filing_list)
    labels = _SHARED | (_EXPORT if export else _IMPORT) | {"1.3": date_label}
    goods = _GOODS | ({"G.8": "境内货源地"} if export else {})
    if filing_list:
        del goods["G.9"]
    shown = {box: labels[box] for box in labels if box in spans or box in {"6", "7"}}
    return Words(title, shown, spans, goods, filing_list)


WORDS: dict[FormKind, Words] = {
    "import_declaration": _words(
        "import_declaration", "中华人民共和国海关进口货物报关单", "进口日期"
    ),
    "export_declaration": _words(
        "export_declaration", "中华人民共和国海关出口货物报关单", "出口日期"
    ),
    "import_record_list": _words(
        "import_record_list", "中华人民共和国海关进境货物备案清单", "进境日期"
    ),
    "export_record_list": _words(
        "export_record_list", "中华人民共和国海关出境货物备案清单", "出境日期"
    ),
}
