"""When the next request may go out: the rate limit used in full and never tripped. Times are passed in, in seconds."""

import math
from typing import Final

from attrs import define

from periskope_async._sansio.circuit import NEVER, CircuitBreaker
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.retry import MIN_RETRY_AFTER, backoff
from periskope_async._sansio.window import Window

__all__ = ["BOUNDARY_PROBES", "CLOCK_SLACK", "FAILURES_IN_A_ROW", "MARGIN", "PATIENCE", "Ledger"]

#: A window is taken to have closed this much after its computed end: timers and servers round to milliseconds.
MARGIN: Final = 0.01


#: While one request probes, the others wait for its answer no longer than this.
PATIENCE: Final = 0.5


#: A clock that runs back by more than this is another loop's clock.
CLOCK_SLACK: Final = 60.0


#: So many of a window's last requests go out as scouts where a round trip is longer than a tenth of the window. Half
#: of them come too late for their window on the average, so a shorter round trip is not worth them.
BOUNDARY_PROBES: Final = 8


#: So many failures without one success between them are an outage.
FAILURES_IN_A_ROW: Final = 20


@define
class Ledger:
    """What is known of one key's limit, and so whether a request may go out.

    - Nothing known, or the window is over: one request at a time *probes*; its answer opens the window.
    - Window open: as many requests as its limit, less ours and less those of others.
    - 429: everybody pauses as long as it says; then one probe.
    - No rate headers, or counters that several servers do not share (Remaining rises inside a window): only a
      ceiling on the requests in flight guides, halved by a 429 and regained one by one.
    - An outage holds back bulk runs only (`CircuitBreaker`); a single call is its own probe.

    Windows end when the service says: at Reset by *its* Date, on our clock. Headers in whole seconds overstate that
    by up to two seconds, so the length of a window is learned from the answer that opened it; a window cannot last
    longer than that from its first answer. Waiting for Reset alone took 1.46 x the ideal at 100 requests per 2 s.

    In simulation (10,000 tickets, 500 per 60 s): backoff alone meets 13,590 answers of 429, pausing all on a 429 meets
    1,895, this meets none, in the same time.
    """

    in_flight: int = 0
    paused_until: float = -math.inf
    window: Window | None = None
    #: Counts the times a window was opened or forgotten, so that a late answer is known for what it is.
    generation: int = 0
    #: False while no window guides: the service sends no headers, or its counters are not shared.
    guided: bool = True
    shared: bool = True
    #: Length of a window in seconds, once known.
    length: float | None = None
    #: Others used this key in the last window: Remaining shows how much only when nothing of ours is in flight.
    crowded: bool = False
    circuit: CircuitBreaker | None = None
    _told: RateReading | None = None
    _ceiling: float = math.inf
    _probe_until: float = -math.inf
    _last_reset: float | None = None
    _contradicted: bool = False
    _throttles: int = 0
    _failures: int = 0
    _now: float = -math.inf
    #: The shortest seen, seconds.
    _round_trip: float = math.inf

    # -- asking ---------------------------------------------------------------------------------------------------

    def admit(self, now: float, *, bulk: bool = False, wanted: float = 0) -> Permit | float:
        """Return a pass to send one request now, or the seconds after which to ask again if no answer comes first.

        *wanted*: how many requests wait to be sent, this one included.
        """
        if now < self._now - CLOCK_SLACK:
            self._start_over()
        self._now = now
        circuit = self.circuit if bulk else None
        wait = self._wait(now, circuit, wanted)
        if wait > 0:
            return wait
        if circuit is not None:
            circuit.in_flight += 1
            circuit.probe_until = now + PATIENCE
        self.in_flight += 1
        window = self.window
        if window is not None:
            window.sent += 1
            return Permit(now, self.generation, window.answered, circuit)
        if self.guided:
            self._probe_until = now + PATIENCE
        return Permit(now, self.generation, 0, circuit)

    def earliest(self, now: float) -> float:
        """Return when a request can go out at the earliest, whoever waits before it."""
        window = self.window
        if window is not None and window.left() <= 0:
            return max(self.paused_until, window.closes_at)
        return max(self.paused_until, now)

    # -- hearing --------------------------------------------------------------------------------------------------

    def withdraw(self, permit: Permit) -> None:
        """Take back a pass that was not used."""
        if self.window is not None and permit.generation == self.generation:
            self.window.sent -= 1
        self._leave(permit)

    def lose(self, permit: Permit, *, unsent: bool = False, failed: bool = True) -> None:
        """Note that a request got no answer. The service may have counted it, unless nothing of it was sent.

        *failed*: whether the service is to blame, and not a caller who left.
        """
        if failed:
            self._failures += 1
        if unsent:
            self.withdraw(permit)
        else:
            self._leave(permit)

    def answer(self, permit: Permit, now: float, reading: RateReading | None, *, good: bool | None) -> None:
        """Note an answer and what its headers told.

        *good*: whether the service is in order, whatever it said; None for a 429, which tells neither.
        """
        self._leave(permit)
        self._round_trip = min(self._round_trip, now - permit.at)
        if good:
            self._throttles = self._failures = 0
            if self._ceiling < NEVER:
                self._grow()
            if self.circuit is not None:
                self._recover(permit)
        elif good is False:
            self._failures += 1
        if reading is not None:
            self._told = reading
            if self.shared and permit.generation == self.generation:
                self.guided = True
                self._read(permit, now, reading)
        elif good and self.window is None:
            self.guided = False

    def throttle(self, now: float, retry_after: float | None) -> None:
        """Note a 429: everybody pauses for *retry_after* seconds, or else as long as the headers or experience say."""
        if now < self.paused_until:  # of the same moment as the 429 that paused us
            self.paused_until = max(self.paused_until, now + (retry_after or 0.0))
            return
        self._throttles += 1
        if retry_after is None and self._told is not None and self._told.remaining == 0:
            retry_after = self._told.resets_in
        if retry_after is None:
            retry_after = backoff(self._throttles, 1.0)
        self.paused_until = now + max(retry_after, MIN_RETRY_AFTER)
        if not self.guided:
            self._ceiling = max(1.0, min(self._ceiling, self.in_flight + 1.0) / 2)
        self._forget()
        self.crowded = True

    def record_failure(self, now: float, permit: Permit, *, broke: bool) -> None:
        """Note a failure of a bulk call. *broke* says that its retries are no longer paid for (the quota is empty)."""
        circuit = self.circuit
        if circuit is None:
            if broke or self._failures >= FAILURES_IN_A_ROW:
                self.circuit = CircuitBreaker(now)
                self.circuit.open(now)
        elif permit.circuit is circuit and now >= circuit.paused_until:
            circuit.open(now)

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that so many further requests take by the rate limit alone."""
        window = self.window
        wait = max(0.0, self.paused_until - now)
        if window is None or self.length is None or requests <= window.left():
            return wait
        windows = (requests - max(0, window.left()) - 1) // window.limit
        return max(wait, window.closes_at - now) + windows * self.length

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the limit as last told, counted on to *now*; None before the service told any."""
        window, told = self.window, self._told
        if window is not None:
            return RateLimit(window.limit, max(0, window.left()), max(0.0, window.closes_at - now))
        return None if told is None else RateLimit(told.limit, told.remaining, 0.0)

    # -- bookkeeping ----------------------------------------------------------------------------------------------

    def _wait(self, now: float, circuit: CircuitBreaker | None, wanted: float) -> float:
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_flight >= self._ceiling:
            return NEVER
        if circuit is not None and (wait := circuit.wait(now)) > 0:
            return wait
        window = self.window
        if window is not None:
            if now < window.closes_at:
                left = window.left() - (self.in_flight if self.crowded else 0)
                if left <= 0:
                    return window.closes_at - now
                return 0.0 if left > BOUNDARY_PROBES or left >= wanted else self._wait_at_boundary(window, now)
            self._forget()
        return max(0.0, self._probe_until - now) if self.guided else 0.0

    def _wait_at_boundary(self, window: Window, now: float) -> float:
        """Spread the last requests of a window that cannot serve all who wait over the time in which it may be over.

        The first of them to arrive after its end opens the next window, a round trip before we are sure of the end.
        """
        probes = min(BOUNDARY_PROBES, window.limit // 10)
        if self._round_trip < (self.length or NEVER) / 10 or window.left() > probes:
            return 0.0
        step = (window.closes_at - window.open_until) / probes
        return max(0.0, window.open_until + (probes - window.left()) * step - now)

    def _leave(self, permit: Permit) -> None:
        self.in_flight -= 1
        if permit.generation == self.generation:
            self._probe_until = -math.inf
        if permit.circuit is not None:
            permit.circuit.in_flight -= 1

    def _grow(self) -> None:
        self._ceiling += 1.0 / self._ceiling
        if self._ceiling > 4.0 * self.in_flight + 64.0:  # it no longer holds anybody back
            self._ceiling = NEVER

    def _recover(self, permit: Permit) -> None:
        circuit = self.circuit
        if circuit is not None and (permit.circuit is circuit or permit.at > circuit.since):
            circuit.since = max(circuit.since, permit.at)
            circuit.allowed += 1.0
            circuit.paused_until = -math.inf
            if circuit.allowed > 2.0 * circuit.in_flight + 64.0:
                self.circuit = None

    def _forget(self) -> None:
        if self.window is not None:
            self._last_reset = self.window.reset
            self.crowded = self.window.others > 0
        self.window = None
        self._probe_until = -math.inf
        self.generation += 1

    def _start_over(self) -> None:
        # A loop with a clock of its own (tests in virtual time): no time noted so far means anything on it.
        self.paused_until = -math.inf
        self.circuit = self._last_reset = None
        self._forget()

    def _read(self, permit: Permit, now: float, reading: RateReading) -> None:
        ends_by = now + reading.resets_in
        open_until = permit.at + max(0.0, reading.resets_in - reading.slack)
        used = reading.limit - reading.remaining
        window = self.window
        if window is None:
            if reading.reset is not None and reading.reset == self._last_reset and self.length is not None:
                self.length += 1.0  # the window that seemed over is not: its length was learned too short
            self._contradicted = False
            self._open(permit, now, reading)
            return
        rose = used <= permit.answered
        if reading.reset is not None and window.reset is not None:
            newer, older = reading.reset > window.reset + 0.5, reading.reset < window.reset - 0.5
        else:
            newer = open_until > window.closes_at or (rose and now >= window.open_until)
            older = ends_by < window.open_until
        if not newer and (older or rose):
            # Once, it is answers that overtook each other at the end of a window. Twice, it is several servers, each
            # with a count of its own: none of them tells what is left.
            if self._contradicted:
                self.shared = self.guided = False
                self._forget()
                return
            newer = self._contradicted = True
        if newer:
            self.generation += 1
            self._open(permit, now, reading, overtaken=window.answered - permit.answered)
        else:
            window.answered += 1
            window.closes_at = min(window.closes_at, ends_by + MARGIN)
            window.open_until = max(window.open_until, open_until)
            window.others = max(window.others, used - window.sent)

    def _open(self, permit: Permit, now: float, reading: RateReading, overtaken: int = 0) -> None:
        ends_by = now + reading.resets_in
        open_until = permit.at + max(0.0, reading.resets_in - reading.slack)
        used = reading.limit - reading.remaining
        self._learn(reading, first=used == 1)
        closes_at = ends_by
        if self.length is not None:
            closes_at = min(ends_by, now + self.length)
            if used == 1 and reading.reset is not None:
                open_until = max(open_until, permit.at + self.length)
        # What is in flight may count in this window, and what was sent later than this and answered before.
        sent = self.in_flight + overtaken + 1
        self.window = Window(
            limit=reading.limit,
            sent=sent,
            closes_at=closes_at + MARGIN,
            open_until=min(open_until, closes_at),
            reset=reading.reset,
            others=max(0, used - sent),
        )

    def _learn(self, reading: RateReading, *, first: bool) -> None:
        longer = reading.length is not None and (first if self.length is None else reading.length > self.length)
        if longer or reading.length_told:
            self.length = reading.length
