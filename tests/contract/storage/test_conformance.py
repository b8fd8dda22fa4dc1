"""One suite over the store in memory and the real one: what a room may rely on."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from services.kernel.clock import SystemClock
from services.kernel.settings import StoreSettings
from services.kernel.storage.port import (
    AlreadyStored,
    Condemned,
    NotStored,
    ObjectChanged,
    ObjectStore,
    RangeOutside,
    StoreUnavailable,
)
from services.kernel.storage.s3 import make_store
from services.kernel.testing.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "documents/P20261123000000017/530120261000000018/r1/报关单.pdf"


def _s3(request: pytest.FixtureRequest, bucket: str) -> object:
    engines = request.getfixturevalue("engines")
    return make_store(
        StoreSettings(
            s3_endpoint_url=engines.s3_endpoint_url,
            s3_bucket=bucket,
            s3_access_key_id=SecretStr(engines.s3_access_key_id),
            s3_secret_access_key=SecretStr(engines.s3_secret_access_key),
        )
    )


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore(SystemClock())
        return
    real = _s3(request, request.getfixturevalue("bucket"))
    yield real
    real.close()


@pytest.fixture(params=["memory", "s3"])
def unreachable(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "memory":
        memory = MemoryStore(SystemClock())
        memory.down = True
        return memory
    return make_store(
        StoreSettings(
            s3_endpoint_url="http://127.0.0.1:9",  # the discard port: nobody listens
            s3_bucket="none",
            s3_access_key_id=SecretStr("none"),
            s3_secret_access_key=SecretStr("none"),
        )
    )


def _put(store: ObjectStore, key: str = KEY, body: bytes = b"hello") -> str:
    return store.put_new(key, body, content_type="application/pdf", metadata={}).etag


def _read(store: ObjectStore, key: str = KEY, *args: object, **more: object) -> bytes:
    with store.open(key, *args, **more) as chunks:
        return b"".join(chunks)


def test_what_was_stored_is_read_back(store):
    stored = store.put_new(
        KEY, b"hello", content_type="application/pdf", metadata={"made-at": "2026", "pages": "1"}
    )
    head = store.head(KEY)
    assert head is not None
    assert (head.etag, head.size_bytes) == (stored.etag, 5)
    assert head.content_type == "application/pdf"
    assert head.metadata == {"made-at": "2026", "pages": "1"}
    assert abs(head.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert _read(store) == b"hello"


@pytest.mark.parametrize(
    "key", ["a b/c+d&e=f.pdf", "报关单/無+签~章'(1)*!.pdf", "a/%41/b;c,d@e:f$.zip"]
)
@pytest.mark.parametrize("as_file", [False, True])
def test_any_key_is_told_apart_and_found_again(store, key, as_file):
    body = io.BytesIO(b"hello") if as_file else b"hello"
    metadata = {"note": "two  spaces, and: signs"}
    store.put_new(key, body, content_type="text/plain; charset=utf-8", metadata=metadata)
    assert [one.key for one in store.listing()] == [key]
    assert _read(store, key) == b"hello"
    assert " ".join(store.head(key).metadata["note"].split()) == "two spaces, and: signs"


def test_an_empty_object_is_an_object(store):
    store.put_new(KEY, b"", content_type="text/plain", metadata={})
    assert store.head(KEY).size_bytes == 0
    assert _read(store) == b""


def test_a_key_is_written_once(store):
    etag = _put(store)
    with pytest.raises(AlreadyStored):
        _put(store, body=b"other")
    assert store.head(KEY).etag == etag
    assert _read(store) == b"hello"


def test_of_many_writers_one_wins(store):
    def write(number: int) -> bool:
        try:
            _put(store, body=b"%d" % number)
        except AlreadyStored:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1


def test_a_file_is_stored_from_where_it_stands(store):
    body = io.BytesIO(b"skip" + b"x" * 700_000)
    body.seek(4)
    store.put_new(KEY, body, content_type="application/zip", metadata={})
    assert store.head(KEY).size_bytes == 700_000
    with store.open(KEY) as chunks:
        sizes = [len(chunk) for chunk in chunks]
    assert sum(sizes) == 700_000
    assert len(sizes) > 1


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 2, b"he"), (1, 3, b"ell"), (3, None, b"lo"), (3, 99, b"lo"), (0, 0, b"")],
)
def test_a_range_is_read(store, start, length, expected):
    _put(store)
    assert _read(store, KEY, start, length) == expected


def test_a_range_beyond_the_end_is_refused(store):
    _put(store)
    with pytest.raises(RangeOutside):
        store.open(KEY, 5)


def test_reading_asks_for_the_very_object(store):
    etag = _put(store)
    assert _read(store, etag=etag) == b"hello"
    with pytest.raises(ObjectChanged):
        store.open(KEY, etag="0" * 32)


def test_what_is_not_there_is_not_found(store):
    assert store.head(KEY) is None
    with pytest.raises(NotStored):
        store.open(KEY)


def test_only_the_object_that_was_meant_is_deleted(store):
    kept, gone = _put(store, "a"), _put(store, "b")
    report = store.delete_if([Condemned("a", "0" * 32), Condemned("b", gone)])
    assert report.gone == {"b"}
    assert [(fault.key, fault.code) for fault in report.faults] == [("a", "PreconditionFailed")]
    assert store.head("a").etag == kept
    assert store.head("b") is None


def test_what_is_gone_counts_as_gone(store):
    report = store.delete_if([Condemned("never", "0" * 32)])
    assert report.gone == {"never"}
    assert report.faults == ()


def test_more_than_one_call_holds_are_deleted(store):
    store.put_new("a/one", b"1", content_type="text/plain", metadata={})
    etag = store.head("a/one").etag
    condemned = [Condemned(f"a/{number}", "0" * 32) for number in range(1_200)]
    report = store.delete_if([*condemned, Condemned("a/one", etag)])
    assert len(report.gone) == 1_201
    assert store.head("a/one") is None


def test_nothing_to_delete_is_no_fault(store):
    report = store.delete_if([])
    assert (report.gone, report.faults) == (frozenset(), ())


def test_a_listing_is_in_order_of_keys_and_of_the_prefix_alone(store):
    for key in ("b/2", "a/1", "a/0"):
        _put(store, key)
    assert [one.key for one in store.listing("a/")] == ["a/0", "a/1"]
    assert [one.key for one in store.listing()] == ["a/0", "a/1", "b/2"]
    assert {one.size_bytes for one in store.listing()} == {5}


def test_purging_a_key_without_versions_is_no_fault(store):
    _put(store)
    store.delete_if([Condemned(KEY, store.head(KEY).etag)])
    store.purge_versions(KEY)
    assert store.head(KEY) is None


def test_the_store_tells_its_time(store):
    assert abs(store.now() - datetime.now(UTC)) < timedelta(seconds=30)
    store.ping()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.ping(),
        lambda store: store.now(),
        lambda store: store.head("a"),
        lambda store: store.open("a"),
        lambda store: list(store.listing()),
        lambda store: store.delete_if([Condemned("a", "b")]),
        lambda store: store.put_new("a", b"", content_type="a", metadata={}),
    ],
    ids=["ping", "now", "head", "open", "listing", "delete_if", "put_new"],
)
def test_a_store_that_does_not_answer_says_so(unreachable, ask):
    with pytest.raises(StoreUnavailable) as fault:
        ask(unreachable)
    assert fault.value.component == "store"
