"""Which fault strikes which delivery: orders, kept in a list. It must not know how deliveries are made."""

import enum
import math
import random
import threading
from typing import NoReturn

import attrs

from periskope_async._spelling import suggest

__all__ = ["DeliveryFault", "Orders", "Strike"]


class DeliveryFault(enum.StrEnum):
    """What can go wrong with a delivery. The values are what the command line calls them."""

    DUPLICATE = "duplicate"  # it comes twice
    DELAY = "delay"  # it comes late, and others overtake it
    REORDER = "reorder"  # it comes after the next one to the same URL
    BAD_SIGNATURE = "bad-signature"  # signed with another key
    NO_SIGNATURE = "no-signature"
    CUT_BODY = "cut-body"  # the connection ends in the midst of the body

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        known = ", ".join(cls)
        raise ValueError(f"no fault of deliveries is called {value!r}{suggest(str(value), cls)} (there are {known})")


@attrs.frozen
class Strike:
    """A fault that a delivery is to meet.

    Attributes:
        kind: which.
        seconds: of a delay.
    """

    kind: DeliveryFault
    seconds: float


@attrs.define
class _Order:
    """One order: its state is how often it matched and struck."""

    strike: Strike
    event: str | None
    url: str | None
    after: int
    times: float
    rate: float
    matched: int = 0
    struck: int = 0


class Orders:
    """The orders, oldest first; any thread may add some.

    Args:
        seed: of what is left to chance.
    """

    def __init__(self, seed: int) -> None:
        self._orders: tuple[_Order, ...] = ()
        self._dice = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        *,
        event: str | None,
        url: str | None,
        after: int,
        times: int | None,
        rate: float,
        seconds: float,
    ) -> None:
        """Order a fault: see `fake.deliveries.add`."""
        if not 0 <= rate <= 1:
            raise ValueError(f"rate: {rate} is not a probability")
        if seconds <= 0:
            raise ValueError(f"seconds: {seconds} would not delay it")
        order = _Order(
            Strike(DeliveryFault(kind), seconds), event, url, after, math.inf if times is None else times, rate
        )
        with self._lock:
            self._orders = (*self._orders, order)

    def clear(self) -> None:
        """Take all orders back."""
        with self._lock:
            self._orders = ()

    def strike(self, event: str, url: str) -> Strike | None:
        """The fault that this attempt at a delivery is to meet; None for none."""
        with self._lock:
            for order in self._orders:
                if order.event not in {None, event} or order.url not in {None, url}:
                    continue
                order.matched += 1
                if order.matched <= order.after or order.struck >= order.times:
                    continue
                if order.rate < 1 and self._dice.random() >= order.rate:
                    continue
                order.struck += 1
                return order.strike
        return None
