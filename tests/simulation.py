"""A ledger against a rate limit in made-up time: a run of an hour in milliseconds. It must not know the event loop."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial
from random import Random

from attrs import define, field
from multidict import CIMultiDict

from periskope_async._pacing import Ledger, Pass
from periskope_async._protocol import Response, read_rate, read_retry_after
from periskope_async.testing import RateLimitPolicy
from periskope_async.testing._limits import Limiter, Verdict

#: Where the made-up time begins, in seconds since 1970: headers tell dates.
DAY_ONE = 1_740_000_000.0


def respond(policy: RateLimitPolicy, verdict: Verdict) -> Response:
    """Return the answer that tells *verdict*: 200 or 429, with the policy's headers."""
    date = formatdate(int(verdict.now), usegmt=True)
    headers = CIMultiDict([("Date", date), *policy.fields(verdict)])
    return Response(200 if verdict.allowed else 429, headers, b"", verdict.now)


@define
class Simulation:
    """One run: a client that sends so many requests, each again until it is allowed, and the service.

    Args:
        policy: the service's limit.
        unsent: how many requests must be allowed.
        travel: draws the seconds that a request, or an answer, is on its way.
        concurrency: requests in flight at once.
        start: the client's clock at the first request.
        running_for: how long the service has been up then; windows on a grid count from its start.
    """

    policy: RateLimitPolicy
    unsent: int
    travel: Callable[[], float]
    concurrency: int = 32
    start: float = 100.0
    running_for: float = 0.0
    ledger: Ledger = field(factory=Ledger)
    refused: int = 0
    _flying: int = 0
    _limiter: Limiter = field(init=False)
    _events: list[tuple[float, int, Callable[[float], None]]] = field(factory=list)
    _serial: Iterator[int] = field(factory=itertools.count)

    def run(self) -> float:
        """Run to the end; return how many seconds it took on the client's clock."""
        self._limiter = Limiter(self.policy, DAY_ONE + self.start - self.running_for)
        now = self.start
        self._at(now, self._send)
        while self.unsent or self._flying:
            assert self._events, "everybody waits, and nothing will ever wake them"
            now, _, event = heapq.heappop(self._events)
            event(now)
        assert self.ledger.in_flight == 0
        return now - self.start

    def _at(self, moment: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._serial), event))

    def _send(self, now: float) -> None:
        while self.unsent and self._flying < self.concurrency:
            given = self.ledger.admit(now, bulk=True, wanted=self.unsent)
            if not isinstance(given, Pass):
                if given < math.inf:
                    self._at(now + given, self._send)
                return
            self.unsent -= 1
            self._flying += 1
            self._at(now + self.travel(), partial(self._arrive, given))

    def _arrive(self, given: Pass, now: float) -> None:
        answer = respond(self.policy, self._limiter.hit("key", DAY_ONE + now))
        self._at(now + self.travel(), partial(self._hear, given, answer))

    def _hear(self, given: Pass, answer: Response, now: float) -> None:
        self._flying -= 1
        good = answer.status == 200
        self.ledger.answer(given, now, read_rate(answer), good=good or None)
        if not good:
            self.refused += 1
            self.unsent += 1
            self.ledger.throttle(now, read_retry_after(answer), given.at)
        self._send(now)


def between(low: float, high: float, seed: int = 0) -> Callable[[], float]:
    """Draw evenly between two times, the same ones for the same seed."""
    dice = Random(seed)  # noqa: S311  # repeatable
    return lambda: dice.uniform(low, high)
