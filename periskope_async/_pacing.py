"""When the next request may go out: the rate limit used in full and never tripped. Knows time, not the network.

Three parts, from the pure inside out:

`Ledger`  what is known of one key's rate limit and health, as plain arithmetic over times that are passed in;
`Gate`    a ledger with its lock and retry quota: one per (base URL, key) in the process, whatever clients share it;
`Lane`    one client in one event loop: its concurrency and its first-in-first-out queue before the gate.

The ledger's method, and what it was measured against, is told in `Ledger`. Times are seconds on the loop's clock.
"""

import asyncio
import math
import os
import threading
import weakref
from collections import deque
from typing import Final

from attrs import define, evolve, frozen

from periskope_async._protocol import MAX_LIMITS, RateReading
from periskope_async._retry import MAX_BACKOFF, MIN_RETRY_AFTER, Quota, backoff
from periskope_async.errors import ClientClosedError
from periskope_async.settings import Secret

__all__ = ["Gate", "Lane", "Ledger", "Pass", "RateLimit", "gate_for"]

#: A window is taken to have closed this much after its computed end: timers and servers round to milliseconds.
MARGIN: Final = 0.01
#: While one request probes, the others wait for its answer no longer than this.
PATIENCE: Final = 0.5
#: A clock that runs back by more than this is another loop's clock.
CLOCK_SLACK: Final = 60.0
#: So many of a window's last requests go out as scouts where a round trip is longer than a tenth of the window. Half
#: of them come too late for their window on the average, so a shorter round trip is not worth them.
SCOUTS: Final = 8
#: So many failures without one success between them are an outage.
FAILURES_IN_A_ROW: Final = 20
OUTAGE_BACKOFF: Final = 0.2
#: A window whose end nobody can tell is asked after this many seconds: the shortest that people set.
GUESS: Final = 1.0
#: Without headers the interval between requests is learned: a 429 makes it at most so many times as long (what was
#: measured over a short time errs), and every success takes a thousandth off, until the next 429 corrects it.
LONGER: Final = 3.0
SHORTER: Final = 0.999
#: Who asked for nothing for so long has the limit's burst back, and what was measured before is forgotten, seconds.
IDLE: Final = 1.0
#: After so many pauses in a row without a success of anybody on the key, who has no deadline of his own gives up.
#: They double from 0.05 s to 20 s, so that is after four minutes or more.
MAX_PAUSES: Final = 20
#: Pauses further apart than this are not in a row, seconds.
ROW: Final = 60.0
NEVER: Final = math.inf


@frozen
class RateLimit:
    """The rate limit as the service last told it.

    Attributes:
        limit: requests allowed in one window.
        remaining: requests left in the current window, with ours in flight counted as used.
        resets_in: seconds until the window ends, at most.
    """

    limit: int
    remaining: int
    resets_in: float


@define
class Outage:
    """The service is out of order, for bulk runs: they wait behind one probe, then come back by slow start."""

    #: Nothing that was sent later than this was answered well.
    since: float
    paused_until: float = -math.inf
    #: How many may be in flight; every success allows one more, which doubles it each round.
    allowed: float = 1.0
    flying: int = 0
    probe_until: float = -math.inf

    def worsen(self, now: float) -> None:
        """Begin again with one probe, after a pause that grows with the outage."""
        self.allowed = 1.0
        self.paused_until = now + backoff(1, max(OUTAGE_BACKOFF, (now - self.since) / 2.0))

    def wait(self, now: float) -> float:
        """Return the seconds before a bulk call may be admitted."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.flying < self.allowed:
            return 0.0
        return max(0.0, self.probe_until - now) if self.allowed <= 1 else NEVER


@define
class Pass:
    """The right to send one request: when it was given, and what the ledger knew then."""

    at: float
    era: int
    answered: int
    outage: Outage | None = None
    #: What the ledger's further limits knew, in their order.
    further: "tuple[Pass, ...]" = ()


@define
class Window:
    """One window of the service's limit, counted from our side."""

    limit: int
    #: Ours in this window; what is in flight when it opens counts here too, as it may.
    sent: int
    closes_at: float
    #: It cannot end earlier than this.
    open_until: float
    #: Its name, where the service gives its end as an absolute time.
    reset: float | None
    #: What other clients on this key have used, as far as Remaining shows.
    others: int = 0
    answered: int = 1
    #: When the request that opened it was sent, if it was ours.
    since: float | None = None

    def left(self) -> int:
        """Return how many requests may still be sent in it."""
        return self.limit - self.sent - self.others


@define
class Limit:
    """One of the service's limits: its window, and what was learned of its windows.

    Windows end when the service says: at Reset by *its* Date, on our clock. Headers in whole seconds overstate that
    by up to two seconds, so the length of a window is learned from the answer that opened it; a window cannot last
    longer than that from its first answer. Waiting for Reset alone took 1.46 x the ideal at 100 requests per 2 s.

    Where an absolute Reset comes without a Date, nobody knows how far their clock is from ours. A usual length is
    believed. Any other window is asked for its end after `GUESS` seconds, and the refusal that this may cost, one in
    all, tells how long the window lasts and what their clock shows.
    """

    #: As the service calls it; most have one limit without a name.
    name: str = ""
    window: Window | None = None
    #: Counts the times a window was opened or forgotten, so that a late answer is known for what it is.
    era: int = 0
    #: False while no window guides: the service sends no headers, or its counters are not shared.
    guided: bool = True
    shared: bool = True
    #: Length of a window in seconds, once known.
    length: float | None = None
    #: Others used this key in the last window: Remaining shows how much only when nothing of ours is in flight.
    crowded: bool = False
    _probe_until: float = -math.inf
    #: The last window's name, and when the request that opened it was sent.
    _last_reset: float | None = None
    _last_since: float | None = None
    _contradicted: bool = False
    #: The shortest seen, seconds.
    _round_trip: float = math.inf
    #: What an absolute Reset is less our time: no more than it is, so that a window is never taken for over too early.
    _offset: float | None = None

    def wait(self, now: float, in_flight: int, wanted: float) -> float:
        """Return the seconds before this limit lets a request go."""
        window = self.window
        if window is not None:
            if now < window.closes_at:
                left = window.left() - (in_flight if self.crowded else 0)
                if left <= 0:
                    return window.closes_at - now
                return 0.0 if left > SCOUTS or left >= wanted else self._wait_to_scout(window, now)
            self.end()
        return max(0.0, self._probe_until - now) if self.guided else 0.0

    def enter(self, now: float) -> Pass:
        """Count a request that is sent now."""
        window = self.window
        if window is not None:
            window.sent += 1
            return Pass(now, self.era, window.answered)
        if self.guided:
            self._probe_until = now + PATIENCE
        return Pass(now, self.era, 0)

    def withdraw(self, given: Pass) -> None:
        """Take back what was counted of a request that was not sent."""
        if self.window is not None and given.era == self.era:
            self.window.sent -= 1

    def leave(self, given: Pass) -> None:
        """Note that a request is no longer in flight."""
        if given.era == self.era:
            self._probe_until = -math.inf

    def hear(self, given: Pass, now: float, reading: RateReading | None, in_flight: int, *, good: bool | None) -> None:
        """Note what an answer told of this limit."""
        self._round_trip = min(self._round_trip, now - given.at)
        if reading is None:
            if good and self.window is None:
                self.guided = False
        elif self.shared and given.era == self.era:
            self.guided = True
            self._read(given, now, reading, in_flight)

    def end(self) -> None:
        """Forget the window: it is over, or cannot be relied on."""
        if self.window is not None:
            self._last_reset, self._last_since = self.window.reset, self.window.since
            self.crowded = self.window.others > 0
        self.window = None
        self._probe_until = -math.inf
        self.era += 1

    def start_over(self) -> None:
        """Forget all moments: they were of another clock."""
        self._last_reset = self._last_since = self._offset = None
        self.end()
        self._last_reset = self._last_since = None

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that so many further requests take by this limit alone; 0 where nobody knows."""
        window = self.window
        if window is None or self.length is None or requests <= window.left():
            return 0.0
        windows = (requests - max(0, window.left()) - 1) // window.limit
        return window.closes_at - now + windows * self.length

    def _wait_to_scout(self, window: Window, now: float) -> float:
        """Spread the last requests of a window that cannot serve all who wait over the time in which it may be over.

        The first of them to arrive after its end opens the next window, a round trip before we are sure of the end.
        """
        scouts = min(SCOUTS, window.limit // 10)
        if self._round_trip < (self.length or NEVER) / 10 or window.left() > scouts:
            return 0.0
        step = (window.closes_at - window.open_until) / scouts
        return max(0.0, window.open_until + (scouts - window.left()) * step - now)

    def _read(self, given: Pass, now: float, reading: RateReading, in_flight: int) -> None:
        if reading.clock != "theirs":
            reading = self._by_our_clock(now, reading)
        ends_by = now + reading.resets_in
        open_until = given.at + max(0.0, reading.resets_in - reading.slack)
        used = reading.limit - reading.remaining
        window = self.window
        if window is None:
            same = reading.reset is not None and reading.reset == self._last_reset
            if same and self.length is not None and reading.clock != "refusal":  # which tells the length
                self.length += 1.0  # the window that seemed over is not: its length was learned too short
            self._contradicted = False
            self._open(given, now, reading, in_flight)
            return
        rose = used <= given.answered
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
                self.end()
                return
            newer = self._contradicted = True
        if newer:
            self.era += 1
            self._open(given, now, reading, in_flight, overtaken=window.answered - given.answered)
        else:
            window.answered += 1
            window.closes_at = min(window.closes_at, ends_by + MARGIN)
            window.open_until = max(window.open_until, open_until)
            window.others = max(window.others, used - window.sent)

    def _open(self, given: Pass, now: float, reading: RateReading, in_flight: int, overtaken: int = 0) -> None:
        ends_by = now + reading.resets_in
        open_until = given.at + max(0.0, reading.resets_in - reading.slack)
        used = reading.limit - reading.remaining
        self._learn(reading, first=used == 1)
        closes_at = ends_by
        if self.length is not None:
            closes_at = min(ends_by, now + self.length)
            if used == 1 and reading.reset is not None:
                open_until = max(open_until, given.at + self.length)
        since = self._last_since if reading.reset == self._last_reset else None
        if used == 1 and reading.clock != "refusal":
            since = given.at
        # What is in flight may count in this window, and what was sent later than this and answered before.
        sent = in_flight + overtaken + 1
        self.window = Window(
            limit=reading.limit,
            sent=sent,
            closes_at=closes_at + MARGIN,
            open_until=min(open_until, closes_at),
            reset=reading.reset,
            others=max(0, used - sent),
            since=since,
        )

    def _learn(self, reading: RateReading, *, first: bool) -> None:
        longer = reading.length is not None and (first if self.length is None else reading.length > self.length)
        if longer or reading.length_told:
            self.length = reading.length

    def _by_our_clock(self, now: float, reading: RateReading) -> RateReading:
        """Return a reading whose Reset came without a Date with the time of its end on our clock, as far as known."""
        reset, told = reading.reset or 0.0, reading.length if reading.length_told else None
        window = self.window
        was, since = (window.reset, window.since) if window is not None else (self._last_reset, self._last_since)
        if reading.clock == "refusal":
            # Reset may be rounded up; so, the more, is this.
            self._offset = reset - reading.slack - reading.resets_in - now
            if was == reset and since is not None:
                self.length = _whole(now + reading.resets_in - since)
            return evolve(reading, length=told)
        if was is not None and reset > was and since is not None:
            # The window before is over, and was so at the latest now.
            self.length = min(self.length or math.inf, _whole(now - since))
        first = reading.limit - reading.remaining == 1
        if self._offset is None and self.length is None and first and reading.length is not None:
            self._offset = reset - reading.resets_in - now
            return reading
        if self._offset is not None:
            return evolve(reading, resets_in=max(0.0, reset - self._offset - now), slack=2.0, length=told)
        resets_in = self.length or GUESS
        if window is not None and window.reset == reset and self.length is None:
            # While answers show that it is not over, nobody need ask.
            window.closes_at = max(window.closes_at, now + self._round_trip + MARGIN)
        return evolve(reading, resets_in=resets_in, slack=resets_in, length=told)


def _whole(seconds: float) -> float:
    """Return the longest window of whole seconds that lasts no longer than this."""
    return float(max(1, math.floor(seconds)))


@define
class Ledger(Limit):
    """What is known of one key's limits, and so whether a request may go out.

    Most services have one limit: the ledger is that limit. Where a service tells several, by name, the others are
    `further`, and a request goes out only when each of them lets it.

    - Nothing known, or the window is over: one request at a time *probes*; its answer opens the window.
    - Window open: as many requests as its limit, less ours and less those of others.
    - 429: everybody pauses as long as it says; then one probe.
      While 429s go on without a success, the pause doubles, whatever they say.
    - No rate headers, or counters that several servers do not share (Remaining rises inside a window): what was
      granted between two 429s shows how often one may ask, and requests keep that interval. A ceiling on the requests
      in flight, halved by a 429 and regained one by one, keeps what a 429 comes too late for small.
    - An outage holds back bulk runs only (`Outage`); a single call is its own probe.

    In simulation (10,000 tickets, 500 per 60 s): backoff alone meets 13,590 answers of 429, pausing all on a 429 meets
    1,895, this meets none, in the same time.
    """

    in_flight: int = 0
    paused_until: float = -math.inf
    further: tuple[Limit, ...] = ()
    outage: Outage | None = None
    _told: RateReading | None = None
    _ceiling: float = math.inf
    #: Seconds between requests where no window guides; 0 before the first 429.
    _interval: float = 0.0
    _next: float = -math.inf
    _throttled_at: float = -math.inf
    #: Successes since the last 429 that began a pause.
    _granted: int = 0
    _throttles: int = 0
    _failures: int = 0
    _now: float = -math.inf

    # -- asking ---------------------------------------------------------------------------------------------------

    def admit(  # noqa: C901, PLR0912  # every request comes through here: a call more costs more than it makes clear
        self, now: float, *, bulk: bool = False, wanted: float = 0
    ) -> Pass | float:
        """Return a pass to send one request now, or the seconds after which to ask again if no answer comes first.

        *wanted*: how many requests wait to be sent, this one included.
        """
        if now < self._now - CLOCK_SLACK:
            self._start_over()
        self._now = now
        outage = self.outage if bulk else None
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_flight >= self._ceiling:
            return NEVER
        if outage is not None and (wait := outage.wait(now)) > 0:
            return wait
        wait = self.wait(now, self.in_flight, wanted)
        further = self.further
        if further:
            wait = max(wait, *(limit.wait(now, self.in_flight, wanted) for limit in further))
        if not self.guided and self.window is None:
            wait = max(wait, self._next - now)
        if wait > 0:
            return wait
        if outage is not None:
            outage.flying += 1
            outage.probe_until = now + PATIENCE
        self.in_flight += 1
        if now - self._next > IDLE:
            self._interval = 0.0
        self._next = max(self._next, now - MARGIN) + self._interval
        window = self.window
        if window is not None:
            window.sent += 1
            given = Pass(now, self.era, window.answered, outage)
        else:
            if self.guided:
                self._probe_until = now + PATIENCE
            given = Pass(now, self.era, 0, outage)
        if further:
            given.further = tuple(limit.enter(now) for limit in further)
        return given

    def earliest(self, now: float) -> float:
        """Return when a request can go out at the earliest, whoever waits before it."""
        windows = [limit.window for limit in (self, *self.further) if limit.window is not None]
        used_up = [window.closes_at for window in windows if window.left() <= 0]
        return max(self.paused_until, *used_up) if used_up else max(self.paused_until, now)

    # -- hearing --------------------------------------------------------------------------------------------------

    def withdraw(self, given: Pass) -> None:
        """Take back a pass that was not used."""
        if self.window is not None and given.era == self.era:
            self.window.sent -= 1
        for limit, known in zip(self.further, given.further, strict=False):  # some may be known since
            limit.withdraw(known)
        self._leave(given)

    def lose(self, given: Pass, *, unsent: bool = False, failed: bool = True) -> None:
        """Note that a request got no answer. The service may have counted it, unless nothing of it was sent.

        *failed*: whether the service is to blame, and not a caller who left.
        """
        if failed:
            self._failures += 1
        if unsent:
            self.withdraw(given)
        else:
            self._leave(given)

    def answer(self, given: Pass, now: float, reading: RateReading | None, *, good: bool | None) -> None:
        """Note an answer and what its headers told.

        *good*: whether the service is in order, whatever it said; None for a 429, which tells neither.
        """
        self._leave(given)
        self._round_trip = min(self._round_trip, now - given.at)
        if good is None and reading is not None and reading.clock == "ours":
            self._told = reading = None  # our clock cannot tell how long to pause
        if good:
            self._throttles = self._failures = 0
            if self._ceiling < NEVER:
                self._grow()
            self._granted += 1
            self._interval *= SHORTER
            if self.outage is not None:
                self._recover(given)
        elif good is False:
            self._failures += 1
        if self.further or (reading is not None and (reading.further or reading.name != self.name)):
            self._hear_of_several(given, now, reading, good=good)
        elif reading is not None:
            self._told = reading
            if self.shared and given.era == self.era:
                self.guided = True
                self._read(given, now, reading, self.in_flight)
        elif good and self.window is None:
            self.guided = False

    def throttle(self, now: float, retry_after: float | None, sent_at: float = math.inf) -> None:
        """Note a 429: everybody pauses for *retry_after* seconds, or else as long as the headers or experience say.

        *sent_at*: when the request was sent. Those in flight together meet one limit, and so are one reason to pause.
        """
        if now < self.paused_until or sent_at < self._throttled_at:
            self.paused_until = max(self.paused_until, now + (retry_after or 0.0))
            return
        self._throttles = 1 if now - self.paused_until > ROW else self._throttles + 1
        if retry_after is None and self._told is not None and self._told.remaining == 0:
            retry_after = self._told.resets_in
        if retry_after is None:
            retry_after = backoff(self._throttles, 1.0)
        least = min(MAX_BACKOFF, MIN_RETRY_AFTER * 2.0 ** min(self._throttles - 1, 16))
        self.paused_until = now + max(retry_after, least)
        self._lengthen_interval(now)
        if not self.guided:
            self._ceiling = max(1.0, min(self._ceiling, self.in_flight + 1.0) / 2)
        self._forget()
        for limit in (self, *self.further):
            limit.crowded = True

    def suffer(self, now: float, given: Pass, *, broke: bool) -> None:
        """Note a failure of a bulk call. *broke* says that its retries are no longer paid for (the quota is empty)."""
        outage = self.outage
        if outage is None:
            if broke or self._failures >= FAILURES_IN_A_ROW:
                self.outage = Outage(now)
                self.outage.worsen(now)
        elif given.outage is outage and now >= outage.paused_until:
            outage.worsen(now)

    @property
    def is_shut(self) -> bool:
        """Whether nobody on the key got through for so many pauses that there is no end to be expected."""
        return self._throttles > MAX_PAUSES

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that so many further requests take by the rate limits alone."""
        wait = max(0.0, self.paused_until - now, Limit.time_for(self, requests, now))
        return max([wait, *(limit.time_for(requests, now) for limit in self.further)])

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the limit as last told, counted on to *now*; None before the service told any.

        Of several it is the one that binds now: which has the least left, and of these the one that ends last.
        """
        windows = [limit.window for limit in (self, *self.further) if limit.window is not None]
        if windows:
            window = min(windows, key=lambda window: (max(0, window.left()), -window.closes_at))
            return RateLimit(window.limit, max(0, window.left()), max(0.0, window.closes_at - now))
        told = self._told
        return None if told is None else RateLimit(told.limit, told.remaining, 0.0)

    # -- bookkeeping ----------------------------------------------------------------------------------------------

    def _leave(self, given: Pass) -> None:
        self.in_flight -= 1
        if given.era == self.era:
            self._probe_until = -math.inf
        if given.further:
            for limit, known in zip(self.further, given.further, strict=False):
                limit.leave(known)
        if given.outage is not None:
            given.outage.flying -= 1

    def _lengthen_interval(self, now: float) -> None:
        """Learn from the time since the last 429: what was granted in it is what the limit grants in such a time.

        Whatever the limit's burst is, it was used up at either end. Not so at the first 429, which tells only that so
        many at once are too many.
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

    def _recover(self, given: Pass) -> None:
        outage = self.outage
        if outage is not None and (given.outage is outage or given.at > outage.since):
            outage.since = max(outage.since, given.at)
            outage.allowed += 1.0
            outage.paused_until = -math.inf
            if outage.allowed > 2.0 * outage.flying + 64.0:
                self.outage = None

    def _forget(self) -> None:
        for limit in (self, *self.further):
            limit.end()

    def _start_over(self) -> None:
        # A loop with a clock of its own (tests in virtual time): no time noted so far means anything on it.
        self.paused_until = self._next = self._throttled_at = -math.inf
        self.outage = None
        for limit in (self, *self.further):
            limit.start_over()

    def _hear_of_several(self, given: Pass, now: float, reading: RateReading | None, *, good: bool | None) -> None:
        told = {} if reading is None else {each.name: each for each in (reading, *reading.further)}
        if told and self.window is None and self.era == 0:  # the first that is heard of any limit
            self.name = next(iter(told))
        for limit, known in zip((self, *self.further), (given, *given.further), strict=False):
            limit.hear(known, now, told.get(limit.name), self.in_flight, good=good)
        known_names = {self.name, *(limit.name for limit in self.further)}
        for name in told.keys() - known_names:
            if len(self.further) < MAX_LIMITS:
                limit = Limit(name)
                limit.hear(Pass(given.at, limit.era, 0), now, told[name], self.in_flight, good=good)
                self.further += (limit,)
        if told:
            self._told = min(told.values(), key=lambda each: (each.remaining, -each.resets_in))


class Gate:
    """One key's ledger and retry quota, with the lock that lets clients in several threads share them."""

    def __init__(self) -> None:
        self.ledger: Ledger = Ledger()
        self.quota: Quota = Quota()
        self.lock: threading.Lock = threading.Lock()
        #: Lanes in whatever thread that an answer may let in. Whether it is empty may be asked without the lock: who
        #: was refused is in it since before the answer that might let it in.
        self.waiting: set[Lane] = set()

    def succeed(self, paid: int) -> None:
        """Note that a call succeeded whose last retry cost so much of the quota."""
        with self.lock:
            self.quota.succeed(paid)

    def fail(self, now: float, given: Pass, cost: int | None, *, bulk: bool) -> bool:
        """Note a failure that is no 429; return whether the quota paid for its retry, None being the cost of none."""
        with self.lock:
            paid = cost is not None and self.quota.take(cost)
            if bulk:
                self.ledger.suffer(now, given, broke=cost is not None and not paid)
            return paid

    def earliest(self, now: float) -> float:
        """Return when a request can go out at the earliest, whoever waits before it."""
        with self.lock:
            return self.ledger.earliest(now)

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that so many further requests take by the rate limit alone."""
        with self.lock:
            return self.ledger.time_for(requests, now)

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the limit as last told, counted on to *now*; None before the service told any."""
        with self.lock:
            return self.ledger.rate_limit(now)

    def is_hopeless(self, now: float, patience: float | None) -> bool:
        """Whether a bulk run should end: the key is shut, or the service out of order for *patience* seconds."""
        with self.lock:
            outage = self.ledger.outage
            out_of_order = outage is not None and patience is not None and now - outage.since >= patience
            return out_of_order or self.ledger.is_shut

    def since(self, outage: Outage) -> float:
        """Return since when *outage* lasts."""
        with self.lock:
            return outage.since

    def join(self, lane: "Lane") -> None:
        """Have *lane* woken by answers in other lanes."""
        with self.lock:
            self.waiting.add(lane)

    def leave(self, lane: "Lane") -> None:
        """Have *lane* woken no more."""
        with self.lock:
            self.waiting.discard(lane)

    def wake(self, but: "Lane") -> None:
        """Let every other lane that waits ask again: an answer came."""
        with self.lock:
            lanes = tuple(self.waiting)
        for lane in lanes:
            if lane is not but:
                lane.wake()


# By process too: what a parent has in flight is no business of its forked child.
_gates: weakref.WeakValueDictionary[tuple[int, str, Secret], Gate] = weakref.WeakValueDictionary()
_gates_lock = threading.Lock()


def gate_for(base_url: str, key: Secret) -> Gate:
    """Return the gate that all clients of this process with this key share."""
    name = os.getpid(), base_url, key
    with _gates_lock:
        gate = _gates.get(name)
        if gate is None:
            gate = _gates[name] = Gate()
        return gate


class Lane:
    """One client's way through the gate in one event loop: its concurrency, and who waits for it.

    First in, first out; but a single call goes before the calls of a bulk run, which has more of them waiting.
    """

    def __init__(self, gate: Gate, concurrency: int, loop: asyncio.AbstractEventLoop) -> None:
        self.gate = gate
        self._concurrency = concurrency
        self._loop = loop
        self._in_flight = 0
        self._single: deque[asyncio.Future[Pass]] = deque()
        self._bulk: deque[asyncio.Future[Pass]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        #: What this service's rate headers end in, where several limits are told; None while nobody knows.
        self.suffixes: tuple[str, ...] | None = None
        #: How many requests a bulk run still has to send, as far as it knows.
        self.wanted: float = 0

    def try_enter(self, *, bulk: bool) -> Pass | None:
        """Return a pass if one is to be had this moment and nobody waits before us."""
        if self._closed or self._in_flight >= self._concurrency or self._single or (bulk and self._bulk):
            return None
        with self.gate.lock:
            given = self.gate.ledger.admit(self._loop.time(), bulk=bulk, wanted=self.wanted if bulk else 0)
        if isinstance(given, Pass):
            self._in_flight += 1
            return given
        return None

    def queue(self, *, bulk: bool) -> asyncio.Future[Pass]:
        """Take a place in the queue. It must be waited for with `wait`; cancelling it gives the place up."""
        turn: asyncio.Future[Pass] = self._loop.create_future()
        if self._closed:
            turn.set_exception(_sent_away())
            return turn
        (self._bulk if bulk else self._single).append(turn)
        self._pump()
        return turn

    async def wait(self, turn: asyncio.Future[Pass]) -> Pass:
        """Wait for a pass. It must be handed back by `answer`, `lose` or `withdraw`."""
        try:
            given = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.withdraw(turn.result())
            else:
                self._pump()  # the next in the queue may go where this one waited
            raise
        if self._closed:
            self.withdraw(given)
            raise _sent_away()
        return given

    def withdraw(self, given: Pass) -> None:
        """Hand back a pass that was not used."""
        with self.gate.lock:
            self.gate.ledger.withdraw(given)
        self._left()

    def lose(self, given: Pass, *, unsent: bool = False, failed: bool = True) -> None:
        """Hand back the pass of a request that got no answer."""
        with self.gate.lock:
            self.gate.ledger.lose(given, unsent=unsent, failed=failed)
        self._left()

    def answer(self, given: Pass, reading: RateReading | None, *, good: bool | None) -> None:
        """Hand back the pass of a request that was answered."""
        gate = self.gate
        with gate.lock:
            gate.ledger.answer(given, self._loop.time(), reading, good=good)
        self._left()

    def refuse(self, given: Pass, reading: RateReading | None, retry_after: float | None) -> tuple[float, bool]:
        """Hand back the pass of a request that met a 429.

        Return for how many seconds everybody pauses, and whether the key is shut. The pause is noted in one step with
        the answer: nobody is let in between.
        """
        now = self._loop.time()
        with self.gate.lock:
            ledger = self.gate.ledger
            ledger.answer(given, now, reading, good=None)
            ledger.throttle(now, retry_after, given.at)
            pause, shut = ledger.paused_until - now, ledger.is_shut
        self._left()
        return pause, shut

    def wake(self) -> None:
        """Ask again for those who wait; callable from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._pump)
        except RuntimeError:  # that loop is closed, and nobody waits in it any more
            self.gate.leave(self)

    def close(self) -> None:
        """Send everybody away who waits, or would."""
        self._closed = True
        for queue in (self._single, self._bulk):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_exception(_sent_away())
        self._pump()

    def _left(self) -> None:
        self._in_flight -= 1
        if self._single or self._bulk:
            self._pump()
        if self.gate.waiting:
            self.gate.wake(self)

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Before asking: an answer in another thread, right after we were refused, must find us here.
        self.gate.join(self)
        # Single calls blocked by the rate limit block bulk calls too; bulk calls blocked by an outage block nobody.
        wait = self._admit(self._single, bulk=False)
        if wait == 0.0:
            wait = self._admit(self._bulk, bulk=True)
        if wait == 0.0 or self._in_flight >= self._concurrency:
            self.gate.leave(self)
        elif wait < NEVER:
            self._timer = self._loop.call_later(wait, self._pump)

    def _admit(self, queue: deque[asyncio.Future[Pass]], *, bulk: bool) -> float:
        """Admit from *queue* whom the ledger lets in; return the wait of the first whom it does not, or 0."""
        while queue:
            if queue[0].done():  # cancelled while it waited
                del queue[0]
                continue
            if self._in_flight >= self._concurrency:
                return NEVER
            with self.gate.lock:
                given = self.gate.ledger.admit(self._loop.time(), bulk=bulk, wanted=self.wanted if bulk else 0)
            if not isinstance(given, Pass):
                return given
            self._in_flight += 1
            queue.popleft().set_result(given)
        return 0.0


def _sent_away() -> ClientClosedError:
    return ClientClosedError("the client was closed while this call waited")
