import hashlib
import json
import subprocess
from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from services.apply.evidence import EvidenceAltered, files_of
from services.kernel.contracts.auth import Evidence

PAYLOAD = '{"entry_ids":["530120261000000018"],"kind":"print"}'


def signed(alg):
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if alg == "ES256"
        else rsa.generate_private_key(65537, 2048)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "张三")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    protected = unpadded(json.dumps({"alg": alg}).encode())
    content = f"{protected}.{unpadded(PAYLOAD.encode())}".encode()
    if alg == "ES256":
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32) + s.to_bytes(32)
    else:
        signature = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    der = certificate.public_bytes(serialization.Encoding.DER)
    return Evidence(
        session_id="ses_1",
        uscc="91990000MA0TEAAA29",
        card_no="8930000000001",
        card_no_masked="8930*****0001",
        holder="张三",
        certificate_sha256=hashlib.sha256(der).hexdigest(),
        payload=PAYLOAD,
        payload_sha256=hashlib.sha256(PAYLOAD.encode()).hexdigest(),
        jws={"protected": protected, "signature": unpadded(signature)},
        certificates=[b64encode(der).decode()],
        revocation={"status": "good"},
        checked_at=now,
    )


def unpadded(content):
    return urlsafe_b64encode(content).decode().rstrip("=")


def openssl_accepts(folder):
    public = subprocess.run(
        ["openssl", "x509", "-in", "leaf.pem", "-pubkey", "-noout"],
        cwd=folder,
        check=True,
        capture_output=True,
    ).stdout
    (folder / "leaf.pub").write_bytes(public)
    checked = subprocess.run(
        [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            "leaf.pub",
            "-signature",
            "signature.bin",
            "signing-input.bin",
        ],
        cwd=folder,
        check=False,
        capture_output=True,
    )
    return checked.returncode == 0


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_openssl_accepts_the_files_and_refuses_a_changed_payload(tmp_path, alg):
    for _ in range(4 if alg == "ES256" else 1):  # leading zeros and sign bits differ by chance
        for name, content in files_of(signed(alg)).items():
            (tmp_path / name).write_bytes(content)
        assert openssl_accepts(tmp_path)

    path = tmp_path / "signing-input.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"A")
    assert not openssl_accepts(tmp_path)


def test_altered_evidence_is_named():
    proof = signed("ES256")

    with pytest.raises(EvidenceAltered):
        files_of(replace(proof, payload=PAYLOAD.replace("print", "export")))
