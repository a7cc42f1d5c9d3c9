"""One connection by socket.io, from its handshake to its end. python-socketio speaks the protocol, and no more.

What it does besides is not used: its reconnection cannot be left while it waits, and `connect(wait=True)` overlooks a
server that sends us away at once. What it starts and keeps is ended and dropped here.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from periskope_async._extras import needs_extra
from periskope_async._io.wire import NotConnectedError, Wire
from periskope_async._sansio.live import read_refusal
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async.errors import ConfigurationError, ProtocolError

__all__ = ["SocketIo", "require_socketio"]

#: Who has not ended is cancelled again after this, seconds.
CANCEL_AGAIN: Final = 0.05
#: Says nothing: what python-socketio logs is what people write to each other.
_SILENT = logging.Logger("periskope.socketio")  # noqa: LOG001  # nobody is to find and enable it
_SILENT.disabled = True


def require_socketio() -> None:
    """Import python-socketio, which takes most of a second: before anything is connected.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import_module("socketio")
    except ImportError:
        raise ConfigurationError(f"events: this {needs_extra('live')}") from None


class SocketIo:
    """One connection.

    Args:
        wire: where it is.
        welcomed: called when it stands, before anything comes.
        received: called with the name of what comes, and what it is about.
    """

    def __init__(self, wire: Wire, welcomed: Callable[[], None], received: Callable[[str, Any], None]) -> None:
        #: Set when it is over, whoever ended it.
        self.over: asyncio.Event = asyncio.Event()
        self.wire: Wire = wire
        self._welcomed = welcomed
        self._received = received
        self._tasks = set[asyncio.Task[Any]]()
        self._answer: asyncio.Future[FailedAttempt | None] = asyncio.get_running_loop().create_future()
        # Imported by name: it has no types.
        made: Any = import_module("socketio").AsyncClient(
            http_session=wire, reconnection=False, handle_sigint=False, logger=_SILENT, engineio_logger=_SILENT
        )
        made.eio.start_background_task = self._start
        made.on("connect", self._on_connect)
        made.on("connect_error", self._on_refusal)
        made.on("*", self._on_event)
        self._client = made

    async def open(self, url: str, path: str) -> FailedAttempt | None:
        """Connect, and return None when it stands, else why it does not."""
        try:
            await self._client.connect(url, headers={}, transports=["websocket"], socketio_path=path, wait=False)
        except NotConnectedError as exc:
            return exc.failure
        except Exception as exc:  # noqa: BLE001  # its own, and whatever a strange first packet makes it raise
            return _broken(f"what answers at {path} does not speak socket.io ({type(exc).__name__})")
        self._client.eio.read_loop_task.add_done_callback(self._end)
        return await self._answer

    async def aclose(self) -> None:
        """End it, and leave nothing of it behind."""
        while self._tasks:  # until Python 3.12, `wait_for` loses a cancellation that comes together with a packet
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=CANCEL_AGAIN)
            await asyncio.sleep(0)  # they are forgotten with the loop's next turn
        await self.wire.close()
        with suppress(ValueError):
            import_module("engineio.base_client").connected_clients.remove(self._client.eio)

    # -- what python-socketio calls ---------------------------------------------------------------------------------

    def _start(self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> "asyncio.Task[Any]":
        task = asyncio.ensure_future(target(*args, **kwargs))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._end()  # what came was no packet: nobody knows what else of it was misread

    def _end(self, _: object = None) -> None:
        self.over.set()
        self._reply(_broken("the live connection ended before it stood"))

    def _on_connect(self) -> None:
        self._welcomed()
        self._reply(None)

    def _on_refusal(self, said: Any = None) -> None:
        self._reply(read_refusal(said))

    def _on_event(self, name: str, *data: Any) -> None:
        self._received(name, data[0] if data else None)

    def _reply(self, answer: FailedAttempt | None) -> None:
        if not self._answer.done():
            self._answer.set_result(answer)


def _broken(message: str) -> FailedAttempt:
    return FailedAttempt(ProtocolError(message), FailureKind.PASSING)
