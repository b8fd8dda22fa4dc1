"""The form of what is asked: query parameters, numbers, ranges of days and bodies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway import texts
from gateway.problems import Fault, Place, Problem, of_faults
from services.kernel.calendar import earliest_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_ENTRY_IDS = 50  # the manual's limit of one application and one query
MAX_CURSOR_CHARS = 512
MAX_FAULTS = 100  # enough to mend a list by; a longer answer helps nobody
ENTRY_ID = re.compile(r"^[0-9]{8}[01EI][0-9]{9}\Z")
UNIFIED_NUMBER = re.compile(r"^[EI]20[0-9]{15}\Z")
SUBMITTED_AT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+08:00\Z", re.ASCII)
_DAY = re.compile(r"^(?:19|20|21)\d{2}-\d{2}-\d{2}\Z", re.ASCII)

_Body = TypeVar("_Body", bound=BaseModel)


class Wrong(Exception):
    """A value does not fit; carries the sentences and, if it is not the usual one, the code."""

    def __init__(
        self,
        zh: str,
        en: str,
        code: str = "validation-failed",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(en)
        self.zh, self.en, self.code, self.facts = zh, en, code, dict(facts or {})

    def at(self, place: Place, pointer: str) -> Fault:
        """The fault it is at a place."""
        return Fault(place, pointer, self.code, self.zh, self.en)


class WrongNumbers(Exception):
    """Several numbers of a list do not fit."""

    def __init__(self, wrongs: Sequence[Wrong]) -> None:
        super().__init__(f"{len(wrongs)} wrong numbers")
        self.wrongs = wrongs


@dataclass(frozen=True)
class Param:
    """A query parameter: how it is read and how the OpenAPI document describes it."""

    name: str
    read: Callable[[str], Any]
    schema: dict[str, Any]
    default: Any = None
    description: str = ""
    place: Place = "query"

    def openapi(self) -> dict[str, Any]:
        """The parameter object."""
        return {
            "name": self.name,
            "in": self.place,
            "required": False,
            "description": self.description,
            "schema": self.schema,
        }


def read_query(given: Iterable[tuple[str, str]], params: Sequence[Param]) -> dict[str, Any]:
    """The values of all `params`, defaults filled in. Raises Problem with every fault."""
    known = {param.name: param for param in params}
    values = {param.name: param.default for param in params}
    faults: list[Fault] = []
    facts: dict[str, Any] = {}
    seen: set[str] = set()
    for name, text in given:
        if name not in known:
            faults.append(Fault("query", name, "validation-failed", *_UNKNOWN_PARAMETER))
        elif name in seen:
            faults.append(Fault("query", name, "validation-failed", *_REPEATED_PARAMETER))
        else:
            seen.add(name)
            values[name] = _read(known[name], text, faults, facts)
    if faults:
        raise of_faults(faults[:MAX_FAULTS], facts if faults[0].code in _WITH_FACTS else None)
    return values


_UNKNOWN_PARAMETER = ("不认识的参数。", "Unknown parameter.")
_REPEATED_PARAMETER = ("参数重复。", "The parameter is repeated.")
_WITH_FACTS = {"too-many-numbers"}


def _read(param: Param, text: str, faults: list[Fault], facts: dict[str, Any]) -> Any:
    try:
        return param.read(text)
    except Wrong as wrong:
        faults.append(wrong.at("query", param.name))
        facts.update(wrong.facts)
    except WrongNumbers as several:
        faults.extend(wrong.at("query", param.name) for wrong in several.wrongs)
    return param.default


# --- readers of single values -------------------------------------------------------------------


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A reader of a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) and low <= int(text) <= high:
            return int(text)
        raise Wrong(f"须为 {low} 至 {high} 的整数。", f"A whole number from {low} to {high}.")

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """A reader of one of some words."""

    def read(text: str) -> str:
        if text in words:
            return text
        raise Wrong(f"须为 {'、'.join(words)} 之一。", f"One of {', '.join(words)}.")

    return read


def some_of(*words: str) -> Callable[[str], list[str] | None]:
    """A reader of a list of words; `all` among them means no condition (None)."""
    single = one_of(*words, "all")

    def read(text: str) -> list[str] | None:
        values = [single(part) for part in listed(text)]
        if not values:
            single(text)
        return None if "all" in values else values

    return read


def true_or_false(text: str) -> bool:
    """A reader of `true` and `false`."""
    return one_of("true", "false")(text) == "true"


def matching(pattern: str, zh: str, en: str) -> Callable[[str], str]:
    """A reader of a text that fits `pattern` as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def read(text: str) -> str:
        if compiled.fullmatch(text):
            return text
        raise Wrong(zh, en)

    return read


def cursor(text: str) -> str:
    """A reader of a cursor: opaque, bounded, printable."""
    if 0 < len(text) <= MAX_CURSOR_CHARS and text.isascii() and text.isprintable():
        return text
    raise Wrong("翻页参数无效，请重新查询。", "Not a cursor.", "cursor-invalid")


def day(text: str) -> date:
    """A reader of `YYYY-MM-DD`."""
    try:
        if _DAY.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a day such as 30 February: told below like any other wrong text
    raise Wrong("须为 YYYY-MM-DD 格式的日期。", "A day in the form YYYY-MM-DD.")


def listed(text: str) -> list[str]:
    """The distinct values of a list in one parameter, spaces around them dropped."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def entry_ids(text: str) -> list[str] | None:
    """A reader of a list of numbers, at most 50 distinct ones; an empty text is no condition."""
    numbers = listed(text)
    if len(numbers) > MAX_ENTRY_IDS:
        raise too_many(len(numbers))
    wrongs = [bad_entry_id(number) for number in numbers if not ENTRY_ID.match(number)]
    if wrongs:
        raise WrongNumbers(wrongs)
    return numbers or None


def application_nos(text: str) -> list[str] | None:
    """A reader of a list of application numbers of either kind, at most 50."""
    single = matching(r"[PD][0-9]{17}", "申请编号格式错误。", "Not an application number.")
    numbers = [single(number) for number in listed(text)]
    if len(numbers) > MAX_ENTRY_IDS:
        raise Wrong("最多50个申请编号。", "At most 50 application numbers.")
    return numbers or None


def too_many(given: int) -> Wrong:
    """More numbers than one call takes."""
    return Wrong(
        f"最多输入{MAX_ENTRY_IDS}个报关单号，当前 {given} 个。",
        f"At most {MAX_ENTRY_IDS} numbers, {given} given.",
        "too-many-numbers",
        {"limit": MAX_ENTRY_IDS, "given": given},
    )


def bad_entry_id(number: str) -> Wrong:
    """A text that is no entry number; a 统一编号 is told apart (decision H8)."""
    if UNIFIED_NUMBER.match(number):
        return Wrong(texts.UNIFIED_NUMBER, "This is a 统一编号, not an entry number.", _BAD)
    shown = number[:32]
    return Wrong(f"报关单号格式错误：{shown}", f"Not an entry number: {shown}", _BAD)


_BAD = "bad-entry-id"


# --- ranges of days -----------------------------------------------------------------------------


def check_range(first: date | None, last: date | None) -> None:
    """Both or none, in order, at most three calendar months. Raises Problem."""
    if first is None and last is None:
        return
    if first is None or last is None:
        missing = "date_from" if first is None else "date_to"
        raise of_faults([Fault("query", missing, "validation-failed", *_BOTH_OR_NONE)])
    if first > last:
        raise Problem("range-reversed")
    earliest = earliest_from(last)
    if first < earliest:
        raise Problem("range-too-long", {"earliest_from": earliest.isoformat()})


_BOTH_OR_NONE = ("开始日期和结束日期须同时填写。", "Give both dates or none.")


# --- bodies -------------------------------------------------------------------------------------


def read_body(body: object, shape: type[_Body]) -> _Body:
    """The body as `shape`. Raises Problem with every fault of its form."""
    try:
        return shape.model_validate(body, strict=True)
    except ValidationError as fault:
        faults = [_body_fault(error) for error in fault.errors(include_url=False)]
        raise of_faults(faults[:MAX_FAULTS]) from None


def _body_fault(error: Mapping[str, Any]) -> Fault:
    words = {
        "missing": ("缺少必填项。", "This member is required."),
        "extra_forbidden": ("不认识的成员。", "Unknown member."),
    }.get(error["type"], ("值不符合要求。", f"{error['msg']}."))
    return Fault("body", pointer(error["loc"]), "validation-failed", *words)


def pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def check_entry_ids(numbers: Sequence[str]) -> None:
    """1 to 50 numbers of the right form, none twice. Raises Problem with every fault."""
    if not numbers:
        raise of_faults([Fault("body", "/entry_ids", "validation-failed", *_NO_NUMBERS)])
    given = len(set(numbers))
    faults = [too_many(given).at("body", "/entry_ids")] if given > MAX_ENTRY_IDS else []
    faults += _faults_of_numbers(numbers)
    if faults:
        facts = too_many(given).facts if given > MAX_ENTRY_IDS else None
        raise of_faults(faults[:MAX_FAULTS], facts)


_NO_NUMBERS = ("至少输入一个报关单号。", "Give at least one number.")


def _faults_of_numbers(numbers: Sequence[str]) -> list[Fault]:
    faults: list[Fault] = []
    seen: set[str] = set()
    for index, number in enumerate(numbers):
        place = f"/entry_ids/{index}"
        if not ENTRY_ID.match(number):
            faults.append(bad_entry_id(number).at("body", place))
        elif number in seen:
            faults.append(Fault("body", place, "duplicate-entry-id"))
        seen.add(number)
    return faults


def check_submitted_at(text: str) -> None:
    """The exact form of HTTP API section 4.3. Raises Problem."""
    try:
        if SUBMITTED_AT.match(text):
            datetime.fromisoformat(text)
            return
    except ValueError:
        pass  # such as hour 25: told below like any other wrong text
    raise of_faults([Fault("body", "/submitted_at", "validation-failed", *_EXACT_TIME)])


_EXACT_TIME = (
    "须为 YYYY-MM-DDTHH:MM:SS.mmm+08:00 格式。",
    "Exactly the form YYYY-MM-DDTHH:MM:SS.mmm+08:00.",
)
