"""All events, by importing every speaker's module."""

from services.kernel.contracts import apply, auth, query, render, retention

SPEAKERS = (apply, auth, query, render, retention)
