"""Two clients on one key, and a service that counts, in every order of events that Hypothesis can think of."""

import asyncio
from collections import deque
from itertools import takewhile
from typing import Any

import looptime
import pytest
from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from periskope_async._io.limiter import RateLimiter
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import read_retry_after
from periskope_async._sansio.response import FailureKind, Response
from periskope_async._sansio.retry import RETRY_BUDGET, RULES
from periskope_async.testing import RateLimitPolicy
from periskope_async.testing._limits import Limiter
from tests.simulation import DAY_ONE, named, respond

pytestmark = pytest.mark.timeout(400)  # Hypothesis takes its time to find the shortest way to a failure

CONCURRENCY = 8
#: However long a request and its answer take: the ledger's patience with a probe is longer.
ARRIVES, IS_ANSWERED = 0.2, 0.4


@define(eq=False)
class Flight:
    """A request on its way, and its answer once it has arrived."""

    queue: RequestQueue
    permit: Permit
    bulk: bool
    answer: Response | None = None


class Gatekeeping(RuleBasedStateMachine):
    """Callers come, leave, are answered in any order, late or never; the model is the service's own count."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop(noop_cycles=0)
        self.limiters = self.make_limiters()
        self.request_queues = [RequestQueue(limiter, CONCURRENCY, self.loop) for limiter in self.limiters]
        #: Who waits, first come first, by queue and kind.
        self.queues: dict[tuple[RequestQueue, bool], deque[asyncio.Task[None]]] = {}
        self.flights: list[Flight] = []
        self.refused = 0
        self.lost = 0
        self.paid = 0

    def make_limiters(self) -> list[RateLimiter]:
        """Return what the queues stand before: one limiter, for they are of one process."""
        return [RateLimiter()] * 2

    @initialize(
        limit=st.integers(1, 12),
        window=st.sampled_from([1, 2, 5, 60]),
        headers=st.sampled_from(["legacy", "legacy-ms", "legacy-delta", "nestjs", "draft-6", "draft-7", "draft-8"]),
        longer=st.sampled_from([None, 2, 10]),
        start=st.floats(0, 2),
    )
    def open(self, limit: int, window: int, headers: str, longer: int | None, start: float) -> None:
        """A service with some limit begins, or with two: three times the first in so many times its window."""
        if window == 2 and start % 1 < 0.01:
            # Two seconds from a full second look like one second from the middle of one; a first 429 tells them apart.
            start += 0.5
        self.policy = RateLimitPolicy(limit, window, headers=headers)
        self.longest = window
        if longer is not None and headers in {"nestjs", "draft-8"}:
            self.policy = named(headers, (limit, window), (3 * limit, longer * window))
            self.longest = longer * window
        self.service = Limiter(self.policy, DAY_ONE)
        self.run(start)

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass, and everybody do what they can: whoever has a permit has used it when this returns."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        while self.loop._ready:
            self.loop.run_until_complete(asyncio.sleep(0))

    # -- callers ------------------------------------------------------------------------------------------------------

    @rule(queue=st.integers(0, 1), bulk=st.booleans(), number=st.integers(1, 20))
    def call(self, queue: int, number: int, *, bulk: bool) -> None:
        """Some more callers come."""
        for _ in range(number):
            permit = self.request_queues[queue].try_acquire(bulk=bulk)
            if permit is not None:
                assert not self.queue(self.request_queues[queue], bulk=bulk), "somebody else waited longer"
                self.send(self.request_queues[queue], permit, bulk=bulk)
                continue
            task = self.loop.create_task(self.wait(self.request_queues[queue], bulk=bulk))
            self.queue(self.request_queues[queue], bulk=bulk).append(task)
            self.run()

    def queue(self, queue: RequestQueue, *, bulk: bool) -> deque[asyncio.Task[None]]:
        """Those who wait before the limiter for the same kind of pass."""
        return self.queues.setdefault((queue, bulk), deque())

    async def wait(self, queue: RequestQueue, *, bulk: bool) -> None:
        """Wait for a pass, and use it."""
        permit = await queue.acquire(bulk=bulk)
        waiting, me = self.queue(queue, bulk=bulk), asyncio.current_task()
        assert me is not None
        # Who gets a permit on asking goes on at once, before those whose permits came in the same moment.
        for other in takewhile(lambda task: task is not me, waiting):
            assert other._fut_waiter.done(), "somebody else waited longer"  # type: ignore[attr-defined]  # CPython's
        waiting.remove(me)
        self.send(queue, permit, bulk=bulk)

    @precondition(lambda self: any(self.queues.values()))
    @rule(data=st.data(), answered=st.booleans())
    def leave(self, data: st.DataObject, *, answered: bool) -> None:
        """Somebody who waits is cancelled, perhaps in the moment in which an answer lets somebody in."""
        if answered and self.flights:
            self.deliver(data.draw(st.sampled_from(self.flights)))
        queue = data.draw(st.sampled_from([queue for queue in self.queues.values() if queue]))
        task = data.draw(st.sampled_from(list(queue)))
        queue.remove(task)
        task.cancel()
        self.run()

    # -- the wire -----------------------------------------------------------------------------------------------------

    def send(self, queue: RequestQueue, permit: Permit, *, bulk: bool) -> None:
        """Put a request on the wire, where it stays a while at most."""
        flight = Flight(queue, permit, bulk)
        self.flights.append(flight)
        self.loop.call_later(ARRIVES, self.arrive, flight)
        self.loop.call_later(IS_ANSWERED, self.deliver, flight)

    def arrive(self, flight: Flight) -> None:
        """The service counts a request."""
        if flight.answer is None and flight in self.flights:
            verdict = self.service.hit("key", DAY_ONE + self.loop.time())
            self.refused += not verdict.allowed
            flight.answer = respond(self.policy, verdict)

    def deliver(self, flight: Flight) -> None:
        """The answer arrives."""
        if flight not in self.flights:
            return
        self.arrive(flight)
        self.flights.remove(flight)
        answer = flight.answer
        assert answer is not None
        if answer.status == 200:
            flight.queue.answer(flight.permit, answer, healthy=True, refund=self.paid)
            self.paid = 0
        else:
            flight.queue.refuse(flight.permit, answer, read_retry_after(answer))

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), number=st.integers(1, 12), answered=st.booleans())
    def hurry(self, data: st.DataObject, number: int, *, answered: bool) -> None:
        """Some requests arrive, and are perhaps answered, before others that were sent earlier."""
        for _ in range(min(number, len(self.flights))):
            flight = data.draw(st.sampled_from(self.flights))
            self.arrive(flight)
            if answered:
                self.deliver(flight)
        self.run()

    @precondition(lambda self: self.flights)
    @rule(
        data=st.data(),
        number=st.integers(1, 25),
        fate=st.sampled_from(["unsent", "lost", "answer lost", "unused", "cancelled", "503", "429"]),
    )
    def fail(self, data: st.DataObject, number: int, fate: str) -> None:
        """Something happens to some requests."""
        for _ in range(min(number, len(self.flights))):
            flight = data.draw(st.sampled_from(self.flights))
            self.fail_one(flight, fate)
        self.run()

    def fail_one(self, flight: Flight, fate: str) -> None:
        """It fails before or after it was counted."""
        queue, permit = flight.queue, flight.permit
        if fate in {"answer lost", "503", "429"}:
            self.arrive(flight)
        self.flights.remove(flight)
        answer = flight.answer
        match fate:
            case "unused" if answer is None:
                queue.release(permit)
                return
            case "429":
                assert answer is not None
                queue.refuse(permit, answer, self.longest + 1.0)
                return
            case "503":
                assert answer is not None
                queue.answer(permit, answer, healthy=False, refund=None)
            case "unsent" if answer is None:
                queue.lose(permit, unsent=True)
            case _:
                self.lost += 1
                queue.lose(permit, failed=fate != "cancelled")
                if fate == "cancelled":
                    return
        price = RULES[FailureKind.PASSING].cost
        if queue.limiter.fail(self.loop.time(), permit, price, bulk=flight.bulk):
            self.paid = price

    @rule()
    def spend(self) -> None:
        """Retries elsewhere have used up the quota, so that the next failure is an outage to bulk calls."""
        for limiter in self.limiters:
            while limiter._retry_budget.take(RULES[FailureKind.PASSING].cost):
                pass

    @rule(seconds=st.sampled_from([0.001, 0.05, 0.3, 0.999, 1.0, 2.0, 5.1, 61.0]))
    def pass_time(self, seconds: float) -> None:
        """Time passes; what is on the wire arrives."""
        self.run(seconds)

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def never_trips_the_limit(self) -> None:
        """The service refuses nobody, but for each request whose answer was lost: who knows what that one used up."""
        assert self.refused <= self.lost

    @invariant()
    def counts_what_is_in_flight(self) -> None:
        """What the ledger counts is what is on the wire, and no queue has more than its share of it."""
        assert self.in_flight() == len(self.flights)
        for queue in self.request_queues:
            assert sum(flight.queue is queue for flight in self.flights) == queue._in_flight <= CONCURRENCY

    def in_flight(self) -> int:
        """How many requests the ledger counts as in flight."""
        return self.limiters[0]._ledger.in_flight

    @invariant()
    def keeps_the_quota_in_bounds(self) -> None:
        """Retries are never owed, and never saved up."""
        assert all(0 <= limiter._retry_budget.left <= RETRY_BUDGET for limiter in self.limiters)

    def teardown(self) -> None:
        """Whatever happened: with time, everybody who still waits gets through, and nothing stays behind."""
        try:
            if hasattr(self, "policy"):
                waiting = sum(map(len, self.queues.values()))
                for _ in range(10 + 2 * waiting):
                    self.run(self.longest + 2.0)
                assert not any(self.queues.values()), "somebody waits for ever"
                self.never_trips_the_limit()
                self.counts_what_is_in_flight()
                assert self.in_flight() == 0
                assert not any(limiter.waiting for limiter in self.limiters)
                assert all(queue._timer is None for queue in self.request_queues)
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.run()
            self.loop.close()


TestGatekeeping: Any = Gatekeeping.TestCase
TestGatekeeping.settings = settings(max_examples=7, stateful_step_count=40, deadline=None)


@pytest.mark.slow
class TestGatekeepingAtLength(TestGatekeeping):
    """The same with more examples than fit between two changes."""

    settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
