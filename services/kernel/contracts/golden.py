"""The golden schemas and examples: one JSON Schema and one message for each event type.

`python -m services.kernel.contracts.golden` writes what is missing or has changed and says so;
with `--check` it writes nothing and fails. What is committed is a promise: within a major version a
change may only add optional members.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.kernel.contracts import envelope as envelopes
from services.kernel.contracts import events, registry
from services.kernel.contracts.envelope import Envelope

COMMAND = "python -m services.kernel.contracts.golden"
SCHEMAS = Path(__file__).with_name("schemas")
EXAMPLES = Path(__file__).with_name("examples")

_MOMENT = datetime(2026, 11, 23, 1, 30, 0, 123000, tzinfo=UTC)
_WORDS: dict[str, Any] = {
    "application_no": "P20261123000000017",
    "entry_id": "530120261000000018",
    "uscc": "91440300MA5EXAMPL1",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "object_key": "documents/P20261123000000017/530120261000000018/r1/0123456789abcdef.pdf",
    "lifetime": "P1M",
    "zone": "Asia/Shanghai",
    "format": "xlsx",
}
"""Values that read like real ones, by the name of the member."""


def schema_of(type_: str) -> bytes:
    """The JSON Schema of a type's payload, as it is committed."""
    payload = registry.known_types()[type_]
    return _pretty({"title": type_, **msgspec.json.schema(payload)})


def example_of(type_: str) -> bytes:
    """A whole message of a type, as it is committed."""
    payload = registry.known_types()[type_]
    message = Envelope(
        id="019ac3a5-5e7b-7c3e-9b1d-2f5d1f0c9a10",
        type=type_,
        source=f"/danzheng/{type_.partition('.')[0]}",
        subject="P20261123000000017/530120261000000018",
        time=_MOMENT,
        data=_sample(payload, ""),
        correlationid="019ac3a5-5e7a-7000-8000-000000000001",
        causationid="019ac3a5-5e7a-7000-8000-000000000002",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    return _pretty(json.loads(envelopes.encode(message)))


def wanted() -> dict[Path, bytes]:
    """Every file that belongs here, with its content."""
    files = {}
    for speaker in events.SPEAKERS:
        for type_, payload in registry.known_types().items():
            if payload.__module__ == speaker.__name__:
                files[SCHEMAS / f"{type_}.json"] = schema_of(type_)
                files[EXAMPLES / f"{type_}.json"] = example_of(type_)
    return files


def main(argv: list[str]) -> int:
    """Write or check; answers the exit code."""
    files = wanted()
    stale = [path for path, content in files.items() if _content(path) != content]
    odd = [each for home in (SCHEMAS, EXAMPLES) for each in home.glob("*") if each not in files]
    if "--check" in argv:
        lines = [f"{path.name} differs from its class; {COMMAND} writes it\n" for path in stale]
        lines += [f"{path.name} belongs to no event type\n" for path in odd]
        sys.stdout.write("".join(lines))
        return 1 if lines else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(files[path])
        sys.stdout.write(f"{path.parent.name}/{path.name}\n")
    for path in odd:
        path.unlink()
        sys.stdout.write(f"{path.parent.name}/{path.name} removed\n")
    return 0


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _pretty(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return text.encode() + b"\n"


def _sample(kind: Any, name: str) -> Any:
    """A value of a type: members filled in, lists of one, optional members given."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is not None:
        return _composed(origin, arguments, name)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return typing.cast("Any", kind)(
            **{each.name: _sample(hints[each.name], each.name) for each in dataclasses.fields(kind)}
        )
    return _WORDS.get(name, name or "text") if kind is str else _PLAIN[kind]


def _composed(origin: Any, arguments: tuple[Any, ...], name: str) -> Any:
    if origin in {typing.Union, types.UnionType}:
        return _sample(next(each for each in arguments if each is not type(None)), name)
    if origin is typing.Literal:
        return arguments[0]
    if origin is list:
        return [_sample(arguments[0], name)]
    return {"zip": _sample(arguments[1], name)}


_PLAIN: dict[Any, Any] = {
    int: 1,
    float: 1.5,
    bool: True,
    datetime: _MOMENT,
    date: _MOMENT.date(),
    Any: "1",
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
