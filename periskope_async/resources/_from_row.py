"""A list that is walked from one of its rows on."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from periskope_async._codec.model import Model
from periskope_async._deferred import frozen
from periskope_async._io.paging import FetchPage
from periskope_async._sansio.arguments import as_count
from periskope_async.models.pages import Page

__all__ = ["from_row"]

RowT = TypeVar("RowT", bound=Model)


@frozen
class _Rest(Generic[RowT]):
    """A page of what is left of a list."""

    rows: Sequence[RowT]
    count: int | None


def from_row(page: Callable[..., Coroutine[Any, Any, Page[RowT]]], first: int) -> FetchPage[RowT]:
    """Return the method for one *page* of a list as if the list began at its row *first*, counted from 0.

    Raises:
        ConfigurationError: *first*, which callers know as `offset`, is below 0.
    """
    first = as_count("offset", first, least=0)

    async def fetch(*, offset: int, limit: int) -> _Rest[RowT]:
        found = await page(offset=first + offset, limit=limit)
        return _Rest(found.rows, None if found.count is None else max(0, found.count - first))

    return fetch
