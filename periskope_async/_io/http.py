"""One request and its answer over aiohttp: bytes out, bytes in. The only file that imports aiohttp.

It knows nothing of retries, pacing, time-outs or tickets. It is imported when the first client is made: aiohttp's
import takes three times as long as that of everything else here together.

A request takes one of two ways to the same answer. Both use aiohttp's connections, its TLS and its parser.

`_ask`         through `ClientSession.request`: for a session that we were lent, for our own where somebody watches it
               (traces, recorders, mocks of aiohttp), and for an aiohttp that we have not tried.
`_ask_briefly` on the connection itself: the head of a request never changes but for its path, so it is spelled once.
               That saves most of what aiohttp adds to the sockets.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from periskope_async._sansio.request import Request
from periskope_async._sansio.response import FailedAttempt, FailureKind, Response
from periskope_async.errors import (
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    PeriskopeError,
    ProtocolError,
    TlsError,
)
from periskope_async.settings import conceal

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

__all__ = ["Http", "Session", "check_session"]

Session = aiohttp.ClientSession

#: Bodies are read up to this many *decoded* bytes: a gzip of 1 MB can hold 2 GB.
MAX_BODY: Final = 16 * 1024 * 1024
#: A blackholed address must not eat a whole attempt, seconds.
CONNECT_TIMEOUT: Final = 10.0
#: The caller times attempts; aiohttp's own total would count from before the queue for a connection.
TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
#: What asyncio reads at once, bytes. It asks for a new buffer of 256 KiB for every read, which costs a quarter of the
#: whole request; a ticket takes a few KiB.
READ_SIZE: Final = 65_536
#: Node closes idle connections after 5 s and aiohttp does not read its hint, so ours go before, seconds.
KEEPALIVE: Final = 4.0
#: The aiohttp releases whose connections are known to work as `_ask_briefly` takes it; what that calls is not public.
TRIED_RELEASES: Final = frozenset({"3.14"})

#: What recorders and mocks of aiohttp put something else in the place of.
_REQUEST: Final[Any] = vars(aiohttp.ClientSession).get("_request")

# Whether the request that is being sent shall not use a connection that was used before.
_fresh: ContextVar[bool] = ContextVar("periskope_fresh", default=False)


def check_session(session: object) -> None:
    """Insist that *session* is one.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session: expected an aiohttp.ClientSession, got {type(session).__name__}")


class Http:
    """One client's way to the service within one event loop: a session, and how requests go through it.

    Args:
        base_url: where the API is.
        headers: what every request says, credentials included.
        lent: somebody else's session to use instead of an own one; it is never closed from here.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], borrowed: aiohttp.ClientSession | None = None
    ) -> None:
        self._base = URL(base_url)
        self._host = base_url.split("/")[2]
        self._prefix = self._base.raw_path.rstrip("/")
        self._headers = headers
        self._borrowed = borrowed
        self._can_go_direct = borrowed is None and _is_tried_release()
        self._options: dict[str, Any] = {"allow_redirects": False, "middlewares": (_send_once,)}
        if borrowed is not None:
            self.session: Session = borrowed
            self._options |= {
                # Its own defaults are its owner's affair, not ours.
                "headers": headers,
                "timeout": TIMEOUT,
                "raise_for_status": False,
                "auto_decompress": True,
                # Its own middlewares stay, and see what aiohttp raises: ours is the outermost.
                "middlewares": (_send_once, *getattr(borrowed, "_middlewares", ())),
            }
            return
        self.session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=KEEPALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=TIMEOUT,
        )
        if self._can_go_direct:
            # aiohttp's own spelling of it all, and what its connector takes for the address to connect to.
            self._example = aiohttp.ClientRequest(
                "GET", self._base, headers=headers, loop=asyncio.get_running_loop(), session=self.session
            )
            fields = [f"{name}: {value}\r\n" for name, value in self._example.headers.items()]
            self._fields = conceal("".join(fields))

    async def ask(self, request: Request, *, fresh: bool) -> Response | FailedAttempt:
        """Send *request* and return the answer.

        *fresh* asks for a new connection: where one that was idle had ended unnoticed, others have.

        Raises:
            Exception: whatever broke, for `explain`.
        """
        _fresh.set(fresh)
        if self._can_go_direct and not self._is_watched():
            return await self._send_directly(request)
        return await self._send_publicly(request)

    def _is_watched(self) -> bool:
        return bool(self.session.trace_configs) or vars(Session)["_request"] is not _REQUEST

    async def _send_publicly(self, request: Request) -> Response | FailedAttempt:
        # Quoted already; `with_path` is the cheapest way to a URL that is not quoted again.
        url = self._base.with_path(self._prefix + request.path, encoded=True)
        if request.query:
            url = url.with_query(request.query)
        options = self._options
        if request.body is not None:
            options = dict(options, headers={**self._headers, "Content-Type": "application/json"}, data=request.body)
        response = await self.session.request(request.method, url, **options)
        try:
            return _answer(response.status, response.headers, await _read(response.content))
        finally:
            if not response.closed:
                response.close()

    async def _send_directly(self, request: Request) -> Response | FailedAttempt:
        connector = self.session.connector
        if connector is None:
            raise RuntimeError("the session is closed")
        try:
            connection = await connector.connect(self._example, [], TIMEOUT)
        except TimeoutError as exc:
            raise aiohttp.ConnectionTimeoutError from exc
        try:
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None or transport.is_closing():
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(read_until_eof=True, read_bufsize=READ_SIZE)
            transport.write(self._spell(request))
            message, content = await protocol.read()
            while 100 <= message.code <= 199 and message.code != 101:
                message, content = await protocol.read()
            body = await _read(content)
            if body is not None:
                connection.release()
            return _answer(message.code, message.headers, body)
        finally:
            connection.close()  # unless it was released

    def _spell(self, request: Request) -> bytes:
        query = f"?{urlencode(request.query)}" if request.query else ""
        head = f"{request.method} {self._prefix}{request.path}{query} HTTP/1.1\r\n{self._fields}"
        body = request.body
        if body is None:
            return f"{head}\r\n".encode()
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def explain(self, exc: Exception, *, closed: bool) -> FailedAttempt:
        """Name what broke, in our own words: aiohttp's may quote what was on the wire.

        *closed*: whether the client was closed meanwhile.
        """
        cause = exc.__cause__ if isinstance(exc, _SentOnceError) else exc
        host = self._host
        error: PeriskopeError
        kind, unsent = FailureKind.PASSING, True
        match cause:
            case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
                error, kind = TlsError(f"{host}: the TLS handshake failed: {_reason(cause)}"), FailureKind.FINAL
            case aiohttp.ClientConnectorDNSError():
                error, kind = ConnectError(f"{host}: name resolution failed: {_reason(cause)}"), FailureKind.UNRESOLVED
            case aiohttp.ClientConnectorError():
                error = ConnectError(f"{host}: no connection: {_reason(cause)}")
            case aiohttp.ConnectionTimeoutError():
                error = ConnectError(f"{host}: no connection within {CONNECT_TIMEOUT:g} s")
            case aiohttp.ClientConnectionError():
                error, kind = ProtocolError(f"{host}: the connection ended before an answer"), FailureKind.DROPPED
                unsent = False
            case aiohttp.ClientPayloadError():
                error, unsent = ProtocolError(f"{host}: the answer broke off or is damaged"), False
            case RuntimeError() if closed or (self._borrowed is not None and self._borrowed.closed):
                error, kind = ClientClosedError("the client, or the session it borrows, is closed"), FailureKind.FINAL
            case RuntimeError():
                error, kind = ConnectError(f"{host}: no connection: the event loop is shutting down"), FailureKind.FINAL
            case ValueError() if self._borrowed is not None:
                error, kind = (
                    ConfigurationError("session: its own headers or credentials clash with ours"),
                    FailureKind.FINAL,
                )
            case _:
                error, unsent = ProtocolError(f"{host}: the answer is not valid HTTP ({type(cause).__name__})"), False
        return FailedAttempt(error, kind, unsent=unsent)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connector, with connections that read less at once, and new ones where asked for.

    Not all that it overrides is public. Should some of it go, connections are slower, or some retries in vain.
    """

    def __del__(self, *_: object) -> None:
        """Do not complain that it is not closed: `Transport.__del__` reports who forgot to."""

    async def _get(self, *args: Any, **kwargs: Any) -> "Connection | None":
        if _fresh.get():
            return None
        connection = await super()._get(*args, **kwargs)
        while connection is not None and connection.protocol is not None and connection.protocol.should_close:
            connection.close()  # something came that nobody had asked for: it would pass for the next answer
            connection = await super()._get(*args, **kwargs)
        return connection

    async def _create_connection(self, *args: Any, **kwargs: Any) -> "ResponseHandler":
        protocol = await super()._create_connection(*args, **kwargs)
        transport: Any = protocol.transport
        if hasattr(transport, "max_size"):
            transport.max_size = READ_SIZE
        return protocol


class _SentOnceError(Exception):
    """Carries aiohttp's exception past its own retry, which looks for two classes of its own."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp sends a GET a second time after any reset, unseen, uncounted and unpaced (aio-libs/aiohttp#7297).
    try:
        return await handler(request)
    except Exception as exc:
        raise _SentOnceError from exc


def _answer(status: int, headers: Any, body: bytes | None) -> Response | FailedAttempt:
    if body is None:
        return FailedAttempt(ProtocolError(f"the body is larger than {MAX_BODY >> 20} MiB"), FailureKind.FINAL)
    return Response(status, headers, body, time.time())


async def _read(content: aiohttp.StreamReader) -> bytes | None:
    """Return the body, decompressed; None as soon as it is larger than `MAX_BODY`."""
    first = content.read_nowait() if content.is_eof() else await content.readany()
    if content.at_eof():
        return first if len(first) <= MAX_BODY else None
    chunks, size = [first], len(first)
    while size <= MAX_BODY:
        chunk = await content.readany()
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    return None


def _reason(exc: BaseException) -> str:
    """Return what the operating system said, without the objects that say it."""
    os_error = getattr(exc, "os_error", None) or getattr(exc, "certificate_error", None) or exc
    if isinstance(os_error, ConnectionError) and os_error.errno:
        return os.strerror(os_error.errno)  # asyncio's own text is about Python: "Connect call failed ('127.0.0.1', 9)"
    return str(getattr(os_error, "strerror", None) or type(os_error).__name__)


@cache
def _is_tried_release() -> bool:
    """Whether this is an aiohttp that `_ask_briefly` was tried with, and itself: no mock was in its place before us."""
    release = ".".join(aiohttp.__version__.split(".")[:2])
    return release in TRIED_RELEASES and _REQUEST.__code__.co_filename == aiohttp.client.__file__
