"""Small messages and receipts, written out; and what is needed to read them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from services.kernel.testing.frozen_clock import FrozenClock
from services.query import codes, custody, handlers, intake
from services.query.domain import Receipt

SAMPLES = Path("deploy/local/samples")
USCC = "91310115YX0000016W"
OTHER_USCC = "91320506YX0000024F"
ENTRY_ID = "222520261000000018"
SEQ_NO = "I20260000000000018"
YEARS = {"general": 3, "bonded": 5, "relief": 11}
TODAY = date(2026, 11, 24)
ELEMENTS = codes.message_elements()
TABLES = codes.load()
RULES = custody.parse_rules(codes.read_table(codes.FOLDER / "custody_classes.tsv"), YEARS)
KNOWLEDGE = handlers.Knowledge(TABLES, RULES)
LINE = """<DecList><GNo>1</GNo><CodeTS>8482102000</CodeTS><GName>轴承</GName><GQty>10.50</GQty>
<GUnit>006</GUnit><OriginCountry>DEU</OriginCountry><DestinationCountry>CHN</DestinationCountry>
<DutyMode>1</DutyMode></DecList>"""


def clock(day=TODAY):
    return FrozenClock(datetime(day.year, day.month, day.day, 2, tzinfo=UTC))


def message(
    entry_id=ENTRY_ID, *, uscc=USCC, ie_flag="I", head="", lines=LINE, seq_no=SEQ_NO, rest=""
):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<DecMessage Version="4.8" xmlns="http://www.chinaport.gov.cn/dec">
<DecHead>
<SeqNo>{seq_no}</SeqNo>
<IEFlag>{ie_flag}</IEFlag>
<EntryId>{entry_id}</EntryId>
<TradeCoScc>{uscc}</TradeCoScc>
<CustomMaster>2225</CustomMaster>
<TradeMode>0110</TradeMode>
{head}
</DecHead>
<DecLists>{lines}</DecLists>{rest}
</DecMessage>""".encode()


def read(body, limits=None):
    return intake.read(body, limits or intake.Limits(), ELEMENTS)


def receipt(channel, at, entry_id=ENTRY_ID, seq_no=SEQ_NO, declared_on=date(2026, 11, 2)):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return Receipt(entry_id, seq_no, channel, moment, declared_on)


def cleared(entry_id=ENTRY_ID, declared_on=date(2026, 11, 2), day="2026-11-05"):
    return [
        receipt("L", f"{declared_on}T02:00", entry_id, None, declared_on),
        receipt("R", f"{day}T08:30", entry_id, None, declared_on),
    ]
