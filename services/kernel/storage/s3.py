"""The object store over S3, by boto3."""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from services.kernel.storage.port import (
    CHUNK_BYTES,
    DELETE_LIMIT,
    AlreadyStored,
    Condemned,
    DeleteFault,
    DeleteReport,
    Head,
    Listed,
    NotStored,
    ObjectChanged,
    RangeOutside,
    Stored,
    StoreUnavailable,
)
from services.kernel.storage.signed_put import Credentials, SignedPut, make_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from services.kernel.settings import StoreSettings

_CONNECT_S = 2
_READ_S = 5  # the goal from order to document; a slower store is a store that is down
_ATTEMPTS = 2  # in all: one repeat for a connection that had died while idle
_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_MEANINGS: dict[str, type[AlreadyStored | NotStored | ObjectChanged | RangeOutside]] = {
    "NoSuchKey": NotStored,
    "404": NotStored,
    "PreconditionFailed": ObjectChanged,
    "412": ObjectChanged,
    "InvalidRange": RangeOutside,
    "416": RangeOutside,
}


def make_store(settings: StoreSettings, *, connections: int = 16) -> S3Store:
    """The bucket of the settings, with a pool of `connections`; safe to use from many threads."""
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            max_pool_connections=connections,
            tcp_keepalive=True,
            # Content-MD5 is sent instead: every store knows it, and the ETag shows it again
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    put = SignedPut(
        settings.s3_endpoint_url,
        settings.s3_bucket,
        Credentials(
            settings.s3_access_key_id.get_secret_value(),
            settings.s3_secret_access_key.get_secret_value(),
            settings.s3_region,
        ),
        make_pool(connections, _CONNECT_S, _READ_S),
    )
    return S3Store(client, settings.s3_bucket, put)


class S3Store:
    """A bucket behind the S3 API."""

    def __init__(self, client: Any, bucket: str, put: SignedPut) -> None:
        self._client = client
        self._bucket = bucket
        self._put = put

    def close(self) -> None:
        """Give all connections back."""
        self._client.close()
        self._put.close()

    def put_new(
        self,
        key: str,
        body: bytes | BinaryIO,
        *,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> Stored:
        """Store with `If-None-Match: *`; the store checks length and MD5 of what arrived."""
        if isinstance(body, bytes):
            return self._put_bytes(key, body, content_type, metadata)
        with _translated({"PreconditionFailed": AlreadyStored, "412": AlreadyStored}):
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                IfNoneMatch="*",
                ContentType=content_type,
                ContentMD5=_md5(body),
                Metadata=dict(metadata),
            )
        return Stored(answer["ETag"].strip('"'), _version(answer))

    def _put_bytes(
        self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> Stored:
        headers = {
            "content-type": content_type,
            "if-none-match": "*",
            **{f"x-amz-meta-{name}": value for name, value in metadata.items()},
        }
        with _translated():
            answer = self._put(key, body, headers)
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            raise AlreadyStored
        if answer.status != HTTPStatus.OK:
            raise StoreUnavailable(f"{answer.status} in PutObject")
        version = answer.headers.get("x-amz-version-id")
        return Stored(answer.headers["etag"].strip('"'), _version({"VersionId": version}))

    def head(self, key: str) -> Head | None:
        """What HEAD says, or None for 404."""
        try:
            with _translated():
                found = self._client.head_object(Bucket=self._bucket, Key=key)
        except NotStored:
            return None
        return Head(
            etag=found["ETag"].strip('"'),
            size_bytes=found["ContentLength"],
            content_type=found.get("ContentType", ""),
            metadata={name.lower(): value for name, value in found["Metadata"].items()},
            modified_at=found["LastModified"],
            version_id=_version(found),
        )

    def open(
        self, key: str, start: int = 0, length: int | None = None, *, etag: str | None = None
    ) -> S3Chunks:
        """GET with `Range` and `If-Match` where they are asked for."""
        if length == 0:
            return S3Chunks(io.BytesIO(), 0)
        conditions: dict[str, str] = {}
        if start or length is not None:
            last = "" if length is None else str(start + length - 1)
            conditions["Range"] = f"bytes={start}-{last}"
        if etag is not None:
            conditions["IfMatch"] = f'"{etag}"'
        with _translated():
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **conditions)
        return S3Chunks(answer["Body"], answer["ContentLength"])

    def delete_if(self, condemned: Sequence[Condemned]) -> DeleteReport:
        """DeleteObjects with ETags, 1,000 at a time, reading `Errors` inside the 200."""
        gone: set[str] = set()
        faults: list[DeleteFault] = []
        for batch in _batches(condemned, DELETE_LIMIT):
            report = self._delete([{"Key": one.key, "ETag": f'"{one.etag}"'} for one in batch])
            gone |= report.gone
            faults += report.faults
        return DeleteReport(frozenset(gone), tuple(faults))

    def _delete(self, objects: list[dict[str, str]]) -> DeleteReport:
        with _translated():
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects})
        errors = answer.get("Errors", [])
        gone = {entry["Key"] for entry in answer.get("Deleted", [])}
        gone |= {error["Key"] for error in errors if error["Code"] in _GONE}
        faults = [
            DeleteFault(error["Key"], error["Code"], error.get("Message", ""))
            for error in errors
            if error["Code"] not in _GONE
        ]
        told = gone | {fault.key for fault in faults}
        unsaid = [entry["Key"] for entry in objects if entry["Key"] not in told]
        faults += [DeleteFault(key, "NotAnswered") for key in unsaid]
        return DeleteReport(frozenset(gone), tuple(faults))

    def purge_versions(self, key: str) -> int:
        """List the versions and markers of the key and delete each by its version id."""
        with _translated():
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=key
            )
            found = [
                {"Key": key, "VersionId": entry["VersionId"]}
                for page in pages
                for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])
                if entry["Key"] == key
            ]
        for batch in _batches(found, DELETE_LIMIT):
            faults = self._delete(list(batch)).faults
            if faults:
                raise StoreUnavailable(f"{faults[0].code} while purging versions")
        return len(found)

    def listing(self, prefix: str = "") -> Iterable[Listed]:
        """List page by page."""
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
        )
        while True:
            with _translated():
                page = next(pages, None)
            if page is None:
                return
            for entry in page.get("Contents", []):
                yield Listed(
                    entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"]
                )

    def now(self) -> datetime:
        """The `Date` of an answer."""
        headers = self._head_bucket()["ResponseMetadata"]["HTTPHeaders"]
        return parsedate_to_datetime(headers["date"])

    def ping(self) -> None:
        """HEAD of the bucket."""
        self._head_bucket()

    def _head_bucket(self) -> dict[str, Any]:
        with _translated({"404": StoreUnavailable, "NoSuchBucket": StoreUnavailable}):
            answer: dict[str, Any] = self._client.head_bucket(Bucket=self._bucket)
        return answer


class S3Chunks:
    """A body on its way from the store."""

    def __init__(self, body: Any, size_bytes: int) -> None:
        self._body = body
        self._left = size_bytes

    def __iter__(self) -> Iterator[bytes]:
        """The bytes; raises StoreUnavailable when fewer come than were promised."""
        while self._left > 0:
            with _translated():
                chunk = self._body.read(min(CHUNK_BYTES, self._left))
            if not chunk:
                raise StoreUnavailable("the body ended early")
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


@contextmanager
def _translated(meanings: Mapping[str, Callable[[str], Exception]] | None = None) -> Iterator[None]:
    """Foreign exceptions stop here; what has no meaning of ours is a store that cannot serve."""
    try:
        yield
    except ClientError as fault:
        code = fault.response.get("Error", {}).get("Code", "")
        meaning = {**_MEANINGS, **(meanings or {})}.get(code, StoreUnavailable)
        raise meaning(f"{code} in {fault.operation_name}") from fault
    except (BotoCoreError, HTTPError, OSError) as fault:
        raise StoreUnavailable(type(fault).__name__) from fault


def _md5(body: BinaryIO) -> str:
    """The Content-MD5 of a file, which is put back to where it stood."""
    start = body.tell()
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := body.read(CHUNK_BYTES):
        digest.update(chunk)
    body.seek(start)
    return b64encode(digest.digest()).decode()


def _version(answer: Mapping[str, Any]) -> str | None:
    version = answer.get("VersionId")
    return version if version and version != "null" else None


def _batches(entries: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Slices of at most `size`."""
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
