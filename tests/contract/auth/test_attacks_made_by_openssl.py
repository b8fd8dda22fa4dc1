"""A38 and A42: certificates that our own library refuses to make, made by openssl."""

import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.local import pki
from services.auth.domain import LOG_IN, Rejected
from tests.core.auth.conftest import World

EXTENSIONS = f"""
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
certificatePolicies={pki.LEGAL_PERSON_OID}
"""
CONFIG = """
[req]
distinguished_name=name
prompt=no
utf8=yes
[name]
C=CN
O=company
organizationIdentifier=NTRCN-91990000MA0TEAAA29
CN=holder
serialNumber=8930000000001
"""


@pytest.fixture(scope="module")
def world():
    return World()


def openssl(folder, *words):
    subprocess.run(
        ["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True, timeout=20
    )


def certificate(world, folder, *, digest="sha256", curve="named_curve"):
    (folder / "ca.pem").write_text(pki.pem(world.authority.certificate))
    (folder / "ca.key").write_text(pki.key_pem(world.authority.key))
    (folder / "extensions").write_text(EXTENSIONS)
    (folder / "config").write_text(CONFIG)
    openssl(
        folder,
        *("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
        *("-param_enc", curve, "-out", "key"),
    )
    openssl(folder, "req", "-new", "-key", "key", "-config", "config", "-out", "request")
    openssl(
        folder,
        *("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", f"-{digest}"),
        *("-days", "30", "-extfile", "extensions", "-set_serial", "12345", "-out", "leaf.pem"),
    )
    made = x509.load_pem_x509_certificate((folder / "leaf.pem").read_bytes())
    return made.public_bytes(Encoding.DER)


def test_openssls_certificate_is_good_when_nothing_is_wrong(world, tmp_path):
    judged = world.judge.certificate(certificate(world, tmp_path), LOG_IN, datetime.now(UTC))

    assert judged.card_no == "8930000000001"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param({"digest": "sha1"}, "untrusted", id="a38"),
        pytest.param({"curve": "explicit"}, "weak_key", id="a42"),
    ],
)
def test_a38_a42_old_digests_and_explicit_curves(world, tmp_path, given, reason):
    with pytest.raises(Rejected) as caught:
        world.judge.certificate(certificate(world, tmp_path, **given), LOG_IN, datetime.now(UTC))

    assert caught.value.reason == reason
