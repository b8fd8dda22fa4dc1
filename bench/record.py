"""What a benchmark found, kept in `bench/results/<suite>.json` beside the machine's name."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).with_name("results")


def machine() -> dict[str, object]:
    """Where it was measured, and how busy that machine was."""
    return {
        "processor": _told("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _told("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(figure, 1) for figure in os.getloadavg()],
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def keep(suite: str, found: dict[str, object]) -> None:
    """Write the findings of `suite`."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine()} | found, ensure_ascii=False, indent=1)
    (FOLDER / f"{suite}.json").write_text(text + "\n", encoding="utf-8")


def _told(path: str, name: str) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
