"""A30 to A59: certificates and lists that are not good. Each test bears the attack's number."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local import pki
from services.auth.adapters.revocation import ListRefused, WebSource, issuer_id, read_list
from services.auth.adapters.x509 import X509Judge
from services.auth.domain import LOG_IN, SUBMISSION, Rejected
from tests.core.auth.conftest import KINDS, A, Bytes
from tests.core.auth.memory import MemoryShelf

NOW = datetime.now(UTC)
DIGITAL = ("digital_signature",)


def judged(world, certificate, purpose=LOG_IN, at=NOW, judge=None):
    judge = judge or world.judge
    der = certificate.public_bytes(Encoding.DER)
    card = judge.certificate(der, purpose, at)
    judge.revocation(card, at)
    return card


def reason(world, certificate, purpose=LOG_IN, at=NOW, judge=None):
    with pytest.raises(Rejected) as caught:
        judged(world, certificate, purpose, at, judge)
    return caught.value.reason


def name(**changed):
    """The holder's name with attributes changed; a list stands for several, None for none."""
    whole = {
        "COUNTRY_NAME": "CN",
        "ORGANIZATION_NAME": A.name,
        "ORGANIZATION_IDENTIFIER": f"NTRCN-{A.uscc}",
        "COMMON_NAME": "张三",
        "SERIAL_NUMBER": A.card_no,
    } | changed
    return x509.Name(
        [
            x509.NameAttribute(getattr(NameOID, oid), text)
            for oid, texts in whole.items()
            for text in (texts if isinstance(texts, list) else [texts])
            if text is not None
        ]
    )


def test_a_good_certificate_is_read(world):
    certificate, _ = world.certificate()

    card = judged(world, certificate)

    assert (card.card_no, card.uscc, card.company_name) == (A.card_no, A.uscc, A.name)
    assert (card.holder, card.kind) == ("张三", "legal_person")
    assert card.sha256 == certificate.fingerprint(SHA256()).hex()
    assert card.valid_until == certificate.not_valid_after_utc
    assert len(card.chain) == 3


@pytest.mark.parametrize(
    ("days", "said"), [((-30, -1), "expired"), ((1, 30), "not_yet_valid")], ids=["a30", "a31"]
)
def test_a30_a31_out_of_its_time(world, days, said):
    certificate, _ = world.certificate(days=days)

    assert reason(world, certificate) == said


def test_a30_its_last_second_counts(world):
    certificate, _ = world.certificate()
    der, end = certificate.public_bytes(Encoding.DER), certificate.not_valid_after_utc

    assert world.judge.certificate(der, LOG_IN, end).card_no == A.card_no
    with pytest.raises(Rejected, match="expired"):
        world.judge.certificate(der, LOG_IN, end + timedelta(seconds=1))


def test_a32_revoked(world):
    certificate, _ = world.certificate()
    source = Bytes(pki.make_list(world.authority, [certificate.serial_number], number=1))
    lists = world.make_lists(source)
    lists.refresh()

    assert reason(world, certificate, judge=world.make_judge(revocation=lists)) == "revoked"


def test_a33_held_is_revoked(world):
    certificate, _ = world.certificate()
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(certificate.serial_number)
        .revocation_date(NOW)
        .add_extension(x509.CRLReason(x509.ReasonFlags.certificate_hold), critical=False)
        .build()
    )
    held = crl(world).add_revoked_certificate(entry).sign(world.authority.key, SHA256())
    lists = world.make_lists(Bytes(held))
    lists.refresh()

    assert reason(world, certificate, judge=world.make_judge(revocation=lists)) == "revoked"


def test_a34_another_root(world):
    stranger = pki.make_authority("x", issuer=pki.make_authority("y", path_length=1))
    certificate, _ = world.certificate(issuer=stranger)

    assert reason(world, certificate) == "untrusted"


def test_a35_an_issuer_of_the_same_name(world):
    twin_root = pki.make_authority("root", path_length=1)
    twin = pki.make_authority("card CA", issuer=twin_root)
    certificate, _ = world.certificate(issuer=twin)

    assert twin.certificate.subject == world.authority.certificate.subject
    assert reason(world, certificate) == "untrusted"


def test_a36_self_signed(world):
    key = pki.make_key("P-256")
    extensions = pki.card_extensions("legal_person", DIGITAL, log_in=True)
    subject = pki.holder_name(A, A.card_no, "张三")
    certificate = pki.issue(subject, key, None, extensions, days=(-1, 30))

    assert reason(world, certificate) == "untrusted"


def test_a36_self_signed_and_by_mistake_an_anchor(world):
    key = pki.make_key("P-256")
    extensions = pki.card_extensions("legal_person", DIGITAL, log_in=True)
    subject = pki.holder_name(A, A.card_no, "张三")
    certificate = pki.issue(subject, key, None, extensions, days=(-1, 30))
    careless = X509Judge(
        anchors=[certificate], intermediates=[], kinds=KINDS, revocation=world.lists
    )

    assert reason(world, certificate, judge=careless) == "untrusted"


def test_a37_a_leaf_under_a_leaf(world):
    leaf, key = world.certificate()
    certificate, _ = world.certificate(issuer=pki.Issuer(leaf, key))
    careless = world.make_judge(more=[leaf])

    assert reason(world, certificate) == "untrusted"
    assert reason(world, certificate, judge=careless) == "untrusted"


def test_a37_a_path_too_long(world):
    below = pki.make_authority("below", issuer=world.authority)
    certificate, _ = world.certificate(issuer=below)
    careless = world.make_judge(more=[below.certificate])

    assert reason(world, certificate, judge=careless) == "untrusted"


@pytest.mark.parametrize(
    ("usage", "extended"),
    [
        pytest.param(DIGITAL, [ExtendedKeyUsageOID.SERVER_AUTH], id="a39_server"),
        pytest.param(DIGITAL, [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], id="a39_any"),
        pytest.param(DIGITAL, None, id="a39_none"),
        pytest.param(("content_commitment",), [ExtendedKeyUsageOID.CLIENT_AUTH], id="a40_9c"),
        pytest.param(("key_agreement",), [ExtendedKeyUsageOID.CLIENT_AUTH], id="a40_agreement"),
        pytest.param(None, [ExtendedKeyUsageOID.CLIENT_AUTH], id="a40_no_usage"),
    ],
)
def test_a39_a40_keys_for_another_use_do_not_log_in(world, usage, extended):
    extensions = pki.card_extensions("legal_person", usage or DIGITAL, log_in=False)
    if usage is None:
        extensions = [each for each in extensions if not isinstance(each[0], x509.KeyUsage)]
    if extended:
        extensions.append((x509.ExtendedKeyUsage(extended), False))
    certificate, _ = world.certificate(extensions=extensions)

    assert reason(world, certificate) == "key_usage"


def test_a40_the_9c_certificate_does_not_log_in(world):
    certificate, _ = world.certificate(log_in=False)

    assert reason(world, certificate) == "key_usage"
    assert judged(world, certificate, SUBMISSION).card_no == A.card_no


def test_the_9a_certificate_signs_submissions_unless_commitment_is_demanded(world):
    certificate, _ = world.certificate()
    strict = world.make_judge(commitment_only=True)

    assert judged(world, certificate, SUBMISSION).card_no == A.card_no
    assert reason(world, certificate, SUBMISSION, judge=strict) == "key_usage"
    nine_c, _ = world.certificate(log_in=False)
    assert judged(world, nine_c, SUBMISSION, judge=strict).card_no == A.card_no


def test_a_key_for_agreement_signs_no_submission(world):
    extensions = pki.card_extensions("legal_person", ("key_agreement",), log_in=False)
    certificate, _ = world.certificate(extensions=extensions)

    assert reason(world, certificate, SUBMISSION) == "key_usage"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024), id="a41"
        ),
        pytest.param(
            lambda: rsa.generate_private_key(public_exponent=3, key_size=2048), id="a42_e3"
        ),
        pytest.param(lambda: ec.generate_private_key(ec.SECP224R1()), id="a42_p224"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP384R1()), id="a42_p384"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="a42_k1"),
    ],
)
def test_a41_a42_weak_or_strange_keys(world, make):
    certificate, _ = world.certificate(key=make())

    assert reason(world, certificate) == "weak_key"


def test_a43_an_authority_as_a_leaf(world):
    extensions = pki.card_extensions("legal_person", DIGITAL, log_in=True)
    extensions[0] = (x509.BasicConstraints(ca=True, path_length=None), True)
    certificate, _ = world.certificate(extensions=extensions)

    assert reason(world, certificate) == "profile"


def test_a44_an_unknown_critical_extension(world):
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    extensions = pki.card_extensions("legal_person", DIGITAL, log_in=True)

    critical, _ = world.certificate(extensions=[*extensions, (strange, True)])
    harmless, _ = world.certificate(extensions=[*extensions, (strange, False)])

    assert reason(world, critical) == "profile"
    assert judged(world, harmless).card_no == A.card_no


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"SERIAL_NUMBER": None}, id="a45_missing"),
        pytest.param({"SERIAL_NUMBER": [A.card_no, "8930000000009"]}, id="a45_twice"),
        pytest.param({"SERIAL_NUMBER": A.card_no[:12]}, id="a45_12_digits"),
        pytest.param({"SERIAL_NUMBER": A.card_no + "0"}, id="a45_14_digits"),
        pytest.param({"SERIAL_NUMBER": "893000000000A"}, id="a45_letter"),
        pytest.param({"ORGANIZATION_IDENTIFIER": f"NTRCN-{A.uscc[:-1]}8"}, id="a46_check"),
        pytest.param({"ORGANIZATION_IDENTIFIER": A.uscc}, id="a46_no_prefix"),
        pytest.param({"ORGANIZATION_IDENTIFIER": f"VATCN-{A.uscc}"}, id="a46_prefix"),
        pytest.param({"ORGANIZATION_IDENTIFIER": f"NTRCN-NTRCN-{A.uscc}"}, id="a46_prefixes"),
        pytest.param({"ORGANIZATION_IDENTIFIER": f"NTRCN-{A.uscc.lower()}"}, id="a46_lower"),
        pytest.param({"ORGANIZATION_IDENTIFIER": None}, id="no_company"),
        pytest.param({"ORGANIZATION_NAME": None}, id="no_name"),
        pytest.param({"ORGANIZATION_NAME": " "}, id="blank_name"),
        pytest.param({"COMMON_NAME": None}, id="no_holder"),
        pytest.param({"COMMON_NAME": "张\n三"}, id="line_in_holder"),
        pytest.param({"COMMON_NAME": ["张三", "李四"]}, id="two_holders"),
    ],
)
def test_a45_a46_subjects_outside_the_profile(world, changed):
    certificate, _ = world.certificate(subject=name(**changed))

    assert reason(world, certificate) == "profile"


def test_a45_several_attributes_in_one_part_of_the_name(world):
    parts = list(name())
    whole = x509.Name(
        [
            *(x509.RelativeDistinguishedName([part]) for part in parts[:-2]),
            x509.RelativeDistinguishedName(parts[-2:]),
        ]
    )
    certificate, _ = world.certificate(subject=whole)

    assert reason(world, certificate) == "profile"


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param([], id="none"),
        pytest.param(["1.2.3"], id="foreign"),
        pytest.param([pki.LEGAL_PERSON_OID, pki.OPERATOR_OID], id="both"),
    ],
)
def test_a47_both_kinds_or_none(world, kinds):
    extensions = [
        each
        for each in pki.card_extensions("legal_person", DIGITAL, log_in=True)
        if not isinstance(each[0], x509.CertificatePolicies)
    ]
    if kinds:
        policies = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in kinds]
        extensions.append((x509.CertificatePolicies(policies), False))
    certificate, _ = world.certificate(extensions=extensions)

    assert reason(world, certificate) == "profile"


def test_a48_free_text_makes_no_legal_person(world):
    certificate, _ = world.certificate(
        kind="operator", subject=name(ORGANIZATIONAL_UNIT_NAME="法人卡")
    )

    assert judged(world, certificate).kind == "operator"


def crl(world, *, number=5, begin=-1, end=24, issuer=None):
    issuer = issuer or world.authority
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW + timedelta(hours=begin))
        .next_update(NOW + timedelta(hours=end))
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    return builder


def with_lists(world, *made):
    lists = world.make_lists(Bytes(*made))
    for _ in made:
        lists.refresh()
    return world.make_judge(revocation=lists)


def test_a49_a_stale_list_is_no_answer(world):
    certificate, _ = world.certificate()
    made = crl(world, begin=-48, end=-1).sign(world.authority.key, SHA256())

    assert reason(world, certificate, judge=with_lists(world, made)) == "status_unknown"


def test_a49_the_moment_of_the_next_update_is_too_late(world):
    certificate, _ = world.certificate()
    judge = with_lists(world, crl(world).sign(world.authority.key, SHA256()))
    due = (NOW + timedelta(hours=24)).replace(microsecond=0)

    judged(world, certificate, at=due - timedelta(seconds=1), judge=judge)
    assert reason(world, certificate, at=due, judge=judge) == "status_unknown"


def test_a49_a_list_of_the_future_is_no_answer(world):
    certificate, _ = world.certificate()
    judge = with_lists(world, crl(world, begin=1).sign(world.authority.key, SHA256()))

    assert reason(world, certificate, judge=judge) == "status_unknown"


def test_a50_a_list_signed_by_another_key(world):
    certificate, _ = world.certificate()
    made = crl(world).sign(pki.make_key("P-256"), SHA256())

    assert reason(world, certificate, judge=with_lists(world, made)) == "status_unknown"


def test_a51_no_list(world):
    certificate, _ = world.certificate()

    assert reason(world, certificate, judge=with_lists(world)) == "status_unknown"


def test_a52_a_list_of_an_issuer_of_the_same_name(world):
    certificate, _ = world.certificate()
    twin = pki.make_authority("card CA", issuer=pki.make_authority("root", path_length=1))
    made = pki.make_list(twin, [], number=5)

    assert reason(world, certificate, judge=with_lists(world, made)) == "status_unknown"


def test_a52_the_roots_list_speaks_for_the_root_only(world):
    certificate, _ = world.certificate()
    made = pki.make_list(world.root, [], number=5)

    assert reason(world, certificate, judge=with_lists(world, made)) == "status_unknown"


def test_a58_an_older_list_after_a_newer_is_not_taken(world):
    certificate, _ = world.certificate()
    newer = pki.make_list(world.authority, [certificate.serial_number], number=7)
    older = pki.make_list(world.authority, [], number=6)

    assert reason(world, certificate, judge=with_lists(world, newer, older)) == "revoked"


def test_a58_a_later_life_remembers_the_newest_list(world):
    certificate, _ = world.certificate()
    shelf = MemoryShelf()
    newer = pki.make_list(world.authority, [certificate.serial_number], number=7)
    world.make_lists(Bytes(newer), shelf).refresh()

    later = world.make_lists(Bytes(pki.make_list(world.authority, [], number=6)), shelf)
    later.refresh()

    assert reason(world, certificate, judge=world.make_judge(revocation=later)) == "revoked"


def test_a_newer_list_takes_the_place_of_an_older(world):
    certificate, _ = world.certificate()
    older = pki.make_list(world.authority, [], number=6)
    newer = pki.make_list(world.authority, [certificate.serial_number], number=7)

    assert reason(world, certificate, judge=with_lists(world, older, newer)) == "revoked"


def test_a_taken_list_is_kept_once_with_its_digest(world):
    certificate, _ = world.certificate()
    shelf = MemoryShelf()
    made = pki.make_list(world.authority, [], number=6)
    lists = world.make_lists(Bytes(made, made), shelf)

    assert [lists.refresh(), lists.refresh(), lists.refresh()] == [1, 0, 0]

    card = world.judge.certificate(certificate.public_bytes(Encoding.DER), LOG_IN, NOW)
    evidence = world.make_judge(revocation=lists).revocation(card, NOW)
    assert len(shelf.kept) == 1
    assert evidence["crl_sha256"] == made.fingerprint(SHA256()).hex()
    assert (evidence["method"], evidence["crl_number"]) == ("crl", "6")


@pytest.mark.parametrize("shape", ["no_number", "partial", "indirect", "broken", "empty"])
def test_lists_of_another_shape_are_refused(world, shape):
    builder = crl(world, number=None if shape == "no_number" else 5)
    if shape == "partial":
        builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
    if shape == "indirect":
        entry = x509.RevokedCertificateBuilder().serial_number(1).revocation_date(NOW)
        issuer = x509.CertificateIssuer([x509.DNSName("other.example")])
        builder = builder.add_revoked_certificate(
            entry.add_extension(issuer, critical=True).build()
        )
    der = builder.sign(world.authority.key, SHA256()).public_bytes(Encoding.DER)
    content = {"broken": der[:-9], "empty": b""}.get(shape, der)
    issuers = {issuer_id(world.authority.certificate): world.authority.certificate}

    with pytest.raises(ListRefused):
        read_list(content, issuers)


def test_a59_addresses_in_a_certificate_are_never_asked(world, monkeypatch):
    asked = []
    monkeypatch.setattr("socket.socket.connect", lambda *given: asked.append(given))
    inward = "http://127.0.0.1:1"
    extensions = pki.card_extensions("legal_person", DIGITAL, inward, log_in=True)
    certificate, _ = world.certificate(extensions=extensions)

    judged(world, certificate)

    assert asked == []


def test_a_configured_address_is_asked_when_it_is_due():
    asked, at = [], [0.0]

    def fetch(url, most):
        asked.append((url, most))
        return b"list"

    source = WebSource("http://crl.example/ca.crl", fetch, 60, lambda: at[0])

    assert [source.read(), source.read()] == [b"list", None]
    at[0] = 60.0
    assert source.read() == b"list"
    assert len(asked) == 2
