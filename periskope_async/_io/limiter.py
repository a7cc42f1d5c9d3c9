"""One key's rate limiter: its ledger and retry budget behind one lock, shared by all clients of the process."""

import os
import threading
import weakref
from typing import TYPE_CHECKING

from periskope_async._sansio.ledger import Ledger
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
        self.waiting: set[RequestQueue] = set()  # lanes in whatever thread that an answer may let in

    def succeed(self, paid: int) -> None:
        """Note that a call succeeded whose last retry cost so much of the quota."""
        if not self.retry_budget.is_full:  # it nearly always is, and needs no lock to be
            with self.lock:
                self.retry_budget.succeed(paid)

    def wake(self, but: "RequestQueue") -> None:
        """Let every other lane that waits ask again: an answer came."""
        for queue in tuple(self.waiting):
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
