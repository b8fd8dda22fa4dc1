"""A60 to A66 and A112 to A123: who may act for whom, and what a card has signed."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from deploy.local import pki
from deploy.local.samples.companies import COMPANIES
from services.auth import card_protocol as protocol
from services.auth import handlers
from services.auth.card_agent.soft import SoftCard
from services.auth.domain import Account
from services.kernel.contracts.auth import SessionLocked
from services.kernel.contracts.refusal import Refusal
from tests.core.auth.conftest import ORIGIN, A, Room, World

B = COMPANIES["company-b"]
ORDER = {
    "kind": "print",
    "seal": "sealed",
    "entry_ids": ["530120261000000018", "530120261000000026"],
    "submitted_at": "2026-11-23T10:15:30.000+08:00",
}


def refusal(call, *given):
    with pytest.raises(Refusal) as caught:
        call(*given)
    return caught.value


def test_a60_an_operator_card_gets_the_sentence(room, world):
    refused = refusal(room.log_in, world.card(kind="operator", card_no="8930000000012"))

    assert refused.code == "not-legal-person-card"
    assert refused.detail == ("使用报关单证查询打印，必须使用报关单证中收发货人的法人卡介质登录。")


def test_a60_an_operator_card_of_the_bound_number_too(room, world):
    refused = refusal(room.log_in, world.card(kind="operator"))

    assert refused.code == "not-legal-person-card"


def test_a61_a_company_without_account(room, world):
    nobody = COMPANIES["no-account"]

    refused = refusal(room.log_in, world.card(company=nobody, card_no=nobody.card_no))

    assert refused.code == "account-not-found"


@pytest.mark.parametrize("state", ["closed", "excluded"])
def test_a62_an_account_that_is_not_open(room, card, state):
    room.work.by_uscc[A.uscc] = Account(A.uscc, A.name, A.card_no, state)

    assert refusal(room.log_in, card).code == "account-disabled"


def test_a63_an_unbound_card_in_the_manuals_words(room, world):
    refused = refusal(room.log_in, world.card(card_no="8930000000011"))

    assert (refused.code, refused.detail) == (
        "card-mismatch",
        "当前卡号 8930000000011 与用户注册信息卡号 8930000000001 不一致，无法进行申报",
    )


def test_a66_the_same_card_number_of_another_company(room, world):
    refused = refusal(room.log_in, world.card(company=B, card_no=A.card_no))

    assert refused.code == "card-mismatch"
    assert refused.facts["registered_card_no"] == B.card_no


def test_every_refusal_leaves_a_line_and_no_event(room, world):
    refusal(room.log_in, world.card(card_no="8930000000011"))

    (line,) = room.work.lines
    assert (line.action, line.outcome, line.card.card_no) == (
        "login",
        "card-mismatch",
        "8930000000011",
    )
    assert room.work.said == []


def test_reading_writes_only_when_the_note_is_old(room, card):
    token = room.log_in(card).access_token
    room.work.clock.advance(timedelta(seconds=9))
    room.read(token)
    assert room.work.touches == 0
    room.work.clock.advance(timedelta(seconds=1))

    session = room.read(token)

    assert room.work.touches == 1
    assert session.idle_expires_at == room.work.clock.now() + timedelta(minutes=30)


def test_idle_and_age_end_a_session(room, card):
    idle = room.log_in(card).access_token
    room.work.clock.advance(timedelta(minutes=30))
    assert refusal(room.read, idle).code == "session-expired"

    used = room.log_in(card).access_token
    for _ in range(24):
        room.work.clock.advance(timedelta(minutes=19, seconds=59))
        room.read(used)
    room.work.clock.advance(timedelta(seconds=24))
    assert refusal(room.read, used).code == "session-expired"


def test_locking_twice_is_said_once(room, card):
    token = room.log_in(card).access_token

    for _ in range(2):
        locked = handlers.lock(work=room.work, rules=room.rules, access_token=token)

    assert locked.state == "locked"
    assert [type(said) for said, _ in room.work.said].count(SessionLocked) == 1


@pytest.fixture
def signed(room, card):
    """A session, and what its card signs for it."""
    opened = room.log_in(card)
    session_id = opened.session.session_id

    def sign(by=card, **changed):
        return by.submission_signature(ORDER | {"session": session_id} | changed)

    return opened.access_token, sign


def test_a_good_submission_is_evidence(room, card, signed):
    token, sign = signed
    signature = sign()

    evidence = room.check(token, ORDER, signature)

    payload = protocol.submission_payload(ORDER | {"session": evidence.session_id})
    assert evidence.payload.encode() == payload
    assert evidence.jws == signature
    assert (evidence.uscc, evidence.card_no, evidence.holder) == (A.uscc, A.card_no, "张三")
    assert evidence.card_no_masked == "8930*****0001"
    assert len(evidence.certificates) == 3
    assert evidence.revocation["method"] == "crl"
    assert json.loads(evidence.payload)["kind"] == "print"


@pytest.mark.parametrize("algorithm", ["P-256", "RSA-2048", "RSA-3072"])
def test_cards_of_each_kind_of_key_sign(room, world, algorithm):
    card = world.card(key=pki.make_key(algorithm))
    opened = room.log_in(card)
    signature = card.submission_signature(ORDER | {"session": opened.session.session_id})

    assert room.check(opened.access_token, ORDER, signature).card_no == A.card_no


@pytest.mark.parametrize(
    "changed",
    [
        {"entry_ids": ["530120261000000018", "530120261000000027"]},
        {"entry_ids": ["530120261000000026", "530120261000000018"]},
        {"entry_ids": ["530120261000000018"]},
        {"entry_ids": []},
        {"seal": "none"},
        {"seal": None},
        {"kind": "export"},
        {"submitted_at": "2026-11-23T10:15:30.001+08:00"},
        {"submitted_at": "2026-11-23T02:15:30.000Z"},
    ],
)
def test_a112_anything_changed_after_signing(room, signed, changed):
    token, sign = signed

    refused = refusal(room.check, token, ORDER | changed, sign())

    assert refused.code == "signature-invalid"
    assert refused.errors[0]["pointer"] == "/submission_signature/signature"


def test_a113_moved_to_another_session(room, card, signed):
    _, sign = signed
    other = room.log_in(card).access_token

    assert refusal(room.check, other, ORDER, sign()).code == "signature-invalid"


def test_a116_a_token_used_as_a_submission(room, card, signed):
    token, _ = signed
    log_in = card.auth_token(ORIGIN, "nonce")

    assert refusal(room.check, token, ORDER, log_in).code == "signature-invalid"


def test_a116_a_log_in_signature_inside_a_submission(room, card, signed):
    token, sign = signed
    made = protocol.sign(card.private_key, protocol.token_message(ORIGIN, "nonce"))
    signature = sign() | {"signature": protocol.to_base64url(made)}

    assert refusal(room.check, token, ORDER, signature).code == "signature-invalid"


def attack(card, session_id, header):
    """A right signature by the card under exactly this protected header (text or object)."""
    text = header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))
    protected = protocol.to_base64url(text.encode())
    payload = protocol.submission_payload(ORDER | {"session": session_id})
    made = protocol.sign(card.signature_private_key, protocol.signing_input(protected, payload))
    return {"protected": protected, "signature": protocol.to_base64url(made)}


def good_header(card):
    return {
        "alg": "ES256",
        "typ": protocol.SUBMISSION_TYPE,
        "x5c": [protocol.to_base64(card.signature_certificate)],
    }


def session_of(room, token):
    return room.read(token).session_id


def test_the_header_of_the_attacks_below_is_good_when_left_alone(room, card, signed):
    token, _ = signed
    signature = attack(card, session_of(room, token), good_header(card))

    assert room.check(token, ORDER, signature).card_no == A.card_no


@pytest.mark.parametrize("of", ["company", "card"])
def test_a117_anothers_certificate_in_the_header(room, world, card, other_card, signed, of):
    token, _ = signed
    other = other_card if of == "company" else world.card(key=pki.make_key("P-256"))
    signature = attack(card, session_of(room, token), good_header(other))

    refused = refusal(room.check, token, ORDER, signature)

    assert refused.code == ("card-mismatch" if of == "company" else "signature-invalid")


def test_a118_another_card_of_the_same_company(room, world, signed):
    token, sign = signed
    other = world.card(card_no="8930000000011")

    refused = refusal(room.check, token, ORDER, sign(other))

    assert (refused.code, refused.detail) == (
        "card-mismatch",
        "当前卡号 8930000000011 与用户注册信息卡号 8930000000001 不一致，无法进行申报",
    )


def test_a118_the_same_number_of_another_company(room, world, signed):
    token, sign = signed
    other = world.card(company=B, card_no=A.card_no)

    assert refusal(room.check, token, ORDER, sign(other)).code == "card-mismatch"


def test_another_certificate_of_the_same_card_signs(room, world, signed):
    token, sign = signed

    assert room.check(token, ORDER, sign(world.card())).card_no == A.card_no


HEADERS = {
    "none": lambda good: good | {"alg": "none"},
    "hs256": lambda good: good | {"alg": "HS256"},
    "rs256": lambda good: good | {"alg": "RS256"},
    "alg_list": lambda good: good | {"alg": ["ES256"]},
    "b64": lambda good: good | {"b64": False},
    "crit": lambda good: good | {"crit": ["b64"], "b64": False},
    "jwk": lambda good: good | {"jwk": {}},
    "kid": lambda good: good | {"kid": "1"},
    "no_typ": lambda good: {name: good[name] for name in ("alg", "x5c")},
    "typ": lambda good: good | {"typ": "JWS"},
    "x5c_missing": lambda good: {name: good[name] for name in ("alg", "typ")},
    "x5c_empty": lambda good: good | {"x5c": []},
    "x5c_five": lambda good: good | {"x5c": good["x5c"] * 5},
    "x5c_text": lambda good: good | {"x5c": good["x5c"][0]},
    "x5c_number": lambda good: good | {"x5c": [1]},
    "x5c_url": lambda good: (
        good | {"x5c": [good["x5c"][0].replace("+", "-").replace("/", "_").rstrip("=")]}
    ),
    "x5c_blank": lambda good: good | {"x5c": [good["x5c"][0] + "\n"]},
    "list": lambda good: [good],
    "doubled": lambda good: json.dumps(good)[:-1] + ',"alg":"ES256"}',
    "doubled_x5c": lambda good: json.dumps(good)[:-1] + ',"x5c":["AA=="]}',
    "not_json": lambda _: "{",
    "nested": lambda _: "[" * 8_000,
    "nan": lambda good: json.dumps(good | {"alg": float("nan")}),
    "utf8": lambda good: json.dumps(good | {"typ": "单证"}, ensure_ascii=False),
}


@pytest.mark.parametrize("shape", HEADERS)
def test_a119_another_header(room, card, signed, shape):
    token, _ = signed
    header = HEADERS[shape](good_header(card))
    if shape == "x5c_url" and header == good_header(card):
        pytest.skip("this certificate reads the same in both alphabets")
    signature = attack(card, session_of(room, token), header)

    assert refusal(room.check, token, ORDER, signature).code == "signature-invalid"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: good | {"header": {"alg": "ES256"}},
        lambda good: good | {"payload": "e30"},
        lambda good: {"signatures": [good, good]},
        lambda good: [good],
        lambda good: None,
        lambda good: "x",
        lambda good: {"protected": good["protected"]},
        lambda good: good | {"signature": good["signature"] + "="},
        lambda good: good | {"signature": ""},
        lambda good: good | {"signature": None},
        lambda good: good | {"protected": good["protected"] + "="},
        lambda good: good | {"protected": ""},
        lambda good: f"{good['protected']}..{good['signature']}",
    ],
)
def test_a120_another_shape_of_jws(room, signed, spoil):
    token, sign = signed

    assert refusal(room.check, token, ORDER, spoil(sign())).code == "signature-invalid"


def test_a121_an_operators_certificate_of_the_same_card_number(room, world, signed):
    token, sign = signed

    refused = refusal(room.check, token, ORDER, sign(world.card(kind="operator")))

    assert (refused.code, refused.facts) == ("certificate-rejected", {"reason": "profile"})


def test_a122_a_card_revoked_after_log_in():
    world = World()
    room = Room(world)
    room.work.by_uscc[A.uscc] = Account(A.uscc, A.name, A.card_no, "open")
    certificate, key = world.certificate()
    nine_c, nine_c_key = world.certificate(log_in=False)
    card = SoftCard.from_pem(
        pki.pem(certificate), pki.key_pem(key), pki.pem(nine_c), pki.key_pem(nine_c_key)
    )
    opened = room.log_in(card)
    signature = card.submission_signature(ORDER | {"session": opened.session.session_id})
    room.check(opened.access_token, ORDER, signature)

    world.source.put(pki.make_list(world.authority, [nine_c.serial_number], number=11))
    world.lists.refresh()

    refused = refusal(room.check, opened.access_token, ORDER, signature)
    assert (refused.code, refused.facts) == ("certificate-rejected", {"reason": "revoked"})
    assert room.work.lines[-1].outcome == "certificate-rejected"


@pytest.mark.parametrize(
    "changed", [{"entry_ids": ["\ud800"]}, {"submitted_at": "\udfff"}, {"seal": float("nan")}]
)
def test_a123_a_text_that_is_no_text(room, signed, changed):
    token, sign = signed

    assert refusal(room.check, token, ORDER | changed, sign()).code == "signature-invalid"


def test_a_locked_session_submits_nothing(room, signed):
    token, sign = signed
    handlers.lock(work=room.work, rules=room.rules, access_token=token)

    refused = refusal(room.check, token, ORDER, sign())

    assert (refused.code, refused.facts) == ("card-removed", {"lock": "session"})


def test_no_session_no_submission(room, signed):
    _, sign = signed

    assert refusal(room.check, "x" * 43, ORDER, sign()).code == "unauthenticated"


def test_a_soft_card_takes_only_keys_that_cards_have(world):
    certificate, _ = world.certificate()
    for key in (ec.generate_private_key(ec.SECP384R1()), None):
        text = pki.key_pem(key) if key else "no key"
        with pytest.raises(ValueError, match=r"."):
            _soft(certificate, text)
    assert _soft(certificate, pki.key_pem(rsa.generate_private_key(65537, 2048))) is not None


def _soft(certificate, text):
    return SoftCard.from_pem(pki.pem(certificate), text, pki.pem(certificate), text)
