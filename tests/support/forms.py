"""Snapshots and printers for the tests of the form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.kernel.contracts.declaration import Snapshot
from services.render.products.declaration_form import FormJob

FONT_DIR = Path(__file__).parents[2] / ".local" / "fonts"
ORDERED_AT = datetime(2026, 11, 23, 2, 15, 33, tzinfo=UTC)
CODE = "7K3M9QW2XR5T8V1B4N6P0D2H"
_SNAPSHOTS = Path(__file__).with_name("snapshots")


def snapshot(number: str) -> Snapshot:
    """A sample declaration by its two digits."""
    (path,) = _SNAPSHOTS.glob(f"{number}_*.json")
    return msgspec.json.decode(path.read_bytes(), type=Snapshot)


def sample_numbers() -> list[str]:
    return sorted(path.name[:2] for path in _SNAPSHOTS.glob("*.json"))


def changed(number: str, **fields: Any) -> Snapshot:
    """A sample with other data."""
    sample = snapshot(number)
    return replace(sample, data=replace(sample.data, **fields))


def job(sample: Snapshot, seal: str = "none", **fields: Any) -> FormJob:
    """A print job for a sample."""
    facts = {"ordered_at": ORDERED_AT, "verification_code": CODE, "demo": True, "check_url": None}
    return FormJob(sample, seal, **(facts | fields))
