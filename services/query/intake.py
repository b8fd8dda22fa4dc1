"""Bytes of the Single Window to documents: DecMessage, status receipts, import responses.

Reads what customs once accepted, so limits of the schema are no reason to refuse. Refuses, with
a stable code, a place and a sentence, what is no such document or would poison the register.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from lxml import etree

from services.kernel.calendar import ZONE
from services.kernel.contracts.declaration import (
    Answer,
    Attachment,
    Charge,
    Coded,
    Container,
    DeclarationData,
    Goods,
    Licence,
    Promises,
)
from services.kernel.errors import DanzhengError
from services.query import identifiers
from services.query.domain import Document, Message, Receipt, Response, form_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lxml.etree import _Element

_UTF8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_GB = frozenset({"gb2312", "gbk", "gb18030"})  # GB 18030 contains the other two
_XML_DECLARATION = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<\?xml\s[^>]*?\?>")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_PROLOG = re.compile(r"(?:\s|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_MESSAGE_ROOT = "DecMessage"
_RECEIPT_ROOTS = frozenset({"DEC_RESULT", "DEC_DATA"})
_RESPONSE_ROOT = "DecImportResponse"
_ANSWERS: dict[str, Answer] = {"1": "yes", "0": "no"}
_SELF_DECLARED_TAX = "Z"  # 自报自缴 in the list of 2018; later messages do not say it
_DOMESTIC_PORT_DIGITS = 6

_SENTENCES = {
    "too-large": "文件超过 {limit} 字节，未读取。",
    "xml-encoding": "文件的字符编码不受支持或与声明不符，请使用 UTF-8 或 GB 18030。",
    "xml-doctype": "文件含有文档类型声明（DOCTYPE），出于安全原因不予接收。",
    "xml-malformed": "文件不是格式正确的 XML。",
    "xml-too-deep": "文件的元素嵌套过深。",
    "unknown-document": "不是报关单报文（DecMessage）或海关回执。",
    "missing": "缺少必填内容 {element}。",
    "entry-id": "报关单号格式错误。",
    "unified-no": "这是统一编号，请提供报关单号。",
    "uscc-check": "境内收发货人统一社会信用代码校验位错误。",
    "ie-flag": "进出口标志应为 I 或 E。",
    "bad-number": "{element} 不是数字。",
    "bad-date": "{element} 不是日期。",
}


class Refused(DanzhengError):
    """The document cannot enter the register.

    `code` is stable, `sentence` Chinese and for people; `line` and `element` tell where.
    """

    def __init__(
        self, code: str, *, line: int | None = None, element: str | None = None, limit: int = 0
    ) -> None:
        self.code = code
        self.line = line
        self.element = element
        self.sentence = _SENTENCES[code].format(element=element or "", limit=limit)
        super().__init__(f"{code} at line {line}, {element}" if line else code)


@dataclass(frozen=True)
class Limits:
    """How much one document may hold. Real ones have 50 KB and a depth of 6."""

    size_bytes: int = 4 * 1024 * 1024
    depth: int = 32


def read(body: bytes, limits: Limits, known: Mapping[str, frozenset[str]]) -> Document:
    """The document in `body`; `known` are the element names of each part, others are reported.

    Raises Refused.
    """
    if len(body) > limits.size_bytes:
        raise Refused("too-large", limit=limits.size_bytes)
    root = _parse(_text(body), limits)
    name = _local(root)
    if name == _MESSAGE_ROOT:
        return _MessageReader(root, known).read(hashlib.sha256(body).hexdigest())
    if name in _RECEIPT_ROOTS:
        return _receipt(root)
    if name == _RESPONSE_ROOT:
        return _response(root)
    raise Refused("unknown-document", line=_line(root), element=name)


# --- bytes to tree ------------------------------------------------------------------------------


def _text(body: bytes) -> str:
    found = _XML_DECLARATION.match(body)
    declared = _ENCODING.search(found.group()) if found else None
    encoding = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    if encoding not in _UTF8 | _GB:
        raise Refused("xml-encoding", line=1)
    rest = body[found.end() :] if found else body.removeprefix(b"\xef\xbb\xbf")
    try:
        text = rest.decode("gb18030" if encoding in _GB else "utf-8")
    except UnicodeDecodeError as fault:
        raise Refused("xml-encoding", line=1 + rest[: fault.start].count(b"\n")) from fault
    return "\n" * found.group().count(b"\n") + text if found else text


def _parse(text: str, limits: Limits) -> _Element:
    _refuse_doctype(text)
    try:
        root = etree.fromstring(text.encode(), _parser())
    except etree.XMLSyntaxError as fault:
        raise Refused("xml-malformed", line=fault.lineno) from fault
    _refuse_depth(root, limits.depth)
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )


def _refuse_doctype(text: str) -> None:
    prolog = _PROLOG.match(text)
    start = prolog.end() if prolog else 0
    if text.startswith("<!DOCTYPE", start):
        raise Refused("xml-doctype", line=1 + text[:start].count("\n"))


def _refuse_depth(root: _Element, limit: int) -> None:
    level = [root]
    for _ in range(limit):
        level = [child for parent in level for child in parent]
        if not level:
            return
    raise Refused("xml-too-deep", line=_line(level[0]), element=_local(level[0]))


def _local(node: _Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _line(node: _Element) -> int | None:
    line: Any = node.sourceline  # the stubs have no type for it
    return None if line is None else int(line)


def _value(node: _Element) -> str | None:
    text = (node.text or "").strip()
    return text or None


# --- DecMessage ---------------------------------------------------------------------------------


class _Section:
    """The filled children of one element by name; an empty one counts as absent."""

    def __init__(self, node: _Element | None, path: str) -> None:
        self.path = path
        self._node = node
        self._children = {} if node is None else {_local(child): child for child in node}

    def get(self, *names: str) -> str | None:
        """The text of the first of `names` that is filled."""
        for name in names:
            child = self._children.get(name)
            if child is not None and (text := _value(child)) is not None:
                return text
        return None

    def need(self, name: str) -> str:
        """The text of `name`. Raises Refused when it is absent."""
        text = self.get(name)
        if text is None:
            raise self.refused("missing", name)
        return text

    def number(self, name: str) -> str | None:
        """The number in `name`, as sent. Raises Refused when it is none."""
        text = self.get(name)
        if text is not None and not _NUMBER.fullmatch(text):
            raise self.refused("bad-number", name)
        return text

    def whole(self, name: str) -> int | None:
        """The whole number in `name`. Raises Refused when it is none."""
        text = self.number(name)
        if text is None:
            return None
        whole, _, fraction = text.partition(".")
        if fraction.strip("0") or not whole.isdecimal():
            raise self.refused("bad-number", name)
        return int(whole)

    def day(self, name: str) -> date | None:
        """The day in `name`, `yyyyMMdd` or `yyyy-MM-dd`. Raises Refused when it is none."""
        text = self.get(name)
        if text is None:
            return None
        try:
            return date.fromisoformat(text[:10])  # some senders add midnight
        except ValueError:
            raise self.refused("bad-date", name) from None

    def refused(self, code: str, name: str) -> Refused:
        """A refusal that names the place."""
        child = self._children.get(name, self._node)
        line = None if child is None else _line(child)
        return Refused(code, line=line, element=f"{self.path}/{name}")

    def names(self) -> Iterator[str]:
        """The names of all children, filled or not."""
        return iter(self._children)


class _MessageReader:
    """Reads one DecMessage; the meaning of each value stands in the contract's dictionary."""

    def __init__(self, root: _Element, known: Mapping[str, frozenset[str]]) -> None:
        self._root = root
        self._known = known
        self._warnings: list[str] = []
        self._parts = {_local(child): child for child in root}
        self._report_unknown(_Section(root, _MESSAGE_ROOT))
        self._head = self._section("DecHead")
        self._free = self._section("DecFreeTxt")

    def read(self, sha256: str) -> Message:
        head = self._head
        if "DecHead" not in self._parts:
            raise Refused("missing", line=_line(self._root), element="DecHead")
        ie_flag = _direction(head)
        doc_type = head.get("Type") or ""
        data = DeclarationData(
            **self._numbers(),
            ie_flag=ie_flag,
            form_kind=form_kind(ie_flag, doc_type),
            **self._parties(ie_flag),
            **self._journey(ie_flag),
            **self._terms(),
            **self._free_text(),
            self_declared_tax=True if doc_type == _SELF_DECLARED_TAX else None,
            licenses=self._licenses(),
            attachments=self._attachments(),
            containers=self._containers(),
            goods=self._goods(ie_flag),
        )
        district = head.get("DistrictCode") is not None
        return Message(data, doc_type, district, sha256, tuple(self._warnings))

    # -- head

    def _numbers(self) -> dict[str, Any]:
        head = self._head
        entry_id = head.need("EntryId")
        if not identifiers.is_entry_id(entry_id):
            code = "unified-no" if identifiers.is_unified_no(entry_id) else "entry-id"
            raise head.refused(code, "EntryId")
        return {
            "entry_id": entry_id,
            "pre_entry_id": entry_id,  # the two are equal on the prints; the message has only one
            "seq_no": head.get("SeqNo"),
            "customs_code": head.get("CustomMaster"),
            "ie_port_code": head.get("IEPort"),
            "ie_date": head.day("IEDate"),
            "manual_no": head.get("ManualNo"),
        }

    def _parties(self, ie_flag: str) -> dict[str, Any]:
        head = self._head
        abroad = "OverseasConsignor" if ie_flag == "I" else "OverseasConsignee"
        return {
            "trade_uscc": self._trade_uscc(),
            "trade_customs_code": head.get("TradeCode"),
            "trade_name": head.get("TradeName"),
            "overseas_code": head.get(f"{abroad}Code"),
            "overseas_name": head.get(f"{abroad}Ename", f"{abroad}Cname"),
            "owner_uscc": head.get("OwnerCodeScc"),
            "owner_customs_code": head.get("OwnerCode"),
            "owner_name": head.get("OwnerName"),
            "agent_uscc": head.get("AgentCodeScc"),
            "agent_customs_code": head.get("AgentCode"),
            "agent_name": head.get("AgentName"),
        }

    def _trade_uscc(self) -> str | None:
        name = "TradeCoScc" if self._head.get("TradeCoScc") else "TradeCodeScc"
        uscc = self._head.get(name)
        if uscc is None:
            self._warnings.append(f"{self._head.path}/TradeCoScc is absent: nobody owns it")
            return None
        if not identifiers.is_uscc(uscc):
            raise self._head.refused("uscc-check", name)
        if not identifiers.has_usual_subject_digit(uscc):
            self._warnings.append(f"{self._head.path}/{name}: unusual subject digit")
        return uscc

    def _journey(self, ie_flag: str) -> dict[str, Any]:
        head = self._head
        border = head.get("EntyPortCode", "CiqEntyPortCode")
        departure = head.get("DespPortCode")
        if border is None and ie_flag == "E" and _is_domestic_port(departure):
            border = departure  # some senders put the exit port there
        return {
            "transport_mode_code": head.get("TrafMode"),
            "transport_name": head.get("TrafName"),
            "voyage_no": self._free.get("VoyNo"),
            "bill_no": head.get("BillNo"),
            "goods_place": head.get("GoodsPlace"),
            "departure_port_code": departure,
            "trade_country_code": head.get("TradeAreaCode"),
            "partner_country_code": head.get("TradeCountry"),
            "transit_port_code": head.get("DistinatePort"),
            "border_port_code": border,
        }

    def _terms(self) -> dict[str, Any]:
        head = self._head
        return {
            "supervision_mode_code": head.get("TradeMode"),
            "levy_nature_code": head.get("CutMode"),
            "license_no": head.get("LicenseNo"),
            "contract_no": head.get("ContrNo"),
            "package_type_code": head.get("WrapType"),
            "other_package_types": [
                Coded(code=item.get("PackType")) for item in self._rows("DecOtherPacks")
            ],
            "package_count": head.whole("PackNo"),
            "gross_weight_kg": head.number("GrossWet"),
            "net_weight_kg": head.number("NetWt"),
            "deal_mode_code": head.get("TransMode"),
            "freight": _charge(head, "Fee"),
            "insurance": _charge(head, "Insur"),
            "misc": _charge(head, "Other"),
            "promises": _promises(head.get("PromiseItmes")),
        }

    def _free_text(self) -> dict[str, Any]:
        return {
            "remarks": self._head.get("NoteS"),
            "marks": self._head.get("MarkNo"),
            "related_entry_id": self._free.get("RelId"),
            "related_manual_no": self._free.get("RelManNo"),
            "declarant_name": self._head.get("DeclareName"),
            "declarant_no": self._free.get("DecNo"),
            "declarant_phone": self._free.get("DecBpNo"),
        }

    # -- rows

    def _goods(self, ie_flag: str) -> list[Goods]:
        head_district = self._head.get("DistrictCode")
        rows = self._rows("DecLists")
        return [_goods(row, place, ie_flag, head_district) for place, row in enumerate(rows, 1)]

    def _licenses(self) -> list[Licence]:
        return [
            Licence(line_no=place, type_code=row.get("DocuCode"), number=row.get("CertCode"))
            for place, row in enumerate(self._rows("DecLicenseDocus"), 1)
        ]

    def _attachments(self) -> list[Attachment]:
        nodes = [child for child in self._root if _local(child) == "EdocRealation"]
        rows = [self._report_unknown(_Section(node, "EdocRealation")) for node in nodes]
        return [Attachment(type_code=row.get("EdocCode"), number=row.get("EdocID")) for row in rows]

    def _containers(self) -> list[Container]:
        return [
            Container(
                container_no=row.get("ContainerId"),
                model_code=row.get("ContainerMd"),
                lcl=_flag(row.get("LclFlag")),
                goods_lines=_whole_numbers(row, "GoodsNo"),
            )
            for row in self._rows("DecContainers")
        ]

    # -- parts

    def _section(self, name: str) -> _Section:
        return self._report_unknown(_Section(self._parts.get(name), name))

    def _rows(self, group: str) -> list[_Section]:
        node = self._parts.get(group)
        if node is None:
            return []
        return [
            self._report_unknown(_Section(child, f"{group}/{_local(child)}[{place}]"))
            for place, child in enumerate(node, 1)
        ]

    def _report_unknown(self, section: _Section) -> _Section:
        part = section.path.rpartition("/")[2].partition("[")[0]
        known = self._known.get(part, frozenset())
        unknown = [name for name in section.names() if name not in known]
        self._warnings.extend(f"{section.path}/{name}: unknown element" for name in unknown)
        return section


def _direction(head: _Section) -> Literal["I", "E"]:
    match head.need("IEFlag"):
        case "I":
            return "I"
        case "E":
            return "E"
    raise head.refused("ie-flag", "IEFlag")


def _goods(row: _Section, place: int, ie_flag: str, head_district: str | None) -> Goods:
    # In exports the message holds the destination in OriginCountry and the origin in
    # DestinationCountry: it is turned round here, once, and by render when XML is written.
    swapped = ie_flag == "E"
    return Goods(
        line_no=row.whole("GNo") or place,
        manual_item_no=row.get("ContrItem"),
        hs_code=row.get("CodeTS"),
        ciq_code=row.get("CiqCode"),
        name=row.get("GName"),
        specification=row.get("GModel"),
        quantity=row.number("GQty"),
        unit_code=row.get("GUnit"),
        first_quantity=row.number("FirstQty"),
        first_unit_code=row.get("FirstUnit"),
        second_quantity=row.number("SecondQty"),
        second_unit_code=row.get("SecondUnit"),
        unit_price=row.number("DeclPrice"),
        total_price=row.number("DeclTotal"),
        currency_code=row.get("TradeCurr"),
        origin_country_code=row.get("DestinationCountry" if swapped else "OriginCountry"),
        destination_country_code=row.get("OriginCountry" if swapped else "DestinationCountry"),
        domestic_district_code=row.get("DistrictCode") or head_district,
        domestic_division_code=row.get("DestCode"),
        duty_mode_code=row.get("DutyMode"),
    )


def _charge(head: _Section, prefix: str) -> Charge | None:
    mark, amount = head.get(f"{prefix}Mark"), head.number(f"{prefix}Rate")
    currency = head.get(f"{prefix}Curr")
    if mark is None and amount is None and currency is None:
        return None
    return Charge(mark=mark, amount=amount, currency=currency)


def _promises(digits: str | None) -> Promises | None:
    if digits is None:
        return None
    answers = [_ANSWERS.get(digit, "blank") for digit in digits[:5].ljust(5, "9")]
    return Promises(
        special_relation=answers[0],
        price_influence=answers[1],
        royalty=answers[2],
        formula_price=answers[3],
        provisional_price=answers[4],
    )


def _flag(text: str | None) -> bool | None:
    return None if text is None else text == "1"


def _whole_numbers(row: _Section, name: str) -> list[int]:
    parts = re.split(r"[,，;；\s]+", row.get(name) or "")
    if any(part and not part.isdecimal() for part in parts):
        raise row.refused("bad-number", name)
    return [int(part) for part in parts if part]


def _is_domestic_port(code: str | None) -> bool:
    return code is not None and len(code) == _DOMESTIC_PORT_DIGITS and code.isdecimal()


# --- receipts -----------------------------------------------------------------------------------


def _receipt(root: _Element) -> Receipt:
    node = root if _local(root) == "DEC_RESULT" else _child(root, "DEC_RESULT")
    section = _Section(node, "DEC_RESULT")
    entry_id = section.get("ENTRY_ID")
    if entry_id is not None and not identifiers.is_entry_id(entry_id):
        raise section.refused("entry-id", "ENTRY_ID")
    seq_no = section.get("CUS_CIQ_NO", "SEQ_NO")
    if entry_id is None and seq_no is None:
        raise section.refused("missing", "CUS_CIQ_NO")
    return Receipt(
        entry_id=entry_id,
        seq_no=seq_no,
        channel=section.need("CHANNEL"),
        notice_at=_moment(section, "NOTICE_DATE"),
        declared_on=section.day("D_DATE"),
        note=section.get("NOTE"),
    )


def _child(root: _Element, name: str) -> _Element:
    for child in root:
        if _local(child) == name:
            return child
    raise Refused("missing", line=_line(root), element=f"{_local(root)}/{name}")


def _moment(section: _Section, name: str) -> datetime:
    text = section.need(name)
    compact = re.fullmatch(r"(\d{8})T(\d{6})\d{0,3}", text)  # older: hundredths behind, no stop
    try:
        found = datetime.fromisoformat("T".join(compact.groups()) if compact else text)
    except ValueError:
        raise section.refused("bad-date", name) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZONE)
    return found.astimezone(UTC)


def _response(root: _Element) -> Response:
    section = _Section(root, _RESPONSE_ROOT)
    return Response(seq_no=section.get("SeqNo"), response_code=section.get("ResponseCode"))
