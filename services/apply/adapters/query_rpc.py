"""The register of declarations, asked over RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.kernel.contracts.query import SnapshotAnswer
from services.kernel.contracts.wire import from_builtins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.kernel.messaging.blocking_rpc import BlockingRpcClient

_LIMIT_S = 5.0  # an applicant waits for this; afterwards `upstream-down` is the better answer


class QueryDeclarations:
    """Asks query for frozen declarations."""

    def __init__(self, client: BlockingRpcClient) -> None:
        self._client = client

    def snapshots(self, uscc: str, entry_ids: Sequence[str]) -> list[SnapshotAnswer]:
        """One answer a number, in the order asked. Raises Unavailable after five seconds."""
        found = self._client.call(
            "query", "snapshots", limit_s=_LIMIT_S, uscc=uscc, entry_ids=list(entry_ids)
        )
        answers = {answer.entry_id: answer for answer in from_builtins(found, list[SnapshotAnswer])}
        return [
            answers.get(entry_id) or SnapshotAnswer(entry_id, found=False) for entry_id in entry_ids
        ]
