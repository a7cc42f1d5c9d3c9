"""Bytes to JSON values, strictly: what gets through can be printed, copied and sent on. Knows no models."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NoReturn

__all__ = ["loads", "parser"]


def loads(body: bytes) -> Any:
    """Parse a JSON body; with msgspec where it is installed.

    Raises:
        ValueError: it is not UTF-8, not JSON, or JSON that would break later: NaN, a number out of range, half a
            surrogate pair, nesting without end.
    """
    try:
        return parser()(body)
    except RecursionError:
        pass
    raise ValueError("JSON nests too deep")


@cache
def parser() -> Callable[[bytes], Any]:
    """Return the parser of this process: like `loads`, but nesting without end is a RecursionError."""
    try:
        import msgspec
    except ImportError:
        return _stdlib_loads
    return msgspec.json.Decoder().decode


def _stdlib_loads(body: bytes) -> Any:
    text = body.decode()
    value = _STRICT_JSON.decode(text)
    if _SURROGATE_ESCAPE.search(text):
        # Encoding finds half a surrogate pair now, not when somebody prints the ticket.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


def _finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_STRICT_JSON: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
