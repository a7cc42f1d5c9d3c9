"""Walking a list that is served in pages by offset while others change it. Knows pages, not what their rows are."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

__all__ = ["walk"]

PageT = TypeVar("PageT")
RowT = TypeVar("RowT")

#: How often in a row the walk steps back to look for rows that moved, before it takes the list for unordered; and how
#: many pages in a row may tell nothing new, before it takes the service for one that ignores the offset.
MAX_DETOURS: Final = 8


async def walk(
    fetch: Callable[[int], Coroutine[Any, Any, PageT]],
    rows_of: Callable[[PageT], Sequence[RowT]],
    id_of: Callable[[RowT], Any],
    is_last: Callable[[PageT, int], bool],
) -> AsyncGenerator[RowT, None]:
    """Yield every row once, one page fetched ahead.

    Rows that shift while we read are neither lost nor doubled: each page starts with the last row of the one before. If
    it does not, rows before it have gone, so that others moved up unseen: then the walk steps back, further each time,
    until it meets a row it knows. Rows that moved down are met twice and told once.

    Args:
        fetch: returns the page that starts at an offset, counted from 0.
        rows_of: returns a page's rows.
        id_of: returns what tells a row from the others.
        is_last: tells whether a page, at its offset, is the last one.
    """
    seen: set[Any] = set()
    offset = frontier = steps = stale = 0
    overlapping = False
    ahead = asyncio.ensure_future(fetch(0))
    try:
        while True:
            page = await ahead
            rows = rows_of(page)
            if overlapping and steps < MAX_DETOURS and not (rows and id_of(rows[0]) in seen):
                steps += 1
                offset = max(0, offset - 2**steps)
                overlapping = offset > 0
                ahead = asyncio.ensure_future(fetch(offset))
                continue
            fresh = {id_of(row): row for row in rows if id_of(row) not in seen}
            seen.update(fresh)
            steps, stale = (0, 0) if fresh else (steps, stale + 1)
            # Rows that moved down, and our way back to where we stood, are known already.
            more = not is_last(page, offset) and (stale < MAX_DETOURS or offset + len(rows) <= frontier)
            if more:
                overlapping = len(rows) > 1
                offset += max(1, len(rows) - 1)
                frontier = max(frontier, offset)
                ahead = asyncio.ensure_future(fetch(offset))
            for row in fresh.values():
                yield row
            if not more:
                return
    finally:
        ahead.cancel()
        await asyncio.wait([ahead])
        if not ahead.cancelled():
            ahead.exception()  # told to nobody who still listens; asyncio would log it otherwise
