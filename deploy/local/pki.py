"""The development PKI: cards, their CA and revocation list, and a specimen seal.

    python -m deploy.local.pki --out .local/pki --base-url http://127.0.0.1:8000

makes everything once and signs a fresh revocation list at each call. The names say `sandbox` and
`样章`, the policies lie below 2.999: processes of production refuse all of it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from deploy.local.samples.companies import COMPANIES, Company
from services.auth.card_protocol import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterable

LEGAL_PERSON_OID = "2.999.10.1"
OPERATOR_OID = "2.999.10.2"
BASE_URL = "http://127.0.0.1:8000"
_MADE_WITH = "1"  # a change of the profile below counts this up, and old folders are made anew
_RENEW_AHEAD = timedelta(days=60)
_LIST_LIFE = timedelta(days=30)  # a development machine sleeps over a holiday
_PURPOSES = ("login", "signature")  # keys 9A and 9C of a card
_DIGITAL = ("digital_signature",)
_COMMITMENT = ("content_commitment",)
_AUTHORITY = ("key_cert_sign", "crl_sign")
_USAGES = (
    *_DIGITAL,
    *_COMMITMENT,
    *_AUTHORITY,
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Issuer:
    """A certificate authority: its certificate and key."""

    certificate: x509.Certificate
    key: PrivateKey


@dataclass(frozen=True)
class CardOrder:
    """A card to be made; the fields after `algorithm` are what is unusual about it."""

    name: str
    company: Company
    card_no: str
    holder: str
    kind: str = "legal_person"
    algorithm: str = "P-256"
    expect_login: str = "ok"
    days: tuple[int, int] = (-1, 730)
    trusted: bool = True
    revoked: bool = False
    usages: tuple[tuple[str, ...], tuple[str, ...]] = (_DIGITAL, _COMMITMENT)


@dataclass(frozen=True)
class Pki:
    """Where the parts lie, and the cards as the sandbox file lists them."""

    folder: Path
    trust_anchors: Path
    intermediates: Path
    crl: Path
    seal: Path
    cards: list[dict[str, Any]] = field(repr=False)


def orders() -> list[CardOrder]:
    """The cards of the sandbox, each with the answer its log-in gets."""
    a, b = COMPANIES["company-a"], COMPANIES["company-b"]
    c, nobody = COMPANIES["company-c"], COMPANIES["no-account"]
    rejected = "certificate-rejected"
    return [
        CardOrder("company-a", a, a.card_no, "张三"),
        CardOrder("company-b", b, b.card_no, "李四"),
        CardOrder("company-c", c, c.card_no, "王五", algorithm="RSA-2048"),
        CardOrder("company-a-unbound", a, "8930000000011", "赵六", expect_login="card-mismatch"),
        CardOrder(
            "company-a-operator",
            a,
            "8930000000012",
            "孙七",
            kind="operator",
            expect_login="not-legal-person-card",
        ),
        CardOrder("no-account", nobody, nobody.card_no, "周八", expect_login="account-not-found"),
        CardOrder("expired", a, a.card_no, "张三", expect_login=rejected, days=(-30, -1)),
        CardOrder("not-yet-valid", a, a.card_no, "张三", expect_login=rejected, days=(1400, 1700)),
        CardOrder("revoked", a, a.card_no, "张三", expect_login=rejected, revoked=True),
        CardOrder("untrusted", a, a.card_no, "张三", expect_login=rejected, trusted=False),
        CardOrder(
            "wrong-key-usage",
            a,
            a.card_no,
            "张三",
            expect_login=rejected,
            usages=(("key_agreement",), ("key_agreement",)),
        ),
    ]


def make_pki(folder: Path, *, base_url: str = BASE_URL, seal_algorithm: str = "RSA-2048") -> Pki:
    """The PKI in `folder`, made if it is missing, outdated or near its end.

    The revocation list is signed anew at each call. `seal_algorithm` is `RSA-2048` or `P-256`.
    """
    mark = {"made_with": _MADE_WITH, "seal": seal_algorithm, "cards": repr(orders())}
    if not _is_current(folder, mark):
        _make(folder, mark, base_url, seal_algorithm)
    _sign_list(folder)
    return Pki(
        folder=folder,
        trust_anchors=folder / "card/root.pem",
        intermediates=folder / "card/intermediates.pem",
        crl=folder / "card/card-ca.crl",
        seal=folder / "seal",
        cards=[_entry(folder, order) for order in orders()],
    )


def make_authority(
    cn: str,
    *,
    issuer: Issuer | None = None,
    path_length: int | None = 0,
    organization: str = "danzheng sandbox",
    days: tuple[int, int] = (-60, 1825),
    key: PrivateKey | None = None,
) -> Issuer:
    """A certificate authority below `issuer`, or a root."""
    key = key or make_key("P-256")
    subject = x509.Name(
        [
            _attribute(NameOID.COUNTRY_NAME, "CN"),
            _attribute(NameOID.ORGANIZATION_NAME, organization),
            _attribute(NameOID.COMMON_NAME, cn),
        ]
    )
    extensions = [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (_usage(_AUTHORITY), True),
    ]
    return Issuer(issue(subject, key, issuer, extensions, days=days), key)


def issue(
    subject: x509.Name,
    key: PrivateKey,
    issuer: Issuer | None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
    *,
    days: tuple[int, int],
) -> x509.Certificate:
    """A certificate of `key`, valid from day to day counted from now; without issuer: a root."""
    start = datetime.now(UTC).replace(microsecond=0)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start + timedelta(days=days[0]))
        .not_valid_after(start + timedelta(days=days[1]))
    )
    key_ids = (
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    )
    for extension, critical in (*extensions, *key_ids):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer, SHA256())


def holder_name(company: Company, card_no: str, holder: str) -> x509.Name:
    """The subject of a card's certificates (http-api section 4.1)."""
    return x509.Name(
        [
            _attribute(NameOID.COUNTRY_NAME, "CN"),
            _attribute(NameOID.ORGANIZATION_NAME, company.name),
            _attribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{company.uscc}"),
            _attribute(NameOID.COMMON_NAME, holder),
            _attribute(NameOID.SERIAL_NUMBER, card_no),
        ]
    )


def card_extensions(
    kind: str, usage: tuple[str, ...], base_url: str = BASE_URL, *, log_in: bool
) -> list[tuple[x509.ExtensionType, bool]]:
    """What stands in a card's certificate beside its subject."""
    kinds = {"legal_person": LEGAL_PERSON_OID, "operator": OPERATOR_OID}
    policy = x509.PolicyInformation(x509.ObjectIdentifier(kinds[kind]), None)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(usage), True),
        (x509.CertificatePolicies([policy]), False),
        (_crl_address(base_url), False),
        (_ocsp_address(base_url), False),
    ]
    if log_in:
        extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False))
    return extensions


def make_key(algorithm: str) -> PrivateKey:
    """A new key: `P-256` or `RSA-<bits>`."""
    if algorithm.startswith("RSA-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm[4:]))
    return ec.generate_private_key(ec.SECP256R1())


def make_list(
    issuer: Issuer, revoked: Iterable[int], *, number: int, life: timedelta = _LIST_LIFE
) -> x509.CertificateRevocationList:
    """A revocation list of serial numbers, good from an hour ago for `life`."""
    now = datetime.now(UTC).replace(microsecond=0)
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - timedelta(hours=1))
        .next_update(now + life)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(key_id, critical=False)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, SHA256())


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def key_pem(key: PrivateKey) -> str:
    """A private key as unencrypted PKCS #8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _make(folder: Path, mark: dict[str, str], base_url: str, seal_algorithm: str) -> None:
    for part in ("card", "cards", "seal"):
        shutil.rmtree(folder / part, ignore_errors=True)
    root = make_authority("danzheng sandbox root", path_length=1, days=(-60, 3650))
    authority = make_authority("danzheng sandbox card CA", issuer=root)
    stranger = make_authority("danzheng sandbox card CA", issuer=make_authority("other root"))
    _write(folder / "card/root.pem", pem(root.certificate))
    _write(folder / "card/intermediates.pem", pem(authority.certificate))
    _write(folder / "card/card-ca-key.pem", key_pem(authority.key))
    for order in orders():
        _make_card(folder, order, authority if order.trusted else stranger, base_url)
    _make_seal(folder / "seal", seal_algorithm)
    _write(folder / "made.json", json.dumps(mark | {"made_at": datetime.now(UTC).isoformat()}))


def _make_card(folder: Path, order: CardOrder, issuer: Issuer, base_url: str) -> None:
    subject = holder_name(order.company, order.card_no, order.holder)
    for purpose, usage in zip(_PURPOSES, order.usages, strict=True):
        key = make_key(order.algorithm)
        extensions = card_extensions(order.kind, usage, base_url, log_in=purpose == "login")
        certificate = issue(subject, key, issuer, extensions, days=order.days)
        _write(folder / f"cards/{order.name}/{purpose}.pem", pem(certificate))
        _write(folder / f"cards/{order.name}/{purpose}-key.pem", key_pem(key))


def _make_seal(folder: Path, algorithm: str) -> None:
    root = make_authority("danzheng Test Seal Root", path_length=1, days=(-60, 3650))
    authority = make_authority("danzheng Test Seal CA", issuer=root)
    key = make_key(algorithm)
    subject = x509.Name(
        [
            _attribute(NameOID.COUNTRY_NAME, "CN"),
            _attribute(NameOID.ORGANIZATION_NAME, "danzheng sandbox"),
            _attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "样章 SPECIMEN"),
            _attribute(NameOID.COMMON_NAME, "danzheng 测试章"),
        ]
    )
    usage = (*_DIGITAL, *_COMMITMENT)
    extensions = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(usage), True),
    ]
    certificate = issue(subject, key, authority, extensions, days=(-1, 1095))
    _write(folder / "key.pem", key_pem(key))
    _write(folder / "certificate.pem", pem(certificate))
    _write(folder / "chain.pem", pem(authority.certificate) + pem(root.certificate))
    _write(folder / "root.pem", pem(root.certificate))


def _sign_list(folder: Path) -> None:
    card = folder / "card"
    authority = Issuer(
        x509.load_pem_x509_certificate((card / "intermediates.pem").read_bytes()),
        _read_key(card / "card-ca-key.pem"),
    )
    revoked = [
        x509.load_pem_x509_certificate(path.read_bytes()).serial_number
        for order in orders()
        if order.revoked
        for path in _certificates(folder, order)
    ]
    number = time.time_ns() // 1_000_000  # never falls, however often the list is made
    made = make_list(authority, revoked, number=number)
    _write(card / "card-ca.crl", made.public_bytes(Encoding.PEM).decode())


def _certificates(folder: Path, order: CardOrder) -> list[Path]:
    return [folder / "cards" / order.name / f"{purpose}.pem" for purpose in _PURPOSES]


def _is_current(folder: Path, mark: dict[str, str]) -> bool:
    path = folder / "made.json"
    if not path.exists():
        return False
    made = json.loads(path.read_text())
    leaf = folder / "cards/company-a/login.pem"
    if {name: made.get(name) for name in mark} != mark or not leaf.exists():
        return False
    end = x509.load_pem_x509_certificate(leaf.read_bytes()).not_valid_after_utc
    return end - _RENEW_AHEAD > datetime.now(UTC)


def _entry(folder: Path, order: CardOrder) -> dict[str, Any]:
    card = folder / "cards" / order.name
    return {
        "name": order.name,
        "card_no": order.card_no,
        "kind": order.kind,
        "uscc": order.company.uscc,
        "company_name": order.company.name,
        "bound": order.expect_login == "ok",
        "certificate_pem": (card / "login.pem").read_text(),
        "private_key_pem": (card / "login-key.pem").read_text(),
        "signature_certificate_pem": (card / "signature.pem").read_text(),
        "signature_private_key_pem": (card / "signature-key.pem").read_text(),
        "pin": "123456",
        "expect_login": order.expect_login,
    }


def _read_key(path: Path) -> PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  made above
    return key


def _attribute(oid: x509.ObjectIdentifier, text: str) -> x509.NameAttribute:
    printable = oid in (NameOID.COUNTRY_NAME, NameOID.SERIAL_NUMBER)
    return x509.NameAttribute(
        oid, text, _ASN1Type.PrintableString if printable else _ASN1Type.UTF8String
    )


def _usage(names: tuple[str, ...]) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in names for usage in _USAGES})


def _crl_address(base_url: str) -> x509.CRLDistributionPoints:
    address = x509.UniformResourceIdentifier(f"{base_url}/pki/card-ca.crl")
    return x509.CRLDistributionPoints([x509.DistributionPoint([address], None, None, None)])


def _ocsp_address(base_url: str) -> x509.AuthorityInformationAccess:
    address = x509.UniformResourceIdentifier(f"{base_url}/pki/ocsp")
    method = AuthorityInformationAccessOID.OCSP
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, address)])


def _write(path: Path, text: str) -> None:
    """Write whole or not at all, readable by the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def main(argv: list[str] | None = None) -> int:
    """Make the PKI and tell where it lies."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.pki", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".local/pki"))
    parser.add_argument("--base-url", default=BASE_URL)
    parser.add_argument("--seal", choices=("RSA-2048", "P-256"), default="RSA-2048")
    given = parser.parse_args(argv)
    pki = make_pki(given.out, base_url=given.base_url, seal_algorithm=given.seal)
    print(f"{pki.folder}: {len(pki.cards)} cards, list {pki.crl.name}, seal {pki.seal.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
