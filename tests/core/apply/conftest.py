"""Apply over its transaction in memory."""

from __future__ import annotations

import pytest

from tests.support.apply_memory import MemoryStore
from tests.support.apply_room import Room, frozen


@pytest.fixture
def room():
    clock = frozen()
    store = MemoryStore(clock)
    return Room(store.work, lambda: [payload for _, payload, _ in store.state.outbox], clock)
