"""The caller's ids, each once, whatever they come as."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from periskope_async._sansio.seen import Seen
from periskope_async.errors import ConfigurationError

__all__ = ["Ids", "Pulled", "Source"]

T = TypeVar("T")

#: Ids to fetch: anything to iterate over, also lazily, also endlessly.
Ids = Iterable[str] | AsyncIterable[str]

#: An iterator that a run stopped in the middle of is read on this far to report the skipped ids.
MAX_SKIPPED_IDS: Final = 100_000

_END: Final = object()


class Pulled(AsyncIterator[T]):
    """A plain iterable that is pulled in another thread: to be treated like one, though it is waited for."""


class Source:
    """The ids of one run.

    Args:
        ids: from the caller.
        name: what the caller calls them, for errors.

    Raises:
        ConfigurationError: they are one text, or cannot be iterated over.
    """

    def __init__(self, ids: Ids, name: str) -> None:
        if isinstance(ids, str | bytes):
            raise ConfigurationError(f"{name}: expected several ids, got one text; put it in a list")
        self.ended = False
        #: Whether it may keep its reader waiting.
        self.slow = isinstance(ids, AsyncIterable)
        self.duplicates = 0
        self.size = len(ids) if isinstance(ids, Collection) else None
        self._seen = Seen()
        #: What came although whoever asked was cancelled.
        self._late: list[Any] = []
        self._lock = asyncio.Lock()
        self._plain: Iterator[Any] | None = None
        #: Where they are not plain.
        self._async: AsyncIterator[Any]
        try:
            if isinstance(ids, AsyncIterable):
                self._async = aiter(ids)
            else:
                self._plain = iter(ids)
        except TypeError:
            raise ConfigurationError(f"{name}: expected an iterable of ids, got {type(ids).__name__}") from None

    async def take(self) -> tuple[Any, Any] | None:
        """Return the next id and what it is called in results, or None at the end."""
        if self._plain is not None:
            for item in self._plain:
                if self._is_new(key := _as_key(item)):
                    return item, key
                await asyncio.sleep(0)  # an endless run of duplicates must not hold the loop
            self.ended = True
        else:
            async with self._lock:  # an async generator runs for one reader at a time
                while (item := await self._next(self._async)) is not _END:
                    if self._is_new(key := _as_key(item)):
                        return item, key
                    await asyncio.sleep(0)
                self.ended = True
        return None

    async def rest(self) -> list[Any]:
        """Return the ids that were not taken, as far as they can be read without waiting."""
        limit = MAX_SKIPPED_IDS if self.size is None else None
        items = self._late
        if self.ended:
            pass
        elif self._plain is not None:
            items.extend(islice(self._plain, limit))
        elif isinstance(self._async, Pulled):
            async for item in self._async:
                items.append(item)
                if len(items) == limit:
                    break
        return [key for key in map(_as_key, items) if self._is_new(key)]

    async def _next(self, ids: AsyncIterator[Any]) -> Any:
        """Return the next id, or `_END`.

        The caller's code runs in a task of its own, which is cancelled once however often its reader is. The end of a
        run and the leaving of a stream may both do that, and the second would cut off the clean-up that the first set
        off. An id that comes all the same is kept for `rest`, and its reader ends.
        """
        if isinstance(ids, Pulled):  # none of the caller's code runs here
            return await anext(ids, _END)
        step = asyncio.ensure_future(anext(ids, _END))
        cancelled: asyncio.CancelledError | None = None
        while not step.done():
            try:
                await asyncio.wait([step])
            except asyncio.CancelledError as exc:
                if cancelled is None:
                    step.cancel()
                cancelled = exc
        if cancelled is None:
            return step.result()
        if not step.cancelled() and (item := step.result()) is not _END:
            self._late.append(item)
        raise cancelled

    @property
    def total(self) -> int | None:
        """How many distinct ids there are, as far as known."""
        if self.ended:
            return len(self._seen)
        return None if self.size is None else self.size - self.duplicates

    def _is_new(self, key: Any) -> bool:
        is_new = self._seen.add(key)
        self.duplicates += not is_new
        return is_new


def _as_key(item: Any) -> Any:
    """Return *item*, or its repr where a careless caller put in what cannot be a key (it will fail as a bad id)."""
    try:
        hash(item)
    except TypeError:
        return repr(item)
    return item
