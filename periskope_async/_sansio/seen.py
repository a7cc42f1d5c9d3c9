"""Which ids there were: exact, and of a million of them in a fifth of the room that a set and its texts take."""

from typing import Any, Final

__all__ = ["Seen"]

#: Up to this many ids, a set is the smaller of the two, and the faster.
FEW_IDS: Final = 1 << 16
#: Texts that the others are put into, by their hash: 15 ids in each of them for a million.
BUCKETS: Final = 1 << 16
#: Stands around each id in such a text. What holds it stays in the set.
_EDGE: Final = "\n"


class Seen:
    """The ids that there were."""

    def __init__(self) -> None:
        self._few: set[Any] = set()
        self._many: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, key: Any) -> bool:
        """Take up an id, and return whether it is new."""
        if self._count == FEW_IDS and not self._many:
            self._spread()
        is_new = self._put(key) if self._many and _is_plain(key) else self._keep(key)
        self._count += is_new
        return is_new

    def _keep(self, key: Any) -> bool:
        before = len(self._few)
        self._few.add(key)
        return len(self._few) > before

    def _put(self, key: str) -> bool:
        bounded = _EDGE.join(("", key, ""))
        place = hash(bounded) % BUCKETS
        if bounded in self._many[place]:
            return False
        self._many[place] += bounded[1:]
        return True

    def _spread(self) -> None:
        self._many = [_EDGE] * BUCKETS
        for key in filter(_is_plain, self._few):
            self._put(key)
        self._few = {key for key in self._few if not _is_plain(key)}


def _is_plain(key: object) -> bool:
    return isinstance(key, str) and _EDGE not in key
