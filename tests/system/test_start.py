"""What a start leaves for clients from outside: they need `.local/env` and `sandbox.json` alone."""

from __future__ import annotations

import json
import stat
import subprocess
import urllib.request
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit

import amqp
import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox import ROOT, Sandbox, started_sandbox

SERVICES = ("auth", "query", "apply", "render", "retention")
SPECIAL_PRINTS = {"customs_unfinished", "unsupported_version", "failed"}


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return started_sandbox()


@pytest.fixture(scope="module")
def folder(sandbox) -> Path:
    return Path(sandbox.env["DANZHENG_SANDBOX"]).parent


def psql(url: str, query: str) -> subprocess.CompletedProcess[str]:
    command = ["psql", url, "-Atc", query]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def s3(endpoint_url: str, key: str, secret: str):
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )


def listening(process: psutil.Process) -> set[str]:
    try:
        lines = process.net_connections("inet")
    except psutil.NoSuchProcess:
        return set()  # a child for one connection, ended meanwhile
    return {line.laddr.ip for line in lines if line.status == psutil.CONN_LISTEN}


def test_every_kind_of_process_is_there_and_well(sandbox):
    rows = sandbox.processes()
    kinds = [row["kind"] for row in rows]
    assert set(kinds) == {*SERVICES, "gateway", "rabbitmq", "epmd", "postgres", "store"}
    assert kinds.count("render") == 2
    assert [row for row in rows if row["health"] != "ok" or not row["pid"]] == []


def test_everything_listens_on_loopback_alone(sandbox):
    started = [psutil.Process(row["pid"]) for row in sandbox.processes()]
    family = [child for process in started for child in (process, *process.children(True))]
    addresses = {address for process in family for address in listening(process)}
    assert addresses <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in addresses


@pytest.mark.parametrize("service", SERVICES)
def test_psql_reaches_a_services_database_and_no_other(sandbox, service):
    url = sandbox.env[f"DATABASE_URL_{service.upper()}"]
    assert psql(url, "select current_user || ' ' || current_database()").stdout == (
        f"{service} {service}\n"
    )
    other = SERVICES[SERVICES.index(service) - 1]
    refused = psql(f"{url.rpartition('/')[0]}/{other}", "select 1")
    assert refused.returncode != 0
    assert "permission denied for database" in refused.stderr


def test_pages_of_the_databases_carry_checksums_and_passwords_are_scram(sandbox):
    url = sandbox.env["DATABASE_URL_AUTH"]
    assert psql(url, "show data_checksums").stdout == "on\n"
    assert psql(url, "show password_encryption").stdout == "scram-sha-256\n"
    without = urlsplit(url)._replace(netloc=f"auth@{urlsplit(url).netloc.rpartition('@')[2]}")
    assert psql(without.geturl() + "?passfile=/dev/null", "select 1").returncode != 0


def test_the_bucket_is_private_and_has_its_net(sandbox):
    env = sandbox.env
    client = s3(env["S3_ENDPOINT_URL"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    rules = client.get_bucket_lifecycle_configuration(Bucket=env["S3_BUCKET"])["Rules"]
    assert {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules} == {
        "documents/": 45,
        "exports/": 45,
        "bundles/": 45,
    }
    assert {rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] for rule in rules} == {1}
    client.close()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{env['S3_ENDPOINT_URL']}/{env['S3_BUCKET']}/", timeout=10)


def test_the_gateways_key_reads_and_cannot_write(sandbox, folder):
    secret = json.loads((folder / "secrets.json").read_text())["s3:gateway"]
    client = s3(sandbox.env["S3_ENDPOINT_URL"], "danzheng-gateway", secret)
    client.head_bucket(Bucket=sandbox.env["S3_BUCKET"])
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=sandbox.env["S3_BUCKET"], Key="documents/x", Body=b"x")
    client.close()


def test_a_services_broker_login_reads_no_other_services_inbox(sandbox, folder):
    address = urlsplit(sandbox.env["AMQP_URI"])
    password = json.loads((folder / "secrets.json").read_text())["amqp:auth"]
    connection = amqp.Connection(
        f"{address.hostname}:{address.port}",
        userid="auth",
        password=password,
        virtual_host=address.path[1:],
        login_method="PLAIN",
    )
    connection.connect()
    with pytest.raises(amqp.AccessRefused):
        connection.channel().basic_get("apply.inbox")
    connection.close()


def test_the_management_address_answers_its_login(sandbox):
    address = urlsplit(sandbox.env["AMQP_MANAGEMENT_URL"])
    host = address.netloc.rpartition("@")[2]
    login = b64encode(unquote(f"{address.username}:{address.password}").encode()).decode()
    request = urllib.request.Request(
        f"{address.scheme}://{host}/api/queues/danzheng",
        headers={"Authorization": f"Basic {login}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        names = {queue["name"]: queue["type"] for queue in json.load(answer)}
    assert names["customs.feed"] == names["render.inbox"] == names["apply.inbox"] == "quorum"


def test_every_process_tells_its_metrics(sandbox):
    urls = {name: url for name, url in sandbox.env.items() if name.startswith("METRICS_URL_")}
    assert set(urls) == {
        f"METRICS_URL_{name}"
        for name in ("AUTH", "QUERY", "APPLY", "RENDER_1", "RENDER_2", "RETENTION", "GATEWAY")
    }
    for url in urls.values():
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b"danzheng_" in answer.read()


def test_files_with_secrets_are_the_owners_alone(folder):
    for name in ("env", "sandbox.json", "secrets.json", "engines.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_the_sandbox_file_says_what_the_api_promises(sandbox):
    facts = sandbox.facts
    assert set(facts) == {
        "base_url",
        "origin",
        "cards",
        "declarations",
        "applications",
        "seal_trust_anchor_pem",
    }
    assert facts["base_url"] == facts["origin"] == sandbox.env["GATEWAY_URL"]
    rows = facts["declarations"]
    assert all((ROOT / row["source_file"]).is_file() for row in rows)
    good = {"expect_print": "ready", "expect_export": "ready", "in_query": True}
    assert len(sandbox.declarations("company-a", **good)) >= 60
    assert len(sandbox.declarations("company-b", **good)) >= 3
    mine = [row for row in rows if row["owner"] == "company-a"]
    assert {row["expect_print"] for row in mine} >= SPECIAL_PRINTS
    assert {row["expect_export"] for row in mine} >= {"failed"}
    [expired] = facts["applications"]
    assert expired["expired"] is True
    assert expired["entry_id"] in sandbox.declarations("company-a")
    assert "BEGIN CERTIFICATE" in facts["seal_trust_anchor_pem"]
