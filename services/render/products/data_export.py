"""The data files of an application: XLSX, CSV, JSON, XML, and all of them in a ZIP.

All come from the same snapshots. Their `made_at` is the moment of the order, so that the same job
gives the same bytes whenever and wherever it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from services.kernel.calendar import ZONE
from services.kernel.contracts.declaration import SCHEMA, Snapshot
from services.kernel.contracts.render import FailedEntry
from services.kernel.contracts.wire import to_builtins
from services.render.products import data_tables
from services.render.products.data_csv import to_csv
from services.render.products.data_xlsx import to_xlsx
from services.render.products.data_xml import DataDocument, message_xml, to_xml
from services.render.products.data_zip import to_zip

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPES = {
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xml": "application/xml",
}
_MANIFEST_SCHEMA = "danzheng-data-manifest/1"


@dataclass(frozen=True)
class ExportJob:
    """What is to be put into files: snapshots with goods, and the numbers that failed before."""

    application_no: str
    snapshots: Sequence[Snapshot]
    failed: Sequence[FailedEntry]
    ordered_at: datetime


def draw_export(job: ExportJob) -> dict[str, bytes]:
    """The bytes of each format: zip, xlsx, csv, json, xml."""
    made_at = job.ordered_at.astimezone(ZONE).isoformat(timespec="milliseconds")
    declarations = [snapshot.data for snapshot in job.snapshots]
    document = DataDocument(job.application_no, made_at, job.snapshots, job.failed)
    files = {
        "xlsx": to_xlsx(_sheets(job), job.ordered_at),
        "csv": to_csv(data_tables.flat_table(declarations)),
        "json": _data_json(job, made_at),
        "xml": to_xml(document),
    }
    return {"zip": _archive(job, made_at, files), **files}


def _sheets(job: ExportJob) -> list[data_tables.Table]:
    declarations = [snapshot.data for snapshot in job.snapshots]
    return [
        data_tables.declarations_table(declarations),
        data_tables.goods_table(declarations),
        data_tables.containers_table(declarations),
        data_tables.documents_table(declarations),
        data_tables.failed_table(job.failed),
        data_tables.dictionary_table(),
    ]


def _data_json(job: ExportJob, made_at: str) -> bytes:
    return _json(
        {
            "schema": SCHEMA,
            "application_no": job.application_no,
            "made_at": made_at,
            "declarations": [to_builtins(snapshot.data) for snapshot in job.snapshots],
            "failed": _failed(job),
        }
    )


def _failed(job: ExportJob) -> list[dict[str, str]]:
    return [{"entry_id": one.entry_id, "code": one.reason_code} for one in job.failed]


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _archive(job: ExportJob, made_at: str, files: Mapping[str, bytes]) -> bytes:
    members = {
        "报关单数据.xlsx": files["xlsx"],
        "报关单数据.csv": files["csv"],
        "报关单数据.json": files["json"],
        **{f"xml/{one.entry_id}.xml": message_xml(one) for one in job.snapshots},
        "字段说明.csv": to_csv(data_tables.dictionary_table()),
    }
    manifest = _json(
        {
            "schema": _MANIFEST_SCHEMA,
            "application_no": job.application_no,
            "made_at": made_at,
            "declarations": [
                {
                    "entry_id": one.entry_id,
                    "version": one.version,
                    "digest": one.digest,
                    "goods": len(one.data.goods),
                }
                for one in job.snapshots
            ],
            "failed": _failed(job),
            "files": [
                {
                    "name": name,
                    "size": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
                for name, content in members.items()
            ],
        }
    )
    return to_zip({**members, "manifest.json": manifest}, job.ordered_at)
