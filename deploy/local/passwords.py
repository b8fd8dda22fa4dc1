"""Secrets of one running system: random, made on the first start, readable by the owner alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local.places import write_private

if TYPE_CHECKING:
    from deploy.local.places import Place


@dataclass(frozen=True, repr=False)
class Passwords:
    """Passwords by the name of what they open."""

    by_name: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.by_name[name]


def read_passwords(place: Place, names: tuple[str, ...]) -> Passwords:
    """The passwords of `names`; those not made yet are made and kept in `secrets.json`."""
    path = place.path("secrets.json")
    known = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: secrets.token_urlsafe(24) for name in names if name not in known}
    if missing:
        write_private(path, json.dumps(known | missing, indent=2))
    return Passwords(known | missing)
