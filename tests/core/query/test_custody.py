"""保管期限 by the table."""

from datetime import date

import pytest

from services.query import custody
from services.query.custody import parse_rules
from tests.core.query.documents import LINE, RULES, YEARS, message, read


def class_of(head="", lines=LINE, **parts):
    return RULES.class_of(read(message(head=head, lines=lines, **parts)).data)


FREE = LINE.replace("<DutyMode>1<", "<DutyMode>3<")


@pytest.mark.parametrize(
    ("head", "lines", "expected"),
    [
        ("<CutMode>101</CutMode>", LINE, "general"),
        ("<ManualNo>C00002600001</ManualNo>", LINE, "bonded"),
        ("<ManualNo>H00002600001</ManualNo>", LINE, "bonded"),
        ("<ManualNo>Z00002600001</ManualNo>", LINE, "relief"),
        ("<ManualNo>Y00002600001</ManualNo>", LINE, "general"),
        ("<CutMode>503</CutMode>", LINE, "bonded"),
        ("<Type>ML</Type>", LINE, "bonded"),
        ("<CutMode>789</CutMode>", FREE, "relief"),
        ("<CutMode>789</CutMode>", LINE, "general"),
        ("<CutMode>401</CutMode>", FREE, "relief"),
        ("<CutMode>429</CutMode>", FREE, "general"),
        ("<CutMode>401</CutMode>", LINE + FREE.replace("<GNo>1<", "<GNo>2<"), "relief"),
        ("<ManualNo>C00002600001</ManualNo><CutMode>401</CutMode>", FREE, "relief"),
    ],
)
def test_the_class_with_the_longest_period_counts(head, lines, expected):
    assert class_of(head, lines) == expected


def test_free_equipment_is_relief():
    body = message().replace(b"<TradeMode>0110<", b"<TradeMode>0320<")
    assert RULES.class_of(read(body).data) == "relief"


@pytest.mark.parametrize(
    ("kind", "cleared_on", "last_day"),
    [
        ("general", date(2023, 11, 24), date(2026, 11, 24)),
        ("bonded", date(2021, 6, 3), date(2026, 6, 3)),
        ("relief", date(2018, 9, 3), date(2029, 9, 3)),
        ("general", date(2024, 2, 29), date(2027, 2, 28)),
        ("general", None, None),
    ],
)
def test_the_last_day_is_the_same_day_years_later(kind, cleared_on, last_day):
    assert RULES.until(kind, cleared_on) == last_day


def test_the_periods_are_settings():
    rules = custody.CustodyRules(RULES.rows, YEARS | {"general": 4})
    assert rules.until("general", date(2024, 2, 29)) == date(2028, 2, 29)


def test_a_class_without_a_period_is_a_fault_at_start():
    row = dict.fromkeys(("supervision_mode", "manual_prefix", "levy_nature", "duty_mode"), "")
    with pytest.raises(ValueError, match="secret"):
        parse_rules([{**row, "custody_class": "secret", "record_list": ""}], YEARS)
