"""Every value that fits is found in the text of the file."""

import pytest

from services.render.products.form.content import content_of
from services.render.products.form.words import WORDS
from tests.support import pdf
from tests.support.forms import changed, job, sample_numbers, snapshot

LONG = {"10"}  # names there are made to be cut


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_head_of_the_worked_example(drawn):
    text = pdf.words_of(drawn(job(snapshot("14"))))

    for printed in (
        "预录入编号：222520251999900014",
        "海关编号：222520251999900014",
        "（外港海关）",
        "页码/页数:1/1",
        "汇总征税",
        "境内收货人(91310115YX0000016W)",
        "上海样例澄岚精密机械有限公司",
        "进境关别(2225)",
        "外港海关",
        "20251213",
        "20251215",
        "境外发货人(NO)",
        "SAMPLEGHIANDAIAS.R.L.",
        "运输方式(2)",
        "水路运输",
        "SAMPLESTAR24/114W",
        "SAMP25999900014",
        "外高桥样例堆场",
        "监管方式(0110)",
        "一般贸易",
        "征免性质(101)",
        "一般征税",
        "启运港(ITA075)",
        "热那亚（意大利）",
        "包装种类(22/93/99)",
        "纸制或纤维板制盒/箱/天然木托/其他包装",
        "随附单证1:",
        "随附单证2:合同;装箱单;发票",
        "备注:<总担保SAMPLE0001>N/M关联报关单号:222520251999899998关联备案号:C00002500009",
        "特殊关系确认:是",
        "价格影响确认:是",
        "支付特许权使用费确认:是",
        "公式定价确认:是",
        "暂定价格确认:是",
        "自报自缴:",
    ):
        assert printed in text, printed


@pytest.mark.parametrize("number", sorted(set(sample_numbers()) - LONG))
def test_every_value_of_a_sample_is_found(drawn, number):
    sample = snapshot(number)
    content = content_of(sample)
    text = pdf.words_of(drawn(job(sample)))

    expected = [*content.codes.values(), *content.values.values()]
    expected += [content.remarks, content.documents, content.attachments]
    expected += [content.agent, *content.declarant]
    for goods in content.goods:
        expected += [line for three in goods.columns.values() for line in three]
        expected += [goods.name]
    missing = [value for value in expected if squeezed(value) not in text]
    assert missing == []


@pytest.mark.parametrize("number", sorted(set(sample_numbers()) - LONG))
def test_wrapped_texts_are_drawn_whole(drawn, number):
    sample = snapshot(number)
    path = drawn(job(sample))
    pages = range(1, 1 + int(pdf.run("pdfinfo", path).split("Pages:")[1].split()[0]))
    texts = "".join(squeezed(text.text) for page in pages for text in pdf.places(path, page).texts)

    for goods in content_of(sample).goods:
        assert squeezed(goods.specification) in texts
        assert squeezed(goods.place) in texts


@pytest.mark.parametrize("number", ["02", "07", "08", "14"])
def test_every_label_of_the_form_is_found(drawn, number):
    sample = snapshot(number)
    text = pdf.words_of(drawn(job(sample)))
    form = WORDS[sample.data.form_kind]

    for label in (form.title, *form.labels.values(), *form.goods.values()):
        assert squeezed(label) in text, label


def test_text_far_too_long_is_cut_with_an_ellipsis(drawn):
    long_name = "样例" * 60
    shown = pdf.places(drawn(job(changed("01", trade_name=long_name))))

    (cut,) = [text for text in shown.texts if text.text.startswith("样例样例")]
    assert cut.text.endswith("…")
    assert cut.size == 6
    assert long_name.startswith(cut.text[:-1])
    assert cut.x + 6 * len(cut.text) <= 255.0


@pytest.mark.parametrize("number", ["07", "08"])
def test_a_filing_list_names_neither_levy_nature_nor_duty_mode(drawn, number):
    text = pdf.words_of(drawn(job(snapshot(number))))

    assert "征免" not in text
    assert "备案清单" in text
