"""Whatever is sent, the door answers as its description says."""

import asyncio
import copy

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from services.kernel.contracts import apply, auth
from tests.contract.gateway.test_applications import operation
from tests.contract.gateway.test_files import bundle
from tests.support.gateway_door import (
    BASE_URL,
    BEARER,
    DOCUMENT,
    EXPIRES,
    HEX,
    MADE,
    NOW,
    PRINT_NO,
    TOKEN,
    Door,
    evidence,
    exported,
    found_declarations,
    item,
    printed,
    record,
    session,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def _for_anybody(document):
    """The description for a caller who is always logged in, as `answered` makes every one."""
    copied = copy.deepcopy(document)
    check = copied["paths"]["/api/v1/verifications"]["post"]["requestBody"]["content"]
    check.pop("application/pdf")  # random bytes are no PDF; that is proven elsewhere
    for operations in copied["paths"].values():
        for told in operations.values():
            told.pop("security", None)
    return copied


EXAMPLES = 3  # of each call; a longer search belongs to a soak
# the file calls answer bytes, which are proven elsewhere, and the stream does not end
schema = schemathesis.openapi.from_dict(_for_anybody(DOCUMENT)).exclude(
    path_regex="/(events|file|downloads/.*)$"
)


def view(number):
    return printed() if number.startswith("P") else exported()


def door():
    """A door before rooms that always say yes."""
    made = Door(calls_per_minute=10**9, logins_per_minute=10**9)
    made.rooms.script |= {
        "auth.challenge": auth.Challenge("chl_1", "AAEC", BASE_URL, ["ES256"], NOW),
        "auth.open_session": auth.OpenedSession(session(), TOKEN),
        "auth.lock": session("locked"),
        "auth.unlock": session(),
        "auth.end_session": None,
        "auth.check_submission": evidence(),
        "query.search": found_declarations(),
        "query.digests": {},
        "apply.replay": apply.Replay("new"),
        "apply.accept": lambda order, **_: printed() if order["kind"] == "print" else exported(),
        "apply.retry": lambda application_no, **_: view(application_no),
        "apply.read": lambda application_no, **_: view(application_no),
        "apply.search": lambda search, **_: apply.ApplicationPage(
            [printed() if search["kind"] == "print" else exported()], None, None, None
        ),
        "apply.search_items": apply.ItemPage([], None, None, None),
        "apply.read_item": apply.ItemRow(PRINT_NO, "sealed", MADE, item()),
        "apply.operations": apply.OperationPage([operation()], None, None, None),
        "apply.record_print_event": operation(action="print_dialog_opened"),
        "apply.usage": apply.Usage(1, 1, 1, 1),
        "apply.create_bundle": bundle(),
        "apply.read_bundle": bundle(),
        "apply.list_bundles": apply.BundlePage([bundle()], None, None, None),
        "apply.drop_bundle": None,
        "apply.issue_ticket": apply.Ticket("tkt_1", EXPIRES, 1, HEX),
        "apply.verify_code": record(),
        "apply.verify_sha256": None,
    }
    return made


async def answered(request):
    transport = httpx.ASGITransport(door().app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.request(
            request.method,
            request.url,
            content=request.body or b"",
            headers={**dict(request.headers), **BEARER},
        )


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
def test_every_answer_is_described(case):
    given = case.as_transport_kwargs(base_url=BASE_URL)
    request = requests.Request(**given).prepare()
    answer = asyncio.run(answered(request))
    case.validate_response(answer, checks=CHECKS)
