"""What a process has seen last of a store that others write to as well. Pure."""

from attrs import define

from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import load_image
from periskope_async._sansio.shared_slots import Other, unpack_slots
from periskope_async._sansio.shared_step import image_of

__all__ = ["StoreView"]


@define
class StoreView:
    """What a process has seen last of the store.

    Attributes:
        image: of the ledger that all share, with the moments of this process's clock; None without one.
        leased: how many requests have been leased since it was written.
        others: the other processes at work.
    """

    image: bytes | None = None
    leased: int = 0
    others: tuple[Other, ...] = ()

    def see(self, image: bytes, age: float, slots: list[tuple[bytes, float]], leased: int, now: float) -> None:
        """Note what the store holds: an image, if any, and what others said of themselves; with the age of each."""
        shared = Ledger()
        self.image = image_of(shared, now) if image and load_image(image, shared, now, age) else None
        self.see_leases(slots, leased, now)

    def see_leases(self, slots: list[tuple[bytes, float]], leased: int, now: float) -> None:
        """Note how many requests have been leased since the image was written, and what others said of themselves."""
        self.leased = leased
        self.others = unpack_slots(slots, now)

    def load(self, ledger: Ledger, now: float) -> bool:
        """Make of a ledger what all know; return False where that is nothing."""
        if not load_image(self.image or b"", ledger, now):
            return False
        if ledger.window is not None:
            ledger.window.sent += self.leased
        return True

    @property
    def in_flight(self) -> int:
        """How many requests the others have in flight."""
        return sum(other.in_flight for other in self.others)

    def taken_by_others(self, generation: int, now: float) -> list[int]:
        """Return how many requests of a window each of those has taken that want some."""
        return [other.taken_of(generation) for other in self.others if other.wants_until > now]
