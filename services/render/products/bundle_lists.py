"""The lists inside a bundle: 清单.csv, 清单.xlsx and bundle.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from services.kernel.calendar import ZONE
from services.render.products.data_csv import to_csv
from services.render.products.data_tables import Table
from services.render.products.data_xlsx import to_xlsx

if TYPE_CHECKING:
    from services.kernel.contracts.apply import BundleAccepted

_SCHEMA = "danzheng-bundle/1"
_SEALS = {"none": "无签章", "sealed": "有签章"}
_LABELS = ("申请编号", "报关单号", "签章", "文件", "字节数", "SHA-256")
_SKIPPED_LABELS = ("申请编号", "报关单号", "原因代码")


def draw_bundle_lists(order: BundleAccepted) -> dict[str, bytes]:
    """The lists by their names in the archive; the same order gives the same bytes."""
    listed = Table(
        "清单",
        _LABELS,
        tuple(
            (
                one.application_no,
                one.entry_id,
                _SEALS[one.seal],
                one.name,
                one.size_bytes,
                one.sha256,
            )
            for one in order.members
        ),
    )
    skipped = Table(
        "未包含",
        _SKIPPED_LABELS,
        tuple((one.application_no, one.entry_id, one.code) for one in order.skipped),
    )
    return {
        "清单.csv": to_csv(listed),
        "清单.xlsx": to_xlsx([listed, skipped], order.ordered_at),
        "bundle.json": _bundle_json(order),
    }


def _bundle_json(order: BundleAccepted) -> bytes:
    ordered_at = order.ordered_at.astimezone(ZONE).isoformat(timespec="milliseconds")
    value = {
        "schema": _SCHEMA,
        "bundle_id": order.bundle_id,
        "created_at": ordered_at,
        "items": [
            {
                "application_no": one.application_no,
                "entry_id": one.entry_id,
                "seal": one.seal,
                "name": one.name,
                "size": one.size_bytes,
                "sha256": one.sha256,
            }
            for one in order.members
        ],
        "skipped": [
            {"application_no": one.application_no, "entry_id": one.entry_id, "code": one.code}
            for one in order.skipped
        ],
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
