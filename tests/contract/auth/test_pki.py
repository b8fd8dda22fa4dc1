"""The development PKI: the cards of the sandbox and the specimen seal, as openssl sees them."""

import stat
import subprocess

import pytest
from cryptography import x509

from deploy.local.pki import make_pki


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def openssl(*words):
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, check=False, timeout=20
    )
    return done.returncode, done.stdout + done.stderr


def verdict(pki, name):
    return openssl(
        *("verify", "-crl_check", "-x509_strict", "-CAfile", pki.trust_anchors),
        *("-untrusted", pki.intermediates, "-CRLfile", pki.crl),
        pki.folder / "cards" / name / "login.pem",
    )


@pytest.mark.parametrize("name", ["company-a", "company-b", "company-c", "company-a-operator"])
def test_openssl_accepts_the_good_cards(pki, name):
    assert verdict(pki, name)[0] == 0, verdict(pki, name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("revoked", "certificate revoked"),
        ("untrusted", "error"),
    ],
)
def test_openssl_refuses_the_bad_cards(pki, name, words):
    code, said = verdict(pki, name)

    assert code != 0
    assert words in said


def test_the_seal_is_a_specimen_under_its_own_root(pki):
    code, said = openssl(
        *("verify", "-x509_strict", "-CAfile", pki.seal / "root.pem"),
        *("-untrusted", pki.seal / "chain.pem", pki.seal / "certificate.pem"),
    )
    seal = x509.load_pem_x509_certificate((pki.seal / "certificate.pem").read_bytes())

    assert code == 0, said
    assert "CN=danzheng 测试章" in seal.subject.rfc4514_string()
    assert "样章" in seal.subject.rfc4514_string()
    assert "CN=danzheng Test Seal CA" in seal.issuer.rfc4514_string()


def test_nobody_else_may_read_the_files(pki):
    files = [path for path in pki.folder.rglob("*") if path.is_file()]

    assert len(files) > 40
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_second_call_keeps_the_cards_and_signs_a_newer_list(pki):
    before = x509.load_pem_x509_crl(pki.crl.read_bytes())

    again = make_pki(pki.folder)

    after = x509.load_pem_x509_crl(again.crl.read_bytes())
    number = x509.CRLNumber
    assert again.cards == pki.cards
    assert (
        after.extensions.get_extension_for_class(number).value.crl_number
        > before.extensions.get_extension_for_class(number).value.crl_number
    )
    assert len(after) == 2


def test_the_seal_may_have_a_p256_key(tmp_path):
    pki = make_pki(tmp_path, seal_algorithm="P-256")

    assert "BEGIN PRIVATE KEY" in (pki.seal / "key.pem").read_text()
    assert {card["name"] for card in pki.cards if card["bound"]} == {
        "company-a",
        "company-b",
        "company-c",
    }
