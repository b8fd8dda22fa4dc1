"""What is exported as a message can be taken in again, and says the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from services.kernel.contracts.declaration import Snapshot
from services.kernel.contracts.wire import to_builtins
from services.query import codes, intake
from services.render.products.data_xml import message_xml
from tests.support.render_samples import full_data, snapshot

SAMPLES = sorted((Path(__file__).parents[2] / "support" / "snapshots").glob("*.json"))
_OF_RECEIPTS = {"declared_on", "cleared_on", "pre_entry_id", "self_declared_tax"}


def _said(value):
    """What a message says: codes without their names, nothing of receipts."""
    if isinstance(value, list):
        return [_said(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _said(inner)
        for name, inner in value.items()
        if name not in _OF_RECEIPTS
        and not (name.endswith("_name") and f"{name[:-5]}_code" in value and name not in _PARTIES)
        and not (name == "name" and set(value) == {"code", "name"})
    }


_PARTIES = {"overseas_name"}  # a party's code and name are both its own


def _again(one: Snapshot):
    limits = intake.Limits(4 * 1024 * 1024, 32)
    return intake.read(message_xml(one), limits, codes.message_elements())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_comes_back(path):
    one = msgspec.json.decode(path.read_bytes(), type=Snapshot)
    message = _again(one)
    assert _said(to_builtins(message.data)) == _said(to_builtins(one.data))
    assert message.warnings == ()


@pytest.mark.parametrize("ie_flag", ["I", "E"])
def test_every_field_comes_back_in_both_directions(ie_flag):
    kind = "import_declaration" if ie_flag == "I" else "export_declaration"
    number = "530120261000000018" if ie_flag == "I" else "530120260000000018"
    one = snapshot(full_data(number, ie_flag=ie_flag, form_kind=kind), "CL")
    assert _said(to_builtins(_again(one).data)) == _said(to_builtins(one.data))
