"""Fresh corners of the real parts for a test: a database, a virtual host, a bucket.

The running parts are named by the file `.local/engines.json` (or by `DANZHENG_ENGINES`), which the
local start writes. Where they are missing a test is skipped, and fails when `CI` is set.
"""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
import uuid
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Engines:
    """Where the real parts are, with administrators' rights."""

    postgres_admin_url: str
    amqp_admin_uri: str
    amqp_management_url: str
    s3_endpoint_url: str
    s3_access_key_id: str
    s3_secret_access_key: str


def running_engines() -> Engines:
    """The real parts that run here; skips the test (fails it in CI) when there are none."""
    path = Path(os.environ.get("DANZHENG_ENGINES", ".local/engines.json"))
    if not path.exists():
        message = f"no real parts: {path} is missing; `make engines` starts them"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return Engines(**json.loads(path.read_text()))


def fresh_database(engines: Engines) -> Iterator[str]:
    """The SQLAlchemy address of an empty database that is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    admin = create_engine(engines.postgres_admin_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    url = make_url(engines.postgres_admin_url).set(database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def fresh_vhost(engines: Engines) -> Iterator[str]:
    """The AMQP address of an empty virtual host that is deleted afterwards."""
    name = f"test-{uuid.uuid4().hex}"
    user = urllib.parse.urlsplit(engines.amqp_admin_uri).username or "guest"
    manage(engines, "PUT", f"/api/vhosts/{name}")
    manage(
        engines,
        "PUT",
        f"/api/permissions/{name}/{user}",
        {"configure": ".*", "write": ".*", "read": ".*"},
    )
    try:
        yield urllib.parse.urlsplit(engines.amqp_admin_uri)._replace(path=f"/{name}").geturl()
    finally:
        manage(engines, "DELETE", f"/api/vhosts/{name}")


def manage(engines: Engines, method: str, path: str, body: object = None) -> object:
    """Call the broker's management API; answers its JSON or None."""
    address = urllib.parse.urlsplit(engines.amqp_management_url)
    host = address.netloc.rpartition("@")[2]
    login = urllib.parse.unquote(f"{address.username}:{address.password}")
    request = urllib.request.Request(
        f"{address.scheme}://{host}{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={
            "Authorization": "Basic " + b64encode(login.encode()).decode(),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def fresh_bucket(engines: Engines) -> Iterator[str]:
    """The name of an empty bucket that is emptied and deleted afterwards."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=engines.s3_endpoint_url,
        aws_access_key_id=engines.s3_access_key_id,
        aws_secret_access_key=engines.s3_secret_access_key,
        region_name="us-east-1",
    )
    name = f"test-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    try:
        yield name
    finally:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for entry in page.get("Contents", []):
                client.delete_object(Bucket=name, Key=entry["Key"])
        client.delete_bucket(Bucket=name)
        client.close()
