"""What runs inside a child: fonts, key and layouts are opened once, then it draws job after job.

No network, no database, no clock but a stopwatch.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.kernel.contracts.apply import BundleAccepted, ExportAccepted, ItemAccepted
from services.kernel.contracts.render import FailedEntry
from services.render.domain import DrawnDocument, DrawnFiles
from services.render.products.bundle_lists import draw_bundle_lists
from services.render.products.data_export import ExportJob, draw_export
from services.render.products.declaration_form import LAYOUT_VERSION, FormJob, FormPrinter
from services.render.sealing import SealMaterial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class SealPaths:
    """Where the seal lies; each child reads it by itself, so no key travels."""

    key: Path
    certificate: Path
    chain: Path


@dataclass(frozen=True)
class DrawerSpec:
    """What a child needs to get warm."""

    font_dir: Path
    seal: SealPaths | None
    demo: bool
    check_url: str | None


@dataclass(frozen=True)
class DocumentTask:
    """Draw a printed form."""

    order: ItemAccepted


@dataclass(frozen=True)
class ExportTask:
    """Draw the data files of the snapshots that have goods."""

    order: ExportAccepted
    failed: Sequence[FailedEntry]


@dataclass(frozen=True)
class BundleListsTask:
    """Draw the lists of a bundle."""

    order: BundleAccepted


def make_drawer(spec: DrawerSpec) -> Callable[[Any], DrawnDocument | DrawnFiles]:
    """Get warm; answers the function that draws a task."""
    return _Drawer(spec).draw


class _Drawer:
    def __init__(self, spec: DrawerSpec) -> None:
        seal = spec.seal
        material = SealMaterial.read(seal.key, seal.certificate, seal.chain) if seal else None
        self._printer = FormPrinter(spec.font_dir, material)
        self._spec = spec

    def draw(self, task: DocumentTask | ExportTask | BundleListsTask) -> DrawnDocument | DrawnFiles:
        """What the task asks for."""
        if isinstance(task, DocumentTask):
            return self._document(task.order)
        if isinstance(task, ExportTask):
            return _files(draw_export(_export_job(task)))
        return _files(draw_bundle_lists(task.order))

    def _document(self, order: ItemAccepted) -> DrawnDocument:
        begun = time.perf_counter()
        drawn = self._printer.draw(
            FormJob(
                snapshot=order.snapshot,
                seal=order.seal,
                ordered_at=order.ordered_at,
                verification_code=order.verification_code,
                demo=self._spec.demo,
                check_url=self._spec.check_url,
            )
        )
        return DrawnDocument(
            content=drawn.content,
            sha256=hashlib.sha256(drawn.content).hexdigest(),
            crc32=zlib.crc32(drawn.content),
            pages=drawn.pages,
            missing=len(drawn.missing_characters),
            seal_certificate_sha256=drawn.seal_certificate_sha256,
            layout_version=LAYOUT_VERSION,
            render_ms=round((time.perf_counter() - begun) * 1000, 3),
        )


def _export_job(task: ExportTask) -> ExportJob:
    failed = {one.entry_id for one in task.failed}
    snapshots = [one.snapshot for one in task.order.entries if one.entry_id not in failed]
    return ExportJob(task.order.application_no, snapshots, task.failed, task.order.ordered_at)


def _files(contents: Mapping[str, bytes]) -> DrawnFiles:
    return DrawnFiles(
        contents, {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    )
