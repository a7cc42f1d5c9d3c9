"""Many ids at once, handed over one by one in bounded memory.

The workers' task group lives in a task of its own, not in the reader's: a stream may be entered in one task and left in
another, as fixtures of pytest-asyncio do, which no cancel scope allows.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Generic, TypeVar

from periskope_async._io.caller import Caller
from periskope_async._io.entered import Entered
from periskope_async._io.intake import Intake, Job
from periskope_async._io.run import Run
from periskope_async._io.source import Ids, Source
from periskope_async._io.tasks import cancel_and_wait
from periskope_async._sansio.operation import Request
from periskope_async.bulk import Failed, Fetched
from periskope_async.errors import PeriskopeError

__all__ = ["open_stream"]

T = TypeVar("T")

#: A stream holds at most this many results per worker, in flight and ready together; then it waits for its reader.
HELD_PER_WORKER: Final = 2
#: Said to who awaits a stream or iterates over it at once.
HOW_TO_STREAM: Final = (
    "a stream is entered first: 'async with client.tickets.stream(ids) as results:', then 'async for item in results:'"
)


class _Results(AsyncIterator[Fetched[T] | Failed], Generic[T]):
    """What a stream's workers have ready for its reader."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._ready: deque[Fetched[T] | Failed] = deque()
        self._held: dict[int, Fetched[T] | Failed] = {}
        self._next = 0
        self._news = asyncio.Event()
        self._run: Run[T]
        self._work: asyncio.Task[None]

    def record(self, job: Job, outcome: T | PeriskopeError) -> None:
        """Take a result from a worker."""
        item = Failed(job.key, outcome) if isinstance(outcome, PeriskopeError) else Fetched(job.key, outcome)
        if self._ordered:
            self._held[job.position] = item
            while self._next in self._held:
                self._ready.append(self._held.pop(self._next))
                self._next += 1
        else:
            self._ready.append(item)
        self._news.set()

    def follow(self, run: Run[T], work: "asyncio.Task[None]") -> None:
        """Read what this run records, and end when it does."""
        self._run, self._work = run, work
        work.add_done_callback(lambda _: self._news.set())

    async def __anext__(self) -> Fetched[T] | Failed:
        """Return the next result; raise what the iterable of ids raised, when all before it is read."""
        while not self._ready:
            if self._work.done():
                self._end()
                continue
            self._news.clear()
            await self._news.wait()
        self._run.intake.make_room()
        return self._ready.popleft()

    def _end(self) -> None:
        self._run.drop_rest()
        # A run that was stopped leaves gaps in the order.
        self._ready.extend(self._held.pop(position) for position in sorted(self._held))
        if self._ready:
            return
        if not self._work.cancelled():
            self._work.result()
        raise StopAsyncIteration


def open_stream(
    caller: Caller, build: Callable[[Any], Request[T]], ids: Ids, *, name: str, ordered: bool
) -> AbstractAsyncContextManager[AsyncIterator[Fetched[T] | Failed]]:
    """Fetch ids as fast as their results are read; see `Tickets.stream`."""
    return Entered(_open(caller, build, ids, name=name, ordered=ordered), HOW_TO_STREAM)


@asynccontextmanager
async def _open(
    caller: Caller, build: Callable[[Any], Request[T]], ids: Ids, *, name: str, ordered: bool
) -> AsyncGenerator[AsyncIterator[Fetched[T] | Failed], None]:
    results = _Results[T](ordered=ordered)
    intake = Intake(Source(ids, name), HELD_PER_WORKER * caller.settings.concurrency)
    run = Run(caller, build, intake, results.record, finish_in_flight=True)
    work = asyncio.create_task(run.work())
    results.follow(run, work)
    try:
        yield results
    finally:
        run.stop()
        await cancel_and_wait(work)
