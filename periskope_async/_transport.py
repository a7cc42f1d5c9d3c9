"""One attempt over HTTP: bytes out, bytes in, faults as values. The only file that opens an aiohttp session.

It knows nothing of retries, pacing or tickets. It is imported when the first client is made: aiohttp's import takes
three times as long as that of everything else here together.
"""

import asyncio
import inspect
import os
import time
import warnings
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from functools import cache
from importlib import metadata
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from periskope_async._pacing import Gate, Lane, gate_for
from periskope_async._protocol import Failure, Kind, Request, Response
from periskope_async._timer import Alarm
from periskope_async.errors import (
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    PeriskopeError,
    ProtocolError,
    RequestTimeout,
    TlsError,
)
from periskope_async.settings import Settings

__all__ = ["Home", "Transport"]

#: Bodies are read up to this many *decoded* bytes: a gzip of 1 MB can hold 2 GB.
MAX_BODY: Final = 16 * 1024 * 1024
#: A blackholed address must not eat a whole attempt, seconds.
CONNECT_TIMEOUT: Final = 10.0
#: The alarm times attempts; aiohttp's own total would count from before the queue for a connection.
TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
#: What asyncio reads at once, bytes. It asks for a new buffer of 256 KiB for every read, which costs a quarter of the
#: whole request; a ticket takes a few KiB.
READ_SIZE: Final = 65_536
#: Node closes idle connections after 5 s and aiohttp does not read its hint, so ours go before, seconds.
KEEPALIVE: Final = 4.0

# Every session of ours that is open, with what closes it when its loop ends.
_open: dict[aiohttp.ClientSession, AsyncGenerator[None, None]] = {}


def _keep_inherited() -> None:
    """In a forked child, see that the parent's sessions are never collected, not even when the interpreter ends.

    What is collected is closed, and that would end the parent's connections: a TLS goodbye on a shared socket, or an
    epoll that both share and the parent waits at.
    """
    if _open:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(dict(_open)))
        _open.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # there is no fork on Windows
    os.register_at_fork(after_in_child=_keep_inherited)


# Whether the request that is being sent shall not use a connection that was used before.
_fresh: ContextVar[bool] = ContextVar("periskope_fresh", default=False)


class Home:
    """What a client has in one event loop: its session, its lane through the gate, its alarm."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gate: Gate, concurrency: int) -> None:
        self.loop = loop
        self.lane: Lane = Lane(gate, concurrency, loop)
        self.alarm: Alarm = Alarm(loop)
        self.session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Send away who waits, cut off who is under way, and close the session."""
        self.lane.close()
        self.alarm.close()
        if self.session in _open:
            await _open[self.session].aclose()
            await asyncio.sleep(0)  # the sockets close with the loop's next turn


class Transport:
    """The connections of one client and its `with_options` clones: a session for each event loop, made when needed."""

    closed: bool = True  # until it is made

    def __init__(self, settings: Settings, gate: Gate, borrowed: aiohttp.ClientSession | None = None) -> None:
        if not isinstance(borrowed, aiohttp.ClientSession | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # some err
            raise ConfigurationError(f"session: expected an aiohttp.ClientSession, got {type(borrowed).__name__}")
        self.gate: Gate = gate
        self._settings = settings
        self._headers = {
            "Accept": "application/json",
            # aiohttp would offer brotli and zstd too, where installed; their bombs are smaller still.
            "Accept-Encoding": "gzip, deflate",
            "Authorization": settings.api_key.reveal("Bearer {}"),
            "User-Agent": _user_agent(),
        }
        if settings.phone is not None:
            self._headers["x-phone"] = settings.phone
        self._borrowed = borrowed
        self._base = URL(settings.base_url)
        self._prefix = self._base.raw_path.rstrip("/")
        self._options: dict[str, Any] = {"allow_redirects": False, "middlewares": (_send_once,)}
        if borrowed is not None:  # its own defaults are its owner's affair, not ours
            self._options |= {"headers": self._headers, "timeout": TIMEOUT}
            self._options |= {"raise_for_status": False, "auto_decompress": True}
        self._homes: dict[asyncio.AbstractEventLoop, Home] = {}
        self._latest: Home | None = None
        self._pid = os.getpid()
        self._made_at = _caller_site()
        self.closed = False

    def home(self) -> Home:
        """Return what this client has in the running event loop.

        Raises:
            ClientClosedError: the client is closed.
            ConfigurationError: no event loop is running, or the session that was given belongs to another one.
        """
        if self.closed:
            raise ClientClosedError("this client is closed")
        loop = _running_loop()
        home = self._latest
        if home is not None and home.loop is loop and self._pid == os.getpid():
            return home
        return self._find_home(loop)

    async def send(self, request: Request, home: Home, until: float, *, fresh: bool = False) -> Response | Failure:
        """Make one attempt and return the answer, or why there is none by *until* (loop time).

        *fresh* asks for a new connection: where one that was idle had ended unnoticed, others have.

        Nothing of aiohttp's escapes: its exceptions hold the request's headers, and so the key.
        """
        task = asyncio.current_task(home.loop)
        if task is None:
            raise AssertionError("unreachable")
        cancelling = task.cancelling()
        home.alarm.set(task, until)
        try:
            _fresh.set(fresh)
            outcome = await self._exchange(request, home)
        except asyncio.CancelledError as exc:
            if not home.alarm.clear(task) or task.uncancel() > cancelling:
                # It is the caller's. aiohttp's frames go: their locals hold the headers.
                raise exc.with_traceback(None)  # noqa: B904  # the same exception, not a new one
            return Failure(RequestTimeout("no complete answer in time"), Kind.SLOW)
        except Exception as exc:  # noqa: BLE001  # whatever broke below is a failed attempt, to be judged as one
            outcome = self._failure(exc)
        if home.alarm.clear(task):
            task.uncancel()  # it rang too late to matter
        return outcome

    async def aclose(self) -> None:
        """Close every session of ours. Calls that wait or are under way end with ClientClosedError."""
        self.closed = True
        homes = list(self._homes.values()) if self._pid == os.getpid() else []  # a parent's stay its own
        self._homes, self._latest = {}, None
        here = asyncio.get_running_loop()
        for home in homes:
            if home.loop is here:
                await home.aclose()
            elif home.loop.is_running():
                asyncio.run_coroutine_threadsafe(home.aclose(), home.loop)
            # and a loop that stands still closes its session when it ends

    def __del__(self) -> None:
        if self.closed or self._pid != os.getpid():
            return
        sessions = [(home.loop, home.session) for home in self._homes.values() if home.session is not None]
        if not sessions:
            return
        message = "unclosed PeriskopeClient: use 'async with PeriskopeClient(...)' or 'await client.aclose()'"
        warnings.warn_explicit(message, ResourceWarning, *self._made_at)
        for loop, session in sessions:
            if loop.is_running():
                # What is to close the session is now nobody's, and so its loop has it do that as soon as it can.
                _open.pop(session, None)
            else:
                session.detach()  # nobody can close it; it shall not complain in our place

    def _find_home(self, loop: asyncio.AbstractEventLoop) -> Home:
        if self._borrowed is not None and getattr(self._borrowed, "_loop", loop) is not loop:
            raise ConfigurationError("session: it belongs to another event loop")
        if self._pid != os.getpid():
            self._homes = {}
            self.gate = gate_for(self._settings.base_url, self._settings.api_key)
            self._pid = os.getpid()
        home = self._homes.get(loop)
        if home is None:
            # Copied in one step: another thread may be here for its own loop.
            for other in list(self._homes):
                if other.is_closed():
                    self._homes.pop(other, None)
            home = self._homes[loop] = Home(loop, self.gate, self._settings.concurrency)
        self._latest = home
        return home

    async def _exchange(self, request: Request, home: Home) -> Response | Failure:
        session = self._borrowed or home.session or await self._open(home)
        # Quoted already; `with_path` is the cheapest way to a URL that is not quoted again.
        url = self._base.with_path(self._prefix + request.path, encoded=True)
        if request.query:
            url = url.with_query(request.query)
        options = self._options
        if request.body is not None:
            options = dict(options, headers={**self._headers, "Content-Type": "application/json"}, data=request.body)
        response = await session.request(request.method, url, **options)
        try:
            body = await _read(response)
        finally:
            if not response.closed:
                response.close()
        if body is None:
            return Failure(ProtocolError(f"the body is larger than {MAX_BODY >> 20} MiB"), Kind.FINAL)
        return Response(response.status, response.headers, body, time.time())

    async def _open(self, home: Home) -> aiohttp.ClientSession:
        session = home.session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=KEEPALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=TIMEOUT,
        )
        keeper = _open[session] = _close_with_loop(session)
        await anext(keeper)
        return session

    def _failure(self, exc: Exception) -> Failure:
        """Name what broke, in our own words: aiohttp's may quote what was on the wire."""
        cause = exc.__cause__ if isinstance(exc, _SentOnceError) else exc
        host = self._settings.base_url.split("/")[2]
        error: PeriskopeError
        kind, unsent = Kind.PASSING, True
        match cause:
            case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
                error, kind = TlsError(f"{host}: the TLS handshake failed: {_reason(cause)}"), Kind.FINAL
            case aiohttp.ClientConnectorDNSError():
                error, kind = ConnectError(f"{host}: name resolution failed: {_reason(cause)}"), Kind.UNRESOLVED
            case aiohttp.ClientConnectorError():
                error = ConnectError(f"{host}: no connection: {_reason(cause)}")
            case aiohttp.ConnectionTimeoutError():
                error = ConnectError(f"{host}: no connection within {CONNECT_TIMEOUT:g} s")
            case aiohttp.ClientConnectionError():
                error, kind = ProtocolError(f"{host}: the connection ended before an answer"), Kind.DROPPED
                unsent = False
            case aiohttp.ClientPayloadError():
                error, unsent = ProtocolError(f"{host}: the answer broke off or is damaged"), False
            case RuntimeError() if self.closed or (self._borrowed is not None and self._borrowed.closed):
                error, kind = ClientClosedError("the client, or the session it was given, is closed"), Kind.FINAL
            case RuntimeError():
                error, kind = ConnectError(f"{host}: no connection: the event loop is shutting down"), Kind.FINAL
            case ValueError() if self._borrowed is not None:
                error, kind = ConfigurationError("session: its own headers or credentials clash with ours"), Kind.FINAL
            case _:
                error, unsent = ProtocolError(f"{host}: the answer is not valid HTTP ({type(cause).__name__})"), False
        return Failure(error, kind, unsent=unsent)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connector, with connections that read less at once, and new ones where asked for.

    Not all that it overrides is public. Should some of it go, connections are slower, or some retries in vain.
    """

    def __del__(self, *_: object) -> None:
        """Do not complain that it is not closed: who forgot to is told by `Transport.__del__`."""

    async def _get(self, *args: Any, **kwargs: Any) -> Connection | None:
        return None if _fresh.get() else await super()._get(*args, **kwargs)

    async def _create_connection(self, *args: Any, **kwargs: Any) -> ResponseHandler:
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


async def _close_with_loop(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Close *session* when its loop ends: a loop that shuts down closes the generators that were started in it."""
    try:
        yield
    finally:
        _open.pop(session, None)
        await session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the body, decompressed; None as soon as it is larger than `MAX_BODY`."""
    content = response.content
    first = await content.readany()
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


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError("no asyncio event loop is running here; blocking code uses periskope_sync")


def _caller_site() -> tuple[str, int]:
    """Return the file and line of the first caller outside our packages."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("periskope_async.", "periskope_sync.")):
        frame = frame.f_back
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


@cache
def _user_agent() -> str:
    try:
        return f"periskope-python/{metadata.version('periskope')}"
    except metadata.PackageNotFoundError:  # frozen into an executable, or copied in without its metadata
        return "periskope-python"


def _reason(exc: BaseException) -> str:
    """Return what the operating system said, without the objects that say it."""
    os_error = getattr(exc, "os_error", None) or getattr(exc, "certificate_error", None) or exc
    return str(getattr(os_error, "strerror", None) or type(os_error).__name__)
