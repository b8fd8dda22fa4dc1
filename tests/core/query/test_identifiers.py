"""Forms and check characters, with the worked examples of the standard."""

import pytest

from services.query import identifiers


@pytest.mark.parametrize(
    "uscc", ["91310115YX0000016W", "91320506YX0000024F", "91370211YX0000040H", "91990000MA0TEAAA29"]
)
def test_a_right_code_passes(uscc):
    assert identifiers.is_uscc(uscc)
    assert identifiers.has_usual_subject_digit(uscc)


@pytest.mark.parametrize(
    "uscc",
    [
        "91310115YX0000016A",  # wrong last character
        "91310115YX0000106W",  # two digits exchanged
        "91310115YX0000016",  # too short
        "91310115yx0000016W",
        "9131011OYX0000016W",  # letter O stands in no code
        "NO",
        "",
    ],
)
def test_a_wrong_code_does_not(uscc):
    assert not identifiers.is_uscc(uscc)


def test_a_subject_digit_of_ten_is_x_and_of_eleven_is_zero():
    assert identifiers.subject_check_digit("YX000004") == "0"
    assert identifiers.subject_check_digit("MA0TEBBB") == "X"


def test_an_unusual_subject_digit_is_only_unusual():
    body = "91310115YX0000010"
    uscc = body + identifiers.uscc_check_character(body)
    assert identifiers.is_uscc(uscc)
    assert not identifiers.has_usual_subject_digit(uscc)


@pytest.mark.parametrize("text", ["222520261000000018", "22252026I000000018", "22252026E000000018"])
def test_a_declaration_number_is_known_by_its_form(text):
    assert identifiers.is_entry_id(text)


@pytest.mark.parametrize(
    "text",
    ["22252026100000001", "2225202610000000180", "222520262000000018", "222520261000000018\n", ""],
)
def test_anything_else_is_no_declaration_number(text):
    assert not identifiers.is_entry_id(text)


def test_a_unified_number_is_told_apart():
    assert identifiers.is_unified_no("I20250000999900001")
    assert not identifiers.is_unified_no("222520261000000018")
    assert not identifiers.is_entry_id("I20250000999900001")
