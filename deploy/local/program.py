"""A process to be supervised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Program:
    """What to start, and how it is known to be well."""

    name: str
    kind: str
    command: tuple[str, ...]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    health: str | None = None
    """Address that answers 200 when it is ready; None: it is ready when its port answers."""
    metrics: str | None = None
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_wait_s: int = 35
    start_retries: int = 5
