"""Every event has a listener, and every listener hears something that is said."""

import pytest

from services.kernel.contracts import events, registry
from services.kernel.messaging import topology

SAID = set(registry.known_types())
HEARD = {type_ for types in topology.HEARD_BY.values() for type_ in types}


def test_all_speakers_are_known():
    assert {module.__name__.rpartition(".")[2] for module in events.SPEAKERS} >= {
        type_.partition(".")[0] for type_ in SAID
    }


@pytest.mark.parametrize("type_", sorted(SAID))
def test_every_event_is_heard_by_a_room_a_gateway_or_outsiders(type_):
    assert type_ in HEARD | set(topology.LIVE_TYPES) | set(topology.OUTSIDE_TYPES)


def test_nobody_listens_for_what_is_never_said():
    listened = HEARD | set(topology.LIVE_TYPES) | set(topology.OUTSIDE_TYPES)

    assert listened - SAID == set()


def test_what_is_for_outsiders_says_why():
    assert all(len(reason) > 10 for reason in topology.OUTSIDE_TYPES.values())


def test_what_may_find_nobody_is_heard_by_no_room():
    assert not HEARD & topology.SPOKEN_TO_WHOEVER_IS_THERE


def test_every_queue_has_a_bound_and_survives_the_broker():
    for queue in topology.topology().queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        bounds = {"x-delivery-limit", "x-message-ttl", "x-max-length"}
        assert bounds & set(queue.arguments), queue.name


def test_what_is_parked_never_outlives_a_month():
    parked = [each for each in topology.topology().queues if each.name.endswith(".parked")]

    assert [each.arguments["x-message-ttl"] for each in parked] == [28 * 86_400_000] * 4


def test_equal_pauses_share_a_queue_and_other_pauses_get_another():
    names = {each.name for each in topology.topology((100, 100, 100, 200)).queues}

    assert {name for name in names if name.startswith("retry.")} == {"retry.100ms", "retry.200ms"}
