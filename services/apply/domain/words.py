"""The Chinese words of statuses and reasons, and the sentences made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.kernel.calendar import ZONE
from services.kernel.contracts.apply import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.kernel.contracts.apply import Kind

PRINT_STATUSES: dict[str, tuple[str | None, str]] = {
    "unsealed_ready": ("0", "无签章已生成"),
    "sealed_ready": ("1", "有签章已生成"),
    "customs_unfinished": ("2", "海关作业流程未完结"),
    "making": ("3", "制作中"),
    "unsupported_version": ("4", "旧版本暂不支持"),
    "failed": ("6", "制作失败"),
}
EXPORT_STATUSES: dict[str, tuple[str | None, str]] = {
    "making": (None, "生成中"),
    "ready": ("1", "数据已生成"),
    "failed": ("2", "数据生成失败"),
}
BUNDLE_STATES = {
    "queued": "排队中",
    "building": "打包中",
    "ready": "已生成",
    "failed": "打包失败",
    "expired": "已过期",
}
REASONS = {
    "customs-unfinished": "海关作业流程未完结",
    "old-version": "旧版本暂不支持",
    "source-missing": "数据来源缺失",
    "render-failed": "制作过程出错，请重试",
    "seal-unavailable": "签章服务暂不可用，请稍后重试",
    "timed-out": "制作超时，请重试",
}
REFUSED_MESSAGE = "未查到该报关单，或本企业不是该报关单的境内收发货人。"
EXPIRED_MESSAGE = "已超过保存期限，请重新申请"
SEAL_TEXTS = {"none": "无签章", "sealed": "有签章"}
_NAMED = 5  # decision H18: so many failed numbers are named before 等 N 票


def reason(code: str | None) -> Reason | None:
    """The reason of a code; a code foreign to the HTTP API reads as `render-failed`."""
    if code is None:
        return None
    known = known_reason(code)
    return Reason(known, REASONS[known])


def known_reason(code: str) -> str:
    """`code` if the HTTP API knows it, else `render-failed`."""
    return code if code in REASONS else "render-failed"


def status_words(kind: Kind, status: str) -> tuple[str | None, str]:
    """Code and text of a status."""
    return (PRINT_STATUSES if kind == "print" else EXPORT_STATUSES)[status]


def partial_question(failed: Sequence[str]) -> str:
    """The question of F67 about the failed numbers, shortened by H18."""
    names = "、".join(failed[:_NAMED])
    more = f"等 {len(failed)} 票" if len(failed) > _NAMED else ""
    return f"报关单号 {names}{more}数据生成失败，请确认是否继续导出？"


def shown(moment: datetime | None) -> str | None:
    """A moment as the HTTP API writes it: Asia/Shanghai with milliseconds."""
    return moment.astimezone(ZONE).isoformat(timespec="milliseconds") if moment else None


def bundle_name(created_at: datetime, files: int) -> str:
    """The UTF-8 file name of a bundle."""
    return f"报关单批量导出_{created_at.astimezone(ZONE):%Y%m%d%H%M%S}_{files}票.zip"


def document_path(application_no: str, entry_id: str, seal: str) -> str:
    """The path of a document inside a bundle."""
    return f"{application_no}/报关单_{entry_id}_{SEAL_TEXTS[seal]}.pdf"
