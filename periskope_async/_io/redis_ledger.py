"""One key's ledger for all that have the same Redis: what the limiter asks, and who is asked when Redis fails.

Whatever is wrong with Redis, a process goes on with what its machine shares, or else with a ledger of its own, says so
once in the log, and comes back. No call fails, hangs or is sent twice for it.
"""

import atexit
import math
import os
import time
import weakref
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from periskope_async._io.redis_steps import LAST_REST, PATIENCE, RedisSteps
from periskope_async._io.redis_store import LoopStore, ThreadStore, connect
from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import CLOCK_SLACK
from periskope_async._sansio.ledger_image import LAYOUT
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.shared_ledger import SharedLedger
from periskope_async.budgets import RedisBudget
from periskope_async.settings import Secret

if TYPE_CHECKING:
    from periskope_async._io.host_budget import HostBudget

__all__ = ["RedisLedger"]

#: What nobody waits for is written after this, seconds.
FLUSH: Final = 0.1
#: What the script keeps beside the image; it is part of the key's name, which versions with another one do not share.
PROTOCOL: Final = "leases"

_ledgers: Final[weakref.WeakSet["RedisLedger"]] = weakref.WeakSet()


class RedisLedger(RedisSteps):
    """A ledger that processes share through Redis, as the limiter uses it; for its arguments see `RedisSteps`."""

    def __init__(
        self,
        ledger: SharedLedger,
        name: str,
        shown: str,
        host: "HostBudget | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(ledger, name, shown, host, clock)
        #: What is held for the next request is handed back so long after the last one, seconds.
        self.idle: Final = 0.05
        self._entered: HostBudget | None = None
        _ledgers.add(self)

    @classmethod
    def of(cls, budget: RedisBudget, base_url: str, key: Secret) -> "RedisLedger":
        """Return the ledger of a key of a service."""
        ledger = SharedLedger()
        host = None if os.name == "nt" else _host(ledger, base_url, key)  # where files are locked otherwise
        secret = blake2b(key.reveal().encode(), digest_size=32).digest()
        about = f"{LAYOUT}\0{PROTOCOL}\0{base_url}".encode()
        name = blake2b(about, digest_size=16, key=secret, person=b"periskope-budget").hexdigest()
        # In braces: a cluster has all of it in one place.
        made = cls(ledger, f"periskope:{{{name}}}:budget", budget.shown, host)
        made.use(budget)
        return made

    def use(self, budget: RedisBudget) -> None:
        """Reach Redis as *budget* says."""
        client, url = budget.client, budget.url
        if url is not None:
            self._secrets = budget.secrets
            self.store = ThreadStore(self._transaction, partial(connect, url))
        elif budget.is_async:
            self.store = LoopStore(self._transaction, client)
        else:
            self.store = ThreadStore(self._transaction, lambda: client, borrowed=True)

    # -- one request --------------------------------------------------------------------------------------------------

    def admit(self, now: float, *, bulk: bool, wanted: float) -> Permit | float:
        """Let one request go, as `Ledger.admit`, that others leave to this process."""
        with self.lock:
            found = self._take(now, bulk=bulk, wanted=wanted)
        self._report()
        if found is not None:
            return found
        host = self._host
        if host is not None and self._apart and not self.ledger.is_unlimited:
            return host.admit(now, bulk=bulk, wanted=wanted)
        with self.lock:
            return self.ledger.admit(now, bulk=bulk, wanted=wanted)

    def answer(self, permit: Permit, now: float, reading: RateReading | None, health: Health) -> None:
        """Note an answer, as `Ledger.answer`."""
        with self:
            self.ledger.answer(permit, now, reading, health)

    def describe(self) -> tuple[str, bool]:
        """Return how it stands, in words, and whether it works."""
        with self.lock:
            if self._problem is not None:
                return f"redis, but {self._without()}: {self._problem}", False
            if self.ledger.is_unlimited or not self.ledger.joined:
                return "redis; not shared, for the service reports no rate limit", True
            return f"redis, shared at {self._shown}; other processes at work: {len(self.ledger.view.others)}", True

    def hand_back(self) -> None:
        """Let the others have what was taken ahead."""
        with self.lock:
            self._hand_back(self._clock())

    def _hand_back(self, now: float = math.inf) -> None:
        if self.ledger.hand_back(now) and not self._apart:
            self._kick(0.0)

    async def rest(self) -> None:
        """Hand back, write what is to be written, and close the connection until somebody asks again."""
        with self.lock:
            self._resting = True  # nobody has to know whether the last step worked
            self._hand_back()
        await self.store.rest()

    def finish(self) -> None:
        """Hand back before the interpreter exits."""
        with self.lock:
            self._resting = True
            self._hand_back()
        self.store.finish()

    def __enter__(self) -> None:
        while True:
            host = self._host if self._apart else None
            if host is None:
                self.lock.acquire()
            else:
                host.__enter__()
            if host is (self._host if self._apart else None):
                break
            self._leave(host)
        self._entered = host

    def __exit__(self, *_: object) -> None:
        ledger, host = self.ledger, self._entered
        news, urgent = not self._apart and ledger.has_news, ledger.is_urgent
        self._leave(host)
        if news:
            self._kick(0.0 if urgent else FLUSH)

    def _leave(self, host: "HostBudget | None") -> None:
        if host is None:
            self.lock.release()
        else:
            host.__exit__()

    def _take(  # noqa: C901, PLR0911  # every request comes through here: a call more costs more than it makes clear
        self, now: float, *, bulk: bool, wanted: float
    ) -> Permit | float | None:
        """Return a permit, or the seconds to wait; None where this process is apart."""
        ledger = self.ledger
        self._resting = False
        if self._ended:
            return None
        if abs(now - self._clock()) > CLOCK_SLACK:
            self._ended = True
            self._part("an event loop has a clock of its own")
            return None
        waits = self._busy_since != math.inf
        if ledger.is_unlimited:
            return None  # once the others know it, this process parts
        if self._apart:
            if now >= self._retry_at and (not waits or now - self._busy_since > LAST_REST):
                self._begin(now)
            return None
        found = ledger.take(now, bulk=bulk, wanted=wanted)
        if isinstance(found, Permit) or found > 0:
            return found
        if not bulk:
            self._patience = PATIENCE
        if waits:
            left = self._busy_since + self._patience - now
            if left > 0:
                return left
            self._part("it does not answer in time")
            return None
        if now < self._next_at:
            return self._next_at - now
        self._begin(now)
        return self._patience  # or until it is known, before that


def _host(ledger: SharedLedger, base_url: str, key: Secret) -> "HostBudget":
    from periskope_async._io.host_budget import HostBudget

    return HostBudget.of(ledger, base_url, key)


def _finish() -> None:
    for ledger in list(_ledgers):
        ledger.finish()


atexit.register(_finish)
if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_ledgers.clear)  # what the parent has leased is the parent's
