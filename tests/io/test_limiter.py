"""One limiter, and several queues before it."""

import asyncio
import gc
import math
import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from periskope_async._io.limiter import RateLimiter, limiter_for
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.circuit import NEVER
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.secret import Secret
from periskope_async.testing import RateLimitPolicy
from periskope_async.testing._limits import Limiter
from tests.io.waiters import Waiters, queue_of, virtual_time
from tests.sansio.answers import answer

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def test_an_answer_in_one_queue_lets_another_in() -> None:
    """Two clients on one key: what one gives back, the other may use at once."""
    limiter = RateLimiter()
    here, there = Waiters(queue_of(8, limiter)), Waiters(queue_of(8, limiter))
    await here.join("probe")
    await there.join("a", "b")
    assert (here.order, there.order) == (["probe"], [])
    await here.leave("probe", answer(ratelimit="limit=10, remaining=9, reset=10"))
    assert there.order == ["a", "b"]
    assert not limiter.waiting


async def test_an_answer_right_after_the_refusal_is_not_missed() -> None:
    """The last answer comes, in another thread, just after we were refused and just before we wait: we are woken."""
    limiter = RateLimiter()
    refused: list[float] = []

    class Watched(Ledger):
        """A ledger that notes whom it refuses."""

        def admit(self, now: float, *, bulk: bool = False, wanted: float = 0) -> Permit | float:
            given = super().admit(now, bulk=bulk, wanted=wanted)
            if not isinstance(given, Permit):
                refused.append(given)
            return given

    limiter._ledger = Watched(guided=False, ceiling=1.0)
    here, there = Waiters(queue_of(8, limiter)), queue_of(8, limiter)
    held = there.try_acquire(bulk=False)
    assert held is not None

    class Interrupted:
        """A lock after whose first release with somebody refused the other thread runs."""

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            if refused:
                limiter._lock = threading.Lock()
                there.answer(held, answer(), healthy=True, refund=0)

    limiter._lock = Interrupted()  # type: ignore[assignment]  # a lock, as far as the limiter uses it
    await here.join("a")
    assert here.order == ["a"]
    assert refused == [NEVER]


def test_a_queue_whose_loop_is_dead_is_forgotten() -> None:
    """Waking goes past a queue whose loop was closed with somebody waiting."""
    limiter = RateLimiter()
    left_behind: list[Coroutine[object, None, Permit]] = []

    async def wait_for_ever() -> None:
        queue = queue_of(8, limiter)
        limiter._ledger.throttle(asyncio.get_running_loop().time(), 3600.0)
        waiting = queue.acquire(bulk=False)
        waiting.send(None)  # it waits, and nobody will ever tell it that its loop is gone
        left_behind.append(waiting)

    with virtual_time() as loop:
        loop.run_until_complete(wait_for_ever())
    assert len(limiter.waiting) == 1

    async def give_back() -> None:
        queue = queue_of(8, limiter)
        limiter._ledger.paused_until = -math.inf
        permit = queue.try_acquire(bulk=False)
        assert permit is not None
        queue.release(permit)

    asyncio.run(give_back())
    assert not limiter.waiting
    left_behind.pop().close()


def test_several_threads_share_one_limit() -> None:
    """Four event loops in four threads use a limit up together, and none of them trips it or is left waiting."""
    policy = RateLimitPolicy(60, 0.4)
    service, lock, limiter = Limiter(policy, time.monotonic()), threading.Lock(), RateLimiter()
    refused: list[float] = []
    each = 60

    async def call(queue: RequestQueue, dice: random.Random) -> None:
        permit = queue.try_acquire(bulk=True) or await queue.acquire(bulk=True)
        await asyncio.sleep(dice.uniform(0, 0.002))
        with lock:
            now = time.monotonic()
            verdict = service.hit("key", now)
        await asyncio.sleep(dice.uniform(0, 0.002))
        if not verdict.allowed:
            refused.append(now)
        told = f"limit=60, remaining={verdict.remaining}, reset={verdict.resets_at - now:.9f}"
        queue.answer(permit, answer(ratelimit=told, ratelimit_policy="60;w=0.4"), healthy=True, refund=0)

    async def main(seed: int) -> None:
        queue, dice = queue_of(8, limiter), random.Random(seed)  # noqa: S311  # repeatable
        async with asyncio.timeout(30):
            await asyncio.gather(*(call(queue, dice) for _ in range(each)))

    errors: list[BaseException] = []

    def thread(seed: int) -> None:
        try:
            asyncio.run(main(seed))
        except BaseException as error:  # noqa: BLE001  # told below
            errors.append(error)

    threads = [threading.Thread(target=thread, args=(seed,)) for seed in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(40)
    assert errors == []
    assert refused == []
    assert limiter._ledger.in_flight == 0
    assert not limiter.waiting


def test_one_limiter_for_a_key_and_a_service() -> None:
    """Clients with the same key and base URL share a limiter for as long as one of them lives; others do not."""
    limiter = limiter_for("https://a/v1", Secret("one"))
    assert limiter_for("https://a/v1", Secret("one")) is limiter
    assert limiter_for("https://b/v1", Secret("one")) is not limiter
    assert limiter_for("https://a/v1", Secret("two")) is not limiter
    limiter._ledger.in_flight = 7
    del limiter
    gc.collect()
    assert limiter_for("https://a/v1", Secret("one"))._ledger.in_flight == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_a_limiter_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a parent has in flight is no business of its child."""
    limiter = limiter_for("https://a/v1", Secret("one"))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert limiter_for("https://a/v1", Secret("one")) is not limiter
