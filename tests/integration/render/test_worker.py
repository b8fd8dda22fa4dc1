"""The render process over broker, database and store: one effect, whatever happens."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sqlalchemy import create_engine, text

from services.kernel.contracts.apply import (
    BundleAccepted,
    BundleDropped,
    BundleMember,
    ExportAccepted,
    ExportEntry,
)
from services.kernel.ids import uuid7
from tests.support.render_room import item, subject
from tests.support.render_samples import full_data, snapshot
from tests.support.seals import make_seal

if TYPE_CHECKING:
    import subprocess


def _export(number: int = 1, **changes) -> ExportAccepted:
    application_no = f"D20261123{number:09d}"
    formats = ("zip", "xlsx", "csv", "json", "xml")
    order = ExportAccepted(
        application_no=application_no,
        revision=1,
        uscc="91990000MA0TEAAA29",
        entries=[ExportEntry("530120261000000018", snapshot())],
        failed=[],
        object_keys={one: f"exports/{application_no}/r1/0123456789abcdef.{one}" for one in formats},
        ordered_at=datetime(2026, 11, 23, 2, 15, tzinfo=UTC),
        lifetime="PT5S",
        zone="Asia/Shanghai",
        give_up_at=datetime.now(UTC) + timedelta(hours=1),
    )
    return replace(order, **changes)


def _children(process: subprocess.Popen) -> list[int]:
    """The drawing children: spawned processes, without the resource tracker."""
    pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        pids += (task / "children").read_text().split()
    return sorted(
        {int(pid) for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}
    )


def _rows(room, statement: str) -> list:
    engine = create_engine(room.database_url)
    with engine.connect() as connection:
        found = connection.execute(text(statement)).all()
    engine.dispose()
    return found


def test_an_order_becomes_a_stored_document_and_a_fact(room):
    process = room.start()
    order = item()
    order_id = room.say(order, subject(order))
    (made,) = room.heard(1)
    content = b"".join(room.store.open(order.object_key))
    head = room.store.head(order.object_key)
    assert made.type == "render.document.made.v1"
    assert (made.subject, made.causationid) == (subject(order), order_id)
    assert content.startswith(b"%PDF")
    assert made.data.sha256 == hashlib.sha256(content).hexdigest() == head.metadata["sha256"]
    assert (made.data.etag, made.data.size_bytes) == (head.etag, len(content))
    assert made.data.expires_at > made.data.made_at + timedelta(days=27)
    assert room.depth("retention.inbox") == 1
    assert room.stop(process) == 0


def test_a_sealed_order_is_sealed_with_the_certificate_it_names(room, tmp_path):
    seal = make_seal()
    paths = {}
    for name in ("key", "certificate", "chain"):
        paths[f"seal_{name}_path"] = str(tmp_path / f"{name}.pem")
        (tmp_path / f"{name}.pem").write_bytes(getattr(seal.material, name))
    room.start(**paths)
    order = item(1, seal="sealed")
    room.say(order, subject(order))
    (made,) = room.heard(1)
    content = b"".join(room.store.open(order.object_key))
    certificate = x509.load_pem_x509_certificate(seal.material.certificate)
    assert made.data.seal == "sealed"
    assert made.data.seal_certificate_sha256 == certificate.fingerprint(hashes.SHA256()).hex()
    assert b"/ByteRange" in content


def test_exports_and_bundles_are_made_too(room):
    room.start()
    order = item()
    room.say(order, subject(order))
    (document,) = room.heard(1)
    room.say(_export(), "D20261123000000001")
    (export,) = room.heard(1)
    assert export.type == "render.export.made.v1"
    assert all(room.store.head(one.object_key) for one in export.data.files)
    member = BundleMember(
        order.application_no,
        order.entry_id,
        "none",
        order.object_key,
        document.data.etag,
        document.data.sha256,
        document.data.crc32,
        document.data.size_bytes,
        f"{order.application_no}/报关单_{order.entry_id}_无签章.pdf",
    )
    room.say(
        BundleAccepted(
            "bdl_1",
            order.uscc,
            "bundles/bdl_1/0123456789abcdef.zip",
            [member],
            [],
            datetime.now(UTC),
            document.data.expires_at,
            datetime.now(UTC) + timedelta(hours=1),
        ),
        "bdl_1",
    )
    (bundle,) = room.heard(1)
    assert bundle.type == "render.bundle.made.v1"
    assert room.store.head(bundle.data.object_key).size_bytes == bundle.data.size_bytes


def test_every_message_three_times_on_two_workers_has_one_effect(room):
    room.start()
    room.start()
    orders = [item(number) for number in range(30)]
    for order in orders:
        id_ = uuid7()
        for _ in range(3):
            room.say(order, subject(order), id_)
    made = room.heard(30)
    assert sorted(one.subject for one in made) == sorted(subject(order) for order in orders)
    _until(lambda: room.depth("render.inbox") == 0)
    time.sleep(0.5)  # a repeat, were there one, would have been relayed by now
    assert room.depth("apply.inbox") == 0
    assert len(list(room.store.listing("documents/"))) == 30
    assert [
        tuple(row) for row in _rows(room, "SELECT count(*), count(DISTINCT subject) FROM jobs")
    ] == [(30, 30)]


def test_what_can_never_be_made_fails_at_once_with_a_sentence(room):
    room.start()
    empty = item(1, snapshot=snapshot(full_data(goods=[])))
    unsealed = item(2, seal="sealed")
    room.say(empty, subject(empty))
    room.say(unsealed, subject(unsealed))
    failed = {one.subject: one.data for one in room.heard(2)}
    assert failed[subject(empty)].reason_code == "source-missing"
    assert failed[subject(empty)].message == "数据来源缺失"
    assert failed[subject(unsealed)].reason_code == "seal-unavailable"
    assert room.depth("render.parked") == 0


def test_messages_that_are_none_are_parked_and_others_go_on(room):
    room.start()
    room.publish(b"{not json", "apply.item.accepted.v1", "bad-1")
    room.publish(b'{"specversion": "1.0"}', "apply.item.accepted.v1", "bad-2")
    order = item()
    room.say(order, subject(order))
    (made,) = room.heard(1)
    assert made.subject == subject(order)
    _until(lambda: room.depth("render.parked") == 2)


def test_a_fact_that_is_no_order_is_parked_and_nobody_is_told(room):
    room.start()
    stray = BundleDropped("bdl_1", "91", datetime.now(UTC))
    room.say(stray, "bdl_1", queue="render.inbox")
    _until(lambda: room.depth("render.parked") == 1)
    assert room.depth("apply.inbox") == 0


def test_a_store_that_is_away_delays_and_then_fails_and_a_replay_makes_it(room):
    process = room.start("/live", s3_endpoint_url="http://127.0.0.1:9")
    order = item()
    room.say(order, subject(order))
    heard = room.heard(5, limit_s=90)
    assert [one.type.split(".")[2] for one in heard] == ["delayed"] * 4 + ["failed"]
    assert [one.data.attempt for one in heard[:4]] == [1, 2, 3, 4]
    assert heard[4].data.reason_code == "render-failed"
    _until(lambda: room.depth("render.parked") == 1)
    room.stop(process)
    room.start()
    assert room.run("parked", "replay", "--all").returncode == 0
    (made,) = room.heard(1)
    assert made.type == "render.document.made.v1"


def test_children_that_are_killed_cost_no_document(room):
    process = room.start(children="2")
    orders = [item(number) for number in range(120)]
    for order in orders:
        room.say(order, subject(order))
    for _ in range(5):
        time.sleep(0.2)
        children = _children(process)
        if children:
            os.kill(children[0], signal.SIGKILL)
    facts = _facts_of(room, 120)
    assert set(facts) == {subject(order) for order in orders}
    assert len(list(room.store.listing("documents/"))) == 120
    assert process.poll() is None
    assert 'child_restarts_total{cause="died"}' in room.metrics(process)


def test_a_killed_worker_loses_nothing(room):
    first = room.start()
    orders = [item(number) for number in range(100)]
    for order in orders:
        room.say(order, subject(order))
    time.sleep(0.4)
    first.kill()
    first.wait(10)
    room.start()
    facts = _facts_of(room, 100)
    assert set(facts) == {subject(order) for order in orders}
    stored = {one.key: one.etag for one in room.store.listing("documents/")}
    assert len(stored) == 100
    assert {fact.etag for fact in facts.values()} == set(stored.values())


def test_a_worker_that_is_told_to_end_finishes_what_it_has(room):
    process = room.start()
    orders = [item(number) for number in range(60)]
    for order in orders:
        room.say(order, subject(order))
    room.heard(5)
    children = _children(process)
    assert room.stop(process) == 0
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    done = len(list(room.store.listing("documents/")))
    assert [row[0] for row in _rows(room, "SELECT count(*) FROM jobs")] == [done]
    assert [row[0] for row in _rows(room, "SELECT count(*) FROM outbox WHERE sent_at IS NULL")] == [
        0
    ]
    assert room.depth("render.inbox") == 60 - done


def test_an_order_nobody_waits_for_is_dropped(room):
    room.start()
    late = item(1, give_up_at=datetime.now(UTC) - timedelta(seconds=1))
    order = item(2)
    room.say(late, subject(late))
    room.say(order, subject(order))
    (made,) = room.heard(1)
    assert made.subject == subject(order)
    assert room.store.head(late.object_key) is None


def test_check_finds_a_missing_font(room, tmp_path):
    good = room.run("check")
    assert (good.returncode, good.stdout) == (0, "all is well\n"), good.stderr
    bad = room.run("check", font_dir=str(tmp_path))
    assert bad.returncode == 1
    assert "NotoSerifSC" in bad.stdout


def test_half_a_seal_is_refused_at_the_start(room):
    told = room.run("serve", seal_key_path="/nowhere/key.pem")
    assert told.returncode == 1
    assert "all or none" in told.stderr


def _facts_of(room, count: int) -> dict:
    """Made facts by subject, skipping delays and repeats."""
    facts = {}
    ends_at = time.monotonic() + 60
    while len(facts) < count:
        assert time.monotonic() < ends_at, f"{len(facts)} of {count}"
        (one,) = room.heard(1, limit_s=60)
        if one.type == "render.document.made.v1":
            facts[one.subject] = one.data
    return facts


def _until(condition, limit_s: float = 30) -> None:
    ends_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.05)
