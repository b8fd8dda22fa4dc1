"""Drawing by children: the parent hands over a task and gets the finished bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services.render.drawer import BundleListsTask, DocumentTask, ExportTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.kernel.children import Children
    from services.kernel.contracts.apply import BundleAccepted, ExportAccepted, ItemAccepted
    from services.kernel.contracts.render import FailedEntry
    from services.render.domain import DrawnDocument, DrawnFiles

log = structlog.get_logger(__name__)


class ChildDrawing:
    """Draws in child processes; any thread may call."""

    def __init__(self, children: Children) -> None:
        self._children = children

    def document(self, order: ItemAccepted) -> DrawnDocument:
        """The printed form."""
        drawn: DrawnDocument = self._children.run(DocumentTask(order))
        if drawn.missing:
            log.warning("characters_missing", subject=order.entry_id, count=drawn.missing)
        return drawn

    def export(self, order: ExportAccepted, failed: Sequence[FailedEntry]) -> DrawnFiles:
        """The data files."""
        drawn: DrawnFiles = self._children.run(ExportTask(order, failed))
        return drawn

    def bundle_lists(self, order: BundleAccepted) -> DrawnFiles:
        """The lists of a bundle."""
        drawn: DrawnFiles = self._children.run(BundleListsTask(order))
        return drawn
