"""Forms of path parameters: a path with another form is no path of ours."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path
from starlette.convertors import Convertor, register_url_convertor

_CODE_CHARACTER: Final = "[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]"
_FORMS: Final = {
    "print_no": "P[0-9]{17}",
    "export_no": "D[0-9]{17}",
    "entry_id": "[0-9]{8}[01EI][0-9]{9}",
    "bundle_id": "[0-9A-Za-z_-]{1,64}",
    "ticket": "[0-9A-Za-z_-]{1,64}",
    "code": f"{_CODE_CHARACTER}(?:-?{_CODE_CHARACTER}){{23}}",
}


class _Form(Convertor[str]):
    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def register() -> None:
    """Make the forms known to the router; before any route is made."""
    for name, regex in _FORMS.items():
        form = type(name, (_Form,), {"regex": regex})  # Starlette keeps the form on the class
        register_url_convertor(name, form())


def _path(name: str) -> object:
    return Path(json_schema_extra={"pattern": f"^{_FORMS[name]}$"})


PrintNo = Annotated[str, _path("print_no")]
ExportNo = Annotated[str, _path("export_no")]
EntryId = Annotated[str, _path("entry_id")]
BundleId = Annotated[str, _path("bundle_id")]
TicketNo = Annotated[str, _path("ticket")]
Code = Annotated[str, _path("code")]
