"""The steps of a ledger in Redis: when they are taken, what an answer changes, and what happens where none comes."""

import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Generator
from random import random
from typing import TYPE_CHECKING, Any, Final

from periskope_async._io.redis_script import TIMEOUT, Transaction, run_script
from periskope_async._sansio.redis_exchange import RedisExchange
from periskope_async._sansio.shared_lease import POLL, next_poll
from periskope_async._sansio.shared_ledger import SharedLedger
from periskope_async._sansio.shared_step import Step

if TYPE_CHECKING:
    from periskope_async._io.host_budget import HostBudget
    from periskope_async._io.redis_store import Store
    from periskope_async.settings import Secret

__all__ = ["ATTEMPTS", "BEAT", "BULK_PATIENCE", "LAST_REST", "PATIENCE", "RedisSteps"]

logger: Final = logging.getLogger("periskope")

#: A call waits no longer for Redis, seconds. The first connection takes two answers and a half; and where this process
#: waits for a processor, it is not Redis that is slow.
PATIENCE: Final = 4 * TIMEOUT
#: A bulk run waits longer, seconds: who goes on without Redis uses up what the others have.
BULK_PATIENCE: Final = 5.0
#: Redis that failed is tried again after this, which doubles, up to that, seconds.
FIRST_REST: Final = 0.25  # seconds
LAST_REST: Final = 5.0  # seconds
#: After losing to others this often, a process waits for another turn: requests to Redis.
ATTEMPTS: Final = 30
#: Who has requests in flight says so this often, seconds: else he may have been killed, and they lapse.
BEAT: Final = 1.5


class RedisSteps:
    """A ledger's way to Redis and back, and without Redis. Times are seconds of the event loops' clock.

    Args:
        name: of the key in Redis.
        shown: where Redis is, as it may be shown.
        host: what this machine shares where Redis fails, around the same ledger; None for nothing.
        clock: the time.
    """

    def __init__(
        self,
        ledger: SharedLedger,
        name: str,
        shown: str,
        host: "HostBudget | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger: Final = ledger
        self.lock: Final = threading.Lock() if host is None else host.lock
        self.store: Store
        #: What to call when somebody may be let in.
        self.wake: Callable[[], None] = _nothing
        self._name: Final = name
        self._shown: Final = shown
        self._host: Final = host
        self._clock: Final = clock
        self._exchange: Final = RedisExchange(ledger, secrets.token_hex(8))
        self._secrets: tuple[Secret, ...] = ()
        #: Whether the host's budget, or this process, goes on without Redis.
        self._apart = False
        self._next_at = self._retry_at = -math.inf
        self._busy_since = math.inf
        #: For how long those wait who wait for the transaction that runs, seconds.
        self._patience = BULK_PATIENCE
        self._turn = 0
        self._rest = FIRST_REST
        self._problem: str | None = None
        self._reported: str | None = None
        self._ended = self._resting = False
        if host is not None:
            host.stop()

    def _begin(self, now: float) -> None:
        """Have a transaction run at once."""
        self._busy_since = now
        self._kick(0.0)

    def _kick(self, delay: float) -> None:
        try:
            self.store.kick(delay)
        except RuntimeError:  # no loop, no thread: the interpreter exits, maybe
            self._busy_since = math.inf
            self._part("nothing runs it")

    def _part(self, problem: str | None) -> None:
        """Go on without Redis for a while."""
        now = self._clock()
        if problem is not None:
            self._problem = problem
        self._retry_at = now + self._rest
        self._rest = min(2 * self._rest, LAST_REST)
        self._exchange.forget()
        self.ledger.forget_step()
        if not self._apart:
            self.ledger.go_alone()
            self._apart = True
            if self._host is not None:
                self._host.start(self.ledger.own)

    def _transaction(self) -> Transaction:
        """Do the next step in Redis, again until nobody else was faster."""
        with self.lock:
            self._turn += 1
            turn = self._turn
            self._busy_since = min(self._busy_since, self._clock())
        problem: str | None = "it was interrupted"
        try:
            yield from self._steps(turn)
            problem = None
        except Exception as error:  # noqa: BLE001  # whatever it is, calls go on without Redis
            problem = self._explain(error)
        finally:
            with self.lock:
                if turn == self._turn:
                    self._busy_since, self._patience = math.inf, BULK_PATIENCE
                    if problem is not None:
                        self._part(None if self._resting else problem)
                    elif self.ledger.own and not self._apart:
                        self._kick(BEAT)
            self._report()
            self.wake()

    def _steps(self, turn: int) -> Generator[tuple[Any, ...], Any, None]:
        """Take steps until one counts."""
        ledger = self.ledger
        for attempt in range(ATTEMPTS):
            with self.lock:
                if self._apart and ledger.is_unlimited:
                    return
                version = secrets.token_hex(8)
                step, arguments = self._exchange.ask(self._clock(), int(time.time() * 1e6), version)
            found, sent_at = yield from run_script((1, self._name, *arguments), self._clock, self._may_wait)
            with self.lock:
                if turn != self._turn:
                    return
                now = self._clock()
                if self._exchange.note(step, found, sent_at, now, version, first=attempt == 0) and step is not None:
                    self._join(step, now)
                    return
        with self.lock:
            self._next_at = self._clock() + POLL * (1 + random())  # noqa: S311  # no secret

    def _may_wait(self, until: float) -> bool:
        return until <= self._busy_since + self._patience

    def _join(self, step: Step, now: float) -> None:
        """Go on with Redis, which has taken a step."""
        ledger = self.ledger
        if self._apart:
            self._apart = False
            if self._host is not None:
                self._host.stop()
        self._problem, self._rest = None, FIRST_REST
        alone = ledger.in_flight == ledger.own and not ledger.view.others
        self._next_at = now if step.permits else now + next_poll(ledger, step.wait, now, alone=alone)
        if ledger.is_unlimited and not ledger.is_urgent:
            self._part(None)

    def _explain(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}"
        for secret in self._secrets:
            text = secret.scrub(text)
        return text

    def _without(self) -> str:
        return "with the budget of this machine" if self._host is not None else "on its own"

    def _report(self) -> None:
        """Say in the log what has changed, without the lock: a handler may ask the client something."""
        with self.lock:
            problem, reported = self._problem, self._reported
            self._reported = problem
        if (problem is None) != (reported is None):
            if problem is not None:
                logger.warning("budget 'redis': this process goes on %s: %s", self._without(), problem)
            else:
                logger.warning("budget 'redis': shared again")


def _nothing() -> None:
    """Nobody waits yet."""
