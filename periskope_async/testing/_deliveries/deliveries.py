"""`fake.deliveries`: what was posted to those who subscribed, what is still to come, what is to go wrong with it."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from periskope_async.testing._deliveries.envelope import SIGNATURE
from periskope_async.testing._deliveries.orders import DeliveryFault, Orders, Strike

__all__ = ["Deliveries", "Delivery"]


@attrs.frozen(kw_only=True)
class Delivery:
    """One attempt to post an event to somebody who subscribed to it.

    Attributes:
        id: of the delivery: the same in every attempt at it.
        event: its name.
        url: where it was posted.
        body: what was posted.
        signature: of the body; `""` for none.
        attempt: its number, from 1. Both halves of a duplicate have the same one.
        status: of the answer; 0 where none came in time.
        fault: what went wrong with it on purpose; None for nothing.
        time: when it began, in seconds since the epoch, on the fake's clock.
    """

    id: str
    event: str
    url: str
    body: bytes = attrs.field(repr=False)
    signature: str = attrs.field(repr=False)
    attempt: int
    status: int
    fault: DeliveryFault | None
    time: float

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that `webhooks.parse` reads: the signature."""
        return {SIGNATURE: self.signature} if self.signature else {}


class Deliveries:
    """What was posted, and what is to go wrong with what will be. Any thread may ask.

    Args:
        seed: of what is left to chance.
        keep: how many of the newest attempts to remember.
    """

    def __init__(self, seed: int, keep: int) -> None:
        #: How often each fault was injected. Never ahead of `attempts`.
        self.counts: Counter[str] = Counter()
        self._attempts: deque[Delivery] = deque(maxlen=keep)
        self._orders = Orders(seed)
        self._pending = 0
        self._waiting: tuple[Callable[[], object], ...] = ()
        self._lock = threading.RLock()
        #: Has what is due happen, for those who wait for what comes of it.
        self.wake: Callable[[], None] = _nothing

    @property
    def attempts(self) -> list[Delivery]:
        """The attempts so far, oldest first; the newest `keep` of them."""
        with self._lock:
            return list(self._attempts)

    @property
    def pending(self) -> int:
        """How many deliveries are on their way: those too that come again later."""
        return self._pending

    def add(
        self,
        kind: str,
        *,
        event: str | None = None,
        url: str | None = None,
        after: int = 0,
        times: int | None = None,
        rate: float = 1.0,
        seconds: float = 0.1,
    ) -> None:
        """Order a fault. The first order that fits an attempt at a delivery strikes it.

        An order that strikes and changes nothing, such as another signature where nothing is signed, or another order
        of the last delivery there is, makes the fake raise a `ValueError` when it stops.

        Args:
            kind: `duplicate`, `delay`, `reorder` (it comes after the next one to the same URL), `bad-signature`,
                `no-signature` or `cut-body`.
            event: only deliveries of this event.
            url: only deliveries to this URL.
            after: spare the first attempts that fit, this many.
            times: strike this often at most.
            rate: strike with this probability.
            seconds: how long a delay is; others overtake it meanwhile.

        Raises:
            ValueError: an unknown kind, a rate that is not a probability, or a delay of no time.
        """
        self._orders.add(kind, event=event, url=url, after=after, times=times, rate=rate, seconds=seconds)

    def clear(self) -> None:
        """Take all orders back. Counts stay."""
        self._orders.clear()

    def join(self, timeout: float = 30.0) -> list[Delivery]:
        """Wait, without a loop, until nothing is on its way, and return the attempts; see `settled`.

        Not for the thread that the fake's loop runs in: it would wait for itself.

        Raises:
            TimeoutError: something still is, after *timeout* seconds.
        """
        done = threading.Event()
        with self._when_settled(done.set):
            if not done.wait(timeout):
                raise TimeoutError(self._late(timeout))
        return self.attempts

    async def settled(self, timeout: float = 30.0) -> list[Delivery]:  # noqa: ASYNC109  # as `join` has it
        """Wait until nothing is on its way, neither for the first time nor again, and return the attempts.

        Messages in the queue that are due are sent first, and what their arrival causes is waited for.

        Raises:
            TimeoutError: something still is, after *timeout* seconds.
        """
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        with self._when_settled(lambda: loop.call_soon_threadsafe(done.set)):
            try:
                await asyncio.wait_for(done.wait(), timeout)
            except TimeoutError:
                raise TimeoutError(self._late(timeout)) from None
        return self.attempts

    # --- for those who deliver -------------------------------------------------------------------------------

    def strike(self, event: str, url: str) -> Strike | None:
        """The fault that an attempt is to meet; None for none."""
        return self._orders.strike(event, url)

    def record(self, attempt: Delivery) -> None:
        """Remember an attempt, and count what went wrong with it."""
        with self._lock:
            self._attempts.append(attempt)
            if attempt.fault is not None:
                self.counts[attempt.fault] += 1

    def began(self, count: int = 1) -> None:
        """Say that something is on its way, or with -1 that it has arrived or is given up."""
        with self._lock:
            self._pending += count
            if not self._pending:
                for settle in self._waiting:
                    settle()

    def give_up(self) -> None:
        """Say that nothing is on its way any more, nor will be: the fake stops."""
        self.wake = _nothing
        with self._lock:
            self.began(-self._pending)

    def forget(self) -> None:
        """Forget the attempts so far."""
        with self._lock:
            self._attempts.clear()

    @contextmanager
    def _when_settled(self, settle: Callable[[], object]) -> Iterator[None]:
        """Call *settle* when nothing is on its way, now or later."""
        self.began()  # what is due now may lead to more
        with self._lock:
            self._waiting += (settle,)
        try:
            self.wake()
            self.began(-1)
            yield
        finally:
            with self._lock:
                self._waiting = tuple(each for each in self._waiting if each is not settle)

    def _late(self, timeout: float) -> str:
        return f"after {timeout:g} s deliveries are still on their way: {self.pending}"


def _nothing() -> None:
    """What is due of a fake that does not run: nothing."""
