"""What callers pass, checked and spelled for the wire before anything is sent. Each lets `UNSET` through."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import cast

from periskope_async._sansio.unset import UNSET, Unset
from periskope_async._spelling import suggest
from periskope_async.errors import ConfigurationError

__all__ = [
    "Labels",
    "Moment",
    "as_count",
    "as_datetime",
    "as_flag",
    "as_flags_by_name",
    "as_future",
    "as_labels",
    "as_moment",
    "as_one_of",
    "as_rows",
    "as_seconds",
    "as_text",
    "as_texts",
    "as_texts_by_name",
    "some_texts",
    "wrong_type",
]

Moment = date | datetime | str
Labels = Iterable[str] | str


def as_text(name: str, value: object) -> str | Unset:
    """Return *value* as text that says something.

    Raises:
        ConfigurationError: it is something else, or empty; the message names *name*. So for all that follow.
    """
    if value is UNSET:
        return UNSET
    if not isinstance(value, str):
        raise wrong_type(name, "text", value)
    if not value.strip():
        raise ConfigurationError(f"{name}: is empty")
    return str(value)  # of a StrEnum, the plain text


def as_one_of(name: str, value: object, words: Iterable[str]) -> str | Unset:
    """Return *value*, which is one of *words*, or a member of an enum.

    The service may add to its words. Who writes `TicketStatus("paused")` has not mistyped one of them.
    """
    text = as_text(name, value)
    known = list(map(str, words))
    if isinstance(text, Unset) or isinstance(value, Enum) or text in known:
        return text
    raise ConfigurationError(f"{name}: expected one of {', '.join(known)}, got {text!r:.60}{suggest(text, known)}")


def as_texts(name: str, values: object) -> list[str] | Unset:
    """Return *values*, an iterable of texts, as a list."""
    if isinstance(values, Unset):
        return UNSET
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise wrong_type(name, "several texts", values)
    return [str(as_text(name, value)) for value in cast("Iterable[object]", values)]


def as_texts_by_name(name: str, values: object) -> dict[str, str] | Unset:
    """Return *values*, a mapping of texts by name, as a dict; a text may be empty."""
    if isinstance(values, Unset):
        return UNSET
    if not isinstance(values, Mapping):
        raise wrong_type(name, "texts by name", values)
    texts = dict(cast("Mapping[object, object]", values))
    for key, value in texts.items():
        as_text(f"the names in {name}", key)
        if not isinstance(value, str):
            raise wrong_type(f"{name}[{key!r}]", "text", value)
    return cast("dict[str, str]", texts)


def as_labels(name: str, value: object) -> str | Unset:
    """Join label names as the API does: by commas, which therefore cannot stand in one."""
    if isinstance(value, str | Unset):
        return value
    if not isinstance(value, Iterable):
        raise wrong_type(name, "names", value)
    names = [str(as_text(name, label)) for label in cast("Iterable[object]", value)]
    if any("," in label for label in names):
        raise ConfigurationError(f"{name}: a name may not hold a comma; the API separates them by commas")
    return ", ".join(names)


def as_moment(name: str, value: object) -> str | Unset:
    """Return a date, a datetime or text as the API reads it; a datetime without an offset is taken for UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value.isoformat() if isinstance(value, date) else as_text(name, value)


def as_datetime(name: str, value: object) -> datetime:
    """Return a date, a datetime or text as an aware datetime; one without an offset is taken for UTC."""
    moment = as_moment(name, value)
    try:
        found = datetime.fromisoformat(str(moment).strip())
    except ValueError:
        raise ConfigurationError(f"{name}: expected a date, a datetime, or one as ISO 8601 text") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def as_future(name: str, value: object, now: datetime) -> str | Unset:
    """Return a time to come in UTC, as `as_moment` does; text that Python cannot read is left to the service."""
    text = as_moment(name, value)
    if isinstance(text, Unset):
        return UNSET
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= now:
        raise ConfigurationError(f"{name}: is in the past")
    return moment.astimezone(UTC).isoformat()


def as_flag(name: str, value: object) -> bool | Unset:
    """Return *value*, which is True or False."""
    if isinstance(value, bool | Unset):
        return value
    raise wrong_type(name, "True or False", value)


def as_flags_by_name(name: str, values: object) -> dict[str, bool]:
    """Return *values*, a mapping of True and False by name, as a dict."""
    if not isinstance(values, Mapping):
        raise wrong_type(name, "True or False by name", values)
    flags = dict(cast("Mapping[object, object]", values))
    for key, value in flags.items():
        as_text(f"the names in {name}", key)
        if not isinstance(value, bool):
            raise wrong_type(f"{name}[{key!r}]", "True or False", value)
    return cast("dict[str, bool]", flags)


def as_count(name: str, value: object, *, least: int) -> int:
    """Return *value* as a whole number of at least *least*."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(name, "a whole number", value)
    if value < least:
        raise ConfigurationError(f"{name}: expected at least {least}")
    return value


def as_rows(offset: object, limit: object, **times: object) -> dict[str, str | int | Unset]:
    """Return the query for *limit* rows from *offset* on; *times* narrow it, each by its own name."""
    moments = {name: as_moment(name, value) for name, value in times.items()}
    return {**moments, "offset": as_count("offset", offset, least=0), "limit": as_count("limit", limit, least=1)}


def as_seconds(name: str, value: object, *, or_zero: bool = False) -> float:
    """Return *value* as seconds: a positive, finite number, *or_zero*."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(name, "seconds as a number", value)
    if not (0 < value <= sys.float_info.max or (or_zero and value == 0)):
        least = "a finite number of seconds, 0 or more" if or_zero else "a positive, finite number of seconds"
        raise ConfigurationError(f"{name}: expected {least}")
    return float(value)


def some_texts(name: str, values: object) -> list[str]:
    """Return *values*, an iterable of at least one text, as a list."""
    texts = as_texts(name, values)
    if not texts or isinstance(texts, Unset):
        raise ConfigurationError(f"{name}: is empty")
    return texts


def wrong_type(name: str, expected: str, value: object) -> ConfigurationError:
    """Return the error of an argument of another type than *expected*."""
    return ConfigurationError(f"{name}: expected {expected}, got {type(value).__name__}")
