"""The errors that cross layers; the docstring of an error is its message."""

from __future__ import annotations


class DanzhengError(Exception):
    """Something went wrong in danzheng."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or "")


class TryLater(DanzhengError):
    """The work cannot be done now and will be tried again."""


class PermanentFailure(DanzhengError):
    """The work can never be done, however often it is tried.

    `reason` is a stable code (lower case, hyphens) under which the message is parked.
    """

    def __init__(self, reason: str, message: str | None = None) -> None:
        self.reason = reason
        super().__init__(message or reason)


class Unavailable(DanzhengError):
    """A neighbour, the broker or a store does not answer. `component` names it."""

    def __init__(self, component: str, message: str | None = None) -> None:
        self.component = component
        super().__init__(message or f"{component} does not answer")


class Outage(Unavailable):
    """The room's own store is out of reach, which says nothing about the message in work."""


class RemoteFault(DanzhengError):
    """The neighbour answered with an unforeseen error."""


class SettingsFault(DanzhengError):
    """The settings of this process are wrong; the message lists all faults."""
