"""Finding what changed in a list since a run before, once or again and again. Knows no resource."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from math import floor
from typing import Any, Final, Generic, TypeVar

import anyio
from attrs import frozen

from periskope_async._codec.model import Model
from periskope_async._io.caller import Caller
from periskope_async._io.entered import Entered
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import FetchPage, walk
from periskope_async._sansio.arguments import as_seconds
from periskope_async._sansio.changes import Judgement, judge, read_state, row_differs, settle, stamp, with_full
from periskope_async._sansio.operation import Request
from periskope_async._sansio.paging import Page
from periskope_async.bulk import BulkResult
from periskope_async.changes import Change, ChangeKind, Changes, Details
from periskope_async.errors import ConfigurationError, DeadlineExceeded, NotFoundError, PeriskopeError

__all__ = ["Subject", "find_changes", "pages_in_bulk", "watch_changes"]

RowT = TypeVar("RowT", bound=Model)
FullT = TypeVar("FullT", bound=Model)
PageT = TypeVar("PageT", bound=Page[Any])

#: After this many rows others have a turn: to compare the rows of a page would hold the loop for 50 ms.
ROWS_AT_ONCE: Final = 100
#: Said to who awaits a watch or iterates over it at once.
HOW_TO_WATCH: Final = (
    "a watch is entered first: 'async with client.tickets.watch() as changes:', then 'async for change in changes:'"
)


@frozen
class Subject(Generic[RowT, FullT]):
    """What is compared of a resource.

    Attributes:
        of: what its objects are called, such as `tickets`.
        scope: whose they are; see `_sansio.changes.scope_of`.
        fetch: fetches a page of the list.
        id_of: of a row.
        is_deleted: whether a row, or an object in full, says that it is deleted.
        remains: makes the row of an object of which only the id is left.
        get_many: fetches objects in full.
        row_model: what a row is.
        full_model: what an object in full is.
        rows_are_full: whether a row holds all there is.
        forget_missing: whether what is listed no more is forgotten, because the list begins at a moment.
    """

    of: str
    scope: str
    fetch: FetchPage[RowT]
    id_of: Callable[[RowT], str]
    is_deleted: Callable[[Any], bool | None]
    remains: Callable[[str], RowT]
    get_many: Callable[[Collection[str]], Awaitable[BulkResult[FullT]]]
    row_model: type[RowT]
    full_model: type[FullT]
    rows_are_full: bool = False
    forget_missing: bool = False


def pages_in_bulk(caller: Caller, build: Callable[[int, int], Request[PageT]]) -> Callable[..., Any]:
    """Return what fetches the page at an offset as bulk runs fetch: behind single calls, and through an outage."""

    async def fetch(*, offset: int, limit: int) -> PageT:
        result = await fetch_many(
            caller, lambda _: build(offset, limit), ["page"], name="page", deadline=None, on_progress=None
        )
        for error in result.errors.values():
            raise error
        if result.skipped:
            error = DeadlineExceeded("the list was not read: the service has been out of order for a whole deadline")
            error.retryable = True
            raise error
        (page,) = result.fetched.values()
        return page

    return fetch


async def find_changes(
    subject: Subject[RowT, FullT], state: Mapping[str, Any] | None, *, details: Details, page_size: int
) -> Changes[RowT, FullT]:
    """Return what changed since a state; see `Tickets.changed_since`."""
    _check(details)
    seen = read_state(state, subject.of, subject.scope)
    listed = dict[str, str]()
    rows = dict[str, RowT]()
    async with aclosing(walk(subject.fetch, subject.id_of, page_size=page_size)) as walked:
        async for row in walked:
            name = subject.id_of(row)
            listed[name] = now = stamp(row.to_dict(), deleted=bool(subject.is_deleted(row)))
            if details == "all" or row_differs(seen.get(name), now):
                rows[name] = row
            if len(listed) % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
    judged = judge(seen, listed)
    if subject.forget_missing:
        judged = judged._replace(missing=())
    wanted: Collection[str] = ()
    if details == "changed":
        wanted = (*judged.created, *judged.updated)
    elif details == "all":
        wanted = [name for name in listed if not subject.is_deleted(rows[name])]
    asked = (*wanted, *judged.missing)
    found = await subject.get_many(asked) if asked else BulkResult[FullT]()
    return _account(subject, seen, listed, rows, judged, found, details)


def _check(details: object) -> None:
    if details not in {"changed", "all", "none"}:
        raise ConfigurationError(f"details: expected 'changed', 'all' or 'none', got {details!r}")


def _account(
    subject: Subject[RowT, FullT],
    seen: Mapping[str, str],
    listed: dict[str, str],
    rows: Mapping[str, RowT],
    judged: Judgement,
    found: BulkResult[FullT],
    details: Details,
) -> Changes[RowT, FullT]:
    """Put together what was listed, and what was found when it was asked for."""
    missing = set(judged.missing)
    errors = dict(found.errors)
    gone = {name for name in missing if isinstance(errors.get(name), NotFoundError)}
    gone |= {name for name in missing if name in found.fetched and subject.is_deleted(found.fetched[name])}
    for name in gone:
        errors.pop(name, None)
    failed = {*errors, *found.skipped}
    created = [name for name in judged.created if name not in failed]
    updated = [name for name in judged.updated if name not in failed]
    if details == "all":
        known = {*judged.created, *judged.updated, *missing}
        for name, full in found.fetched.items():
            if name not in missing:
                listed[name] = with_full(listed[name], full.to_dict())
                if name not in known and seen[name] != listed[name]:
                    updated.append(name)
    changed = (*created, *updated)
    fetched: Mapping[str, Any] = rows if subject.rows_are_full else found.fetched
    forgotten = seen.keys() - listed.keys() if subject.forget_missing else gone
    return Changes[RowT, FullT](
        fetched={name: fetched[name] for name in changed if name in fetched},
        errors=errors,
        skipped=found.skipped,
        model=subject.full_model if subject.rows_are_full or details != "none" else None,
        created=tuple(rows[name] for name in created),
        updated=tuple(rows[name] for name in updated),
        deleted=(*(rows[name] for name in judged.deleted), *(subject.remains(name) for name in sorted(gone))),
        of=subject.of,
        scope=subject.scope,
        row_model=subject.row_model,
        before=seen,
        after=settle(seen, listed, gone=forgotten, failed=failed),
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
    _check(details)
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
