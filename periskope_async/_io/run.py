"""Many ids at once: a few workers over one shared source, every outcome recorded under its id.

Knows how a run is organised, not which id is next (`intake.py`), nor how it is fetched: that is `Caller.call`, the same
path as for a single call. The workers are tasks of one task group. What one raises is kept, and raised when all have
gone, so that callers meet the error itself and no group of it.

The group is asyncio's, whose tasks are cancelled once. anyio cancels again at every await, and so would cut off the
clean-up of a caller's async generator of ids (`test_cancelled_while_leaving`). Where none of the caller's code waits,
for a permit, the scopes are anyio's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import anyio
from attrs import field

from periskope_async._deferred import define
from periskope_async._io.caller import Caller
from periskope_async._io.intake import Intake, Job
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.operation import Request
from periskope_async._sansio.permit import Permit
from periskope_async.bulk import Progress
from periskope_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    PeriskopeError,
)

__all__ = ["Load", "Run"]

T = TypeVar("T")
#: Puts a file into a request.
Load = Callable[[], Awaitable[object]]

#: How many requests of a run hold a file of the caller's at the same time.
FILES_AT_ONCE: Final = 4


class _RunEndedError(Exception):
    """A worker ends its run; why is in the run."""


@define(eq=False)
class Run(Generic[T]):
    """One bulk run: its ids, its workers' common state, and where outcomes go.

    Attributes:
        caller: sends the requests.
        build: makes an id's request.
        intake: the ids.
        record: takes every outcome.
        on_progress: called after every outcome.
        begin: called with an id just before it is sent, and awaited.
        load: returns what puts a file into an id's request; None for an id without one.
        finish_in_flight: when a worker fails, let the others end what they have in flight; else cancel them.
        dropped: ids that were taken up and never attempted, by position.
    """

    caller: Caller
    build: Callable[[Any], Request[T]]
    intake: Intake
    record: Callable[[Job, T | PeriskopeError], None]
    on_progress: Callable[[Progress], None] | None = None
    begin: Callable[[Any], Awaitable[None]] | None = None
    load: Callable[[Any, Request[T]], Load | None] | None = None
    finish_in_flight: bool = False
    dropped: dict[int, Any] = field(factory=dict[int, Any])
    _queue: RequestQueue = field(init=False)
    _files: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(FILES_AT_ONCE))
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop)
    _started: float = 0.0
    _error: BaseException | None = None
    _done: int = 0
    _failed: int = 0
    _in_flight: int = 0
    #: What its calls are.
    _operation: str | None = None
    #: What workers wait for a permit in, without having a request in flight.
    _waits: set["anyio.CancelScope"] = field(factory=set["anyio.CancelScope"])

    def __attrs_post_init__(self) -> None:
        self._queue = self.caller.queue()

    async def work(self) -> None:
        """Have the workers fetch all there is.

        Raises:
            BaseException: what the ids, `on_progress` or `record` raised, and ClientClosedError.
        """
        self._started = self._loop.time()
        number = self.caller.report.run_start(self.intake.source.total)
        try:
            await self._work_all()
        except BaseException as exc:
            self._say_end(number, exc)
            raise
        self._say_end(number, None)

    def _say_end(self, number: int, error: BaseException | None) -> None:
        facts = {"done": self._done, "failed": self._failed, "elapsed": self._loop.time() - self._started}
        report, total = self.caller.report, self.intake.source.total
        report.run_end(run=number, total=total, operation=self._operation, error=error, **facts)

    async def _work_all(self) -> None:
        concurrency, size = self.caller.settings.concurrency, self.intake.source.size
        with suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as workers:
                for _ in range(concurrency if size is None else min(concurrency, size or 1)):
                    workers.create_task(self._work())
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Take up no further id; what is in flight goes on, what waits for a permit is skipped."""
        self.intake.stop()
        for scope in tuple(self._waits):
            scope.cancel()

    def drop_rest(self) -> None:
        """Record the ids whose second try never came: their first failure is their result."""
        while self.intake.again:
            self._drop(self.intake.again.popleft())

    def progress(self) -> Progress:
        """Return how far the run has come."""
        total, settled = self.intake.source.total, self._done + self._failed
        elapsed = self._loop.time() - self._started
        eta = None
        if total is not None and settled:
            left = total - settled
            eta = max(left * elapsed / settled, self.caller.seconds_for(left - self._in_flight))
        return Progress(total, self._done, self._failed, self._in_flight, elapsed, eta)

    async def _work(self) -> None:
        try:
            await self._fetch_all()
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # noqa: BLE001  # a group would wrap it; `work` raises it as it is
            self._error = self._error or exc
            self.stop()
            if not self.finish_in_flight:
                raise _RunEndedError from None  # whereupon the group cancels the others

    async def _fetch_all(self) -> None:
        while (job := await self.intake.take()) is not None:
            try:
                request = self.build(job.item)
            except ConfigurationError as exc:
                self._finish(job, exc)
                await asyncio.sleep(0)  # an endless run of bad ids must not hold the loop
                continue
            self._operation = request.operation.name
            load = None if self.load is None else self.load(job.key, request)
            if not await (self._send(job, request) if load is None else self._load_and_send(job, request, load)):
                return

    async def _load_and_send(self, job: Job, request: Request[T], load: Load) -> bool:
        """Send one id's request with its file, no more of them at a time than memory is meant to hold."""
        try:  # before the permit: a file takes its time, and a permit is meant to be used at once
            await self._files.acquire()
        except BaseException:
            self._drop(job)
            raise
        try:
            return not await self._load(job, load) or await self._send(job, request)
        finally:
            self._files.release()

    async def _load(self, job: Job, load: Load) -> bool:
        """Put a file into a request; return whether it could be read."""
        try:
            await load()
        except ConfigurationError as exc:
            self._finish(job, exc)
            return False
        except BaseException:
            self._drop(job)
            raise
        return True

    async def _send(self, job: Job, request: Request[T]) -> bool:
        """Send one id's request and record what comes of it; return whether the run goes on."""
        permit = self._try_acquire()
        if permit is None or permit.circuit is not None:
            permit = await self._acquire(job, permit)
            if permit is None:
                return False
        outcome = await self._fetch(job, request, permit)
        if outcome is not None:
            self._finish(job, outcome)
        return True

    def _try_acquire(self) -> Permit | None:
        """Return a permit for an id that was just taken up, if one is to be had this moment."""
        self._queue.wanted = self.intake.left()
        return None if self.intake.stopped else self._queue.try_acquire(bulk=True)

    async def _acquire(self, job: Job, permit: Permit | None) -> Permit | None:
        """Return *permit* or wait for one; None if the run is stopped, or now has to be, and the id dropped."""
        acquired = None
        try:
            acquired = await self._wait_for_permit(permit, again=job.failed is not None)
        finally:
            if acquired is None:
                self._drop(job)
        return acquired

    async def _reacquire(self) -> Permit | None:
        """Wait for the permit of a retry; None if the run is stopped, or now has to be."""
        return await self._wait_for_permit(None, again=True)

    async def _wait_for_permit(self, permit: Permit | None, *, again: bool) -> Permit | None:
        """Return *permit* or wait for one; None if the run is stopped, or now has to be."""
        if permit is None and not self.intake.stopped:
            with anyio.CancelScope() as scope:
                self._waits.add(scope)
                try:
                    permit = await self._queue.acquire(bulk=True, again=again)
                finally:
                    self._waits.discard(scope)
        if permit is not None and permit.circuit is not None and self.caller.is_hopeless():
            self._queue.release(permit)
            self.stop()
            return None
        return permit

    async def _fetch(self, job: Job, request: Request[T], permit: Permit) -> T | PeriskopeError | None:
        """Fetch one id; return what it gives, or its error, or None if it shall be tried again."""
        if self.begin is not None:
            try:
                await self.begin(job.key)
            except BaseException:
                self._queue.release(permit)
                self._drop(job)
                raise
        self._in_flight += 1
        second = job.failed is not None
        try:
            return await self.caller.call(request, permit=permit, reacquire=self._reacquire, second_pass=second)
        except ClientClosedError:
            raise
        except PeriskopeError as exc:
            error = exc
        except asyncio.CancelledError:
            # If it is the run's deadline that cancels, this is the id's result; if not, who records looks at no more of
            # it than whether it may have been sent.
            late = DeadlineExceeded("the run's deadline passed before the answer came")
            late.maybe_sent = not request.operation.idempotent
            self.record(job, self.caller.report.name_request(late, request))
            raise
        finally:
            self._in_flight -= 1
        if isinstance(error, AuthenticationError) or self.caller.is_hopeless():
            self.stop()
        if error.retryable and not error.maybe_sent and not second and not self.intake.stopped:
            self.intake.postpone(job, error)
            return None
        return error

    def _finish(self, job: Job, outcome: T | PeriskopeError) -> None:
        if isinstance(outcome, PeriskopeError):
            self._failed += 1
        else:
            self._done += 1
        self.record(job, outcome)
        if self.on_progress is not None:
            self.on_progress(self.progress())

    def _drop(self, job: Job) -> None:
        """Record an id that no try is to be made for any more."""
        if job.failed is None:
            self.dropped[job.position] = job.key
        else:
            self.record(job, job.failed)
