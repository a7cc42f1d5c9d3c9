"""What the clock of another machine shows. Pure."""

import math
from typing import Final

__all__ = ["CLOCK_ERROR", "SAMPLES", "RemoteClock"]

#: A clock that is off by more than this, beyond what a round trip explains, has been set, seconds.
CLOCK_ERROR: Final = 0.001
#: Answers after which it is known as well as it will be, and the error with which one is enough, seconds. The first
#: answer comes with a connection, and may be a tenth of a second off: windows would end that much too early.
SAMPLES: Final = 5
GOOD_ENOUGH: Final = 0.003  # seconds


class RemoteClock:
    """What the clock of another machine shows, as far as it is known. The answer that was fastest shows it best.

    Steps follow each other fast, and each takes its times from the one before: what each of them errs would add up.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._error = math.inf
        self._samples = 0

    @property
    def is_known(self) -> bool:
        """Whether moments may be taken from there."""
        return self._samples >= SAMPLES or self._error < GOOD_ENOUGH

    def note(self, time_there: int, sent_at: float, now: float) -> None:
        """Take in what it shows, microseconds, in an answer."""
        error = (now - sent_at) / 2
        ahead = time_there / 1e6 - (now + sent_at) / 2
        self._samples += 1
        self._error *= 1.01  # clocks drift
        if error < self._error or abs(ahead - self._ahead) > self._error + error + CLOCK_ERROR:
            self._ahead, self._error = ahead, error

    def at(self, now: float) -> int:
        """Return what it shows at a moment here, microseconds."""
        return int((now + self._ahead) * 1e6)

    def here(self, time_there: int) -> float:
        """Return when it shows that."""
        return time_there / 1e6 - self._ahead
