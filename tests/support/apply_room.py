"""Apply with a register that answers what it is told, over any kind of transaction."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from services.apply.bootstrap import UseCasesOfApply
from services.apply.domain.policy import Policy
from services.apply.handlers.accepting import Submission
from services.apply.handlers.files import Wanted
from services.apply.ports import Request
from services.kernel.calendar import ZONE, expiry
from services.kernel.contracts.apply import Actor, BundlePair, Client, Order
from services.kernel.contracts.auth import Evidence
from services.kernel.contracts.declaration import Snapshot
from services.kernel.contracts.envelope import Envelope
from services.kernel.contracts.query import SnapshotAnswer
from services.kernel.contracts.registry import type_of
from services.kernel.contracts.render import (
    BundleMade,
    DocumentMade,
    ExportFile,
    ExportMade,
    FailedEntry,
)
from services.kernel.errors import Unavailable
from services.kernel.ids import uuid7
from services.kernel.testing.frozen_clock import FrozenClock

A, B = "91990000MA0TEAAA29", "91990000MA0TEBBB2X"
NOON = datetime(2026, 11, 23, 2, 15, 30, tzinfo=UTC)
CLIENT = Client("api", "192.0.2.10", "example-client/1.0")
_counter = itertools.count(1)


def entry(number):
    return f"53012026100000{number:04d}"


def entries(count):
    return [entry(number) for number in range(1, count + 1)]


def actor(uscc=A, session="ses_1"):
    return Actor("示例甲进出口有限公司", uscc, "张三", "8930*****0001", session)


_SAMPLE = msgspec.json.decode(
    Path(__file__).with_name("snapshots").joinpath("01_import_one_item.json").read_bytes(),
    type=Snapshot,
)


def snapshot(entry_id):
    digest = hashlib.sha256(entry_id.encode()).hexdigest()
    data = replace(_SAMPLE.data, entry_id=entry_id)
    return replace(_SAMPLE, entry_id=entry_id, digest=digest, data=data)


@dataclass
class Register:
    """Answers `found` for every number that it is not told otherwise of."""

    unknown: set = field(default_factory=set)
    outlooks: dict = field(default_factory=dict)
    away: bool = False
    asked: list = field(default_factory=list)

    def snapshots(self, uscc, entry_ids):
        if self.away:
            raise Unavailable("query")
        self.asked.append((uscc, list(entry_ids)))
        return [self._answer(entry_id) for entry_id in entry_ids]

    def _answer(self, entry_id):
        if entry_id in self.unknown:
            return SnapshotAnswer(entry_id, found=False)
        return SnapshotAnswer(entry_id, True, self.outlooks.get(entry_id), snapshot(entry_id))


class Room:
    """What a test says to apply, in the words of its neighbours."""

    def __init__(self, works, said, clock, policy=None):
        self.clock = clock
        self.register = Register()
        self._works = works
        self._said = said
        self.policy = policy or Policy()

    @property
    def use(self):
        return UseCasesOfApply(
            works=self._works, declarations=self.register, policy=self.policy, clock=self.clock
        )

    def set(self, **numbers):
        self.policy = replace(self.policy, **numbers)

    def said(self, kind):
        """The payloads said so far of one class."""
        return [payload for payload in self._said() if isinstance(payload, kind)]

    # --- the gateway

    def submission(self, entry_ids, kind="print", seal="sealed", uscc=A, **changes):
        told = changes.pop("submitted_at", self.clock.now())
        number = next(_counter)
        order = Order(
            kind=kind,
            seal=seal if kind == "print" else None,
            uscc=uscc,
            company_name="示例甲进出口有限公司",
            entry_ids=list(entry_ids),
            submitted_at=told.astimezone(ZONE).isoformat(timespec="milliseconds"),
        )
        payload = changes.pop("payload", f'{{"n":{number}}}')
        digest = hashlib.sha256(payload.encode()).hexdigest()
        evidence = Evidence(
            session_id="ses_1",
            uscc=uscc,
            card_no="8930000000001",
            card_no_masked="8930*****0001",
            holder="张三",
            certificate_sha256="ab" * 32,
            payload=payload,
            payload_sha256=digest,
            jws={"protected": "e30", "signature": "AA"},
            certificates=["MIIB"],
            revocation={},
            checked_at=self.clock.now(),
        )
        key = changes.pop("key", f"key-of-the-client-{number}")
        path = f"/api/v1/{kind}-applications"
        content = changes.pop("content", "c" * 64)
        return Submission(order, evidence, Request(uscc, path, key, content))

    def accept(self, entry_ids, kind="print", **changes):
        return self.use.accept(self.submission(entry_ids, kind, **changes))

    def read(self, view, uscc=A):
        return self.use.read(uscc, view.application_no)

    def item(self, view, entry_id, uscc=A):
        return self.use.read_item(uscc, view.application_no, entry_id).item

    def retry(self, view, entry_ids=None, key=None, uscc=A):
        path = f"/api/v1/{view.kind}-applications/{view.application_no}/retries"
        key = key or f"key-of-the-client-{next(_counter)}"
        request = Request(uscc, path, key, "c" * 64)
        return self.use.retry(request, view.application_no, entry_ids)

    def open_document(self, view, entry_id, purpose="export", *, record=True, session="ses_1"):
        wanted = Wanted(A, view.application_no, entry_id, None, purpose)
        return self.use.open_file(wanted, actor(session=session), CLIENT, record=record)

    def open_data(self, view, format_="zip", *, accept_partial=False, record=True):
        wanted = Wanted(A, view.application_no, None, format_, "export", accept_partial)
        return self.use.open_file(wanted, actor(), CLIENT, record=record)

    def operations(self, view, entry_id=None):
        page = self.use.operations(A, view.application_no, entry_id, limit=100, cursor=None)
        return page.items

    def bundle(self, pairs, *, accept_partial=False, key=None, uscc=A):
        request = Request(
            uscc, "/api/v1/bundles", key or f"key-of-the-client-{next(_counter)}", "c" * 64
        )
        pairs = [BundlePair(*pair) for pair in pairs]
        return self.use.create_bundle(request, pairs, accept_partial=accept_partial)

    # --- the others

    def hear(self, payload, subject="", message_id=None):
        envelope = Envelope(
            message_id or uuid7(), type_of(payload), "/danzheng/test", subject, NOON, payload
        )
        self.use.hear(envelope)
        return envelope

    def document(self, order, **changes):
        made_at = changes.pop("made_at", self.clock.now())
        known = {
            "application_no": order.application_no,
            "entry_id": order.entry_id,
            "revision": order.revision,
            "uscc": order.uscc,
            "seal": order.seal,
            "object_key": order.object_key,
            "etag": '"e"',
            "sha256": hashlib.sha256(order.object_key.encode()).hexdigest(),
            "crc32": 0xFFFF_FFFF,
            "size_bytes": 185_601,
            "pages": 1,
            "verification_code": order.verification_code,
            "layout_version": "1",
            "reused": False,
            "attempts": 1,
            "made_at": made_at,
            "expires_at": expiry(made_at, order.lifetime, order.zone),
            "render_ms": 8.6,
        }
        return DocumentMade(**{**known, **changes})

    def make(self, order, **changes):
        """Draw what was ordered."""
        self.hear(self.document(order, **changes), f"{order.application_no}/{order.entry_id}")

    def export(self, order, failed=(), **changes):
        made_at = changes.pop("made_at", self.clock.now())
        files = [
            ExportFile(name, key, '"e"', hashlib.sha256(key.encode()).hexdigest(), 61_220)
            for name, key in order.object_keys.items()
        ]
        gone = [*((f.entry_id, f.code) for f in order.failed), *failed]
        return ExportMade(
            application_no=order.application_no,
            revision=changes.pop("revision", order.revision),
            uscc=order.uscc,
            files=files,
            failed=[FailedEntry(*pair) for pair in gone],
            attempts=1,
            made_at=made_at,
            expires_at=expiry(made_at, order.lifetime, order.zone),
        )

    def make_export(self, order, failed=()):
        self.hear(self.export(order, failed), order.application_no)

    def build(self, order):
        made_at = self.clock.now()
        self.hear(
            BundleMade(
                bundle_id=order.bundle_id,
                uscc=order.uscc,
                object_key=order.object_key,
                etag='"b"',
                sha256="b" * 64,
                size_bytes=200_000,
                made_at=made_at,
                expires_at=min(made_at + timedelta(hours=24), order.members_until),
            ),
            order.bundle_id,
        )


def frozen():
    return FrozenClock(NOON)
