"""Whether the direct way works on this aiohttp: found out once per process, with answers out of a can.

The way stands on what is not public in aiohttp, which any release may change. So it is tried as it is used, and where
anything is not as expected, all requests go the public way.
"""

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any, Final

import aiohttp
from yarl import URL

from periskope_async._io.connector import Connector
from periskope_async._io.direct import DirectWay, is_genuine
from periskope_async._sansio.operation import Operation, Request
from periskope_async._sansio.response import Response

__all__ = ["works_directly"]

_USUAL: Final = b"HTTP/1.1 200 OK\r\nX-Limit: 1\r\nContent-Length: 2\r\n\r\n{}"
_CHUNKED: Final = b"HTTP/1.1 404 Not Found\r\nX-Limit: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
_LAST: Final = b"HTTP/1.1 500 Oops\r\nX-Limit: 3\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#: What is to be sent for each.
_SENT: Final = b"GET /v1/thing HTTP/1.1\r\nHost: localhost\r\nX-Key: 1\r\n"

_REQUEST: Final[Request[None]] = Request(Operation("probe", "GET", "/thing", None, idempotent=True), "/thing")


@cache
def works_directly() -> bool:
    """Whether the direct way works on this aiohttp. To be called in a task.

    Raises:
        RuntimeError: it was called outside of one.
    """
    asyncio.get_running_loop()  # without one nothing would work, and that would be remembered
    if not is_genuine():
        return False
    try:
        return _finish(_try_out())
    except Exception:  # noqa: BLE001  # whatever it is, the public way is there
        return False


class _Canned(asyncio.Transport):
    """A connection on which every request is answered at once."""

    def __init__(self, protocol: Any, answers: list[bytes]) -> None:
        super().__init__()
        self.protocol = protocol
        self.sent = b""
        self.closed = False
        self._answers = answers

    def write(self, data: Any) -> None:
        self.sent = data
        self.protocol.data_received(self._answers.pop(0))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True
        self.protocol.connection_lost(None)

    def resume_reading(self) -> None:
        """Do so: nothing here pauses."""


class _CannedConnector(Connector):
    """Connects to nowhere."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__(direct=True)
        self.made: list[_Canned] = []
        self._answers = answers

    async def _create_connection(self, *_: Any, **__: Any) -> Any:
        protocol = self._factory()
        self.made.append(_Canned(protocol, self._answers))
        protocol.connection_made(self.made[-1])
        return protocol


async def _try_out() -> bool:
    """Whether answers come as they are, go to who asked, and leave connections that can be used again, or cannot."""
    connector = _CannedConnector([_USUAL, _CHUNKED, _USUAL, _USUAL, _LAST])
    found: list[Any] = []
    timeout = aiohttp.ClientTimeout(total=None)
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    way = DirectWay(session, connector, URL("http://localhost/v1"), {"X-Key": "1"}, timeout, {})
    try:
        found += [await way.send(_REQUEST, None, new=False) for _ in range(3)]
        (first,) = connector.made  # all three over one
        first.protocol.data_received(_USUAL)  # which nobody asked for
        found += [await way.send(_REQUEST, None, new=False) for _ in range(2)]
        _, second = connector.made
    finally:
        session.detach()  # to close it would be to wait, and none of its connections is one
    usual, other, last = (200, "1", b"{}"), (404, "2", b"[]"), (500, "3", b"")
    answers = [(each.status, each.headers.get("x-limit"), each.body) for each in found if isinstance(each, Response)]
    as_sent = all(each.sent.startswith(_SENT) and each.sent.endswith(b"\r\n\r\n") for each in connector.made)
    return (
        connector.takes_handlers
        and answers == [usual, other, usual, usual, last]
        and as_sent
        and first.closed
        and second.closed
    )


def _finish(coroutine: Coroutine[Any, Any, bool]) -> bool:
    """Return what a coroutine returns that has nothing to wait for; False if it waits all the same."""
    try:
        coroutine.send(None)
        coroutine.throw(asyncio.CancelledError)  # upon which aiohttp forgets who waits
    except StopIteration as done:
        return bool(done.value)
    except asyncio.CancelledError:
        pass
    return False
