"""Fixtures of every rung: corners of the real parts, made on first need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import engines as parts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def engines() -> parts.Engines:
    """The real parts that run here."""
    return parts.running_engines()


@pytest.fixture
def database_url(engines: parts.Engines) -> Iterator[str]:
    """An empty database of its own."""
    yield from parts.fresh_database(engines)


@pytest.fixture
def amqp_uri(engines: parts.Engines) -> Iterator[str]:
    """An empty virtual host of its own."""
    yield from parts.fresh_vhost(engines)


@pytest.fixture
def bucket(engines: parts.Engines) -> Iterator[str]:
    """An empty bucket of its own."""
    yield from parts.fresh_bucket(engines)
