"""How a list that is served in pages by offset is read while others change it: which page is next, which rows are new.

Nothing here waits: a walk yields which page it wants, and the page is sent into it.
"""

import operator
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

__all__ = ["MAX_DETOURS", "Page", "Read", "Step", "Walk", "backward", "forward"]

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)

#: How often in a row a walk goes aside to look for rows that moved, each time four times as far, before it takes the
#: list for unordered; and how often in a row the same page may come, before it takes the service for one that ignores
#: the offset.
MAX_DETOURS: Final = 8
#: The rows that no list has: beyond them no end is looked for, for the service ignores the offset.
_FARTHEST_ROWS: Final = 2**40


class Page(Protocol[RowT_co]):
    """A page of any list."""

    @property
    def rows(self) -> Sequence[RowT_co]:
        """Its rows, in the order of the service."""
        ...

    @property
    def count(self) -> int | None:
        """The service's own count; what it counts is not documented."""
        ...


class Step(NamedTuple, Generic[RowT]):
    """What a page brought, and which one is wanted next."""

    #: The new rows, in the order of the walk.
    rows: Sequence[RowT]
    #: Where the next page starts, counted from 0; None where the walk ends.
    offset: int | None
    #: How many rows it may have.
    limit: int


Walk = Generator[Step[RowT], Page[RowT], None]


class Read(Generic[RowT]):
    """Which rows of a list have been read.

    Where the list is sorted, it remembers the last page, and what has the same key as a row of it: the rest of what was
    read comes before that page, so that its keys decide. A row without a key is remembered for good. So is everything
    once a page is not sorted after all: then ids alone distinguish rows, as in a list without an order.

    Args:
        id_of: returns what distinguishes a row from the others.
        key_of: returns what the service sorts the list by, the greatest first; None where that is not known.
        backward: whether the list is read from its end.
    """

    def __init__(
        self, id_of: Callable[[RowT], Any], key_of: Callable[[RowT], Any] | None, *, backward: bool = False
    ) -> None:
        self.id_of = id_of
        self._key_of: Callable[[RowT], Any] = key_of or (lambda _: None)
        self._precedes: Callable[[Any, Any], bool] = operator.lt if backward else operator.gt
        #: The key of each row that is remembered, by its id.
        self._keys: dict[Any, Any] = {}
        #: The last key of a row that is not: what has it, or one before it, has been read.
        self._forgotten: Any = None
        self._sorted = True

    def __contains__(self, row: RowT) -> bool:
        if self.id_of(row) in self._keys:
            return True
        if self._forgotten is None or not self._sorted:
            return False
        key = self._key_of(row)
        return key is not None and not self._precedes(self._forgotten, key)

    def add(self, rows: Sequence[RowT]) -> list[RowT]:
        """Return which *rows* of a page, in the order of the walk, are new; from now on they have been read."""
        keys = [key for key in map(self._key_of, rows) if key is not None]
        if any(map(self._precedes, keys[1:], keys)):
            self._sorted = False
        new = {self.id_of(row): row for row in rows if row not in self}
        self._keys |= {name: self._key_of(row) for name, row in new.items()}
        if keys and self._sorted:
            self._forget(keys[0])
        return list(new.values())

    def _forget(self, first: Any) -> None:
        """Forget what comes before a page that starts with the key *first*."""
        past = {name: key for name, key in self._keys.items() if key is not None and self._precedes(key, first)}
        for name, key in past.items():
            del self._keys[name]
            if self._forgotten is None or self._precedes(self._forgotten, key):
                self._forgotten = key


def forward(read: Read[RowT], page_size: int) -> Walk[RowT]:
    """Read a list from its start.

    Each page starts with the last row of the one before. If it does not, rows before it have gone, so that others moved
    up unseen: then the walk steps back, further each time, until it meets a row it knows. Rows that moved down are met
    twice and yielded once.
    """
    offset = detours = repeats = 0
    overlapping = False
    before: set[Any] = set()
    page = yield Step((), offset, page_size)
    while True:
        rows = page.rows
        if overlapping and detours < MAX_DETOURS and not (rows and rows[0] in read):
            detours += 1
            offset = max(0, offset - 4**detours)
            overlapping = offset > 0
            page = yield Step((), offset, page_size)
            continue
        new = read.add(rows)
        detours = 0 if new else detours
        # A page may bring nothing new: rows that moved down, and our way back to where we stood, are known already.
        before, last = {read.id_of(row) for row in rows}, before
        repeats = repeats + 1 if before == last else 0
        if repeats >= MAX_DETOURS or _is_last(page, offset, page_size):
            break
        overlapping = len(rows) > 1
        offset += max(1, len(rows) - 1)
        page = yield Step(new, offset, page_size)
    yield Step(new, None, 0)


def backward(read: Read[RowT], page_size: int) -> Walk[RowT]:
    """Read a list from its end.

    The mirror of `forward`: each page ends with the first row of the one before. If it does not, rows have come before
    it, and moved others down unseen: then the walk steps towards the end, further each time, until it meets a row it
    knows. From then on pages overlap by as much, for where rows came, more will.
    """
    first: Page[RowT] = yield Step((), 0, page_size)
    size: int = len(first.rows)  # a service may serve fewer than were asked for
    offset: int = 0 if not size or _is_last(first, 0, page_size) else (yield from _last_offset(size))
    is_start = offset == 0
    new: Sequence[RowT] = read.add(first.rows[::-1]) if is_start else ()
    detours = moved = spare = 0
    while not is_start:
        page = yield Step(new, offset, size)
        rows = page.rows[::-1]
        joined = size == 1 or not rows or rows[0] in read or _is_last(page, offset, size)
        if not joined and detours < MAX_DETOURS:
            detours += 1
            moved += 4**detours
            offset += 4**detours
            new = ()
            continue
        new = read.add(rows)
        is_start = offset == 0
        spare = min(spare + moved, size // 2)
        moved = 0
        detours = 0 if new else detours
        offset = max(0, offset - max(1, size - 1 - spare))
    yield Step(new, None, 0)


def _last_offset(size: int) -> Generator[Step[RowT], Page[RowT], int]:
    """Find where the last page of *size* rows starts, of a list that has more: no answer says how many there are.

    It takes a request of one row for each doubling, and for each halving back: twelve for 100,000 rows in pages of
    2,000. 0 if the service ignores the offset, so that one page is all there is.
    """
    low, high = size - 1, 2 * size  # at the one there is a row; at the other, from now on, there is none
    while (yield Step((), high, 1)).rows:
        low, high = high, 2 * high
        if high > _FARTHEST_ROWS:
            return 0
    while high - low >= max(2, size):
        middle = (low + high) // 2
        low, high = (middle, high) if (yield Step((), middle, 1)).rows else (low, middle)
    return high - size + 1


def _is_last(page: Page[Any], offset: int, limit: int) -> bool:
    # A page is short at the end, or because the service serves fewer rows than were asked for. Its count is never a
    # reason to end, but one that says there is more is a reason to go on.
    return len(page.rows) < limit and (page.count or 0) <= offset + len(page.rows)
