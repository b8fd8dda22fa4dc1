"""The commands of every room, without a broker."""

import pytest

from services.kernel import console
from services.kernel.errors import Unavailable
from services.kernel.settings import ProcessSettings


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(console.logs, "configure", lambda *_told: None)
    monkeypatch.setenv("DANZHENG_AMQP_URI", "amqp://guest:canary@127.0.0.1:1/")

    def run_command(*arguments, serve=lambda _settings: 7, **commands):
        return console.main(
            "apply", arguments, settings=ProcessSettings, serve=serve, commands=commands
        )

    return run_command


def test_without_a_command_the_room_serves_with_its_settings(run):
    told = []

    assert run(serve=lambda settings: told.append(settings) or 0) == 0
    assert told[0].amqp_uri.get_secret_value() == "amqp://guest:canary@127.0.0.1:1/"


def test_an_own_command_gets_the_rest(run):
    got = []

    assert run("grant", "a", "--b", grant=lambda rest: got.append(rest) or 3) == 3
    assert got == [["a", "--b"]]


def test_an_unknown_command_shows_the_known_ones(run, capsys):
    assert run("dance", grant=lambda _rest: 0) == 2
    assert "check|grant|migrate|parked|serve" in capsys.readouterr().err


def test_a_fault_is_a_sentence_and_not_a_traceback(run, capsys):
    def serve(_settings):
        raise Unavailable("broker", "the broker does not answer")

    assert run(serve=serve) == 1
    assert capsys.readouterr().err == "the broker does not answer\n"


def test_wrong_settings_are_listed_without_their_values(run, monkeypatch, capsys):
    monkeypatch.setenv("DANZHENG_RETRY_PAUSES_MS", "[1]")
    monkeypatch.setenv("DANZHENG_GRACE_S", "canary")

    assert run("check") == 1
    said = capsys.readouterr().out
    assert "DANZHENG_RETRY_PAUSES_MS" in said
    assert "DANZHENG_GRACE_S" in said
    assert "canary" not in said


def test_check_says_that_the_broker_is_away_without_its_password(run, capsys):
    assert run("check") == 1
    said = capsys.readouterr().out
    assert "the broker does not answer" in said
    assert "canary" not in said
