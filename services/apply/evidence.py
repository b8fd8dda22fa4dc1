"""`evidence <application_no> [folder]`: the proof of a submission as files for openssl.

Writes payload, JWS, signing input, signature, certificates and by which revocation list (number
and digest; auth keeps the lists) the leaf was good, so that anybody can check without this system:

    openssl x509 -in leaf.pem -pubkey -noout > leaf.pub
    openssl dgst -sha256 -verify leaf.pub -signature signature.bin signing-input.bin
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import textwrap
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from services.apply import bootstrap
from services.apply.settings import ApplySettings
from services.kernel.contracts.wire import to_builtins
from services.kernel.errors import DanzhengError
from services.kernel.settings import read_settings

if TYPE_CHECKING:
    from services.kernel.contracts.auth import Evidence

_SIGN_BIT = 0x80
_LINE = 64  # characters a line in PEM (RFC 7468)


class EvidenceAltered(DanzhengError):
    """The stored evidence does not agree with itself."""


def command(argv: list[str]) -> int:
    """Write the files; answers the exit code. Raises EvidenceAltered when they do not agree."""
    parser = argparse.ArgumentParser(prog="apply evidence")
    parser.add_argument("application_no")
    parser.add_argument("folder", nargs="?", type=Path)
    told = parser.parse_args(argv)
    use = bootstrap.from_settings(read_settings(ApplySettings))
    with use.works() as work:
        proof = work.applications.evidence(told.application_no)
    use.close()
    if proof is None:
        sys.stderr.write(f"no evidence of {told.application_no}\n")
        return 1
    folder = told.folder or Path(f"evidence-{told.application_no}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(proof).items():
        (folder / name).write_bytes(content)
        sys.stdout.write(f"{folder / name}\n")
    return 0


def files_of(proof: Evidence) -> dict[str, bytes]:
    """The files by name. Raises EvidenceAltered when digest and payload differ."""
    payload = proof.payload.encode()
    if hashlib.sha256(payload).hexdigest() != proof.payload_sha256:
        raise EvidenceAltered(f"the payload does not have the digest {proof.payload_sha256}")
    signed = f"{proof.jws['protected']}.{_unpadded(payload)}".encode("ascii")
    leaf, *chain = proof.certificates
    return {
        "payload.json": payload,
        "jws.json": _json(proof.jws),
        "signing-input.bin": signed,
        "signature.bin": _signature(proof.jws),
        "leaf.pem": pem(leaf),
        "chain.pem": b"".join(pem(each) for each in chain),
        "revocation.json": _json(proof.revocation),
        "evidence.json": _json(to_builtins(proof)),
    }


def _signature(jws: dict[str, str]) -> bytes:
    """The signature as openssl wants it: DER for ES256, plain for RS256."""
    header = json.loads(_bytes(jws["protected"]))
    plain = _bytes(jws["signature"])
    return ecdsa_der(plain) if header.get("alg") == "ES256" else plain


def ecdsa_der(plain: bytes) -> bytes:
    """R‖S as the ASN.1 sequence of two integers."""
    half = len(plain) // 2
    body = _integer(plain[:half]) + _integer(plain[half:])
    return b"\x30" + bytes([len(body)]) + body


def _integer(digits: bytes) -> bytes:
    short = digits.lstrip(b"\x00") or b"\x00"
    if short[0] & _SIGN_BIT:
        short = b"\x00" + short
    return b"\x02" + bytes([len(short)]) + short


def pem(der: str) -> bytes:
    """A certificate given as base64 of DER, as PEM."""
    text = b64encode(b64decode(der)).decode()
    body = "\n".join(textwrap.wrap(text, _LINE))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _unpadded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"
