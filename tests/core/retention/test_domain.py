"""Ends, caps and proofs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.retention.domain import (
    FIRST_PROOF,
    ChainEnd,
    Deletion,
    ProvenDeletion,
    cap,
    differs,
    link,
    own_end,
    verify,
)

MADE_AT = datetime(2026, 1, 31, 7, 20, tzinfo=UTC)  # 15:20 in Shanghai


def test_a_document_ends_a_calendar_month_later_and_a_bundle_the_next_day():
    assert own_end("document", MADE_AT, "calendar-month") == datetime(
        2026, 2, 28, 7, 20, tzinfo=UTC
    )
    assert own_end("export", MADE_AT, "PT5S") == MADE_AT + timedelta(seconds=5)
    assert own_end("bundle", MADE_AT, "calendar-month") == MADE_AT + timedelta(hours=24)


@pytest.mark.parametrize(
    ("product", "step_s", "gap"),
    [
        ("document", 0, False),
        ("document", 0.5, False),
        ("document", 60, True),
        ("document", -60, True),
        ("bundle", -60, False),
        ("bundle", 60, True),
    ],
)
def test_a_bundle_may_end_early_and_nothing_else_may_differ(product, step_s, gap):
    own = MADE_AT + timedelta(days=1)
    assert differs(own + timedelta(seconds=step_s), own, product) is gap


@pytest.mark.parametrize(
    ("population", "allowed"), [(0, 1_000), (1_000, 1_000), (20_000, 1_000), (100_000, 5_000)]
)
def test_small_populations_have_a_floor_and_large_ones_a_share(population, allowed):
    assert cap(population, 0.05, 1_000) == allowed


def _chain(count):
    end = ChainEnd(0, FIRST_PROOF)
    links = []
    for number in range(1, count + 1):
        deletion = Deletion(
            number,
            f"art_{number}",
            "P1/1",
            ("a.pdf",),
            ("ab",),
            MADE_AT,
            MADE_AT,
            MADE_AT,
            "month-1",
        )
        proof = link(end.proof, deletion)
        links.append(ProvenDeletion(deletion, proof))
        end = ChainEnd(number, proof)
    return links


def test_a_whole_chain_holds_from_its_beginning_or_from_any_link():
    links = _chain(4)
    assert verify(ChainEnd(0, FIRST_PROOF), links).ok
    assert verify(ChainEnd(2, links[1].proof), links[2:]).head == links[-1].proof


@pytest.mark.parametrize("name", ["artifact_id", "subject", "object_keys", "sha256"])
def test_any_changed_fact_breaks_its_link(name):
    links = _chain(4)
    touched = replace(links[2].deletion, **{name: ("x",) if name[0] in "os" else "x"})
    links[2] = replace(links[2], deletion=touched)
    assert verify(ChainEnd(0, FIRST_PROOF), links).first_broken == 3


def test_a_rewritten_link_breaks_the_next_one():
    links = _chain(4)
    touched = replace(links[1].deletion, subject="P2/2")
    links[1] = ProvenDeletion(touched, link(links[0].proof, touched))
    assert verify(ChainEnd(0, FIRST_PROOF), links).first_broken == 3
