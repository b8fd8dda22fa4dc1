"""From an order to a stored file and the fact of it: document, export, bundle.

What a try stores carries its own facts as metadata. A later try that finds the object takes them
from there, so that a fact about a file is the same however often it is said.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO

from services.kernel.calendar import expiry
from services.kernel.clock import Clock
from services.kernel.contracts import render as facts
from services.kernel.contracts.apply import BundleAccepted, ExportAccepted, ItemAccepted
from services.kernel.errors import PermanentFailure
from services.kernel.storage.port import (
    CHUNK_BYTES,
    AlreadyStored,
    Head,
    NotStored,
    ObjectChanged,
    ObjectStore,
)
from services.render import metrics
from services.render.domain import SOURCE_MISSING, DrawnDocument, Lifetime, Made
from services.render.ports import Drawing
from services.render.products.data_export import MEDIA_TYPES
from services.render.products.data_zip import CHECKSUMS, checksums, member

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.kernel.contracts.apply import BundleMember

_PDF = "application/pdf"
_BUNDLE_LIFETIME = timedelta(hours=24)
# the first one stored dates all files of an export, also those of a later try; the archive of all
# comes last
_EXPORT_ORDER = ("xlsx", "csv", "json", "xml", "zip")
_FOREIGN = "foreign-object"


@dataclass(frozen=True)
class Makers:
    """Makes what is ordered, by children that draw and a store that keeps."""

    drawing: Drawing
    store: ObjectStore
    clock: Clock
    scratch_dir: Path | None = None

    def make(self, order: ItemAccepted | ExportAccepted | BundleAccepted, attempts: int) -> Made:
        """The fact of the made file. Raises PermanentFailure when it can never be made."""
        if isinstance(order, ItemAccepted):
            return self._document(order, attempts)
        if isinstance(order, ExportAccepted):
            return self._export(order, attempts)
        return self._bundle(order)

    def _document(self, order: ItemAccepted, attempts: int) -> facts.DocumentMade:
        if not order.snapshot.data.goods:
            raise PermanentFailure(SOURCE_MISSING)
        with metrics.stage_seconds.labels("draw").time():
            drawn = self.drawing.document(order)
        made_at = self.clock.now()
        lifetime = Lifetime(made_at, expiry(made_at, order.lifetime, order.zone))
        head = self._stored(
            order.object_key, drawn.content, _PDF, _document_metadata(drawn, lifetime)
        )
        return _document_made(order, head, attempts, drawn.render_ms)

    def _export(self, order: ExportAccepted, attempts: int) -> facts.ExportMade:
        failed = failed_entries(order)
        if len(failed) == len(order.entries) + len(order.failed):
            raise PermanentFailure(SOURCE_MISSING)
        with metrics.stage_seconds.labels("draw").time():
            drawn = self.drawing.export(order, failed)
        made_at = self.clock.now()
        lifetime = Lifetime(made_at, expiry(made_at, order.lifetime, order.zone))
        files: dict[str, facts.ExportFile] = {}
        for format_ in _EXPORT_ORDER:
            key = order.object_keys[format_]
            metadata = {"sha256": drawn.sha256[format_], **_dates(lifetime)}
            head = self._stored(key, drawn.contents[format_], MEDIA_TYPES[format_], metadata)
            lifetime = _lifetime(head)
            files[format_] = facts.ExportFile(
                format_, key, head.etag, _told(head, "sha256"), head.size_bytes, head.version_id
            )
        return facts.ExportMade(
            application_no=order.application_no,
            revision=order.revision,
            uscc=order.uscc,
            files=[files[format_] for format_ in MEDIA_TYPES],
            failed=failed,
            attempts=attempts,
            made_at=lifetime.made_at,
            expires_at=lifetime.expires_at,
        )

    def _bundle(self, order: BundleAccepted) -> facts.BundleMade:
        with TemporaryFile(dir=self.scratch_dir) as scratch:
            self._put_together(order, scratch)
            sha256 = _digest(scratch)
            made_at = self.clock.now()
            expires_at = min(made_at + _BUNDLE_LIFETIME, order.members_until)
            metadata = {"sha256": sha256, **_dates(Lifetime(made_at, expires_at))}
            scratch.seek(0)
            head = self._stored(order.object_key, scratch, MEDIA_TYPES["zip"], metadata)
        lifetime = _lifetime(head)
        return facts.BundleMade(
            bundle_id=order.bundle_id,
            uscc=order.uscc,
            object_key=order.object_key,
            etag=head.etag,
            sha256=_told(head, "sha256"),
            size_bytes=head.size_bytes,
            made_at=lifetime.made_at,
            expires_at=lifetime.expires_at,
            version_id=head.version_id,
        )

    def _put_together(self, order: BundleAccepted, target: BinaryIO) -> None:
        """Write the archive: one member at a time goes through memory in small pieces."""
        lists = self.drawing.bundle_lists(order)
        digests = {one.name: one.sha256 for one in order.members}
        digests |= {name: lists.sha256[name] for name in lists.contents}
        with zipfile.ZipFile(target, "w") as archive:
            for one in order.members:
                self._copy(one, archive, order.ordered_at)
            for name, content in {**lists.contents, CHECKSUMS: checksums(digests)}.items():
                archive.writestr(member(name, order.ordered_at), content)

    def _copy(self, one: BundleMember, archive: zipfile.ZipFile, dated: datetime) -> None:
        info = member(one.name, dated)
        info.file_size = one.size_bytes
        digest = hashlib.sha256()
        try:
            with (
                self.store.open(one.object_key, etag=one.etag) as chunks,
                archive.open(info, "w") as entry,
            ):
                for chunk in chunks:
                    digest.update(chunk)
                    entry.write(chunk)
        except (NotStored, ObjectChanged) as fault:
            raise PermanentFailure(SOURCE_MISSING, one.object_key) from fault
        if digest.hexdigest() != one.sha256:
            raise PermanentFailure(SOURCE_MISSING, f"{one.object_key} is not what was made")

    def _stored(
        self, key: str, body: bytes | BinaryIO, content_type: str, metadata: Mapping[str, str]
    ) -> Head:
        """Store, or find what an earlier try stored; answers what the store holds."""
        with metrics.stage_seconds.labels("store").time():
            try:
                stored = self.store.put_new(key, body, content_type=content_type, metadata=metadata)
            except AlreadyStored:
                metrics.wasted.inc()
                return self._found(key)
        return Head(
            stored.etag,
            _size_bytes(body),
            content_type,
            metadata,
            self.clock.now(),
            stored.version_id,
        )

    def _found(self, key: str) -> Head:
        head = self.store.head(key)
        if head is None:
            raise PermanentFailure(_FOREIGN, f"{key} was there and is gone")
        return head


def failed_entries(order: ExportAccepted) -> list[facts.FailedEntry]:
    """The numbers without data: those known before, and those without goods."""
    known = [facts.FailedEntry(one.entry_id, one.code) for one in order.failed]
    empty = [
        facts.FailedEntry(one.entry_id, SOURCE_MISSING)
        for one in order.entries
        if not one.snapshot.data.goods
    ]
    return known + empty


def _document_metadata(drawn: DrawnDocument, lifetime: Lifetime) -> dict[str, str]:
    return {
        "sha256": drawn.sha256,
        "crc32": str(drawn.crc32),
        "pages": str(drawn.pages),
        "layout-version": drawn.layout_version,
        "seal-certificate-sha256": drawn.seal_certificate_sha256 or "",
        **_dates(lifetime),
    }


def _document_made(
    order: ItemAccepted, head: Head, attempts: int, render_ms: float
) -> facts.DocumentMade:
    lifetime = _lifetime(head)
    return facts.DocumentMade(
        application_no=order.application_no,
        entry_id=order.entry_id,
        revision=order.revision,
        uscc=order.uscc,
        seal=order.seal,
        object_key=order.object_key,
        etag=head.etag,
        sha256=_told(head, "sha256"),
        crc32=int(_told(head, "crc32")),
        size_bytes=head.size_bytes,
        pages=int(_told(head, "pages")),
        verification_code=order.verification_code,
        layout_version=_told(head, "layout-version"),
        reused=False,
        attempts=attempts,
        made_at=lifetime.made_at,
        expires_at=lifetime.expires_at,
        render_ms=render_ms,
        seal_certificate_sha256=head.metadata.get("seal-certificate-sha256") or None,
        version_id=head.version_id,
    )


def _dates(lifetime: Lifetime) -> dict[str, str]:
    return {
        "made-at": lifetime.made_at.isoformat(),
        "expires-at": lifetime.expires_at.isoformat(),
    }


def _lifetime(head: Head) -> Lifetime:
    return Lifetime(
        datetime.fromisoformat(_told(head, "made-at")),
        datetime.fromisoformat(_told(head, "expires-at")),
    )


def _told(head: Head, name: str) -> str:
    """A fact that render wrote beside the object. Raises PermanentFailure if another wrote it."""
    if name not in head.metadata:
        raise PermanentFailure(_FOREIGN, f"the object found does not tell its {name}")
    return head.metadata[name]


def _size_bytes(body: bytes | BinaryIO) -> int:
    return len(body) if isinstance(body, bytes) else body.seek(0, os.SEEK_END)


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
