"""The usual answer, read without a parser: a 200 that came whole, in one piece, and says how long it is.

What is odd in any way is not read here: a parser reads it. So this need not know HTTP, only what is beyond doubt.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from periskope_async._sansio.response import LimitTexts

__all__ = ["Fields", "UsualAnswer", "read_usual"]

#: Longer ones are for the parser, which has limits of its own, bytes.
MAX_HEAD: Final = 8_000
#: In lower case, with the blank line. No character in it but visible ones, no line that goes on with the next.
_HEAD: Final = re.compile(
    rb"http/1\.1 200 [\t -~\x80-\xff]*+\r\n(?:[a-z0-9!#$%&'*+.^_`|~-]++:[\t -~\x80-\xff]*+\r\n){1,64}+\r\n"
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: ([0-9]{1,8})\r\n")
_KEPT: Final = b"\r\nconnection: keep-alive\r\n"
#: The headers of a rate limit as express-rate-limit sends them, one after the other but for a Date.
_LIMIT: Final = re.compile(
    rb"\r\nx-ratelimit-limit: ([0-9]{1,15})\r\nx-ratelimit-remaining: ([0-9]{1,15})"
    rb"(?:\r\ndate: [^\r]*)?\r\nx-ratelimit-reset: ([0-9]{1,15})\r\n"
)


class Fields:
    """The headers of an answer, looked up in its head as it came: of most, nobody asks.

    Args:
        head: up to the blank line, which is its end.
        lower: the same in lower case.
    """

    __slots__ = ("_head", "_lower")

    def __init__(self, head: bytes, lower: bytes) -> None:
        self._head = head
        self._lower = lower

    def get(self, key: str, /) -> str | None:
        """Return the first of this name, in any case."""
        name, head = _line_start(key), self._head
        at = self._lower.find(name)
        if at < 0:
            return None
        start = at + len(name)
        return head[start : head.index(b"\r\n", start)].strip(b" \t").decode("utf-8", "surrogateescape")

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Return all of this name, or *default* if there is none."""
        if key not in self:
            return default
        name = key.lower()
        return [value for other, value in self.items() if other.lower() == name]

    def items(self) -> Iterable[tuple[str, str]]:
        """Return all, with their names as they came."""
        lines = (line.partition(b":") for line in self._head[:-4].split(b"\r\n")[1:])
        return [(_text(name), _text(value)) for name, _, value in lines]

    def __contains__(self, key: object, /) -> bool:
        return isinstance(key, str) and self.get(key) is not None


@lru_cache(maxsize=64)  # names: code asks for few
def _line_start(name: str) -> bytes:
    return b"\r\n%b:" % name.lower().encode()


#: Its headers, its body, and what they say of a rate limit.
UsualAnswer: TypeAlias = tuple[Fields, bytes, LimitTexts]


def read_usual(data: bytes) -> UsualAnswer | None:
    """Return the usual answer; the status is 200.

    None for anything else: an answer that came in part, has another status, is packed, or ends its connection; bytes
    that follow it; and whatever is not well-formed beyond doubt.
    """
    if not data.startswith(b"HTTP/1.1 200 "):
        return None
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
    head = data[:end]
    lower = head.lower()
    length = _LENGTH.search(lower)
    if length is None or len(data) != end + int(length[1]) or lower.count(b"content-length") != 1:
        return None
    # What may change where a body ends, how it is packed, what becomes of the connection. One search for each: an
    # expression for all takes ten times as long.
    connections = lower.count(b"connection")
    if lower.find(b"-encoding:") >= 0 or connections > 1 or (connections and _KEPT not in lower):
        return None
    if _HEAD.fullmatch(lower) is None:
        return None
    at = lower.find(b"ratelimit")
    return Fields(head, lower), data[end:], () if at < 0 else _limit(lower, at)


def _limit(lower: bytes, at: int) -> LimitTexts:
    """Return the texts of the rate limit's headers, which begin at the first that names one; None if there are more."""
    found = _LIMIT.match(lower, at - len(b"\r\nx-"))
    if found is None or lower.find(b"ratelimit", found.end()) >= 0:
        return None
    limit, remaining, reset = found.groups()
    return limit.decode(), remaining.decode(), reset.decode()


def _text(value: bytes) -> str:
    # As aiohttp decodes them, which may hold anything.
    return value.strip(b" \t").decode("utf-8", "surrogateescape")
