"""One key's rate limiter: its ledger and retry budget behind one lock, shared by all clients of the process."""

import os
import threading
import weakref
from typing import TYPE_CHECKING

from periskope_async._sansio.circuit import CircuitBreaker
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.retry import RetryBudget
from periskope_async.settings import Secret

if TYPE_CHECKING:
    from periskope_async._io.request_queue import RequestQueue

__all__ = ["RateLimiter", "limiter_for"]


class RateLimiter:
    """One key's ledger and retry quota, with the lock that lets clients in several threads share them."""

    def __init__(self) -> None:
        self.ledger: Ledger = Ledger()
        self.retry_budget: RetryBudget = RetryBudget()
        self.lock: threading.Lock = threading.Lock()
        #: Lanes in whatever thread that an answer may let in. Whether it is empty may be asked without the lock: who
        #: was refused is in it since before the answer that might let it in.
        self.waiting: set[RequestQueue] = set()

    def succeed(self, paid: int) -> None:
        """Note that a call succeeded whose last retry cost so much of the quota."""
        with self.lock:
            self.retry_budget.succeed(paid)

    def fail(self, now: float, permit: Permit, cost: int | None, *, bulk: bool) -> bool:
        """Note a failure that is no 429; return whether the quota paid for its retry, None being the cost of none."""
        with self.lock:
            paid = cost is not None and self.retry_budget.take(cost)
            if bulk:
                self.ledger.record_failure(now, permit, broke=cost is not None and not paid)
            return paid

    def earliest(self, now: float) -> float:
        """Return when a request can go out at the earliest, whoever waits before it."""
        with self.lock:
            return self.ledger.earliest(now)

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that so many further requests take by the rate limit alone."""
        with self.lock:
            return self.ledger.time_for(requests, now)

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the limit as last told, counted on to *now*; None before the service told any."""
        with self.lock:
            return self.ledger.rate_limit(now)

    def is_hopeless(self, now: float, patience: float | None) -> bool:
        """Whether a bulk run should end: the key is shut, or the service out of order for *patience* seconds."""
        with self.lock:
            circuit = self.ledger.circuit
            out_of_order = circuit is not None and patience is not None and now - circuit.since >= patience
            return out_of_order or self.ledger.is_shut

    def since(self, circuit: CircuitBreaker) -> float:
        """Return since when *outage* lasts."""
        with self.lock:
            return circuit.since

    def join(self, queue: "RequestQueue") -> None:
        """Have *lane* woken by answers in other lanes."""
        with self.lock:
            self.waiting.add(queue)

    def leave(self, queue: "RequestQueue") -> None:
        """Have *lane* woken no more."""
        with self.lock:
            self.waiting.discard(queue)

    def wake(self, but: "RequestQueue") -> None:
        """Let every other lane that waits ask again: an answer came."""
        with self.lock:
            lanes = tuple(self.waiting)
        for queue in lanes:
            if queue is not but:
                queue.wake()


# By process too: what a parent has in flight is no business of its forked child.
_limiters: weakref.WeakValueDictionary[tuple[int, str, Secret], RateLimiter] = weakref.WeakValueDictionary()


_limiters_lock = threading.Lock()


def limiter_for(base_url: str, key: Secret) -> RateLimiter:
    """Return the limiter that all clients of this process with this key share."""
    name = os.getpid(), base_url, key
    with _limiters_lock:
        limiter = _limiters.get(name)
        if limiter is None:
            limiter = _limiters[name] = RateLimiter()
        return limiter
