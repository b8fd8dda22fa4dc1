"""Sessions on PostgreSQL, from the challenge to the end."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.auth import accounts
from services.auth.domain import Client
from services.auth.handlers import token_hash
from services.kernel.contracts.envelope import decode
from services.kernel.contracts.refusal import Refusal

ORIGIN = "https://danzheng.example"
HERE = Client(via="api", ip="192.0.2.1", user_agent="test")


def log_in(use, card):
    challenge = use.challenge()
    token = card.auth_token(challenge.origin, challenge.challenge_nonce)
    return use.open_session(challenge.challenge_id, token, HERE)


def refusal(call, *args):
    with pytest.raises(Refusal) as caught:
        call(*args)
    return caught.value


def rows(use, sql, **given):
    with use.engine.connect() as connection:
        return connection.execute(text(sql), given).all()


def shift(use, sql):
    with use.engine.begin() as connection:
        connection.execute(text(sql))


def said(use):
    return [
        (envelope.type, envelope.subject, envelope.data)
        for envelope in (
            decode(bytes(row.body)) for row in rows(use, "SELECT body FROM outbox ORDER BY seq")
        )
    ]


@pytest.mark.parametrize("name", ["company-a", "company-b", "company-c"])
def test_a_bound_card_opens_a_session(use, soft, cards, name):
    opened = log_in(use, soft[name])

    session = use.read_session(opened.access_token)
    card = cards[name]
    assert opened.session == session
    assert len(opened.access_token) == 43
    assert (session.company.uscc, session.company.name) == (card["uscc"], card["company_name"])
    assert (session.card.card_no, session.card.kind) == (card["card_no"], "legal_person")
    assert (session.expires_at - session.created_at).total_seconds() == 8 * 3600
    assert (session.idle_expires_at - session.created_at).total_seconds() == 1800
    assert session.idle_timeout_seconds == 1800


def test_every_card_of_the_sandbox_gets_the_answer_it_is_listed_with(use, soft, cards):
    answers = {}
    for name, card in soft.items():
        try:
            log_in(use, card)
            answers[name] = "ok"
        except Refusal as refused:
            answers[name] = refused.code

    assert answers == {name: card["expect_login"] for name, card in cards.items()}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired", "expired"),
        ("not-yet-valid", "not_yet_valid"),
        ("revoked", "revoked"),
        ("untrusted", "untrusted"),
        ("wrong-key-usage", "key_usage"),
    ],
)
def test_each_bad_certificate_has_its_own_reason(use, soft, name, reason):
    assert refusal(log_in, use, soft[name]).facts == {"reason": reason}


def test_a63_an_unbound_card_is_refused_in_the_manuals_words(use, soft):
    refused = refusal(log_in, use, soft["company-a-unbound"])

    assert refused.detail == (
        "当前卡号 8930000000011 与用户注册信息卡号 8930000000001 不一致，无法进行申报"
    )
    assert refused.facts == {"card_no": "8930000000011", "registered_card_no": "8930000000001"}


def test_the_token_is_stored_as_its_hash_only(use, soft):
    opened = log_in(use, soft["company-a"])

    stored = [
        bytes(value) if isinstance(value, memoryview) else str(value).encode()
        for table in ("sessions", "session_proofs", "logins", "outbox", "challenges")
        for row in rows(use, f"SELECT * FROM {table}")
        for value in row
    ]
    assert token_hash(opened.access_token) in stored
    assert not [value for value in stored if opened.access_token.encode() in value]


def test_a01_the_same_token_again_meets_no_challenge(use, soft):
    challenge = use.challenge()
    token = soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce)
    use.open_session(challenge.challenge_id, token, HERE)

    again = refusal(use.open_session, challenge.challenge_id, token, HERE)

    assert again.code == "challenge-expired"


def test_a04_a_challenge_older_than_five_minutes_is_over(use, soft):
    challenge = use.challenge()
    token = soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce)
    shift(use, "UPDATE challenges SET expires_at = expires_at - interval '300 seconds'")

    assert refusal(use.open_session, challenge.challenge_id, token, HERE).code == (
        "challenge-expired"
    )
    assert rows(use, "SELECT * FROM challenges") == []


def test_a05_the_right_token_after_a_failed_try_comes_too_late(use, soft):
    challenge = use.challenge()
    good = soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce)
    bad = good | {"signature": soft["company-b"].auth_token(ORIGIN, "x")["signature"]}
    first = refusal(use.open_session, challenge.challenge_id, bad, HERE)

    second = refusal(use.open_session, challenge.challenge_id, good, HERE)

    assert (first.code, second.code) == ("auth-token-invalid", "challenge-expired")


def test_a06_the_same_token_at_once_opens_one_session(use, soft):
    challenge = use.challenge()
    token = soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce)
    together = threading.Barrier(8)

    def attempt(_):
        together.wait()
        try:
            use.open_session(challenge.challenge_id, token, HERE)
        except Refusal as refused:
            return refused.code
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(attempt, range(8)))

    assert answers == ["challenge-expired"] * 7 + ["ok"]
    assert len(rows(use, "SELECT 1 FROM sessions")) == 1


@pytest.mark.parametrize("guess", ["chl_00000000000000000000000000", "chl_", "", "\0", "x" * 500])
def test_a07_a_guessed_challenge_is_as_good_as_none(use, soft, guess):
    token = soft["company-a"].auth_token(ORIGIN, "nonce")

    assert refusal(use.open_session, guess, token, HERE).code == "challenge-expired"


def test_using_a_session_keeps_it_and_is_noted_now_and_then(use, soft):
    opened = log_in(use, soft["company-a"])
    before = rows(use, "SELECT touched_at, xmin::text FROM sessions")
    use.read_session(opened.access_token)
    unchanged = rows(use, "SELECT touched_at, xmin::text FROM sessions")
    shift(use, "UPDATE sessions SET touched_at = touched_at - interval '29 minutes'")

    read = use.read_session(opened.access_token)

    assert unchanged == before
    assert (read.idle_expires_at - opened.session.idle_expires_at).total_seconds() >= 0
    assert rows(use, "SELECT touched_at FROM sessions")[0][0] >= opened.session.created_at


@pytest.mark.parametrize(("column", "reason"), [("touched_at", "idle"), ("expires_at", "age")])
def test_a_session_out_of_time_is_expired_before_and_after_the_sweep(use, soft, column, reason):
    opened = log_in(use, soft["company-a"])
    shift(use, f"UPDATE sessions SET {column} = now() - interval '30 minutes'")

    before = refusal(use.read_session, opened.access_token)
    use.sweep()
    after = refusal(use.read_session, opened.access_token)

    assert (before.code, after.code) == ("session-expired", "session-expired")
    kind, _, ended = said(use)[-1]
    assert (kind, ended.reason) == ("auth.session.ended.v1", reason)
    use.sweep()
    assert len([1 for kind, _, _ in said(use) if kind == "auth.session.ended.v1"]) == 1


def test_leaving_ends_the_session_for_good(use, soft):
    opened = log_in(use, soft["company-a"])

    use.end_session(opened.access_token)

    assert refusal(use.read_session, opened.access_token).code == "unauthenticated"
    assert refusal(use.end_session, opened.access_token).code == "unauthenticated"
    assert refusal(use.read_session, "x" * 43).code == "unauthenticated"
    assert refusal(use.read_session, "\udcff").code == "unauthenticated"
    kind, subject, ended = said(use)[-1]
    assert (kind, subject) == ("auth.session.ended.v1", opened.session.session_id)
    assert ended.reason == "left"


def test_a_pulled_card_locks_and_the_same_card_unlocks(use, soft):
    opened = log_in(use, soft["company-a"])
    token = opened.access_token

    locked = use.lock(token)
    again = use.lock(token)
    challenge = use.challenge()
    unlocked = use.unlock(
        token,
        challenge.challenge_id,
        soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce),
    )

    assert (locked.state, again.state, unlocked.state) == ("locked", "locked", "active")
    assert unlocked.session_id == opened.session.session_id
    assert use.read_session(token).state == "active"
    assert [kind for kind, _, _ in said(use)] == [
        "auth.session.opened.v1",
        "auth.session.locked.v1",
        "auth.session.unlocked.v1",
    ]
    assert len(rows(use, "SELECT 1 FROM session_proofs")) == 2


def test_a_locked_session_is_read_as_locked_and_its_time_runs_on(use, soft):
    opened = log_in(use, soft["company-a"])
    use.lock(opened.access_token)
    shift(use, "UPDATE sessions SET touched_at = now() - interval '20 minutes'")

    use.read_session(opened.access_token)
    shift(use, "UPDATE sessions SET touched_at = touched_at - interval '11 minutes'")

    assert refusal(use.read_session, opened.access_token).code == "session-expired"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("company-a-unbound", "card-mismatch"),
        ("company-b", "card-mismatch"),
        ("company-a-operator", "not-legal-person-card"),
        ("revoked", "certificate-rejected"),
    ],
)
def test_a106_another_card_does_not_unlock(use, soft, name, code):
    opened = log_in(use, soft["company-a"])
    use.lock(opened.access_token)
    challenge = use.challenge()
    token = soft[name].auth_token(ORIGIN, challenge.challenge_nonce)

    refused = refusal(use.unlock, opened.access_token, challenge.challenge_id, token)

    assert refused.code == code
    assert use.read_session(opened.access_token).state == "locked"


def test_a106_the_words_name_both_cards(use, soft):
    opened = log_in(use, soft["company-a"])
    use.lock(opened.access_token)
    challenge = use.challenge()
    token = soft["company-b"].auth_token(ORIGIN, challenge.challenge_nonce)

    refused = refusal(use.unlock, opened.access_token, challenge.challenge_id, token)

    assert refused.detail == (
        "当前卡号 8930000000002 与用户注册信息卡号 8930000000001 不一致，无法进行申报"
    )


def test_a107_a_spent_challenge_does_not_unlock(use, soft):
    challenge = use.challenge()
    token = soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce)
    opened = use.open_session(challenge.challenge_id, token, HERE)
    use.lock(opened.access_token)

    refused = refusal(use.unlock, opened.access_token, challenge.challenge_id, token)

    assert refused.code == "challenge-expired"
    assert use.read_session(opened.access_token).state == "locked"


def test_a62_a_closed_account_ends_its_sessions_and_opens_none(use, soft, cards):
    opened = log_in(use, soft["company-a"])

    accounts.close(work=use.work(), uscc=cards["company-a"]["uscc"])

    assert refusal(use.read_session, opened.access_token).code == "unauthenticated"
    assert refusal(log_in, use, soft["company-a"]).code == "account-disabled"
    assert said(use)[-1][2].reason == "revoked"
    accounts.reopen(work=use.work(), uscc=cards["company-a"]["uscc"])
    assert log_in(use, soft["company-a"]).session.state == "active"


def test_another_card_may_be_bound_and_the_old_one_is_out(use, soft, cards):
    opened = log_in(use, soft["company-a"])

    accounts.bind(work=use.work(), uscc=cards["company-a"]["uscc"], card_no="8930000000011")

    assert refusal(use.read_session, opened.access_token).code == "unauthenticated"
    assert refusal(log_in, use, soft["company-a"]).code == "card-mismatch"
    assert log_in(use, soft["company-a-unbound"]).session.card.card_no == "8930000000011"


def test_an_account_is_added_once_and_a_card_belongs_to_one(use, cards):
    same = cards["company-a"]
    accounts.add(
        work=use.work(),
        uscc=same["uscc"],
        company_name=same["company_name"],
        card_no=same["card_no"],
    )

    for uscc, card_no in (
        (same["uscc"], "8930000000099"),
        (cards["no-account"]["uscc"], same["card_no"]),
        ("91990000MA0TEAAA28", "8930000000098"),
        (cards["no-account"]["uscc"], "893000000009"),
    ):
        with pytest.raises(accounts.AccountFault):
            accounts.add(work=use.work(), uscc=uscc, company_name="x", card_no=card_no)
    with pytest.raises(accounts.AccountFault):
        accounts.bind(work=use.work(), uscc=same["uscc"], card_no=cards["company-b"]["card_no"])
    assert len(accounts.listed(work=use.work())) == 3


def test_every_try_leaves_a_line_that_cannot_be_changed(use, soft):
    opened = log_in(use, soft["company-a"])
    refusal(log_in, use, soft["revoked"])
    use.lock(opened.access_token)

    lines = rows(use, "SELECT action, outcome, reason, card_no_masked, ip FROM logins ORDER BY seq")

    assert [tuple(line) for line in lines] == [
        ("login", "ok", "", "8930*****0001", "192.0.2.1"),
        ("login", "certificate-rejected", "revoked", "8930*****0001", "192.0.2.1"),
        ("lock", "ok", "", "", ""),
    ]
    for change in ("UPDATE logins SET ip = ''", "DELETE FROM logins", "TRUNCATE logins"):
        with pytest.raises(DBAPIError, match="append-only"):
            shift(use, change)


def test_a_proof_keeps_origin_challenge_and_token(use, soft):
    challenge = use.challenge()
    token = soft["company-a"].auth_token(ORIGIN, challenge.challenge_nonce)
    use.open_session(challenge.challenge_id, token, HERE)

    proof = rows(use, "SELECT proof FROM session_proofs")[0][0]

    assert proof == {
        "rules": "1",
        "origin": ORIGIN,
        "challenge_id": challenge.challenge_id,
        "challenge_nonce": challenge.challenge_nonce,
        "auth_token": token,
    }


def test_old_records_are_dropped_after_their_time(use, soft):
    use.challenge()
    opened = log_in(use, soft["company-a"])
    use.end_session(opened.access_token)
    shift(use, "UPDATE challenges SET expires_at = now() - interval '1 second'")
    shift(use, "UPDATE sessions SET ended_at = now() - interval '1131 days'")

    use.sweep()

    assert rows(use, "SELECT 1 FROM challenges") == []
    assert rows(use, "SELECT 1 FROM sessions") == []
    assert rows(use, "SELECT 1 FROM session_proofs") == []


def test_reading_survives_the_loss_of_its_connection(use, soft):
    opened = log_in(use, soft["company-a"])
    use.read_session(opened.access_token)
    shift(
        use,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )

    assert use.read_session(opened.access_token).state == "active"
