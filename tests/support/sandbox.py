"""The started system as outsiders find it: `.local/env` and `sandbox.json`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Sandbox:
    """Where the started system is and what lies in it."""

    facts: dict[str, Any]
    env: dict[str, str]

    @property
    def base_url(self) -> str:
        """The gateway's address without a trailing slash."""
        return str(self.facts["base_url"])

    def card(self, name: str) -> dict[str, Any]:
        """The sandbox card `name`. Raises KeyError for an unknown one."""
        return {card["name"]: card for card in self.facts["cards"]}[name]

    def declarations(self, owner: str, **wanted: object) -> list[str]:
        """The numbers of `owner` whose sandbox row has the wanted values."""
        return [
            row["entry_id"]
            for row in self.facts["declarations"]
            if row["owner"] == owner and all(row[key] == value for key, value in wanted.items())
        ]

    def processes(self) -> list[dict[str, Any]]:
        """The rows of `make status FORMAT=json`."""
        shown = subprocess.run(
            ["make", "-s", "status", "FORMAT=json"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return json.loads(shown.stdout)


def started_sandbox() -> Sandbox:
    """The started system; skips the test (fails it in CI) when none runs."""
    path = Path(os.environ.get("DANZHENG_SANDBOX", ROOT / ".local" / "sandbox.json"))
    env_file = path.with_name("env")
    if not path.exists() or not env_file.exists():
        message = f"no started system: {path} is missing; `make up` starts it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return Sandbox(json.loads(path.read_text()), _exports(env_file))


def _exports(path: Path) -> dict[str, str]:
    lines = [shlex.split(line) for line in path.read_text().splitlines()]
    return dict(
        words[1].split("=", 1) for words in lines if len(words) == 2 and words[0] == "export"
    )
