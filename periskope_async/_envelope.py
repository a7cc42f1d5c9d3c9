"""From the JSON of a delivery or of a live event to the event: every form of the envelope that was seen. Pure."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

from periskope_async._codec.converter import structure
from periskope_async._codec.readers import read_moment
from periskope_async.errors import DecodeError
from periskope_async.events import EVENTS, Event, UnknownEvent

__all__ = ["name_in", "read_event"]

#: Where the data may be; one public receiver looks beyond the first. Else it is the body itself.
_DATA_KEYS: Final = ("data", "current_attributes", "attributes")


def name_in(envelope: Mapping[str, Any]) -> str | None:
    """Return the type of the event that an envelope names; None if it names none."""
    return _text(envelope.get("event_type")) or _text(envelope.get("event"))


def read_event(envelope: dict[str, Any], name: str) -> Event:
    """Return the event of type *name* that *envelope* holds, or is: an `UnknownEvent` if it is not as it should be."""
    keys = (*_DATA_KEYS, "message") if name.startswith("message.") else _DATA_KEYS  # a ticket has a message of its own
    wrapped = next((key for key in keys if name and isinstance(envelope.get(key), dict)), None)
    if wrapped is None:
        data: Any = envelope.get("data", envelope) if name else envelope
    else:
        data = envelope[wrapped]
    facts: dict[str, Any] = {
        "type": name,
        # Where the data is the body itself, its keys are the data's: an `id` there is not the delivery's.
        "id": None if data is envelope else _text(envelope.get("id")),
        "org_id": _text(envelope.get("org_id")),
        "timestamp": None if data is envelope else _moment(envelope.get("timestamp")),
        "previous": _mapping(envelope.get("previous_attributes")),
        "raw": envelope,
    }
    cls = EVENTS.get(name)
    if cls is None or cls.model is None:
        return UnknownEvent(data=data, **facts)
    try:
        value = structure(data, cls.model)
    except DecodeError as error:
        return UnknownEvent(data=data, problems=error.problems, **facts)
    facts[cls.about] = value
    return cls(**facts)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: Any) -> Any:
    with suppress(ValueError, TypeError):
        return read_moment(value)
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
