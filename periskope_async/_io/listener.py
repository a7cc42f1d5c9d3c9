"""Live events as they come, over connections that are made again when they are lost. Knows no event."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NoReturn

from periskope_async._io.caller import Caller
from periskope_async._io.socket_io import SocketIo
from periskope_async._io.wire import Wire
from periskope_async._log import logger
from periskope_async._sansio.live import STEADY, decide_reconnect, socket_address
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async._sansio.retry import decide_retry
from periskope_async.errors import ConnectError, PeriskopeError

__all__ = ["Listener"]

#: What connecting is called in errors.
_METHOD: Final = "GET"


class Listener:
    """Hears what happens, for one client.

    Args:
        caller: whose settings and connections to use.
        received: called with the name of what comes, and what it is about.
        missed: called when a connection stands again, with when something last came, in the loop's time.
    """

    def __init__(
        self,
        caller: Caller,
        received: Callable[[str, Any], None],
        missed: Callable[[float], None],
    ) -> None:
        self._caller = caller
        self._received = received
        self._missed = missed
        self._origin, self._path = socket_address(caller.settings.base_url)
        self._connection: SocketIo | None = None
        self._heard: float | None = None  # on the connection before

    async def connect(self) -> None:
        """Make a first connection.

        Raises:
            PeriskopeError: none could be made within the deadline and the retries of the client, or it was refused.
        """
        settings, loop = self._caller.settings, asyncio.get_running_loop()
        started = loop.time()
        failures = Counter[FailureKind]()
        while True:
            left = settings.timeout
            if settings.deadline is not None:
                left = min(left, started + settings.deadline - loop.time())
            made = await self._attempt(left)
            if isinstance(made, SocketIo):
                self._connection = made
                return
            failures[made.kind] += 1
            wait = decide_retry(made, failures=failures, retries=settings.retries, idempotent=True)
            spent = loop.time() - started
            if wait is None:
                raise self._complete(made.error, failures.total(), spent)
            if settings.deadline is not None and spent + wait >= settings.deadline:
                text = f"no live connection within the deadline of {settings.deadline:g} s; the last attempt: "
                raise self._complete(ConnectError(text + made.error.message), failures.total(), spent)
            logger.info("live events: %s; again in %.2f s", made.error.message, wait)
            await asyncio.sleep(wait)

    async def listen(self) -> NoReturn:
        """Hear what comes over the connection, and over others when it is lost, until cancelled.

        Raises:
            PeriskopeError: nothing more can come, as the key is refused, or the client is closed.
        """
        loop, attempt = asyncio.get_running_loop(), 0
        while (connection := self._connection) is not None:
            began = loop.time()
            await connection.over.wait()
            await connection.aclose()
            self._heard = connection.wire.heard
            attempt = 1 if loop.time() - began >= STEADY else attempt + 1
            self._connection, attempt = await self._connect_again(attempt)
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        """Leave nothing behind; closing twice is fine."""
        if self._connection is not None:
            await self._connection.aclose()

    async def _connect_again(self, attempt: int) -> tuple[SocketIo, int]:
        """Return another connection, and how many attempts there were since one was steady."""
        loop = asyncio.get_running_loop()
        lost = loop.time()
        failure: FailedAttempt | None = None
        while True:
            wait = decide_reconnect(failure, attempt)
            if failure is not None:
                if wait is None:
                    raise self._complete(failure.error, attempt, loop.time() - lost)
                attempt += 1
            why = "the connection was lost" if failure is None else failure.error.message
            logger.info("live events: %s; again in %.2f s", why, wait)
            self._caller.connections.state()  # who waits for a client that is closed waits in vain
            await asyncio.sleep(wait or 0.0)
            made = await self._attempt(self._caller.settings.timeout)
            if isinstance(made, SocketIo):
                return made, attempt
            failure = made

    async def _attempt(self, seconds: float) -> SocketIo | FailedAttempt:
        """Make one attempt to connect."""
        http = await self._caller.connections.http()
        connection = SocketIo(Wire(http, self._caller.settings.phone), self._welcome, self._received)
        stands = False
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                failure = await connection.open(self._origin, self._path)
            stands = failure is None
        except TimeoutError:
            failure = FailedAttempt(ConnectError(f"no live connection within {seconds:.3g} s"), FailureKind.SLOW)
        finally:
            if not stands:
                await connection.aclose()
        return failure or connection

    def _welcome(self) -> None:
        if self._heard is not None:
            self._missed(self._heard)

    def _complete(self, error: PeriskopeError, attempts: int, elapsed: float) -> PeriskopeError:
        error.method, error.path = _METHOD, self._path
        error.attempts, error.elapsed = attempts, elapsed
        return self._caller.report.redact(error)
