"""Walking a list that is served in pages by offset while others change it. Knows pages, not what their rows are."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from periskope_async._io.rows import Rows
from periskope_async._sansio.arguments import as_count

__all__ = ["walk"]

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)

#: How often in a row the walk steps back to look for rows that moved, before it takes the list for unordered; and how
#: many pages in a row may tell nothing new, before it takes the service for one that ignores the offset.
MAX_DETOURS: Final = 8


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


class FetchPage(Protocol[RowT_co]):
    """A list's method for one page."""

    def __call__(self, *, offset: int, limit: int) -> Coroutine[Any, Any, Page[RowT_co]]: ...


def walk(
    fetch: FetchPage[RowT], id_of: Callable[[RowT], Any], *, page_size: int, limit: int | None = None
) -> AsyncGenerator[RowT, None]:
    """Return an iterator over every row of a list, each once, one page fetched ahead.

    Rows that shift while we read are neither lost nor doubled: each page starts with the last row of the one before. If
    it does not, rows before it have gone, so that others moved up unseen: then the walk steps back, further each time,
    until it meets a row it knows. Rows that moved down are met twice and yielded once.

    Args:
        fetch: returns the page that starts at an offset, counted from 0.
        id_of: returns what distinguishes a row from the others.
        page_size: rows asked for at a time.
        limit: rows to yield at most; None for all.

    Raises:
        ConfigurationError: `page_size` or `limit` is below 1.
    """
    page_size = as_count("page_size", page_size, least=1)
    most = math.inf if limit is None else as_count("limit", limit, least=1)
    return Rows(_walk(fetch, id_of, page_size, most))


def _is_last(page: Page[Any], offset: int, page_size: int) -> bool:
    # A page is short at the end, or because the service serves fewer rows than were asked for. Its count is never a
    # reason to end, but one that says there is more is a reason to go on.
    return len(page.rows) < page_size and (page.count or 0) <= offset + len(page.rows)


async def _walk(
    fetch: FetchPage[RowT], id_of: Callable[[RowT], Any], page_size: int, left: float
) -> AsyncGenerator[RowT, None]:
    page_size = int(min(page_size, left))
    seen: set[Any] = set()
    offset = frontier = steps = stale = 0
    overlapping = False
    ahead = asyncio.ensure_future(fetch(offset=0, limit=page_size))
    try:
        while True:
            page = await ahead
            rows = page.rows
            if overlapping and steps < MAX_DETOURS and not (rows and id_of(rows[0]) in seen):
                steps += 1
                offset = max(0, offset - 2**steps)
                overlapping = offset > 0
                ahead = asyncio.ensure_future(fetch(offset=offset, limit=page_size))
                continue
            fresh = {id_of(row): row for row in rows if id_of(row) not in seen}
            seen.update(fresh)
            steps, stale = (0, 0) if fresh else (steps, stale + 1)
            # Rows that moved down, and our way back to where we stood, are known already.
            more = (
                len(fresh) < left
                and not _is_last(page, offset, page_size)
                and (stale < MAX_DETOURS or offset + len(rows) <= frontier)
            )
            if more:
                overlapping = len(rows) > 1
                offset += max(1, len(rows) - 1)
                frontier = max(frontier, offset)
                ahead = asyncio.ensure_future(fetch(offset=offset, limit=page_size))
            for row in islice(fresh.values(), None if left == math.inf else int(left)):
                yield row
            left -= len(fresh)
            if not more:
                return
    finally:
        ahead.cancel()
        await asyncio.wait([ahead])
        if not ahead.cancelled():
            ahead.exception()  # nobody listens any more; asyncio would log it otherwise
