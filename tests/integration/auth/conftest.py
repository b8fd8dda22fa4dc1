"""Auth on PostgreSQL: migrated, with the cards of the sandbox and their accounts."""

import pytest

from deploy.local.pki import make_pki
from services.auth import accounts
from services.auth.bootstrap import from_settings
from services.auth.card_agent.soft import SoftCard
from services.auth.settings import Settings
from services.kernel.database.migrate import migrate

ORIGIN = "https://danzheng.example"


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def cards(pki):
    return {card["name"]: card for card in pki.cards}


@pytest.fixture(scope="session")
def soft(cards):
    parts = (
        "certificate_pem",
        "private_key_pem",
        "signature_certificate_pem",
        "signature_private_key_pem",
    )
    return {
        name: SoftCard.from_pem(**{part: card[part] for part in parts})
        for name, card in cards.items()
    }


@pytest.fixture
def settings(database_url, pki):
    return Settings(
        environment="development",
        amqp_uri="amqp://nobody@127.0.0.1:1/none",
        database_url=database_url,
        public_base_url=ORIGIN,
        card_trust_anchors_path=pki.trust_anchors,
        card_intermediates_path=pki.intermediates,
        card_crl_paths=[pki.crl],
    )


@pytest.fixture
def use(settings, database_url, cards):
    migrate("auth", database_url)
    use = from_settings(settings)
    use.refresh_lists()
    for name in ("company-a", "company-b", "company-c"):
        card = cards[name]
        accounts.add(
            work=use.work(),
            uscc=card["uscc"],
            company_name=card["company_name"],
            card_no=card["card_no"],
        )
    yield use
    use.close()
