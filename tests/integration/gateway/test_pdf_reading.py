"""What the public check reads out of files: true forms, changed ones, and strange ones."""

import io

import pikepdf
import pytest
from pyhanko.keys import load_certs_from_pemder_data

from gateway.pdf_reading import PdfFacts, read_pdf, read_sheet
from gateway.reading import ChildReading
from services.kernel.errors import PermanentFailure
from services.render.products.declaration_form import FormPrinter
from tests.support.forms import CODE, FONT_DIR, job, snapshot
from tests.support.seals import make_seal


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def seal():
    return make_seal("p256")


@pytest.fixture(scope="module")
def sealed(seal):
    return FormPrinter(FONT_DIR, seal.material).draw(job(snapshot("01"), "sealed")).content


@pytest.fixture(scope="module")
def roots(seal):
    return list(load_certs_from_pemder_data(seal.root))


def test_a_sealed_form_shows_its_code_and_a_trusted_seal_over_all_of_it(sealed, roots):
    facts = read_pdf(sealed, roots)
    (signature,) = facts.signatures
    assert facts.codes == [CODE]
    assert (signature.trusted, signature.intact, signature.covers_whole_file) == (True,) * 3
    assert signature.signer == "danzheng 样章 SPECIMEN SEAL"
    assert signature.issuer == "danzheng 样章根 SPECIMEN ROOT"
    assert signature.serial_number == "2"
    assert signature.algorithm == "ECDSA P-256 SHA-256"
    assert signature.level == "PAdES-B-B"
    assert signature.signed_at is not None


def test_a_form_without_seal_shows_its_code_alone(seal, roots):
    content = FormPrinter(FONT_DIR, seal.material).draw(job(snapshot("06"))).content
    assert read_pdf(content, roots) == PdfFacts([CODE], [])


def test_a_seal_of_strangers_is_read_and_not_trusted(sealed):
    others = list(load_certs_from_pemder_data(make_seal("rsa").root))
    (signature,) = read_pdf(sealed, others).signatures
    assert (signature.trusted, signature.intact) == (False, True)


def test_bytes_behind_a_sealed_form_are_not_covered(sealed, roots):
    (signature,) = read_pdf(sealed + b"\n%more\n", roots).signatures
    assert not signature.covers_whole_file


def test_a_changed_byte_breaks_the_seal_and_leaves_the_code(sealed, roots):
    place = sealed.index(b"/Title")
    changed = sealed[: place + 1] + b"t" + sealed[place + 2 :]
    facts = read_pdf(changed, roots)
    assert facts.codes == [CODE]
    assert not any(one.intact and one.trusted for one in facts.signatures)


def test_a_form_whose_order_is_broken_still_shows_its_code(sealed, roots):
    marks = (b"%%EOF", b"startxref", b"/Root", b"/Contents", b"/Count", b"endobj")
    for mark in marks:
        place = sealed.rindex(mark)
        changed = sealed[:place] + b"x" * len(mark) + sealed[place + len(mark) :]
        facts = read_pdf(changed, roots)
        assert facts.codes == [CODE] or any(one.ours for one in facts.signatures), mark
    assert read_pdf(sealed[: sealed.rindex(b"xref")], roots).codes == [CODE]


def test_a_seal_stays_ours_when_the_text_it_covers_is_broken(sealed, roots):
    with pikepdf.open(io.BytesIO(sealed)) as file:
        text = file.pages[0].Contents.read_raw_bytes()
    for part in (len(text) // 4, len(text) - 2):
        place = sealed.index(text) + part
        changed = sealed[:place] + bytes([sealed[place] ^ 0x55]) + sealed[place + 1 :]
        (signature,) = read_pdf(changed, roots).signatures
        assert (signature.ours, signature.trusted, signature.intact) == (True, False, False)
    others = list(load_certs_from_pemder_data(make_seal("rsa").root))
    assert not any(one.ours for one in read_pdf(changed, others).signatures)


def test_a_form_saved_anew_still_shows_its_code(sealed, roots):
    again = io.BytesIO()
    with pikepdf.open(io.BytesIO(sealed)) as file:
        file.save(again, linearize=True)
    assert CODE in read_pdf(again.getvalue(), roots).codes


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n",
        b"%PDF-1.7\n" + b"\xff" * 4000,
        b"%PDF-1.7\nstartxref\n9\n%%EOF",
        b"%PDF-1.7\ntrailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF",
    ],
)
def test_a_strange_file_says_nothing(content, roots):
    assert read_pdf(content, roots) == PdfFacts([], [])


def test_every_shortened_form_is_read_without_harm(sealed, roots):
    for size in range(0, len(sealed), len(sealed) // 25):
        assert isinstance(read_pdf(sealed[:size], roots), PdfFacts)


def test_what_is_no_workbook_is_told():
    with pytest.raises(PermanentFailure):
        read_sheet(b"PK\x03\x04 not a workbook")


@pytest.mark.anyio
async def test_a_child_reads_and_what_it_cannot_read_does_no_harm(seal, sealed):
    reading = ChildReading(seal.root)
    await reading.start()
    try:
        facts = await reading.pdf(sealed)
        assert facts.codes == [CODE]
        assert facts.signatures[0].trusted
        assert await reading.pdf(b"%PDF-1.7\n") == PdfFacts([], [])
        with pytest.raises(PermanentFailure):
            await reading.sheet(b"nothing")
    finally:
        await reading.stop()
