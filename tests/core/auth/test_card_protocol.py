"""The bytes that are signed, against the check values of the interface and a foreign library."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from services.auth import card_protocol as protocol

PRINT = {
    "kind": "print",
    "seal": "sealed",
    "entry_ids": ["530120261000000018", "530120261000000026"],
    "submitted_at": "2026-11-23T10:15:30.000+08:00",
    "session": "ses_01KAQ7V5N3T8W2YB4C6D9E0FGH",
}


def test_the_log_in_message_has_the_published_check_value():
    message = protocol.token_message(
        "https://danzheng.example", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    )

    assert message.hex() == (
        "07e54c4c670b6f2306af0a6d6a39728228a3861ad401d937c4f408748fa4938e"
        "905f28def18eaac05ae6f12b2c3452744afaf626da1343d57b395b544e0519b6"
    )


@pytest.mark.parametrize(
    ("submission", "size", "sha256"),
    [
        (PRINT, 178, "1af134ac08077128e63efc58c616e2293d0040f800fbd30a2034d41e25249dfe"),
        (
            PRINT | {"kind": "export", "seal": None},
            None,
            "f0489f972e331510b3f1479072ac0760b96d08d38e0881511e33b932212a76ca",
        ),
    ],
)
def test_the_submission_payload_has_the_published_check_value(submission, size, sha256):
    payload = protocol.submission_payload(submission)

    assert hashlib.sha256(payload).hexdigest() == sha256
    assert size is None or len(payload) == size


@pytest.mark.parametrize(
    ("key", "foreign"),
    [
        (ec.generate_private_key(ec.SECP256R1()), ECKey),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), RSAKey),
    ],
    ids=["P-256", "RSA-2048"],
)
def test_a_submission_signature_is_a_jws_to_joserfc_and_back(key, foreign):
    algorithm = protocol.algorithm_of(key)
    payload = protocol.submission_payload(PRINT)
    protected = protocol.protected_header(algorithm, [b"\x30\x00" * 400])
    signature = protocol.sign(key, protocol.signing_input(protected, payload))
    registry = jws.JWSRegistry(algorithms=[algorithm])
    registry.max_header_length = 16_384

    theirs = foreign.import_key(key)
    compact = f"{protected}.{protocol.to_base64url(payload)}.{protocol.to_base64url(signature)}"
    read = jws.deserialize_compact(compact, theirs, registry=registry)
    written = jws.serialize_compact(read.protected, payload, theirs, registry=registry).split(".")
    signed = protocol.read_submission_signature({"protected": written[0], "signature": written[2]})

    assert read.payload == payload
    assert protocol.is_signed(
        key.public_key(),
        signed.algorithm,
        signed.signature,
        protocol.signing_input(written[0], payload),
    )


def test_a_token_made_by_another_program_is_read():
    key = ec.generate_private_key(ec.SECP256R1())
    message = protocol.token_message("https://danzheng.example", "nonce")
    token = protocol.write_token(b"certificate", "ES256", protocol.sign(key, message), "a")

    read = protocol.read_token(token)

    assert read.certificate == b"certificate"
    assert protocol.is_signed(key.public_key(), "ES256", read.signature, message)
    assert not protocol.is_signed(key.public_key(), "RS256", read.signature, message)


def test_rsa_signatures_are_pkcs1_v1_5_with_sha256():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    key.public_key().verify(protocol.sign(key, b"m"), b"m", padding.PKCS1v15(), SHA256())


@given(st.binary(min_size=1, max_size=80))
def test_base64_is_read_back_and_only_in_its_one_form(value):
    standard = base64.b64encode(value).decode()
    url = protocol.to_base64url(value)

    assert protocol.from_base64(standard, "x") == value
    assert protocol.from_base64url(url, "x") == value
    for wrong in (standard + "\n", " " + standard, standard + "=", standard + "AAAA"[:3]):
        with pytest.raises(protocol.Malformed):
            protocol.from_base64(wrong, "x")
    for wrong in (url + "=", url + "\n", url + "+"):
        with pytest.raises(protocol.Malformed):
            protocol.from_base64url(wrong, "x")


def test_spare_bits_of_base64_are_refused():
    assert base64.b64decode("QR==") == base64.b64decode("QQ==")
    with pytest.raises(protocol.Malformed):
        protocol.from_base64("QR==", "x")
    with pytest.raises(protocol.Malformed):
        protocol.from_base64url("QR", "x")


@pytest.mark.parametrize(
    "origin",
    [
        "https://danzheng.example",
        "http://127.0.0.1:8000",
        "https://xn--fiqs8s.example:8443",
        "http://[::1]:8000",
    ],
)
def test_a_serialized_origin_is_known(origin):
    assert protocol.is_serialized_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://danzheng.example/",
        "https://Danzheng.example",
        "HTTPS://danzheng.example",
        "https://danzheng.example:443",
        "http://danzheng.example:80",
        "https://danzheng.example:",
        "https://danzheng.example:0443",
        "https://user@danzheng.example",
        "https://单证.example",
        "https://danzheng.example?x",
        "https://danzheng.example/a",
        "ftp://danzheng.example",
        "danzheng.example",
        "https://",
        "null",
        "",
        "https://danzheng.example:99999",
    ],
)
def test_what_a_browser_would_not_write_is_no_origin(origin):
    assert not protocol.is_serialized_origin(origin)
