"""What a person at the terminal sees: one line a step."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def step(sentence: str) -> Iterator[None]:
    """Say what begins; when it is done, how long it took."""
    started = time.monotonic()
    out.print(f"  {sentence} ", end="")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        out.print("[red]failed[/red]")
        raise
    out.print(f"[dim]{time.monotonic() - started:.1f} s[/dim]")
