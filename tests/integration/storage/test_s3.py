"""What only the real store shows: versions, missing buckets, bodies that are cut."""

from __future__ import annotations

import io

import boto3
import pytest
from pydantic import SecretStr

from services.kernel.settings import StoreSettings
from services.kernel.storage.port import Condemned, StoreUnavailable
from services.kernel.storage.s3 import S3Chunks, make_store


@pytest.fixture
def settings(engines, bucket):
    return StoreSettings(
        s3_endpoint_url=engines.s3_endpoint_url,
        s3_bucket=bucket,
        s3_access_key_id=SecretStr(engines.s3_access_key_id),
        s3_secret_access_key=SecretStr(engines.s3_secret_access_key),
    )


@pytest.fixture
def client(settings):
    made = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=settings.s3_access_key_id.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value(),
    )
    yield made
    made.close()


def test_old_versions_and_markers_go_too(settings, client):
    client.put_bucket_versioning(
        Bucket=settings.s3_bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    store = make_store(settings)
    stored = store.put_new("a/1", b"secret", content_type="text/plain", metadata={})
    assert stored.version_id
    store.put_new("a/10", b"neighbour", content_type="text/plain", metadata={})
    store.delete_if([Condemned("a/1", stored.etag)])
    assert store.head("a/1") is None
    assert store.purge_versions("a/1") >= 2
    left = client.list_object_versions(Bucket=settings.s3_bucket)
    assert {one["Key"] for one in left.get("Versions", [])} == {"a/10"}
    store.purge_versions("a/10")
    store.close()


def test_a_missing_bucket_is_a_store_that_cannot_serve(settings):
    store = make_store(settings.model_copy(update={"s3_bucket": "no-such-bucket"}))
    with pytest.raises(StoreUnavailable):
        store.ping()
    store.close()


def test_a_body_that_ends_early_is_told():
    chunks = S3Chunks(io.BytesIO(b"half"), 8)
    with pytest.raises(StoreUnavailable, match="ended early"):
        list(chunks)


def test_secrets_do_not_show(settings):
    assert settings.s3_secret_access_key.get_secret_value() not in repr(settings)
