"""`fake.deliveries`: what a test asks of what was posted to those who subscribed, and orders to go wrong with it."""

import asyncio
import threading
from collections import Counter

from periskope_async.testing._deliveries.log import Delivery, Log
from periskope_async.testing._deliveries.orders import Orders

__all__ = ["Deliveries"]


class Deliveries:
    """What a fake posts to those who subscribed. Any thread may ask."""

    def __init__(self, log: Log, orders: Orders) -> None:
        self._log = log
        self._orders = orders

    @property
    def attempts(self) -> list[Delivery]:
        """The attempts so far, oldest first; the newest `keep` of them."""
        return self._log.attempts

    @property
    def counts(self) -> Counter[str]:
        """How often each fault was injected. Never ahead of `attempts`."""
        return self._log.counts

    @property
    def pending(self) -> int:
        """How many deliveries are on their way: those too that come again later."""
        return self._log.pending

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
        with self._log.when_settled(done.set):
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
        with self._log.when_settled(lambda: loop.call_soon_threadsafe(done.set)):
            try:
                await asyncio.wait_for(done.wait(), timeout)
            except TimeoutError:
                raise TimeoutError(self._late(timeout)) from None
        return self.attempts

    def _late(self, timeout: float) -> str:
        return f"after {timeout:g} s deliveries are still on their way: {self.pending}"
