"""What holds processes and their requests up, in virtual time."""

import asyncio
import math
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field

__all__ = ["StallingLoop", "Weather"]


@define
class Weather:
    """What holds processes and their requests up.

    Attributes:
        seed: the same draws the same.
        late: what share of requests, and of answers, is late.
        late_by: by how many seconds at least and at most.
        stalls_every: seconds between two stalls of a process on the average; infinite for none.
        stalls_for: seconds that the longest lasts. Most are far shorter.
    """

    seed: int = 0
    late: float = 0.0
    late_by: tuple[float, float] = (0.05, 0.6)
    stalls_every: float = math.inf
    stalls_for: float = 0.4


@define
class StallingLoop:
    """The loop of a process that does not run at times, as where there are too many for the processors."""

    loop: asyncio.AbstractEventLoop
    dice: Random
    weather: Weather
    stalls: int = 0
    _begins: float = field(init=False)
    _ends: float = -math.inf

    def __attrs_post_init__(self) -> None:
        self._begins = self.loop.time() + self._draw_gap()

    async def turn(self) -> None:
        """Wait until the process runs."""
        while (wait := self._stalled_for()) > 0:  # noqa: ASYNC110  # nothing happens at its end
            await asyncio.sleep(wait)

    def time(self) -> float:
        return self.loop.time()

    def create_future(self) -> asyncio.Future[Any]:
        return self.loop.create_future()

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(delay, self._call, callback)

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        self.loop.call_soon(self._call, callback)

    def _call(self, callback: Callable[[], None]) -> None:
        if (wait := self._stalled_for()) > 0:
            self.loop.call_later(wait, self._call, callback)
        else:
            callback()

    def _stalled_for(self) -> float:
        now = self.loop.time()
        if now < self._begins:
            return max(0.0, self._ends - now)
        while self._begins <= now:
            self.stalls += 1
            self._ends = self._begins + self.dice.random() ** 3 * self.weather.stalls_for
            self._begins = self._ends + self._draw_gap()
        return max(0.0, self._ends - now)

    def _draw_gap(self) -> float:
        every = self.weather.stalls_every
        return math.inf if every == math.inf else self.dice.expovariate(1 / every)
