"""What a person at the terminal sees: one line a step."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

_TABLE_WIDTH: Final = 132  # what a row of ours needs; a narrower terminal breaks lines itself

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def tell_table(table: Table) -> None:
    """Print a table whose cells stay whole."""
    Console(highlight=False, width=max(out.width, _TABLE_WIDTH)).print(table)


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
