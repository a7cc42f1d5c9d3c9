"""What callers pass, checked and spelled for the wire before anything is sent. Each lets `UNSET` through."""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final, cast
from urllib.parse import quote

from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError

__all__ = [
    "MAX_ID",
    "Labels",
    "Moment",
    "as_chat_id",
    "as_chat_ids",
    "as_count",
    "as_datetime",
    "as_flag",
    "as_flags_by_name",
    "as_future",
    "as_group_id",
    "as_labels",
    "as_moment",
    "as_numbers",
    "as_phone",
    "as_recipients",
    "as_rows",
    "as_seconds",
    "as_text",
    "as_texts",
    "as_texts_by_name",
    "path_segment",
]

Moment = date | datetime | str
Labels = Iterable[str] | str

#: Longest id sent, characters. No known id comes near it; a longer one is a mistake that would meet the server's line
#: limit.
MAX_ID: Final = 256

#: Shortest and longest phone number with its country code, digits: Niue's, and the longest that E.164 allows.
MIN_PHONE: Final = 7  # digits
MAX_PHONE: Final = 15  # digits

_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z_~-][0-9A-Za-z_.~-]{0,255}")
_PHONE_ID: Final = re.compile(r"phone-[0-9A-Za-z_-]+")
_PHONE_PUNCTUATION: Final = str.maketrans("", "", "+-(). ")
_CHAT_ID: Final = re.compile(r"[0-9]{1,15}|[0-9]+(-[0-9]+)?@[a-z][a-z.]*")
_A_NUMBER: Final = "a number with country code, such as '+91 98765 43210'"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def path_segment(name: str, value: object) -> str:
    """Quote *value* as exactly one path segment, which no spelling of an id can leave.

    Raises:
        ConfigurationError: it is not text, or quoting could not keep it one segment; the message names *name*.
    """
    if isinstance(value, str) and _PLAIN_ID.fullmatch(value):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        several = type(cast("object", value)).__name__
        raise ConfigurationError(f"{name}: expected one id as text, got {several}; for many ids use get_many or stream")
    if not isinstance(value, str):
        raise _wrong_type(name, "text", value)
    if not value.strip():
        raise ConfigurationError(f"{name}: is empty")
    if len(value) > MAX_ID:
        raise ConfigurationError(f"{name}: longer than {MAX_ID} characters")
    if value in {".", ".."}:
        raise ConfigurationError(f"{name}: {value!r} would name another resource")
    if _CONTROL.search(value):
        raise ConfigurationError(f"{name}: holds a control character")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name}: holds a lone surrogate") from None


def as_text(name: str, value: object) -> str | Unset:
    """Return *value* as text that says something.

    Raises:
        ConfigurationError: it is something else, or empty; the message names *name*. So for all that follow.
    """
    if value is UNSET:
        return UNSET
    if not isinstance(value, str):
        raise _wrong_type(name, "text", value)
    if not value.strip():
        raise ConfigurationError(f"{name}: is empty")
    return str(value)  # of a StrEnum, the plain text


def as_chat_id(name: str, value: object) -> str:
    """Return *value* as a chat id: a number in any usual spelling, in digits then, also with `@c.us`, or `…@g.us`.

    Raises:
        ConfigurationError: no chat can have it. Its digits do not stand in the message.
    """
    if not isinstance(value, str):
        raise _wrong_type(name, "text", value)
    digits = _digits(value)
    if _CHAT_ID.fullmatch(value) and (value.endswith(("@g.us", "@lid")) or _is_number(digits)):
        return str(value)
    if not _is_number(digits):
        raise ConfigurationError(f"{name}: expected {_A_NUMBER}, also with '@c.us', or a group's '…@g.us'")
    return f"{digits}@c.us" if value.strip().endswith("@c.us") else digits


def as_chat_ids(name: str, values: object) -> list[str]:
    """Return *values*, an iterable of chat ids, as a list.

    Raises:
        ConfigurationError: there are none, for the service might take that for all; or one cannot be a chat id.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise _wrong_type(name, "several chat ids", values)
    ids = [as_chat_id(name, value) for value in cast("Iterable[object]", values)]
    if not ids:
        raise ConfigurationError(f"{name}: is empty")
    return ids


def as_recipients(name: str, values: object) -> list[str]:
    """Return *values*, the ids of the chats that something is sent to, as a list: at least one, and none twice.

    Raises:
        ConfigurationError: they are not; what is sent to a chat twice reaches people twice.
    """
    ids = as_chat_ids(name, values)
    if len({chat_id.removesuffix("@c.us") for chat_id in ids}) < len(ids):
        raise ConfigurationError(f"{name}: one chat is in it twice")
    return ids


def as_texts(name: str, values: object) -> list[str] | Unset:
    """Return *values*, an iterable of texts, as a list."""
    if isinstance(values, Unset):
        return UNSET
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise _wrong_type(name, "several texts", values)
    return [str(as_text(name, value)) for value in cast("Iterable[object]", values)]


def as_texts_by_name(name: str, values: object) -> dict[str, str] | Unset:
    """Return *values*, a mapping of texts by name, as a dict; a text may be empty."""
    if isinstance(values, Unset):
        return UNSET
    if not isinstance(values, Mapping):
        raise _wrong_type(name, "texts by name", values)
    texts = dict(cast("Mapping[object, object]", values))
    for key, value in texts.items():
        as_text(f"the names in {name}", key)
        if not isinstance(value, str):
            raise _wrong_type(f"{name}[{key!r}]", "text", value)
    return cast("dict[str, str]", texts)


def as_labels(name: str, value: object) -> str | Unset:
    """Join label names as the API does: by commas, which therefore cannot stand in one."""
    if isinstance(value, str | Unset):
        return value
    if not isinstance(value, Iterable):
        raise _wrong_type(name, "names", value)
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


def as_phone(name: str, value: object) -> str:
    """Return a phone as `x-phone` has it: digits with country code, or an id such as `phone-…`."""
    if not isinstance(value, str):
        raise _wrong_type(name, "text", value)
    if _PHONE_ID.fullmatch(value.strip()):
        return value.strip()
    digits = _digits(value)
    if not _is_number(digits):
        raise ConfigurationError(f"{name}: expected {_A_NUMBER}, or an id such as 'phone-…'")
    return digits


def as_numbers(name: str, values: object) -> list[str]:
    """Return people's phone numbers as digits, each once. Any usual spelling will do, with `@c.us` too.

    Raises:
        ConfigurationError: there are none, or one cannot be a number; the message does not show it.
    """
    numbers = dict.fromkeys(map(_digits, _some_texts(name, values)))
    if not all(re.fullmatch(r"[0-9]+", number) for number in numbers):
        raise ConfigurationError(f"{name}: expected of each {_A_NUMBER}, also with '@c.us'")
    return list(numbers)


def as_group_id(name: str, value: object) -> str:
    """Return *value* as the id of a group, which ends in `@g.us`."""
    group_id = str(as_text(name, value))
    if not (_CHAT_ID.fullmatch(group_id) and group_id.endswith("@g.us")):
        raise ConfigurationError(f"{name}: expected the id of a group, '…@g.us'")
    return group_id


def as_flag(name: str, value: object) -> bool | Unset:
    """Return *value*, which is True or False."""
    if isinstance(value, bool | Unset):
        return value
    raise _wrong_type(name, "True or False", value)


def as_flags_by_name(name: str, values: object) -> dict[str, bool]:
    """Return *values*, a mapping of True and False by name, as a dict."""
    if not isinstance(values, Mapping):
        raise _wrong_type(name, "True or False by name", values)
    flags = dict(cast("Mapping[object, object]", values))
    for key, value in flags.items():
        as_text(f"the names in {name}", key)
        if not isinstance(value, bool):
            raise _wrong_type(f"{name}[{key!r}]", "True or False", value)
    return cast("dict[str, bool]", flags)


def as_count(name: str, value: object, *, least: int) -> int:
    """Return *value* as a whole number of at least *least*."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(name, "a whole number", value)
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
        raise _wrong_type(name, "seconds as a number", value)
    if not (0 < value <= sys.float_info.max or (or_zero and value == 0)):
        least = "a finite number of seconds, 0 or more" if or_zero else "a positive, finite number of seconds"
        raise ConfigurationError(f"{name}: expected {least}")
    return float(value)


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and MIN_PHONE <= len(digits) <= MAX_PHONE


def _digits(number: str) -> str:
    return number.strip().removesuffix("@c.us").translate(_PHONE_PUNCTUATION)


def _some_texts(name: str, values: object) -> list[str]:
    texts = as_texts(name, values)
    if not texts or isinstance(texts, Unset):
        raise ConfigurationError(f"{name}: is empty")
    return texts


def _wrong_type(name: str, expected: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{name}: expected {expected}, got {type(value).__name__}")
