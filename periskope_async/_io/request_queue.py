"""One client's queue before the rate limiter in one event loop: its concurrency, first in first out."""

import asyncio
from collections import deque

from periskope_async._io.limiter import RateLimiter
from periskope_async._sansio.circuit import NEVER
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async.errors import ClientClosedError

__all__ = ["RequestQueue"]


class RequestQueue:
    """One client's way through the limiter in one event loop: its concurrency, and who waits for it.

    First in, first out; but a single call goes before the calls of a bulk run, which has more of them waiting.
    """

    def __init__(self, limiter: RateLimiter, concurrency: int, loop: asyncio.AbstractEventLoop) -> None:
        self.limiter = limiter
        self._concurrency = concurrency
        self._loop = loop
        self._in_flight = 0
        self._single: deque[asyncio.Future[Permit]] = deque()
        self._bulk: deque[asyncio.Future[Permit]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        #: What this service's rate headers end in, where several limits are told; None while nobody knows.
        self.suffixes: tuple[str, ...] | None = None
        #: How many requests a bulk run still has to send, as far as it knows.
        self.wanted: float = 0

    def try_enter(self, *, bulk: bool) -> Permit | None:
        """Return a pass if one is to be had this moment and nobody waits before us."""
        if self._closed or self._in_flight >= self._concurrency or self._single or (bulk and self._bulk):
            return None
        with self.limiter.lock:
            permit = self.limiter.ledger.admit(self._loop.time(), bulk=bulk, wanted=self.wanted if bulk else 0)
        if isinstance(permit, Permit):
            self._in_flight += 1
            return permit
        return None

    def queue(self, *, bulk: bool) -> asyncio.Future[Permit]:
        """Take a place in the queue. It must be waited for with `wait`; cancelling it gives the place up."""
        turn: asyncio.Future[Permit] = self._loop.create_future()
        if self._closed:
            turn.set_exception(_sent_away())
            return turn
        (self._bulk if bulk else self._single).append(turn)
        self._pump()
        return turn

    async def wait(self, turn: asyncio.Future[Permit]) -> Permit:
        """Wait for a pass. It must be handed back by `answer`, `lose` or `withdraw`."""
        try:
            permit = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.withdraw(turn.result())
            else:
                self._pump()  # the next in the queue may go where this one waited
            raise
        if self._closed:
            self.withdraw(permit)
            raise _sent_away()
        return permit

    def withdraw(self, permit: Permit) -> None:
        """Hand back a pass that was not used."""
        with self.limiter.lock:
            self.limiter.ledger.withdraw(permit)
        self._left()

    def lose(self, permit: Permit, *, unsent: bool = False, failed: bool = True) -> None:
        """Hand back the pass of a request that got no answer."""
        with self.limiter.lock:
            self.limiter.ledger.lose(permit, unsent=unsent, failed=failed)
        self._left()

    def answer(self, permit: Permit, reading: RateReading | None, *, good: bool | None) -> None:
        """Hand back the pass of a request that was answered."""
        limiter = self.limiter
        with limiter.lock:
            limiter.ledger.answer(permit, self._loop.time(), reading, good=good)
        self._left()

    def refuse(self, permit: Permit, reading: RateReading | None, retry_after: float | None) -> tuple[float, bool]:
        """Hand back the pass of a request that met a 429.

        Return for how many seconds everybody pauses, and whether the key is shut. The pause is noted in one step with
        the answer: nobody is let in between.
        """
        now = self._loop.time()
        with self.limiter.lock:
            ledger = self.limiter.ledger
            ledger.answer(permit, now, reading, good=None)
            ledger.throttle(now, retry_after, permit.at)
            pause, shut = ledger.paused_until - now, ledger.is_shut
        self._left()
        return pause, shut

    def wake(self) -> None:
        """Ask again for those who wait; callable from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._pump)
        except RuntimeError:  # that loop is closed, and nobody waits in it any more
            self.limiter.leave(self)

    def close(self) -> None:
        """Send everybody away who waits, or would."""
        self._closed = True
        for queue in (self._single, self._bulk):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_exception(_sent_away())
        self._pump()

    def _left(self) -> None:
        self._in_flight -= 1
        if self._single or self._bulk:
            self._pump()
        if self.limiter.waiting:
            self.limiter.wake(self)

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Before asking: an answer in another thread, right after we were refused, must find us here.
        self.limiter.join(self)
        # Single calls blocked by the rate limit block bulk calls too; bulk calls blocked by an outage block nobody.
        wait = self._admit(self._single, bulk=False)
        if wait == 0.0:
            wait = self._admit(self._bulk, bulk=True)
        if wait == 0.0 or self._in_flight >= self._concurrency:
            self.limiter.leave(self)
        elif wait < NEVER:
            self._timer = self._loop.call_later(wait, self._pump)

    def _admit(self, queue: deque[asyncio.Future[Permit]], *, bulk: bool) -> float:
        """Admit from *queue* whom the ledger lets in; return the wait of the first whom it does not, or 0."""
        while queue:
            if queue[0].done():  # cancelled while it waited
                del queue[0]
                continue
            if self._in_flight >= self._concurrency:
                return NEVER
            with self.limiter.lock:
                permit = self.limiter.ledger.admit(self._loop.time(), bulk=bulk, wanted=self.wanted if bulk else 0)
            if not isinstance(permit, Permit):
                return permit
            self._in_flight += 1
            queue.popleft().set_result(permit)
        return 0.0


def _sent_away() -> ClientClosedError:
    return ClientClosedError("the client was closed while this call waited")
