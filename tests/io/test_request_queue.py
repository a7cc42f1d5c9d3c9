"""One queue before the limiter: who waits for whom, in virtual time where it takes some."""

import asyncio
import math

import pytest

from periskope_async._io.limiter import RateLimiter
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.retry import RETRY_BUDGET
from periskope_async.errors import ClientClosedError
from tests.io.waiters import Waiters, queue_of, settle, virtual_time
from tests.sansio.answers import answer


async def test_first_come_first_served() -> None:
    """A queue lets in as many as its concurrency says, in their order."""
    waiters = Waiters(queue_of(2))
    await waiters.join("a", "b", "c", "d")
    assert waiters.order == ["a", "b"]
    assert waiters.queue.try_acquire(bulk=False) is None
    await waiters.leave("b")
    await waiters.leave("a")
    assert waiters.order == ["a", "b", "c", "d"]


async def test_single_calls_overtake_bulk_calls() -> None:
    """Whoever fetches one ticket does not wait behind ten thousand."""
    waiters = Waiters(queue_of(1))
    await waiters.join("bulk 1", "bulk 2", "bulk 3", bulk=True)
    await waiters.join("single")
    assert waiters.queue.try_acquire(bulk=True) is None
    for name in ("bulk 1", "single", "bulk 2"):
        await waiters.leave(name)
    assert waiters.order == ["bulk 1", "single", "bulk 2", "bulk 3"]


async def test_nobody_pushes_in() -> None:
    """A permit is to be had at once only where nobody waits for one of the same kind."""
    queue = queue_of(2)
    held = queue.try_acquire(bulk=True)
    assert held is not None
    queue.limiter._ledger.paused_until = math.inf
    assert queue.try_acquire(bulk=True) is None  # refused by the ledger
    waiting = asyncio.create_task(queue.acquire(bulk=True))
    await settle()
    queue.limiter._ledger.paused_until = -math.inf
    assert queue.try_acquire(bulk=True) is None  # somebody waits
    single = queue.try_acquire(bulk=False)
    assert single is not None
    waiting.cancel()
    queue.lose(single)
    await settle()
    assert waiting.cancelled()
    queue.release(held)
    assert queue.limiter._ledger.in_flight == 0


@pytest.mark.parametrize("who", ["a", "b", "c"])
async def test_a_waiter_who_leaves_is_passed_over(who: str) -> None:
    """Cancelling any one of those who wait costs the others nothing."""
    waiters = Waiters(queue_of(1))
    await waiters.join("first", "a", "b", "c")
    waiters.tasks[who].cancel()
    await settle()
    for name in ("first", *(name for name in "abc" if name != who)):
        await waiters.leave(name)
    assert waiters.order == ["first", *(name for name in "abc" if name != who)]
    assert waiters.queue.limiter._ledger.in_flight == 0


async def test_a_pass_for_one_who_left_goes_to_the_next() -> None:
    """Cancelled in the moment between being let in and going on: the pass is not lost."""
    waiters = Waiters(queue_of(1))
    await waiters.join("first", "a", "b")
    waiters.answer("first")  # lets "a" in, who has not run yet
    waiters.tasks["a"].cancel()
    await settle()
    assert waiters.order == ["first", "b"]
    await waiters.leave("b")
    assert waiters.queue.limiter._ledger.in_flight == 0


def test_a_queue_waits_for_the_window() -> None:
    """Those who wait are let in when the window is over, without anybody's help."""

    async def main() -> None:
        limiter = RateLimiter()
        window = answer(ratelimit="limit=10, remaining=9, reset=60")
        waiters = Waiters(queue_of(32, limiter))
        await waiters.join("first")
        await waiters.leave("first", window)
        waiters.order.clear()
        await waiters.join(*(f"{number:02}" for number in range(20)))
        assert len(waiters.order) == 9
        for name in tuple(waiters.permits):
            await waiters.leave(name)
        await asyncio.sleep(59.9)
        assert len(waiters.order) == 9
        await asyncio.sleep(0.2)
        assert len(waiters.order) == 10  # one asks
        await waiters.leave("09", window)
        assert len(waiters.order) == 19
        waiters.tasks["19"].cancel()
        await settle()
        assert not limiter.waiting
        assert waiters.queue._timer is None

    with virtual_time() as loop:
        loop.run_until_complete(main())


def test_an_outage_holds_bulk_calls_and_nobody_else() -> None:
    """Single calls go on in an outage, and what holds bulk calls back does not hold them."""

    async def main() -> None:
        queue = queue_of(8)
        permit = queue.limiter.admit(0.0, bulk=False, wanted=1)
        assert isinstance(permit, Permit)
        queue.limiter.lose(permit, unsent=False, failed=True)
        assert not queue.limiter.fail(0.0, permit, RETRY_BUDGET + 1, bulk=True)  # which nobody can pay
        waiters = Waiters(queue)
        await waiters.join("bulk", bulk=True)
        await waiters.join("single")
        assert waiters.order == ["single"]
        await asyncio.sleep(0.2)
        assert waiters.order == ["single", "bulk"]

    with virtual_time() as loop:
        loop.run_until_complete(main())


async def test_a_closed_queue_lets_nobody_wait() -> None:
    """Closing sends away who waits, who comes later, and who had been let in but not gone on."""
    queue = queue_of(1)
    waiters = Waiters(queue)
    await waiters.join("first", "a", "b", "c")
    waiters.answer("first")  # lets "a" in, who has not run yet
    waiters.tasks["c"].cancel()
    queue.close()
    await waiters.join("late")
    for name in ("a", "b", "late"):
        with pytest.raises(ClientClosedError, match="closed while this call waited"):
            await waiters.tasks[name]
    assert queue.try_acquire(bulk=False) is None
    assert queue.limiter._ledger.in_flight == 0
    assert not queue.limiter.waiting


async def test_cancelled_while_sent_away() -> None:
    """A caller who leaves in the moment the client is closed hands nothing back, for nothing was given."""
    queue = queue_of(1)
    waiters = Waiters(queue)
    await waiters.join("first", "a")
    queue.close()
    waiters.tasks["a"].cancel()
    await settle()
    assert waiters.tasks["a"].cancelled()
    assert queue.limiter._ledger.in_flight == 1


class Counting(RateLimiter):
    """A limiter that others share, and how often something was handed back to them."""

    is_shared = True
    idle = 0.05
    handed_back = 0

    def hand_back(self) -> None:
        self.handed_back += 1


def test_who_is_idle_hands_back() -> None:
    """What is held for the next call is handed back once nobody was let go for a while, until all are answered."""

    async def main() -> None:
        limiter = Counting()
        waiters = Waiters(queue_of(2, limiter))
        await waiters.join("a")
        await asyncio.sleep(0.8 * Counting.idle)
        await waiters.leave("a")
        await waiters.join("b")
        await asyncio.sleep(0.8 * Counting.idle)
        assert limiter.handed_back == 0
        await asyncio.sleep(Counting.idle)
        assert limiter.handed_back == 1  # the answer is still due
        await waiters.leave("b")
        await asyncio.sleep(10 * Counting.idle)
        assert limiter.handed_back == 2
        await waiters.join("c")
        waiters.queue.close()
        await asyncio.sleep(10 * Counting.idle)
        assert limiter.handed_back == 2  # that is for who closes it

    with virtual_time() as loop:
        loop.run_until_complete(main())


def test_who_leaves_while_he_waits() -> None:
    """What is taken for a caller who has left meanwhile is handed back too."""

    async def main() -> None:
        limiter = Counting()
        waiters = Waiters(queue_of(0, limiter))
        await waiters.join("a")
        waiters.tasks["a"].cancel()
        await asyncio.sleep(2 * Counting.idle)
        assert limiter.handed_back == 1

    with virtual_time() as loop:
        loop.run_until_complete(main())
