"""Declarations as files: DecMessage, status receipts, and the manifest of a set."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from services.kernel.calendar import add_months
from services.query.codes import FOLDER, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from deploy.local.samples.declaration import Declaration, Elements

NAMESPACE = "http://www.chinaport.gov.cn/dec"
REFERENCE_DAY = date(2026, 1, 15)  # the column `expect` of a manifest is true on this day
NEW_FORM_DAY = date(2018, 8, 1)
_FIRST_PAGE_LINES, _NEXT_PAGE_LINES = 6, 14
_NOTES = {
    "7": "申报成功",
    "L": "海关已接收",
    "G": "报关单已审结",
    "C": "出口查验通知",
    "D": "海关删单",
    "M": "报关单重审",
    "R": "已结关",
    "P": "通关无纸化放行",
}
_MANIFEST = (
    "slug",
    "entry_id",
    "unified_no",
    "form_kind",
    "doc_type",
    "version",
    "items",
    "pages",
    "containers",
    "licences",
    "domestic_party_uscc",
    "declared_on",
    "closed_on",
    "retention_years",
    "kept_until",
    "expect",
    "note",
)


def write_set(declarations: Iterable[Declaration], folder: Path, *, receipts: bool = True) -> int:
    """Write `declarations/`, `receipts/` and `manifest.tsv`; answers how many declarations.

    XML files that stood in the two folders before are removed.
    """
    for name in ("declarations", "receipts"):
        _empty(folder / name)
    rows = ["\t".join(_MANIFEST)]
    for made in declarations:
        write_one(made, folder, receipts=receipts)
        rows.append("\t".join(_manifest_row(made)))
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(rows) - 1


def write_one(made: Declaration, folder: Path, *, receipts: bool = True) -> None:
    """Write one declaration and its receipts into the two folders."""
    (folder / "declarations" / f"{made.slug}.xml").write_bytes(message(made))
    if receipts:
        for order, (channel, content) in enumerate(receipts_of(made), 1):
            (folder / "receipts" / f"{made.slug}.{order}-{channel}.xml").write_bytes(content)


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.xml"):
        old.unlink()


# --- DecMessage ---------------------------------------------------------------------------------


def message(made: Declaration) -> bytes:
    """The DecMessage in UTF-8."""
    version = f'{"version" if made.old_form else "Version"}="{made.plan.version}"'
    every = made.emit_empty
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<DecMessage {version} xmlns="{NAMESPACE}">\n',
        _section("DecHead", made.head, every=every),
        _group("DecLists", "DecList", made.goods, made),
        _group("DecContainers", "Container", made.containers, made),
        _group("DecLicenseDocus", "LicenseDocu", made.licences, made),
        _group("DecOtherPacks", "DecOtherPack", made.other_packs, made) if made.other_packs else "",
        _section("DecFreeTxt", made.free, every=every),
        _section("DecSign", made.sign, every=every),
        *(_section("EdocRealation", row, every=every) for row in made.files),
        *(_section("EcoRelation", row, every=every) for row in made.origin_relations),
        "</DecMessage>\n",
    ]
    return "".join(parts).encode()


def _section(name: str, values: Elements, *, every: bool) -> str:
    return f"  <{name}>\n{_elements(name, values, 2, every=every)}  </{name}>\n"


def _group(name: str, child: str, rows: list[Elements], made: Declaration) -> str:
    if not rows:
        return f"  <{name}/>\n"
    body = "".join(
        f"    <{child}>\n{_row(child, row, place, made)}    </{child}>\n"
        for place, row in enumerate(rows, 1)
    )
    return f"  <{name}>\n{body}  </{name}>\n"


def _row(child: str, row: Elements, place: int, made: Declaration) -> str:
    limits = made.goods_limits.get(place) if child == "DecList" else None
    nested = {"DecGoodsLimits": _goods_limits(limits)} if limits else {}
    return _elements(child, row, 3, every=made.emit_empty, nested=nested)


def _goods_limits(rows: list[Elements]) -> str:
    body = "".join(
        f"        <DecGoodsLimit>\n{_elements('DecGoodsLimit', row, 5)}        </DecGoodsLimit>\n"
        for row in rows
    )
    return f"      <DecGoodsLimits>\n{body}      </DecGoodsLimits>\n"


def _elements(
    section: str,
    values: Elements,
    indent: int,
    *,
    every: bool = False,
    nested: dict[str, str] | None = None,
) -> str:
    nested = nested or {}
    out = []
    for name, since in _order(section).items():
        value = values.get(name)
        if name in nested:
            out.append(nested[name])
        elif value is not None:
            out.append(_element(name, value, indent))
        elif every and since == "2018" and not name.startswith("DecGoodsLimit"):
            out.append(_element(name, "", indent))
    return "".join(out)


@cache
def _order(section: str) -> dict[str, str]:
    rows = read_table(FOLDER / "dec_message.tsv")
    return {row["element"]: row["since"] for row in rows if row["section"] == section}


def _element(name: str, value: str, indent: int) -> str:
    pad = "  " * indent
    return f"{pad}<{name}>{escape(value)}</{name}>\n" if value else f"{pad}<{name}/>\n"


# --- receipts -----------------------------------------------------------------------------------


def receipts_of(made: Declaration) -> list[tuple[str, bytes]]:
    """The receipts in order of time, each with its channel."""
    form = _old_receipt if made.old_form else _receipt
    return [(channel, form(made, channel, moment)) for channel, moment in _states(made)]


def _states(made: Declaration) -> list[tuple[str, datetime]]:
    plan = made.plan
    accepted = datetime.combine(plan.declared_on, time(10))
    states = [("7", accepted - timedelta(minutes=20)), ("L", accepted)]
    if plan.closed_on is not None:
        states.append(("G", accepted + timedelta(hours=2)))
        states.append(("R", datetime.combine(plan.closed_on, time(16, 30))))
    elif plan.last_channel != "L":
        states.append((plan.last_channel, accepted + timedelta(hours=3)))
    if made.reopened_on is not None:
        states.append(("M", datetime.combine(made.reopened_on, time(11))))
    return states


def _receipt(made: Declaration, channel: str, moment: datetime) -> bytes:
    known = channel != "7"
    ie_date = made.head["IEDate"] or ""
    rows = {
        "CUS_CIQ_NO": made.unified_no,
        "ENTRY_ID": made.entry_id if known else "",
        "NOTICE_DATE": f"{moment:%Y-%m-%dT%H:%M:%S}",
        "CHANNEL": channel,
        "NOTE": _NOTES[channel],
        "CUSTOM_MASTER": made.plan.route.customs_district if known else "",
        "I_E_DATE": f"{ie_date[:4]}-{ie_date[4:6]}-{ie_date[6:]}" if known else "",
        "D_DATE": made.plan.declared_on.isoformat() if known else "",
    }
    body = "".join(_element(name, value, 1) for name, value in rows.items())
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return f"{head}\n<DEC_RESULT>\n{body}</DEC_RESULT>\n".encode()


def _old_receipt(made: Declaration, channel: str, moment: datetime) -> bytes:
    known = channel != "7"
    rows = {
        "SEQ_NO": f"{int(made.unified_no[5:]):018d}",
        "ENTRY_ID": made.entry_id if known else "",
        "NOTICE_DATE": f"{moment:%Y%m%dT%H%M%S}00",
        "CHANNEL": channel,
        "NOTE": _NOTES[channel],
        "DECL_PORT": made.plan.route.customs_district,
        **dict.fromkeys(("AGENT_NAME", "DECLARE_NO", "TRADE_CO", "CUSTOMS_FIELD"), ""),
        "BONDED_NO": "",
        "I_E_DATE": (made.head["IEDate"] or "") if known else "",
        **dict.fromkeys(("PACK_NO", "BILL_NO", "TRAF_MODE", "VOYAGE_NO", "NET_WT"), ""),
        "GROSS_WT": "",
        "D_DATE": f"{made.plan.declared_on:%Y%m%d}" if known else "",
    }
    body = "".join(_element(name, value, 2) for name, value in rows.items())
    result = f"<DEC_DATA>\n  <DEC_RESULT>\n{body}  </DEC_RESULT>\n  <RESULT_INFO/>\n</DEC_DATA>\n"
    return f'<?xml version="1.0" encoding="GB2312"?>\n{result}'.encode("gb18030")


# --- manifest -----------------------------------------------------------------------------------


def expectation(made: Declaration, today: date = REFERENCE_DAY) -> str:
    """What becomes of a request for the declaration on `today`."""
    plan = made.plan
    if plan.last_channel == "D":
        return "deleted"
    if plan.declared_on < NEW_FORM_DAY:
        return "old_version"
    if plan.closed_on is None:
        return "not_closed"
    return "eligible" if today <= kept_until(made) else "retention_over"


def kept_until(made: Declaration) -> date:
    """The last day of custody. Raises ValueError for what is not closed."""
    if made.plan.closed_on is None:
        raise ValueError("custody begins with 结关")
    return add_months(made.plan.closed_on, 12 * made.plan.retention_years)


def _manifest_row(made: Declaration) -> list[str]:
    plan = made.plan
    closed = plan.closed_on
    cells = (
        made.slug,
        made.entry_id,
        made.unified_no,
        made.form_kind,
        plan.doc_type,
        plan.version,
        len(made.goods),
        _pages(len(made.goods)),
        len(made.containers),
        len(made.licences),
        plan.trader.uscc,
        plan.declared_on,
        closed or "",
        plan.retention_years,
        kept_until(made) if closed else "",
        expectation(made),
        plan.note,
    )
    return [str(cell) for cell in cells]


def _pages(lines: int) -> int:
    return 1 if lines <= _FIRST_PAGE_LINES else 1 - (_FIRST_PAGE_LINES - lines) // _NEXT_PAGE_LINES
