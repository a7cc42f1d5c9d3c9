"""One of the service's limits: its window, and what was learned of its windows."""

import math
from typing import Final

from attrs import define, evolve

from periskope_async._sansio.circuit import NEVER, Health
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.window import Window

__all__ = ["BOUNDARY_PROBES", "GUESS", "MARGIN", "PATIENCE", "Limit"]

#: A window is taken to have closed this much after its computed end: timers and servers round to milliseconds.
MARGIN: Final = 0.01
#: While one request probes, the others wait for its answer no longer than this, seconds.
PATIENCE: Final = 0.5
#: This number of a window's last requests is spread over its uncertain end if a round trip is longer than a tenth of
#: the window. Half of them come too late for their window on the average: a shorter round trip is not worth them.
BOUNDARY_PROBES: Final = 8
#: A window whose end nobody knows is asked after this many seconds: the shortest that people set.
GUESS: Final = 1.0


@define
class Limit:
    """One of the service's limits: its window, and what was learned of its windows.

    Windows end when the service says: at Reset by *its* Date, on our clock. Headers in whole seconds overstate that
    by up to two seconds, so the length of a window is learned from the answer that opened it; a window cannot last
    longer than that from its first answer. Waiting for Reset alone took 1.46 x the ideal at 100 requests per 2 s.

    A Reset in milliseconds proves more. Two of them are at least a window apart, so a length that is longer was learned
    too long. From Date, which is in whole seconds, to Reset it may be up to a second more than a window, so a length
    grows only where that does not explain it.

    Where an absolute Reset comes without a Date, nobody knows how far their clock is from ours. A usual length is
    believed. Any other window is asked for its end after `GUESS` seconds, and the refusal that this may cost, one in
    all, says how long the window lasts and what their clock shows.
    """

    #: As the service calls it; most have one limit without a name.
    name: str = ""
    window: Window | None = None
    #: Counts the times a window was opened or forgotten, so that a late answer is known for what it is.
    generation: int = 0
    #: False while no window guides: the service sends no headers, or its counters are not shared.
    guided: bool = True
    shared: bool = True
    #: Length of a window in seconds, once known.
    length: float | None = None
    #: The longest length that a window was found to outlast, seconds.
    _too_short: float = 0.0
    #: Others used this key in the last window: Remaining shows how much only when nothing of ours is in flight.
    crowded: bool = False
    _probe_until: float = -math.inf
    #: When the first of the probes in flight went out, and how many requests of windows before were answered since, or
    #: lost: they may count in its window.
    _probed_at: float = -math.inf
    _late: int = 0
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
                left = window.limit - window.sent - window.others - (in_flight if self.crowded else 0)
                if left <= 0:
                    return window.closes_at - now
                return 0.0 if left > BOUNDARY_PROBES or left >= wanted else self._wait_at_boundary(window, now)
            self.end()
        return max(0.0, self._probe_until - now) if self.guided else 0.0

    def enter(self, now: float) -> Permit:
        """Count a request that is sent now."""
        window = self.window
        if window is not None:
            window.sent += 1
            return Permit(now, self.generation, window.answered)
        if self.guided:
            self.probe(now)
        return Permit(now, self.generation, 0)

    def probe(self, now: float) -> None:
        """Note that a probe goes out."""
        if self._probe_until == -math.inf:  # else another one is in flight
            self._probed_at, self._late = now, 0
        self._probe_until = now + PATIENCE

    def withdraw(self, permit: Permit) -> None:
        """Take back what was counted of a request that was not sent."""
        if self.window is not None and permit.generation == self.generation:
            self.window.sent -= 1

    def leave(self, permit: Permit) -> None:
        """Note that a request is no longer in flight."""
        if permit.generation == self.generation:
            self._probe_until = -math.inf

    def miss(self, permit: Permit, now: float = math.inf, reading: RateReading | None = None) -> None:
        """Note that a request is over, of which the window that opens next may not know.

        It was let go in the last window, and may have come to the service after the probe that opens this one; the
        answer of the probe does not count it, nor is it in flight when that comes. Whose process was held up for a
        while is such a one, and where a probe's was, its answer comes after many of them.
        """
        if self.window is not None or permit.generation == self.generation or now < self._probed_at - MARGIN:
            return
        reset = None if reading is None else reading.reset
        if reset is None or self._last_reset is None or reset > self._last_reset + 0.5:
            self._late += 1

    def hear(self, permit: Permit, now: float, reading: RateReading | None, in_flight: int, health: Health) -> None:
        """Note what an answer says of this limit."""
        self._round_trip = min(self._round_trip, now - permit.at)
        if reading is None:
            if health is Health.GOOD and self.window is None:
                self.guided = False
        elif self.shared and permit.generation == self.generation:
            self.guided = True
            self._read(permit, now, reading, in_flight)
        else:
            self.miss(permit, now, reading)

    def end(self) -> None:
        """Forget the window: it is over, or cannot be relied on."""
        if self.window is not None:
            self._last_reset, self._last_since = self.window.reset, self.window.since
            self.crowded = self.window.others > 0
        self.window = None
        self._probe_until = -math.inf
        self.generation += 1

    def forget(self) -> None:
        """Forget the window, which may not be over: an answer of it, later, does not show how long it lasts."""
        self.end()
        self._last_reset = self._last_since = None

    def start_over(self) -> None:
        """Forget all moments: they were of another clock."""
        self._offset = None
        self.forget()

    def time_for(self, requests: int, now: float) -> float:
        """Return the seconds that this number of further requests takes by this limit alone; 0 where nobody knows."""
        window = self.window
        if window is None or self.length is None or requests <= window.left():
            return 0.0
        windows = (requests - max(0, window.left()) - 1) // window.limit
        return window.closes_at - now + windows * self.length

    def boundary_probes(self, window: Window) -> int:
        """Return how many of a window's last requests are spread over its uncertain end.

        None by who has had no answer yet, in a window that another process has opened: it would wait with its share.
        """
        is_far = (self.length or NEVER) / 10 <= self._round_trip < math.inf
        return min(BOUNDARY_PROBES, window.limit // 10) if is_far else 0

    def _wait_at_boundary(self, window: Window, now: float) -> float:
        """Spread the last requests of a window that cannot serve all who wait over the time in which it may be over.

        The first of them to arrive after its end opens the next window, a round trip before we are sure of the end.
        """
        probes = self.boundary_probes(window)
        if window.left() > probes:
            return 0.0
        step = (window.closes_at - window.open_until) / probes
        return max(0.0, window.open_until + (probes - window.left()) * step - now)

    def _read(self, permit: Permit, now: float, reading: RateReading, in_flight: int) -> None:
        if reading.clock != "theirs":
            reading = self._by_our_clock(now, reading)
        window = self.window
        if window is None:
            same = reading.reset is not None and reading.reset == self._last_reset
            if same and self.length is not None and reading.clock != "refusal":  # which shows the length
                self._too_short = self.length  # the window that seemed over is not
                self.length += 1.0
            self._contradicted = False
            self._open(permit, now, reading, in_flight, overtaken=self._late)
            return
        ends_by, open_until = now + reading.resets_in, _not_before(permit, reading)
        used = reading.limit - reading.remaining
        rose = used <= permit.answered
        if reading.reset is not None and window.reset is not None:
            newer, older = reading.reset > window.reset + 0.5, reading.reset < window.reset - 0.5
        else:
            newer = open_until > window.closes_at or (rose and now >= window.open_until)
            older = ends_by < window.open_until
        if not newer and (older or rose):
            # Once, it is answers that overtook each other at the end of a window. Twice, it is several servers, each
            # with a count of its own: none of them says what is left.
            if self._contradicted:
                self.shared = self.guided = False
                self.end()
                return
            newer = self._contradicted = True
        if newer:
            self.generation += 1
            self._open(permit, now, reading, in_flight, overtaken=window.answered - permit.answered)
        else:
            window.hear(used, open_until, ends_by + MARGIN)

    def _open(self, permit: Permit, now: float, reading: RateReading, in_flight: int, overtaken: int = 0) -> None:
        ends_by = now + reading.resets_in
        open_until = _not_before(permit, reading)
        used = reading.limit - reading.remaining
        self._learn(reading, first=used == 1)
        closes_at = ends_by
        if self.length is not None:
            closes_at = min(ends_by, now + self.length)
            if used == 1 and reading.reset is not None:
                open_until = max(open_until, permit.at + self.length)
        since = self._last_since if reading.reset == self._last_reset else None
        if used == 1 and reading.clock != "refusal":
            since = permit.at
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
        if self.length is None or reading.length_reported:
            if first or reading.length_reported:
                self.length = reading.length
            return
        if reading.rounding < 1.0:  # in milliseconds
            longer_than = reading.resets_in - reading.slack
            self.length = self._shortened(self.length, reading, longer_than)
            if longer_than <= self.length:
                return
        if reading.length is not None and reading.length > self.length:
            self.length = reading.length

    def _shortened(self, length: float, reading: RateReading, longer_than: float) -> float:
        """Return the length that the Resets of two windows in a row leave, in whole seconds, if they are less apart."""
        before = self._last_reset if self.window is None else self.window.reset
        apart = 0.0 if before is None or reading.reset is None else reading.reset - before
        whole = max(1.0, float(round(apart)))
        # Where the service has lost its counters, a window begins before the last one is over.
        return whole if apart > max(0.0, longer_than) and self._too_short < whole < length else length

    def _by_our_clock(self, now: float, reading: RateReading) -> RateReading:
        """Return a reading whose Reset came without a Date with the time of its end on our clock, as far as known."""
        reset, reported = reading.reset or 0.0, reading.length if reading.length_reported else None
        window = self.window
        was, since = (window.reset, window.since) if window is not None else (self._last_reset, self._last_since)
        if reading.clock == "refusal":
            # Reset may be rounded up; so, the more, is this.
            self._offset = reset - reading.slack - reading.resets_in - now
            if was == reset and since is not None:
                self.length = _whole(now + reading.resets_in - since)
            return evolve(reading, length=reported)
        if was is not None and reset > was and since is not None:
            # The window before is over, and was so at the latest now.
            self.length = min(self.length or math.inf, _whole(now - since))
        first = reading.limit - reading.remaining == 1
        if self._offset is None and self.length is None and first and reading.length is not None:
            self._offset = reset - reading.resets_in - now
            return reading
        if self._offset is not None:
            return evolve(reading, resets_in=max(0.0, reset - self._offset - now), slack=2.0, length=reported)
        resets_in = self.length or GUESS
        if window is not None and window.reset == reset and self.length is None:
            # While answers show that it is not over, nobody need ask.
            window.closes_at = max(window.closes_at, now + self._round_trip + MARGIN)
        return evolve(reading, resets_in=resets_in, slack=resets_in, length=reported)


def _not_before(permit: Permit, reading: RateReading) -> float:
    """Return until when the window of an answer lasts at least."""
    least = reading.resets_in - reading.slack
    return permit.at + least if least > 0.0 else permit.at


def _whole(seconds: float) -> float:
    """Return the longest window of whole seconds that lasts no longer than this."""
    return float(max(1, math.floor(seconds)))
