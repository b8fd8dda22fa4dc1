"""What receipts say together, and what follows from it."""

import itertools
from datetime import date

import pytest

from services.query.domain import first_version, form_kind, settled, standing
from tests.core.query.documents import RULES, message, read, receipt

ACCEPTED = receipt("L", "2026-11-02T02:00")
SETTLED = receipt("G", "2026-11-02T04:00")
CLEARED = receipt("R", "2026-11-05T08:30")
REOPENED = receipt("M", "2026-11-20T03:00")
CLEARED_AGAIN = receipt("R", "2026-11-22T03:00")
DELETED = receipt("D", "2026-11-03T03:00")


@pytest.mark.parametrize("order", list(itertools.permutations([ACCEPTED, SETTLED, CLEARED])))
def test_the_latest_notice_decides_whatever_the_order_of_arrival(order):
    now = standing(list(order))
    assert (now.state, now.declared_on, now.cleared_on) == (
        "cleared",
        date(2026, 11, 2),
        date(2026, 11, 5),
    )


def test_without_a_receipt_it_is_open():
    now = standing([])
    assert (now.state, now.declared_on, now.cleared_on) == ("open", None, None)


def test_a_deletion_wins_over_everything_even_when_it_is_older():
    assert standing([DELETED, ACCEPTED, CLEARED]).state == "withdrawn"


def test_a_state_after_clearance_reopens_and_keeps_the_day_of_clearance():
    now = standing([ACCEPTED, CLEARED, REOPENED])
    assert (now.state, now.cleared_on) == ("reopened", date(2026, 11, 5))


def test_a_second_clearance_counts_from_its_own_day():
    now = standing([ACCEPTED, CLEARED, REOPENED, CLEARED_AGAIN])
    assert (now.state, now.cleared_on) == ("cleared", date(2026, 11, 22))


def test_a_repeated_clearance_notice_does_not_move_the_day():
    later = receipt("R", "2026-11-09T08:30")
    assert standing([ACCEPTED, CLEARED, later]).cleared_on == date(2026, 11, 5)


def test_a_clearance_at_the_same_moment_as_another_state_comes_last():
    same_time = receipt("G", "2026-11-05T08:30")
    assert standing([CLEARED, same_time]).state == "cleared"


def test_the_day_of_clearance_is_a_day_in_shanghai():
    assert standing([receipt("R", "2026-11-05T16:30")]).cleared_on == date(2026, 11, 6)


def test_the_declared_day_is_that_of_the_first_receipt_that_has_one():
    first = receipt("7", "2026-11-02T01:40", declared_on=None)
    second = receipt("L", "2026-11-02T02:00", declared_on=date(2026, 11, 2))
    third = receipt("G", "2026-11-03T02:00", declared_on=date(2026, 11, 3))
    assert standing([third, second, first]).declared_on == date(2026, 11, 2)


def test_without_it_the_day_on_which_customs_took_the_declaration_counts():
    taken = receipt("L", "2026-11-02T02:00", declared_on=None)
    assert standing([taken]).declared_on == date(2026, 11, 2)


def test_a_receipt_is_the_same_whatever_its_note():
    one = receipt("R", "2026-11-05T08:30")
    assert one.fingerprint == CLEARED.fingerprint
    assert one.fingerprint != SETTLED.fingerprint


def declaration(receipts, **parts):
    return settled(first_version(read(message(**parts)), "feed"), standing(receipts), RULES)


def test_the_outlook_of_what_is_not_cleared_is_unfinished():
    assert declaration([ACCEPTED]).outlook == "customs_unfinished"
    assert declaration([ACCEPTED, CLEARED, REOPENED]).outlook == "customs_unfinished"
    assert declaration([ACCEPTED, CLEARED]).outlook is None


def test_the_outlook_of_an_old_form_is_unsupported():
    before = [receipt("R", "2018-07-31T02:00", declared_on=date(2018, 7, 31))]
    after = [receipt("R", "2018-08-01T02:00", declared_on=date(2018, 8, 1))]
    assert declaration(before).outlook == "unsupported_version"
    assert declaration(after).outlook is None
    head = "<DistrictCode>31222</DistrictCode>"
    assert declaration([ACCEPTED, CLEARED], head=head).outlook == "unsupported_version"


def test_an_old_form_not_cleared_is_first_of_all_unfinished():
    taken = [receipt("L", "2018-07-10T02:00", declared_on=date(2018, 7, 10))]
    assert declaration(taken).outlook == "customs_unfinished"


def test_only_what_was_cleared_and_not_withdrawn_is_listed():
    assert declaration([ACCEPTED, CLEARED]).listed
    assert declaration([ACCEPTED, CLEARED, REOPENED]).listed
    assert not declaration([ACCEPTED]).listed
    assert not declaration([ACCEPTED, CLEARED, DELETED]).listed


@pytest.mark.parametrize(
    ("ie_flag", "doc_type", "kind"),
    [
        ("I", "", "import_declaration"),
        ("E", "CL", "export_declaration"),
        ("I", "ML", "import_record_list"),
        ("E", "LY", "export_record_list"),
        ("I", "ML0001", "import_record_list"),  # later messages write more than two characters
        ("E", "AL", "export_record_list"),
    ],
)
def test_the_form_follows_from_direction_and_type(ie_flag, doc_type, kind):
    assert form_kind(ie_flag, doc_type) == kind
