"""Tasks that wait before a queue, by name, and answers for them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import looptime

from periskope_async._io.limiter import RateLimiter
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.circuit import Health
from periskope_async._sansio.permit import Permit
from tests.sansio.answers import answer

if TYPE_CHECKING:
    from periskope_async._sansio.response import Response


@contextmanager
def virtual_time() -> Iterator[asyncio.AbstractEventLoop]:
    """Give an event loop in which waiting takes no time."""
    loop = looptime.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


class Waiters:
    """Tasks that wait before a queue, by name, and the order in which they were let in."""

    def __init__(self, queue: RequestQueue) -> None:
        self.queue = queue
        self.order: list[str] = []
        self.permits: dict[str, Permit] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def join(self, *names: str, bulk: bool = False) -> None:
        """Let somebody join the queue."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._wait(name, bulk=bulk))
        await settle()

    async def _wait(self, name: str, *, bulk: bool) -> None:
        permit = await self.queue.acquire(bulk=bulk)
        self.order.append(name)
        self.permits[name] = permit

    def answer(self, name: str, response: "Response | None" = None) -> None:
        """Answer somebody's request: well, and without rate headers if nothing else is said."""
        self.queue.answer(self.permits.pop(name), response or answer(), healthy=True, refund=0)

    async def leave(self, name: str, response: "Response | None" = None) -> None:
        """Answer somebody's request, and let everybody go on."""
        self.answer(name, response)
        await settle()


async def settle() -> None:
    """Let everybody who can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def queue_of(concurrency: int, limiter: RateLimiter | None = None) -> RequestQueue:
    """A queue in the running loop; its limiter, if none is given, knows that the service tells of no limit."""
    loop = asyncio.get_running_loop()
    if limiter is None:
        limiter = RateLimiter()
        permit = limiter.admit(loop.time(), bulk=False, wanted=1)
        assert isinstance(permit, Permit)
        limiter.answer(permit, loop.time(), None, Health.GOOD, 0)
    return RequestQueue(limiter, concurrency, loop)
