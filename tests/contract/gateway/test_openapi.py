"""The description that is kept with the code."""

import json

import pytest

from gateway.__main__ import DOCUMENT, described
from gateway.app import ROUTERS
from gateway.web import pages

CALLS = """
POST /auth/challenges
POST /auth/sessions
DELETE /auth/sessions/current
PUT /auth/sessions/current/card
POST /auth/sessions/current/unlock
GET /me
GET /declarations
POST /entry-id-lists
POST /print-applications
GET /print-applications
GET /print-applications/{application_no}
GET /print-items
GET /print-applications/{application_no}/items/{entry_id}
GET /print-applications/{application_no}/items/{entry_id}/file
POST /print-applications/{application_no}/items/{entry_id}/print-events
GET /print-applications/{application_no}/items/{entry_id}/operations
POST /print-applications/{application_no}/retries
POST /export-applications
GET /export-applications
GET /export-applications/{application_no}
GET /export-applications/{application_no}/file
GET /export-applications/{application_no}/operations
POST /export-applications/{application_no}/retries
POST /bundles
GET /bundles
GET /bundles/{bundle_id}
DELETE /bundles/{bundle_id}
POST /bundles/{bundle_id}/tickets
GET /downloads/{ticket}
GET /events
POST /verifications
GET /verifications/{code}
GET /data-dictionary
GET /openapi.json
GET /health/live
GET /health/ready
"""


@pytest.fixture(scope="module")
def document():
    return json.loads(described())


def test_the_kept_description_is_that_of_the_code():
    assert DOCUMENT.read_text(encoding="utf-8") == described(), "stale: run `make openapi`"


def test_every_call_of_the_interface_is_described_and_no_other(document):
    told = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert told == set(CALLS.strip().splitlines())
    assert document["openapi"].startswith("3.1")


def test_every_reference_leads_somewhere(document):
    text = json.dumps(document)
    for piece in text.split('"#/components/schemas/')[1:]:
        assert piece.partition('"')[0] in document["components"]["schemas"]


def test_every_call_tells_of_broken_rules_and_calls_with_a_session_of_their_refusals(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            told = set(operation["responses"])
            assert {"422", "500", "503"} <= told, path
            if "security" in operation:
                assert {"401", "403", "429"} <= told, path


def test_operation_ids_are_unique(document):
    ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))


def test_pages_are_not_described(document):
    assert pages.calls in ROUTERS
    assert all(path.startswith("/api/v1/") for path in document["paths"])
