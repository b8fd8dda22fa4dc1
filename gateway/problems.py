"""Answers of 400 and above: the table of codes and the document of RFC 9457."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gateway import texts
from gateway.times import parsed, retold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.kernel.contracts.refusal import Refusal

Language = Literal["zh", "en"]
Place = Literal["body", "query", "path", "header"]


@dataclass(frozen=True)
class Kind:
    """A problem code: status, titles, sentences (formatted with the facts) and usual place."""

    status: int
    zh: str
    en: str
    detail_zh: str = ""
    detail_en: str = ""
    place: tuple[Place, str] = ("body", "")


KINDS: dict[str, Kind] = {
    "malformed-json": Kind(
        400,
        "请求格式错误",
        "Malformed request",
        "请求正文不是有效的 JSON。",
        "The body is not valid JSON.",
    ),
    "idempotency-key-missing": Kind(
        400,
        "缺少幂等键",
        "Idempotency key missing",
        "此请求需要 Idempotency-Key 请求头。",
        "This call needs the header Idempotency-Key.",
    ),
    "idempotency-key-invalid": Kind(
        400,
        "幂等键格式错误",
        "Idempotency key invalid",
        "Idempotency-Key 须为16至64个字母、数字、下划线或连字符。",
        "Idempotency-Key is 16 to 64 letters, digits, underscores or hyphens.",
    ),
    "unauthenticated": Kind(
        401, "请先登录", "Log in first", "没有有效的会话，请登录。", "There is no valid session."
    ),
    "session-expired": Kind(
        401,
        "登录已超时",
        "Session expired",
        "登录已超时，请重新登录。",
        "The session has expired; log in again.",
    ),
    "challenge-expired": Kind(
        401,
        "登录质询已失效",
        "Challenge expired",
        "登录质询已失效，请重新获取。",
        "The challenge is unknown, used or too old; get a new one.",
    ),
    "auth-token-invalid": Kind(
        401,
        "卡介质签名无效",
        "Authentication token invalid",
        "卡介质签名的格式、算法或签名值不正确。",
        "Format, algorithm or signature of the token is wrong.",
    ),
    "certificate-rejected": Kind(
        401,
        "卡介质证书不可用",
        "Certificate rejected",
        "卡介质证书不可用（{reason}）。",
        "The certificate of the card is not accepted ({reason}).",
    ),
    "not-legal-person-card": Kind(
        403,
        "须使用法人卡",
        "Legal-person card needed",
        "使用报关单证查询打印，必须使用报关单证中收发货人的法人卡介质登录。",
        "Log in with the legal-person card of the consignee or consignor.",
    ),
    "account-not-found": Kind(
        403,
        "用户未注册",
        "No account",
        "该卡介质所属企业没有注册用户。",
        "The company of this card has no account.",
    ),
    "account-disabled": Kind(
        403, "用户已停用", "Account disabled", "该用户已停用。", "The account is closed."
    ),
    "card-mismatch": Kind(
        403,
        "卡介质不一致",
        "Another card",
        "当前卡号 {card_no} 与用户注册信息卡号 {registered_card_no} 不一致，无法进行申报",
        "Card {card_no} is not the registered card {registered_card_no}.",
    ),
    "card-removed": Kind(
        403,
        "未检测到卡介质",
        "Card removed",
        "卡介质已拔出，请插入卡介质并解锁。",
        "The card was removed; insert it and unlock the session.",
    ),
    "csrf-failed": Kind(
        403,
        "页面已过期，请刷新",
        "Page expired, reload",
        "页面已过期，请刷新后重试。",
        "The page has expired; reload it and try again.",
    ),
    "not-found": Kind(
        404, "未找到", "Not found", "未找到所请求的内容。", "There is nothing at this address."
    ),
    "declaration-not-found": Kind(
        404,
        "未查到报关单",
        "Declaration not found",
        texts.DECLARATION_NOT_FOUND,
        "The declaration is unknown or is not this company's.",
    ),
    "ticket-not-found": Kind(
        404,
        "下载凭证无效",
        "Ticket not found",
        "下载凭证无效，请重新获取。",
        "The ticket is unknown; get a new one.",
    ),
    "verification-not-found": Kind(
        404,
        "未查到验证码",
        "Verification code not found",
        "未查到该验证码。",
        "The verification code is unknown.",
    ),
    "method-not-allowed": Kind(
        405,
        "不支持的操作",
        "Method not allowed",
        "该地址不支持此操作。",
        "This address does not support the method.",
    ),
    "not-acceptable": Kind(
        406,
        "不支持的格式",
        "Not acceptable",
        "没有所要求格式的文件。",
        "There is no file in the format asked for.",
        ("header", "Accept"),
    ),
    "not-ready": Kind(409, "尚未生成", "Not ready", "{status_text}", "The file is not made."),
    "partial-failure": Kind(
        409,
        "部分数据生成失败",
        "Some data failed",
        "报关单号 {numbers}数据生成失败，请确认是否继续导出？",
        "Data of {numbers_en} could not be made. Export the rest?",
    ),
    "nothing-to-export": Kind(
        409,
        "没有可导出的数据",
        "Nothing to export",
        "全部报关单数据生成失败，没有可导出的数据。",
        "No declaration of this application could be made.",
    ),
    "nothing-to-retry": Kind(
        409,
        "没有可重试的数据",
        "Nothing to retry",
        "没有可重试的数据。",
        "There is no failed item to retry.",
    ),
    "items-unavailable": Kind(
        409,
        "部分文件不可导出",
        "Some files unavailable",
        "部分文件不存在、尚未生成或已超过保存期限。",
        "Some files are unknown, not made or expired.",
    ),
    "no-print-stream": Kind(
        409,
        "没有对应的打印",
        "No print to report on",
        "本会话最近60分钟内没有打印该文件。",
        "This session has not printed the file in the last 60 minutes.",
    ),
    "idempotency-in-progress": Kind(
        409,
        "请求正在处理",
        "Request in progress",
        "相同的请求正在处理，请稍后重试。",
        "The same request is being handled; try again shortly.",
    ),
    "signature-reused": Kind(
        409,
        "签名已使用",
        "Signature used before",
        "该签名已用于申请 {application_no}。",
        "The signature was used for {application_no}.",
    ),
    "expired": Kind(
        410,
        "已超过保存期限，请重新申请",
        "Expired, apply again",
        "已超过保存期限，请重新申请",
        "The file is past its time; apply again.",
    ),
    "ticket-spent": Kind(
        410,
        "下载凭证已使用",
        "Ticket spent",
        "下载凭证已使用，请重新获取。",
        "The ticket was used; get a new one.",
    ),
    "ticket-expired": Kind(
        410,
        "下载凭证已过期",
        "Ticket expired",
        "下载凭证已过期，请重新获取。",
        "The ticket has expired; get a new one.",
    ),
    "body-too-large": Kind(
        413,
        "内容过大",
        "Body too large",
        "内容超过 {limit_bytes} 字节。",
        "The body is larger than {limit_bytes} bytes.",
    ),
    "unsupported-media-type": Kind(
        415,
        "不支持的内容类型",
        "Unsupported media type",
        "不支持的内容类型。",
        "This content type is not supported.",
        ("header", "Content-Type"),
    ),
    "range-not-satisfiable": Kind(
        416,
        "请求范围无效",
        "Range not satisfiable",
        "请求的范围超出文件。",
        "The range lies outside the file.",
    ),
    "validation-failed": Kind(
        422, "填写有误", "Validation failed", "填写有误。", "Some of the input is wrong."
    ),
    "too-many-numbers": Kind(
        422,
        "报关单号超过50个",
        "More than 50 numbers",
        "最多输入{limit}个报关单号，当前 {given} 个。",
        "At most {limit} numbers, {given} given.",
        ("body", "/entry_ids"),
    ),
    "bad-entry-id": Kind(
        422, "报关单号格式错误", "Bad entry number", "报关单号格式错误。", "Not an entry number."
    ),
    "duplicate-entry-id": Kind(
        422, "报关单号重复", "Repeated entry number", "报关单号重复。", "The number is repeated."
    ),
    "query-empty": Kind(
        422,
        "请输入报关单号或申请日期",
        "Give numbers or dates",
        "请输入报关单号或申请日期。",
        "Give entry numbers or a range of dates.",
        ("query", "entry_ids"),
    ),
    "range-reversed": Kind(
        422,
        "开始日期晚于结束日期",
        "Range reversed",
        "开始日期晚于结束日期。",
        "The range ends before it begins.",
        ("query", "date_from"),
    ),
    "range-too-long": Kind(
        422,
        "时间范围超过3个月",
        "Range over 3 months",
        "时间范围超过3个月，开始日期最早为 {earliest_from}。",
        "The range is over 3 months; it may begin on {earliest_from}.",
        ("query", "date_from"),
    ),
    "cursor-invalid": Kind(
        422,
        "翻页参数无效",
        "Cursor invalid",
        "翻页参数无效，请重新查询。",
        "The cursor does not belong to these conditions.",
        ("query", "cursor"),
    ),
    "signature-invalid": Kind(
        422,
        "签名无效",
        "Signature invalid",
        "提交的签名无效。",
        "The submission signature is not valid.",
        ("body", "/submission_signature"),
    ),
    "submitted-at-skewed": Kind(
        422,
        "提交时间偏差过大",
        "Submission time off",
        "提交时间与服务器时间相差超过5分钟。",
        "The time of submission is more than 5 minutes off.",
        ("body", "/submitted_at"),
    ),
    "idempotency-key-reused": Kind(
        422,
        "幂等键已用于其他内容",
        "Idempotency key reused",
        "该幂等键已用于其他内容。",
        "The key was used with other content.",
        ("header", "Idempotency-Key"),
    ),
    "all-refused": Kind(
        422,
        "全部报关单号未被受理",
        "All numbers refused",
        "全部报关单号未被受理。",
        "None of the numbers could be accepted.",
        ("body", "/entry_ids"),
    ),
    "not-a-pdf": Kind(422, "不是PDF文件", "Not a PDF", "上传的不是PDF文件。", "Not a PDF file."),
    "file-unreadable": Kind(
        422,
        "文件无法读取",
        "File unreadable",
        "文件无法读取，请检查内容和编码。",
        "The file cannot be read.",
        ("body", "/file"),
    ),
    "rate-limited": Kind(
        429,
        "请求过于频繁",
        "Too many requests",
        "请求过于频繁，请稍后重试。",
        "Too many requests; try again later.",
    ),
    "quota-exceeded": Kind(
        429,
        "超过限额",
        "Quota exceeded",
        "超过限额：上限 {limit}，已用 {used}。",
        "Over the quota: limit {limit}, used {used}.",
    ),
    "internal": Kind(
        500,
        "系统错误",
        "Internal error",
        "系统错误，请凭跟踪号联系技术支持。",
        "Something went wrong; name the trace to support.",
    ),
    "queue-full": Kind(
        503,
        "系统繁忙",
        "Busy",
        "系统繁忙，请稍后重试。",
        "The system is busy; try again later.",
    ),
    "upstream-down": Kind(
        503,
        "服务暂不可用",
        "Service unavailable",
        "服务暂不可用，请稍后重试。",
        "A part of the system does not answer; try again later.",
    ),
}

EXTRA_MEMBERS: dict[str, tuple[str, ...]] = {
    "certificate-rejected": ("reason",),
    "card-mismatch": ("card_no", "registered_card_no"),
    "card-removed": ("lock",),
    "not-acceptable": ("available",),
    "not-ready": ("status_text", "item_status", "reason"),
    "partial-failure": ("failed_entry_ids",),
    "nothing-to-export": ("failed_entry_ids",),
    "items-unavailable": ("unavailable",),
    "signature-reused": ("application_no",),
    "expired": ("expires_at",),
    "body-too-large": ("limit_bytes",),
    "too-many-numbers": ("limit", "given"),
    "range-too-long": ("earliest_from",),
    "submitted-at-skewed": ("server_time",),
    "all-refused": ("refused_items",),
    "quota-exceeded": ("quota", "limit", "used", "resets_at"),
    "upstream-down": ("component",),
}

# seconds; what a client may sensibly wait when nothing better is known
_RETRY_AFTER_S = {
    "idempotency-in-progress": 1,
    "upstream-down": 2,
    "queue-full": 5,
    "quota-exceeded": 60,
    "rate-limited": 60,
}


@dataclass(frozen=True)
class Fault:
    """A broken rule: where, which, and why in both languages (empty: the code's own sentence)."""

    place: Place
    pointer: str
    code: str
    zh: str = ""
    en: str = ""


@dataclass
class Problem(Exception):
    """The request is answered with a problem. `zh` and `en` replace the code's sentence."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    zh: str = ""
    en: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.code].status


def of_faults(faults: Sequence[Fault], facts: Mapping[str, Any] | None = None) -> Problem:
    """The problem of broken rules; the first one names it."""
    first = faults[0]
    return Problem(first.code, dict(facts or {}), faults, first.zh, first.en)


def of_refusal(refusal: Refusal, now: datetime) -> Problem:
    """The problem that a room's refusal is; a code not in the table is an internal fault."""
    if refusal.code not in KINDS:
        return Problem("internal")
    facts = _known_facts(refusal.code, refusal.facts)
    faults = [_fault(error) for error in refusal.errors]
    problem = Problem(refusal.code, facts, faults, refusal.detail)
    problem.headers.update(_waiting(refusal.code, facts, now))
    return problem


def _known_facts(code: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: retold(facts.get(name)) for name in EXTRA_MEMBERS.get(code, ())}
    if code == "card-removed":
        known["lock"] = known["lock"] or "session"
    if code == "not-ready" and not known["status_text"]:
        known["status_text"] = _status_text(known["item_status"])
    return known


def _status_text(status: object) -> str:
    for table in (texts.PRINT_STATUS, texts.EXPORT_STATUS):
        if status in table:
            return table[str(status)][1]
    return KINDS["not-ready"].zh


def _fault(error: Mapping[str, Any]) -> Fault:
    return Fault(
        error.get("in", "body"),
        error.get("pointer", ""),
        error.get("code", "validation-failed"),
        error.get("detail", ""),
    )


def _waiting(code: str, facts: Mapping[str, Any], now: datetime) -> dict[str, str]:
    if code not in _RETRY_AFTER_S:
        return {}
    resets_at = facts.get("resets_at")
    if isinstance(resets_at, str):
        left_s = (parsed(resets_at) - now).total_seconds()
        return {"Retry-After": str(max(1, math.ceil(left_s)))}
    return {"Retry-After": str(_RETRY_AFTER_S[code])}


def unavailable(component: str) -> Problem:
    """The problem when a neighbour, the broker or the store does not answer."""
    return Problem(
        "upstream-down",
        {"component": component},
        headers={"Retry-After": str(_RETRY_AFTER_S["upstream-down"])},
    )


def document(
    problem: Problem, *, base_url: str, instance: str, trace_id: str, language: Language
) -> dict[str, Any]:
    """The body of the answer."""
    kind = KINDS[problem.code]
    return {
        "type": f"{base_url}/problems/{problem.code}",
        "title": kind.zh if language == "zh" else kind.en,
        "status": kind.status,
        "detail": _detail(problem, language),
        "instance": instance,
        "code": problem.code,
        "trace_id": trace_id,
        "errors": _errors(problem, language),
        **problem.facts,
    }


def _detail(problem: Problem, language: Language) -> str:
    own = problem.zh if language == "zh" else problem.en
    return own or _sentence(problem.code, problem.facts, language)


def _sentence(code: str, facts: Mapping[str, Any], language: Language) -> str:
    kind = KINDS[code]
    words = {**facts, **_numbers(facts.get("failed_entry_ids") or [])}
    template = kind.detail_zh if language == "zh" else kind.detail_en
    return template.format_map(_Known(words))


class _Known(dict[str, Any]):
    """Facts for a sentence; one that is not known is left blank."""

    def __missing__(self, key: str) -> str:
        return ""


def _numbers(entry_ids: Sequence[str]) -> dict[str, str]:
    """The failed numbers as decision H18 shows them: five at most, then how many there are."""
    first = "、".join(entry_ids[:5])
    more = f"等 {len(entry_ids)} 票" if len(entry_ids) > 5 else ""
    more_en = f" and others ({len(entry_ids)} in all)" if len(entry_ids) > 5 else ""
    return {"numbers": first + more, "numbers_en": ", ".join(entry_ids[:5]) + more_en}


def _errors(problem: Problem, language: Language) -> list[dict[str, str]]:
    if problem.status != 422:
        return []
    faults = problem.faults or [Fault(*KINDS[problem.code].place, problem.code)]
    return [
        {
            "in": fault.place,
            "pointer": fault.pointer,
            "code": fault.code,
            "detail": _fault_detail(fault, problem, language),
        }
        for fault in faults
    ]


def _fault_detail(fault: Fault, problem: Problem, language: Language) -> str:
    own = fault.zh if language == "zh" else fault.en
    if own:
        return own
    if fault.code == problem.code:
        return _detail(problem, language)
    if fault.code in KINDS:
        return _sentence(fault.code, problem.facts, language)
    return KINDS["validation-failed"].zh if language == "zh" else KINDS["validation-failed"].en


def language_of(accept_language: str | None) -> Language:
    """The language of titles and details: `en` when it is preferred to Chinese, else `zh`."""
    best: tuple[float, Language] = (0.0, "zh")
    for part in (accept_language or "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        known: Language | None = {"zh": "zh", "en": "en"}.get(  # type: ignore[assignment]  # two
            tag.strip().lower().partition("-")[0]
        )
        quality = _quality(weight)
        if known is not None and quality > best[0]:
            best = (quality, known)
    return best[1]


def _quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
