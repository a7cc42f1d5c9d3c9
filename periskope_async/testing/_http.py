"""HTTP/1.1 on one socket, by hand: requests come in, answers are played step by step.

Written on a bare `asyncio.Protocol` because an HTTP library refuses to send what a broken service sends.
It must not know Periskope.
"""

import asyncio
import enum
import itertools
import math
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeAlias, cast

import attrs

__all__ = ["FOREVER", "Connection", "Hangup", "Headers", "Reply", "Request", "Step", "Upgrade", "parse_headers"]

#: Header fields of a request, names in lower case.
Headers: TypeAlias = Mapping[str, str]

#: A pause without an end: the connection stays open and silent.
FOREVER: Final = math.inf

_LONGEST_HEAD: Final = 64 * 1024  # bytes
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Hangup(enum.Enum):
    """How a connection ends."""

    FIN = "the ordinary way: what was written still arrives"
    RESET = "abruptly: the peer sees `connection reset`"


class Upgrade:
    """What a connection becomes that is to speak another protocol; the last step of an answer."""

    #: Writes to the peer; ends the connection. Set before `begin`.
    write: Callable[[bytes], None]
    hang_up: Callable[[Hangup], None]

    def begin(self) -> None:
        """Speak first."""

    def received(self, data: bytes) -> None:
        """Take what the peer sent."""

    def lost(self) -> None:
        """Take note that the connection is gone."""


#: One step of an answer: bytes to write, seconds to wait, the end of the connection, or of its being HTTP.
Step: TypeAlias = bytes | float | Hangup | Upgrade


@attrs.frozen
class Request:
    """A request as it came in.

    Attributes:
        method: `GET`, `POST` ...
        target: the raw request target, percent-encoding and query included.
        fields: the raw header fields.
        body: the raw body.
        closes: True where the client will not use the connection again.
    """

    method: str
    target: str
    fields: bytes = b""
    body: bytes = b""
    closes: bool = False

    @property
    def headers(self) -> Headers:
        """The header fields, names in lower case."""
        return parse_headers(self.fields)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@attrs.frozen
class Reply:
    """An answer before it is written.

    Attributes:
        status: the HTTP status; any number from 100 to 999.
        body: the raw body.
        headers: further header fields, sent as they are; `Content-Length` is added.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def head(self, *framing: tuple[str, str]) -> bytes:
        """The status line and the header fields, with *framing* in the place of `Content-Length`."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in (*self.headers, *framing)])
        return f"HTTP/1.1 {self.status} {_reason(self.status)}\r\n{fields}\r\n".encode("utf-8", "surrogateescape")

    def encode(self) -> bytes:
        """The whole answer as it goes over the wire."""
        if self.status in {204, 304}:
            return self.head()
        return self.head(("Content-Length", str(len(self.body)))) + self.body


@cache
def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


@lru_cache(maxsize=1024)
def parse_headers(raw: bytes) -> Headers:
    """The fields of a head. A client sends the same ones again and again, hence the cache."""
    fields = (line.partition(":") for line in raw.decode("latin-1").split("\r\n") if line)
    return MappingProxyType({name.strip().lower(): value.strip() for name, _, value in fields})


class Connection(asyncio.Protocol):
    """One accepted connection: parses requests, one at a time, and plays what *answer* returns.

    Args:
        answer: turns a request into the steps of its answer.
        opened: called with this connection once it stands.
        closed: called with this connection once it is gone.
    """

    def __init__(
        self,
        answer: Callable[["Connection", Request], Iterable[Step]],
        opened: Callable[["Connection"], None],
        closed: Callable[["Connection"], None],
    ) -> None:
        self._answer = answer
        self._opened = opened
        self._closed = closed
        self._buffer = bytearray()
        self._steps: Iterator[Step] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        self._transport: asyncio.Transport
        self._idle: asyncio.TimerHandle | None = None
        self._upgrade: Upgrade | None = None
        #: Seconds without a request after which the connection is closed; None: never.
        self.idle_limit: float | None = None
        #: The next request finds the connection closed, as when it crosses with an idle close.
        self.stale = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        # Else each further write waits, 40 ms or so, for the peer to acknowledge the one before. asyncio sets this only
        # on sockets that name their protocol, as those of `socket.create_server` do not.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Forget what was still to be played."""
        for timer in (self._timer, self._idle):
            if timer is not None:
                timer.cancel()
        self._steps = iter(())  # never None again: nothing more is answered
        if self._upgrade is not None:
            self._upgrade.lost()
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        if self._upgrade is not None:
            self._upgrade.received(data)
            return
        self._buffer += data
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._steps is None:
            self._pump()

    def pause_writing(self) -> None:
        """Hold the answer back: the peer does not read."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on with the answer: the peer reads again."""
        self._full = False
        if self._upgrade is not None:
            return
        # Not from in here: a transport closed within this callback reports its end twice.
        self._timer = asyncio.get_running_loop().call_later(0, self._pump)

    def hang_up(self, how: Hangup = Hangup.RESET) -> None:
        """End the connection."""
        if how is Hangup.FIN:
            self._transport.close()
            return
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None:  # as it is of a TLS connection that has just ended
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)  # closing then sends RST
        self._transport.abort()

    def _pump(self) -> None:
        while True:
            if self._steps is None:
                request = self._next_request()
                if request is None:
                    return
                ending = (Hangup.FIN,) if request.closes else ()
                self._steps = itertools.chain(self._answer(self, request), ending)
            for step in self._steps:
                if not self._do(step):
                    return
            self._steps = None
            if self.idle_limit is not None:
                self._idle = asyncio.get_running_loop().call_later(self.idle_limit, self.hang_up, Hangup.FIN)

    def _do(self, step: Step) -> bool:
        """False where the next step must wait, or never comes."""
        if isinstance(step, bytes):
            self._transport.write(step)
            # A transport whose peer is gone drops what is written and is never full: an endless answer would go on for
            # ever, and keep the loop for itself.
            return not (self._full or self._transport.is_closing())
        if isinstance(step, Hangup):
            self.hang_up(step)
        elif isinstance(step, Upgrade):
            self._upgrade = step
            step.write, step.hang_up = self._transport.write, self.hang_up
            step.begin()
        elif step != FOREVER:
            self._timer = asyncio.get_running_loop().call_later(step, self._pump)
        return False

    def _next_request(self) -> Request | None:
        """The next complete request, taken out of the buffer."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                self._refuse(431)
            return None
        line, _, fields = bytes(self._buffer[:end]).partition(b"\r\n")
        parts = line.decode("latin-1").split(" ")
        headers = parse_headers(fields)
        length = headers.get("content-length", "0")
        if len(parts) != 3 or not length.isdecimal():  # method, target, version
            self._refuse(400)
            return None
        if "transfer-encoding" in headers:
            self._refuse(411)
            return None
        stop = end + 4 + int(length)
        if len(self._buffer) < stop:
            return None
        body = bytes(self._buffer[end + 4 : stop])
        del self._buffer[:stop]
        wish = headers.get("connection", "").lower()
        closes = wish == "close" or (parts[2] == "HTTP/1.0" and wish != "keep-alive")
        return Request(parts[0], parts[1], fields, body, closes)

    def _refuse(self, status: int) -> None:
        self._transport.write(Reply(status, headers=(("Connection", "close"),)).encode())
        self._transport.close()
