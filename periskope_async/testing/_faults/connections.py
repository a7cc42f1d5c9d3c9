"""Connections that break, answers that dawdle, and HTTP that is not HTTP. Pure."""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from periskope_async.testing._faults.context import FaultAnswer, FaultContext, chunk, chunked, encoded, halves
from periskope_async.testing._faults.names import Fault
from periskope_async.testing._http import FOREVER, Hangup, Step

__all__ = ["CONNECTIONS"]


def _reset_during(context: FaultContext) -> Iterable[Step]:
    # The pause lets the first half arrive: a reset overtakes what the peer has not yet read.
    return (halves(context.reply.encode())[0], 0.01, Hangup.RESET)


def _truncated(context: FaultContext) -> Iterable[Step]:
    return (halves(context.reply.encode())[0], Hangup.FIN)


def _cut_chunk(context: FaultContext) -> Iterable[Step]:
    return (chunked(context) + chunk(context.reply.body)[:-9], Hangup.FIN)


def _no_last_chunk(context: FaultContext) -> Iterable[Step]:
    return (chunked(context) + chunk(context.reply.body), Hangup.FIN)


def _cut_at_eof(context: FaultContext) -> Iterable[Step]:
    head = context.reply.head()
    return (head + halves(context.reply.body)[0], Hangup.FIN)


def _truncated_gzip(context: FaultContext) -> Iterable[Step]:
    packed = halves(gzip.compress(context.reply.body, mtime=0))[0]
    return (attrs.evolve(context.reply, body=packed, headers=encoded(context.reply, "gzip")).encode(),)


def _desync(context: FaultContext) -> Iterable[Step]:
    return (context.reply.encode() * 2,)


def _stall_body(context: FaultContext) -> Iterable[Step]:
    return (halves(context.reply.encode())[0], FOREVER)


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
    yield chunked(context)
    for byte in context.reply.body:
        yield chunk(bytes((byte,)))
        yield context.pause
    yield chunk(b"")


def _with_headers(*fields: tuple[str, str]) -> FaultAnswer:
    return lambda context: (attrs.evolve(context.reply, headers=(*context.reply.headers, *fields)).encode(),)


def _garbage_status(context: FaultContext) -> Iterable[Step]:
    return (b"HTTP/1.1 two-hundred OK\r\n" + context.reply.encode().partition(b"\r\n")[2], Hangup.FIN)


CONNECTIONS: Final[Mapping[Fault, FaultAnswer]] = MappingProxyType(
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
    }
)
