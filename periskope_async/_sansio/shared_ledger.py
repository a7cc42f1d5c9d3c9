"""One key's ledger for all that share a store. Pure.

The store keeps an image, and what each process says of itself. A step does to the image what has happened here since,
takes a lease, and counts if the image is still the same; else it is taken again on the new one. A lease of an open
window is a count beside the image, which needs room and nothing else. What is leased is sent, and ends with its window.
"""

import math
from collections.abc import Callable
from typing import Final

from attrs import define, evolve, field

from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import load_image
from periskope_async._sansio.limit import PATIENCE
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.shared_lease import MAX_LEASE, spare_room, take_lease
from periskope_async._sansio.shared_slots import LAPSE, pack_slot
from periskope_async._sansio.shared_step import Step, bring_along, image_of, outcome_of, seed_ledger
from periskope_async._sansio.shared_taken import Taken
from periskope_async._sansio.shared_view import StoreView

__all__ = ["DEMAND", "HOLD", "SharedLedger", "Step"]

#: Who has asked for a request wants another one for this long, seconds.
DEMAND: Final = 0.2
#: A bulk run whose requests are all in flight keeps what it has leased for this long, seconds: a step each for handing
#: it back and for taking it again is more than the others lose.
HOLD: Final = 0.5
#: Permits of a limit that has no window end after this, seconds.
WITHOUT_WINDOW: Final = 0.5

#: A process that is alone numbers its windows from here, where no shared one is: requests of them are no longer of any.
_ALONE: Final = -(1 << 62)


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
    #: What it has seen last of the store.
    view: StoreView = field(factory=StoreView)
    _events: list[Callable[[Ledger], None]] = field(factory=list[Callable[[Ledger], None]])
    _lease: list[Permit] = field(factory=list[Permit])
    _lease_until: float = -math.inf
    #: What was leased and not used, for the next step to hand back.
    _returns: list[Permit] = field(factory=list[Permit])
    _leased_at: float = -math.inf
    #: Whether who asked last was a bulk run with more to send.
    _has_more: bool = False
    #: The most that the next lease has: twice that of the last one where that was soon used up. Others begin meanwhile.
    _ahead: int = 1
    _taken: Taken = field(factory=Taken)
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

    def is_outdated(self, leased: int) -> bool:
        """Whether somebody was left waiting here by answers that were held against leases known only in part."""
        return self.wants_permits and leased != self.view.leased and bool(self._events)

    @property
    def wants_permits(self) -> bool:
        """Whether somebody waits for a permit."""
        return self._wanted > 0

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
            self._ahead = min(2 * self._ahead, MAX_LEASE) if self._has_more or now - self._leased_at < DEMAND else 1
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
            self._taken.count -= sum(permit.generation == self._taken.generation for permit in lease)
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

    def plan(self, now: float, fresh: int) -> Step:
        """Return the next step.

        *fresh*: a number that grows with time, everywhere and for ever, by which new windows are known from older ones.

        Raises:
            ValueError: it cannot be shared: the name of a limit is too long, say.
        """
        shared = self._begin(now, fresh)
        before = self.view.image
        self._is_planned, self.has_news = True, False
        events, known = self._events, outcome_of(shared)
        in_flight = self._replay(shared, events)
        is_open = shared.window is not None and now < shared.window.open_until
        shown = outcome_of(shared)
        if now >= self._lease_until or now < shared.paused_until:
            self.hand_back()
        returns = self._returns
        for permit in returns:
            shared.withdraw(permit)
        kept = len(self._lease)
        shared.in_flight = in_flight + self.own + kept
        theirs = self.view.taken_by_others(shared.generation, now)
        if shared.window is not None and now < shared.window.closes_at:
            self._taken.settle(shared.generation, shared.window.limit // (1 + len(theirs)))
        taken = self._taken.of(shared.generation)
        permits, wait = list[Permit](), 0.0
        if self._wanted and not kept:
            permits, wait = take_lease(shared, now, self._wanted, self._ahead, taken=taken, theirs=theirs)
        if wait:  # and then it asks again
            self._wants_until = now + min(wait, LAPSE) + DEMAND
        elif permits:  # it may have been the last that is wanted: what others leave to it would be lost
            self._wants_until = now + DEMAND
        generation = shared.generation
        taken = self._taken.of(generation) + len(permits)
        slot = pack_slot(self._wants_until - now, self.own + kept + len(permits), generation, taken)
        # What an answer shows can wait for the next step, unless it is new to the others. Where a probe may be in
        # flight, what was sent before it is no longer in flight here only once they know that it was answered.
        can_wait = not self.is_urgent and (is_open or not events or shown == known)
        step = Step(None, slot, permits, wait, 0, 0, now, self._partings, 0, self.view.leased)
        if before is not None and self.joined and can_wait:
            if not permits:
                return step
            if shared.window is not None and not shared.further and shown == known:
                return step._replace(
                    room=self.view.leased + len(permits) + spare_room(shared, shared.window, taken, theirs)
                )
        return step._replace(image=image_of(shared, now), events=len(events), returned=len(returns))

    def said(self, now: float) -> bytes:
        """Return what this process says of itself before it knows the others."""
        return pack_slot(self._wants_until - now, self.own + len(self._lease))

    def commit(self, step: Step, slots: list[tuple[bytes, float]], leased: int, now: float) -> bool:
        """Take a step that the store has taken; return False if this process has parted meanwhile, and joins anew."""
        self._is_planned = False
        self.view.image = self.view.image if step.image is None else step.image
        if step.partings != self._partings:
            self._returns += (*step.permits, *step.stale)
            return False
        self._returns = [*self._returns[step.returned :], *step.stale]
        del self._events[: step.events]
        self._urgent = max(0, self._urgent - step.events)
        if not self.joined:
            self.joined, self._was_joined, self.apart = True, True, 0
        self.view.see_leases(slots, leased, now)
        self.view.load(self, now)
        if step.permits:
            self._taken.add(self.generation, len(step.permits))
            windows = [limit.window for limit in (self, *self.further) if limit.window is not None]
            self._lease, self._leased_at = step.permits[::-1], now
            self._lease_until = min([window.closes_at for window in windows] or [step.at + WITHOUT_WINDOW])
            self._wanted = 0.0
        if self._events:
            shared = Ledger()
            self.view.load(shared, now)
            self._replay(shared, self._events)
            load_image(image_of(shared, now), self, now)
        self.in_flight = self.own + len(self._lease) + self.view.in_flight
        return True

    def forget_step(self) -> None:
        """Note that nobody knows whether the last step has reached the store, and that no other will for a while."""
        if self._is_planned:
            self._returns.clear()  # twice handed back, it would be two requests for others
        self._is_planned = False
        if not self.joined:
            self._forget_events()

    def _begin(self, now: float, fresh: int) -> Ledger:
        """Return what all know, with what this process brings along if it joins them."""
        shared = Ledger()
        known = self.view.load(shared, now)
        if not known or (not self.joined and shared.last_reading is None and self.last_reading is not None):
            seed_ledger(shared, self, now, fresh, anew=self._was_joined)
        elif not self.joined:
            bring_along(shared, self, now, sent=self.apart, in_flight=self.own)
        if not self.joined:
            self._forget_events()  # they are in what it has brought along
        return shared

    def _replay(self, shared: Ledger, events: list[Callable[[Ledger], None]]) -> int:
        """Do to a ledger what has happened here; return how many requests the others have in flight."""
        shared._round_trip = self._round_trip  # noqa: SLF001  # every process has its own
        in_flight = self.view.in_flight
        shared.in_flight = in_flight + self.own + len(self._lease) + len(self._returns) + len(events)
        for event in events:
            event(shared)
        return in_flight

    def _forget_events(self) -> None:
        self._events.clear()
        self._urgent, self.has_news = 0, False
