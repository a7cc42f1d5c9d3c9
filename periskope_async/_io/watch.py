"""Finding what changed in a list again and again. Knows no resource."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import floor
from typing import Any, Final, TypeVar

import anyio

from periskope_async._codec.model import Model
from periskope_async._io.changes import Subject, check_details, find_changes
from periskope_async._io.entered import Entered
from periskope_async._sansio.arguments import as_seconds
from periskope_async._sansio.changes import read_state
from periskope_async.changes import Change, ChangeKind, Changes, Details
from periskope_async.errors import PeriskopeError

__all__ = ["watch_changes"]

RowT = TypeVar("RowT", bound=Model)
FullT = TypeVar("FullT", bound=Model)

#: Said to who awaits a watch or iterates over it at once.
HOW_TO_WATCH: Final = (
    "a watch is entered first: 'async with client.tickets.watch() as changes:', then 'async for change in changes:'"
)


def watch_changes(
    subject: Subject[RowT, FullT],
    state: Mapping[str, Any] | None,
    *,
    details: Details,
    every: float,
    page_size: int,
) -> AbstractAsyncContextManager[AsyncIterator[Change[RowT, FullT]]]:
    """Find what changes again and again; see `Tickets.watch`."""
    check_details(details)
    read_state(state, subject.of, subject.scope)
    seconds = as_seconds("every", every)

    async def find(before: Mapping[str, Any] | None) -> Changes[RowT, FullT]:
        # Where nothing is known, everything is new, and what is new from now on is what somebody watches for.
        wanted = "none" if before is None else details
        return await find_changes(subject, before, details=wanted, page_size=page_size)

    @asynccontextmanager
    async def watching() -> AsyncGenerator[AsyncIterator[Change[RowT, FullT]], None]:
        started = asyncio.get_running_loop().time()
        known = (await find(None)).state if state is None else state
        yield _Watch(find, subject.id_of, known, seconds, started, is_known=state is None)

    return Entered(watching(), HOW_TO_WATCH)


class _Watch(AsyncIterator[Change[RowT, FullT]]):
    """What changes, round after round.

    A round begins at a multiple of *every* since the first, however long the one before took and whenever its changes
    were read; one whose time has passed by then is left out. Nothing runs while the reader does, so nothing is left
    behind when it leaves; who stops waiting for a change may wait again, and misses none.
    """

    def __init__(
        self,
        find: Callable[[Mapping[str, Any]], Awaitable[Changes[RowT, FullT]]],
        id_of: Callable[[RowT], str],
        state: Mapping[str, Any],
        every: float,
        started: float,
        *,
        is_known: bool,
    ) -> None:
        self._find: Final = find
        self._id_of: Final = id_of
        self._state = state
        self._every: Final = every
        self._loop: Final = asyncio.get_running_loop()
        self._started: Final = started
        #: Of the last round, and of the one that is to come; None until it is known.
        self._turn = 0
        self._next: int | None = None if is_known else 0
        self._changes: Iterator[Change[RowT, FullT]] = iter(())

    async def __anext__(self) -> Change[RowT, FullT]:
        """Return the next change, when there is one.

        Raises:
            PeriskopeError: what the next round met, and no later one would not.
        """
        while True:
            for change in self._changes:
                return change
            if self._next is None:
                # At least the next: by rounding, the last may seem not to have come yet.
                self._next = max(self._turn + 1, floor((self._loop.time() - self._started) / self._every) + 1)
            await anyio.sleep(max(0.0, self._started + self._next * self._every - self._loop.time()))
            try:
                found = await self._find(self._state)
            except PeriskopeError as error:
                if not error.retryable:
                    raise
            else:
                self._changes = _each(found, self._id_of)
                self._state = found.state
            self._turn, self._next = self._next, None


def _each(found: Changes[RowT, FullT], id_of: Callable[[RowT], str]) -> Iterator[Change[RowT, FullT]]:
    """Yield what a round found one by one, each with what of it is still to come."""
    kinds: tuple[tuple[ChangeKind, tuple[RowT, ...]], ...] = (
        ("created", found.created),
        ("updated", found.updated),
        ("deleted", found.deleted),
    )
    every: list[tuple[ChangeKind, str, RowT]] = [(kind, id_of(row), row) for kind, rows in kinds for row in rows]
    order = tuple(name for _, name, _ in every)
    for place, (kind, name, row) in enumerate(every):
        yield Change(kind, name, row, found.fetched.get(name), round=found, order=order, place=place)
