"""Where connections come in: a socket on loopback, and the loop that serves it, in a thread of its own or the caller's.

It must not know how requests are answered.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Final

from periskope_async.testing._http import Connection, Request, Step

__all__ = ["Listener"]

_BACKLOG: Final = 4096  # connections that wait to be accepted
#: Turns of the loop, as items of its queue, that asyncio takes from accepting a connection to `connection_made`.
_TURNS_TO_ACCEPT: Final = 3


class Listener:
    """A server that starts, stops, and plays dead.

    Args:
        host: where to listen.
        port: where to listen; 0 takes a free one, once.
        ssl_context: serve HTTPS with this certificate.
        answer: turns a request into the steps of its answer.
        started: called on the loop once it listens, before anything is answered. What it raises stops the start.
        finish: called on the loop once nothing is answered any more.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        answer: Callable[[Connection, Request], Iterable[Step]],
        started: Callable[[], None],
        finish: Callable[[], Awaitable[None]],
    ) -> None:
        #: The number of each connection that stands, counted from 1.
        self.connections: dict[Connection, int] = {}
        #: How many connections were accepted.
        self.accepted = 0
        self._lock = threading.Lock()  # of what is counted
        self._host = host
        self._port = port
        self._ssl = ssl_context
        self._answer = answer
        self._started = started
        self._wind_up = finish
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._switching: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._stopped: asyncio.Event

    @property
    def origin(self) -> str:
        """Scheme, host and port: `http://127.0.0.1:54321`.

        Raises:
            RuntimeError: it has not been started, so it has no address yet.
        """
        if not self._port:
            raise RuntimeError("start the fake first: `with FakePeriskope() as fake:`")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._ssl else 'http'}://{host}:{self._port}"

    def start(self) -> None:
        """Serve in a daemon thread until `stop`.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is running already.
        """
        listener = self._bind()
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener, started), name=f"FakePeriskope:{self._port}", daemon=True
        )
        self._thread.start()
        started.result()

    def stop(self) -> None:
        """Close every connection, end the thread, free the port. Stopping twice is fine."""
        thread, loop = self._thread, self._loop
        if thread is not None and loop is not None:
            loop.call_soon_threadsafe(self._stopped.set)
            thread.join()
            self._thread = None

    async def open(self) -> None:
        """Serve on the current loop until `close`."""
        await self._open_on(asyncio.get_running_loop(), self._bind())

    async def close(self) -> None:
        """Close every connection and free the port."""
        await self._settled()
        await self._stop_accepting()
        for closing in (self._server, self._socket):
            if closing is not None:
                closing.close()
        for connection in tuple(self.connections):
            connection.hang_up()
        while self.connections:  # noqa: ASYNC110  # their `connection_lost` is already scheduled
            await asyncio.sleep(0)
        await self._wind_up()
        self._socket = self._server = self._loop = self._switching = None

    def down(self) -> None:
        """Reset what stands and refuse what comes, until `up`."""
        self._switch(self._go_down)

    def up(self) -> None:
        """Listen again, on the same port."""
        self._switch(self._go_up)

    def run(self, action: Callable[[], None]) -> None:
        """Have *action* done on the loop the fake runs on, before this returns."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("start the fake first: `with FakePeriskope() as fake:`")
        if self._thread is None or self._thread is threading.current_thread():
            action()
            return

        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), loop).result()

    def run_soon(self, action: Callable[[], None]) -> None:
        """Have *action* done on the loop the fake runs on: at once if that runs here, else soon."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("the fake does not run")
        if self._thread is None or self._thread is threading.current_thread():
            action()
        else:
            loop.call_soon_threadsafe(action)

    def clear(self) -> None:
        """Forget how many connections were accepted."""
        with self._lock:
            self.accepted = 0

    def _bind(self) -> socket.socket:
        if self._socket is not None:
            raise RuntimeError("this fake is running already")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        self._port = self._socket.getsockname()[1]
        return self._socket

    def _run(self, listener: socket.socket, started: Future[None]) -> None:
        async def main() -> None:
            self._stopped = asyncio.Event()
            try:
                await self._open_on(asyncio.get_running_loop(), listener)
            except Exception as cause:  # noqa: BLE001  # goes to the caller of `start`
                await self.close()
                started.set_exception(cause)
                return
            started.set_result(None)
            await self._stopped.wait()
            await self.close()

        with asyncio.Runner(debug=False, loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(main())

    async def _open_on(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        self._server = await self._listen(loop, listener)
        self._started()
        self._loop = loop

    async def _listen(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> asyncio.Server:
        make = partial(Connection, self._answer, self._opened, self._closed)
        return await loop.create_server(make, sock=listener, ssl=self._ssl, backlog=_BACKLOG)

    def _switch(self, action: Callable[[], Awaitable[None]]) -> None:
        """Have *action* done before this returns; on the loop the fake runs on, with the loop's next turns."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("start the fake first: `with FakePeriskope() as fake:`")
        if self._thread is None or self._thread is threading.current_thread():
            self._begin(action)
        else:
            asyncio.run_coroutine_threadsafe(self._finish(action), loop).result()

    def _begin(self, action: Callable[[], Awaitable[None]]) -> None:
        before = self._switching

        async def in_turn() -> None:
            if before is not None:
                await before
            await action()

        self._switching = asyncio.get_running_loop().create_task(in_turn())

    async def _finish(self, action: Callable[[], Awaitable[None]]) -> None:
        self._begin(action)
        await self._settled()

    async def _settled(self) -> None:
        if self._switching is not None:
            await self._switching

    async def _go_down(self) -> None:
        if self._server is None or self._socket is None:
            return
        self._server.close()
        self._server = None
        for connection in tuple(self.connections):
            connection.hang_up()
        # Bound but not listening: connections are refused, and the port stays ours.
        self._socket = socket.socket(self._socket.family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self._host, self._port))

    async def _go_up(self) -> None:
        if self._server is None and self._socket is not None:
            self._server = await self._listen(asyncio.get_running_loop(), self._socket)

    def _opened(self, connection: Connection) -> None:
        with self._lock:
            self.accepted += 1
            self.connections[connection] = self.accepted

    def _closed(self, connection: Connection) -> None:
        del self.connections[connection]

    async def _stop_accepting(self) -> None:
        """Accept nobody more, and have asyncio hand over whom it has accepted.

        A server that is closed between the two forgets those connections, and leaves them open.
        """
        if self._server is not None:
            for listening in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listening)
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)
