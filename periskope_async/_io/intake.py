"""Which id a run takes up next: a fresh one, or one that failed before. Knows no request and no result."""

import asyncio
import math
from collections import deque
from typing import Any, Final

from attrs import field

from periskope_async._deferred import define
from periskope_async._io.source import Source
from periskope_async.errors import PeriskopeError

__all__ = ["Intake", "Job"]

#: A failed id waits this long for its second try while there are fresh ones, seconds.
SECOND_TRY_AFTER: Final = 1.0


@define
class Job:
    """One id under way: its place in the input, and the failure of its first try if this is the second."""

    item: Any
    key: Any
    position: int
    failed: PeriskopeError | None = None
    due: float = 0.0


@define(eq=False)
class Intake:
    """What the workers of one run have before them.

    Attributes:
        source: the ids.
        allowance: how many ids may be taken up before the reader has taken their results.
        again: ids that wait for their second try.
        stopped: whether no further id is taken up.
    """

    source: Source
    allowance: float = math.inf
    again: deque[Job] = field(factory=deque[Job])
    stopped: bool = False
    _taken: int = 0
    #: How many results the reader has taken.
    _consumed: int = 0
    _room: asyncio.Event = field(factory=asyncio.Event)
    #: Workers that wait for an id.
    _readers: set["asyncio.Task[Any]"] = field(factory=set["asyncio.Task[Any]"])
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop)

    async def take(self) -> Job | None:
        """Return the next id to fetch, or None when all are fetched, failed, or under way with another worker."""
        while not self.stopped:
            nothing_fresh = self.source.ended or self.source.slow
            if self.again and (nothing_fresh or self.again[0].due <= self._loop.time()):
                return self.again.popleft()
            if self._taken - self._consumed >= self.allowance:
                if self.again:
                    return self.again.popleft()
                self._room.clear()
                await self._room.wait()
                continue
            taken = await (self._read() if self.source.slow else self.source.take())
            if taken is not None:
                self._taken += 1
                return Job(*taken, self._taken - 1)
            if not self.again:
                return None
        return None

    def postpone(self, job: Job, error: PeriskopeError) -> None:
        """Have an id that failed once be tried again."""
        self.again.append(Job(job.item, job.key, job.position, error, self._loop.time() + SECOND_TRY_AFTER))
        self._room.set()

    def make_room(self) -> None:
        """Note that the reader has taken a result."""
        self._consumed += 1
        self._room.set()

    def stop(self) -> None:
        """Take up no further id, and send away who waits for one."""
        self.stopped = True
        for reader in tuple(self._readers):
            reader.cancel()
        self._room.set()

    def left(self) -> float:
        """Return how many ids are still to be sent, as far as that is known, and with one that was just taken up."""
        total = self.source.total
        return math.inf if total is None else total - self._taken + len(self.again) + 1

    async def _read(self) -> tuple[Any, Any] | None:
        me = asyncio.current_task(self._loop)
        if me is None:
            raise AssertionError("unreachable")
        self._readers.add(me)
        try:
            return await self.source.take()
        finally:
            self._readers.discard(me)
