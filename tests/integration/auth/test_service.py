"""Auth as a process of its own, asked over the broker."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import amqp
import pytest

from services.kernel.contracts.refusal import Refusal
from services.kernel.messaging import rpc_wire
from services.kernel.messaging.broker import connect

ORIGIN = "https://danzheng.example"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(env, *words):
    return subprocess.run(
        [sys.executable, "-m", "services.auth", *words],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def env(database_url, amqp_uri, pki):
    return {
        "DANZHENG_ENVIRONMENT": "development",
        "DANZHENG_AMQP_URI": amqp_uri,
        "DANZHENG_DATABASE_URL": database_url,
        "DANZHENG_HEALTH_PORT": str(free_port()),
        "DANZHENG_PUBLIC_BASE_URL": ORIGIN,
        "DANZHENG_CARD_TRUST_ANCHORS_PATH": str(pki.trust_anchors),
        "DANZHENG_CARD_INTERMEDIATES_PATH": str(pki.intermediates),
        "DANZHENG_CARD_CRL_PATHS": f'["{pki.crl}"]',
    }


@pytest.fixture
def room(env, cards):
    assert command(env, "migrate").returncode == 0
    card = cards["company-a"]
    added = command(
        env,
        *("account", "add", "--uscc", card["uscc"]),
        *("--name", card["company_name"], "--card-no", card["card_no"]),
    )
    assert added.returncode == 0, added.stderr
    process = subprocess.Popen([sys.executable, "-m", "services.auth"], env=os.environ | env)
    try:
        wait_ready(int(env["DANZHENG_HEALTH_PORT"]))
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def wait_ready(port):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as fault:
            fault.close()
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("auth did not become ready")


class Asker:
    """One question at a time, on the test's own thread."""

    def __init__(self, amqp_uri):
        self.connection = connect(amqp_uri, purpose="test")
        self.channel = self.connection.channel()
        self.answers = []
        self.queue = self.channel.queue_declare("", exclusive=True).queue
        self.channel.queue_bind(self.queue, exchange=rpc_wire.EXCHANGE, routing_key=self.queue)
        self.channel.basic_consume(self.queue, no_ack=True, callback=self.answers.append)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def call(self, service, method, **given):
        question = amqp.Message(
            rpc_wire.request(given),
            content_type=rpc_wire.CONTENT_TYPE,
            content_encoding="utf-8",
            reply_to=self.queue,
            correlation_id="1",
        )
        self.channel.basic_publish(question, rpc_wire.EXCHANGE, f"{service}.{method}")
        while not self.answers:
            self.connection.drain_events(timeout=5)
        body = self.answers.pop().body
        return rpc_wire.read_answer(
            body.encode() if isinstance(body, str) else body, service, method
        )


def test_a_whole_session_over_the_broker(room, env, amqp_uri, soft):
    with Asker(amqp_uri) as client:
        walk(client, soft)
    port = env["DANZHENG_HEALTH_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        shown = answer.read().decode()
    assert (
        'danzheng_auth_attempts_total{action="login",outcome="certificate-rejected",'
        'reason="revoked"} 1.0'
    ) in shown


def walk(client, soft):
    def ask(method, **given):
        return client.call("auth", method, **given)

    def log_in(name):
        challenge = ask("challenge")
        token = soft[name].auth_token(challenge["origin"], challenge["challenge_nonce"])
        return ask(
            "open_session",
            challenge_id=challenge["challenge_id"],
            auth_token=token,
            client={"via": "api", "ip": "192.0.2.1", "user_agent": "test"},
        )

    assert ask("ping") == "pong"
    opened = log_in("company-a")
    token = opened["access_token"]
    session = ask("read_session", access_token=token)
    assert session == opened["session"]
    submission = {
        "kind": "print",
        "seal": "sealed",
        "entry_ids": ["530120261000000018"],
        "submitted_at": "2026-11-23T10:15:30.000+08:00",
    }
    signature = soft["company-a"].submission_signature(
        submission | {"session": session["session_id"]}
    )
    evidence = ask("check_submission", access_token=token, signature=signature, **submission)
    assert evidence["card_no"] == "8930000000001"
    with pytest.raises(Refusal) as refused:
        log_in("revoked")
    assert refused.value.facts == {"reason": "revoked"}
    assert (ask("lock", access_token=token))["state"] == "locked"
    challenge = ask("challenge")
    unlocked = ask(
        "unlock",
        access_token=token,
        challenge_id=challenge["challenge_id"],
        auth_token=soft["company-a"].auth_token(ORIGIN, challenge["challenge_nonce"]),
    )
    assert unlocked["state"] == "active"
    assert ask("end_session", access_token=token) is None
    with pytest.raises(Refusal) as gone:
        ask("read_session", access_token=token)
    assert gone.value.code == "unauthenticated"


def test_commands_tell_how_it_stands(env, room, cards):
    card = cards["company-a"]

    checked = command(env, "check")
    listed = command(env, "account", "list")
    closed = command(env, "account", "close", "--uscc", card["uscc"])
    missing = command(env, "account", "close", "--uscc", "91990000MA0TEBBBXT")

    assert (checked.returncode, checked.stdout) == (0, "all is well\n")
    assert listed.stdout == f"{card['uscc']}  8930000000001  open  {card['company_name']}\n"
    assert closed.stdout.split()[2] == "closed"
    assert missing.returncode == 1
    assert missing.stderr.endswith("91990000MA0TEBBBXT has no account\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"DANZHENG_PUBLIC_BASE_URL": "https://danzheng.example/"}, "PUBLIC_BASE_URL"),
        ({"DANZHENG_PUBLIC_BASE_URL": "https://Danzheng.example"}, "PUBLIC_BASE_URL"),
        ({"DANZHENG_CARD_CRL_PATHS": "[]"}, "without a list no card is good"),
        ({"DANZHENG_CARD_TRUST_ANCHORS_PATH": "/nowhere.pem"}, "CARD_TRUST_ANCHORS_PATH"),
        ({"DANZHENG_ENVIRONMENT": "production"}, "two different policies"),
    ],
)
def test_wrong_settings_end_the_start_with_a_sentence(env, change, words):
    said = command(env | change, "serve")

    assert said.returncode == 1
    assert words in said.stderr
    assert "Traceback" not in said.stderr


REAL_OIDS = {
    "DANZHENG_ENVIRONMENT": "production",
    "DANZHENG_CARD_LEGAL_PERSON_OID": "1.2.156.1.1",
    "DANZHENG_CARD_OPERATOR_OID": "1.2.156.1.2",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"DANZHENG_CARD_LEGAL_PERSON_OID": "2.999.10.1"}, "2.999"),
        ({"DANZHENG_CARD_OPERATOR_OID": "2.999"}, "2.999"),
        ({}, "an anchor of the sandbox in production"),
        ({"DANZHENG_PUBLIC_BASE_URL": "http://danzheng.example"}, "https"),
    ],
)
def test_a125_production_does_not_start_with_the_sandbox(env, change, words):
    said = command(env | REAL_OIDS | change, "serve")

    assert said.returncode == 1
    assert words in said.stderr
