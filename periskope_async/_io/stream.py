"""Many ids at once, handed over one by one in bounded memory."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from periskope_async._io.caller import Caller
from periskope_async._io.run import _cancel_workers, _Job, _Run, _start, _start_workers
from periskope_async._sansio.request import Request
from periskope_async.bulk import Failed, Fetched, TicketIds
from periskope_async.errors import (
    PeriskopeError,
)
from periskope_async.models.tickets import TicketInfo

__all__ = ["WINDOW", "open_stream"]

#: A stream holds at most this many tickets per worker, in flight and ready together; then it waits for its reader.
WINDOW: Final = 2


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

    def record(self, job: _Job, outcome: TicketInfo | PeriskopeError) -> None:
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
        self._run.record_rest()
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
    run = _start(caller, build, ids, stream.record)
    run.window = WINDOW * caller.settings.concurrency
    tasks = _start_workers(run)
    stream.follow(run, tasks)
    try:
        yield stream
    finally:
        await _cancel_workers(run, tasks)
