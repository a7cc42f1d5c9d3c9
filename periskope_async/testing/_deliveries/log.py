"""What was posted, and what is still on its way: counted and waited for. It must not know how it is posted."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

import attrs

from periskope_async.testing._deliveries.envelope import SIGNATURE
from periskope_async.testing._deliveries.orders import DeliveryFault

__all__ = ["Delivery", "Log"]


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


class Log:
    """The attempts so far, what went wrong with them, and how much is on its way. Any thread may ask, and write.

    Args:
        keep: how many of the newest attempts to remember.
    """

    def __init__(self, keep: int) -> None:
        self.counts: Counter[str] = Counter()
        self.pending: int = 0
        #: Has what is due happen, for those who wait for what comes of it. Whoever delivers puts its own here.
        self.wake: Callable[[], None] = _nothing
        self._attempts: deque[Delivery] = deque(maxlen=keep)
        self._waiting: tuple[Callable[[], object], ...] = ()
        self._lock = threading.RLock()

    @property
    def attempts(self) -> list[Delivery]:
        """The attempts so far, oldest first."""
        with self._lock:
            return list(self._attempts)

    def record(self, attempt: Delivery) -> None:
        """Remember an attempt, and count what went wrong with it."""
        with self._lock:
            self._attempts.append(attempt)
            if attempt.fault is not None:
                self.counts[attempt.fault] += 1

    def clear(self) -> None:
        """Forget the attempts so far."""
        with self._lock:
            self._attempts.clear()

    def began(self) -> None:
        """Say that something is on its way."""
        self._change(1)

    def ended(self) -> None:
        """Say that something has arrived, or was dropped."""
        self._change(-1)

    def end(self) -> None:
        """Say that nothing is on its way any more, nor will be: the fake stops."""
        self.wake = _nothing
        with self._lock:
            self._change(-self.pending)

    @contextmanager
    def when_settled(self, settle: Callable[[], object]) -> Generator[None]:
        """Have *settle* called when nothing is on its way, now or later, while the block lasts."""
        self.began()  # what is due now may lead to more
        with self._lock:
            self._waiting += (settle,)
        try:
            self.wake()
            self.ended()
            yield
        finally:
            with self._lock:
                self._waiting = tuple(each for each in self._waiting if each is not settle)

    def _change(self, count: int) -> None:
        with self._lock:
            self.pending += count
            if not self.pending:
                for settle in self._waiting:
                    settle()


def _nothing() -> None:
    """What is due of a fake that does not run: nothing."""
