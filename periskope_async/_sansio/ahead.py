"""What saves steps: which permits a process takes before it needs them, and which answers can wait. Pure."""

import math
from typing import Final

from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.limit import Limit
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading

__all__ = ["MAX_LEASE", "lease_size", "lease_until", "sent_at", "shows_no_news"]

#: What a process takes in one step, at most, where it asks for one soon after the other, requests.
MAX_LEASE: Final = 8


def lease_until(ledger: Ledger) -> float:
    """Return when the first window ends; minus infinity if one is not open, or others use it too."""
    ends = math.inf
    for limit in (ledger, *ledger.further):
        if limit.window is None or limit.crowded:
            return -math.inf
        ends = min(ends, limit.window.closes_at)
    return ends


def lease_size(ledger: Ledger, taken: int, others: int, wanted: float) -> float:
    """Return how many permits more a process may take than it needs now.

    No more than half of what its share has left, so that others find theirs, and none of the last ones.

    Args:
        ledger: whose windows are open.
        taken: how many of its window this process has.
        others: how many other processes want some.
        wanted: how many requests wait to be sent; infinite if that is not known.
    """
    windows = [limit.window for limit in (ledger, *ledger.further) if limit.window is not None]
    share = windows[0].limit // (1 + others) - taken
    left = min(window.left() for window in windows)
    return min(share // 2, left - MAX_LEASE, wanted)


def sent_at(permit: Permit, now: float) -> Permit:
    """Return a permit that was taken ahead, for a request that is sent now."""
    permit.at = now
    for each in permit.further:
        each.at = now
    return permit


def shows_no_news(ledger: Ledger, permit: Permit, reading: RateReading, until: float) -> bool:
    """Whether a good answer shows others no more than that one request less is in flight, and still will *until* then.

    That is: it is of the windows that are known, whose end is not near, and nobody else uses the key.
    """
    if not ledger.further and not reading.further:
        return _is_known(ledger, permit, reading, until)
    known = zip((ledger, *ledger.further), (permit, *permit.further), (reading, *reading.further), strict=False)
    return len(ledger.further) == len(permit.further) == len(reading.further) and all(
        _is_known(limit, each, said, until) for limit, each, said in known
    )


def _is_known(limit: Limit, permit: Permit, reading: RateReading, until: float) -> bool:
    window = limit.window
    return (
        window is not None
        and permit.generation == limit.generation
        and until < window.closes_at
        and reading.limit - reading.remaining > permit.answered
        and reading.reset == window.reset
        and reading.name == limit.name
        and not limit.crowded
        and not window.others
    )
