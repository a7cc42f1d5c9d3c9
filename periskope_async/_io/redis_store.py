"""What runs transactions with Redis: a thread, or the event loop of the application's own client."""

import asyncio
import math
import threading
import time
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from typing import Any, Final, Protocol

from periskope_async._io.redis_script import TIMEOUT, Transaction
from periskope_async._io.tasks import cancel_and_wait
from periskope_async.settings import Secret

__all__ = ["LoopStore", "Store", "ThreadStore", "connect"]

#: A thread that has had nothing to do for so long ends, with its connection, seconds.
LINGER: Final = 2.0


class Store(Protocol):
    """What runs transactions, one after the other."""

    def finish(self) -> None:
        """Run what is due before the interpreter exits, if that takes no longer than an answer."""

    def kick(self, delay: float) -> None:
        """Have one run in *delay* seconds at the latest; callable from any thread."""

    async def rest(self) -> None:
        """Run what is due, and close what is open, until the next kick."""


class ThreadStore:
    """Runs transactions in a daemon thread, which is there while there is something to do.

    Args:
        transaction: begins one.
        connect: makes a client.
        borrowed: whether the client is another's to close.
    """

    def __init__(
        self, transaction: Callable[[], Transaction], connect: Callable[[], Any], *, borrowed: bool = False
    ) -> None:
        self._transaction = transaction
        self._connect = connect
        self._borrowed = borrowed
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._due = math.inf
        self._resting = False

    def kick(self, delay: float) -> None:
        """See `Store.kick`."""
        with self._changed:
            due = time.monotonic() + delay
            self._resting = False
            if due < self._due:
                self._due = due
                self._changed.notify()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="periskope-budget", daemon=True)
                thread.start()
                self._thread = thread

    async def rest(self) -> None:
        """See `Store.rest`: the thread does, and who is in a hurry need not wait for it."""
        self._rest()

    def finish(self) -> None:
        """See `Store.finish`."""
        self._rest()
        if (thread := self._thread) is not None:
            thread.join(TIMEOUT)

    def _rest(self) -> None:
        with self._changed:
            self._resting = True
            self._changed.notify()

    def _run(self) -> None:
        client: Any = None
        try:
            while self._await_kick():
                transaction = self._transaction()
                answer: Any = None
                error: Exception | None = None
                while True:
                    try:
                        command = transaction.send(answer) if error is None else transaction.throw(error)
                    except StopIteration:
                        break
                    answer = error = None
                    try:
                        if client is None:
                            client = self._connect()
                        answer = client.execute_command(*command)
                    except Exception as exc:  # noqa: BLE001  # whatever it is, calls go on without Redis
                        error = exc
        finally:
            if client is not None and not self._borrowed:
                client.close()

    def _await_kick(self) -> bool:
        """Wait until something is due; return False, and be no longer there, if nothing is for long."""
        with self._changed:
            ends = time.monotonic() + LINGER
            while (now := time.monotonic()) < self._due and not (self._resting and self._due < math.inf):
                if now >= ends or self._resting:
                    self._thread = None
                    return False
                self._changed.wait(min(self._due, ends) - now)
            self._due = math.inf
            return True


class LoopStore:
    """Runs transactions in the event loop in which the application uses its own client.

    Args:
        transaction: begins one.
        client: a `redis.asyncio.Redis`.
    """

    def __init__(self, transaction: Callable[[], Transaction], client: Any) -> None:
        self._transaction = transaction
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closer: AsyncGenerator[None, None] | None = None
        self._ends = False

    def kick(self, delay: float) -> None:
        """See `Store.kick`."""
        loop = self._loop
        if loop is None or not loop.is_running():
            loop = self._loop = asyncio.get_running_loop()
            self._task = self._timer = self._closer = None
            self._ends = False
        loop.call_soon_threadsafe(self._set, delay)

    async def rest(self) -> None:
        """See `Store.rest`. Afterwards its owner may close the client."""
        if self._loop is not asyncio.get_running_loop():
            return
        await asyncio.sleep(0)  # what was asked for just now is due in the loop's next turn
        await self._wait()
        if self._timer is not None:
            self._timer.cancel()
            self._begin()
            await self._wait()

    async def _wait(self) -> None:
        if self._task is not None and not self._task.done():
            await asyncio.wait((self._task,), timeout=TIMEOUT)

    def finish(self) -> None:
        """Run nothing: its loop does not run any more."""

    def _set(self, delay: float) -> None:
        if self._ends:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        else:
            self._task.add_done_callback(lambda _: self._set(0.0))

    async def _end_with_loop(self) -> AsyncGenerator[None, None]:
        """Ask nothing more of a loop that shuts down, which closes the generators that were started in it.

        A task that it leaves undone would be reported, and the application may have closed its client already.
        """
        try:
            yield
        finally:
            self._ends = True
            if self._timer is not None:
                self._timer.cancel()
            if self._task is None:  # in it, this was begun
                raise AssertionError("unreachable")
            await cancel_and_wait(self._task)

    async def _run(self) -> None:
        if self._closer is None:
            self._closer = self._end_with_loop()
            await anext(self._closer)
        transaction = self._transaction()
        answer: Any = None
        error: Exception | None = None
        try:
            while True:
                try:
                    command = transaction.send(answer) if error is None else transaction.throw(error)
                except StopIteration:
                    return
                answer = error = None
                try:
                    async with asyncio.timeout(TIMEOUT):
                        answer = await self._client.execute_command(*command)
                except Exception as exc:  # noqa: BLE001  # whatever it is, calls go on without Redis
                    error = exc
        finally:
            transaction.close()  # the loop ends, maybe


def connect(url: Secret) -> Any:
    """Return a client of our own."""
    redis: Any = import_module("redis")  # its types are not whole
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url.reveal(), socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )
