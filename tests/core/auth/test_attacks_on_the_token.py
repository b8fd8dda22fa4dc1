"""A01 to A27: what does not log in. Each test bears the number of its attack."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth import card_protocol as protocol
from services.kernel.contracts.refusal import Refusal
from tests.core.auth.conftest import ORIGIN

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(value):
    return base64.b64encode(value).decode()


def refused(room, token, challenge=None):
    challenge = challenge or room.challenge()
    token = token(challenge.challenge_nonce) if callable(token) else token
    with pytest.raises(Refusal) as caught:
        room.open(challenge.challenge_id, token)
    assert room.work.tokens == {}
    assert room.work.challenges == {} or challenge.challenge_id not in room.work.challenges
    return caught.value


def test_the_good_token_opens(room, card):
    assert room.log_in(card).session.state == "active"


def test_a02_the_same_token_for_a_new_challenge(room, card):
    token = card.auth_token(ORIGIN, room.challenge().challenge_nonce)

    assert refused(room, token).code == "auth-token-invalid"


def test_a03_a_token_for_another_challenge_id(room, card):
    mine, other = room.challenge(), room.challenge()
    token = card.auth_token(ORIGIN, mine.challenge_nonce)

    assert refused(room, token, other).code == "auth-token-invalid"


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://evil.example", id="a08_other_origin"),
        pytest.param(ORIGIN + "/", id="a09_trailing_slash"),
        pytest.param(ORIGIN + ":8443", id="a10_other_port"),
        pytest.param(ORIGIN.replace("https", "http"), id="a11_http"),
        pytest.param("https://Danzheng.example", id="a12_upper_case"),
        pytest.param("https://danzheng.example.evil.example", id="a13_look_alike"),
        pytest.param("https://dаnzheng.example", id="a13_cyrillic"),
        pytest.param("https://xn--dnzheng-5fg.example", id="a13_punycode"),
    ],
)
def test_a08_to_a13_a_token_signed_for_another_origin(room, card, origin):
    assert refused(room, lambda nonce: card.auth_token(origin, nonce)).code == "auth-token-invalid"


@pytest.mark.parametrize("algorithm", ["none", "None", "", "ES384", "ES512", "PS256", "RS512"])
def test_a14_a17_an_algorithm_outside_the_table(room, card, algorithm):
    def token(nonce):
        return card.auth_token(ORIGIN, nonce) | {"algorithm": algorithm}

    assert refused(room, token).code == "auth-token-invalid"


def test_a14_no_algorithm_and_no_signature(room, card):
    def token(nonce):
        return card.auth_token(ORIGIN, nonce) | {"algorithm": "none", "signature": ""}

    assert refused(room, token).code == "auth-token-invalid"


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_a15_the_public_key_used_as_a_secret(room, card, algorithm):
    def token(nonce):
        public = card.private_key.public_key()
        mac = HMAC(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), SHA256())
        mac.update(protocol.token_message(ORIGIN, nonce))
        good = card.auth_token(ORIGIN, nonce)
        return good | {"algorithm": algorithm, "signature": b64(mac.finalize())}

    assert refused(room, token).code == "auth-token-invalid"


def test_a16_es256_called_rs256(room, card):
    def token(nonce):
        return card.auth_token(ORIGIN, nonce) | {"algorithm": "RS256"}

    assert refused(room, token).code == "auth-token-invalid"


def test_a16_rs256_called_es256(room, world):
    card = world.card(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def token(nonce):
        return card.auth_token(ORIGIN, nonce) | {"algorithm": "ES256"}

    assert refused(room, token).code == "auth-token-invalid"
    assert room.log_in(card).session.state == "active"


def test_a17_es256_over_another_hash(room, card):
    def token(nonce):
        der = card.private_key.sign(protocol.token_message(ORIGIN, nonce), ec.ECDSA(SHA384()))
        return card.auth_token(ORIGIN, nonce) | {"signature": b64(der)}

    assert refused(room, token).code == "auth-token-invalid"


def test_a17_rsa_pss(room, world):
    card = world.card(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def token(nonce):
        pss = padding.PSS(padding.MGF1(SHA256()), 32)
        made = card.private_key.sign(protocol.token_message(ORIGIN, nonce), pss, SHA256())
        return card.auth_token(ORIGIN, nonce) | {"signature": b64(made)}

    assert refused(room, token).code == "auth-token-invalid"


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a18_a_bit_flipped(room, card, place):
    def token(nonce):
        good = card.auth_token(ORIGIN, nonce)
        signature = bytearray(base64.b64decode(good["signature"]))
        signature[place] ^= 1
        return good | {"signature": b64(bytes(signature))}

    assert refused(room, token).code == "auth-token-invalid"


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (N, 1), (1, N), (N + 1, N + 1), (2**256 - 1, 1)]
)
def test_a19_r_or_s_out_of_range(room, card, r, s):
    def token(nonce):
        made = b64(r.to_bytes(32) + s.to_bytes(32))
        return card.auth_token(ORIGIN, nonce) | {"signature": made}

    assert refused(room, token).code == "auth-token-invalid"


def test_a20_der_for_r_and_s(room, card):
    def token(nonce):
        good = card.auth_token(ORIGIN, nonce)
        raw = base64.b64decode(good["signature"])
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        return good | {"signature": b64(der)}

    assert refused(room, token).code == "auth-token-invalid"


@pytest.mark.parametrize("length", [1, 32, 63, 65, 128])
def test_a21_a_signature_of_the_wrong_length(room, card, length):
    def token(nonce):
        good = card.auth_token(ORIGIN, nonce)
        raw = (base64.b64decode(good["signature"]) * 2)[:length]
        return good | {"signature": b64(raw)}

    assert refused(room, token).code == "auth-token-invalid"


def test_a22_anothers_certificate_and_the_own_signature(room, card, other_card):
    def token(nonce):
        theirs = other_card.auth_token(ORIGIN, nonce)["unverifiedCertificate"]
        return card.auth_token(ORIGIN, nonce) | {"unverifiedCertificate": theirs}

    assert refused(room, token).code == "auth-token-invalid"


def test_a23_a_copied_certificate_with_another_key(room, world, card):
    thief = replace(card, private_key=ec.generate_private_key(ec.SECP256R1()))

    assert refused(room, lambda nonce: thief.auth_token(ORIGIN, nonce)).code == (
        "auth-token-invalid"
    )


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda der: der + b"\0", id="byte_after"),
        pytest.param(lambda der: der[:-1], id="cut"),
        pytest.param(lambda der: b"\x30\x00", id="empty"),
        pytest.param(lambda der: der[:4] + b"\xff" + der[5:], id="broken"),
        pytest.param(lambda der: b"not a certificate", id="text"),
    ],
)
def test_a24_bytes_that_are_no_certificate(room, card, spoil):
    def token(nonce):
        good = card.auth_token(ORIGIN, nonce)
        return good | {"unverifiedCertificate": b64(spoil(card.certificate))}

    answer = refused(room, token)

    assert (answer.code, answer.facts) == ("certificate-rejected", {"reason": "malformed"})


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(
            lambda der: f"-----BEGIN CERTIFICATE-----\n{b64(der)}\n-----END CERTIFICATE-----",
            id="pem",
        ),
        pytest.param(lambda der: base64.urlsafe_b64encode(der + b"\xff\xfe").decode(), id="url"),
        pytest.param(lambda der: b64(der) + " ", id="blank"),
        pytest.param(lambda der: b64(der)[:64] + "\n" + b64(der)[64:], id="lines"),
        pytest.param(lambda der: b64(der).rstrip("=") + "====", id="padding"),
    ],
)
def test_a25_other_spellings_of_base64(room, card, spell):
    def token(nonce):
        return card.auth_token(ORIGIN, nonce) | {"unverifiedCertificate": spell(card.certificate)}

    assert refused(room, token).code == "auth-token-invalid"


@pytest.mark.parametrize("version", ["web-eid:1.1", "web-eid:2.0", "web-eid:1", "web-eid:1.0 ", ""])
def test_a26_another_version_of_the_format(room, card, version):
    def token(nonce):
        return card.auth_token(ORIGIN, nonce) | {"format": version}

    assert refused(room, token).code == "auth-token-invalid"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: [token],
        lambda token: None,
        lambda token: "web-eid:1.0",
        lambda token: {name: token[name] for name in token if name != "appVersion"},
        lambda token: token | {"extra": "x"},
        lambda token: token | {"signature": None},
        lambda token: token | {"signature": 7},
        lambda token: token | {"algorithm": ["ES256"]},
        lambda token: token | {"appVersion": "\0"},
        lambda token: token | {"unverifiedCertificate": "A" * 20_000},
    ],
)
def test_a27_another_shape(room, card, spoil):
    assert refused(room, lambda nonce: spoil(card.auth_token(ORIGIN, nonce))).code == (
        "auth-token-invalid"
    )


def test_a116_a_submission_used_as_a_token(room, card):
    signature = card.submission_signature({"kind": "print"})

    assert refused(room, signature).code == "auth-token-invalid"
