"""Which payload class belongs to which event type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Payload = TypeVar("_Payload")
_TYPES: dict[str, type[Any]] = {}


def event(type_: str) -> Callable[[type[_Payload]], type[_Payload]]:
    """Name the event type that a frozen dataclass is the payload of.

    The grammar is `<service>.<subject>.<past participle>.v<major>`; the routing key is the type.
    """

    def name(payload: type[_Payload]) -> type[_Payload]:
        payload.__event_type__ = type_  # type: ignore[attr-defined]  # read back by type_of
        _TYPES[type_] = payload
        return payload

    return name


def type_of(payload: object) -> str:
    """The event type of a payload. Raises AttributeError for anything that is none."""
    return str(type(payload).__event_type__)  # type: ignore[attr-defined]


def payload_class(type_: str) -> type[Any] | None:
    """The payload class of an event type, or None when the type is unknown here."""
    return _TYPES.get(type_)


def known_types() -> dict[str, type[Any]]:
    """All event types with their payload classes; import `contracts.events` first."""
    return dict(_TYPES)
