"""How a process that was alone comes back to a ledger that others share, or begins one. Pure."""

from collections.abc import Mapping
from typing import TypeAlias

from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import load_image

__all__ = ["Counts", "begin", "counts_of", "join"]

#: Of each limit by name, its generation and what was sent of its window.
Counts: TypeAlias = Mapping[str, tuple[int, int]]


def counts_of(ledger: Ledger) -> Counts:
    """Return what *ledger* has counted."""
    return {
        limit.name: (limit.generation, 0 if limit.window is None else limit.window.sent)
        for limit in (ledger, *ledger.further)
    }


def join(ledger: Ledger, image: bytes, now: float, was: Counts | None) -> bool:
    """Make *ledger* what all know, and bring along what happened while this process was alone.

    Return False, with nothing changed, where *image* holds nothing of use. *was*: what was counted when it became
    alone; None if it never was anything else.
    """
    shared = Ledger()
    if not load_image(image, shared, now) or (shared.last_reading is None and ledger.last_reading is not None):
        return False
    alone, paused_until = counts_of(ledger), ledger.paused_until
    load_image(image, ledger, now)
    ledger.paused_until = max(ledger.paused_until, paused_until)
    for limit in (ledger, *ledger.further):
        generation, sent = alone.get(limit.name, (-1, 0))
        known, counted = (generation, 0) if was is None else was.get(limit.name, (-1, 0))
        if limit.window is not None and (was is None or known == generation == limit.generation):
            limit.window.sent += sent - counted
        if known != generation:
            limit.generation += 1  # permits of a window that only this process knew are of no window now
    return True


def begin(ledger: Ledger, now: float, *, anew: bool) -> None:
    """Make *ledger* one to share, of what this process knows. *anew*: whether others may have shared one before."""
    for limit in (ledger, *ledger.further):
        if anew:  # what they have in flight is not known
            limit.forget()
            limit.crowded = True
        limit.generation = max(limit.generation + 1, int(now * 1e6))  # above all that were ever handed out
