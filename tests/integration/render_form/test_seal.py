"""Sealed documents, judged by two validators that are not ours."""

import io
import re
import subprocess

import pytest
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from services.kernel.errors import SettingsFault
from services.render.adapters.sealer import CmsSealer
from services.render.products.declaration_form import FormPrinter
from services.render.sealing import SealMaterial
from tests.support import pdf
from tests.support.forms import FONT_DIR, job, snapshot
from tests.support.seals import make_seal


def judged(content: bytes, root: bytes, tmp_path):
    (tmp_path / "root.pem").write_bytes(root)
    trust = ValidationContext(
        trust_roots=[load_cert_from_pemder(str(tmp_path / "root.pem"))], allow_fetching=False
    )
    (signature,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
    return validate_pdf_signature(signature, trust)


@pytest.mark.parametrize("number", ["01", "06"])
def test_pyhanko_finds_the_seal_valid_trusted_and_over_the_whole_file(any_seal, tmp_path, number):
    drawn = FormPrinter(FONT_DIR, any_seal.material).draw(job(snapshot(number), "sealed"))

    status = judged(drawn.content, any_seal.root, tmp_path)

    assert status.bottom_line
    assert status.trusted
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert status.md_algorithm == "sha256"
    assert drawn.seal_certificate_sha256 == status.signing_cert.sha256.hex()


def test_a_seal_is_not_trusted_under_another_root(any_seal, tmp_path):
    drawn = FormPrinter(FONT_DIR, any_seal.material).draw(job(snapshot("01"), "sealed"))

    status = judged(drawn.content, make_seal("p256").root, tmp_path)

    assert status.valid
    assert not status.trusted


def test_pdfsig_finds_the_seal_valid_and_trusted(any_seal, tmp_path):
    drawn = FormPrinter(FONT_DIR, any_seal.material).draw(job(snapshot("01"), "sealed"))
    (tmp_path / "form.pdf").write_bytes(drawn.content)
    (tmp_path / "root.pem").write_bytes(any_seal.root)
    trust = f"sql:{tmp_path}"
    pdf.run("certutil", "-N", "-d", trust, "--empty-password")
    pdf.run(
        "certutil", "-A", "-d", trust, "-n", "root", "-t", "CT,C,C", "-i", tmp_path / "root.pem"
    )

    said = pdf.run("pdfsig", "-nssdir", trust, tmp_path / "form.pdf")

    assert "Signature is Valid" in said
    assert "Certificate is Trusted" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


@pytest.mark.parametrize("part", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_one_changed_byte_breaks_the_seal(printer, seal, tmp_path, part):
    content = bytearray(printer.draw(job(snapshot("01"), "sealed")).content)
    gap = re.search(rb"/ByteRange \[0 (\d+) (\d+) ", content)
    place = int(part * len(content))
    assert not int(gap[1]) <= place < int(gap[2])
    content[place] ^= 1

    try:
        broken = not judged(bytes(content), seal.root, tmp_path).bottom_line
    except Exception:  # noqa: BLE001 - a file that cannot even be read is broken too
        broken = True

    assert broken


def test_a_value_changed_in_place_breaks_the_seal(printer, seal, tmp_path):
    content = printer.draw(job(snapshot("01"), "sealed")).content
    changed = content.replace(b"D:20261123101533", b"D:20261124101533", 1)
    assert changed != content

    assert not judged(changed, seal.root, tmp_path).intact


def test_the_signature_has_no_time_of_its_own(printer):
    content = printer.draw(job(snapshot("01"), "sealed")).content
    (signature,) = PdfFileReader(io.BytesIO(content)).embedded_signatures

    names = [attribute["type"].native for attribute in signature.signer_info["signed_attrs"]]

    assert sorted(names) == ["content_type", "message_digest", "signing_certificate_v2"]
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.self_reported_timestamp.isoformat() == "2026-11-23T10:15:33+08:00"


def test_both_kinds_say_the_same_but_for_the_seal(drawn):
    sample = snapshot("08")
    plain, sealed = drawn(job(sample), "plain.pdf"), drawn(job(sample, "sealed"), "sealed.pdf")
    lines = [pdf.run("pdftotext", "-raw", path, "-").split() for path in (plain, sealed)]
    added = list(lines[1])
    for word in lines[0]:
        added.remove(word)

    assert "".join(sorted("".join(added))) == "".join(
        sorted(
            "样章SPECIMEN非海关印章无法律效力"
            + sample.entry_id
            + "2026-11-2310:15:33+08:00"
            + "样章见第1页/specimensealonpage1"
        )
    )


def test_the_seal_is_blue_and_stands_inside_its_box(drawn, tmp_path):
    path = drawn(job(snapshot("01"), "sealed"))
    with pdf.pikepdf.open(path) as file:
        (field,) = file.pages[0].Annots
        left, bottom, right, top = (float(edge) for edge in field.Rect)
        art = field.AP.N.read_bytes().decode()
        assert "/Annots" not in file.pages[-1] or len(file.pages) == 1
    height = 595.276

    assert (right - left, top - bottom) == (pytest.approx(130), pytest.approx(36, abs=0.02))
    assert right == pytest.approx(804.8 - 8, abs=0.02)
    assert left > 562.5
    assert height - top >= 511.3 + 7.5
    assert height - bottom <= 555.9
    red, green, blue = map(float, re.match(r"([\d.]+) ([\d.]+) ([\d.]+) RG", art).groups())
    assert blue > 2 * red
    assert blue > green


def test_an_unsealed_document_has_neither_field_nor_note(drawn):
    path = drawn(job(snapshot("08")))

    assert b"/Sig" not in path.read_bytes()
    assert "样章" not in pdf.words_of(path)


def test_a_key_of_another_certificate_is_refused():
    one, other = make_seal("p256").material, make_seal("p256").material

    with pytest.raises(SettingsFault):
        CmsSealer(SealMaterial(one.key, other.certificate, other.chain))


def test_a_short_rsa_key_is_refused(tmp_path):
    command = "openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=SPECIMEN -keyout k -out c"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    material = SealMaterial((tmp_path / "k").read_bytes(), (tmp_path / "c").read_bytes(), b"")

    with pytest.raises(SettingsFault):
        CmsSealer(material)


def test_material_is_read_from_files_and_never_shown(seal, tmp_path):
    paths = [tmp_path / name for name in ("key.pem", "certificate.pem", "chain.pem")]
    contents = (seal.material.key, seal.material.certificate, seal.material.chain)
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)

    read = SealMaterial.read(*paths)

    assert read == seal.material
    assert "PRIVATE" not in repr(read)
