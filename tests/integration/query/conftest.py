"""Query on a database of its own."""

import pytest

from services.kernel.database.migrate import migrate
from services.query import bootstrap
from services.query.settings import Settings
from tests.core.query.documents import clock

NOBODY = "amqp://nobody@127.0.0.1:1/none"


@pytest.fixture
def use(database_url):
    migrate("query", database_url)
    settings = Settings(amqp_uri=NOBODY, database_url=database_url, import_batch=7)
    use = bootstrap.from_settings(settings, clock())
    yield use
    use.close()
