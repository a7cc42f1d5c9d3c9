"""The WebSocket of a live connection: python-socketio is handed this for its aiohttp session, and for the socket.

So connections are the client's own, with its proxy and authorities; what breaks is explained as everywhere; the key is
not in the library's hands; redirects are not followed; and it is known when something last came.
"""

import asyncio
from typing import Any, Final

import aiohttp

from periskope_async._io.body import read_answer
from periskope_async._io.http import TIMEOUT, Http
from periskope_async._sansio.classify import classify, unexpected
from periskope_async._sansio.live import waited_out
from periskope_async._sansio.response import FailedAttempt, FailureKind

__all__ = ["NotConnectedError", "Wire"]

#: How long the service may take to say goodbye, seconds.
CLOSE_TIMEOUT: Final = 0.5
_TIMEOUT: Final = aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT)  # pyright: ignore[reportCallIssue]  # made by attrs


class NotConnectedError(Exception):
    """Carries a failure through python-socketio, which knows its own library's exceptions alone."""

    def __init__(self, failure: FailedAttempt) -> None:
        super().__init__()
        self.failure: FailedAttempt = failure


class Wire:
    """One WebSocket, opened once.

    Args:
        http: the client's way to the service.
        phone: the phone to connect for.
    """

    def __init__(self, http: Http, phone: str | None) -> None:
        self._loop = asyncio.get_running_loop()
        #: When something last came, in the loop's time.
        self.heard: float = self._loop.time()
        #: As a session has it: python-socketio would close one that is open when it is collected.
        self.closed = False
        #: As a session has it: older releases put the cookies that they find into it.
        self.cookie_jar: aiohttp.DummyCookieJar = aiohttp.DummyCookieJar()
        self._http = http
        self._phone = phone
        self._session: aiohttp.ClientSession | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    # -- what python-socketio does with a session ------------------------------------------------------------------

    async def ws_connect(self, url: str, **_: Any) -> "Wire":
        """Open it.

        Raises:
            NotConnectedError: that failed.
        """
        lender = self._http.session
        headers, options = self._http.websocket_options(self._phone)
        if lender.closed:  # aiohttp would make a new connector in the place of the one that is gone
            raise NotConnectedError(self._http.explain(RuntimeError(), closed=True))
        try:
            self._session = aiohttp.ClientSession(
                connector=lender.connector,
                connector_owner=False,
                cookie_jar=self.cookie_jar,
                timeout=TIMEOUT,
                trust_env=lender.trust_env,
                middlewares=(self._judge,),
            )
            self._socket = await self._session.ws_connect(url, headers=headers, timeout=_TIMEOUT, **options)
        except NotConnectedError:
            raise
        except Exception as exc:  # noqa: BLE001  # whatever broke below is a failed attempt, to be judged as one
            raise NotConnectedError(self._http.explain(exc, closed=lender.closed)) from None
        return self

    # -- and with a socket -----------------------------------------------------------------------------------------

    async def receive(self) -> aiohttp.WSMessage:
        """Return what comes next."""
        message = await self._open_socket.receive()
        self.heard = self._loop.time()
        return message

    async def send_str(self, text: str) -> None:
        """Send a packet."""
        await self._open_socket.send_str(text)

    async def close(self) -> None:
        """Say goodbye, and close it."""
        self.closed = True
        try:
            if self._socket is not None:
                await self._socket.close()
        finally:
            if self._response is not None:
                self._response.close()  # aiohttp does not where the service ended the connection
            if self._session is not None:
                await self._session.close()

    async def _judge(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Let nothing pass but a WebSocket: aiohttp would follow redirects, and lose what an error says."""
        response = self._response = await handler(request)
        if response.status == 101:
            return response
        answer = await read_answer(response.status, response.headers, response.content)
        if isinstance(answer, FailedAttempt):
            raise NotConnectedError(answer)
        failure = classify(answer)
        if failure is None:
            error = unexpected(answer, "expected a live connection, and the answer is an ordinary one")
            failure = FailedAttempt(error, FailureKind.FINAL)
        raise NotConnectedError(waited_out(failure))

    @property
    def _open_socket(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is None:
            raise AssertionError("unreachable")
        return self._socket
