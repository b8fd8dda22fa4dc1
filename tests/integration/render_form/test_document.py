"""Finished documents, read by the programs that users have."""

from pathlib import Path

import pytest

from services.kernel.errors import PermanentFailure
from services.render.products.declaration_form import FormPrinter
from tests.support import pdf
from tests.support.forms import FONT_DIR, changed, job, sample_numbers, snapshot


@pytest.fixture(scope="module")
def printer() -> FormPrinter:
    return FormPrinter(FONT_DIR, None)


@pytest.mark.parametrize("number", sample_numbers())
def test_every_sample_is_a_sound_file(printer: FormPrinter, tmp_path: Path, number: str) -> None:
    path = tmp_path / "form.pdf"
    path.write_bytes(printer.draw(job(snapshot(number))).content)

    assert pdf.is_sound(path)


def test_a_declaration_without_goods_cannot_be_drawn(printer: FormPrinter) -> None:
    with pytest.raises(PermanentFailure) as failure:
        printer.draw(job(changed("01", goods=[])))

    assert failure.value.reason == "source-missing"


def test_a_seal_cannot_be_drawn_without_its_material(printer: FormPrinter) -> None:
    with pytest.raises(PermanentFailure) as failure:
        printer.draw(job(snapshot("01"), "sealed"))

    assert failure.value.reason == "seal-unavailable"


@pytest.mark.parametrize("number", sample_numbers())
def test_both_codes_are_read_from_every_page(
    printer: FormPrinter, tmp_path: Path, number: str
) -> None:
    sample = snapshot(number)
    drawn = printer.draw(job(sample))
    path = tmp_path / "form.pdf"
    path.write_bytes(drawn.content)

    for page in {1, drawn.pages}:
        codes = pdf.scanned(pdf.picture(path, tmp_path, page))
        assert codes == {"CODE-39": sample.entry_id, "QR-Code": f"*{sample.entry_id}*"}
