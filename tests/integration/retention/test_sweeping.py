"""What is due goes, once, provably, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from services.kernel.calendar import local_day
from services.kernel.contracts.apply import BundleDropped
from services.kernel.contracts.refusal import Refusal
from services.kernel.settings import StoreSettings
from services.kernel.storage.port import DeleteFault, DeleteReport, StoreUnavailable
from services.kernel.storage.s3 import make_store
from services.kernel.testing.frozen_clock import FrozenClock
from services.kernel.testing.memory_store import MemoryStore
from services.retention.bootstrap import check
from services.retention.sweeping import ClocksDiffer
from tests.support.retention_use import (
    bundle,
    deletions,
    document,
    export,
    retention_use,
    said,
    states,
    stored,
    told,
)

NOW = datetime.now(UTC)


@pytest.fixture
def use(database_url):
    yield from retention_use(database_url, file_lifetime="PT5S")


@pytest.fixture
def s3(engines, bucket):
    store = make_store(
        StoreSettings(
            s3_endpoint_url=engines.s3_endpoint_url,
            s3_bucket=bucket,
            s3_access_key_id=SecretStr(engines.s3_access_key_id),
            s3_secret_access_key=SecretStr(engines.s3_secret_access_key),
        )
    )
    yield store
    store.close()


@pytest.fixture
def real(database_url, s3):
    yield from retention_use(database_url, s3, file_lifetime="PT5S")


def test_what_was_made_is_scheduled_once(use):
    made = document(use.store)
    use.hear(told(made))
    use.hear(told(made))
    (scheduled,) = said(use)
    assert scheduled.type == "retention.artifact.scheduled.v1"
    assert scheduled.subject == f"{made.application_no}/{made.entry_id}"
    assert scheduled.data.expires_at == made.expires_at
    assert scheduled.data.object_keys == [made.object_key]


def test_a_message_heard_twice_has_one_effect(use):
    message = told(document(use.store))
    use.hear(message)
    use.hear(message)
    assert len(said(use)) == 1


def test_the_earlier_of_two_policies_holds(use):
    late = document(use.store, expires_at=NOW + timedelta(days=365))
    use.hear(told(late))
    assert said(use)[0].data.expires_at == late.made_at + timedelta(seconds=5)


def test_due_documents_and_exports_are_deleted_and_said(real):
    one, files = document(real.store), export(real.store)
    real.hear(told(one))
    real.hear(told(files))
    report = real.sweep(datetime.now(UTC))
    assert (report.due, report.deleted, report.failed, report.capped) == (2, 2, 0, False)
    assert list(real.store.listing()) == []
    gone = {fact.subject: fact for fact in deletions(real)}
    assert gone[files.application_no].object_keys == [one.object_key for one in files.files]
    fact = gone[f"{one.application_no}/{one.entry_id}"]
    assert fact.sha256 == [one.sha256]
    assert fact.expires_at == one.expires_at
    assert fact.deleted_at <= fact.verified_at
    assert set(states(real).values()) == {"deleted"}


def test_what_is_not_due_stays(use):
    kept = document(
        use.store,
        made_at=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(seconds=5),
    )
    use.hear(told(kept))
    assert use.sweep(datetime.now(UTC)).deleted == 0
    assert use.store.head(kept.object_key) is not None


def test_a_second_sweep_has_nothing_to_do(use):
    use.hear(told(document(use.store)))
    use.sweep(datetime.now(UTC))
    assert use.sweep(datetime.now(UTC)).due == 0
    assert len(deletions(use)) == 1


def test_an_object_that_is_gone_already_counts_as_gone(use):
    use.hear(told(document(None)))
    assert use.sweep(datetime.now(UTC)).deleted == 1


def test_a_changed_object_is_reported_and_never_deleted(real):
    changed = document(real.store, number=1, etag="0" * 32)
    neighbour = document(real.store, number=2)
    real.hear(told(changed))
    real.hear(told(neighbour))
    report = real.sweep(datetime.now(UTC))
    assert (report.deleted, report.changed) == (1, 1)
    assert real.store.head(changed.object_key) is not None
    assert real.store.head(neighbour.object_key) is None
    assert states(real)[f"{changed.application_no}/{changed.entry_id}#1"] == "changed"
    assert real.sweep(datetime.now(UTC)).deleted == 0
    assert real.store.head(changed.object_key) is not None


class Refusing(MemoryStore):
    """Answers 200 and refuses one key inside of it, until told otherwise."""

    refused = ""

    def delete_if(self, condemned):
        passed = [one for one in condemned if one.key != self.refused]
        report = super().delete_if(passed)
        if len(passed) == len(condemned):
            return report
        return DeleteReport(report.gone, (DeleteFault(self.refused, "AccessDenied"),))


def test_a_key_refused_inside_a_good_answer_stays_marked_and_is_tried_again(use):
    store = Refusing(use.clock)
    object.__setattr__(use, "store", store)
    first, second = document(store, number=1), document(store, number=2)
    use.hear(told(first))
    use.hear(told(second))
    store.refused = first.object_key
    report = use.sweep(datetime.now(UTC))
    assert (report.deleted, report.failed) == (1, 1)
    assert len(deletions(use)) == 1
    store.refused = ""
    assert use.sweep(datetime.now(UTC)).deleted == 1
    assert len(deletions(use)) == 2


class Lying(MemoryStore):
    """Says that everything is gone and deletes nothing."""

    def delete_if(self, condemned):
        return DeleteReport(frozenset(one.key for one in condemned))


def test_what_the_store_only_says_to_be_gone_is_not_on_record_as_gone(use):
    object.__setattr__(use, "store", Lying(use.clock))
    use.hear(told(document(use.store)))
    assert use.sweep(datetime.now(UTC)).failed == 1
    assert deletions(use) == []


class Crashing(MemoryStore):
    """Deletes, and is away when one looks."""

    away = False

    def head(self, key):
        if self.away:
            raise StoreUnavailable
        return super().head(key)


def test_a_crash_after_deleting_is_finished_by_the_next_sweep(use):
    store = Crashing(use.clock)
    object.__setattr__(use, "store", store)
    use.hear(told(document(store)))
    store.away = True
    with pytest.raises(StoreUnavailable):
        use.sweep(datetime.now(UTC))
    assert set(states(use).values()) == {"condemned"}
    assert deletions(use) == []
    store.away = False
    assert use.sweep(datetime.now(UTC)).deleted == 1
    assert use.proof(local_day(datetime.now(UTC))).ok


def test_a_held_artifact_outlives_its_end_until_released(use):
    made = document(use.store)
    subject = f"{made.application_no}/{made.entry_id}"
    use.hear(told(made))
    hold_id = use.hold(subject, "court-order")
    assert use.sweep(datetime.now(UTC)).deleted == 0
    assert [one.held for one in use.due(datetime.now(UTC))] == [True]
    use.release(hold_id)
    assert use.sweep(datetime.now(UTC)).deleted == 1
    assert [one.type.split(".")[2] for one in said(use)] == [
        "scheduled",
        "held",
        "released",
        "deleted",
    ]


def test_two_holds_need_two_releases(use):
    made = document(use.store)
    subject = f"{made.application_no}/{made.entry_id}"
    use.hear(told(made))
    first, second = use.hold(subject, "court-order"), use.hold(subject, "audit")
    use.release(first)
    assert use.sweep(datetime.now(UTC)).deleted == 0
    use.release(second)
    assert use.sweep(datetime.now(UTC)).deleted == 1


def test_a_hold_covers_what_is_made_later_of_the_same_subject(use):
    first = document(use.store, revision=1)
    use.hear(told(first))
    use.hold(f"{first.application_no}/{first.entry_id}", "court-order")
    use.hear(told(document(use.store, revision=2)))
    assert use.sweep(datetime.now(UTC)).deleted == 0


def test_a_hold_comes_too_late_for_what_is_being_deleted(use):
    made = document(use.store)
    subject = f"{made.application_no}/{made.entry_id}"
    use.hear(told(made))
    use.sweep(datetime.now(UTC))
    with pytest.raises(Refusal) as refused:
        use.hold(subject, "court-order")
    assert (refused.value.code, refused.value.facts) == ("expired", {"state": "deleted"})


def test_unknown_subjects_and_holds_are_not_found(use):
    with pytest.raises(Refusal, match="not-found"):
        use.hold("P1/1", "court-order")
    with pytest.raises(Refusal, match="not-found"):
        use.release("hld_1")


def test_a_hold_placed_while_a_sweep_claims_is_kept_or_refused(use):
    made = document(use.store)
    subject = f"{made.application_no}/{made.entry_id}"
    use.hear(told(made))
    with use.engine.connect() as holding:
        holding.begin()
        holding.execute(
            text("SELECT 1 FROM artifacts WHERE subject = :s FOR UPDATE"), {"s": subject}
        )
        assert use.sweep(datetime.now(UTC)).deleted == 0
        holding.rollback()
    assert use.sweep(datetime.now(UTC)).deleted == 1


def test_a_dropped_bundle_goes_with_the_next_sweep(use):
    made = bundle(use.store)
    use.hear(told(made))
    assert use.sweep(datetime.now(UTC)).deleted == 0
    use.hear(told(BundleDropped("bdl_1", made.uscc, datetime.now(UTC))))
    assert use.sweep(datetime.now(UTC)).deleted == 1


def test_a_bundle_dropped_before_it_was_made_goes_too(use):
    use.hear(told(BundleDropped("bdl_1", "91", datetime.now(UTC) - timedelta(seconds=1))))
    use.hear(told(bundle(use.store)))
    assert use.sweep(datetime.now(UTC)).deleted == 1


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=365), -timedelta(hours=1)])
def test_a_wrong_clock_deletes_nothing(use, ahead):
    use.hear(told(document(use.store)))
    object.__setattr__(use, "clock", FrozenClock(datetime.now(UTC) + ahead))
    with pytest.raises(ClocksDiffer):
        use.sweep(use.clock.now())
    assert set(states(use).values()) == {"kept"}


def test_a_run_deletes_no_more_than_its_cap_and_the_next_goes_on(database_url):
    (use,) = retention_use_once(database_url, sweep_share=0.25, sweep_floor=2)
    for number in range(12):
        use.hear(told(document(use.store, number)))
    report = use.sweep(datetime.now(UTC))
    assert (report.deleted, report.capped) == (3, True)
    assert use.sweep(datetime.now(UTC)).deleted == 2


def retention_use_once(database_url, **settings):
    return list(retention_use(database_url, file_lifetime="PT5S", **settings))


def test_a_dry_run_changes_nothing(use):
    use.hear(told(document(use.store)))
    report = use.sweep(datetime.now(UTC), dry_run=True)
    assert (report.due, report.deleted) == (1, 0)
    assert set(states(use).values()) == {"kept"}


def test_only_one_sweeps_at_a_time(use):
    from services.retention.adapters.sql import SweepTurn

    use.hear(told(document(use.store)))
    with SweepTurn(use.engine) as ours:
        assert ours
        assert use.sweep(datetime.now(UTC)) is None
    assert use.sweep(datetime.now(UTC)).deleted == 1


def _delete_some(use, count):
    for number in range(count):
        use.hear(told(document(use.store, number)))
    use.sweep(datetime.now(UTC))


def test_the_proof_of_a_day_holds_and_is_the_one_that_was_said(use):
    _delete_some(use, 5)
    proof = use.proof(local_day(datetime.now(UTC)))
    assert (proof.ok, proof.first_broken) == (True, None)
    assert proof.head == deletions(use)[-1].proof
    tomorrow = use.proof(local_day(datetime.now(UTC)) + timedelta(days=1))
    assert (tomorrow.ok, tomorrow.head) == (True, proof.head)


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        ("UPDATE deletions SET subject = 'other' WHERE number = 3", 3),
        ("UPDATE deletions SET sha256 = array['00'] WHERE number = 2", 2),
        ("UPDATE deletions SET expires_at = expires_at - interval '1 s' WHERE number = 4", 4),
        ("DELETE FROM deletions WHERE number = 3", 4),
        ("DELETE FROM deletions WHERE number = 1", 2),
    ],
)
def test_the_proof_names_the_first_link_that_was_touched(use, tamper, broken):
    _delete_some(use, 5)
    with use.engine.begin() as connection:
        connection.execute(text(tamper))
    proof = use.proof(local_day(datetime.now(UTC)))
    assert (proof.ok, proof.first_broken) == (False, broken)


def test_the_audit_finds_objects_without_rows_and_rows_without_objects(use):
    clock = FrozenClock(datetime.now(UTC) - timedelta(hours=2))
    store = MemoryStore(clock)
    object.__setattr__(use, "store", store)
    later = {"made_at": NOW, "expires_at": NOW + timedelta(seconds=5)}
    use.hear(told(document(store, 1, **later)))
    missing = document(None, 2, **later)
    use.hear(told(missing))
    stored(store, "documents/P0/orphan.pdf")
    stored(store, "exports/D0/orphan.zip")
    stored(store, "probes/not-ours")
    gap = use.audit()
    assert (gap.orphans, gap.dangling) == (2, 1)


def test_the_audit_leaves_time_for_what_was_stored_just_now(use):
    stored(use.store, "documents/P0/new.pdf")
    assert use.audit().orphans == 0


def test_after_a_sweep_books_and_bucket_agree(real):
    for number in range(3):
        real.hear(told(document(real.store, number)))
    real.sweep(datetime.now(UTC))
    gap = real.audit()
    assert (gap.orphans, gap.dangling) == (0, 0)


def test_all_versions_go_where_the_bucket_keeps_versions(engines, bucket, real):
    client = boto3.client(
        "s3",
        endpoint_url=engines.s3_endpoint_url,
        aws_access_key_id=engines.s3_access_key_id,
        aws_secret_access_key=engines.s3_secret_access_key,
        region_name="us-east-1",
    )
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    key = "documents/P1/versioned.pdf"
    put = real.store.put_new(key, b"secret", content_type="application/pdf", metadata={})
    real.hear(told(document(None, object_key=key, etag=put.etag, version_id=put.version_id)))
    assert real.sweep(datetime.now(UTC)).deleted == 1
    left = client.list_object_versions(Bucket=bucket)
    assert left.get("Versions", []) + left.get("DeleteMarkers", []) == []
    client.close()


def test_the_check_finds_the_promises_kept(s3):
    assert check(s3) == []


def test_the_check_finds_a_store_that_ignores_conditions(use):
    class Careless(MemoryStore):
        def put_new(self, key, body, **more):
            self._objects.pop(key, None)
            return super().put_new(key, body, **more)

        def delete_if(self, condemned):
            for one in condemned:
                self._objects.pop(one.key, None)
            return DeleteReport(frozenset(one.key for one in condemned))

    assert check(Careless(use.clock)) == [
        "the store overwrites although it is told not to",
        "the store deletes an object that has changed",
    ]
