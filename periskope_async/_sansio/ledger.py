"""When the next request may go out: the rate limit used in full and never tripped. Pure: times are passed in."""

import math
from typing import Final

from attrs import define

from periskope_async._sansio.circuit import BAD, GOOD, NEVER, CircuitBreaker, Health
from periskope_async._sansio.limit import MARGIN, PATIENCE, Limit
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import MAX_LIMITS, RateReading
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.retry import MAX_BACKOFF, MIN_RETRY_AFTER, backoff

__all__ = ["CLOCK_SLACK", "FAILURES_IN_A_ROW", "IDLE", "LONGER", "MAX_PAUSES", "ROW", "SHORTER", "Ledger"]

#: A clock that runs back by more than this is another loop's clock, seconds.
CLOCK_SLACK: Final = 60.0
#: This number of failures without one success between them are an outage; which failures count: see `Ledger`.
FAILURES_IN_A_ROW: Final = 20
#: Without headers the interval between requests is learned: a 429 makes it at most this many times as long (what was
#: measured over a short time errs), and every success takes a thousandth off, until the next 429 corrects it.
LONGER: Final = 3.0
SHORTER: Final = 0.999  # per success; the interval is in seconds
#: Who asked for nothing for so long has the limit's burst back, and what was measured before is forgotten, seconds.
IDLE: Final = 1.0
#: After this number of pauses in a row without a success of anybody on the key, who has no deadline gives up.
#: They double from 0.05 s to 20 s, so that is after four minutes or more.
MAX_PAUSES: Final = 20
#: Pauses further apart than this are not in a row, seconds.
ROW: Final = 60.0


@define
class Ledger(Limit):
    """What is known of one key's limits, and so whether a request may go out.

    Most services have one limit: the ledger is that limit. Where a service reports several, by name, the others are
    `further`, and a request goes out only when each of them lets it.

    - Nothing known, or the window is over: one request at a time *probes*; its answer opens the window.
    - Window open: as many requests as its limit, less ours and less those of others.
    - 429: everybody pauses as long as it says; then one probe.
      While 429s go on without a success, the pause doubles, whatever they say.
    - No rate headers, or counters that several servers do not share (Remaining rises inside a window): what was
      granted between two 429s shows how often one may ask, and requests keep that interval. A ceiling on the requests
      in flight, halved by a 429 and regained one by one, keeps what a 429 comes too late for small.
    - An outage holds back bulk runs only (`CircuitBreaker`); a single call is its own probe. Calls that fail are an
      outage, attempts are not: once a call was answered after N failures, the first N failures of any call are usual
      and do not count, until a call fails more often. A service that answers every second attempt is in order.

    In simulation (10,000 tickets, 500 per 60 s): backoff alone meets 13,590 answers of 429, pausing all on a 429 meets
    1,895, this meets none, in the same time.
    """

    in_flight: int = 0
    paused_until: float = -math.inf
    further: tuple[Limit, ...] = ()
    circuit: CircuitBreaker | None = None
    last_reading: RateReading | None = None
    _ceiling: float = math.inf
    #: Seconds between requests where no window guides; 0 before the first 429.
    _interval: float = 0.0
    _next: float = -math.inf
    _throttled_at: float = -math.inf
    #: Successes since the last 429 that began a pause.
    _granted: int = 0
    _throttles: int = 0
    _failures: int = 0
    #: How many failures of a call are usual: those after which the last request that went well was answered.
    _usual_failures: int = 0
    _now: float = -math.inf

    # -- asking ---------------------------------------------------------------------------------------------------

    def admit(  # noqa: C901, PLR0912  # every request comes through here: a call more costs more than it makes clear
        self, now: float, *, bulk: bool = False, wanted: float = 0
    ) -> Permit | float:
        """Return a pass to send one request now, or the seconds after which to ask again if no answer comes first.

        *wanted*: how many requests wait to be sent, this one included.
        """
        if now < self._now - CLOCK_SLACK:
            self._start_over()
        self._now, in_flight, further = now, self.in_flight, self.further
        circuit = self.circuit if bulk else None
        if now < self.paused_until:
            return self.paused_until - now
        if self._ceiling < NEVER and in_flight >= self._ceiling:
            return NEVER
        if circuit is not None and (wait := circuit.wait(now)) > 0:
            return wait
        wait = self.wait(now, in_flight, wanted)
        if further:
            wait = max(wait, *(limit.wait(now, in_flight, wanted) for limit in further))
        window = self.window
        if window is None and not self.guided and self._next - now > wait:
            wait = self._next - now
        if wait > 0:
            return wait
        if circuit is not None:
            circuit.in_flight += 1
            circuit.probe_until = now + PATIENCE
        self.in_flight = in_flight + 1
        if self._interval:
            if now - self._next > IDLE:
                self._interval = 0.0
            self._next = max(self._next, now - MARGIN) + self._interval
        if window is not None:
            window.sent += 1
            permit = Permit(now, self.generation, window.answered, circuit)
        else:
            if self.guided:
                self.probe(now)
            permit = Permit(now, self.generation, 0, circuit)
        if further:
            permit.further = tuple(limit.enter(now) for limit in further)
        return permit

    def earliest(self, now: float) -> float:
        """Return when a request can go out at the earliest, whoever waits before it."""
        windows = [limit.window for limit in (self, *self.further) if limit.window is not None]
        used_up = [window.closes_at for window in windows if window.left() <= 0]
        return max(self.paused_until, *used_up) if used_up else max(self.paused_until, now)

    # -- hearing --------------------------------------------------------------------------------------------------

    def withdraw(self, permit: Permit) -> None:
        """Take back a pass that was not used."""
        if self.window is not None and permit.generation == self.generation:
            self.window.sent -= 1
        for limit, known in zip(self.further, permit.further, strict=False):  # some may be known since
            limit.withdraw(known)
        self._leave(permit)

    def lose(self, permit: Permit, *, unsent: bool = False, failed: bool = True) -> None:
        """Note that a request got no answer. The service may have counted it, unless nothing of it was sent.

        *failed*: whether the service is to blame, and not a caller who left.
        """
        if failed and permit.failures >= self._usual_failures:
            self._failures, self._usual_failures = self._failures + 1, 0
        if unsent:
            self.withdraw(permit)
            return
        self._leave(permit)
        for limit, known in zip((self, *self.further), (permit, *permit.further), strict=False):
            limit.miss(known)

    def answer(  # noqa: C901, PLR0912  # every answer comes through here: as for `admit`
        self, permit: Permit, now: float, reading: RateReading | None, health: Health
    ) -> None:
        """Note an answer, what its headers say of the limit, and what it shows of the service's health."""
        self._leave(permit)
        if now - permit.at < self._round_trip:  # noqa: PLR1730  # `min` takes five times as long
            self._round_trip = now - permit.at
        if health is GOOD:
            self._throttles = self._failures = 0
            self._usual_failures = permit.failures
            if self._ceiling < NEVER:
                self._grow()
            if self._interval:
                self._granted += 1
                self._interval *= SHORTER
            circuit = self.circuit
            if circuit is not None and circuit.recover(permit.at, probe=permit.circuit is circuit):
                self.circuit = None
        elif health is BAD:
            if permit.failures >= self._usual_failures:
                self._failures, self._usual_failures = self._failures + 1, 0
        elif reading is not None and reading.clock == "ours":
            self.last_reading = reading = None  # by our clock nobody knows how long to pause
        if self.further or (reading is not None and (reading.further or reading.name != self.name)):
            self._hear_of_several(permit, now, reading, health)
        elif reading is not None:
            self.last_reading = reading
            if self.shared and permit.generation == self.generation:
                self.guided = True
                self._read(permit, now, reading, self.in_flight)
            else:
                self.miss(permit, now, reading)
        elif health is GOOD and self.window is None:
            self.guided: bool = False

    def throttle(self, now: float, retry_after: float | None, sent_at: float = math.inf) -> None:
        """Note a 429: everybody pauses for *retry_after* seconds, or else as long as the headers or experience say.

        *sent_at*: when the request was sent. Those in flight together meet one limit, and so are one reason to pause.
        """
        if now < self.paused_until or sent_at < self._throttled_at:
            self.paused_until = max(self.paused_until, now + (retry_after or 0.0))
            return
        self._throttles = 1 if now - self.paused_until > ROW else self._throttles + 1
        if retry_after is None and self.last_reading is not None and self.last_reading.remaining == 0:
            retry_after = self.last_reading.resets_in
        if retry_after is None:
            retry_after = backoff(self._throttles, 1.0)
        least = min(MAX_BACKOFF, MIN_RETRY_AFTER * 2.0 ** min(self._throttles - 1, 16))
        self.paused_until = now + max(retry_after, least)
        self._lengthen_interval(now)
        if not self.guided:
            self._ceiling = max(1.0, min(self._ceiling, self.in_flight + 1.0) / 2)
        for limit in (self, *self.further):
            limit.end()
            limit.crowded = True

    def record_failure(self, now: float, permit: Permit, *, broke: bool) -> None:
        """Note a failure of a bulk call. *broke* says that its retries are no longer paid for (the quota is empty)."""
        if permit.failures < self._usual_failures:
            return
        circuit = self.circuit
        if circuit is None:
            if broke or self._failures >= FAILURES_IN_A_ROW:
                self.circuit = CircuitBreaker(now)
                self.circuit.open(now)
        elif permit.circuit is circuit and now >= circuit.paused_until:
            circuit.open(now)

    @property
    def is_shut(self) -> bool:
        """Whether nobody on the key got through for so long that no end is to be expected."""
        return self._throttles > MAX_PAUSES

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that this number of further requests takes by the rate limits alone."""
        wait = max(0.0, self.paused_until - now, Limit.time_for(self, requests, now))
        return max([wait, *(limit.time_for(requests, now) for limit in self.further)])

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the limit as last reported, counted on to *now*; None before it reported any.

        Of several it is the one that binds now: which has the least left, and of these the one that ends last.
        """
        windows = [limit.window for limit in (self, *self.further) if limit.window is not None]
        if windows:
            window = min(windows, key=lambda window: (max(0, window.left()), -window.closes_at))
            return RateLimit(window.limit, max(0, window.left()), max(0.0, window.closes_at - now))
        if (reported := self.last_reading) is None:
            return None
        return RateLimit(reported.limit, reported.remaining, max(0.0, self.paused_until - now))

    # -- bookkeeping ----------------------------------------------------------------------------------------------

    def _leave(self, permit: Permit) -> None:
        self.in_flight -= 1
        if permit.generation == self.generation:
            self._probe_until = -math.inf
        if permit.further:
            for limit, known in zip(self.further, permit.further, strict=False):
                limit.leave(known)
        if permit.circuit is not None:
            permit.circuit.in_flight -= 1

    def _lengthen_interval(self, now: float) -> None:
        """Learn from the time since the last 429: what was granted in it is what the limit grants in such a time.

        Whatever the limit's burst is, it was used up at either end. Not so at the first 429: it shows only that fewer
        at once would have done.
        """
        if self._interval == 0.0:
            self._interval = MIN_RETRY_AFTER / (self.in_flight + 1)
        elif self._granted:
            measured = (now - self._throttled_at) / self._granted
            self._interval = max(self._interval, min(measured, LONGER * self._interval))
        self._granted, self._throttled_at, self._next = 0, now, self.paused_until

    def _grow(self) -> None:
        self._ceiling += 1.0 / self._ceiling
        if self._ceiling > 4.0 * self.in_flight + 64.0:  # it no longer holds anybody back
            self._ceiling = NEVER

    def _start_over(self) -> None:
        # A loop with a clock of its own (tests in virtual time): no time noted so far means anything on it.
        self.paused_until = self._next = self._throttled_at = -math.inf
        self.circuit = None
        for limit in (self, *self.further):
            limit.start_over()

    def _hear_of_several(self, permit: Permit, now: float, reading: RateReading | None, health: Health) -> None:
        reported = {} if reading is None else {each.name: each for each in (reading, *reading.further)}
        if reported and self.window is None and self.last_reading is None:  # the first that is heard of any limit
            self.name: str = next(iter(reported))
        for limit, known in zip((self, *self.further), (permit, *permit.further), strict=False):
            limit.hear(known, now, reported.get(limit.name), self.in_flight, health)
        known_names = {self.name, *(limit.name for limit in self.further)}
        for name in reported.keys() - known_names:
            if len(self.further) < MAX_LIMITS:
                limit = Limit(name)
                limit.hear(Permit(permit.at, limit.generation, 0), now, reported[name], self.in_flight, health)
                self.further += (limit,)
        if reported:
            self.last_reading = min(reported.values(), key=lambda each: (each.remaining, -each.resets_in))
