"""Many ids at once, handed over one by one in bounded memory.

The workers' task group lives in a task of its own, not in the reader's: a stream may be entered in one task and left in
another, as fixtures of pytest-asyncio do, which no cancel scope allows.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from periskope_async._io.caller import Caller
from periskope_async._io.run import Job, Run
from periskope_async._io.source import Ids, Source
from periskope_async._sansio.operation import Request
from periskope_async.bulk import Failed, Fetched
from periskope_async.errors import PeriskopeError

__all__ = ["Entered", "open_stream"]

T = TypeVar("T")
ItemT = TypeVar("ItemT")

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
        self._run.consumed += 1
        self._run.room.set()
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


class Entered(AbstractAsyncContextManager[AsyncIterator[ItemT]], Generic[ItemT]):
    """A stream before it is entered; used in another way, it says how it is used: in the words of *how*."""

    def __init__(self, opened: AbstractAsyncContextManager[AsyncIterator[ItemT]], how: str) -> None:
        self._opened = opened
        self._how = how

    async def __aenter__(self) -> AsyncIterator[ItemT]:
        return await self._opened.__aenter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(exc_type, exc, traceback)

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake

        def __aiter__(self) -> NoReturn:
            raise TypeError(self._how)

        def __await__(self) -> NoReturn:
            raise TypeError(self._how)


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
    run = Run(caller, build, Source(ids, name), results.record, finish_in_flight=True)
    run.allowance = HELD_PER_WORKER * caller.settings.concurrency
    work = asyncio.create_task(run.work())
    results.follow(run, work)
    try:
        yield results
    finally:
        run.stop()
        await _cancel(work)


async def _cancel(work: "asyncio.Task[None]") -> None:
    """Cancel the workers and wait until the last is gone, even if we are cancelled meanwhile."""
    work.cancel()
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if not work.cancelled():
        work.exception()  # it is raised where results are read, and asyncio shall not report it as overlooked
    if cancelled is not None:
        raise cancelled
