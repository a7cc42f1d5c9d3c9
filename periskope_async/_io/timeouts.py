"""Cutting off what takes too long: `asyncio.timeout` for many short waits at the price of one timer.

An `asyncio.timeout` around each request costs 3.8 us of the 80 a request takes, most of it for a timer that is made and
cancelled unrung. Here the tasks of a loop share one timer, which is moved only when a nearer time comes.
"""

import asyncio
from typing import Any, Final

__all__ = ["Alarm"]

NEVER: Final = float("inf")


class Alarm:
    """Cancels tasks at their time. A task has one time at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[asyncio.Task[Any], float] = {}
        self._handle: asyncio.Handle | None = None
        self._next = NEVER

    def set(self, task: "asyncio.Task[Any]", when: float) -> None:
        """Cancel *task* at *when* (loop time) unless `clear` comes first."""
        self._due[task] = when
        if when < self._next:
            self._arm(when)

    def clear(self, task: "asyncio.Task[Any]") -> bool:
        """Forget *task*; return whether it was cancelled from here, in which case the caller must `uncancel` it."""
        return self._due.pop(task, None) is None

    def close(self) -> None:
        """Let it be everybody's time, now."""
        self._disarm()
        while self._due:
            self._due.popitem()[0].cancel()

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._next = NEVER

    def _arm(self, when: float) -> None:
        self._disarm()
        self._next = when
        self._handle = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        # Where somebody held up the loop, what came in meanwhile is just about to reach its task: it shall count.
        self._handle = self._loop.call_soon(self._cut)

    def _cut(self) -> None:
        now = max(self._loop.time(), self._next)  # a timer may ring a rounding error before its time
        self._disarm()
        for task in [task for task, when in self._due.items() if when <= now]:
            del self._due[task]
            task.cancel()
        if self._due:
            self._arm(min(self._due.values()))
