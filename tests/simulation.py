"""A ledger against a rate limit in made-up time: a run of an hour in milliseconds. It must not know the event loop."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial
from random import Random

from attrs import define, evolve, field
from multidict import CIMultiDict

from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import read_rate, read_retry_after
from periskope_async._sansio.response import Response
from periskope_async.testing import RateLimitPolicy
from periskope_async.testing._limits import Limiter, Verdict

#: Where the made-up time begins, in seconds since 1970: headers tell dates.
DAY_ONE = 1_740_000_000.0


def respond(policy: RateLimitPolicy, verdict: Verdict, *, ahead: float = 0.0, dated: bool = True) -> Response:
    """Return the answer that tells *verdict*: 200 or 429, with the policy's headers.

    The service's clock is so many seconds *ahead* of ours; *dated*: whether it tells what it shows.
    """
    date = (("Date", formatdate(int(verdict.now), usegmt=True)),) if dated else ()
    headers = CIMultiDict([*date, *policy.fields(verdict)])
    return Response(200 if verdict.allowed else 429, headers, b"", verdict.now - ahead)


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
        ahead: how many seconds the service's clock is ahead of ours.
        dated: whether its answers have a Date.
    """

    policy: RateLimitPolicy
    unsent: int
    travel: Callable[[], float]
    concurrency: int = 32
    start: float = 100.0
    running_for: float = 0.0
    ahead: float = 0.0
    dated: bool = True
    ledger: Ledger = field(factory=Ledger)
    refused: int = 0
    _flying: int = 0
    _limiter: Limiter = field(init=False)
    _events: list[tuple[float, int, Callable[[float], None]]] = field(factory=list)
    _serial: Iterator[int] = field(factory=itertools.count)

    def run(self) -> float:
        """Run to the end; return how many seconds it took on the client's clock."""
        self._limiter = Limiter(self.policy, DAY_ONE + self.ahead + self.start - self.running_for)
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
            permit = self.ledger.admit(now, bulk=True, wanted=self.unsent)
            if not isinstance(permit, Permit):
                if permit < math.inf:
                    self._at(now + permit, self._send)
                return
            self.unsent -= 1
            self._flying += 1
            self._at(now + self.travel(), partial(self._arrive, permit))

    def _arrive(self, permit: Permit, now: float) -> None:
        verdict = self._limiter.hit("key", DAY_ONE + self.ahead + now)
        answer = respond(self.policy, verdict, ahead=self.ahead, dated=self.dated)
        self._at(now + self.travel(), partial(self._hear, permit, answer))

    def _hear(self, permit: Permit, answer: Response, now: float) -> None:
        self._flying -= 1
        good = answer.status == 200
        self.ledger.answer(permit, now, read_rate(answer), Health.GOOD if good else Health.UNKNOWN)
        if not good:
            self.refused += 1
            self.unsent += 1
            self.ledger.throttle(now, read_retry_after(answer), permit.at)
        self._send(now)


def between(low: float, high: float, seed: int = 0) -> Callable[[], float]:
    """Draw evenly between two times, the same ones for the same seed."""
    dice = Random(seed)  # noqa: S311  # repeatable
    return lambda: dice.uniform(low, high)


def named(headers: str, *limits: tuple[int, float]) -> RateLimitPolicy:
    """Return the policy of a service that sets several limits at once, by name."""
    first, *also = (
        RateLimitPolicy(limit, window, headers=headers, name=f"of-{window:g}-s") for limit, window in limits
    )
    return evolve(first, also=tuple(also))


def ideal(policy: RateLimitPolicy, requests: int) -> float:
    """Return the seconds after which the last request can go where nothing travels and all limits are known."""
    service, now = Limiter(policy, DAY_ONE), DAY_ONE
    for _ in range(requests):
        while not (verdict := service.hit("key", now)).allowed:
            now = (verdict.also or (verdict,))[-1].resets_at
    return now - DAY_ONE
