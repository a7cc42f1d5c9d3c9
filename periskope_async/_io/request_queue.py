"""One client's queue before the rate limiter in one event loop: its concurrency, first in first out."""

import asyncio
from collections import deque
from typing import Final, Literal

from periskope_async._io.limiter import RateLimiter
from periskope_async._sansio.circuit import BAD, GOOD, NEVER
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import rate_suffixes, read_rate
from periskope_async._sansio.response import Response
from periskope_async.errors import ClientClosedError

__all__ = ["RequestQueue"]


class RequestQueue:
    """One client's way through the limiter in one event loop: its concurrency, and who waits for it.

    First in, first out; but a single call goes before the calls of a bulk run, which has more of them waiting. In a
    bulk run, what failed before goes before what is new: a service that drops every first attempt would otherwise be
    probed by nothing but first attempts after an outage.
    """

    def __init__(self, limiter: RateLimiter, concurrency: int, loop: asyncio.AbstractEventLoop) -> None:
        self.limiter = limiter
        self._concurrency = concurrency
        self._loop = loop
        self._in_flight = 0
        self._single: deque[asyncio.Future[Permit]] = deque()
        self._again: deque[asyncio.Future[Permit]] = deque()
        self._bulk: deque[asyncio.Future[Permit]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        #: Sees whether it is long ago that somebody was let go.
        self._idle_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._shared: Final = limiter.is_shared
        #: Who waits elsewhere; only whether anybody does is asked here.
        self._others: Final = limiter.waiting
        #: What the names of this service's rate headers end in, looked for in every answer until one is good.
        self._suffixes: tuple[str, ...] | None = None
        #: How many requests a bulk run still has to send, as far as it knows, but for those that wait here; with one.
        self.wanted: float = 0

    def try_acquire(self, *, bulk: bool) -> Permit | None:
        """Return a permit if one is to be had this moment and nobody waits before us."""
        waiting = self._single or (bulk and (self._again or self._bulk))
        if self._closed or self._in_flight >= self._concurrency or waiting:
            return None
        now = self._loop.time()
        permit = self.limiter.admit(now, bulk=bulk, wanted=self.wanted if bulk else 0)
        if isinstance(permit, Permit):
            self._let_go(now)
            return permit
        return None

    async def acquire(self, *, bulk: bool, again: bool = False) -> Permit:
        """Wait for a permit. It must be handed back by `answer`, `lose` or `release`.

        *again*: whether what a bulk run is to send has failed before.

        Raises:
            ClientClosedError: the client is closed, or was meanwhile.
        """
        if self._closed:
            raise _sent_away()
        turn: asyncio.Future[Permit] = self._loop.create_future()
        (self._single if not bulk else self._again if again else self._bulk).append(turn)
        self._pump()
        try:
            permit = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(turn.result())
            else:
                self._pump()  # the next in the queue may go where this one waited
                if self._idle_timer is None and self._shared:
                    self._watch_idle()  # what was taken for it may come when nobody asks for it any more
            raise
        if self._closed:
            self.release(permit)
            raise _sent_away()
        return permit

    def blocked_by(self, *, bulk: bool) -> Literal["concurrency", "outage", "rate_limit"]:
        """Return why who asks now has to wait, as far as that can be said."""
        if self._in_flight >= self._concurrency:
            return "concurrency"
        return "outage" if bulk and self.limiter.is_out_of_order() else "rate_limit"

    def release(self, permit: Permit) -> None:
        """Hand back a permit that was not used."""
        self.limiter.withdraw(permit)
        self._left()

    def lose(self, permit: Permit, *, unsent: bool = False, failed: bool = True) -> None:
        """Hand back the permit of a request that got no answer."""
        self.limiter.lose(permit, unsent=unsent, failed=failed)
        self._left()

    def answer(self, permit: Permit, answer: Response, *, healthy: bool, refund: int | None) -> None:
        """Hand back the permit of a request whose answer is not a 429.

        *healthy*: whether the service is in order. *refund*: see `RateLimiter.answer`.
        """
        if healthy and self._suffixes is None:
            self._suffixes = rate_suffixes(answer.headers)
        reading = read_rate(answer, self._suffixes)
        self.limiter.answer(permit, self._loop.time(), reading, GOOD if healthy else BAD, refund)
        self._left()

    def refuse(self, permit: Permit, answer: Response, retry_after: float | None) -> tuple[float, bool]:
        """Hand back the permit of a request that met a 429.

        Return for how many seconds everybody pauses, and whether the key is shut.
        """
        self._suffixes = None  # the limit may be another one than we know of
        refused = self.limiter.refuse(permit, self._loop.time(), read_rate(answer), retry_after)
        self._left()
        return refused

    def wake(self) -> None:
        """Ask again for those who wait; callable from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._pump)
        except RuntimeError:  # that loop is closed, and nobody waits in it any more
            self.limiter.leave(self.wake)

    def close(self) -> None:
        """Send everybody away who waits, or would."""
        self._closed = True
        for queue in (self._single, self._again, self._bulk):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_exception(_sent_away())
        self._pump()

    def _let_go(self, now: float) -> None:
        self._in_flight += 1
        if self._shared:
            self.limiter.admitted_at = now
            if self._idle_timer is None:
                self._watch_idle()

    def _watch_idle(self) -> None:
        self._idle_timer = self._loop.call_later(self.limiter.idle, self._hand_back)

    def _hand_back(self) -> None:
        """Let others have what nobody here asks for; go on as long as an answer is due, which may wait to be noted."""
        self._idle_timer = None
        if self._closed:
            return
        idle = self.limiter.idle
        wait = self.limiter.admitted_at + idle - self._loop.time()
        if wait <= 0:
            self.limiter.hand_back()
        if wait > 0 or self._in_flight:
            self._idle_timer = self._loop.call_later(wait if 0 < wait < idle else idle, self._hand_back)

    def _left(self) -> None:
        self._in_flight -= 1
        if self._single or self._again or self._bulk:
            self._pump()
        if self._others:
            self.limiter.wake_others(self.wake)

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Before asking: an answer in another thread, right after we were refused, must find us here.
        self.limiter.join(self.wake)
        # Single calls blocked by the rate limit block bulk calls too; bulk calls blocked by an outage block nobody.
        wait = self._admit(self._single, bulk=False)
        if wait == 0.0:
            wait = self._admit(self._again, bulk=True)
        if wait == 0.0:
            wait = self._admit(self._bulk, bulk=True)
        if wait == 0.0 or self._in_flight >= self._concurrency:
            self.limiter.leave(self.wake)
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
            wanted = self.wanted + len(self._again) + len(self._bulk) - 1 if bulk else 0
            now = self._loop.time()
            permit = self.limiter.admit(now, bulk=bulk, wanted=wanted)
            if not isinstance(permit, Permit):
                return permit
            self._let_go(now)
            queue.popleft().set_result(permit)
        return 0.0


def _sent_away() -> ClientClosedError:
    return ClientClosedError("the client was closed while this call waited")
