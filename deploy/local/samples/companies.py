"""The invented companies of the sandbox, known to its cards, its accounts and its declarations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Company:
    """A company with its legal-person card; `card_no` has 13 digits."""

    uscc: str
    name: str
    card_no: str


COMPANIES = {
    "company-a": Company("91990000MA0TEAAA29", "示例甲进出口有限公司", "8930000000001"),
    "company-b": Company("91990000MA0TEBBBXT", "示例乙进出口有限公司", "8930000000002"),
    "company-c": Company("91990000MA0TECCC7L", "示例丙进出口有限公司", "8930000000003"),
    "no-account": Company("91990000MA0TEDDD49", "示例丁进出口有限公司", "8930000000004"),
}
