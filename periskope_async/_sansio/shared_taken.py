"""How many requests of a window a process has taken, and by how many it has had more than its share before. Pure."""

from attrs import define

__all__ = ["Taken"]


@define
class Taken:
    """How many requests of the last window a process has taken.

    Who comes first to a window may take nearly all of it, before it can know that others want some. What was more than
    its share counts as taken of the windows after that, up to half of its share of each: so the others catch up, and
    none is ever left without.
    """

    generation: int = -1
    count: int = 0
    #: What it has had more than its share, and does not count yet; and the window from which its share was taken off.
    _owed: int = 0
    _settled: int = -1

    def of(self, generation: int) -> int:
        """Return how many count as taken of a window."""
        return self.count if generation == self.generation else 0

    def add(self, generation: int, count: int) -> None:
        """Note that it has taken some, or with a negative count that it hands some back."""
        if generation != self.generation:
            self._owed += self.count
            self.generation, self.count = generation, 0
        self.count += count

    def settle(self, generation: int, share: int) -> None:
        """Note what its share of an open window is, by which that of the window before is judged."""
        self.add(generation, 0)
        if generation != self._settled:
            owed = max(0, self._owed - share)
            counts = min(owed, share // 2)
            self._settled, self._owed = generation, owed - counts
            self.count += counts
