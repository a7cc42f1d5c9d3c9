"""Walking a list that others change meanwhile."""

import asyncio
import tracemalloc
from collections.abc import Callable
from contextlib import aclosing
from itertools import count
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from periskope_async._io.paging import walk
from periskope_async._sansio.paging import MAX_DETOURS
from periskope_async.errors import ConfigurationError
from tests.support import slow


@frozen
class Page:
    """A page as lists have it, without a count."""

    rows: list[int]
    count: int | None = None


class Shelf:
    """A list served in pages, which runs a change before it serves a page."""

    def __init__(
        self,
        rows: list[int],
        size: int,
        changes: dict[int, Callable[[list[int]], None]] | None = None,
        **options: Any,
    ) -> None:
        self.rows = rows
        self.size = size
        self.changes = changes or {}
        self.options = options
        self.offsets: list[int] = []
        self.limits: set[int] = set()

    async def page(self, *, offset: int, limit: int) -> Page:
        await asyncio.sleep(0)
        self.changes.get(len(self.offsets), lambda _rows: None)(self.rows)
        self.offsets.append(offset)
        self.limits.add(limit)
        return Page(self.rows[offset : offset + limit])

    async def walk(self, limit: int | None = None) -> list[int]:
        pages = walk(self.page, lambda row: row, page_size=self.size, limit=limit, **self.options)
        return [row async for row in pages]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("rows", [0, 1, 2, 6, 7, 8, 50])
async def test_quiet_list(rows: int, size: int) -> None:
    """Of a list that nobody changes, every row comes once and in order, whatever the page size."""
    assert await Shelf(list(range(rows)), size).walk() == list(range(rows))


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (4, 1), (5, 2), (8, 3), (9, 3), (100, 3)])
async def test_a_walk_of_so_many_rows(limit: int, pages: int) -> None:
    """A walk with a limit ends there, and asks for no page that it does not need."""
    shelf = Shelf(list(range(9)), 4)
    assert await shelf.walk(limit) == list(range(9))[:limit]
    assert len(shelf.offsets) == pages
    assert shelf.limits == {min(limit, 4)}


@pytest.mark.parametrize(("page_size", "limit"), [(0, None), (5, 0), (True, None), ("5", None), (5, 2.0)])
def test_sizes_that_are_none(page_size: Any, limit: Any) -> None:
    """A page or a walk of no rows is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"page_size|limit"):
        walk(Shelf([], 1).page, lambda row: row, page_size=page_size, limit=limit)


async def test_pages_overlap_by_one_row() -> None:
    """Each page is asked for from the last row of the one before, and a short page is the last."""
    shelf = Shelf(list(range(9)), 4)
    await shelf.walk()
    assert shelf.offsets == [0, 3, 6]


async def test_rows_inserted_before() -> None:
    """Rows that others move down are met twice and told once."""
    shelf = Shelf(list(range(20)), 5, {1: lambda rows: rows.insert(0, 99), 2: lambda rows: rows.insert(0, 98)})
    assert await shelf.walk() == list(range(20))


async def test_rows_deleted_before() -> None:
    """Rows that move up because rows before them go are found by stepping back."""
    shelf = Shelf(list(range(30)), 5, {2: lambda rows: rows.__delitem__(slice(0, 6))})
    assert set(range(6, 30)) <= set(found := await shelf.walk())
    assert len(found) == len(set(found))


async def test_the_end_moves_up() -> None:
    """A page that comes back empty because rows before it have gone is no end either."""
    shelf = Shelf(list(range(7)), 5, {1: lambda rows: rows.__delitem__(slice(0, 4))})
    assert await shelf.walk() == list(range(7))


async def test_a_list_without_order_ends() -> None:
    """A service that answers in a new order each time is walked to an end, in a bounded number of pages."""
    rows = list(range(40))
    turns = {n: lambda rows: rows.append(rows.pop(0)) for n in range(1, 1000)}
    shelf = Shelf(rows, 4, turns)
    found = await shelf.walk()
    assert len(found) == len(set(found))
    assert len(shelf.offsets) < 40 * MAX_DETOURS


async def test_a_service_that_repeats_its_page_ends() -> None:
    """A service that ignores the offset is asked a few times more, and not for ever."""
    shelf = Shelf(list(range(5)), 5)
    shelf.page = lambda *, offset, limit: Shelf.page(shelf, offset=0 * offset, limit=limit)  # type: ignore[method-assign]  # the fault itself
    assert await shelf.walk() == list(range(5))
    assert len(shelf.offsets) <= 3 * MAX_DETOURS


@given(
    rows=st.integers(0, 60),
    size=st.integers(2, 9),
    changes=st.dictionaries(st.integers(1, 30), st.tuples(st.booleans(), st.integers(0, 59)), max_size=6),
)
def test_rows_that_stay_come_once(rows: int, size: int, changes: dict[int, tuple[bool, int]]) -> None:
    """Whatever others insert or delete during the walk, each row that stays comes exactly once."""
    gone: set[int] = set()

    def change(insert: bool, place: int, name: int) -> Callable[[list[int]], None]:  # noqa: FBT001  # drawn
        def apply(shelf: list[int]) -> None:
            if insert:
                shelf.insert(min(place, len(shelf)), name)
            elif place < len(shelf):
                gone.add(shelf.pop(place))

        return apply

    plan = {turn: change(insert, place, 1000 + turn) for turn, (insert, place) in changes.items()}
    found = asyncio.run(Shelf(list(range(rows)), size, plan).walk())
    assert len(found) == len(set(found))
    assert set(range(rows)) - gone <= set(found)


# --- lists that are sorted, from the newest row or from the oldest ---------------------------------------------------

WAYS = pytest.mark.parametrize("from_end", [False, True])


def sent_at(row: int) -> int | None:
    """When a row was sent, several at one time; the service lists the greatest first."""
    return row // 1000


@WAYS
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("rows", [0, 1, 2, 6, 7, 8, 13, 14, 15, 50, 64])
async def test_quiet_sorted_list(rows: int, size: int, *, from_end: bool) -> None:
    """Of a sorted list that nobody changes, every row comes once, in the order of the list or against it."""
    listed = list(range(0, 400 * rows, 400))[::-1]
    found = await Shelf(listed, size, key_of=sent_at, from_end=from_end).walk()
    assert found == (listed[::-1] if from_end else listed)


async def test_from_the_end_with_a_limit() -> None:
    """Few rows from the end of a long list cost a request for each doubling and each halving, and two pages."""
    shelf = Shelf(list(range(100_000))[::-1], 2_000, key_of=sent_at, from_end=True)
    assert await shelf.walk(5) == [0, 1, 2, 3, 4]
    assert len(shelf.offsets) == 14
    assert shelf.limits == {1, 2_000}


@WAYS
@given(
    rows=st.lists(st.integers(0, 20_000), max_size=60, unique=True),
    size=st.integers(2, 9),
    changes=st.dictionaries(
        st.integers(1, 40),
        st.tuples(st.sampled_from(["insert", "arrive", "delete"]), st.integers(0, 20_000)),
        max_size=9,
    ),
)
def test_rows_that_stay_in_a_sorted_list_come_once(
    rows: list[int],
    size: int,
    changes: dict[int, tuple[str, int]],
    *,
    from_end: bool,
) -> None:
    """Whatever arrives, is put between others or goes during the walk, each row that stays comes exactly once."""
    gone: set[int] = set()

    def change(what: str, number: int, turn: int) -> Callable[[list[int]], None]:
        def apply(shelf: list[int]) -> None:
            if what == "delete" and shelf:
                gone.add(shelf.pop(number % len(shelf)))
            elif what != "delete":
                fresh = (
                    range(100_000 + 1000 * turn, 100_000 + 1000 * turn + number % 5) if what == "arrive" else [number]
                )
                shelf[:] = sorted({*shelf, *fresh}, key=lambda row: (-row // 1000, row))

        return apply

    plan = {turn: change(*drawn, turn) for turn, drawn in changes.items()}
    shelf = Shelf(sorted(rows, key=lambda row: (-row // 1000, row)), size, plan, key_of=sent_at, from_end=from_end)
    found = asyncio.run(shelf.walk())
    assert len(found) == len(set(found))
    assert set(rows) - gone <= set(found)


async def test_what_comes_during_a_walk_from_the_end_ends_it() -> None:
    """Rows that arrive while a list is read from its end come last, in their order."""

    def arrive(rows: list[int]) -> None:
        rows[:] = [*range(rows[0] + 30, rows[0], -1), *rows]

    shelf = Shelf(list(range(100))[::-1], 10, dict.fromkeys((8, 10, 12), arrive), key_of=sent_at, from_end=True)
    assert await shelf.walk() == list(range(190))


async def test_a_sorted_list_in_which_half_goes_at_once() -> None:
    """However many rows before it go between two pages, no row that stays is lost."""
    shelf = Shelf(
        list(range(40_000))[::-1], 100, {250: lambda rows: rows.__delitem__(slice(0, 20_000))}, key_of=sent_at
    )
    assert set(range(20_000)) <= set(await shelf.walk())


@WAYS
@pytest.mark.parametrize("size", [3, 10])
async def test_a_list_that_is_not_sorted_after_all(size: int, *, from_end: bool) -> None:
    """Where the service sorts otherwise than it says, ids tell rows apart: none is lost, nor is one without a key."""
    listed = [(7 * number) % 100 * 1000 for number in range(100)]
    keys: dict[int, int | None] = {row: None if row % 9000 == 0 else row for row in listed}
    found = await Shelf(listed, size, key_of=keys.__getitem__, from_end=from_end).walk()
    assert sorted(found) == sorted(listed)


@pytest.mark.parametrize("rows", [0, 3, 5, 6, 50])
async def test_from_the_end_of_a_service_with_small_pages(rows: int) -> None:
    """A service that serves fewer rows than are asked for, and counts them all, is read in its own pages."""
    listed = list(range(rows))[::-1]

    async def page(*, offset: int, limit: int) -> Page:
        await asyncio.sleep(0)
        return Page(listed[offset : offset + min(limit, 5)], len(listed))

    pages = walk(page, lambda row: row, key_of=sent_at, from_end=True, page_size=2_000)
    assert [row async for row in pages] == listed[::-1]


async def test_from_the_end_of_a_service_that_repeats_its_page() -> None:
    """A service that ignores the offset has one page, which is read."""
    shelf = Shelf(list(range(5))[::-1], 5, from_end=True)
    shelf.page = lambda *, offset, limit: Shelf.page(shelf, offset=0 * offset, limit=limit)  # type: ignore[method-assign]  # the fault itself
    assert await shelf.walk() == list(range(5))
    assert len(shelf.offsets) < 50


@WAYS
@pytest.mark.parametrize("total", [4_000, slow(100_000)])
async def test_a_sorted_list_is_walked_in_the_memory_of_its_pages(total: int, *, from_end: bool) -> None:
    """Of rows that come and go meanwhile none that stays is lost, none is doubled, and only pages are held."""
    size, pages, settled = total // 20 if total < 10_000 else 500, 0, 0
    listed = list(range(total))[::-1]
    new = count(total)
    found, gone = bytearray(2 * total), bytearray(2 * total)

    async def page(*, offset: int, limit: int) -> Any:
        nonlocal pages
        await asyncio.sleep(0)
        pages += 1
        for place in (1, len(listed) // 3, len(listed) // 2, -2):
            gone[listed.pop(place)] = True
        listed[:0] = [next(new) for _ in range(7)][::-1]
        # Made for this page alone, as those in a body are.
        return Page([f"{number:0100}" for number in listed[offset : offset + limit]])  # type: ignore[misc]

    tracemalloc.start()
    try:
        rows = walk(page, str, key_of=lambda row: int(row) // 3, page_size=size, from_end=from_end)
        async for row in rows:
            number = int(row)
            assert not found[number]
            found[number] = True
            if settled == 0 and found.count(True) == 3 * size:
                tracemalloc.reset_peak()
                settled = tracemalloc.get_traced_memory()[0]
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(found[number] or gone[number] for number in range(total))
    assert pages > total // size
    assert highest - settled < 3 * size * 300  # bytes of a row, its id and its place, of which 100,000 would be 30 MB


async def test_leaving_early_leaves_nothing() -> None:
    """Leaving the walk cancels the page that was being fetched ahead."""
    shelf = Shelf(list(range(100)), 10)
    before = asyncio.all_tasks()
    async with aclosing(walk(shelf.page, lambda row: row, page_size=10)) as rows:
        async for row in rows:
            if row == 12:
                break
    assert asyncio.all_tasks() == before


async def test_a_page_that_fails_ahead() -> None:
    """The rows of a page are delivered before the failure of the next one is raised; leaving before it tells nobody."""

    async def page(*, offset: int, limit: int) -> Page:
        await asyncio.sleep(0)
        if offset:
            raise RuntimeError("no such page")
        return Page([1, 2, 3][:limit])

    found: list[int] = []
    pages = walk(page, lambda row: row, page_size=3)

    async def read() -> None:
        async for row in pages:
            found.append(row)  # noqa: PERF401  # what came before the failure is the point

    with pytest.raises(RuntimeError, match="no such page"):
        await read()
    assert found == [1, 2, 3]
    async with aclosing(walk(page, lambda row: row, page_size=3)) as left:
        async for _ in left:
            await asyncio.sleep(0.01)
            break
