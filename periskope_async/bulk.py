"""Many tickets at once: a few workers over one shared iterator of ids, results by id, failures by id.

Knows how a run is organised, not how a ticket is fetched: that is the caller's one path, the same as for a single call.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import define, field, frozen

from periskope_async._caller import Caller
from periskope_async._pacing import Pass
from periskope_async._protocol import Request
from periskope_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    PeriskopeError,
)
from periskope_async.models import TicketInfo

if TYPE_CHECKING:
    from periskope_async._transport import Home

__all__ = ["BulkResult", "Failed", "Fetched", "Progress", "Pulled", "TicketIds", "fetch_many", "open_stream"]

T = TypeVar("T")

#: Ids to fetch: anything to iterate over, also lazily, also endlessly.
TicketIds = Iterable[str] | AsyncIterable[str]

#: A stream holds at most this many tickets per worker, in flight and ready together; then it waits for its reader.
WINDOW: Final = 2
#: A failed id waits this long for its second try while there are fresh ones, seconds.
SECOND_TRY_AFTER: Final = 1.0
#: An iterator that a run stopped in the middle of is read on this far to tell the skipped ids.
MAX_SKIPPED: Final = 100_000


@frozen
class Fetched:
    """A ticket that a bulk run fetched."""

    ticket_id: str
    ticket: TicketInfo


@frozen
class Failed:
    """A ticket that a bulk run could not fetch, and why."""

    ticket_id: str
    error: PeriskopeError


@frozen
class Progress:
    """How far a bulk run has come. `done`, `failed`, `in_flight` and `waiting` add up to `total`.

    Attributes:
        total: distinct ids to fetch; None while the end of the ids is not known.
        done: tickets fetched.
        failed: ids that failed for good.
        in_flight: ids being fetched.
        elapsed: seconds since the run began.
        eta: seconds to go, as far as the pace so far and the rate limit tell; None while unknown.
    """

    total: int | None
    done: int
    failed: int
    in_flight: int
    elapsed: float
    eta: float | None

    @property
    def waiting(self) -> int | None:
        """Ids not taken up yet; None while the end of the ids is not known."""
        return None if self.total is None else self.total - self.done - self.failed - self.in_flight


@define
class BulkResult:
    """What a bulk run came to. Every distinct id that was given is in exactly one of the three.

    Attributes:
        tickets: the tickets by id, in the order the ids were given.
        errors: why an id failed, by id, in the order given.
        skipped: ids never attempted, because a refused key, an outage or the run's deadline ended it before. Of a
            lazy iterable, ids that were never read are not known and not told beyond 100,000.
    """

    tickets: dict[str, TicketInfo] = field(factory=dict[str, TicketInfo])
    errors: dict[str, PeriskopeError] = field(factory=dict[str, PeriskopeError])
    skipped: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every ticket was fetched."""
        return not self.errors and not self.skipped

    def raise_for_errors(self) -> None:
        """Do nothing if every ticket was fetched.

        Raises:
            ExceptionGroup: of the `PeriskopeError` of each id that failed; if ids were only skipped, of one
                `DeadlineExceeded` that tells how many.
        """
        if self.ok:
            return
        told = f"{len(self.errors)} tickets failed, {len(self.skipped)} were skipped"
        skipped = DeadlineExceeded(f"{len(self.skipped)} ids were not attempted before the run ended")
        raise ExceptionGroup(told, list(self.errors.values()) or [skipped])


@define
class _Job:
    """One id under way: its place in the input, and the failure of its first try if this is the second."""

    item: Any
    position: int
    failed: PeriskopeError | None = None
    due: float = 0.0

    @property
    def key(self) -> Any:
        """What it is called in the results."""
        return _key(self.item)


class Pulled(AsyncIterator[T]):
    """A plain iterable that is pulled in another thread: to be treated like one, though it is waited for."""


class _Source:
    """The caller's ids, each once, whatever they come as."""

    def __init__(self, ids: TicketIds) -> None:
        if isinstance(ids, str | bytes):
            raise ConfigurationError("ticket_ids: expected several ids, got one text; put it in a list")
        self.ended = False
        #: Whether it may keep its reader waiting.
        self.slow = isinstance(ids, AsyncIterable)
        self.duplicates = 0
        self.size = len(ids) if isinstance(ids, Collection) else None
        self._seen: set[Any] = set()
        self._lock = asyncio.Lock()
        self._ids: Iterator[Any] | AsyncIterator[Any]
        try:
            self._ids = aiter(ids) if isinstance(ids, AsyncIterable) else iter(ids)
        except TypeError:
            raise ConfigurationError(f"ticket_ids: expected an iterable of ids, got {type(ids).__name__}") from None

    async def take(self) -> tuple[bool, Any]:
        """Return (True, the next id), or (False, None) at the end."""
        if isinstance(self._ids, Iterator):
            for item in self._ids:
                if self._is_new(_key(item)):
                    return True, item
                await asyncio.sleep(0)  # an endless run of duplicates must not hold the loop
            self.ended = True
        else:
            async with self._lock:  # an async generator runs for one reader at a time
                async for item in self._ids:
                    if self._is_new(_key(item)):
                        return True, item
                    await asyncio.sleep(0)
                self.ended = True
        return False, None

    async def rest(self) -> list[Any]:
        """Return the ids that were not taken, as far as they can be told without waiting."""
        if self.ended:
            return []
        limit = MAX_SKIPPED if self.size is None else None
        items: list[Any] = []
        if isinstance(self._ids, Iterator):
            items.extend(islice(self._ids, limit))
        elif isinstance(self._ids, Pulled):
            async for item in self._ids:
                items.append(item)
                if len(items) == limit:
                    break
        return [key for key in map(_key, items) if self._is_new(key)]

    @property
    def total(self) -> int | None:
        """How many distinct ids there are, as far as known."""
        if self.ended:
            return len(self._seen)
        return None if self.size is None else self.size - self.duplicates

    def _is_new(self, key: Any) -> bool:
        if key in self._seen:
            self.duplicates += 1
            return False
        self._seen.add(key)
        return True


@define(eq=False)
class _Run:
    """One bulk run: its source of ids, its workers' common state, and where results go."""

    caller: Caller
    home: "Home"
    build: Callable[[Any], Request]
    source: _Source
    settle: Callable[[_Job, TicketInfo | PeriskopeError], None]
    stopped: bool = False
    taken: int = 0
    done: int = 0
    failed: int = 0
    in_flight: int = 0
    #: How many ids may be taken up before the reader has taken their results.
    window: float = float("inf")
    consumed: int = 0
    again: deque[_Job] = field(factory=deque[_Job])
    #: Ids that were taken up and not attempted, by position.
    dropped: dict[int, Any] = field(factory=dict[int, Any])
    #: What workers wait for without having an id in flight: their turns at the gate, or themselves reading ids.
    waits: set[asyncio.Future[Any]] = field(factory=set[asyncio.Future[Any]])
    room: asyncio.Event = field(factory=asyncio.Event)
    on_progress: Callable[[Progress], None] | None = None
    started: float = 0.0

    async def work(self) -> None:
        """Fetch one id after the other until there are no more."""
        while not self.stopped:
            job = await self._take()
            if job is None:
                return
            try:
                request = self.build(job.item)
            except ConfigurationError as exc:
                self._finish(job, exc)
                await asyncio.sleep(0)  # an endless run of bad ids must not hold the loop
                continue
            given = await self._enter(job)
            if given is None:
                return
            outcome = await self._fetch(job, request, given)
            if outcome is not None:
                self._finish(job, outcome)

    def stop(self) -> None:
        """Take up no further id; what is in flight goes on, what waits for the gate is skipped or has failed."""
        self.stopped = True
        for wait in tuple(self.waits):
            wait.cancel()
        self.room.set()

    async def _take(self) -> _Job | None:
        """Return the next id to fetch, or None when all are fetched, failed, or under way with another worker."""
        while not self.stopped:
            nothing_fresh = self.source.ended or self.source.slow
            if self.again and (nothing_fresh or self.again[0].due <= self.home.loop.time()):
                return self.again.popleft()
            if self.taken - self.consumed >= self.window:
                if self.again:
                    return self.again.popleft()
                self.room.clear()
                await self.room.wait()
                continue
            found, item = await self._read()
            if found:
                self.taken += 1
                return _Job(item, self.taken - 1)
            if not self.again:
                return None
        return None

    async def _read(self) -> tuple[bool, Any]:
        if not self.source.slow:
            return await self.source.take()
        me = asyncio.current_task(self.home.loop)
        if me is None:
            raise AssertionError("unreachable")
        self.waits.add(me)
        try:
            return await self.source.take()
        finally:
            self.waits.discard(me)

    async def _enter(self, job: _Job) -> Pass | None:
        """Wait for the gate with an id that was just taken up; None if the run is stopped."""
        total = self.source.total
        self.home.lane.wanted = float("inf") if total is None else total - self.taken + len(self.again) + 1
        given = None
        try:
            given = await self._wait_for_pass()
        finally:
            if given is None:
                self._drop(job)
        return given

    async def _wait_for_pass(self) -> Pass | None:
        """Wait for the gate; None if the run is stopped. No deadline: the rate limit is the run's affair."""
        if self.stopped:
            return None
        lane = self.home.lane
        given = lane.try_enter(bulk=True) or await self._queue()
        if given is not None and given.outage is not None and self._is_hopeless():
            lane.withdraw(given)
            self.stop()
            return None
        return given

    async def _queue(self) -> Pass | None:
        lane = self.home.lane
        turn = lane.queue(bulk=True)
        self.waits.add(turn)
        try:
            return await lane.wait(turn)
        except asyncio.CancelledError:
            if self.stopped and turn.cancelled() and not _being_cancelled():
                return None
            raise
        finally:
            self.waits.discard(turn)

    async def _fetch(self, job: _Job, request: Request, given: Pass) -> TicketInfo | PeriskopeError | None:
        """Fetch one ticket; return it, or its error, or None if it shall be tried again."""
        self.in_flight += 1
        second = job.failed is not None
        try:
            return await self.caller.call(
                request, TicketInfo, patient=second, home=self.home, given=given, enter=self._wait_for_pass
            )
        except ClientClosedError:
            raise
        except PeriskopeError as exc:
            error = exc
        except asyncio.CancelledError:
            # If it is the run's deadline that cancels, this is the id's result; if not, nobody looks at it.
            late = DeadlineExceeded("the run's deadline passed while this ticket was being fetched")
            self.settle(job, self.caller.name_request(late, request))
            raise
        finally:
            self.in_flight -= 1
        if isinstance(error, AuthenticationError) or self._is_hopeless():
            self.stop()
        if error.retryable and not second and not self.stopped:
            self.again.append(_Job(job.item, job.position, error, self.home.loop.time() + SECOND_TRY_AFTER))
            self.room.set()
            return None
        return error

    def _is_hopeless(self) -> bool:
        """Whether the service has been out of order for as long as one whole call may take, or the key is shut."""
        return self.home.lane.gate.is_hopeless(self.home.loop.time(), self.caller.settings.deadline)

    def _finish(self, job: _Job, outcome: TicketInfo | PeriskopeError) -> None:
        if isinstance(outcome, PeriskopeError):
            self.failed += 1
        else:
            self.done += 1
        self.settle(job, outcome)
        if self.on_progress is not None:
            self.on_progress(self.progress())

    def _drop(self, job: _Job) -> None:
        """Settle an id that no try is to be made for any more."""
        if job.failed is None:
            self.dropped[job.position] = job.key
        else:
            self.settle(job, job.failed)

    def settle_rest(self) -> None:
        """Settle the ids whose second try never came: their first failure is their result."""
        while self.again:
            self._drop(self.again.popleft())

    def progress(self) -> Progress:
        """Return how far the run has come."""
        now, total, settled = self.home.loop.time(), self.source.total, self.done + self.failed
        elapsed = now - self.started
        eta = None
        if total is not None and settled:
            left = total - settled
            budget = self.home.lane.gate.time_for(left - self.in_flight, now)
            eta = max(left * elapsed / settled, budget)
        return Progress(total, self.done, self.failed, self.in_flight, elapsed, eta)


async def fetch_many(
    caller: Caller,
    build: Callable[[Any], Request],
    ids: TicketIds,
    *,
    deadline: float | None,
    on_progress: Callable[[Progress], None] | None,
) -> BulkResult:
    """Fetch every id once and return what became of each; see `Tickets.get_many`."""
    outcomes: dict[int, tuple[Any, TicketInfo | PeriskopeError]] = {}

    def settle(job: _Job, outcome: TicketInfo | PeriskopeError) -> None:
        outcomes[job.position] = (job.key, outcome)

    run = _start(caller, build, ids, settle)
    run.on_progress = on_progress
    tasks = _hire(run)
    try:
        done, _ = await asyncio.wait(tasks, timeout=deadline, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await _dismiss(run, tasks)
    for task in done:
        if not task.cancelled():
            task.result()
    run.settle_rest()
    result = BulkResult(
        skipped=(*(run.dropped[position] for position in sorted(run.dropped)), *await run.source.rest())
    )
    for position in sorted(outcomes):
        key, outcome = outcomes[position]
        if isinstance(outcome, PeriskopeError):
            result.errors[key] = outcome
        else:
            result.tickets[key] = outcome
    return result


class _Stream(AsyncIterator[Fetched | Failed]):
    """What a stream's workers have ready for its reader."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._ready: deque[Fetched | Failed] = deque()
        self._held: dict[int, Fetched | Failed] = {}
        self._next = 0
        self._news = asyncio.Event()
        self._run: _Run
        self._tasks: set[asyncio.Task[None]]

    def settle(self, job: _Job, outcome: TicketInfo | PeriskopeError) -> None:
        """Take a result from a worker."""
        item: Fetched | Failed
        item = Failed(job.key, outcome) if isinstance(outcome, PeriskopeError) else Fetched(job.key, outcome)
        if self._ordered:
            self._held[job.position] = item
            while self._next in self._held:
                self._ready.append(self._held.pop(self._next))
                self._next += 1
        else:
            self._ready.append(item)
        self._news.set()

    def follow(self, run: _Run, tasks: set[asyncio.Task[None]]) -> None:
        """Read what these workers settle, and end when they do."""
        self._run, self._tasks = run, tasks
        for task in tasks:
            task.add_done_callback(self._worker_left)

    async def __anext__(self) -> Fetched | Failed:
        """Return the next ticket or failure; raise what the iterable of ids raised, when all before it is read."""
        while not self._ready:
            if all(task.done() for task in self._tasks):
                self._end()
                continue
            self._news.clear()
            await self._news.wait()
        self._run.consumed += 1
        self._run.room.set()
        return self._ready.popleft()

    def _worker_left(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._run.stop()
        self._news.set()

    def _end(self) -> None:
        self._run.settle_rest()
        # A run that was stopped leaves gaps in the order.
        self._ready.extend(self._held.pop(position) for position in sorted(self._held))
        if self._ready:
            return
        for task in self._tasks:
            if not task.cancelled():
                task.result()
        raise StopAsyncIteration


@asynccontextmanager
async def open_stream(
    caller: Caller, build: Callable[[Any], Request], ids: TicketIds, *, ordered: bool
) -> AsyncGenerator[AsyncIterator[Fetched | Failed], None]:
    """Fetch ids as fast as they are read; see `Tickets.stream`."""
    stream = _Stream(ordered=ordered)
    run = _start(caller, build, ids, stream.settle)
    run.window = WINDOW * caller.settings.concurrency
    tasks = _hire(run)
    stream.follow(run, tasks)
    try:
        yield stream
    finally:
        await _dismiss(run, tasks)


def _start(
    caller: Caller,
    build: Callable[[Any], Request],
    ids: TicketIds,
    settle: Callable[[_Job, TicketInfo | PeriskopeError], None],
) -> _Run:
    home = caller.transport.home()
    return _Run(caller, home, build, _Source(ids), settle, started=home.loop.time())


def _hire(run: _Run) -> set[asyncio.Task[None]]:
    concurrency, size = run.caller.settings.concurrency, run.source.size
    return {
        run.home.loop.create_task(run.work())
        for _ in range(concurrency if size is None else min(concurrency, size or 1))
    }


async def _dismiss(run: _Run, tasks: set[asyncio.Task[None]]) -> None:
    """Cancel the workers and wait until the last is gone, even if we are cancelled meanwhile."""
    run.stop()
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as exc:
            cancelled = exc
    for task in tasks:
        if not task.cancelled():
            task.exception()  # one of them is raised, and asyncio shall not report the others as overlooked
    if cancelled is not None:
        raise cancelled


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _key(item: Any) -> Any:
    """Return *item*, or its repr where a careless caller put in what cannot be a key (it will fail as a bad id)."""
    try:
        hash(item)
    except TypeError:
        return repr(item)
    return item
