"""Has the service do in time what is due, for those who listen: else it is done when somebody asks for it."""

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["Alarm"]

#: A longer wait is not begun, seconds: a loop whose time is virtual would leap there when it has nothing else to do.
_LONGEST: Final = 24 * 3600.0


class Alarm:
    """Calls *work* when it is due, on the loop of whoever sets it.

    Args:
        next_due: when that is, in seconds since the epoch; None where nothing is to be done.
        now: the same clock.
        work: does what is due.
    """

    def __init__(
        self, next_due: Callable[[], float | None], now: Callable[[], float], work: Callable[[], None]
    ) -> None:
        self._next_due = next_due
        self._now = now
        self._work = work
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Look when something is due next. To be called when that may have changed."""
        self.clear()
        due = self._next_due()
        if due is not None and due - self._now() <= _LONGEST:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self._now()), self._ring)

    def clear(self) -> None:
        """Do nothing until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._work()
        self.set()
