"""Finished documents, read by the programs that users have."""

from dataclasses import replace

import pytest

from services.kernel.errors import PermanentFailure
from services.render.products.declaration_form import FormPrinter
from tests.support import pdf
from tests.support.forms import CODE, FONT_DIR, changed, job, sample_numbers, snapshot


@pytest.mark.parametrize("number", sample_numbers())
@pytest.mark.parametrize("kind", ["none", "sealed"])
def test_every_sample_is_a_sound_file(drawn, number, kind):
    path = drawn(job(snapshot(number), kind))

    assert pdf.is_sound(path)
    fonts = pdf.run("pdffonts", path).splitlines()[2:]
    assert fonts
    assert all("CID TrueType" in font and " yes yes yes " in font for font in fonts)


def test_a_declaration_without_goods_cannot_be_drawn(printer):
    with pytest.raises(PermanentFailure) as failure:
        printer.draw(job(changed("01", goods=[])))

    assert failure.value.reason == "source-missing"


def test_a_seal_cannot_be_drawn_without_its_material():
    with pytest.raises(PermanentFailure) as failure:
        FormPrinter(FONT_DIR, None).draw(job(snapshot("01"), "sealed"))

    assert failure.value.reason == "seal-unavailable"


@pytest.mark.parametrize("number", sample_numbers())
def test_both_codes_are_read_from_first_and_last_page(printer, drawn, tmp_path, number):
    sample = snapshot(number)
    document = printer.draw(job(sample))
    path = drawn(job(sample))

    for page in {1, document.pages}:
        codes = pdf.scanned(pdf.picture(path, tmp_path, page))
        assert codes == {"CODE-39": sample.entry_id, "QR-Code": f"*{sample.entry_id}*"}


@pytest.mark.parametrize(("items", "pages"), [(1, 1), (6, 1), (7, 2), (20, 2), (21, 3), (50, 5)])
def test_items_are_spread_over_pages(printer, drawn, items, pages):
    goods = snapshot("06").data.goods[:items]
    order = job(changed("06", goods=goods))
    path = drawn(order)

    assert printer.draw(order).pages == pages
    assert f"Pages:           {pages}\n" in pdf.run("pdfinfo", path)
    for page in range(1, pages + 1):
        text = pdf.words_of(path, "-f", str(page), "-l", str(page))
        assert f"页码/页数:{page}/{pages}" in text
        assert text.count(f"海关编号：{order.snapshot.entry_id}") == 1
    assert pdf.words_of(path).count("(CHN)") >= items


def test_a_character_beyond_the_basic_plane_is_drawn_and_copies_right(printer, drawn):
    order = job(changed("01", trade_name="北京样例㙍垚𠮷䶮仪器有限公司"))

    assert "北京样例㙍垚𠮷䶮仪器有限公司" in pdf.words_of(drawn(order))
    assert printer.draw(order).missing_characters == []


def test_a_character_that_no_font_holds_is_named_and_copies_right(printer, drawn):
    order = job(changed("01", trade_name="样例\U000f0001公司"))
    path = drawn(order)

    assert printer.draw(order).missing_characters == ["\U000f0001"]
    assert "样例\U000f0001公司" in pdf.words_of(path)
    assert pdf.is_sound(path)


def test_the_file_is_made_to_the_archive_profile(drawn):
    path = drawn(job(snapshot("01"), "sealed"))
    metadata = pdf.run("pdfinfo", "-meta", path)

    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "2026-11-23T10:15:33+08:00" in metadata
    assert b"/OutputIntents" in path.read_bytes()
    assert b"Helvetica" not in path.read_bytes()


def test_the_verification_code_stands_in_groups_of_four_under_the_frame(drawn):
    shown = pdf.places(drawn(job(snapshot("01"), check_url="https://danzheng.example/verify")))

    (note,) = [text for text in shown.texts if text.text.startswith("验证码")]
    assert note.text == (
        "验证码 7K3M-9QW2-XR5T-8V1B-4N6P-0D2H  查验 https://danzheng.example/verify"
    )
    assert note.baseline > 555.9
    assert 6 <= note.size <= 7
    assert note.text.replace("-", "").find(CODE) > 0


@pytest.mark.parametrize(("demo", "count"), [(True, 1), (False, 0)])
def test_demonstration_data_are_marked_outside_the_frame(drawn, demo, count):
    shown = pdf.places(drawn(job(snapshot("01"), demo=demo)))

    marks = [text for text in shown.texts if text.text == "演示数据"]
    assert len(marks) == count
    assert all(mark.baseline > 555.9 for mark in marks)


@pytest.mark.parametrize("doc_type", ["CL", ""])
def test_collective_payment_is_marked_in_the_header(drawn, doc_type):
    sample = replace(snapshot("14"), doc_type_code=doc_type)

    assert ("汇总征税" in pdf.words_of(drawn(job(sample)))) == bool(doc_type)
