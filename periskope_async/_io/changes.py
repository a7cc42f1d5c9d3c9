"""Finding what changed in a list since a run before. Knows no resource."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final, Generic, TypeVar

from periskope_async._codec.model import Model
from periskope_async._deferred import frozen
from periskope_async._io.caller import Caller
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import FetchPage, walk
from periskope_async._sansio.changes import (
    Judgement,
    judge,
    make_state,
    read_state,
    revert,
    row_differs,
    settle,
    stamp,
    with_full,
)
from periskope_async._sansio.operation import Request
from periskope_async._sansio.paging import Page
from periskope_async.bulk import BulkResult
from periskope_async.changes import Changes, Details
from periskope_async.errors import ConfigurationError, DeadlineExceeded, NotFoundError, PeriskopeError

__all__ = ["Subject", "Survey", "check_details", "find_changes", "pages_in_bulk", "survey"]

RowT = TypeVar("RowT", bound=Model)
FullT = TypeVar("FullT", bound=Model)
PageT = TypeVar("PageT", bound=Page[Any])

#: After this many rows others have a turn: to compare the rows of a page would hold the loop for 50 ms.
ROWS_AT_ONCE: Final = 100


def _never(_: object) -> bool:
    return False


@frozen
class Subject(Generic[RowT, FullT]):
    """What is compared of a resource.

    Attributes:
        of: what its objects are called, such as `tickets`.
        scope: whose they are; see `_sansio.changes.scope_of`.
        fetch: fetches a page of the list.
        id_of: of a row.
        remains: makes the row of an object of which only the id is left.
        get_many: fetches objects in full.
        row_model: what a row is.
        full_model: what an object in full is.
        is_deleted: whether a row, or an object in full, says that it is deleted; where none ever does, left out.
        rows_are_full: whether a row holds all there is.
        forget_missing: whether what is listed no more is forgotten, because the list begins at a moment.
    """

    of: str
    scope: str
    fetch: FetchPage[RowT]
    id_of: Callable[[RowT], str]
    remains: Callable[[str], RowT]
    get_many: Callable[[Collection[str]], Awaitable[BulkResult[FullT]]]
    row_model: type[RowT]
    full_model: type[FullT]
    is_deleted: Callable[[Any], bool | None] = _never
    rows_are_full: bool = False
    forget_missing: bool = False


@frozen
class Survey:
    """What a walk of a list came to, by ids and stamps alone: of 100,000 objects some 20 MB, where rows would be 140.

    Attributes:
        changed: what was created or updated, the stamps by id.
        deleted: the ids of what says that it is deleted, and of what is listed no more and not to be found.
        errors: by id, why it is unclear whether it is still there.
        skipped: ids of which it is unclear, because they were never asked for.
    """

    changed: Mapping[str, str]
    deleted: frozenset[str]
    errors: Mapping[str, PeriskopeError]
    skipped: tuple[str, ...]
    _subject: "Subject[Any, Any]"
    _before: Mapping[str, str]
    _after: Mapping[str, str]

    def state_without(self, ids: Iterable[str]) -> dict[str, Any]:
        """Return the state to go on from, in which the changes of these ids have not been seen."""
        return make_state(self._subject.of, self._subject.scope, revert(self._after, self._before, ids))


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
    check_details(details)
    seen = read_state(state, subject.of, subject.scope)
    rows = dict[str, RowT]()
    take = _keeping(rows, subject.id_of)
    listed = await _walk(subject, {} if details == "all" else seen, take, page_size=page_size)
    judged = _judge(subject, seen, listed)
    wanted: Collection[str] = ()
    if details == "changed":
        wanted = (*judged.created, *judged.updated)
    elif details == "all":
        wanted = [name for name in listed if not subject.is_deleted(rows[name])]
    asked = (*wanted, *judged.missing)
    found = await subject.get_many(asked) if asked else BulkResult[FullT]()
    return _account(subject, seen, listed, rows, judged, found, details)


async def survey(
    subject: Subject[RowT, FullT],
    state: Mapping[str, Any] | None,
    take: Callable[[RowT, str], object],
    *,
    page_size: int = 2000,
) -> Survey:
    """Find what changed since a state, and keep no row: each that differs is handed to *take*, with its stamp.

    Raises:
        ConfigurationError: the state is not one, was damaged, or is of something else.
        PeriskopeError: the list could not be read; the state still holds.
    """
    seen = read_state(state, subject.of, subject.scope)
    listed = await _walk(subject, seen, take, page_size=page_size)
    judged = _judge(subject, seen, listed)
    found = await subject.get_many(judged.missing) if judged.missing else BulkResult[FullT]()
    gone = _gone(subject, judged, found)
    errors = {name: error for name, error in found.errors.items() if name not in gone}
    after = settle(seen, listed, gone=_forgotten(subject, seen, listed, gone), failed={*errors, *found.skipped})
    changed = {name: after[name] for names in (judged.created, judged.updated) for name in names}
    return Survey(changed, frozenset((*judged.deleted, *gone)), errors, found.skipped, subject, seen, after)


def check_details(details: object) -> None:
    """Refuse what does not say what is to be fetched.

    Raises:
        ConfigurationError: it does not.
    """
    if details not in {"changed", "all", "none"}:
        raise ConfigurationError(f"details: expected 'changed', 'all' or 'none', got {details!r}")


def _keeping(rows: dict[str, RowT], id_of: Callable[[RowT], str]) -> Callable[[RowT, str], None]:
    def take(row: RowT, _: str) -> None:
        rows[id_of(row)] = row

    return take


async def _walk(
    subject: Subject[RowT, FullT], seen: Mapping[str, str], take: Callable[[RowT, str], object], *, page_size: int
) -> dict[str, str]:
    """Return the stamps of all rows by id, and hand over those that are not as they were seen."""
    listed = dict[str, str]()
    async with aclosing(walk(subject.fetch, subject.id_of, page_size=page_size)) as walked:
        async for row in walked:
            name = subject.id_of(row)
            listed[name] = now = stamp(row.to_dict(), deleted=bool(subject.is_deleted(row)))
            if row_differs(seen.get(name), now):
                take(row, now)
            if len(listed) % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
    return listed


def _judge(subject: Subject[Any, Any], seen: Mapping[str, str], listed: Mapping[str, str]) -> Judgement:
    judged = judge(seen, listed)
    return judged._replace(missing=()) if subject.forget_missing else judged


def _gone(subject: Subject[Any, FullT], judged: Judgement, found: BulkResult[FullT]) -> frozenset[str]:
    """Return what of the missing certainly is not there any more."""
    return frozenset(
        name
        for name in judged.missing
        if isinstance(found.errors.get(name), NotFoundError)
        or (name in found.fetched and subject.is_deleted(found.fetched[name]))
    )


def _forgotten(
    subject: Subject[Any, Any], seen: Mapping[str, str], listed: Mapping[str, str], gone: frozenset[str]
) -> Collection[str]:
    return seen.keys() - listed.keys() if subject.forget_missing else gone


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
    gone = _gone(subject, judged, found)
    errors = {name: error for name, error in found.errors.items() if name not in gone}
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
        after=settle(seen, listed, gone=_forgotten(subject, seen, listed, gone), failed=failed),
    )
