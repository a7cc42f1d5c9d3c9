"""Bytes to JSON values, strictly: what gets through can be printed, copied and sent on. Knows no models.

Two spellings are mended instead of refused, as the rest of the body is good: a byte-order mark in front of it, which
RFC 8259 lets a reader ignore, and half a surrogate pair, which is what is left of an emoji where a text was cut.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NoReturn, cast

__all__ = ["loads", "parser"]


def loads(body: bytes) -> Any:
    """Parse a JSON body; with msgspec where it is installed. In place of half a surrogate pair stands U+FFFD.

    Raises:
        ValueError: it is not UTF-8, not JSON, or JSON that would break later: NaN, a number out of range, nesting
            without end.
    """
    parse = parser()
    try:
        try:
            return parse(body)
        except ValueError:  # mended only here, so that good bodies pay nothing for it
            mended = _mend(body)
            if mended == body:
                raise
        return parse(mended)
    except RecursionError:
        pass
    raise ValueError("JSON nests too deep")


def _mend(body: bytes) -> bytes:
    """Return a body without a byte-order mark, and with U+FFFD in place of each half of a surrogate pair."""
    return _SURROGATES.sub(
        lambda found: found[0] if found["pair"] else found["before"] + rb"\ufffd", body.removeprefix(BOM_UTF8)
    )


@cache
def parser() -> Callable[[bytes], Any]:
    """Return the parser of this process: as `loads`, but it mends nothing; endless nesting is a RecursionError."""
    try:
        import msgspec
    except ImportError:
        return _stdlib_loads
    return msgspec.json.Decoder().decode


def _stdlib_loads(body: bytes) -> Any:
    text = body.decode()
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        value, end = None, 0
    # `decode` looks for white space around every body, which takes a 25th of the parsing.
    if not end or (end != len(text) and text[end:].strip(_WHITE_SPACE)):
        value = _STRICT_JSON.decode(text)
    if "\\u" in text and _SURROGATE_ESCAPE.search(text):  # the first look takes a hundredth of the second
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
# An escape begins after an even number of backslashes. Each stretch of them is looked at once, however long it is.
_SURROGATES: Final = re.compile(
    rb"""(?<!\\) (?P<before> (?:\\\\)*+ ) \\u
    (?: (?P<pair> [dD][89abAB][0-9a-fA-F]{2} \\u [dD][c-fC-F][0-9a-fA-F]{2} ) | [dD][89a-fA-F][0-9a-fA-F]{2} )""",
    re.VERBOSE,
)
_STRICT_JSON: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_scan: Final[Callable[[str, int], tuple[Any, int]]] = cast("Any", _STRICT_JSON).scan_once
_WHITE_SPACE: Final = " \t\n\r"
