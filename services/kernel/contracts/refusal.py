"""A refusal: the answer no, with a stable code for programs and a sentence for people."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """The request is refused.

    `code` is a problem code of the HTTP API, `detail` the Chinese sentence (empty: the code's
    title speaks), `facts` the extra members of the problem, `errors` the list of
    `{"in", "pointer", "code", "detail"}` of a 422.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        facts: dict[str, Any] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        self.code = code
        self.detail = detail
        self.facts = facts or {}
        self.errors = errors or []
        # positional args, so that the RPC layer carries them over unchanged
        super().__init__(code, detail, self.facts, self.errors)
