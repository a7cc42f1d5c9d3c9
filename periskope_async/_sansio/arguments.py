"""What callers pass, checked and spelled for the wire before anything is sent."""

import re
from typing import Final
from urllib.parse import quote

from periskope_async.errors import (
    ConfigurationError,
)

__all__ = ["MAX_ID", "path_segment"]

#: Longest id sent. No known id comes near it; a longer one is a mistake that would meet the server's line limit.
MAX_ID: Final = 256


_PLAIN_ID = re.compile(r"[0-9A-Za-z_~-][0-9A-Za-z_.~-]{0,255}")


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def path_segment(name: str, value: object) -> str:
    """Quote *value* as exactly one path segment, which no spelling of an id can leave.

    Raises:
        ConfigurationError: it is not text, or quoting could not keep it one segment; the message names *name*.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}: expected text, got {type(value).__name__}")
    if _PLAIN_ID.fullmatch(value):
        return value
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
