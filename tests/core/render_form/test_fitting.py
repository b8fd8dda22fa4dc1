"""Making text fit."""

from hypothesis import given
from hypothesis import strategies as st

from services.render.products.form.fitting import ELLIPSIS, SMALLEST, fit, fit_lines, wrap


def measure(text: str) -> float:
    """Half a size for ASCII, a whole one for everything else."""
    return sum(0.5 if character < "\x80" else 1.0 for character in text)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=120)


def test_what_fits_stays_as_it_is():
    assert fit("上海样例", 40, 9, measure) == (9, "上海样例")


def test_what_is_a_little_long_shrinks():
    assert fit("上海样例", 30, 9, measure) == (7.5, "上海样例")


def test_what_is_far_too_long_is_cut_at_the_smallest_size():
    assert fit("上海样例海棠", 24, 9, measure) == (SMALLEST, "上海样" + ELLIPSIS)


def test_lines_break_between_chinese_characters_but_not_inside_a_number():
    assert wrap("箱号ZZZU3001113*2;ZZZU3001129", 10, measure) == [
        "箱号ZZZU3001113*2;",
        "ZZZU3001129",
    ]
    assert wrap("中文中文", 3, measure) == ["中文中", "文"]


def test_a_line_never_begins_with_a_closing_mark():
    assert wrap("一二三，四", 3, measure) == ["一二", "三，四"]


def test_a_word_longer_than_a_line_is_broken():
    assert wrap("ABCDEFGH", 2, measure) == ["ABCD", "EFGH"]


def test_lines_shrink_before_they_are_cut():
    assert fit_lines("一二三四五六七八", 36, 9, 2, measure) == (9, ["一二三四", "五六七八"])
    size, lines = fit_lines("一二三四五六七八九十", 36, 9, 2, measure)
    assert size < 9
    assert "".join(lines) == "一二三四五六七八九十"


def test_no_text_has_no_lines():
    assert fit_lines("", 36, 9, 2, measure) == (9, [])


@given(TEXTS, st.floats(20, 300))
def test_a_fitted_text_never_leaves_its_room(text, room):
    size, fitted = fit(text, room, 9, measure)

    assert SMALLEST <= size <= 9
    assert measure(fitted) * size <= room + 1e-9
    assert fitted == text or fitted.endswith(ELLIPSIS)


@given(TEXTS, st.floats(20, 300), st.integers(1, 4))
def test_fitted_lines_never_leave_their_room_and_lose_nothing_unmarked(text, room, most):
    size, lines = fit_lines(text, room, 9, most, measure)

    assert len(lines) <= most
    assert all(measure(line) * size <= room + 1e-9 for line in lines)
    if not (lines and lines[-1].endswith(ELLIPSIS)):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
