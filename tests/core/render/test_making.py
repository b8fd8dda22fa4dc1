"""An order becomes one stored file and one fact, however often it is heard."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from services.kernel.contracts.apply import (
    BundleAccepted,
    BundleMember,
    ExportAccepted,
    ExportEntry,
    ExportFailure,
    ItemAccepted,
    SkippedMember,
)
from services.kernel.contracts.envelope import Envelope
from services.kernel.contracts.render import (
    DocumentDelayed,
    DocumentFailed,
    DocumentMade,
    ExportFailed,
    FailedEntry,
)
from services.kernel.errors import PermanentFailure
from services.kernel.storage.port import Condemned, StoreUnavailable
from services.kernel.testing.frozen_clock import FrozenClock
from services.kernel.testing.memory_store import MemoryStore
from services.render import handlers
from services.render.domain import DrawnDocument, DrawnFiles, Known
from services.render.makers import Makers
from services.render.products.bundle_lists import draw_bundle_lists
from services.render.products.data_export import ExportJob, draw_export
from tests.support.render_samples import EXPORT_ID, IMPORT_ID, bare_data, full_data, snapshot

NOW = datetime(2026, 1, 31, 7, 20, tzinfo=UTC)  # 15:20 in Shanghai
PDF = b"%PDF a form"


class Books:
    """Jobs, inbox and outbox in memory, with the transaction's all or nothing."""

    def __init__(self):
        self.held = ({}, set(), [])
        self.jobs = self

    def __call__(self):
        return self

    def __enter__(self):
        self._jobs, self._seen, self._said = (
            dict(self.held[0]),
            set(self.held[1]),
            list(self.held[2]),
        )
        return self

    def __exit__(self, *_):
        pass

    def commit(self):
        self.held = (self._jobs, self._seen, self._said)

    @property
    def said(self):
        return self.held[2]

    def look(self, subject, revision, message_id):
        return Known(message_id in self._seen, self._jobs.get((subject, revision)))

    def record(self, job):
        standing = self._jobs.get((job.subject, job.revision))
        if standing is not None and standing.state == "made":
            return standing
        self._jobs[job.subject, job.revision] = job
        return job

    def say(self, payload, subject):
        self._said.append((subject, payload))

    def first_sight(self, message_id):
        new = message_id not in self._seen
        self._seen.add(message_id)
        return new


class Pen:
    """Draws without children; counts, and fails as it is told."""

    def __init__(self):
        self.drawings = 0
        self.fault = None

    def document(self, order):
        self.drawings += 1
        if self.fault:
            raise self.fault
        sealed = "cd" * 32 if order.seal == "sealed" else None
        content = PDF + str(self.drawings).encode()
        digest = hashlib.sha256(content).hexdigest()
        return DrawnDocument(content, digest, zlib.crc32(content), 2, 0, sealed, "layout-1", 1.5)

    def export(self, order, failed):
        self.drawings += 1
        skipped = {one.entry_id for one in failed}
        kept = [one.snapshot for one in order.entries if one.entry_id not in skipped]
        return _files(draw_export(ExportJob(order.application_no, kept, failed, order.ordered_at)))

    def bundle_lists(self, order):
        return _files(draw_bundle_lists(order))


def _files(contents):
    return DrawnFiles(
        contents, {name: hashlib.sha256(body).hexdigest() for name, body in contents.items()}
    )


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
def store(clock):
    return MemoryStore(clock)


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def pen():
    return Pen()


@pytest.fixture
def hear(store, clock, books, pen):
    def hear(order, id_="m1", attempt=1):
        makers = Makers(pen, store, clock)
        envelope = _envelope(order, id_)
        handlers.hear(envelope, attempt, open_work=books, make=makers.make, clock=clock)
        return books.said

    return hear


def _envelope(order, id_="m1"):
    subject = getattr(order, "bundle_id", None) or order.application_no
    if isinstance(order, ItemAccepted):
        subject = f"{order.application_no}/{order.entry_id}"
    return Envelope(id_, "any", "/danzheng/apply", subject, NOW, order)


def _item(**changes):
    order = ItemAccepted(
        application_no="P1",
        entry_id=IMPORT_ID,
        revision=1,
        uscc="91",
        seal="sealed",
        snapshot=snapshot(),
        object_key="documents/P1/1/r1/0.pdf",
        verification_code="7K3M9QW2XR5T8V1B4N6P0D2H",
        ordered_at=NOW,
        lifetime="calendar-month",
        zone="Asia/Shanghai",
        give_up_at=NOW + timedelta(hours=1),
    )
    return replace(order, **changes)


def _export(**changes):
    order = ExportAccepted(
        application_no="D1",
        revision=1,
        uscc="91",
        entries=[
            ExportEntry(IMPORT_ID, snapshot()),
            ExportEntry(EXPORT_ID, snapshot(replace(bare_data(), goods=[]))),
        ],
        failed=[ExportFailure("530120261000000034", "source-missing")],
        object_keys={
            one: f"exports/D1/r1/0.{one}" for one in ("zip", "xlsx", "csv", "json", "xml")
        },
        ordered_at=NOW,
        lifetime="PT5S",
        zone="Asia/Shanghai",
        give_up_at=NOW + timedelta(hours=1),
    )
    return replace(order, **changes)


def test_a_document_is_stored_with_its_facts_and_said(hear, store):
    ((subject, made),) = hear(_item())
    head = store.head("documents/P1/1/r1/0.pdf")
    content = b"".join(store.open("documents/P1/1/r1/0.pdf"))
    assert subject == f"P1/{IMPORT_ID}"
    assert isinstance(made, DocumentMade)
    assert made.sha256 == head.metadata["sha256"] == hashlib.sha256(content).hexdigest()
    assert made.crc32 == zlib.crc32(content)
    assert (made.etag, made.size_bytes, made.pages) == (head.etag, len(content), 2)
    assert made.seal_certificate_sha256 == "cd" * 32
    assert made.made_at == NOW
    assert made.expires_at == datetime(2026, 2, 28, 7, 20, tzinfo=UTC)
    assert (head.metadata["made-at"], head.metadata["expires-at"]) == (
        "2026-01-31T07:20:00+00:00",
        "2026-02-28T07:20:00+00:00",
    )
    assert head.content_type == "application/pdf"


def test_an_unsealed_document_names_no_certificate(hear):
    ((_, made),) = hear(_item(seal="none"))
    assert made.seal_certificate_sha256 is None


def test_a_message_heard_twice_has_one_effect(hear, pen):
    hear(_item())
    assert len(hear(_item())) == 1
    assert pen.drawings == 1


def test_a_known_job_says_its_fact_again_to_another_message(hear, pen, clock):
    hear(_item(), "m1")
    clock.advance(timedelta(minutes=2))
    first, second = hear(_item(), "m2")
    assert first == second
    assert pen.drawings == 1


def test_what_an_earlier_try_stored_is_found_and_told_as_it_is(hear, store, books, clock):
    hear(_item())
    first = books.said[0]
    books.held = ({}, set(), [])  # it crashed after storing, before the commit
    clock.advance(timedelta(minutes=5))
    (second,) = hear(_item(), attempt=2)
    assert second == (first[0], replace(first[1], attempts=2))


def test_nobody_waits_after_give_up(hear, pen, clock):
    clock.advance(timedelta(hours=1))
    assert hear(_item()) == []
    assert pen.drawings == 0


def test_a_retry_of_the_applicant_is_another_job(hear, pen):
    hear(_item())
    hear(_item(revision=2, object_key="documents/P1/1/r2/0.pdf"), "m2")
    assert pen.drawings == 2


def test_a_declaration_without_goods_fails_at_once(hear, books):
    ((_, failed),) = hear(_item(snapshot=snapshot(full_data(goods=[]))))
    assert isinstance(failed, DocumentFailed)
    assert (failed.reason_code, failed.message) == ("source-missing", "数据来源缺失")
    assert "m1" in books.held[1]


def test_a_missing_seal_is_said(hear, pen):
    pen.fault = PermanentFailure("seal-unavailable")
    ((_, failed),) = hear(_item())
    assert failed.reason_code == "seal-unavailable"
    assert failed.attempts == 1


def test_an_unforeseen_failure_is_left_to_the_ladder(hear, pen, books):
    pen.fault = PermanentFailure("schema")
    with pytest.raises(PermanentFailure):
        hear(_item())
    assert books.said == []


def test_a_store_that_is_away_leaves_no_trace(hear, store, books):
    store.down = True
    with pytest.raises(StoreUnavailable):
        hear(_item())
    assert books.held == ({}, set(), [])


def test_a_delay_is_said_with_the_next_try(books):
    handlers.say_delayed(
        _envelope(_item()),
        2,
        open_work=books,
        next_try_at=NOW + timedelta(seconds=30),
        reason_code="boom",
    )
    ((subject, delayed),) = books.said
    assert delayed == DocumentDelayed(
        "P1", IMPORT_ID, 1, "91", 2, "render-failed", NOW + timedelta(seconds=30)
    )
    assert subject == f"P1/{IMPORT_ID}"


def test_no_delay_is_said_of_what_is_made(hear, books):
    hear(_item())
    handlers.say_delayed(
        _envelope(_item(), "m2"), 1, open_work=books, next_try_at=NOW, reason_code="boom"
    )
    assert len(books.said) == 1


def _give_up(books, clock, id_="m1", attempt=5):
    handlers.say_failed(
        _envelope(_item(), id_), attempt, open_work=books, clock=clock, reason_code="boom"
    )


def test_the_last_failure_is_said_and_stands(hear, books, clock, pen):
    _give_up(books, clock)
    ((_, failed),) = books.said
    assert (failed.reason_code, failed.attempts) == ("render-failed", 5)
    again = hear(_item(), "m2")
    assert again[1] == again[0]
    assert pen.drawings == 0


def test_a_parked_order_that_is_replayed_is_tried_again(hear, books, clock):
    _give_up(books, clock, "m1")
    assert isinstance(hear(_item(), "m1")[-1][1], DocumentMade)


def test_giving_up_never_takes_back_what_is_made(hear, books, clock):
    hear(_item())
    _give_up(books, clock, "m2")
    assert len(books.said) == 1


def test_an_export_stores_five_files_that_share_their_dates(hear, store):
    ((subject, made),) = hear(_export())
    assert subject == "D1"
    assert [one.format for one in made.files] == ["zip", "xlsx", "csv", "json", "xml"]
    for one in made.files:
        head = store.head(one.object_key)
        assert (one.etag, one.size_bytes, one.sha256) == (
            head.etag,
            head.size_bytes,
            head.metadata["sha256"],
        )
        assert head.metadata["made-at"] == made.made_at.isoformat()
    assert made.expires_at == NOW + timedelta(seconds=5)
    assert made.failed == [
        FailedEntry("530120261000000034", "source-missing"),
        FailedEntry(EXPORT_ID, "source-missing"),
    ]


def test_an_export_interrupted_half_way_ends_with_one_date(hear, store, clock):
    class Breaking(MemoryStore):
        puts = 0

        def put_new(self, key, body, **more):
            self.puts += 1
            if self.puts == 3:
                raise StoreUnavailable
            return super().put_new(key, body, **more)

    breaking = Breaking(clock)
    store.put_new, store.head = breaking.put_new, breaking.head
    with pytest.raises(StoreUnavailable):
        hear(_export())
    clock.advance(timedelta(seconds=30))
    ((_, made),) = hear(_export(), attempt=2)
    assert made.made_at == NOW
    assert {
        one["made-at"] for one in (breaking.head(f.object_key).metadata for f in made.files)
    } == {NOW.isoformat()}


def test_an_export_with_nothing_in_it_fails(hear):
    empty = ExportEntry(EXPORT_ID, snapshot(replace(bare_data(), goods=[])))
    ((_, failed),) = hear(_export(entries=[empty]))
    assert isinstance(failed, ExportFailed)
    assert failed.reason_code == "source-missing"


def _bundle(store, **changes):
    members = []
    for number, seal in ((1, "none"), (2, "sealed")):
        body = f"document {number}".encode() * 60_000
        key = f"documents/P{number}/1/r1/0.pdf"
        stored = store.put_new(key, body, content_type="application/pdf", metadata={})
        word = "有签章" if seal == "sealed" else "无签章"
        members.append(
            BundleMember(
                f"P{number}",
                IMPORT_ID,
                seal,
                key,
                stored.etag,
                hashlib.sha256(body).hexdigest(),
                zlib.crc32(body),
                len(body),
                f"P{number}/报关单_{IMPORT_ID}_{word}.pdf",
            )
        )
    order = BundleAccepted(
        bundle_id="bdl_1",
        uscc="91",
        object_key="bundles/bdl_1/0.zip",
        members=members,
        skipped=[SkippedMember("P3", IMPORT_ID, "expired")],
        ordered_at=NOW,
        members_until=NOW + timedelta(days=20),
        give_up_at=NOW + timedelta(hours=1),
    )
    return replace(order, **changes)


def test_a_bundle_holds_its_members_and_lists(hear, store):
    order = _bundle(store)
    ((subject, made),) = hear(order)
    content = b"".join(store.open(made.object_key))
    assert subject == "bdl_1"
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert made.size_bytes == len(content)
    assert made.expires_at == NOW + timedelta(hours=24)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            f"P1/报关单_{IMPORT_ID}_无签章.pdf",
            f"P2/报关单_{IMPORT_ID}_有签章.pdf",
            "清单.csv",
            "清单.xlsx",
            "bundle.json",
            "SHA256SUMS",
        ]
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        listed = list(
            csv.DictReader(io.StringIO(archive.read("清单.csv").decode("utf-8-sig"), newline=""))
        )
        assert [one["申请编号"] for one in listed] == ["P1", "P2"]
        book = openpyxl.load_workbook(io.BytesIO(archive.read("清单.xlsx")))
        assert book.sheetnames == ["清单", "未包含"]
        told = json.loads(archive.read("bundle.json"))
        assert told["skipped"] == [
            {"application_no": "P3", "entry_id": IMPORT_ID, "code": "expired"}
        ]


def test_the_same_bundle_gives_the_same_bytes(hear, store, books):
    order = _bundle(store)
    hear(order)
    first = books.said[0][1]
    store.delete_if([Condemned(order.object_key, first.etag)])
    books.held = ({}, set(), [])
    ((_, second),) = hear(order)
    assert second.sha256 == first.sha256


def test_a_bundle_never_outlives_its_members(hear, store):
    ((_, made),) = hear(_bundle(store, members_until=NOW + timedelta(hours=2)))
    assert made.expires_at == NOW + timedelta(hours=2)


@pytest.mark.parametrize("change", [{"etag": "0" * 32}, {"sha256": "0" * 64}, {"object_key": "x"}])
def test_a_bundle_with_a_member_that_is_not_what_was_made_fails(hear, store, change):
    order = _bundle(store)
    members = [order.members[0], replace(order.members[1], **change)]
    ((_, failed),) = hear(replace(order, members=members))
    assert failed.reason_code == "source-missing"
    assert store.head(order.object_key) is None
