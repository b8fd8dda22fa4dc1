"""Two systems on one machine: neither knows of the other, and the end of one leaves the other."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.sandbox import ROOT, Sandbox, started_sandbox

APART = 100


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return started_sandbox()


@pytest.fixture
def second(sandbox, tmp_path):
    """How to call make for a second system."""
    base = urlsplit(sandbox.base_url).port + APART
    environment = os.environ | {
        "DANZHENG_STATE": str(tmp_path / "second"),
        "PORT_BASE": str(base),
        "FORMAT": "json",
    }

    def make(*words: str) -> str:
        command = ["make", "-s", *words]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield make
    make("down")


def running(rows: list[dict[str, object]]) -> dict[str, object]:
    return {str(row["name"]): row["pid"] for row in rows if row["health"] == "ok"}


def test_parts_of_a_second_system_start_and_end_beside_the_first(sandbox, second, tmp_path):
    first = running(sandbox.processes())

    second("engines")
    others = running(json.loads(second("status")))
    assert set(others) == {"postgres", "epmd", "rabbitmq", "seaweedfs"}
    assert not set(others.values()) & set(first.values())

    second("down")
    assert running(json.loads(second("status"))) == {}
    assert running(sandbox.processes()) == first
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if marked(path, tmp_path)]


def marked(path: Path, folder: Path) -> bool:
    try:
        return str(folder).encode() in path.read_bytes()
    except OSError:
        return False
