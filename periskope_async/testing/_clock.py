"""The time of a fake: real, or of any clock that counts seconds. It must not know what it is for."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Clock"]

#: What a clock that counts from zero, as an event loop's, is added to: dates then look like dates. Not on the full
#: second, where rounding up and rounding down meet, and where no real window ever begins. Seconds since 1970.
#: From the second on, a clock's time is taken for such.
_FIRST_DAY: Final = 1_740_000_000.25
_DATES_FROM: Final = 1_000_000_000.0  # seconds since 1970


class Clock:
    """Seconds since the epoch.

    Args:
        source: seconds; None takes the real time.
    """

    def __init__(self, source: Callable[[], float] | None) -> None:
        self.source = source

    def __call__(self) -> float:
        if self.source is None:
            return time.time()
        now = self.source()
        return now if now >= _DATES_FROM else _FIRST_DAY + now
