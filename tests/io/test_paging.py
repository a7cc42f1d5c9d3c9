"""Walking a list that others change meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from periskope_async._io.paging import MAX_DETOURS, walk
from periskope_async.errors import ConfigurationError


@frozen
class Page:
    """A page as lists have it, without a count."""

    rows: list[int]
    count: int | None = None


class Shelf:
    """A list served in pages, which runs a change before it serves a page."""

    def __init__(
        self, rows: list[int], size: int, changes: dict[int, Callable[[list[int]], None]] | None = None
    ) -> None:
        self.rows = rows
        self.size = size
        self.changes = changes or {}
        self.offsets: list[int] = []
        self.limits: set[int] = set()

    async def page(self, *, offset: int, limit: int) -> Page:
        await asyncio.sleep(0)
        self.changes.get(len(self.offsets), lambda _rows: None)(self.rows)
        self.offsets.append(offset)
        self.limits.add(limit)
        return Page(self.rows[offset : offset + limit])

    async def walk(self, limit: int | None = None) -> list[int]:
        pages = walk(self.page, lambda row: row, page_size=self.size, limit=limit)
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
