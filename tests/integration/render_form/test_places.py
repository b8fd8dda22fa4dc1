"""Rules, labels and values stand where they were measured, within 0.3 mm."""

import json
import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from services.render.products.form.words import CONFIRMATIONS, WORDS
from tests.support import pdf
from tests.support.forms import changed, job, snapshot

MEASURED = json.loads(
    (Path(__file__).parents[3] / "services/render/form_geometry.json").read_text("utf-8")
)
PRINT, SAMPLE = MEASURED["real_print_pt"], MEASURED["official_sample_mm"]
LIMIT = 0.3 / 25.4 * 72  # 0.3 mm in points
KINDS = {
    "import_declaration": "14",
    "export_declaration": "02",
    "import_record_list": "07",
    "export_record_list": "08",
}


def near(value):
    return pytest.approx(value, abs=LIMIT)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def first(drawn, kind):
    return pdf.places(drawn(job(snapshot(KINDS[kind]))))


def levels(places, left=PRINT["frame_pt"][0], right=PRINT["frame_pt"][2]):
    return sorted(y0 for x0, y0, x1, y1 in places.lines if y0 == y1 and (x0, x1) == (left, right))


def test_the_frame_is_where_it_was_measured(first):
    assert first.boxes[0] == near(tuple(PRINT["frame_pt"]))


def test_every_rule_across_is_where_it_was_measured(first):
    expected = [
        *PRINT["head_rows_top_pt"][1:],
        PRINT["remarks_to_pt"],
        PRINT["goods_head_pt"][1],
        *PRINT["goods_first_page_rows_pt"][1:-1],
        PRINT["confirm_row_pt"][0],
        PRINT["footer_pt"][0],
    ]

    assert levels(first) == [near(level) for level in sorted(expected)]


def test_the_columns_of_the_head_are_where_they_were_measured(first, kind):
    rows = PRINT["head_rows_top_pt"]
    export, filing_list = kind.startswith("export"), kind.endswith("record_list")
    for number, top in enumerate(rows[:5], start=1):
        edges = PRINT["cols_row5_pt" if number == 5 else "cols_rows1to4_pt"][1:-1]
        if export and number in {2, 3}:
            edges = edges[:3]
        if filing_list and number == 3:
            edges = [edges[0], *edges[2:]]
        upright = sorted(x0 for x0, y0, x1, _ in first.lines if x0 == x1 and y0 == near(top))
        assert upright == [near(edge) for edge in edges]


def test_the_title_is_centred_in_eighteen_points_clear_of_the_bar_code(first, kind):
    title = first.of(WORDS[kind].title)

    assert title.size == 18
    assert title.x + 18 * len(title.text) <= PRINT["barcode_text_pt"]["x0"] - 10
    if not kind.endswith("record_list"):
        assert title.x == near(PRINT["title_pt"]["x0"])


def test_labels_stand_a_little_under_the_upper_rule_of_their_box(first, kind):
    tops = PRINT["head_rows_top_pt"]
    for box, label in WORDS[kind].labels.items():
        found = [text for text in first.texts if text.text == label]
        assert len(found) == 1, label
        assert found[0].size == PRINT["fonts"]["labels"][1]
        assert 0.5 <= found[0].baseline - 0.86 * 7.5 - tops[int(box[0]) - 1] <= 2


def test_a_value_stands_under_its_label(first):
    label = first.of("合同协议号")
    (value,) = [text for text in first.texts if text.text.startswith("SC-2025")]

    assert value.size == 9
    assert value.baseline - 0.86 * 9 - (label.baseline - 0.86 * 7.5) == near(11.3)
    assert value.x == near(label.x)


def test_a_code_follows_its_label_at_once(first):
    label = first.of("成交方式")
    (code,) = [t for t in first.texts if t.text in {"(1)", "(3)"} and t.baseline == label.baseline]

    assert code.x == near(label.x + 4 * 7.5)


def test_the_goods_header_is_the_samples_scaled_to_the_frame(first, kind):
    sample = SAMPLE[
        "goods_header_label_x_" + ("filing_list" if kind.endswith("record_list") else "declaration")
    ]
    left, right = SAMPLE["frame_x"]
    scale = (PRINT["frame_pt"][2] - PRINT["frame_pt"][0]) / (right - left)
    for label, x_mm in zip(WORDS[kind].goods.values(), sample.values(), strict=True):
        assert first.of(label).x == near(PRINT["frame_pt"][0] + (x_mm - left) * scale)


def test_labels_of_the_goods_header_do_not_overlap(first, kind):
    labels = sorted((first.of(label) for label in WORDS[kind].goods.values()), key=lambda t: t.x)
    for before, after in pairwise(labels):
        width = sum(0.4 if letter == "/" else 1 for letter in before.text) * before.size
        assert before.x + width <= after.x


def test_confirmations_and_footer_stand_where_they_were_measured(first):
    for label in CONFIRMATIONS:
        found = first.of(label)
        assert found.x == near(PRINT["confirm_row_text_pt"][label])
        assert found.baseline - 0.86 * 7.5 == near(PRINT["confirm_row_text_pt"]["top"])
    for label, (x, top) in PRINT["footer_text_pt"].items():
        if label.endswith("value"):
            continue
        found = first.of(label)
        assert (found.x, found.baseline - 0.86 * 7.5) == (near(x), near(top))


def test_goods_lines_stand_where_they_were_measured(drawn):
    first = pdf.places(drawn(job(snapshot("14"))))
    value_x = PRINT["goods_value_x_pt"]
    top = PRINT["goods_first_page_rows_pt"][1]
    for text, offset in zip(("38.5200", "10015.20"), PRINT["goods_line_offsets_pt"], strict=False):
        assert first.of(text).baseline - 0.86 * 9 == near(top + offset)
    assert first.of("8481804090").x == near(value_x["商品编号(left)"])
    assert first.of("不锈钢球阀").x == near(value_x["名称/规格(left)"])
    duty = [text for text in first.texts if text.text == "照章征税"]
    assert [text.x + 4 * 9 for text in duty] == [near(value_x["征免(right)"])] * 3


def test_a_further_page_has_the_header_and_fourteen_rows_only(drawn, kind):
    goods = snapshot("06").data.goods[:7]
    second = pdf.places(drawn(job(changed(KINDS[kind], goods=goods))), 2)
    measured = PRINT["continuation"]

    assert second.boxes[0] == near(tuple(measured["frame_pt"]))
    expected = [measured["goods_head_pt"][1], *measured["rows_pt"][1:-1]]
    assert levels(second) == [near(level) for level in expected]
    shown = {text.text for text in second.texts}
    assert not shown & set(WORDS[kind].labels.values())
    assert not shown & {*CONFIRMATIONS, "海关批注及签章", "报关人员"}
    assert WORDS[kind].title in shown


@pytest.mark.parametrize("number", ["03", "09", "10"])
def test_no_two_texts_overlap(drawn, number):
    path = drawn(job(snapshot(number)))
    found = pdf.run("pdftotext", "-bbox", "-f", "1", "-l", "1", path, "-")
    words = [
        (tuple(map(float, edges)), text)
        for *edges, text in re.findall(
            r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>',
            found,
        )
    ]
    assert len(words) > 80
    for ((left, top, right, bottom), text), ((left2, top2, right2, bottom2), other) in combinations(
        words, 2
    ):
        if abs((top2 + bottom2) / 2 - (top + bottom) / 2) < 3:  # on one line
            assert right <= left2 + 0.7 or right2 <= left + 0.7, (text, other)
