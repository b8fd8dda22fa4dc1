"""What the gateway calls exists, with these argument names."""

import json
import subprocess
import sys

SURFACE = {
    "ping": [],
    "replay": ["uscc", "path", "key", "content_sha256"],
    "accept": ["order", "evidence", "path", "key", "content_sha256"],
    "read": ["uscc", "application_no"],
    "search": ["uscc", "search"],
    "search_items": ["uscc", "search"],
    "read_item": ["uscc", "application_no", "entry_id"],
    "retry": ["uscc", "application_no", "entry_ids", "path", "key", "content_sha256"],
    "open_file": [
        "uscc",
        "application_no",
        "entry_id",
        "format",
        "purpose",
        "accept_partial",
        "record",
        "actor",
        "client",
    ],
    "record_print_event": ["uscc", "application_no", "entry_id", "event", "actor", "client"],
    "operations": ["uscc", "application_no", "entry_id", "limit", "cursor"],
    "usage": ["uscc"],
    "create_bundle": ["uscc", "pairs", "accept_partial", "path", "key", "content_sha256"],
    "read_bundle": ["uscc", "bundle_id"],
    "list_bundles": ["uscc", "limit", "cursor", "include_total"],
    "drop_bundle": ["uscc", "bundle_id"],
    "issue_ticket": ["uscc", "bundle_id", "actor"],
    "spend_ticket": ["ticket", "client", "spend"],
    "feed": ["uscc", "after", "application_nos", "limit"],
    "verify_code": ["code"],
    "verify_sha256": ["sha256"],
}

# in a child, since importing the kit patches the process
_LOOK = """
import inspect, json, warnings
warnings.simplefilter("ignore")
from services.kernel.messaging import nameko_kit
from services.apply.service import ApplyService
found = {}
for name, member in vars(ApplyService).items():
    kinds = [type(each).__name__ for each in getattr(member, "nameko_entrypoints", [])]
    if "Rpc" in kinds:
        found[name] = list(inspect.signature(member).parameters)[1:]
print(json.dumps(found))
"""


def test_the_rpc_surface_is_the_agreed_one():
    looked = subprocess.run(
        [sys.executable, "-c", _LOOK], check=True, capture_output=True, text=True
    )

    assert json.loads(looked.stdout.splitlines()[-1]) == SURFACE
