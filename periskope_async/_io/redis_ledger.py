"""One key's ledger for all that have the same Redis; in one file, for with and without Redis is one state.

Whatever is wrong with Redis, a process goes on with what its machine shares, or else with a ledger of its own, says so
once in the log, and comes back. No call fails, hangs or is sent twice for it.
"""

import logging
import math
import os
import secrets
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator
from functools import partial
from hashlib import blake2b, sha1
from importlib import import_module
from random import random
from typing import TYPE_CHECKING, Any, Final

from periskope_async._io.redis_store import SCRIPT, TIMEOUT, LoopStore, Store, ThreadStore, Transaction
from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import CLOCK_SLACK
from periskope_async._sansio.ledger_image import LAYOUT
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.remote_clock import RemoteClock
from periskope_async._sansio.shared_ledger import LAPSE, POLL, SharedLedger, Step
from periskope_async.budgets import RedisBudget
from periskope_async.settings import Secret

if TYPE_CHECKING:
    from periskope_async._io.host_budget import HostBudget

__all__ = ["RedisLedger"]

logger: Final = logging.getLogger("periskope")

#: A call waits no longer for Redis, seconds. The first connection takes two answers and a half; and where this process
#: waits for a processor, it is not Redis that is slow.
PATIENCE: Final = 4 * TIMEOUT
#: A bulk run waits longer, seconds: who goes on without Redis uses up what the others have.
BULK_PATIENCE: Final = 5.0
#: Redis that failed is tried again after this, which doubles, up to that, seconds.
FIRST_REST: Final = 0.25  # seconds
LAST_REST: Final = 5.0  # seconds
#: What nobody waits for is written after this, seconds.
FLUSH: Final = 0.1
#: After losing to others this often, a process waits for another turn: requests to Redis.
ATTEMPTS: Final = 30
#: Who has requests in flight says so this often, seconds: else he may have been killed, and they lapse.
BEAT: Final = 1.5
#: What nobody has written for so long, Redis forgets, milliseconds.
KEEP: Final = 3_600_000
_SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisLedger:
    """A ledger that processes share through Redis. Times are seconds of the event loops' clock.

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
        #: What is held for the next request is handed back so long after the last one, seconds.
        self.idle: Final = 0.05
        self.store: Store
        #: What to call when somebody may be let in.
        self.wake: Callable[[], None] = _nothing
        self._name: Final = name
        self._shown: Final = shown
        self._host: Final = host
        self._clock: Final = clock
        self._me: Final = secrets.token_hex(8)
        self._secrets: tuple[Secret, ...] = ()
        #: Whether the host's budget, or this process, goes on without Redis.
        self._apart = False
        self._entered: HostBudget | None = None
        #: Of the image that is known here; None before the first.
        self._version: str | None = None
        self._clock_of_redis: Final = RemoteClock()
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

    @classmethod
    def of(cls, budget: RedisBudget, base_url: str, key: Secret) -> "RedisLedger":
        """Return the ledger of a key of a service."""
        ledger = SharedLedger()
        host = None if os.name == "nt" else _host(ledger, base_url, key)  # where files are locked otherwise
        secret = blake2b(key.reveal().encode(), digest_size=32).digest()
        about = f"{LAYOUT}\0{base_url}".encode()
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
            self.store = ThreadStore(self._transaction, partial(_connect, url))
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
            return f"redis, shared at {self._shown}; other processes at work: {self.ledger.others_at_work}", True

    def hand_back(self) -> None:
        """Hold it: what is taken ahead of Redis is little, and ends with its window."""

    def rest(self) -> None:
        """Write what is to be written, and close the connection until somebody asks again."""
        self._resting = True  # nobody has to know whether the last step worked
        self.store.rest()

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

    # -- with Redis ---------------------------------------------------------------------------------------------------

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
        self._version = None
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
        for _ in range(ATTEMPTS):
            with self.lock:
                if self._apart and ledger.is_unlimited:
                    return
                known = self._version if self._clock_of_redis.is_known else None
                if known is None:
                    step = None
                    said, image = _text(ledger.said(self._clock())), ""
                else:
                    step = ledger.plan(self._clock(), int(time.time() * 1e6))
                    said, image = _text(step.slot), "" if step.image is None else _text(step.image)
            version = secrets.token_hex(8)
            written = "" if step is None else self._clock_of_redis.at(step.at)
            arguments = (
                1,
                self._name,
                self._me,
                said,
                known or "",
                image,
                version,
                written,
                int(LAPSE * 1e6),
                KEEP,
            )
            found, sent_at = yield from self._ask(arguments)
            with self.lock:
                if turn != self._turn:
                    return
                if self._note(step, found, sent_at, version):
                    return
        with self.lock:
            self._next_at = self._clock() + POLL * (1 + random())  # noqa: S311  # no secret

    def _ask(self, arguments: tuple[Any, ...]) -> Generator[tuple[Any, ...], Any, tuple[Any, float]]:
        """Have Redis run the script; return what it answers, and when it was asked.

        What is late is asked again while calls wait: the step is known by its version if it was taken already.
        """
        command: tuple[Any, ...] = ("EVALSHA", _SHA, *arguments)
        again = True
        while True:
            sent_at = self._clock()
            try:
                return (yield command), sent_at
            except Exception as error:
                name = type(error).__name__
                if name != "TimeoutError":  # an idle connection may have ended unnoticed
                    if not again or name not in {"NoScriptError", "ConnectionError"}:
                        raise
                    again = False
                elif self._clock() + TIMEOUT > self._busy_since + self._patience:
                    raise
            command = ("EVAL", SCRIPT, *arguments)

    def _note(self, step: Step | None, found: Any, sent_at: float, sent: str) -> bool:
        """Take in what Redis has answered; return whether the step counts. *sent*: the version of its image."""
        ledger, now = self.ledger, self._clock()
        stored, version, time_there, written, image, said = found
        self._clock_of_redis.note(int(time_there), sent_at, now)
        slots = [(_bytes(each), int(old) / 1e6) for each, old in zip(said[::2], said[1::2], strict=True)]
        version = _str(version)
        stored = stored or version == sent
        if not (step is not None and (stored or version == self._version)):
            ledger.see(_bytes(image), max(0.0, now - self._clock_of_redis.here(int(written))), slots, now)
            self._version = version
            if step is None or step.image is not None or ledger.wants_permits:
                return False
        if step.image is not None and not stored:
            return False
        self._version = version
        if not ledger.commit(step, slots, now):
            return False
        if self._apart:
            self._apart = False
            if self._host is not None:
                self._host.stop()
        self._problem, self._rest = None, FIRST_REST
        self._next_at = now + ledger.poll(step.wait, now) if not step.permits else now
        if ledger.is_unlimited and not ledger.is_urgent:
            self._part(None)
        return True

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


def _host(ledger: SharedLedger, base_url: str, key: Secret) -> "HostBudget":
    from periskope_async._io.host_budget import HostBudget

    return HostBudget.of(ledger, base_url, key)


def _connect(url: Secret) -> Any:
    redis: Any = import_module("redis")  # its types are not whole
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url.reveal(), socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: Any) -> bytes:
    return b64decode(text)


def _str(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def _nothing() -> None:
    """Nobody waits yet."""
