"""How many requests of a window a process takes at once, where others want some too. Pure."""

from collections.abc import Sequence
from typing import Final

from periskope_async._sansio.circuit import NEVER
from periskope_async._sansio.fair_share import may_take
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.shared_slots import LAPSE
from periskope_async._sansio.window import Window

__all__ = ["MAX_LEASE", "POLL", "PROBE_POLL", "next_poll", "spare_room", "take_lease"]

#: The longest lease, requests.
MAX_LEASE: Final = 64
#: What another process does wakes nobody here. So often it is looked for while its probe is in flight, seconds;
PROBE_POLL: Final = 0.01
#: and so often else, seconds.
POLL: Final = 0.02


def take_lease(
    ledger: Ledger, now: float, wanted: float, most: int, *, taken: int, theirs: Sequence[int]
) -> tuple[list[Permit], float]:
    """Take a lease, or return the seconds to wait: much while much is left, and little in the end.

    Args:
        ledger: what all know; the lease is counted there.
        now: the time, seconds.
        wanted: requests that wait to be sent.
        most: how many it takes, at most.
        taken: how many this process has taken of the window that is open.
        theirs: how many each of the others that want some has.
    """
    permits = list[Permit]()
    while True:
        window = ledger.window
        if window is not None and now < window.closes_at and (left := window.left()) > 0:
            rest = window.limit // (1 + len(theirs)) - taken
            if not may_take(window.limit, left, taken + len(permits), theirs):
                return permits, POLL
            if permits and len(permits) >= min(wanted, most, rest):
                return permits, 0.0
        elif permits:
            return permits, 0.0
        permit = ledger.admit(now, wanted=wanted)
        if not isinstance(permit, Permit):
            return permits, permit
        permits.append(permit)


def spare_room(ledger: Ledger, window: Window, taken: int, theirs: Sequence[int]) -> int:
    """Return how many requests others may lease meanwhile without a change to what a process may that has its lease.

    Args:
        ledger: what all know, with that lease.
        window: its window.
        taken: how many requests of it the process has.
        theirs: how many each of the others that want some has.
    """
    # What is in flight may keep a request from going out.
    if ledger.crowded or ledger._ceiling < NEVER:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own floor
        return 0
    share = max(1, window.limit // (1 + len(theirs)))
    kept = sum(max(0, share - each) for each in theirs) if taken > share else 0
    return max(0, window.left() - kept - ledger.boundary_probes(window))


def next_poll(ledger: Ledger, wait: float, now: float, *, alone: bool) -> float:
    """Return the seconds after which to look again, for who has to *wait*; *alone*: nobody else is at work."""
    used_up = ledger.window is not None and ledger.window.left() <= 0
    if now < ledger.paused_until or used_up or alone:
        return min(wait, LAPSE)
    if ledger.window is None and ledger.guided:
        return min(wait, PROBE_POLL)
    return POLL if wait == NEVER else min(wait, max(POLL, wait / 4))
