"""Ids and numbers that callers pass, checked and spelled for the wire. White space around one does not count."""

import re
from collections.abc import Iterable
from typing import Final, cast
from urllib.parse import quote

from periskope_async._sansio.arguments import as_text, as_texts, some_texts, wrong_type
from periskope_async._sansio.unset import Unset
from periskope_async.errors import ConfigurationError

__all__ = [
    "MAX_ID",
    "as_chat_id",
    "as_chat_ids",
    "as_group_id",
    "as_id",
    "as_ids",
    "as_numbers",
    "as_phone",
    "as_recipients",
    "path_segment",
]

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
        raise wrong_type(name, "text", value)
    value = value.strip()
    if not value:
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


def as_id(name: str, value: object) -> str | Unset:
    """Return *value* as an id that is sent elsewhere than in a path."""
    text = as_text(name, value)
    return text if isinstance(text, Unset) else text.strip()


def as_ids(name: str, values: object) -> list[str] | Unset:
    """Return *values*, an iterable of such ids, as a list."""
    texts = as_texts(name, values)
    return texts if isinstance(texts, Unset) else [text.strip() for text in texts]


def as_chat_id(name: str, value: object) -> str:
    """Return *value* as a chat id: a number in any usual spelling, in digits then, also with `@c.us`, or `…@g.us`.

    Raises:
        ConfigurationError: no chat can have it. Its digits do not stand in the message.
    """
    if not isinstance(value, str):
        raise wrong_type(name, "text", value)
    value = value.strip()
    digits = _digits(value)
    if _CHAT_ID.fullmatch(value) and (value.endswith(("@g.us", "@lid")) or _is_number(digits)):
        return str(value)
    if not _is_number(digits):
        raise ConfigurationError(f"{name}: expected {_A_NUMBER}, also with '@c.us', or a group's '…@g.us'")
    return f"{digits}@c.us" if value.endswith("@c.us") else digits


def as_chat_ids(name: str, values: object) -> list[str]:
    """Return *values*, an iterable of chat ids, as a list.

    Raises:
        ConfigurationError: there are none, for the service might take that for all; or one cannot be a chat id.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise wrong_type(name, "several chat ids", values)
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


def as_group_id(name: str, value: object) -> str:
    """Return *value* as the id of a group, which ends in `@g.us`."""
    group_id = str(as_id(name, value))
    if not (_CHAT_ID.fullmatch(group_id) and group_id.endswith("@g.us")):
        raise ConfigurationError(f"{name}: expected the id of a group, '…@g.us'")
    return group_id


def as_phone(name: str, value: object) -> str:
    """Return a phone as `x-phone` has it: digits with country code, or an id such as `phone-…`."""
    if not isinstance(value, str):
        raise wrong_type(name, "text", value)
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
    numbers = dict.fromkeys(map(_digits, some_texts(name, values)))
    if not all(re.fullmatch(r"[0-9]+", number) for number in numbers):
        raise ConfigurationError(f"{name}: expected of each {_A_NUMBER}, also with '@c.us'")
    return list(numbers)


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and MIN_PHONE <= len(digits) <= MAX_PHONE


def _digits(number: str) -> str:
    return number.strip().removesuffix("@c.us").translate(_PHONE_PUNCTUATION)
