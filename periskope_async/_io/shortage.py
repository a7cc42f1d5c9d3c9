"""What requests do while the process is out of file descriptors: they wait for one of their own client to come back.

To try again after a while would be in vain for as long as answers are slow, and would use up the retries of some calls
while others hold all there is. Knows no HTTP.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from periskope_async.errors import ConnectError

__all__ = ["HINT", "Room", "ShortageError", "has_left", "importing", "is_shortage", "out_of_descriptors"]

#: The process has no descriptor left, or the whole system has none.
SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE})
#: What can be done about it.
HINT: Final = "raise the limit of open files (`ulimit -n`), or lower `concurrency`"
#: No request waits longer than this for another one's connection, seconds.
PATIENCE: Final = 10.0
#: So long after the last sign of the shortage, more may try at once than have ended, seconds.
RECOVERY: Final = 1.0


class ShortageError(Exception):
    """No descriptor became free in time."""


def is_shortage(error: BaseException) -> bool:
    """Whether *error*, with which a connection has just failed, comes of a lack of descriptors.

    Not every error says so: a resolver that cannot open its files knows no such name, and of several addresses that all
    failed, each in its own way, one error is left.
    """
    if getattr(error, "errno", None) in SHORT:
        return True
    try:
        socket.socket().close()
    except OSError as exc:
        return exc.errno in SHORT
    return False


def has_left(count: int) -> bool:
    """Whether the process could open this number of files now."""
    opened: list[int] = []
    try:
        opened += (os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    except OSError:
        return False
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return True


def out_of_descriptors(what: str) -> ConnectError:
    """Return the error of a call for *what* of which no descriptor is left; once one is, a later call succeeds."""
    error = ConnectError(f"{what}: out of file descriptors; {HINT}")
    error.retryable = True
    return error


@contextmanager
def importing() -> Generator[None]:
    """Import what only now is needed.

    Raises:
        ConnectError: the process has no file descriptor left to read modules by.
    """
    try:
        yield
    except (ImportError, OSError) as exc:
        if not is_shortage(exc):
            raise
        raise out_of_descriptors("the client cannot load its modules") from exc


class Room:
    """How many requests have, or try for, a connection, and who waits for one of them to end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        #: Who waits, whom nobody may overtake.
        self.turns: deque[asyncio.Future[None]] = deque()
        self._short_at = loop.time()
        self.in_use = 0

    async def wait(self) -> None:
        """Come in when another request has ended.

        Raises:
            ShortageError: none ended in time.
        """
        turn = self._loop.create_future()
        self.turns.append(turn)
        try:
            await asyncio.wait([turn], timeout=PATIENCE)
        except asyncio.CancelledError:
            if turn.done():
                self.leave(freed=True)
            raise
        finally:
            if not turn.done():
                self.turns.remove(turn)
        if not turn.done():
            raise ShortageError

    def leave(self, *, freed: bool) -> None:
        """Go out. *freed* says that another one may try now; the others hold all there is if not."""
        self.in_use -= 1
        if not freed:
            self._short_at = self._loop.time()
        elif self.turns:
            self._let_in()
            if self.turns and self._loop.time() - self._short_at >= RECOVERY:
                self._let_in()

    def _let_in(self) -> None:
        self.in_use += 1
        self.turns.popleft().set_result(None)
