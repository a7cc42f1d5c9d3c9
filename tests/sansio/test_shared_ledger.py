"""Ledgers that share a store, in virtual time: steps count or are taken again, and the limit is never passed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async._sansio.circuit import CircuitBreaker, Health
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.shared_lease import POLL, PROBE_POLL, next_poll
from periskope_async._sansio.shared_ledger import HOLD, SharedLedger
from periskope_async._sansio.shared_slots import LAPSE
from periskope_async._sansio.shared_step import Step

FRESH = 1_000_000


class Store:
    """What Redis would hold; the clock of each process is as far ahead as it likes."""

    def __init__(self) -> None:
        self.version = 0
        self.leased = 0
        self.image = b""
        self.written_at = 0.0
        self.slots: dict[int, tuple[bytes, float]] = {}
        self.now = 0.0
        self.lost = 0

    def others(self, but: int) -> list[tuple[bytes, float]]:
        return [(said, self.now - at) for name, (said, at) in self.slots.items() if name != but]


class Process:
    """A process with its clock."""

    def __init__(self, store: Store, name: int, ahead: float = 0.0) -> None:
        self.ledger = SharedLedger()
        self.store, self.name, self.ahead = store, name, ahead
        self.version = -1

    @property
    def now(self) -> float:
        return self.store.now + self.ahead

    def look(self) -> None:
        store = self.store
        self.ledger.view.see(store.image, store.now - store.written_at, store.others(self.name), store.leased, self.now)
        self.version = store.version

    def write(self, step: Step) -> bool:
        """Write what a step has come to, if the store is still what it was."""
        store = self.store
        if step.image is not None:
            if self.version != store.version or step.seen != store.leased:
                store.lost += 1
                self.version = -1
                return False
            store.version += 1
            store.leased = 0
            store.image, store.written_at, self.version = step.image, store.now, store.version
        elif step.permits:
            if self.version != store.version or store.leased + len(step.permits) > step.room:
                store.lost += 1
                self.version = -1
                return False
            store.leased += len(step.permits)
        store.slots[self.name] = step.slot, store.now
        self.ledger.commit(step, store.others(self.name), store.leased, self.now)
        return True

    def poll(self, wait: float) -> float:
        ledger = self.ledger
        alone = ledger.in_flight == ledger.own and not ledger.view.others
        return next_poll(ledger, wait, self.now, alone=alone)

    def step(self) -> Step:
        while True:
            if self.version != self.store.version:
                self.look()
            step = self.ledger.plan(self.now, FRESH)
            if self.write(step):
                return step

    def ask(self, wanted: float = 1) -> Permit | None:
        for _ in range(2):
            found = self.ledger.take(self.now, bulk=False, wanted=wanted)
            if isinstance(found, Permit):
                return found
            self.step()
        return None

    def send(self, wanted: float = 1) -> Permit:
        permit = self.ask(wanted)
        assert permit is not None
        return permit

    def hear(self, permit: Permit, used: int, limit: int = 20, resets_in: float = 5.0) -> None:
        reading = RateReading(limit, limit - used, resets_in, 1.0, None, 5.0, length_reported=True)
        self.ledger.answer(permit, self.now, reading, Health.GOOD)


@pytest.fixture
def store() -> Store:
    """Make an empty store."""
    return Store()


def opened(store: Store, limit: int = 20) -> tuple[Process, Process]:
    """Two processes, their clocks an hour apart, of which the first has opened a window."""
    one, other = Process(store, 1), Process(store, 2, ahead=3600.0)
    one.hear(one.send(), 1, limit)
    one.step()
    return one, other


def test_a_window_is_shared_whatever_the_clocks_show(store: Store) -> None:
    """One opens it; the other finds it open, with what is left and when it ends on its own clock."""
    _, other = opened(store)
    other.send()
    window = other.ledger.window
    assert window is not None
    assert window.closes_at - other.now == pytest.approx(5.0, abs=0.02)
    assert other.poll(1.0) == pytest.approx(0.25)
    assert len(other.ledger.view.others) == 1


def test_leases_end_where_the_limit_does(store: Store) -> None:
    """Together they send as many as the window lets through, each about half, and no more."""
    one, other = opened(store)
    sent = {1: 1, 2: 0}
    for _ in range(60):
        for process in (one, other):
            if process.ask(10) is not None:
                sent[process.name] += 1
            store.now += 0.01
    assert sent == {1: 10, 2: 10}


def test_leases_are_not_in_each_others_way(store: Store) -> None:
    """Processes that want a lease at once each get one, planned on one image, which waits for those it counts."""
    one, other = opened(store)
    third = Process(store, 3)
    for process in (one, other, third):
        process.look()
        process.ledger.take(process.now, bulk=True, wanted=5)
    steps = [(process, process.ledger.plan(process.now, FRESH)) for process in (one, other, third)]
    assert [step.image is None for _, step in steps] == [True, False, False]  # who joins brings along what it knows
    assert all(
        process.write(step) is counts for (process, step), counts in zip(steps, (True, False, False), strict=True)
    )
    for process in (other, third):
        process.step()
    for process in (one, other, third):
        process.ledger._lease.clear()
        process.step()
        process.ledger.take(process.now, bulk=True, wanted=1)
    steps = [(process, process.ledger.plan(process.now, FRESH)) for process in (one, other, third)]
    assert [(len(step.permits), step.image) for _, step in steps] == [(1, None)] * 3
    assert all(process.write(step) for process, step in steps)


def test_one_probes_for_all(store: Store) -> None:
    """While nobody knows a window, one request is in flight, and the other asks again soon."""
    one, other = Process(store, 1), Process(store, 2)
    one.send()
    assert other.ask() is None
    assert other.poll(0.5) == PROBE_POLL


def test_a_step_that_lost_is_taken_again(store: Store) -> None:
    """What was planned on an image that is no longer there does not count, and nothing of it is lost."""
    one, other = opened(store)
    other.look()
    other.ledger.take(other.now, bulk=False, wanted=1)
    late = other.ledger.plan(other.now, FRESH)
    one.hear(one.send(), 2)
    one.step()
    assert not other.write(late)
    assert store.lost == 1
    other.send()
    assert other.ledger.window is not None
    assert other.ledger.window.sent >= 3


def test_what_happens_reaches_the_others(store: Store) -> None:
    """Withdrawn, lost, refused: with the next step of one, the other knows."""
    one, other = opened(store)
    one.ledger.withdraw(one.send())
    one.ledger.lose(one.send(), unsent=True)
    one.ledger.lose(one.send(2), failed=True)
    one.step()
    other.look()
    other.send()
    assert one.ledger.own == 0
    permit = one.send()
    one.ledger.answer(permit, one.now, None, Health.UNKNOWN)
    one.ledger.throttle(one.now, 3.0, permit.at)
    assert one.ledger.has_news
    one.step()
    assert not one.ledger.has_news
    other.ledger._lease.clear()
    assert other.ask() is None
    assert other.ledger.paused_until - other.now == pytest.approx(3.0)
    assert other.poll(3.0) == 3.0


def test_a_pause_that_came_during_a_step_holds(store: Store) -> None:
    """A 429 that comes while a step is under way is not forgotten with it."""
    one, _ = opened(store)
    permit = one.send()
    one.look()
    step = one.ledger.plan(one.now, FRESH)
    one.ledger.answer(permit, one.now, None, Health.UNKNOWN)
    one.ledger.throttle(one.now, 3.0, permit.at)
    assert one.write(step._replace(image=step.image or store.image))
    assert one.ledger.paused_until == one.now + 3.0


def test_a_circuit_holds_back_bulk_runs_only(store: Store) -> None:
    """A lease does not go past a circuit breaker, which is this process's."""
    one, _ = opened(store)
    one.ledger._wanted = 2
    one.step()
    one.ledger.circuit = CircuitBreaker(one.now)
    permit = one.ledger.take(one.now, bulk=True, wanted=1)
    assert isinstance(permit, Permit)
    assert permit.circuit is one.ledger.circuit
    held = one.ledger.take(one.now, bulk=True, wanted=1)
    assert isinstance(held, float)
    assert held > 0
    one.hear(permit, 2)
    assert one.ledger.circuit.in_flight == 0


def test_who_was_alone_brings_along_what_it_sent(store: Store) -> None:
    """What was sent alone, before and after there was a shared window, counts in it."""
    one, _ = opened(store)
    late = Process(store, 3)
    for _ in range(1):
        assert isinstance(late.ledger.admit(late.now), Permit)
    late.step()
    assert late.ledger.window is not None
    sent = late.ledger.window.sent
    assert sent >= 2
    one.ledger.go_alone()
    assert one.ledger.window is None
    assert isinstance(one.ledger.admit(one.now), Permit)
    one.step()
    assert one.ledger.window is not None
    assert one.ledger.window.sent >= sent + 1


def test_an_empty_store_is_begun_anew(store: Store) -> None:
    """Where the store has lost everything, nobody relies on a window: one probes, of a later generation."""
    one, _ = opened(store)
    before = one.ledger.generation
    store.image, store.version = b"", 99
    one.ledger._lease.clear()
    permit = one.send()
    assert permit.generation > before
    assert one.ledger.window is None
    assert one.ask() is None


def test_who_knows_more_than_the_store(store: Store) -> None:
    """A process that has heard of a limit, and a store that has not: what the process knows is what is shared."""
    Process(store, 1).send()
    other = Process(store, 2)
    permit = other.ledger.admit(other.now)
    assert isinstance(permit, Permit)
    other.hear(permit, 1)
    other.step()
    assert other.ledger.window is not None


def test_the_silent_lapse(store: Store) -> None:
    """Who has said nothing for long, and what is not of a process, is not counted."""
    one, other = opened(store)
    other.send()
    one.ledger.view.see_leases([*store.others(1), (b"noise", 0.0)], 0, one.now)
    assert len(one.ledger.view.others) == 1
    one.ledger.view.see_leases([(said, LAPSE) for said, _ in store.others(1)], 0, one.now)
    assert len(one.ledger.view.others) == 0


def test_several_limits_and_names_that_are_too_long(store: Store) -> None:
    """Several limits are shared with their moments; a name that no image holds cannot be."""
    one, other = Process(store, 1), Process(store, 2, ahead=-50.0)
    second = RateReading(40, 39, 9.0, 1.0, None, 9.0, length_reported=True, name="long")
    reading = RateReading(20, 19, 5.0, 1.0, None, 5.0, length_reported=True, name="short", further=(second,))
    one.ledger.answer(one.send(), one.now, reading, Health.GOOD)
    one.step()
    other.send()
    windows = [limit.window for limit in (other.ledger, *other.ledger.further)]
    ends = [window.closes_at - other.now for window in windows if window is not None]
    assert ends == pytest.approx([5.0, 9.0], abs=0.02)
    one.ledger.name = "n" * 65
    one.ledger.go_alone()
    store.image = b""
    one.look()
    one.ledger.joined = False
    with pytest.raises(ValueError, match="too long"):
        one.ledger.plan(one.now, FRESH)


def test_how_often_to_ask(store: Store) -> None:
    """Who is alone asks when the time has come; who has others about, now and then."""
    one, other = opened(store)
    assert one.poll(100.0) == LAPSE
    other.send()
    one.look()
    assert one.poll(float("inf")) == POLL


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_together_they_never_send_more(data: st.DataObject) -> None:
    """Whoever asks, answers or writes when, the requests of a window are at most its limit."""
    store = Store()
    processes = [Process(store, number, ahead=1000.0 * number) for number in range(3)]
    limit, used, refused = 12, 0, 0
    ends_at = -1.0
    flying: list[tuple[Process, Permit]] = []
    for _ in range(data.draw(st.integers(10, 60))):
        process = data.draw(st.sampled_from(processes))
        store.now += data.draw(st.sampled_from([0.0, 0.01, 0.3]))
        if flying and data.draw(st.booleans()):
            sender, permit = flying.pop(0)
            sender.hear(permit, used, limit, ends_at - store.now if ends_at > store.now else 0.0)
        elif (permit_or_none := process.ask(data.draw(st.integers(1, 8)))) is not None:
            if store.now >= ends_at:
                used, ends_at = 0, store.now + 5.0
            used += 1
            refused += used > limit
            flying.append((process, permit_or_none))
    assert refused == 0


def test_a_lease_ends_with_its_window(store: Store) -> None:
    """What was leased and not used by the end of the window is dropped, and the next request probes."""
    one, _ = opened(store)
    one.send(5)
    assert one.ledger._lease
    store.now += 6.0
    permit = one.send()
    assert permit.at == one.now
    assert one.ledger.window is None
    assert one.ledger.own == 2


def leased(store: Store, count: int) -> tuple[Process, Process]:
    """Two processes, of which the first has leased so many requests of an open window and used one."""
    one, other = opened(store)
    one.ledger._ahead = count  # as after leases that were used up
    one.ledger.take(one.now, bulk=True, wanted=count)
    one.step()
    permit = one.ledger.take(one.now, bulk=True, wanted=count)
    assert isinstance(permit, Permit)
    assert len(one.ledger._lease) == count - 1
    return one, other


def sent_as_known(process: Process) -> int:
    """How many requests of the window have been sent, as a process finds in the store."""
    process.step()
    assert process.ledger.window is not None
    return process.ledger.window.sent


def test_what_is_not_used_is_handed_back(store: Store) -> None:
    """What was leased and not used is everybody's with the next step, and of the process's share it is no part."""
    one, other = leased(store, 5)
    assert sent_as_known(other) == 6
    assert one.ledger.hand_back()
    assert one.ledger.is_urgent
    one.step()
    assert not one.ledger.hand_back()
    assert (sent_as_known(other), one.ledger._taken.count) == (2, 2)  # the one that opened the window, and the one used
    assert one.ledger.in_flight == one.ledger.own == 1


def test_a_bulk_run_that_waits_for_answers_keeps_its_lease(store: Store) -> None:
    """Who has more to send and waits for an answer first hands nothing back for a while; then he does."""
    one, _ = leased(store, 5)
    assert not one.ledger.hand_back(one.now + 0.9 * HOLD)
    assert one.ledger.hand_back(one.now + HOLD)


def test_who_parts_hands_back_when_he_joins_again(store: Store) -> None:
    """What a process had leased when it lost the store is of use to nobody meanwhile, and to all afterwards."""
    one, other = leased(store, 5)
    one.ledger.go_alone()
    assert sent_as_known(other) == 6
    one.step()
    assert sent_as_known(other) == 2


def test_nothing_is_handed_back_twice(store: Store) -> None:
    """Where nobody knows whether a step that hands back has reached the store, the next does not do so again."""
    one, other = leased(store, 5)
    one.ledger.hand_back()
    lost = one.ledger.plan(one.now, FRESH)
    assert lost.image is not None
    store.version += 1
    store.image = lost.image  # it did, and the answer was lost
    one.ledger.forget_step()
    one.ledger.go_alone()
    one.step()
    assert sent_as_known(other) >= 2


@pytest.mark.parametrize("answered", [False, True])
def test_alone_while_the_others_went_on(store: Store, *, answered: bool) -> None:
    """What was sent alone and answered before a window was opened does not count in it; what is on its way may."""
    one, other = opened(store)
    one.ledger.go_alone()
    permit = one.ledger.admit(one.now)
    assert isinstance(permit, Permit)
    if answered:
        one.hear(permit, 2)
    store.now += 6.0
    other.hear(other.send(), 1)
    other.step()
    assert other.ledger.window is not None
    sent = other.ledger.window.sent
    one.step()
    assert one.ledger.window is not None
    assert one.ledger.window.sent == sent + (not answered)


def test_alone_in_the_window_of_the_others(store: Store) -> None:
    """What was sent alone in a window that the others have opened meanwhile counts in it."""
    one, other = opened(store)
    one.ledger.go_alone()
    store.now += 6.0
    other.hear(other.send(), 1)
    other.step()
    assert other.ledger.window is not None
    sent = other.ledger.window.sent
    for used in (2, 3, 4):
        permit = one.ledger.admit(one.now)
        assert isinstance(permit, Permit)
        one.hear(permit, used)
    one.step()
    assert one.ledger.window is not None
    assert one.ledger.window.sent == sent + 3


def test_parted_while_a_step_was_under_way(store: Store) -> None:
    """What the step has leased goes back, and what was sent alone since then counts."""
    one, _ = opened(store)
    one.look()
    one.ledger._ahead = 5  # as after leases that were used up
    one.ledger.take(one.now, bulk=True, wanted=5)
    step = one.ledger.plan(one.now, FRESH)
    assert len(step.permits) == 5
    one.ledger.go_alone()
    assert isinstance(one.ledger.admit(one.now), Permit)
    assert one.write(step)
    assert not one.ledger.joined
    one.ledger._wanted = 0
    one.step()
    assert one.ledger.joined
    assert one.ledger._lease == []
    assert one.ledger.window is not None
    assert one.ledger.window.sent == 2  # the one that opened it, and the one sent alone


@pytest.mark.parametrize("parted", [False, True])
def test_no_limit_whatever_comes_first(store: Store, *, parted: bool) -> None:
    """An answer without headers during a step: this process knows that there is no limit, and soon all do."""
    one, other = Process(store, 1), Process(store, 2)
    permit = one.send()
    one.look()
    step = one.ledger.plan(one.now, FRESH)
    if parted:
        one.ledger.go_alone()
    one.ledger.answer(permit, one.now, None, Health.GOOD)
    one.write(step)
    assert one.ledger.is_unlimited
    one.step()
    assert one.ledger.is_unlimited
    other.step()
    assert other.ledger.is_unlimited


def test_nothing_is_kept_for_nobody(store: Store) -> None:
    """What happens where no step will note it is not kept: a process may be alone for days."""
    one, _ = opened(store)
    one.ledger.go_alone()
    one.look()
    one.ledger.plan(one.now, FRESH)
    one.ledger.forget_step()
    for _ in range(3):
        permit = one.ledger.admit(one.now)
        assert isinstance(permit, Permit)
        one.hear(permit, 5)
    assert not one.ledger.has_news


def test_a_name_that_came_later_and_is_too_long(store: Store) -> None:
    """A limit that no image holds, heard of while the ledger was shared, ends the sharing."""
    one, _ = opened(store)
    permit = one.send()
    further = RateReading(40, 39, 9.0, 1.0, None, 9.0, length_reported=True, name="n" * 65)
    reading = RateReading(20, 18, 5.0, 1.0, None, 5.0, length_reported=True, further=(further,))
    one.ledger.answer(permit, one.now, reading, Health.GOOD)
    with pytest.raises(ValueError, match="too long"):
        one.ledger.plan(one.now, FRESH)
