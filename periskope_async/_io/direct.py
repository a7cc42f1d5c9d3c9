"""The short way to the same answer: requests written to aiohttp's connections directly. Private aiohttp stands here.

The connections, their TLS and their parser are aiohttp's. Saved is what `ClientSession.request` adds: the head of a
request never changes but for its path, so it is spelled once. That is a third of the CPU of a ticket.

It stands on methods that are not public, so it is gone only where `probe.py` finds that it works (the one switch) and
where nobody watches: traces, recorders and mocks of aiohttp see every request. Without this file all requests go the
public way of `http.py`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

from periskope_async._io.body import answer_of, read_answer
from periskope_async._io.connector import Connector, fresh
from periskope_async._sansio.operation import Request
from periskope_async._sansio.response import FailedAttempt, Response
from periskope_async._sansio.secret import conceal

__all__ = ["DirectWay", "is_genuine"]

#: What recorders and mocks of aiohttp put something else in the place of.
_REQUEST: Final[Any] = getattr(aiohttp.ClientSession, "_request", None)


def is_genuine() -> bool:
    """Whether this is aiohttp itself: no mock took its place before us."""
    code = getattr(_REQUEST, "__code__", None)
    return code is not None and code.co_filename == aiohttp.client.__file__


class DirectWay:
    """How requests of one session of ours go past `ClientSession.request`.

    Args:
        session: of ours.
        connector: with its connections.
        base: where the API is.
        headers: what every request says, credentials included.
        timeout: for connecting.
        proxy: through which to connect, as aiohttp's requests take it.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        connector: Connector,
        base: URL,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        proxy: Mapping[str, Any],
    ) -> None:
        self._connector = connector
        self._traces = session.trace_configs
        self._prefix = base.raw_path.rstrip("/")
        self._timeout = timeout
        # aiohttp's own spelling of it all, and what its connector takes for the address to connect to.
        self._example = aiohttp.ClientRequest(
            "GET", base, headers=headers, loop=asyncio.get_running_loop(), session=session, **proxy
        )
        self._key = self._example.connection_key
        self._fields = conceal("".join(f"{name}: {value}\r\n" for name, value in self._example.headers.items()))

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to see requests go through `ClientSession.request`."""
        return bool(self._traces) or getattr(aiohttp.ClientSession, "_request", None) is not _REQUEST

    async def send(self, request: Request[Any], phone: str | None, *, new: bool) -> Response | FailedAttempt:
        """Send *request* and return the answer. *new*: over a connection that was not used before.

        Raises:
            Exception: whatever broke.
        """
        connector, key = self._connector, self._key
        if connector.closed:
            raise RuntimeError("the session is closed")
        protocol = None if new else connector.take(key)
        if protocol is None:
            fresh.set(new)
            try:
                protocol = await connector.open(self._example, self._timeout)
            except TimeoutError as exc:
                raise aiohttp.ConnectionTimeoutError from exc
        reusable = False
        try:
            usual = await protocol.ask(self._spell(request, phone))
            if usual is not None:
                reusable = True
                headers, body, limit = usual
                return answer_of(200, headers, body, limit=limit)
            message, content = await protocol.read()
            while 100 <= message.code <= 199 and message.code != 101:
                message, content = await protocol.read()
            answer = await read_answer(message.code, message.headers, content)
            reusable = isinstance(answer, Response)
            return answer
        finally:
            connector.put(key, protocol, reusable=reusable)

    def _spell(self, request: Request[Any], phone: str | None) -> bytes:
        target = f"{self._prefix}{request.path}?{request.query}" if request.query else self._prefix + request.path
        named = "" if phone is None else f"x-phone: {phone}\r\n"
        if request.headers:
            named += "".join(f"{name}: {value}\r\n" for name, value in request.headers)
        head = f"{request.operation.method} {target} HTTP/1.1\r\n{self._fields}{named}"
        body = request.body
        if not isinstance(body, bytes):  # what is more than bytes is large, and goes another way
            return f"{head}\r\n".encode()
        return f"{head}Content-Type: {request.content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
