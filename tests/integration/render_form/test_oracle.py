"""The product's engine against reportlab's ordinary means: the same text, the same picture."""

import pytest
from PIL import Image, ImageChops

from tests.support import pdf
from tests.support.forms import FONT_DIR, job, sample_numbers, snapshot
from tests.support.plain_engine import PlainPrinter


@pytest.fixture(scope="module")
def plain():
    return PlainPrinter(FONT_DIR)


PLANE_2 = {"16"}  # reportlab's own fonts lose such characters when text is copied


@pytest.mark.parametrize("number", sorted(set(sample_numbers()) - PLANE_2))
def test_both_engines_write_the_same_text(printer, plain, tmp_path, number):
    order = job(snapshot(number))
    ours, theirs = tmp_path / "ours.pdf", tmp_path / "theirs.pdf"
    ours.write_bytes(printer.draw(order).content)
    theirs.write_bytes(plain.draw_unsigned(order))

    assert pdf.text_of(ours) == pdf.text_of(theirs)


@pytest.mark.parametrize("number", ["02", "10", "16"])
def test_both_engines_draw_the_same_picture(printer, plain, tmp_path, number):
    order = job(snapshot(number))
    pictures = []
    for name, content in (
        ("ours", printer.draw(order).content),
        ("theirs", plain.draw_unsigned(order)),
    ):
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(content)
        pictures.append(Image.open(pdf.picture(path, tmp_path, dpi=100)).convert("L"))
    difference = ImageChops.difference(*pictures).histogram()

    assert sum(difference[16:]) < 2500  # of a million: how the edges of the bars are rounded
    assert sum(difference[96:]) == 0
