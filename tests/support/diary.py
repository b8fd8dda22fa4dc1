"""What the echo rooms do with an event, written down in a file that the test reads."""

from __future__ import annotations

import os
import time
from pathlib import Path

from services.kernel.errors import PermanentFailure, TryLater, Unavailable


def _hold_the_thread(seconds: float) -> None:
    """Keep the whole thread, and a hub in it, from turning."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass  # a hub cannot turn meanwhile, which is the point


class Diary:
    """Appends lines to the file named by ECHO_DIARY."""

    def __init__(self) -> None:
        if "ECHO_BROKEN" in os.environ:
            raise RuntimeError("no diary today")
        self.path = Path(os.environ["ECHO_DIARY"])
        self.seen: set[str] = set()

    def write(self, *words: object) -> None:
        with self.path.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def pings(self):
        return {"store": self.ping}

    def ping(self) -> None:
        if self.path.with_suffix(".away").exists():
            raise Unavailable("store")

    def hear(self, envelope) -> None:
        self.write("begin", envelope.id, envelope.subject)
        act, _, argument = envelope.subject.partition(":")
        if act == "sleep":
            time.sleep(float(argument))
        elif act == "block":
            _hold_the_thread(float(argument))
        elif act == "fail":
            raise RuntimeError("canary-personal-data")
        elif act == "later":
            raise TryLater
        elif act == "never":
            raise PermanentFailure(argument or "hopeless")
        elif act == "once" and envelope.id in self.seen:
            self.write("again", envelope.id)
            return
        self.seen.add(envelope.id)
        self.write("done", envelope.id, envelope.subject)

    def delayed(self, envelope, attempt, fault) -> None:
        self.write("delayed", envelope.id, attempt, type(fault).__name__)

    def given_up(self, envelope, fault) -> None:
        self.write("given_up", envelope.id, type(fault).__name__)
