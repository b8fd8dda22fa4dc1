"""What crosses the RPC border, and what stays at home."""

import json

import pytest

from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import RemoteFault, TryLater, Unavailable
from services.kernel.messaging import rpc_wire


def _back(fault):
    return rpc_wire.read_answer(rpc_wire.failure(fault), "apply", "accept")


def test_a_refusal_arrives_as_it_was_raised():
    refusal = Refusal("quota-exceeded", "满了", {"limit": 3}, [{"pointer": "/a", "code": "x"}])

    with pytest.raises(Refusal) as caught:
        _back(refusal)

    assert caught.value.args == refusal.args


def test_what_the_neighbour_lacks_is_named():
    with pytest.raises(Unavailable) as caught:
        _back(Unavailable("database"))

    assert caught.value.component == "database"


def test_a_neighbour_that_asks_for_patience_is_unavailable():
    with pytest.raises(Unavailable) as caught:
        _back(TryLater())

    assert caught.value.component == "apply"


def test_a_foreign_fault_is_known_by_name_only():
    body = rpc_wire.failure(ValueError("910101199001011234"))

    assert b"910101199001011234" not in body
    with pytest.raises(RemoteFault, match=r"apply\.accept failed: ValueError"):
        rpc_wire.read_answer(body, "apply", "accept")


def test_an_answer_comes_back_unchanged():
    answer = {"items": [1, "二", None, 1.5, True]}

    assert rpc_wire.read_answer(rpc_wire.answer(answer), "apply", "read") == answer


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"args": []}'])
def test_what_is_no_question_is_told_apart(body):
    with pytest.raises(ValueError, match="not an RPC request"):
        rpc_wire.read_request(body)


def test_a_question_is_namekos():
    assert json.loads(rpc_wire.request({"a": 1})) == {"args": [], "kwargs": {"a": 1}}
