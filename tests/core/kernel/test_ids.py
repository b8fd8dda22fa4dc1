"""Identifiers sort by time and keep their forms."""

import uuid

from services.kernel import ids


def test_a_message_id_is_a_uuid_of_version_7():
    made = uuid.UUID(ids.uuid7())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_identifiers_made_later_sort_later():
    first = ids.uuid7()
    while (later := ids.uuid7())[:13] == first[:13]:
        continue
    assert later > first


def test_a_prefixed_identifier_is_a_ulid_behind_its_prefix():
    made = ids.prefixed("ses_")
    assert made.startswith("ses_")
    assert len(made) == len("ses_01KAQ7V5N3T8W2YB4C6D9E0FGH")
    assert len({ids.prefixed("ses_") for _ in range(1000)}) == 1000
