"""One request and its answer over aiohttp: bytes out, bytes in. Knows nothing of retries, pacing or resources.

It is imported when the first client is made: aiohttp's import takes three times as long as that of everything else here
together. Requests go through `ClientSession.request`, or the short way of `direct.py` where that is to be had.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import aiohttp
from anyio import to_thread
from yarl import URL

from periskope_async._io.body import read_answer
from periskope_async._io.connector import Connector, fresh
from periskope_async._io.direct import DirectWay
from periskope_async._io.explain import CONNECT_TIMEOUT, explain, lacks_descriptor
from periskope_async._io.probe import works_directly
from periskope_async._io.shortage import Room
from periskope_async._sansio.operation import Request
from periskope_async._sansio.proxy import Proxy
from periskope_async._sansio.response import FailedAttempt, FailureKind, Response
from periskope_async._sansio.upload import LARGE_BODY, FileBody
from periskope_async.errors import ConfigurationError, PeriskopeError
from periskope_async.settings import Settings

__all__ = ["Http", "Session", "check_session"]

Session = aiohttp.ClientSession

#: What a WebSocket says too. It has no body, and so no form of one.
_OF_ANY_REQUEST: Final = {"Authorization", "User-Agent"}
#: The caller times attempts; aiohttp's own total would count from before the queue for a connection.
TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)


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
        settings: where the API is, and how to get there.
        headers: what every request says, credentials included.
        borrowed: somebody else's session to use instead of an own one; it is never closed from here.
    """

    def __init__(
        self, settings: Settings, headers: Mapping[str, str], borrowed: aiohttp.ClientSession | None = None
    ) -> None:
        self._base = URL(settings.base_url)
        self._host = settings.base_url.split("/")[2]
        self._proxy = settings.proxy
        self._prefix = self._base.raw_path.rstrip("/")
        self._headers = headers
        #: Whether the session says them by itself, which is cheaper: they need not be put together for each request.
        self._said_by_session = borrowed is None and settings.proxy is None
        self._borrowed = borrowed
        self._direct: DirectWay | None = None
        self._room = Room(asyncio.get_running_loop())
        self._options: dict[str, Any] = {"allow_redirects": False, "middlewares": (_send_once,)}
        proxy = _proxy_options(settings.proxy, self._base)
        self._way = proxy if borrowed is None or settings.ssl is None else proxy | {"ssl": settings.ssl}
        self._options |= self._way
        if borrowed is not None:
            self.session: Session = borrowed
            self._options |= {
                # Its own defaults are its owner's affair, not ours.
                "timeout": TIMEOUT,
                "raise_for_status": False,
                "auto_decompress": True,
                # Its own middlewares stay, and see what aiohttp raises: ours is the outermost.
                "middlewares": (_send_once, *getattr(borrowed, "_middlewares", ())),
            }
            return
        direct = works_directly()
        connector = Connector(settings.ssl, direct=direct)
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=TIMEOUT,
            # aiohttp would say them to a proxy too, in clear.
            headers=headers if self._said_by_session else None,
        )
        if direct:
            self._direct = DirectWay(self.session, connector, self._base, headers, TIMEOUT, proxy)

    async def send(self, request: Request[Any], phone: str | None, *, new_connection: bool) -> Response | FailedAttempt:
        """Send *request* for *phone* and return the answer.

        *new_connection*: where one that was idle had ended unnoticed, others have.

        Raises:
            Exception: whatever broke, for `explain`.
        """
        direct, room = self._direct, self._room
        large = request.body is not None and len(request.body) > LARGE_BODY
        send = self._send if large or direct is None or direct.is_watched else direct.send
        must_wait = bool(room.turns)
        while True:
            if must_wait:
                await room.wait()
            else:
                room.in_use += 1
            freed = True
            try:
                return await send(request, phone, new=new_connection)
            except (OSError, _SentOnceError) as exc:
                if room.in_use == 1 or not lacks_descriptor(_cause(exc)):
                    raise
                must_wait, freed = True, False
            finally:
                if freed and not room.turns:
                    room.in_use -= 1
                else:
                    room.leave(freed=freed)

    async def _send(self, request: Request[Any], phone: str | None, *, new: bool) -> Response | FailedAttempt:
        fresh.set(new)
        # Quoted already, both parts; `with_path` is the cheapest way to a URL that is not quoted again.
        url = self._base.with_path(self._prefix + request.path, encoded=True)
        if request.query:
            url = URL(f"{url}?{request.query}", encoded=True)
        headers: dict[str, str] = {}
        if request.headers or not self._said_by_session:  # what the caller adds never takes the place of ours
            headers = {**dict(request.headers), **self._headers}
        if phone is not None:
            headers["x-phone"] = phone
        body = request.body
        if body is not None:
            headers["Content-Type"] = request.content_type
        data: bytes | AsyncGenerator[bytes, None] | None
        if isinstance(body, FileBody):
            data = _pieces_of_file(body)
        else:
            data = body if body is None or len(body) <= LARGE_BODY else _pieces(body)
        if body is not None and data is not body:
            headers["Content-Length"] = str(len(body))
        response = await self.session.request(
            request.operation.method, url, headers=headers, data=data, **self._options
        )
        try:
            return await read_answer(response.status, response.headers, response.content)
        finally:
            if not response.closed:
                response.close()

    def websocket_options(self, phone: str | None) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the headers of a WebSocket for *phone*, and what else aiohttp is to know of the way there."""
        headers = {name: value for name, value in self._headers.items() if name in _OF_ANY_REQUEST}
        return headers if phone is None else headers | {"x-phone": phone}, self._way

    def explain(self, exc: Exception, *, closed: bool) -> FailedAttempt:
        """Return the failure of an attempt that broke with *exc*; *closed*: whether the client was closed meanwhile."""
        cause = _cause(exc)
        if cause is not None and isinstance(cause.__cause__, PeriskopeError):  # of the file that was to be sent
            return FailedAttempt(cause.__cause__, FailureKind.FINAL, unsent=True)  # a part is not a request
        borrowed = self._borrowed
        closed = closed or (borrowed is not None and borrowed.closed)
        tls = self._base.scheme == "https"
        proxy = None if self._proxy is None else self._proxy.url
        return explain(cause, self._host, tls=tls, proxy=proxy, closed=closed, borrowed=borrowed is not None)


def _proxy_options(proxy: Proxy | None, base: URL) -> dict[str, Any]:
    """Return a proxy as aiohttp's requests take it; nothing for none."""
    if proxy is None:
        return {}
    if proxy.authorization is None:
        return {"proxy": URL(proxy.url)}
    # With the `Host` that aiohttp would add, and so take the next request for one of another proxy.
    headers = {"Proxy-Authorization": proxy.authorization.reveal(), "Host": base.host_port_subcomponent or ""}
    return {"proxy": URL(proxy.url), "proxy_headers": headers}


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    # A `BytesIO` will not do: aiohttp asks it for its buffer, and so makes it copy the whole.
    for start in range(0, len(body), LARGE_BODY):
        yield body[start : start + LARGE_BODY]


async def _pieces_of_file(body: FileBody) -> AsyncGenerator[bytes, None]:
    number, pieces = 0, iter(body)
    while True:
        body.sent(number)
        # Whoever gives up does not wait for a disk, or for a share of the network that hangs.
        piece = await to_thread.run_sync(next, pieces, b"", abandon_on_cancel=True)
        if not piece:
            return
        yield piece
        number += 1


class _SentOnceError(Exception):
    """Carries aiohttp's exception past its own retry, which looks for two classes of its own."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp sends a GET a second time after any reset, unseen, uncounted and unpaced (aio-libs/aiohttp#7297).
    try:
        return await handler(request)
    except Exception as exc:
        raise _SentOnceError from exc


def _cause(exc: BaseException) -> BaseException | None:
    return exc.__cause__ if isinstance(exc, _SentOnceError) else exc
