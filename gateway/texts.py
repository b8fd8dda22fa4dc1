"""All words that answers carry beside their codes."""

from __future__ import annotations

PRINT_STATUS: dict[str, tuple[str, str]] = {
    "unsealed_ready": ("0", "无签章已生成"),
    "sealed_ready": ("1", "有签章已生成"),
    "customs_unfinished": ("2", "海关作业流程未完结"),
    "making": ("3", "制作中"),
    "unsupported_version": ("4", "旧版本暂不支持"),
    "failed": ("6", "制作失败"),
}
EXPORT_STATUS: dict[str, tuple[str | None, str]] = {
    "making": (None, "生成中"),
    "ready": ("1", "数据已生成"),
    "failed": ("2", "数据生成失败"),
}
SEAL = {"none": "无签章", "sealed": "有签章"}
ACTION = {
    "export": "导出",
    "print": "打印",
    "print_dialog_opened": "打印窗口已打开",
    "print_dialog_closed": "打印窗口已关闭",
    "bundle_export": "批量导出",
}
DECLARATION_NOT_FOUND = "未查到该报关单，或本企业不是该报关单的境内收发货人。"
UNIFIED_NUMBER = "这是统一编号，请输入报关单号。"

VERIFICATION = {
    ("unchanged", "yes"): "文件自生成后未被修改",
    ("unchanged", "no"): "文件已被修改",
    ("unchanged", "unknown"): "未核对文件内容",
    ("issued_here", "yes"): "由本系统生成",
    ("issued_here", "no"): "不是由本系统生成",
    ("issued_here", "unknown"): "无法确认是否由本系统生成",
    ("not_withdrawn", "yes"): "未被撤回",
    ("not_withdrawn", "no"): "已被撤回",
    ("not_withdrawn", "unknown"): "无法确认是否被撤回",
    ("data_equal", "yes"): "与报关单现有数据一致",
    ("data_equal", "no"): "报关单数据在生成后有变更",
    ("data_equal", "unknown"): "无法与报关单现有数据比较",
}

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DATA_MEDIA_TYPES = {
    "zip": "application/zip",
    "xlsx": XLSX,
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xml": "application/xml",
}


def print_file_name(entry_id: str, seal: str) -> str:
    """The UTF-8 name of a printed form."""
    return f"报关单_{entry_id}_{SEAL[seal]}.pdf"


def data_file_name(application_no: str, format_: str) -> str:
    """The UTF-8 name of a data file."""
    return f"报关单数据_{application_no}.{format_}"
