"""The service is out of order: bulk runs wait behind one probe, then come back by slow start."""

import math
from enum import Enum, auto
from typing import Final

from attrs import define

from periskope_async._sansio.retry import backoff

__all__ = ["BAD", "GOOD", "NEVER", "OUTAGE_BACKOFF", "CircuitBreaker", "Health"]

#: The first pause of an outage is at most this long, seconds.
OUTAGE_BACKOFF: Final = 0.2


NEVER: Final = math.inf


class Health(Enum):
    """What an answer shows of the service's health, whatever else it says."""

    GOOD = auto()
    BAD = auto()
    UNKNOWN = auto()  # a 429 shows neither


#: Looked up in their enum, they would take longer than what is done for them with every answer.
GOOD: Final = Health.GOOD
BAD: Final = Health.BAD


@define
class CircuitBreaker:
    """The service is out of order, for bulk runs: they wait behind one probe, then come back by slow start."""

    #: Nothing that was sent later than this was answered well.
    since: float
    paused_until: float = -math.inf
    #: How many may be in flight; every success allows one more, which doubles it each round.
    allowed: float = 1.0
    in_flight: int = 0
    probe_until: float = -math.inf

    def open(self, now: float) -> None:
        """Begin again with one probe, after a pause that grows with the outage."""
        self.allowed = 1.0
        self.paused_until = now + backoff(1, max(OUTAGE_BACKOFF, (now - self.since) / 2.0))

    def recover(self, sent_at: float, *, probe: bool) -> bool:
        """Note a good answer, to a *probe* of this outage or not; return whether it is over, and holds nobody back."""
        if not probe and sent_at <= self.since:
            return False
        self.since = max(self.since, sent_at)
        self.allowed += 1.0
        self.paused_until = -math.inf
        return self.allowed > 2.0 * self.in_flight + 64.0

    @property
    def is_probing(self) -> bool:
        """Whether nothing goes out but one request at a time, to see whether the outage is over."""
        return self.allowed <= 1.0

    def wait(self, now: float) -> float:
        """Return the seconds before a bulk call may be admitted."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_flight < self.allowed:
            return 0.0
        return max(0.0, self.probe_until - now) if self.is_probing else NEVER
