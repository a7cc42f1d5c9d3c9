"""Live events: `async with client.events() as events: async for event in events`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, NamedTuple, NoReturn, TypeAlias, cast

from periskope_async._envelope import read_event
from periskope_async._io.caller import Caller
from periskope_async._io.entered import Entered
from periskope_async._io.listener import Listener
from periskope_async._io.socket_io import require_socketio
from periskope_async._io.tasks import cancel_and_wait
from periskope_async._log import logger
from periskope_async._sansio.live import MAX_WAITING, Backlog, decide_reconnect
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async.errors import ConfigurationError, PeriskopeError
from periskope_async.events import Event, Gap, TicketEvent, TicketUpdated, UnknownEvent
from periskope_async.hooks import capture_responses
from periskope_async.models.ticket_rows import TicketRow
from periskope_async.models.tickets import Ticket, TicketInfo
from periskope_async.resources.tickets import Tickets

__all__ = ["Backfill", "open_events"]

#: What is read from lists after a gap.
Backfill: TypeAlias = Literal["tickets"]

#: Changes from before a gap that are looked for too: the service's clock says whole seconds in its answers, and an
#: event takes its time to come.
ALLOWANCE: Final = timedelta(seconds=5)
HOW_TO_LISTEN: Final = (
    "live events are entered first: 'async with client.events() as events:', then 'async for event in events:'"
)


class _Arrived(NamedTuple):
    """What came, before anybody reads it: what finds no room is not worth reading."""

    name: str
    data: Any


def open_events(caller: Caller, backfill: Backfill | None) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
    """Listen to what happens; see `PeriskopeClient.events`."""
    if backfill not in {None, "tickets"}:
        raise ConfigurationError("backfill: expected 'tickets' or None")
    require_socketio()
    return Entered(_open(caller, backfill), HOW_TO_LISTEN)


@asynccontextmanager
async def _open(caller: Caller, backfill: Backfill | None) -> AsyncGenerator[AsyncIterator[Event], None]:
    events = _Events(caller, fills_gaps=backfill is not None)
    work = asyncio.create_task(events.work())
    try:
        await events.follow(work)
        yield events
    finally:
        await cancel_and_wait(work)


class _Events(AsyncIterator[Event]):
    """What came, and is read one by one."""

    def __init__(self, caller: Caller, *, fills_gaps: bool) -> None:
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._fills_gaps = fills_gaps
        self._backlog = Backlog[Event | _Arrived](MAX_WAITING, self._gap)
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._stands = asyncio.Event()
        self._stale = asyncio.Event()
        self._fill_from: float | None = None  # in the loop's time
        self._rows_waiting = 0
        self._read_meanwhile: set[str] = set()
        self._work: asyncio.Task[None]

    async def work(self) -> None:
        """Do all that is to be done while others read."""
        listener = Listener(self._caller, self._receive, self._miss)
        try:
            await listener.connect()
            self._stands.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(listener.listen())
                if self._fills_gaps:
                    group.create_task(self._fill_gaps())
        finally:
            await listener.aclose()

    async def follow(self, work: "asyncio.Task[None]") -> None:
        """Read what *work* brings, from when the connection stands; raise what it fails with before."""
        self._work = work
        work.add_done_callback(self._end)
        await self._stands.wait()
        if work.done():
            work.result()

    async def __anext__(self) -> Event:
        """Return the next event; when the last is read, raise what ended them."""
        while True:
            item = self._backlog.take()
            if item is None:
                if self._work.done():
                    self._raise_end()
                self._news.clear()
                await self._news.wait()
                continue
            self._room.set()
            event = _read(item) if isinstance(item, _Arrived) else item
            if not (self._fills_gaps and isinstance(event, TicketEvent) and self._is_outdated(event)):
                return event

    def _raise_end(self) -> NoReturn:
        error = None if self._work.cancelled() else self._work.exception()
        while isinstance(error, BaseExceptionGroup):
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        raise StopAsyncIteration if error is None else error

    def _end(self, _: object) -> None:
        self._stands.set()
        self._news.set()

    def _receive(self, name: str, data: Any) -> None:
        self._backlog.add(_Arrived(name, data), self._loop.time())
        self._news.set()

    def _miss(self, since: float) -> None:
        self._backlog.miss(since, self._loop.time())
        self._news.set()

    def _gap(self, since: float, until: float, dropped: int) -> Gap:
        if self._fills_gaps:
            self._fill_from = min(since, self._fill_from or since)
            self._stale.set()
        began, ended = (datetime.now(UTC) - self._ago(moment) for moment in (since, until))
        return Gap(began, ended, dropped=dropped)

    def _ago(self, moment: float) -> timedelta:
        return timedelta(seconds=self._loop.time() - moment)

    # -- backfill ---------------------------------------------------------------------------------------------------

    def _is_outdated(self, event: TicketEvent) -> bool:
        """Whether a row is older than an event that was read after the row was."""
        ticket_id = event.ticket.ticket.ticket_id
        if event.source == "service":
            if self._fill_from is not None or self._rows_waiting:
                self._read_meanwhile.add(ticket_id)
            return False
        self._rows_waiting -= 1
        outdated = ticket_id in self._read_meanwhile
        self._forget()
        return outdated

    def _forget(self) -> None:
        if self._fill_from is None and not self._rows_waiting:
            self._read_meanwhile.clear()

    async def _fill_gaps(self) -> None:
        """After each gap, read the list until it could be read to its end."""
        attempt = 0
        while True:
            await self._stale.wait()
            self._stale.clear()
            if self._fill_from is None:
                raise AssertionError("unreachable")
            try:
                await self._fill(self._fill_from)
            except PeriskopeError as error:
                attempt += 1
                wait = decide_reconnect(FailedAttempt(error, FailureKind.PASSING), attempt)
                if wait is None:
                    raise
                logger.info("live events: no backfill: %s; again in %.2f s", error, wait)
                await asyncio.sleep(wait)
                self._stale.set()
                continue
            attempt = 0
            if not self._stale.is_set():  # else another gap came, and what is read for it covers this one too
                self._fill_from = None
                self._forget()

    async def _fill(self, since: float) -> None:
        """Have the tickets that were changed since a moment read as events."""
        after: datetime | None = None
        with capture_responses() as answers:
            async with aclosing(Tickets(self._caller).list()) as rows:
                async for row in rows:
                    if after is None:
                        after = _said_at(answers[-1].headers) - self._ago(since) - ALLOWANCE
                    if row.last_updated_at is None or row.last_updated_at < after:
                        continue
                    while not self._backlog.has_room:
                        self._room.clear()
                        await self._room.wait()
                    self._rows_waiting += 1
                    self._backlog.add(_of_row(row), self._loop.time())
                    self._news.set()


def _read(arrived: _Arrived) -> Event:
    name, data = arrived
    if isinstance(data, dict):
        return read_event(cast("dict[str, Any]", data), name)
    return UnknownEvent(type=name, data=data, raw={"data": data})


def _of_row(row: TicketRow) -> TicketUpdated:
    raw = row.to_dict()
    named = {"ticket_labels": raw.get("labels"), "ticket_custom_properties": raw.get("custom_properties")}
    ticket = Ticket.from_dict(raw | {name: value for name, value in named.items() if value is not None})
    return TicketUpdated(TicketInfo(ticket=ticket), type="ticket.updated", raw=raw, source="backfill")


def _said_at(headers: Mapping[str, str]) -> datetime:
    """Return what time it is for the service, by an answer that has just come; else for us."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return datetime.now(UTC)
