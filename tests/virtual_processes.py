"""Processes on one key, in virtual time: a queue and a limiter each, one service, and one file or Redis."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import looptime
from attrs import define, field

from periskope_async._io.host_budget import HostBudget
from periskope_async._io.limiter import RateLimiter
from periskope_async._io.redis_ledger import RedisLedger
from periskope_async._io.redis_script import Transaction
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.rate_headers import read_retry_after
from periskope_async._sansio.shared_ledger import SharedLedger
from periskope_async.testing import RateLimitPolicy
from periskope_async.testing._limits import Limiter
from tests.simulation import DAY_ONE, respond
from tests.weather import StallingLoop, Weather

__all__ = ["CONCURRENCY", "Processes", "Redis", "virtual_loop"]

CONCURRENCY = 32


@define
class Redis:
    """What the script of `redis_script` does, in virtual time.

    Attributes:
        round_trip: seconds that a command and its answer take.
        connect: seconds that the first command of a process takes longer, at most, on its way there.
        asked: how often it ran the script.
        lost: how often a step was planned on what was no longer there.
    """

    loop: asyncio.AbstractEventLoop
    round_trip: float = 0.001
    connect: float = 0.0
    asked: int = 0
    lost: int = 0
    version: str = ""
    leased: int = 0
    image: str = ""
    at: int = 0
    slots: dict[str, tuple[int, str, str]] = field(factory=dict)

    def eval(self, *command: Any) -> tuple[Any, ...]:
        """Run the script; `tests/io/test_redis_budget.py` has the true one do the same."""
        self.asked += 1
        now = int(self.loop.time() * 1e6)
        me, said, known, image, new, written, lapse, _keep, size, room, seen = command[4:]
        written = now if written == "" or abs(now - written) > 1_000_000 else written
        same, stored, looks = self.version == known, 0, not image and not size
        _, last, _ = self.slots.get(me, (0, "", ""))
        if last == new and not looks:
            stored = 1 if self.version == new or (not image and same) else 2
        elif image and same and self.leased == seen:
            stored, self.version, self.image, self.at, self.leased = 1, new, image, written, 0
        elif size and same and self.leased + size <= room:
            stored, self.leased = 1, self.leased + size
        self.lost += not (stored or looks)
        if last != new and (stored or looks):
            self.slots[me] = written, new, said
        others = list[str]()
        for name, (when, _, what) in list(self.slots.items()):
            if name != me and now - when >= lapse:
                del self.slots[name]
            elif name != me:
                others += [what, str(max(0, now - when))]
        return (
            stored,
            self.version or known,
            str(now),
            str(self.at or now),
            "" if same else self.image,
            others,
            self.leased,
        )


class Store:
    """Runs transactions one after the other, as those of `redis_store` do."""

    def __init__(self, redis: Redis, transaction: Callable[[], Transaction], process: StallingLoop) -> None:
        self._redis, self._transaction, self._process = redis, transaction, process
        self.is_dead = self._is_connected = False
        self._due: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def kill(self) -> None:
        """Have Redis hear no more of it."""
        self.is_dead = True

    def kick(self, delay: float) -> None:
        loop = self._redis.loop
        if self._due is not None:
            if self._due.when() <= loop.time() + delay:
                return
            self._due.cancel()
        self._due = loop.call_later(delay, self._begin)

    async def rest(self) -> None:
        """Nothing is open."""

    def finish(self) -> None:
        """Nothing is due."""

    def _begin(self) -> None:
        self._due = None
        if self._task is None or self._task.done():
            self._task = self._redis.loop.create_task(self._run())
        else:
            self._task.add_done_callback(lambda _: self.kick(0.0))

    async def _run(self) -> None:
        await self._process.turn()
        transaction = self._transaction()
        answer: Any = None
        with suppress(StopIteration):
            while True:
                command = transaction.send(answer)
                if not self._is_connected:
                    self._is_connected = True
                    await asyncio.sleep(self._redis.connect * self._process.dice.random())
                await asyncio.sleep(self._redis.round_trip / 2)
                if self.is_dead:
                    return
                answer = self._redis.eval(*command)
                await asyncio.sleep(self._redis.round_trip / 2)
                await self._process.turn()


@contextmanager
def virtual_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Make a loop in which time passes only where somebody waits."""
    loop = looptime.new_event_loop(noop_cycles=0)
    try:
        yield loop
    finally:
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@define
class Processes:
    """Processes, the service and what they share.

    Attributes:
        policy: the service's limit.
        budget: own, host, auto or redis.
        folder: for the file.
        travel: the least and the most seconds that a request, or an answer, is on its way.
        weather: what holds them up.
        took: when each process was done, seconds after it began.
        waits: how long each single call took, seconds.
    """

    policy: RateLimitPolicy
    budget: str
    folder: Path
    loop: asyncio.AbstractEventLoop
    travel: tuple[float, float] = (0.001, 0.004)
    weather: Weather = field(factory=Weather)
    took: list[float] = field(factory=list[float])
    waits: list[float] = field(factory=list[float])
    answered: int = 0
    refused: int = 0
    late: int = 0
    redis: Redis = field(init=False)
    _stores: list[Store] = field(factory=list[Store])
    _loops: list[StallingLoop] = field(factory=list[StallingLoop])
    _service: Limiter = field(init=False)
    _dice: Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(100.3))  # a moment like any other
        self.redis = Redis(self.loop)
        self._service = Limiter(self.policy, DAY_ONE)
        self._dice = Random(self.weather.seed)  # noqa: S311  # repeatable

    @property
    def stalls(self) -> int:
        """How often a process was held up."""
        return sum(each.stalls for each in self._loops)

    def run_bulk(self, *shares: int) -> None:
        """Have each process send as many requests as there are in its share, as fast as it may."""
        self._run([self._bulk(count) for count in shares])

    def run_single(self, count: int, calls: int, every: float) -> None:
        """Have *count* processes make single calls, each one in so many seconds."""
        self._run([self._single_calls(calls, every, position / count * every) for position in range(count)])

    def run_and_kill(self, share: int, after: float) -> None:
        """Have two processes send requests, of which the second is killed after so many seconds."""

        async def killed() -> None:
            self.loop.call_later(after, lambda: self._stores[1].kill())  # noqa: PLW0108  # it is there by then
            with suppress(TimeoutError):
                async with asyncio.timeout(after + 0.001):
                    await self._bulk(share)

        self._run([self._bulk(share), killed()])

    def _run(self, processes: list[Coroutine[Any, Any, None]]) -> None:
        async def timed(process: Coroutine[Any, Any, None]) -> None:
            began = self.loop.time()
            await process
            self.took.append(self.loop.time() - began)

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                for process in processes:
                    group.create_task(timed(process))

        self.loop.run_until_complete(main())

    def _start(self) -> tuple[StallingLoop, RequestQueue]:
        """Start a process."""
        loop: Any = StallingLoop(self.loop, Random(f"{self.weather.seed} {len(self._loops)}"), self.weather)  # noqa: S311  # repeatable
        self._loops.append(loop)
        return loop, RequestQueue(self._limiter(loop), CONCURRENCY, loop)

    def _limiter(self, process: StallingLoop) -> RateLimiter:
        if self.budget == "own":
            return RateLimiter()
        if self.budget in {"host", "auto"}:
            ledger, chosen = Ledger(), self.budget == "host"
            return RateLimiter(ledger, HostBudget(ledger, str(self.folder), "budget", self.loop.time, chosen=chosen))
        shared = RedisLedger(SharedLedger(), "name", "redis://cache", clock=self.loop.time)
        self._stores.append(Store(self.redis, shared._transaction, process))
        shared.store = self._stores[-1]
        limiter = RateLimiter(shared.ledger, shared)
        shared.wake = limiter.wake_others
        return limiter

    async def _bulk(self, count: int) -> None:
        process, queue = self._start()
        left = count

        async def work() -> None:
            nonlocal left
            while left:
                queue.wanted = left
                left -= 1
                await self._request(process, queue, bulk=True)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(work())

    async def _single_calls(self, calls: int, every: float, offset: float) -> None:
        process, queue = self._start()
        began = self.loop.time() + offset
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                await asyncio.sleep(began + number * every - self.loop.time())
                group.create_task(self._single(process, queue))

    async def _single(self, process: StallingLoop, queue: RequestQueue) -> None:
        began = self.loop.time()
        await self._request(process, queue, bulk=False)
        self.waits.append(self.loop.time() - began)

    async def _request(self, process: StallingLoop, queue: RequestQueue, *, bulk: bool) -> None:
        """Send a request, again until it is allowed."""
        while True:
            await process.turn()
            permit = queue.try_acquire(bulk=bulk) or await queue.acquire(bulk=bulk)
            await asyncio.sleep(0)  # others may be before it
            await process.turn()
            await self._travel()
            verdict = self._service.hit("key", DAY_ONE + self.loop.time())
            answer = respond(self.policy, verdict)
            await self._travel()
            await process.turn()
            if verdict.allowed:
                queue.answer(permit, answer, healthy=True, refund=None)
                self.answered += 1
                return
            self.refused += 1
            queue.refuse(permit, answer, read_retry_after(answer))

    async def _travel(self) -> None:
        seconds, weather = self._dice.uniform(*self.travel), self.weather
        if weather.late and self._dice.random() < weather.late:
            self.late += 1
            seconds += self._dice.uniform(*weather.late_by)
        await asyncio.sleep(seconds)
