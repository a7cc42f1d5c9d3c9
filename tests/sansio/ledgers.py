"""Ledgers, and what happens to them, in made-up time."""

from typing import Any

from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading


def told(remaining: int, resets_in: float = 10.0, *, limit: int = 10, reset: float | None = None) -> RateReading:
    """What an answer told: whole seconds from now, or a Reset that names its window."""
    slack = 1.0 if reset is None else 2.0
    length = resets_in if reset is None else resets_in - 1
    return RateReading(limit, remaining, resets_in, slack, reset, length)


def enter(ledger: Ledger, now: float, **kind: Any) -> Permit:
    """Be let in."""
    given = ledger.admit(now, **kind)
    assert isinstance(given, Permit)
    return given


def wait(ledger: Ledger, now: float, **kind: Any) -> float:
    """Be refused, for so many seconds."""
    seconds = ledger.admit(now, **kind)
    assert isinstance(seconds, float)
    assert seconds > 0
    return seconds


def succeed(ledger: Ledger, now: float, reading: RateReading | None = None, **kind: Any) -> None:
    """Send one request that is answered well, at once."""
    ledger.answer(enter(ledger, now, **kind), now, reading, Health.GOOD)


def opened(now: float = 0.0, reading: RateReading | None = None) -> Ledger:
    """A ledger whose first answer has opened a window."""
    ledger = Ledger()
    succeed(ledger, now, reading or told(9))
    return ledger


def unguided() -> Ledger:
    """The ledger of a service that sends no rate headers."""
    ledger = Ledger()
    succeed(ledger, 0.0)
    assert not ledger.guided
    return ledger
