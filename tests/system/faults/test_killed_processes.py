"""Any one process may die at any moment: nothing accepted is lost, nothing is made twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import suppress

import boto3
import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.support.outsider import Outsider
from tests.support.sandbox import Sandbox, started_sandbox

ITEMS_A_RUN = 200
SETTLED_WITHIN_S = 120


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return started_sandbox()


@pytest.fixture
def clerk(sandbox):
    outsider = Outsider(sandbox.base_url, sandbox.card("company-a"))
    assert outsider.log_in().status_code == 201
    yield outsider
    outsider.close()


@pytest.fixture
def bucket(sandbox):
    client = boto3.client(
        "s3",
        endpoint_url=sandbox.env["S3_ENDPOINT_URL"],
        aws_access_key_id=sandbox.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=sandbox.env["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    yield lambda prefix: [
        entry["Key"]
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=sandbox.env["S3_BUCKET"], Prefix=prefix
        )
        for entry in page.get("Contents", [])
    ]
    client.close()


def hand_in(sandbox: Sandbox, clerk: Outsider) -> dict[str, list[str]]:
    """200 items in four applications; application number to its numbers."""
    numbers = sandbox.declarations("company-a", expect_print="ready")[:50]
    taken = {}
    for _ in range(ITEMS_A_RUN // 50):
        answer = clerk.apply(numbers, "none")
        assert answer.status_code == 202, answer.text
        taken[answer.json()["application_no"]] = numbers
    return taken


def finished(clerk: Outsider, application_no: str) -> dict:
    """The application at its end; a call that meets the dead process is made again."""
    until = time.monotonic() + SETTLED_WITHIN_S
    while True:
        with suppress(httpx.TransportError):
            answer = clerk.get(f"/print-applications/{application_no}")
            if answer.status_code == 200 and answer.json()["state"] == "finished":
                return answer.json()
        assert time.monotonic() < until, f"{application_no} is still making"
        time.sleep(0.2)


def still_making(clerk: Outsider, taken: dict[str, list[str]]) -> int:
    last = list(taken)[-1]
    return clerk.get(f"/print-applications/{last}").json()["progress"]["making"]


def healthy_again(sandbox: Sandbox, name: str, dead: int) -> None:
    until = time.monotonic() + 60
    while True:
        row = next(row for row in sandbox.processes() if row["name"] == name)
        if row["pid"] not in {None, dead} and row["health"] == "ok":
            return
        assert time.monotonic() < until, f"{name} did not come back: {row}"
        time.sleep(0.5)


@pytest.mark.parametrize(
    "kind",
    [
        "auth",
        "query",
        "apply",
        "render",
        "retention",
        "gateway",
        "rabbitmq",
        "epmd",
        "postgres",
        "store",
    ],
)
def test_a_killed_process_loses_nothing_and_doubles_nothing(sandbox, clerk, bucket, kind):
    victim = next(row for row in sandbox.processes() if row["kind"] == kind)
    taken = hand_in(sandbox, clerk)
    assert still_making(clerk, taken) > 0, "everything was made before the blow"
    os.kill(victim["pid"], signal.SIGKILL)
    healthy_again(sandbox, victim["name"], victim["pid"])
    for application_no, numbers in taken.items():
        view = finished(clerk, application_no)
        made = {item["entry_id"] for item in view["items"] if item["status"].endswith("_ready")}
        assert made == set(numbers)
    for application_no, numbers in taken.items():
        objects = Counter(key.split("/")[2] for key in bucket(f"documents/{application_no}/"))
        assert objects == Counter(numbers)
    assert jobs(sandbox, list(taken)) == ITEMS_A_RUN


def jobs(sandbox: Sandbox, application_nos: list[str]) -> int:
    """How many render jobs are on record for these applications."""
    address = sandbox.env["DATABASE_URL_RENDER"].replace("postgresql://", "postgresql+psycopg2://")
    engine = create_engine(address)
    with engine.connect() as connection:
        found = connection.scalar(
            text("select count(*) from jobs where split_part(subject, '/', 1) = any(:numbers)"),
            {"numbers": application_nos},
        )
    engine.dispose()
    return int(found or 0)


def test_the_gateway_is_reachable_after_all_that(sandbox):
    assert httpx.get(f"{sandbox.base_url}/api/v1/health/ready").json()["status"] == "ok"
