import subprocess
import sys
from datetime import date

import pytest

from services.apply.domain import words
from services.apply.domain.numbers import application_no, plain_code, verification_code
from services.apply.settings import ApplySettings
from services.kernel.errors import SettingsFault
from services.kernel.settings import read_settings


def test_every_reason_has_a_sentence_of_its_own():
    assert set(words.REASONS) == {
        "customs-unfinished",
        "old-version",
        "source-missing",
        "render-failed",
        "seal-unavailable",
        "timed-out",
    }
    assert len(set(words.REASONS.values())) == 6


def test_numbers_have_letter_day_and_nine_digits():
    assert application_no("print", date(2026, 11, 23), 17) == "P20261123000000017"
    assert application_no("export", date(2026, 11, 23), 10**9 + 9) == "D20261123000000009"


def test_a_code_holds_all_120_bits():
    assert verification_code(b"\x00" * 15) == "0" * 24
    assert verification_code(b"\xff" * 15) == "Z" * 24
    assert verification_code(b"\x00" * 14 + b"\x01") == "0" * 23 + "1"
    assert plain_code("7k3m-9QW2-xr5t-8v1b-4n6p-0d2h") == "7K3M9QW2XR5T8V1B4N6P0D2H"


def test_a_lifetime_that_is_none_stops_the_start(monkeypatch):
    monkeypatch.setenv("DANZHENG_AMQP_URI", "amqp://localhost/")
    monkeypatch.setenv("DANZHENG_DATABASE_URL", "postgresql+psycopg2://localhost/x")
    monkeypatch.setenv("DANZHENG_FILE_LIFETIME", "PT5S")
    assert read_settings(ApplySettings).policy().file_lifetime == "PT5S"
    monkeypatch.setenv("DANZHENG_FILE_LIFETIME", "a while")
    with pytest.raises(SettingsFault, match="FILE_LIFETIME"):
        read_settings(ApplySettings)


def test_the_rules_load_neither_transport_nor_database():
    look = (
        "import sys; from services.apply.handlers import accepting, bundling, files, hearing; "
        "from services.apply.handlers import reading, reconciling, retrying; "
        "sys.exit(bool({'nameko', 'eventlet', 'amqp', 'pika', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
