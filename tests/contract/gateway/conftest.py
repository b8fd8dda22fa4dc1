"""The gateway in this process."""

import pytest
from structlog.testing import capture_logs

from tests.support.gateway_door import Door


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def said():
    """The log lines of the test."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def door():
    return Door()
