"""One key's ledger for all that share a store; in one file, for a step is one thought. Pure.

The store keeps an image and what each process says of itself. A step takes the image, does to it what has happened
here since, takes a lease of permits, and counts if the image is still the same; else it is taken again on the new one.
So the rules are the ledger's, in one place. A leased permit is counted as sent, and ends with its window.

What a process knows is the image that it saw last, and what has happened here since.
"""

import math
from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from attrs import define, evolve, field

from periskope_async._sansio.circuit import NEVER, Health
from periskope_async._sansio.fair_share import may_take
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import load_image, save_image
from periskope_async._sansio.limit import PATIENCE
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading

__all__ = ["DEMAND", "HOLD", "LAPSE", "MAX_LEASE", "POLL", "PROBE_POLL", "SharedLedger", "Step"]

#: The longest lease, requests.
MAX_LEASE: Final = 64
#: Who has asked for a request wants another one for this long, seconds.
DEMAND: Final = 0.2
#: Who has been silent for so long was killed, and has nothing in flight that could still count, seconds.
LAPSE: Final = 6.0
#: What another process does wakes nobody here. So often it is looked for while its probe is in flight, seconds;
PROBE_POLL: Final = 0.01
#: and so often else, seconds.
POLL: Final = 0.02
#: A bulk run whose requests are all in flight keeps what it has leased for this long, seconds: a step each for handing
#: it back and for taking it again is more than the others lose.
HOLD: Final = 0.5
#: Permits of a limit that has no window end after this, seconds.
WITHOUT_WINDOW: Final = 0.5

#: What a process says of itself: for how long it asks for requests, seconds; its requests in flight; the window of
#: which it has taken how many.
_SLOT: Final = Struct("<dqqq")
#: A process that is alone numbers its windows from here, where no shared one is: requests of them are no longer of any.
_ALONE: Final = -(1 << 62)


class Step(NamedTuple):
    """What a step writes, and what it has come to. *image* is None where it only looks."""

    image: bytes | None
    slot: bytes
    permits: list[Permit]
    wait: float
    events: int
    returned: int
    at: float
    partings: int


class Other(NamedTuple):
    """Another process, as far as it has said. Until *wants_until* it asks for requests."""

    wants_until: float
    in_flight: int
    generation: int
    taken: int


@define
class SharedLedger(Ledger):
    """What a process knows of a shared ledger, and what the others do not know yet. Alone, it is this process's."""

    #: Requests in flight from here, and how many of its permits a process that is alone has issued.
    own: int = 0
    apart: int = 0
    #: Whether this is the shared one; whether it ever was, and how often it ceased to be.
    joined: bool = False
    _was_joined: bool = False
    _partings: int = 0
    #: Whether a step is under way.
    _is_planned: bool = False
    #: Whether something has happened since the last step began.
    has_news: bool = False
    #: Up to which of what has happened the others wait for it.
    _urgent: int = 0
    _others: tuple[Other, ...] = ()
    _base: bytes | None = None
    _events: list[Callable[[Ledger], None]] = field(factory=list[Callable[[Ledger], None]])
    _lease: list[Permit] = field(factory=list[Permit])
    _lease_until: float = -math.inf
    #: What was leased and not used, for the next step to hand back.
    _returns: list[Permit] = field(factory=list[Permit])
    _leased_at: float = -math.inf
    #: Whether who asked last was a bulk run with more to send.
    _has_more: bool = False
    #: How many the next lease for single calls has: twice as many as the last one where that was soon used up.
    _ahead: int = 1
    _taken_of: int = -1
    _taken: int = 0
    _wanted: float = 0.0
    _wants_until: float = -math.inf

    # -- in the process -----------------------------------------------------------------------------------------------

    @property
    def is_unlimited(self) -> bool:
        """Whether the service has answered and has no rate limit: then there is nothing to share."""
        return self.last_reading is None and not self.guided

    @property
    def is_urgent(self) -> bool:
        """Whether something has happened for which the others wait."""
        return self._urgent > 0 or bool(self._returns)

    @property
    def wants_permits(self) -> bool:
        """Whether somebody waits for a permit."""
        return self._wanted > 0

    @property
    def others_at_work(self) -> int:
        """How many other processes asked for requests lately."""
        return len(self._others)

    def take(self, now: float, *, bulk: bool, wanted: float) -> Permit | float:
        """Return a leased permit, or the seconds for which a circuit holds it back; 0 without a lease."""
        circuit = self.circuit if bulk else None
        if circuit is not None and (wait := circuit.wait(now)) > 0:
            return wait
        self._wants_until = now + DEMAND
        self._has_more = bulk and wanted > 1
        if not self._lease or now >= self._lease_until or now < self.paused_until:
            self._wanted = max(self._wanted, 1.0, wanted if bulk else self._ahead)
            return 0.0
        permit = self._lease.pop()
        if not self._lease:
            self._ahead = min(2 * self._ahead, MAX_LEASE) if now - self._leased_at < DEMAND else 1
        permit.at, permit.circuit = now, circuit
        if circuit is not None:
            circuit.in_flight += 1
            circuit.probe_until = now + PATIENCE
        self.own += 1
        return permit

    def admit(self, now: float, *, bulk: bool = False, wanted: float = 0) -> Permit | float:
        """Let a request go that nobody else knows of."""
        permit = Ledger.admit(self, now, bulk=bulk, wanted=wanted)
        if isinstance(permit, Permit):
            self.own += 1
            self.apart += 1
        return permit

    def withdraw(self, permit: Permit) -> None:
        """Take back a permit, here and for all."""
        known = evolve(permit, circuit=None)
        Ledger.withdraw(self, permit)
        self._note(lambda ledger: ledger.withdraw(known))

    def lose(self, permit: Permit, *, unsent: bool = False, failed: bool = True) -> None:
        """Note that a request got no answer, here and for all."""
        known = evolve(permit, circuit=None)
        Ledger.lose(self, permit, unsent=unsent, failed=failed)
        if not unsent:  # else it was withdrawn
            self._note(lambda ledger: ledger.lose(known, failed=False))

    def answer(self, permit: Permit, now: float, reading: RateReading | None, health: Health) -> None:
        """Note an answer, here and for all."""
        known = evolve(permit, circuit=None)
        before = self._state()
        Ledger.answer(self, permit, now, reading, health)
        self._note(lambda ledger: ledger.answer(known, now, reading, health), urgent=self._state() != before)

    def throttle(self, now: float, retry_after: float | None, sent_at: float = math.inf) -> None:
        """Note a 429, here and for all."""
        Ledger.throttle(self, now, retry_after, sent_at)
        self._note(lambda ledger: ledger.throttle(now, retry_after, sent_at), urgent=True)

    def hand_back(self, now: float = math.inf) -> bool:
        """Have the next step hand back what is leased and was not used; return whether there is anything.

        *now*: unless a bulk run still waits for the answers after which it will use that.
        """
        lease = self._lease
        if lease and not (self.own and self._has_more and now - self._leased_at < HOLD):
            self._lease, self._ahead = [], 1
            self._taken -= sum(permit.generation == self._taken_of for permit in lease)
            self._returns += lease
        return bool(self._returns)

    def go_alone(self) -> None:
        """From here on this is the ledger of this process; nobody knows what others do."""
        if self.joined:
            for limit in (self, *self.further):
                limit.forget()
                limit.crowded, limit.generation = True, _ALONE
            self.apart = 0
        self.joined = False
        self.in_flight = self.own
        self._partings += 1
        self._forget_events()
        self.hand_back()  # when it joins the others again

    def _note(self, event: Callable[[Ledger], None], *, urgent: bool = False) -> None:
        if self.joined or self._is_planned:
            self._events.append(event)
            self.has_news = True
            if urgent:
                self._urgent = len(self._events)

    def _state(self) -> tuple[int, bool, bool, int]:
        return self.generation, self.window is None, self.guided, len(self.further)

    def _leave(self, permit: Permit) -> None:
        self.own -= 1
        Ledger._leave(self, permit)  # noqa: SLF001  # its own

    # -- with the store -----------------------------------------------------------------------------------------------

    def see(self, image: bytes, age: float, slots: list[tuple[bytes, float]], now: float) -> None:
        """Note what the store holds: an image, if any, and what others said of themselves; with the age of each."""
        shared = Ledger()
        self._base = _save(shared, now) if image and load_image(image, shared, now, age) else None
        self.see_others(slots, now)

    def see_others(self, slots: list[tuple[bytes, float]], now: float) -> None:
        """Note what others said of themselves, and how long ago."""
        others = list[Other]()
        for said, age in slots:
            if len(said) == _SLOT.size and age < LAPSE:
                wants_for, *counted = _SLOT.unpack(said)
                others.append(Other(now - age + wants_for, *counted))
        self._others = tuple(others)

    def plan(self, now: float, fresh: int) -> Step:
        """Return the next step.

        *fresh*: a number that grows with time, everywhere and for ever, by which new windows are known from older ones.

        Raises:
            ValueError: it cannot be shared: the name of a limit is too long, say.
        """
        shared = Ledger()
        if self._base is None or not load_image(self._base, shared, now):
            self._seed(shared, now, fresh)
        elif not self.joined:
            if shared.last_reading is None and self.last_reading is not None:
                self._seed(shared, now, fresh)
            else:
                self._join(shared, now)
        before = self._base
        if not self.joined:
            self._forget_events()  # they are in what it has brought along
        self._is_planned, self.has_news = True, False
        events = self._events
        in_flight = self._replay(shared, events)
        if now >= self._lease_until or now < shared.paused_until:
            self.hand_back()
        returns = self._returns
        for permit in returns:
            shared.withdraw(permit)
        kept = len(self._lease)
        shared.in_flight = in_flight + self.own + kept
        permits, wait = ([], 0.0) if kept or not self._wanted else self._admit(shared, now)
        if wait:  # and then it asks again
            self._wants_until = now + min(wait, LAPSE) + DEMAND
        generation = shared.generation
        taken = (self._taken if generation == self._taken_of else 0) + len(permits)
        slot = _SLOT.pack(max(0.0, self._wants_until - now), self.own + kept + len(permits), generation, taken)
        # What an answer shows can wait for the next step; but where a probe may be in flight, it is no longer in flight
        # here only once the others know that it was answered.
        can_wait = not events or (shared.window is not None and now < shared.window.open_until)
        if before is not None and self.joined and can_wait and not (permits or self.is_urgent):
            return Step(None, slot, [], wait, 0, 0, now, self._partings)
        image = _save(shared, now)
        if image is None:
            raise ValueError("the name of a limit is too long")
        return Step(image, slot, permits, wait, len(events), len(returns), now, self._partings)

    def said(self, now: float) -> bytes:
        """Return what this process says of itself before it knows the others."""
        return _SLOT.pack(max(0.0, self._wants_until - now), self.own + len(self._lease), 0, 0)

    def commit(self, step: Step, slots: list[tuple[bytes, float]], now: float) -> bool:
        """Take a step that the store has taken; return False if this process has parted meanwhile, and joins anew."""
        self._is_planned = False
        self._base = self._base if step.image is None else step.image
        if step.partings != self._partings:
            self._returns += step.permits
            return False
        del self._returns[: step.returned]
        del self._events[: step.events]
        self._urgent = max(0, self._urgent - step.events)
        if not self.joined:
            self.joined, self._was_joined, self.apart = True, True, 0
        self.see_others(slots, now)
        load_image(self._base or b"", self, now)
        if step.permits:
            if self.generation != self._taken_of:
                self._taken_of, self._taken = self.generation, 0
            self._taken += len(step.permits)
            windows = [limit.window for limit in (self, *self.further) if limit.window is not None]
            self._lease, self._leased_at = step.permits[::-1], now
            self._lease_until = min([window.closes_at for window in windows] or [step.at + WITHOUT_WINDOW])
            self._wanted = 0.0
        if self._events:
            shared = Ledger()
            load_image(self._base or b"", shared, now)
            self._replay(shared, self._events)
            load_image(_save(shared, now) or b"", self, now)
        self.in_flight = self.own + len(self._lease) + sum(other.in_flight for other in self._others)
        return True

    def forget_step(self) -> None:
        """Note that nobody knows whether the last step has reached the store, and that no other will for a while."""
        if self._is_planned:
            self._returns.clear()  # twice handed back, it would be two requests for others
        self._is_planned = False
        if not self.joined:
            self._forget_events()

    def poll(self, wait: float, now: float) -> float:
        """Return the seconds after which to look again."""
        used_up = self.window is not None and self.window.left() <= 0
        if now < self.paused_until or used_up or (self.in_flight == self.own and not self._others):
            return min(wait, LAPSE)
        if self.window is None and self.guided:
            return min(wait, PROBE_POLL)
        return POLL if wait == NEVER else min(wait, max(POLL, wait / 4))

    def _admit(self, shared: Ledger, now: float) -> tuple[list[Permit], float]:
        """Take a lease: much while much is left, and little in the end, so that everybody finds something."""
        permits = list[Permit]()
        others = [other for other in self._others if other.wants_until > now]
        while True:
            window, generation = shared.window, shared.generation
            if window is not None and now < window.closes_at and (left := window.left()) > 0:
                taken = (self._taken if generation == self._taken_of else 0) + len(permits)
                theirs = [other.taken if other.generation == generation else 0 for other in others]
                share = window.limit // (1 + len(others)) - taken + len(permits)
                size = min(MAX_LEASE, share)
                if not may_take(window.limit, left, taken, theirs):
                    return permits, POLL
                if permits and len(permits) >= min(self._wanted, size):
                    return permits, 0.0
            elif permits:
                return permits, 0.0
            permit = shared.admit(now, wanted=self._wanted)
            if not isinstance(permit, Permit):
                return permits, permit
            permits.append(permit)

    def _seed(self, shared: Ledger, now: float, fresh: int) -> None:
        """Begin anew where there is nothing of use, with what this process knows."""
        image = _save(self, now)
        if image is None:
            raise ValueError("the name of a limit is too long")
        load_image(image, shared, now)
        shared.in_flight = 0
        for limit in (shared, *shared.further):
            if self._was_joined:  # what others have in flight is not known
                limit.forget()
                limit.crowded = True
            limit.generation = max(limit.generation + 1, fresh)

    def _join(self, shared: Ledger, now: float) -> None:
        """Bring along what happened while this process was alone. What it sent may count in the window that is open."""
        shared.paused_until = max(shared.paused_until, self.paused_until)
        if shared.last_reading is None and self.is_unlimited:
            for limit in (shared, *shared.further):
                limit.end()
                limit.guided = False
        for limit in (shared, *shared.further):
            if limit.window is not None:
                limit.window.sent += self._sent_alone(limit.name, now)

    def _sent_alone(self, name: str, now: float) -> int:
        """Return how many requests that nobody else knows of may count in the limit's window that is open."""
        windows = [limit.window for limit in (self, *self.further) if limit.name == name]
        in_its_window = [window.sent for window in windows if window is not None and now < window.closes_at]
        return min(self.apart, *(in_its_window or [self.own]))

    def _replay(self, shared: Ledger, events: list[Callable[[Ledger], None]]) -> int:
        """Do to a ledger what has happened here; return how many requests the others have in flight."""
        shared._round_trip = self._round_trip  # noqa: SLF001  # every process has its own
        in_flight = sum(other.in_flight for other in self._others)
        shared.in_flight = in_flight + self.own + len(self._lease) + len(self._returns) + len(events)
        for event in events:
            event(shared)
        return in_flight

    def _forget_events(self) -> None:
        self._events.clear()
        self._urgent, self.has_news = 0, False


def _save(ledger: Ledger, now: float) -> bytes | None:
    """Return the image of a ledger without what is in flight: that is for the slots to say."""
    in_flight, ledger.in_flight = ledger.in_flight, 0
    image = save_image(ledger, now)
    ledger.in_flight = in_flight
    return image
