"""The printed form of a declaration as PDF, without seal (无签章) or with seal (有签章)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from services.kernel.calendar import ZONE
from services.kernel.contracts.declaration import Snapshot
from services.kernel.errors import PermanentFailure
from services.render.adapters.reportlab_engine import ReportlabEngine
from services.render.adapters.sealer import CmsSealer
from services.render.engine import Paper
from services.render.fonts import font_files
from services.render.products.form.content import content_of
from services.render.products.form.geometry import SHEET, read_geometry
from services.render.products.form.layout import Layout, compile_layout, margin_notes, stamp
from services.render.products.form.words import WORDS

if TYPE_CHECKING:
    from pathlib import Path

    from services.kernel.contracts.declaration import FormKind
    from services.render.engine import Stamp
    from services.render.sealing import SealMaterial

# Changes with everything that changes a document's bytes: geometry, words, fonts, libraries.
LAYOUT_VERSION = "form-2018/1"


@dataclass(frozen=True)
class FormJob:
    """One document to draw. `ordered_at` dates it; `check_url` is where the code is checked."""

    snapshot: Snapshot
    seal: Literal["none", "sealed"]
    ordered_at: datetime
    verification_code: str
    demo: bool
    check_url: str | None


@dataclass(frozen=True)
class DrawnDocument:
    """A finished PDF. `missing_characters` are printed as 〓 and copy right."""

    content: bytes
    pages: int
    missing_characters: list[str]
    seal_certificate_sha256: str | None


class FormPrinter:
    """Draws forms in one process. Opens fonts and key and compiles the four forms at once.

    Needs no network, no database and no clock: the same job gives the same bytes in any process.
    """

    def __init__(self, font_dir: Path, seal: SealMaterial | None) -> None:
        self._engine = ReportlabEngine(font_files(font_dir), SHEET)
        self._sealer = CmsSealer(seal) if seal else None
        self._geometry = read_geometry()
        self._layouts = {kind: self._compiled(kind) for kind in WORDS}

    def draw(self, job: FormJob) -> DrawnDocument:
        """The document of a job.

        Raises PermanentFailure: `source-missing` without goods, `seal-unavailable` when a seal is
        asked for and none was given.
        """
        data = job.snapshot.data
        if not data.goods:
            raise PermanentFailure("source-missing")
        sealer = self._sealer if job.seal == "sealed" else None
        if job.seal == "sealed" and sealer is None:
            raise PermanentFailure("seal-unavailable")
        paper = self._paper(job)
        composed = self._engine.compose(paper, sealer)
        return DrawnDocument(
            composed.content,
            len(paper.sheets),
            composed.missing_characters,
            sealer.certificate_sha256 if sealer else None,
        )

    def _paper(self, job: FormJob) -> Paper:
        content = content_of(job.snapshot)
        sealed = job.seal == "sealed"
        notes = margin_notes(job.verification_code, job.check_url, demo=job.demo, sealed=sealed)
        kind = job.snapshot.data.form_kind
        dated = job.ordered_at.astimezone(ZONE)
        return Paper(
            title=f"{WORDS[kind].title} {content.entry_id}",
            sheets=self._layouts[kind].sheets(content, notes),
            stamp=self._stamp(content.entry_id, dated) if sealed else None,
            dated=dated,
            identity=_identity(job),
        )

    def _stamp(self, entry_id: str, dated: datetime) -> Stamp:
        signed_at = f"{dated:%Y-%m-%d %H:%M:%S} +08:00"
        return stamp(self._geometry, entry_id, signed_at, self._engine.measure)

    def _compiled(self, kind: FormKind) -> Layout:
        layout = compile_layout(kind, self._geometry, self._engine.measure)
        self._engine.prepare([layout.first, layout.further])
        return layout


def _identity(job: FormJob) -> bytes:
    """Sixteen bytes that tell this document from every other."""
    facts = (
        LAYOUT_VERSION,
        job.snapshot.digest,
        job.seal,
        job.ordered_at.astimezone(ZONE).isoformat(),
        job.verification_code,
        str(job.demo),
        job.check_url or "",
    )
    return hashlib.sha256("\n".join(facts).encode()).digest()[:16]
