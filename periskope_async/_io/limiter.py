"""One key's rate limiter: ledger and retry budget behind one lock, shared by all clients of a process.

All that is known of a key is asked and said here, through methods: nobody outside holds the ledger.
"""

import math
import os
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from periskope_async._sansio.circuit import CircuitBreaker, Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.retry import RetryBudget
from periskope_async.budgets import RedisBudget
from periskope_async.settings import Budget, Secret

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["RateLimiter", "limiter_for"]


class SharedBudget(Protocol):
    """Makes of a ledger one that processes share: `with` it, it is what all know, and after it all know what it is."""

    @property
    def lock(self) -> Any:
        """Held while the ledger is read or changed; what concerns this process alone needs no more."""

    @property
    def idle(self) -> float:
        """What is held for the next request is handed back so long after the last one, seconds."""
        ...

    def admit(self, now: float, *, bulk: bool, wanted: float) -> Permit | float:
        """Let one request go; see `Ledger.admit`."""
        ...

    def answer(self, permit: Permit, now: float, reading: RateReading | None, health: Health) -> None:
        """Note an answer; see `Ledger.answer`."""

    def describe(self) -> tuple[str, bool]:
        """Return how it stands, in words, and whether it works."""
        ...

    def hand_back(self) -> None:
        """Let others have what is held for the next call, which does not come soon."""

    async def rest(self) -> None:
        """Let go of what is held for the next call: there may be none."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, exc_type: "type[BaseException] | None", exc: "BaseException | None", traceback: "TracebackType | None", /
    ) -> None: ...


class RateLimiter:
    """What is known of one key: when requests may go out, and what retries may still cost.

    Times are seconds on the clock of the caller's event loop.

    Args:
        ledger: of the key; None for a new one.
        budget: what makes of this ledger one that other processes share; None for one of this process alone.
    """

    def __init__(self, ledger: Ledger | None = None, budget: SharedBudget | None = None) -> None:
        self._ledger: Final = Ledger() if ledger is None else ledger
        self._budget: Final = budget
        self._retry_budget: Final = RetryBudget()
        self._lock: Final = threading.Lock() if self._budget is None else self._budget.lock
        #: Holds the lock, and makes the ledger the shared one. What concerns this process alone needs the lock only.
        self._shared: Final = self._lock if self._budget is None else self._budget
        #: When somebody was let go last, by any queue.
        self.admitted_at: float = -math.inf
        #: What to call when an answer may let somebody in. Whether there is any may be asked without the lock: who was
        #: refused is in it since before the answer that might let it in.
        self.waiting: Final[set[Callable[[], None]]] = set()

    def admit(self, now: float, *, bulk: bool, wanted: float) -> Permit | float:
        """Return a permit to send one request now, or the seconds after which to ask again if no answer comes first.

        *wanted*: how many requests wait to be sent, this one included.
        """
        if self._budget is not None:
            return self._budget.admit(now, bulk=bulk, wanted=wanted)
        with self._lock:
            return self._ledger.admit(now, bulk=bulk, wanted=wanted)

    def withdraw(self, permit: Permit) -> None:
        """Take back a permit that was not used."""
        with self._shared:
            self._ledger.withdraw(permit)

    def lose(self, permit: Permit, *, unsent: bool, failed: bool) -> None:
        """Note that a request got no answer; see `Ledger.lose`."""
        with self._shared:
            self._ledger.lose(permit, unsent=unsent, failed=failed)

    def answer(
        self, permit: Permit, now: float, reading: RateReading | None, health: Health, refund: int | None
    ) -> None:
        """Note an answer other than a 429, what its headers say and whether the service is in order.

        *refund*: what the last retry of a call that has now succeeded cost of the budget; None if it has not.
        """
        budget = self._budget
        if budget is not None:
            budget.answer(permit, now, reading, health)
        with self._lock:
            if budget is None:
                self._ledger.answer(permit, now, reading, health)
            if refund is not None:
                self._retry_budget.succeed(refund)

    def fail(self, now: float, permit: Permit, cost: int | None, *, bulk: bool) -> bool:
        """Note a failure other than a 429; return whether the budget paid for its retry. *cost*: None for no retry."""
        with self._lock:
            paid = cost is not None and self._retry_budget.take(cost)
            if bulk:
                self._ledger.record_failure(now, permit, broke=cost is not None and not paid)
            return paid

    def refuse(
        self, permit: Permit, now: float, reading: RateReading | None, retry_after: float | None
    ) -> tuple[float, bool]:
        """Note a 429; return for how many seconds everybody pauses, and whether the key is shut.

        The pause is noted in one step with the answer: nobody is let in between.
        """
        with self._shared:
            ledger = self._ledger
            ledger.answer(permit, now, reading, Health.UNKNOWN)
            ledger.throttle(now, retry_after, permit.at)
            return ledger.paused_until - now, ledger.is_shut

    def earliest(self, now: float) -> float:
        """Return when a request can go out at the earliest, whoever waits before it."""
        with self._shared:
            return self._ledger.earliest(now)

    def seconds_for(self, requests: int, now: float) -> float:
        """Return the seconds that this number of further requests takes by the rate limit alone."""
        with self._shared:
            return self._ledger.time_for(requests, now)

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the limit as last heard, counted on to *now*; None before the service named any."""
        with self._shared:
            return self._ledger.rate_limit(now)

    def is_hopeless(self, now: float, patience: float | None) -> bool:
        """Whether a bulk run should end: the key is shut, or the service out of order for *patience* seconds."""
        with self._lock:
            circuit = self._ledger.circuit
            out_of_order = circuit is not None and patience is not None and now - circuit.since >= patience
            return out_of_order or self._ledger.is_shut

    def is_out_of_order(self) -> bool:
        """Whether bulk runs wait for the service."""
        with self._lock:
            return self._ledger.circuit is not None

    def is_probe(self, circuit: CircuitBreaker) -> bool:
        """Whether what goes out in this outage is to see whether it is over; see `CircuitBreaker.is_probing`."""
        with self._lock:
            return circuit.is_probing

    def open_since(self, circuit: CircuitBreaker) -> float:
        """Return since when nothing was answered well."""
        with self._lock:
            return circuit.since

    def join(self, wake: Callable[[], None]) -> None:
        """Have *wake* called by answers elsewhere, in whatever thread."""
        with self._lock:
            self.waiting.add(wake)

    def leave(self, wake: Callable[[], None]) -> None:
        """Have *wake* called no more."""
        with self._lock:
            self.waiting.discard(wake)

    def wake_others(self, but: Callable[[], None] | None = None) -> None:
        """Let everybody who waits, *but* one, ask again: an answer came."""
        if self.waiting:
            with self._lock:
                waiting = tuple(self.waiting)
            for wake in waiting:
                if wake != but:
                    wake()

    def describe_budget(self) -> tuple[str, bool]:
        """Return who shares this limiter, in words, and whether it works as it was set up."""
        return ("own: each process has its own", True) if self._budget is None else self._budget.describe()

    @property
    def is_shared(self) -> bool:
        """Whether other processes may share it."""
        return self._budget is not None

    @property
    def idle(self) -> float:
        """After this without a request, what is held for the next one is handed back, seconds."""
        return math.inf if self._budget is None else self._budget.idle

    def hand_back(self) -> None:
        """Let other processes have what is held for a call that does not come soon."""
        if self._budget is not None:
            self._budget.hand_back()

    async def rest(self) -> None:
        """Close what the budget has open, until somebody asks again."""
        if self._budget is not None:
            await self._budget.rest()


# By process too: what a parent has in flight does not concern its forked child.
_limiters: Final[weakref.WeakValueDictionary[tuple[int, str, Secret, Budget], RateLimiter]] = (
    weakref.WeakValueDictionary()
)
_limiters_lock: Final = threading.Lock()


def limiter_for(base_url: str, key: Secret, budget: Budget = "own") -> RateLimiter:
    """Return the limiter that all clients of this process with this key and this kind of budget share."""
    name = os.getpid(), base_url, key, budget
    with _limiters_lock:
        limiter = _limiters.get(name)
        if limiter is None:
            if isinstance(budget, RedisBudget):
                from periskope_async._io.redis_ledger import RedisLedger

                shared = RedisLedger.of(budget, base_url, key)
                limiter = RateLimiter(shared.ledger, shared)
                shared.wake = limiter.wake_others
            elif budget == "own" or os.name == "nt":  # where files are locked otherwise
                limiter = RateLimiter()
            else:
                from periskope_async._io.host_budget import HostBudget

                ledger = Ledger()
                limiter = RateLimiter(ledger, HostBudget.of(ledger, base_url, key, chosen=budget == "host"))
            _limiters[name] = limiter
        return limiter
