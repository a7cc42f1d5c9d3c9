"""The names of everything that can go wrong, and the groups they fall into. Nothing but names."""

import enum
from typing import Final, NoReturn

from periskope_async._spelling import suggest

__all__ = [
    "HARMLESS_FAULTS",
    "NEED_A_BODY",
    "NEED_A_NEXT_REQUEST",
    "PASSING_FAULTS",
    "REFUSALS",
    "SLOW_FAULTS",
    "Fault",
    "status_of",
]


#: Where all the names stand, which are too many for a message.
_WHERE: Final = "(all of them: list(periskope_async.testing.Fault), or docs/guides/testing.md)"


class Fault(enum.StrEnum):
    """Every kind of fault the fake can inject. The values are what the command line calls them."""

    # Connections that break
    RESET_BEFORE = "reset-before"
    RESET_DURING = "reset-during"
    FIN = "fin"
    IDLE_CLOSE = "idle-close"
    STALE = "stale"
    TRUNCATED = "truncated"
    CUT_CHUNK = "cut-chunk"
    NO_LAST_CHUNK = "no-last-chunk"
    CUT_AT_EOF = "cut-at-eof"
    TRUNCATED_GZIP = "truncated-gzip"
    DESYNC = "desync"
    # Connections that dawdle
    SLOW_HEADERS = "slow-headers"
    STALL_HEADERS = "stall-headers"
    STALL_BODY = "stall-body"
    DRIP_HEADERS = "drip-headers"
    DRIP_BODY = "drip-body"
    DRIP_CHUNKS = "drip-chunks"
    # What is not HTTP
    GARBAGE_STATUS = "garbage-status"
    HUGE_HEADER = "huge-header"
    MANY_HEADERS = "many-headers"
    NUL_HEADER = "nul-header"
    LENGTH_AND_CHUNKED = "length-and-chunked"
    TWO_LENGTHS = "two-lengths"
    # Statuses
    STATUS_101 = "101"
    STATUS_204 = "204"
    STATUS_301 = "301"
    STATUS_302 = "302"
    STATUS_303 = "303"
    STATUS_304 = "304"
    STATUS_307 = "307"
    STATUS_308 = "308"
    STATUS_400 = "400"
    STATUS_401 = "401"
    STATUS_401_PLAN = "401-plan"
    STATUS_403 = "403"
    STATUS_404 = "404"
    STATUS_408 = "408"
    STATUS_409 = "409"
    STATUS_410 = "410"
    STATUS_422 = "422"
    STATUS_425 = "425"
    STATUS_429 = "429"
    STATUS_429_BARE = "429-bare"
    STATUS_429_DATE = "429-date"
    STATUS_429_FLOAT = "429-float"
    STATUS_429_GARBAGE = "429-garbage"
    STATUS_429_HUGE = "429-huge"
    STATUS_429_HTML = "429-html"
    STATUS_500 = "500"
    STATUS_500_EMPTY = "500-empty"
    STATUS_502_HTML = "502-html"
    STATUS_503 = "503"
    STATUS_503_BARE = "503-bare"
    STATUS_504 = "504"
    STATUS_520 = "520"
    STATUS_524 = "524"
    STATUS_999 = "999"
    # A 200 whose body is not the object
    HTML = "html"
    EMPTY = "empty"
    INVALID_JSON = "invalid-json"
    HALF_JSON = "half-json"
    NULL = "null"
    ARRAY = "array"
    HOLLOW = "hollow"
    NAN = "nan"
    HUGE_INT = "huge-int"
    DEEP = "deep"
    SURROGATE = "surrogate"
    INVALID_UTF8 = "invalid-utf8"
    BOM = "bom"
    WRONG_CHARSET = "wrong-charset"
    OTHER_ID = "other-id"
    MISSING_FIELD = "missing-field"
    NULL_FIELD = "null-field"
    WRONG_TYPE = "wrong-type"
    UNKNOWN_ENUM = "unknown-enum"
    UNKNOWN_FIELDS = "unknown-fields"
    # A 200 that is too much
    GZIP_BOMB = "gzip-bomb"
    DEFLATE_BOMB = "deflate-bomb"
    BROTLI_BOMB = "brotli-bomb"
    GIANT_BODY = "giant-body"
    ENDLESS_CHUNKS = "endless-chunks"

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise ValueError(f"no fault is called {value!r}{suggest(str(value), cls)} {_WHERE}")


#: Faults under which the answer is still good: a client should not even mind.
HARMLESS_FAULTS: Final = frozenset(
    {
        Fault.IDLE_CLOSE,
        Fault.STALE,
        Fault.DESYNC,
        Fault.SLOW_HEADERS,
        Fault.SURROGATE,
        Fault.BOM,
        Fault.WRONG_CHARSET,
        Fault.UNKNOWN_ENUM,
        Fault.UNKNOWN_FIELDS,
    }
)

#: Faults after which only the caller's own timeout ends the attempt. Another attempt may do.
SLOW_FAULTS: Final = frozenset(
    {Fault.STALL_HEADERS, Fault.STALL_BODY, Fault.DRIP_HEADERS, Fault.DRIP_BODY, Fault.DRIP_CHUNKS}
)

#: Faults that end an attempt at once, and after which another attempt may do.
PASSING_FAULTS: Final = frozenset(
    {
        Fault.RESET_BEFORE,
        Fault.RESET_DURING,
        Fault.FIN,
        Fault.TRUNCATED,
        Fault.CUT_CHUNK,
        Fault.NO_LAST_CHUNK,
        Fault.CUT_AT_EOF,
        Fault.TRUNCATED_GZIP,
        Fault.GARBAGE_STATUS,
        Fault.HUGE_HEADER,
        Fault.MANY_HEADERS,
        Fault.NUL_HEADER,
        Fault.LENGTH_AND_CHUNKED,
        Fault.TWO_LENGTHS,
        Fault.STATUS_408,
        Fault.STATUS_425,
        Fault.STATUS_429,
        Fault.STATUS_429_BARE,
        Fault.STATUS_429_DATE,
        Fault.STATUS_429_FLOAT,
        Fault.STATUS_429_GARBAGE,
        Fault.STATUS_429_HTML,
        Fault.STATUS_500,
        Fault.STATUS_500_EMPTY,
        Fault.STATUS_502_HTML,
        Fault.STATUS_503,
        Fault.STATUS_503_BARE,
        Fault.STATUS_504,
        Fault.STATUS_520,
        Fault.STATUS_524,
        Fault.HTML,
        Fault.EMPTY,
        Fault.INVALID_JSON,
        Fault.HALF_JSON,
        Fault.NULL,
        Fault.INVALID_UTF8,
        Fault.OTHER_ID,
    }
)

#: Faults of something in front of the service: the request never reaches it, so a write is not done.
REFUSALS: Final = frozenset(kind for kind in Fault if kind[0].isdigit()) | {Fault.HTML}


#: Faults of how a body arrives: where there is none, nothing happens.
NEED_A_BODY: Final = frozenset(
    {
        Fault.CUT_CHUNK,
        Fault.NO_LAST_CHUNK,
        Fault.CUT_AT_EOF,
        Fault.STALL_BODY,
        Fault.DRIP_BODY,
        Fault.DRIP_CHUNKS,
        Fault.WRONG_CHARSET,
    }
)

#: Faults of a connection between two requests: who says that it sends one only does not notice.
NEED_A_NEXT_REQUEST: Final = frozenset({Fault.IDLE_CLOSE, Fault.STALE})

#: Faults under which no status line arrives that could be read.
_WITHOUT_STATUS: Final = frozenset({Fault.RESET_BEFORE, Fault.FIN, Fault.STALL_HEADERS, Fault.GARBAGE_STATUS})


def status_of(kind: Fault, otherwise: int) -> int:
    """The status that *kind* answers with, or the one it leaves alone; 0 where none arrives."""
    if kind in _WITHOUT_STATUS:
        return 0
    if kind in REFUSALS:
        return int(kind[:3]) if kind[0].isdigit() else 200
    return otherwise
