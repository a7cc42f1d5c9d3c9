"""Errors made fit to be shown: without the key, phone numbers cut, without control characters, short enough to log."""

from collections.abc import Callable
from typing import Any, Final

from periskope_async.errors import ApiError, PeriskopeError, mask_numbers, one_line

__all__ = ["EXCERPT", "MAX_LINE", "redact"]

#: How much of a body an error keeps, characters.
EXCERPT: Final = 200
#: How much of any line of the service's an error keeps, characters.
MAX_LINE: Final = 1_000


def redact(error: PeriskopeError, mask: Callable[[Any], Any]) -> None:
    """Have *mask* take the key out of all that *error* holds, then cut what the service said to what fits a log.

    The message is what logs and screens show, and the service may name a chat in it: phone numbers are cut there.

    In this order: half a key, at the end of an excerpt, would not be known for one.
    """
    state = vars(error)
    state.update({name: mask(value) for name, value in state.items()})
    error.args = (mask_numbers(_line(error.message)),)
    error.trace_id = error.trace_id and _line(error.trace_id)
    if isinstance(error, ApiError):
        error.code = error.code and _line(error.code)
        error.name = error.name and _line(error.name)
        error.body = error.body[:EXCERPT]


def _line(text: str) -> str:
    return one_line(text[:MAX_LINE])
