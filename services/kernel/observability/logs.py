"""JSON log lines on standard output: constant event names, facts as fields, nothing secret."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

from services import __version__
from services.kernel.observability.trace import current

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.typing import Processor

REDACTED = "[redacted]"
_SECRET_KEYS = re.compile(
    r"token|(?:^|_)pins?(?:_|$)|passw|secret|signature|private|authorization|cookie|credential"
    r"|(?:^|_)jws(?:_|$)",
    re.IGNORECASE,
)
_SECRET_IN_ADDRESS = re.compile(r"(\w+://[^\s:/@]*):[^\s@]+@")  # amqp://user:password@host
_SECRET_IN_TEXT = re.compile(
    r"(?i)\b(bearer\s+|(?:password|passwd|pin|token|secret|signature)['\"]?\s*[=:]\s*['\"]?)"
    r"[^\s'\",;&}]+"
)
_QUIET = {"pika": logging.ERROR, "amqp": logging.WARNING, "nameko": logging.WARNING}


def configure(service: str, level: str = "INFO") -> None:
    """Route structlog and the standard library's logging to JSON lines of this service."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _Origin(service),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, floor in _QUIET.items():
        logging.getLogger(name).setLevel(max(floor, root.level))


class _Origin:
    """Adds who speaks, and in which work."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._version = __version__

    def __call__(
        self, _logger: object, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        work = current()
        line["service"] = self._service
        line["version"] = self._version
        for name, value in (
            ("trace_id", work.trace_id),
            ("correlation_id", work.correlation_id),
            ("message_id", work.message_id),
        ):
            if value:
                line.setdefault(name, value)
        return line


def redact(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank what carries a secret: values under telling keys, and secrets inside texts."""
    for key in list(line):
        line[key] = _clean(key, line[key])
    return line


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEYS.search(key) and not isinstance(value, bool | int | float | type(None)):
        return REDACTED
    if isinstance(value, dict):
        return {name: _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    if isinstance(value, str):
        return _SECRET_IN_TEXT.sub(rf"\1{REDACTED}", _SECRET_IN_ADDRESS.sub(r"\1:***@", value))
    return value
