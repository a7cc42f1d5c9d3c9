"""What each process that shares a store says of itself there, as bytes and back. Pure."""

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple

__all__ = ["LAPSE", "Other", "pack_slot", "unpack_slots"]

#: Who has been silent for so long was killed, and has nothing in flight that could still count, seconds.
LAPSE: Final = 6.0

#: For how long it asks for requests, seconds; its requests in flight; the window of which it has taken how many.
_SLOT: Final = Struct("<dqqq")


class Other(NamedTuple):
    """Another process, as far as it has said. Until *wants_until* it asks for requests."""

    wants_until: float
    in_flight: int
    generation: int
    taken: int

    def taken_of(self, generation: int) -> int:
        """Return how many requests of a window it has taken."""
        return self.taken if generation == self.generation else 0


def pack_slot(wants_for: float, in_flight: int, generation: int = 0, taken: int = 0) -> bytes:
    """Return what a process says: for how many seconds it wants requests, and the rest as in `Other`."""
    return _SLOT.pack(max(0.0, wants_for), in_flight, generation, taken)


def unpack_slots(slots: Iterable[tuple[bytes, float]], now: float) -> tuple[Other, ...]:
    """Return what others have said, with the age of each, seconds; who is silent for long is not among them."""
    others = list[Other]()
    for said, age in slots:
        if len(said) == _SLOT.size and age < LAPSE:
            wants_for, *counted = _SLOT.unpack(said)
            others.append(Other(now - age + wants_for, *counted))
    return tuple(others)
