"""A process is told all faults of its settings at once, and none of its secrets."""

import pytest

from services.kernel.errors import SettingsFault
from services.kernel.settings import RoomSettings, read_settings


def test_all_faults_are_told_at_once_without_any_value(monkeypatch):
    monkeypatch.setenv("DANZHENG_HEALTH_PORT", "canary-port")
    monkeypatch.setenv("DANZHENG_DATABASE_POOL", "0")
    monkeypatch.delenv("DANZHENG_AMQP_URI", raising=False)
    monkeypatch.delenv("DANZHENG_DATABASE_URL", raising=False)
    with pytest.raises(SettingsFault) as caught:
        read_settings(RoomSettings)
    told = str(caught.value)
    for name in ("HEALTH_PORT", "DATABASE_POOL", "AMQP_URI", "DATABASE_URL"):
        assert f"DANZHENG_{name}" in told
    assert "canary" not in told


def test_a_secret_has_no_readable_form(monkeypatch):
    monkeypatch.setenv("DANZHENG_AMQP_URI", "amqp://user:canary@127.0.0.1/")
    monkeypatch.setenv("DANZHENG_DATABASE_URL", "postgresql://user:canary@127.0.0.1/apply")
    settings = read_settings(RoomSettings)
    assert "canary" not in repr(settings)
    assert settings.environment == "production"
