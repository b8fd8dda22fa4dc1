"""A render room over corners of the real parts."""

import pytest

from tests.support.render_room import render_room


@pytest.fixture
def room(engines, database_url, amqp_uri, bucket):
    yield from render_room(engines, database_url, amqp_uri, bucket)
