"""Many ids at once: a few workers over one shared source of ids."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from periskope_async._io.caller import Caller
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.request import Request
from periskope_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    PeriskopeError,
)
from periskope_async.models.tickets import TicketInfo

if TYPE_CHECKING:
    from periskope_async._io.connections import LoopState
from periskope_async._io.source import _key, _Source
from periskope_async.bulk import BulkResult, Progress, TicketIds

__all__ = ["SECOND_TRY_AFTER", "fetch_many"]

#: A failed id waits this long for its second try while there are fresh ones, seconds.
SECOND_TRY_AFTER: Final = 1.0


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


@define(eq=False)
class _Run:
    """One bulk run: its source of ids, its workers' common state, and where results go."""

    caller: Caller
    state: "LoopState"
    build: Callable[[Any], Request]
    source: _Source
    record: Callable[[_Job, TicketInfo | PeriskopeError], None]
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
    #: What workers wait for without having an id in flight: their turns at the limiter, or themselves reading ids.
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
            permit = await self._enter(job)
            if permit is None:
                return
            outcome = await self._fetch(job, request, permit)
            if outcome is not None:
                self._finish(job, outcome)

    def stop(self) -> None:
        """Take up no further id; what is in flight goes on, what waits for the limiter is skipped or has failed."""
        self.stopped = True
        for wait in tuple(self.waits):
            wait.cancel()
        self.room.set()

    async def _take(self) -> _Job | None:
        """Return the next id to fetch, or None when all are fetched, failed, or under way with another worker."""
        while not self.stopped:
            nothing_fresh = self.source.ended or self.source.slow
            if self.again and (nothing_fresh or self.again[0].due <= self.state.loop.time()):
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
        me = asyncio.current_task(self.state.loop)
        if me is None:
            raise AssertionError("unreachable")
        self.waits.add(me)
        try:
            return await self.source.take()
        finally:
            self.waits.discard(me)

    async def _enter(self, job: _Job) -> Permit | None:
        """Wait for the limiter with an id that was just taken up; None if the run is stopped."""
        total = self.source.total
        self.state.queue.wanted = float("inf") if total is None else total - self.taken + len(self.again) + 1
        permit = None
        try:
            permit = await self._wait_for_pass()
        finally:
            if permit is None:
                self._drop(job)
        return permit

    async def _wait_for_pass(self) -> Permit | None:
        """Wait for the limiter; None if the run is stopped. No deadline: the rate limit is the run's affair."""
        if self.stopped:
            return None
        queue = self.state.queue
        permit = queue.try_enter(bulk=True) or await self._queue()
        if permit is not None and permit.circuit is not None and self._is_hopeless():
            queue.withdraw(permit)
            self.stop()
            return None
        return permit

    async def _queue(self) -> Permit | None:
        queue = self.state.queue
        turn = queue.queue(bulk=True)
        self.waits.add(turn)
        try:
            return await queue.wait(turn)
        except asyncio.CancelledError:
            if self.stopped and turn.cancelled() and not _being_cancelled():
                return None
            raise
        finally:
            self.waits.discard(turn)

    async def _fetch(self, job: _Job, request: Request, permit: Permit) -> TicketInfo | PeriskopeError | None:
        """Fetch one ticket; return it, or its error, or None if it shall be tried again."""
        self.in_flight += 1
        second = job.failed is not None
        try:
            return await self.caller.call(
                request, TicketInfo, second_pass=second, state=self.state, permit=permit, enter=self._wait_for_pass
            )
        except ClientClosedError:
            raise
        except PeriskopeError as exc:
            error = exc
        except asyncio.CancelledError:
            # If it is the run's deadline that cancels, this is the id's result; if not, nobody looks at it.
            late = DeadlineExceeded("the run's deadline passed while this ticket was being fetched")
            self.record(job, self.caller.name_request(late, request))
            raise
        finally:
            self.in_flight -= 1
        if isinstance(error, AuthenticationError) or self._is_hopeless():
            self.stop()
        if error.retryable and not second and not self.stopped:
            self.again.append(_Job(job.item, job.position, error, self.state.loop.time() + SECOND_TRY_AFTER))
            self.room.set()
            return None
        return error

    def _is_hopeless(self) -> bool:
        """Whether the service has been out of order for as long as one whole call may take, or the key is shut."""
        return self.state.queue.limiter.is_hopeless(self.state.loop.time(), self.caller.settings.deadline)

    def _finish(self, job: _Job, outcome: TicketInfo | PeriskopeError) -> None:
        if isinstance(outcome, PeriskopeError):
            self.failed += 1
        else:
            self.done += 1
        self.record(job, outcome)
        if self.on_progress is not None:
            self.on_progress(self.progress())

    def _drop(self, job: _Job) -> None:
        """Settle an id that no try is to be made for any more."""
        if job.failed is None:
            self.dropped[job.position] = job.key
        else:
            self.record(job, job.failed)

    def record_rest(self) -> None:
        """Settle the ids whose second try never came: their first failure is their result."""
        while self.again:
            self._drop(self.again.popleft())

    def progress(self) -> Progress:
        """Return how far the run has come."""
        now, total, settled = self.state.loop.time(), self.source.total, self.done + self.failed
        elapsed = now - self.started
        eta = None
        if total is not None and settled:
            left = total - settled
            budget = self.state.queue.limiter.time_for(left - self.in_flight, now)
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

    def record(job: _Job, outcome: TicketInfo | PeriskopeError) -> None:
        outcomes[job.position] = (job.key, outcome)

    run = _start(caller, build, ids, record)
    run.on_progress = on_progress
    tasks = _start_workers(run)
    try:
        done, _ = await asyncio.wait(tasks, timeout=deadline, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await _cancel_workers(run, tasks)
    for task in done:
        if not task.cancelled():
            task.result()
    run.record_rest()
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


def _start(
    caller: Caller,
    build: Callable[[Any], Request],
    ids: TicketIds,
    record: Callable[[_Job, TicketInfo | PeriskopeError], None],
) -> _Run:
    state = caller.transport.state()
    return _Run(caller, state, build, _Source(ids), record, started=state.loop.time())


def _start_workers(run: _Run) -> set[asyncio.Task[None]]:
    concurrency, size = run.caller.settings.concurrency, run.source.size
    return {
        run.state.loop.create_task(run.work())
        for _ in range(concurrency if size is None else min(concurrency, size or 1))
    }


async def _cancel_workers(run: _Run, tasks: set[asyncio.Task[None]]) -> None:
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
