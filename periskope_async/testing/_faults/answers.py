"""How each fault looks: pure functions from the answer that would have been given to the steps that are played.

It must not know when a fault strikes, nor sockets: steps are values.
"""

import base64
import gzip
import itertools
import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.utils import formatdate
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import attrs

from periskope_async.testing._faults.names import NEED_A_BODY, NEED_A_NEXT_REQUEST, Fault
from periskope_async.testing._http import FOREVER, Hangup, Reply, Step
from periskope_async.testing._service.checks import json_object
from periskope_async.testing._service.made_up import Json, dumps

__all__ = ["MIB", "FaultContext", "play"]

MIB: Final = 1024 * 1024


@attrs.frozen
class FaultContext:
    """What a fault plays on.

    Attributes:
        reply: the answer that would have been given.
        closes: whether the client uses the connection for this request only.
        now: the service's time, in seconds since the epoch.
        retry_after: seconds for `Retry-After`, where the fault sends one.
        pause: seconds of waiting: before slow headers, and between the bytes of a drip.
        giant: bytes of a giant body; of a bomb, after decompression.
        location: where redirects lead.
    """

    reply: Reply
    closes: bool
    now: float
    retry_after: float
    pause: float
    giant: int
    location: str


def play(kind: Fault, context: FaultContext) -> Iterable[Step] | None:
    """The steps by which the fault *kind* answers instead of, or in the form of, the reply of *scene*.

    None where they would change nothing: a client could then not tell that there was a fault, and a test that counts
    on it would pass without having tested anything.
    """
    if (kind in NEED_A_BODY and not context.reply.body) or (kind in NEED_A_NEXT_REQUEST and context.closes):
        return None
    steps = iter(_PLAYS[kind](context))
    first = tuple(itertools.islice(steps, 3))  # no more: some never end
    at_once = [step for step in first if step]  # without waits of no time
    if at_once == [context.reply.encode()] and kind is not Fault.STALE:  # what STALE does comes with the next request
        return None
    return itertools.chain(first, steps)


_Play: TypeAlias = Callable[[FaultContext], Iterable[Step]]


# --- connections ---------------------------------------------------------------------------------------------


def _reset_during(context: FaultContext) -> Iterable[Step]:
    # The pause lets the first half arrive: a reset overtakes what the peer has not yet read.
    return (_halves(context.reply.encode())[0], 0.01, Hangup.RESET)


def _truncated(context: FaultContext) -> Iterable[Step]:
    return (_halves(context.reply.encode())[0], Hangup.FIN)


def _chunked(context: FaultContext) -> bytes:
    return context.reply.head(("Transfer-Encoding", "chunked"))


def _cut_chunk(context: FaultContext) -> Iterable[Step]:
    return (_chunked(context) + _chunk(context.reply.body)[:-9], Hangup.FIN)


def _no_last_chunk(context: FaultContext) -> Iterable[Step]:
    return (_chunked(context) + _chunk(context.reply.body), Hangup.FIN)


def _cut_at_eof(context: FaultContext) -> Iterable[Step]:
    head = context.reply.head()
    return (head + _halves(context.reply.body)[0], Hangup.FIN)


def _truncated_gzip(context: FaultContext) -> Iterable[Step]:
    packed = _halves(gzip.compress(context.reply.body, mtime=0))[0]
    return (attrs.evolve(context.reply, body=packed, headers=_encoded(context.reply, "gzip")).encode(),)


def _desync(context: FaultContext) -> Iterable[Step]:
    return (context.reply.encode() * 2,)


def _stall_body(context: FaultContext) -> Iterable[Step]:
    return (_halves(context.reply.encode())[0], FOREVER)


def _drip(data: bytes, pause: float) -> Iterator[Step]:
    for byte in data:
        yield bytes((byte,))
        yield pause


def _drip_headers(context: FaultContext) -> Iterator[Step]:
    yield from _drip(context.reply.head(("Content-Length", str(len(context.reply.body)))), context.pause)
    yield context.reply.body


def _drip_body(context: FaultContext) -> Iterator[Step]:
    yield context.reply.head(("Content-Length", str(len(context.reply.body))))
    yield from _drip(context.reply.body, context.pause)


def _drip_chunks(context: FaultContext) -> Iterator[Step]:
    yield _chunked(context)
    for byte in context.reply.body:
        yield _chunk(bytes((byte,)))
        yield context.pause
    yield _chunk(b"")


# --- HTTP that is none ---------------------------------------------------------------------------------------


def _with_headers(*fields: tuple[str, str]) -> _Play:
    return lambda context: (attrs.evolve(context.reply, headers=(*context.reply.headers, *fields)).encode(),)


def _garbage_status(context: FaultContext) -> Iterable[Step]:
    return (b"HTTP/1.1 two-hundred OK\r\n" + context.reply.encode().partition(b"\r\n")[2], Hangup.FIN)


# --- statuses ------------------------------------------------------------------------------------------------


def _error(status: int, code: str, message: str) -> _Play:
    return _status(status, dumps({"code": code, "message": message, "status": status}))


def _status(
    status: int,
    body: bytes = b"",
    content_type: str = "application/json; charset=utf-8",
    retry_after: Callable[[FaultContext], str] | None = None,
) -> _Play:
    def steps(context: FaultContext) -> Iterable[Step]:
        headers = [field for field in context.reply.headers if field[0] not in {"Content-Type", "ETag"}]
        if body:
            headers.append(("Content-Type", content_type))
        if retry_after is not None:
            headers.append(("Retry-After", retry_after(context)))
        if 300 < status < 400 and status != 304:  # redirects
            headers.append(("Location", context.location))
        return (Reply(status, body, tuple(headers)).encode(),)

    return steps


def _html(status: int, title: str) -> _Play:
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>\r\n"
    return _status(status, page.encode(), "text/html")


def _throttled(retry_after: Callable[[FaultContext], str] | None) -> _Play:
    return _status(429, _TOO_MANY, retry_after=retry_after)


def _seconds(context: FaultContext) -> str:
    return str(math.ceil(context.retry_after))


_TOO_MANY: Final = dumps(
    {"code": "RATE_LIMIT_ERROR", "message": "You can only make 100 requests per second", "status": 429}
)
_UNAVAILABLE: Final = dumps({"code": "UNKNOWN_ERROR", "message": "Service unavailable", "status": 503})


# --- bodies --------------------------------------------------------------------------------------------------


def _body(change: Callable[[bytes], bytes]) -> _Play:
    return lambda context: (attrs.evolve(context.reply, body=change(context.reply.body)).encode(),)


def _document(change: Callable[[Json], Json]) -> _Play:
    """A fault of an object that was asked for: of a ticket, or of every row of a list. Of an error it changes nothing.

    Args:
        change: from an object to what is sent in its place.
    """
    return lambda context: (attrs.evolve(context.reply, body=_changed(context.reply, change)).encode(),)


def _changed(reply: Reply, change: Callable[[Json], Json]) -> bytes:
    """The body of *reply* with its objects changed; the very same bytes where *change* finds nothing to change."""
    good = reply.body and 200 <= reply.status < 300  # an error holds no object of the service
    before = json_object(reply.body) if good else None
    if before is None:
        return reply.body
    if "tickets" in before:
        after = before | {"tickets": [change(row) for row in before["tickets"]]}
    elif "ticket" in before:
        after = before | {"ticket": change(before["ticket"])}
    else:
        after = change(before)
    return reply.body if after == before else dumps(after)


def _with(**values: Any) -> Callable[[Json], Json]:
    """Other values in the place of those that an object has; what it does not have it does not get."""
    return lambda found: found | {key: value for key, value in values.items() if key in found}


def _without(name: str) -> Callable[[Json], Json]:
    return lambda found: {key: value for key, value in found.items() if key != name}


_UNKNOWN: Final = {"sla_breached": True, "escalation": {"level": 2, "who": ["asha@example.com"]}}


def _wrong_charset(context: FaultContext) -> Iterable[Step]:
    fields = [field for field in context.reply.headers if field[0] != "Content-Type"]
    headers = (*fields, ("Content-Type", "application/json; charset=zlib"))
    return (attrs.evolve(context.reply, headers=headers).encode(),)


# --- too much ------------------------------------------------------------------------------------------------


@cache
def _packed(window_bits: int) -> tuple[bytes, bytes]:
    """A block of zeros as the beginning of a deflate stream, and as any later part of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    first = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    # What follows a full flush stands alone, so one packed block can be sent many times.
    return first, packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)


def _bomb(coding: str, window_bits: int) -> _Play:
    def steps(context: FaultContext) -> Iterator[Step]:
        first, again = _packed(window_bits)
        blocks = max(1, context.giant // MIB)
        reply = attrs.evolve(context.reply, headers=_encoded(context.reply, coding))
        yield reply.head(("Content-Length", str(len(first) + len(again) * (blocks - 1))))
        yield first
        for _ in range(blocks - 1):
            yield again

    return steps


def _brotli_bomb(context: FaultContext) -> Iterable[Step]:
    reply = attrs.evolve(context.reply, body=_BROTLI, headers=_encoded(context.reply, "br"))
    return (reply.encode(),)


#: One GiB of zeros as brotli, whose packing deflate packs again.
_BROTLI: Final = zlib.decompress(
    base64.b64decode(
        "eNo7//9//Q91hkcbHRS+/5v/////D/4MRxIZG979tf/////D+Qwdh5UY7v6u//f//2F7RoF2VoZd3///+f+/vZ5JgY+boeT9/5//"
        "//P/Z3GQEWN4ce//5///5f9xNljoMFzY+//5///2f4QZCiMYFlT/Pw+1aAODAy6LmEYtGrVo6FgEMhtuET8AWCjmoA=="
    )
)


def _giant_body(context: FaultContext) -> Iterator[Step]:
    blocks = max(1, context.giant // MIB)
    yield context.reply.head(("Content-Length", str(blocks * MIB)))
    for _ in range(blocks):
        yield b" " * MIB


def _endless_chunks(context: FaultContext) -> Iterator[Step]:
    yield _chunked(context)
    while True:
        yield _chunk(b" " * MIB)


def _halves(data: bytes) -> tuple[bytes, bytes]:
    middle = len(data) - min(len(data) // 2, 40)
    return data[:middle], data[middle:]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _encoded(reply: Reply, coding: str) -> tuple[tuple[str, str], ...]:
    return (*reply.headers, ("Content-Encoding", coding))


_PLAYS: Final[Mapping[Fault, _Play]] = MappingProxyType(
    {
        Fault.RESET_BEFORE: lambda _: (Hangup.RESET,),
        Fault.RESET_DURING: _reset_during,
        Fault.FIN: lambda _: (Hangup.FIN,),
        Fault.IDLE_CLOSE: lambda context: (context.reply.encode(), Hangup.FIN),
        Fault.STALE: lambda context: (context.reply.encode(),),  # the server closes at the next request
        Fault.TRUNCATED: _truncated,
        Fault.CUT_CHUNK: _cut_chunk,
        Fault.NO_LAST_CHUNK: _no_last_chunk,
        Fault.CUT_AT_EOF: _cut_at_eof,
        Fault.TRUNCATED_GZIP: _truncated_gzip,
        Fault.DESYNC: _desync,
        Fault.SLOW_HEADERS: lambda context: (context.pause, context.reply.encode()),
        Fault.STALL_HEADERS: lambda _: (FOREVER,),
        Fault.STALL_BODY: _stall_body,
        Fault.DRIP_HEADERS: _drip_headers,
        Fault.DRIP_BODY: _drip_body,
        Fault.DRIP_CHUNKS: _drip_chunks,
        Fault.GARBAGE_STATUS: _garbage_status,
        Fault.HUGE_HEADER: _with_headers(("X-Huge", "x" * 70_000)),
        Fault.MANY_HEADERS: _with_headers(*((f"X-Many-{n}", str(n)) for n in range(1_000))),
        Fault.NUL_HEADER: _with_headers(("X-Nul", "a\0b")),
        Fault.LENGTH_AND_CHUNKED: _with_headers(("Transfer-Encoding", "chunked")),
        Fault.TWO_LENGTHS: _with_headers(("Content-Length", "7")),
        Fault.STATUS_101: _status(101),
        Fault.STATUS_204: _status(204),
        Fault.STATUS_301: _status(301),
        Fault.STATUS_302: _status(302),
        Fault.STATUS_303: _status(303),
        Fault.STATUS_304: _status(304),
        Fault.STATUS_307: _status(307),
        Fault.STATUS_308: _status(308),
        Fault.STATUS_400: _error(400, "BAD_REQUEST_ERROR", "Bad request"),
        Fault.STATUS_401: _error(401, "UNAUTHORIZED_ERROR", "Invalid bearer auth token"),
        Fault.STATUS_401_PLAN: _status(
            401,
            dumps(
                {
                    "code": "UNAUTHORIZED_ERROR",
                    "message": "APIs available only for active pro and enterprise plans.",
                }
            ),
        ),
        Fault.STATUS_403: _error(403, "FORBIDDEN_ERROR", "Forbidden"),
        Fault.STATUS_404: _error(404, "NOT_FOUND_ERROR", "Ticket not found"),
        Fault.STATUS_408: _status(408),
        Fault.STATUS_409: _error(409, "CONFLICT_ERROR", "Conflict"),
        Fault.STATUS_410: _error(410, "GONE_ERROR", "Gone"),
        Fault.STATUS_422: _status(
            422,
            dumps(
                {
                    "code": "VALIDATION_ERROR",
                    "message": "Request validation failed",
                    "status": 422,
                    "fields": {"params.ticket_id": {"message": "Invalid ticket_id"}},
                }
            ),
        ),
        Fault.STATUS_425: _status(425),
        Fault.STATUS_429: _throttled(_seconds),
        Fault.STATUS_429_BARE: _throttled(None),
        Fault.STATUS_429_DATE: _throttled(
            lambda context: formatdate(math.ceil(context.now + context.retry_after), usegmt=True)
        ),
        Fault.STATUS_429_FLOAT: _throttled(lambda context: f"{context.retry_after:.3f}"),
        Fault.STATUS_429_GARBAGE: _throttled(lambda _: "soon, we hope"),
        Fault.STATUS_429_HUGE: _throttled(lambda _: "86400"),
        Fault.STATUS_429_HTML: _html(429, "Too Many Requests"),
        Fault.STATUS_500: _error(500, "UNKNOWN_ERROR", "Internal server error"),
        Fault.STATUS_500_EMPTY: _status(500),
        Fault.STATUS_502_HTML: _html(502, "502 Bad Gateway"),
        Fault.STATUS_503: _status(503, _UNAVAILABLE, retry_after=_seconds),
        Fault.STATUS_503_BARE: _status(503, _UNAVAILABLE),
        Fault.STATUS_504: _html(504, "504 Gateway Time-out"),
        Fault.STATUS_520: _html(520, "Web server is returning an unknown error"),
        Fault.STATUS_524: _html(524, "A timeout occurred"),
        Fault.STATUS_999: _status(999),
        Fault.HTML: _html(200, "Scheduled maintenance"),
        Fault.EMPTY: _body(lambda _: b""),
        Fault.INVALID_JSON: _body(lambda body: body[:-1] + b",}"),
        Fault.HALF_JSON: _body(lambda body: _halves(body)[0]),
        Fault.NULL: _body(lambda _: b"null"),
        Fault.ARRAY: _body(lambda body: b"[" + body + b"]"),
        Fault.HOLLOW: _body(lambda _: b"{}"),
        Fault.NAN: _document(_with(priority=math.nan)),
        Fault.HUGE_INT: _body(lambda _: b'{"ticket":{"priority":' + b"9" * 5_000 + b"}}"),
        Fault.DEEP: _body(lambda _: b'{"ticket":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        Fault.SURROGATE: _body(lambda body: re.sub(rb'"subject": *"', rb"\g<0>\\ude00", body)),
        Fault.INVALID_UTF8: _body(lambda body: body[:-1] + b',"x":"\xff\xfe"}'),
        Fault.BOM: _body(lambda body: b"\xef\xbb\xbf" + body),
        Fault.WRONG_CHARSET: _wrong_charset,
        Fault.OTHER_ID: _document(_with(ticket_id="BKT-ANOTHER")),
        Fault.MISSING_FIELD: _document(_without("ticket_id")),
        Fault.NULL_FIELD: _document(_with(ticket_id=None)),
        Fault.WRONG_TYPE: _document(_with(ticket_id={"id": 7}, subject=["a"])),
        Fault.UNKNOWN_ENUM: _document(_with(status="snoozed", priority=9)),
        Fault.UNKNOWN_FIELDS: _document(lambda found: found | _UNKNOWN),
        Fault.GZIP_BOMB: _bomb("gzip", 31),
        Fault.DEFLATE_BOMB: _bomb("deflate", 15),
        Fault.BROTLI_BOMB: _brotli_bomb,
        Fault.GIANT_BODY: _giant_body,
        Fault.ENDLESS_CHUNKS: _endless_chunks,
    }
)
