"""What rooms say today is what was promised, and what was said before is understood today."""

import json

import jsonschema
import pytest

from services.kernel.contracts import envelope, golden, registry

TYPES = sorted(registry.known_types())


def _stored(path):
    assert path.exists(), f"{path.name} is missing; `{golden.COMMAND}` writes it"
    return path.read_bytes()


@pytest.mark.parametrize("type_", TYPES)
def test_the_schema_is_the_one_that_was_promised(type_):
    stored = _stored(golden.SCHEMAS / f"{type_}.json")

    assert golden.schema_of(type_) == stored, f"`{golden.COMMAND}` rewrites it, if that is meant"


@pytest.mark.parametrize("type_", TYPES)
def test_todays_message_fits_the_stored_schema(type_):
    schema = json.loads(_stored(golden.SCHEMAS / f"{type_}.json"))

    jsonschema.validate(json.loads(golden.example_of(type_))["data"], schema)


@pytest.mark.parametrize("type_", TYPES)
def test_the_stored_message_is_understood_today(type_):
    stored = _stored(golden.EXAMPLES / f"{type_}.json")

    message = envelope.decode(stored)

    assert type(message.data) is registry.payload_class(type_)
    assert json.loads(envelope.encode(message)) == json.loads(stored)


def test_nothing_lies_there_that_belongs_to_no_type(capsys):
    assert golden.main(["--check"]) == 0, capsys.readouterr().out


def test_optional_members_may_be_missing_and_unknown_ones_are_kept_out():
    message = json.loads(_stored(golden.EXAMPLES / "render.document.made.v1.json"))
    del message["data"]["version_id"]
    message["data"]["invented_later"] = 1

    assert envelope.decode(json.dumps(message).encode()).data.version_id is None
