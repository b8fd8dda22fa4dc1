"""Query on a database of its own."""

import pytest
from sqlalchemy import text

from services.kernel.database.migrate import migrate
from services.query import bootstrap
from services.query.settings import Settings
from tests.core.query.documents import clock
from tests.support.engines import fresh_database

NOBODY = "amqp://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def migrated(engines):
    """A database for all tests of a module; each finds it empty."""
    for url in fresh_database(engines):
        migrate("query", url)
        yield url


@pytest.fixture
def use(migrated):
    settings = Settings(amqp_uri=NOBODY, database_url=migrated, import_batch=7)
    use = bootstrap.from_settings(settings, clock())
    yield use
    with use.engine.begin() as connection:
        connection.execute(text("TRUNCATE declarations, superseded, receipts, outbox, inbox"))
    use.close()
