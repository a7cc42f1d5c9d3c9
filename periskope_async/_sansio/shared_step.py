"""What a step of a shared ledger writes, and what it makes of what a process knew before. Pure."""

from operator import attrgetter
from typing import Final, NamedTuple

from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import load_image, save_image
from periskope_async._sansio.permit import Permit

__all__ = ["Step", "bring_along", "image_of", "outcome_of", "seed_ledger"]

#: What answers change for the others, of a ledger and of each of its limits.
_of_ledger: Final = attrgetter("paused_until", "_throttles", "_ceiling", "_interval", "_granted")
_of_limit: Final = attrgetter("generation", "guided", "shared", "crowded", "_late", "_probe_until")


class Step(NamedTuple):
    """What a step writes, and what it has come to.

    *image* is None where it only looks, or takes permits of an open window: that counts if no more than *room* are
    leased then. *seen*: how many were, as it knows, when it was planned. *stale*: permits that it took before others
    wrote what is there now; they are handed back.
    """

    image: bytes | None
    slot: bytes
    permits: list[Permit]
    wait: float
    events: int
    returned: int
    at: float
    partings: int
    room: int
    seen: int
    stale: tuple[Permit, ...] = ()

    @property
    def looks(self) -> bool:
        """Whether it changes nothing for the others."""
        return self.image is None and not self.permits


def image_of(ledger: Ledger, now: float) -> bytes:
    """Return the image of a ledger without what is in flight: that is for the slots to say.

    Raises:
        ValueError: there is none.
    """
    in_flight, ledger.in_flight = ledger.in_flight, 0
    image = save_image(ledger, now)
    ledger.in_flight = in_flight
    if image is None:
        raise ValueError("the name of a limit is too long")
    return image


def outcome_of(ledger: Ledger) -> tuple[object, ...]:
    """Return what answers change for the others."""
    limits = (ledger, *ledger.further)
    return (*_of_ledger(ledger), *((*_of_limit(each), each.window and each.window.others) for each in limits))


def seed_ledger(shared: Ledger, own: Ledger, now: float, fresh: int, *, anew: bool) -> None:
    """Begin where there is nothing of use, with what a process knows; *anew*: what others have in flight is unknown."""
    load_image(image_of(own, now), shared, now)
    for limit in (shared, *shared.further):
        if anew:
            limit.forget()
            limit.crowded = True
        limit.generation = max(limit.generation + 1, fresh)


def bring_along(shared: Ledger, own: Ledger, now: float, *, sent: int, in_flight: int) -> None:
    """Note what happened while a process was alone. What it sent may count in the windows that are open.

    *sent*: how many requests it has sent, and how many of them are *in_flight*.
    """
    shared.paused_until = max(shared.paused_until, own.paused_until)
    limits = (shared, *shared.further)
    if shared.last_reading is None and own.last_reading is None and not own.guided:  # nothing limits it
        for limit in limits:
            limit.end()
            limit.guided = False
    for limit in limits:
        if limit.window is not None:
            windows = [each.window for each in (own, *own.further) if each.name == limit.name]
            in_its_window = [window.sent for window in windows if window is not None and now < window.closes_at]
            limit.window.sent += min(sent, *(in_its_window or [in_flight]))
