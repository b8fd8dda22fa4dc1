"""A small world of cards: one issuer, one judge, and use cases over memory."""

from dataclasses import dataclass, field

import pytest

from deploy.local import pki
from deploy.local.samples.companies import COMPANIES
from services.auth import handlers
from services.auth.adapters.revocation import RevocationLists
from services.auth.adapters.x509 import X509Judge
from services.auth.card_agent.soft import SoftCard
from services.auth.domain import Account, Client, Rules
from tests.core.auth.memory import MemoryShelf, MemoryWork, secrets

ORIGIN = "https://danzheng.example"
KINDS = {pki.LEGAL_PERSON_OID: "legal_person", pki.OPERATOR_OID: "operator"}
A = COMPANIES["company-a"]


class Bytes:
    """A place that a revocation list comes from."""

    name = "test"

    def __init__(self, *lists):
        self.lists = list(lists)

    def put(self, made):
        self.lists.append(made)

    def read(self):
        return self.lists.pop(0).public_bytes(pki.Encoding.DER) if self.lists else None


@dataclass
class World:
    """An issuer with its judge; `card` makes a card that is good but for what is said."""

    root: pki.Issuer = field(
        default_factory=lambda: pki.make_authority("root", path_length=1, days=(-100, 3650))
    )

    def __post_init__(self):
        self.authority = pki.make_authority("card CA", issuer=self.root, days=(-100, 1825))
        self.source = Bytes(pki.make_list(self.authority, [], number=10))
        self.lists = self.make_lists(self.source)
        self.lists.refresh()
        self.judge = self.make_judge()

    def make_lists(self, source, shelf=None):
        issuers = [self.root.certificate, self.authority.certificate]
        return RevocationLists(issuers, [source], shelf or MemoryShelf())

    def make_judge(self, *, more=(), **given):
        return X509Judge(
            anchors=[self.root.certificate],
            intermediates=[self.authority.certificate, *more],
            kinds=KINDS,
            revocation=given.pop("revocation", self.lists),
            **given,
        )

    def certificate(
        self,
        *,
        key=None,
        issuer=None,
        log_in=True,
        subject=None,
        extensions=None,
        kind="legal_person",
        company=A,
        card_no=A.card_no,
        days=(-1, 300),
    ):
        key = key or pki.make_key("P-256")
        usage = ("digital_signature",) if log_in else ("content_commitment",)
        extensions = extensions or pki.card_extensions(kind, usage, log_in=log_in)
        subject = subject or pki.holder_name(company, card_no, "张三")
        return pki.issue(subject, key, issuer or self.authority, extensions, days=days), key

    def card(self, **given):
        parts = []
        for log_in in (True, False):
            certificate, key = self.certificate(log_in=log_in, **given)
            parts += [pki.pem(certificate), pki.key_pem(key)]
        return SoftCard.from_pem(*parts)


@dataclass
class Room:
    """The use cases over memory."""

    world: World
    work: MemoryWork = field(default_factory=MemoryWork)
    rules: Rules = field(default_factory=lambda: Rules(origin=ORIGIN))

    def challenge(self):
        return handlers.challenge(work=self.work, secrets=secrets, rules=self.rules)

    def open(self, challenge_id, token):
        return handlers.open_session(
            work=self.work,
            judge=self.world.judge,
            secrets=secrets,
            rules=self.rules,
            challenge_id=challenge_id,
            auth_token=token,
            client=Client(via="api"),
        )

    def log_in(self, card):
        challenge = self.challenge()
        token = card.auth_token(ORIGIN, challenge.challenge_nonce)
        return self.open(challenge.challenge_id, token)

    def read(self, access_token):
        return handlers.read_session(
            sessions=self.work, rules=self.rules, access_token=access_token
        )

    def check(self, access_token, submission, signature):
        return handlers.check_submission(
            sessions=self.work,
            work=self.work,
            judge=self.world.judge,
            rules=self.rules,
            access_token=access_token,
            submission=submission,
            signature=signature,
        )


@pytest.fixture(scope="session")
def world():
    return World()


@pytest.fixture(scope="session")
def card(world):
    return world.card()


@pytest.fixture(scope="session")
def other_card(world):
    b = COMPANIES["company-b"]
    return world.card(company=b, card_no=b.card_no)


@pytest.fixture
def room(world):
    made = Room(world)
    for name in ("company-a", "company-b"):
        company = COMPANIES[name]
        made.work.by_uscc[company.uscc] = Account(
            company.uscc, company.name, company.card_no, "open"
        )
    return made
