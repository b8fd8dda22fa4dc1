"""A register of declarations that finds every number: `python -m tests.support.register_room`.

A number ending in 9 is unknown, one ending in 8 is not finished at customs.
"""

from __future__ import annotations

from services.kernel.messaging import nameko_kit  # isort: skip  it patches first

import sys

from services.kernel import console
from services.kernel.contracts.query import SnapshotAnswer
from services.kernel.contracts.wire import to_builtins
from services.kernel.messaging.nameko_kit import rpc
from services.kernel.settings import ProcessSettings
from tests.support.apply_room import snapshot


class RegisterService:
    name = "query"

    @rpc
    def snapshots(self, uscc, entry_ids):
        return to_builtins([self._answer(entry_id) for entry_id in entry_ids])

    def _answer(self, entry_id):
        if entry_id.endswith("9"):
            return SnapshotAnswer(entry_id, found=False)
        outlook = "customs_unfinished" if entry_id.endswith("8") else None
        return SnapshotAnswer(entry_id, True, outlook, snapshot(entry_id))


if __name__ == "__main__":
    sys.exit(
        console.main(
            "query",
            sys.argv[1:],
            settings=ProcessSettings,
            serve=lambda settings: nameko_kit.run(RegisterService, settings),
        )
    )
