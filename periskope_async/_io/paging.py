"""Walking a list that is served in pages by offset while others change it. Knows pages, not what their rows are."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from periskope_async._io.rows import Rows
from periskope_async._sansio.arguments import as_count
from periskope_async._sansio.paging import Page, Read, Walk, backward, forward

__all__ = ["FetchPage", "walk"]

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)


class FetchPage(Protocol[RowT_co]):
    """A list's method for one page."""

    def __call__(self, *, offset: int, limit: int) -> Coroutine[Any, Any, Page[RowT_co]]: ...


def walk(
    fetch: FetchPage[RowT],
    id_of: Callable[[RowT], Any],
    *,
    key_of: Callable[[RowT], Any] | None = None,
    from_end: bool = False,
    page_size: int,
    limit: int | None = None,
) -> AsyncGenerator[RowT, None]:
    """Return an iterator over every row of a list, each once, one page fetched ahead.

    Rows that shift while we read are neither lost nor doubled, as `forward` and `backward` say.

    Args:
        fetch: returns the page that starts at an offset, counted from 0.
        id_of: returns what distinguishes a row from the others.
        key_of: returns what the service sorts the list by, the greatest first, so that the walk needs no more memory
            than two pages do; None where that is not known, so that it remembers every id.
        from_end: whether the list is read from its end.
        page_size: rows asked for at a time.
        limit: rows to yield at most; None for all.

    Raises:
        ConfigurationError: `page_size` or `limit` is below 1.
    """
    page_size = as_count("page_size", page_size, least=1)
    most = math.inf if limit is None else as_count("limit", limit, least=1)
    read = Read(id_of, key_of, backward=from_end)
    # Where the end has to be found first, small pages would cost requests.
    steps = backward(read, page_size) if from_end else forward(read, int(min(page_size, most)))
    return Rows(_walk(fetch, steps, most))


async def _walk(fetch: FetchPage[RowT], steps: Walk[RowT], left: float) -> AsyncGenerator[RowT, None]:
    new, offset, size = next(steps)
    while offset is not None:
        ahead = asyncio.ensure_future(fetch(offset=offset, limit=size))
        try:
            for row in new:
                yield row
            page = await ahead
        finally:
            ahead.cancel()
            await asyncio.wait([ahead])
            with suppress(asyncio.CancelledError):
                ahead.exception()  # nobody listens any more; asyncio would log it otherwise
        new, offset, size = steps.send(page)
        new = new[: None if left == math.inf else int(left)]
        left -= len(new)
        if not left:
            break
    for row in new:
        yield row
