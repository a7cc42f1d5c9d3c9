"""The ledger: what is known of a key, and who may go when."""

import random

import pytest
from attrs import evolve

from periskope_async._sansio.circuit import NEVER, Health
from periskope_async._sansio.ledger import FAILURES_IN_A_ROW, MAX_PAUSES, Ledger
from periskope_async._sansio.limit import MARGIN, PATIENCE
from periskope_async._sansio.rate_headers import MAX_LIMITS, RateReading
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.retry import MIN_RETRY_AFTER
from tests.sansio.ledgers import enter, opened, succeed, told, unguided, wait

# -- 429 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "pause"), [(7.0, 7.0), (0.0, MIN_RETRY_AFTER)])
def test_a_429_pauses_everybody(asked: float, pause: float) -> None:
    """Nobody goes before Retry-After is over, and then one goes first."""
    ledger = opened()
    refused, other = enter(ledger, 1.0), enter(ledger, 1.0)
    ledger.answer(refused, 1.0, told(0), Health.UNKNOWN)
    ledger.throttle(1.0, asked)
    assert wait(ledger, 1.0) == pytest.approx(pause)
    ledger.answer(other, 1.0, told(3), Health.GOOD)  # it was sent before, and shows nothing
    now = 1.0 + pause
    enter(ledger, now)
    assert wait(ledger, now) == PATIENCE


def test_429s_of_one_moment_are_one_pause() -> None:
    """Those that were in flight together pause once; the longest wish counts."""
    ledger = opened()
    for asked, until in ((5.0, 5.0), (2.0, 5.0), (None, 5.0), (6.0, 6.0)):
        ledger.throttle(0.0, asked)
        assert ledger.paused_until == until


def test_a_429_without_retry_after_waits_for_reset() -> None:
    """The headers know when the window ends."""
    ledger = opened()
    ledger.answer(enter(ledger, 1.0), 1.0, told(0, 8.0), Health.UNKNOWN)
    ledger.throttle(1.0, None)
    assert ledger.paused_until == 9.0


@pytest.mark.parametrize("reading", [None, told(3, 8.0)])
def test_a_429_that_says_nothing_backs_off(reading: RateReading | None) -> None:
    """With nothing to go by, each further 429 in a row may pause twice as long; a success begins anew."""
    pauses: list[list[float]] = [[], [], []]
    for seed in range(200):
        random.seed(seed)
        ledger, now = Ledger(), 0.0
        for pause in pauses:
            ledger.answer(enter(ledger, now), now, reading, Health.UNKNOWN)
            ledger.throttle(now, None)
            pause.append(ledger.paused_until - now)
            now = ledger.paused_until
    for pause, most in zip(pauses, (1.0, 2.0, 4.0), strict=True):
        assert min(pause) > 0.999 * MIN_RETRY_AFTER
        assert 0.8 * most < max(pause) <= most
    ledger.answer(enter(ledger, now), now, None, Health.GOOD)
    ledger.throttle(now, None)
    assert ledger.paused_until - now <= 1.0


# -- no headers -------------------------------------------------------------------------------------------------------


def test_without_headers_nothing_is_counted() -> None:
    """A service that tells no limit is not held to one."""
    ledger = unguided()
    for _ in range(1000):
        enter(ledger, 0.0)
    assert ledger.rate_limit(0.0) is None


def test_headers_that_come_later_guide() -> None:
    """The first answer that tells a limit opens a window."""
    ledger = unguided()
    succeed(ledger, 1.0, told(4))
    assert ledger.guided
    assert ledger.window is not None
    assert ledger.window.left() == 4


def test_without_headers_a_429_halves_what_may_be_in_flight() -> None:
    """Half of what was too much, then one more for each round that goes well, until it holds nobody back."""
    ledger = unguided()
    held = [enter(ledger, 0.0) for _ in range(32)]
    ledger.answer(held.pop(), 0.0, None, Health.UNKNOWN)
    ledger.throttle(0.0, 1.0)
    for one in held:
        ledger.answer(one, 0.5, None, Health.BAD)
    held = [enter(ledger, 1.0 + 0.01 * n) for n in range(16)]
    assert ledger.admit(1.2) == NEVER
    for one in held:
        ledger.answer(one, 1.2, None, Health.GOOD)
    held = [enter(ledger, 1.3 + 0.01 * n) for n in range(17)]
    assert ledger.admit(1.5) == NEVER
    for n in range(10_000):
        ledger.answer(held.pop(), 2.0 + 0.01 * n, None, Health.GOOD)
        held.append(enter(ledger, 2.0 + 0.01 * n))
    for _ in range(100):
        enter(ledger, 103.0)


def test_the_ceiling_leaves_room_for_one() -> None:
    """However many 429s there are, one request at a time may try."""
    ledger = unguided()
    now = 0.0
    for _ in range(20):
        ledger.answer(enter(ledger, now), now, None, Health.UNKNOWN)
        ledger.throttle(now, 0.5)
        now = ledger.paused_until
    enter(ledger, now)
    assert ledger.admit(now) == NEVER


def test_without_headers_the_interval_is_learned() -> None:
    """What is granted between two 429s shows how often one may ask; who rests for a second starts afresh."""
    ledger = unguided()
    held = [enter(ledger, 0.0) for _ in range(10)]
    ledger.answer(held.pop(), 0.0, None, Health.UNKNOWN)
    ledger.throttle(0.0, 0.0)
    for one in held:
        ledger.answer(one, 0.0, None, Health.GOOD)
    now = 0.05
    for _ in range(31):  # forty are granted in two seconds, whoever asks faster meets a 429
        last = enter(ledger, now)
        ledger.answer(last, now, None, Health.GOOD)
        now += 0.063
    ledger.answer(enter(ledger, 2.0), 2.0, None, Health.UNKNOWN)
    ledger.throttle(2.0, 0.0, 2.0)
    first = ledger.paused_until
    ledger.answer(enter(ledger, first), first, None, Health.GOOD)
    assert wait(ledger, first) == pytest.approx(3 * 0.005, rel=0.05)  # not 2 s / 40: at most three times as long
    ledger.answer(enter(ledger, first + 0.015), first + 0.015, None, Health.GOOD)
    assert 0.005 < wait(ledger, first + 0.015) < 0.02
    later = first + 1.5
    for _ in range(50):
        ledger.answer(enter(ledger, later), later, None, Health.GOOD)


def test_429s_of_requests_in_flight_together_are_one_reason() -> None:
    """What was sent before a 429 came, and is refused after its pause, prolongs the pause if it says so, no more."""
    ledger = unguided()
    ledger.throttle(1.0, 0.0, 0.5)
    until = ledger.paused_until
    ledger.throttle(1.2, 0.0, 0.9)
    assert ledger.paused_until == 1.2
    ledger.throttle(1.3, 0.5, 0.9)
    assert ledger.paused_until == 1.8
    ledger.throttle(2.0, 0.0, 1.9)
    assert ledger.paused_until == 2.0 + 2 * (until - 1.0)


@pytest.mark.parametrize("asked", [0.0, 0.1, 7.0])
def test_pauses_grow_while_429s_go_on(asked: float) -> None:
    """Without a success, each pause is twice the last, up to 20 s, whatever each 429 says; then the key is shut."""
    ledger, now, pauses = unguided(), 0.0, list[float]()
    for _ in range(MAX_PAUSES + 1):
        assert not ledger.is_shut
        ledger.answer(enter(ledger, now), now, None, Health.UNKNOWN)
        ledger.throttle(now, asked)
        pauses.append(ledger.paused_until - now)
        now = ledger.paused_until
    assert ledger.is_shut
    assert pauses == pytest.approx([max(asked, min(20.0, 0.05 * 2**n)) for n in range(MAX_PAUSES + 1)])
    succeed(ledger, now, None)
    assert not ledger.is_shut
    ledger.throttle(now + 0.01, asked)
    assert ledger.paused_until - now - 0.01 == pytest.approx(max(asked, 0.05))


def test_pauses_far_apart_are_not_in_a_row() -> None:
    """A 429 more than a minute after the last pause is nothing that goes on."""
    ledger = unguided()
    for now in range(0, 6100, 61):
        ledger.throttle(float(now), 0.0)
        assert ledger.paused_until - now == pytest.approx(0.05)
    assert not ledger.is_shut


# -- outages ----------------------------------------------------------------------------------------------------------


def broken(now: float = 0.0) -> Ledger:
    """A ledger without a guide, in an outage."""
    ledger = unguided()
    ledger.record_failure(now, enter(ledger, now), broke=True)
    assert ledger.circuit is not None
    return ledger


@pytest.mark.parametrize("kind", ["lose", "answer"])
def test_failures_in_a_row_are_an_outage(kind: str) -> None:
    """So many failures without a success between them stop bulk calls, and single ones not."""
    ledger = unguided()
    for _ in range(FAILURES_IN_A_ROW):
        assert ledger.circuit is None
        given = enter(ledger, 0.0, bulk=True)
        if kind == "lose":
            ledger.lose(given)
        else:
            ledger.answer(given, 0.0, None, Health.BAD)
        ledger.record_failure(0.0, given, broke=False)
    assert 0.0 <= wait(ledger, 0.0, bulk=True) <= 0.2
    enter(ledger, 0.0)


def test_failures_with_successes_between_are_none() -> None:
    """Scattered faults never stop anybody; nor do callers who leave."""
    ledger = unguided()
    for attempt in range(200):
        given = enter(ledger, 0.0, bulk=True)
        ledger.lose(given, failed=attempt % 3 > 0)
        ledger.record_failure(0.0, given, broke=False)
        if attempt % FAILURES_IN_A_ROW == 0:
            succeed(ledger, 0.0)
    assert ledger.circuit is None


def test_an_outage_is_probed_by_one() -> None:
    """After the pause one bulk call goes; the next only if it fails, succeeds, or keeps everybody waiting."""
    ledger = broken()
    now = wait(ledger, 0.0, bulk=True)
    probe = enter(ledger, now, bulk=True)
    assert wait(ledger, now, bulk=True) == pytest.approx(PATIENCE)
    enter(ledger, now + PATIENCE, bulk=True)
    ledger.lose(probe)
    ledger.record_failure(now + PATIENCE, probe, broke=False)
    assert wait(ledger, now + PATIENCE, bulk=True) > 0


def test_pauses_grow_with_the_outage() -> None:
    """No pause is longer than half of what the outage has lasted, so its end is not slept through."""
    for seed in range(50):
        random.seed(seed)
        ledger, now, probes = broken(), 0.0, 0
        while now < 600:
            seconds = wait(ledger, now, bulk=True)
            assert seconds <= max(0.2, now / 2, 0.0)
            assert seconds <= 20
            now += seconds
            probe = enter(ledger, now, bulk=True)
            ledger.lose(probe)
            ledger.record_failure(now, probe, broke=False)
            probes += 1
        assert probes < 150


def test_stalls_from_before_do_not_worsen_an_outage() -> None:
    """Only its own probes tell how an outage goes; what was in flight before fails late."""
    ledger = unguided()
    stalled = [enter(ledger, 0.0, bulk=True) for _ in range(5)]
    ledger.record_failure(0.0, stalled[0], broke=True)
    now = wait(ledger, 0.0, bulk=True)
    succeed(ledger, now, bulk=True)
    for one in stalled:
        ledger.lose(one)
        ledger.record_failure(now, one, broke=True)
    enter(ledger, now, bulk=True)
    enter(ledger, now, bulk=True)


def test_probes_of_one_pause_are_one_failure() -> None:
    """A probe that fails during the pause that another one brought does not prolong it."""
    ledger = broken()
    now = wait(ledger, 0.0, bulk=True)
    first = enter(ledger, now, bulk=True)
    second = enter(ledger, now + PATIENCE, bulk=True)
    ledger.lose(first)
    ledger.lose(second)
    ledger.record_failure(now + 1, first, broke=False)
    paused = wait(ledger, now + 1, bulk=True)
    ledger.record_failure(now + 1, second, broke=False)
    assert wait(ledger, now + 1, bulk=True) == paused


def test_after_an_outage_they_come_back_step_by_step() -> None:
    """Each success allows one more in flight, so each round doubles them, until nobody is held back."""
    ledger = broken()
    now = wait(ledger, 0.0, bulk=True)
    rounds = []
    while ledger.circuit is not None:
        held = []
        while ledger.circuit is not None and not isinstance(given := ledger.admit(now, bulk=True), float):
            held.append(given)
            if len(held) == 32:
                break
        rounds.append(len(held))
        now += 0.1
        for one in held:
            ledger.answer(one, now, None, Health.GOOD)
    assert rounds[:6] == [1, 2, 4, 8, 16, 32]
    assert len(rounds) < 12


def test_a_single_success_helps_bulk_calls_out() -> None:
    """A single call that was sent in an outage and went well shows that it is over; an older one does not."""
    ledger = unguided()
    older = enter(ledger, 0.0)
    given = enter(ledger, 0.0, bulk=True)
    ledger.record_failure(1.0, given, broke=True)
    circuit = ledger.circuit
    assert circuit is not None
    ledger.answer(older, 1.0, None, Health.GOOD)
    assert (circuit.allowed, circuit.since) == (1.0, 1.0)
    ledger.answer(enter(ledger, 5.0), 6.0, None, Health.GOOD)
    assert (circuit.allowed, circuit.since) == (2.0, 5.0)
    enter(ledger, 6.0, bulk=True)


# -- what is told -----------------------------------------------------------------------------------------------------


def test_the_limit_as_known() -> None:
    """The limit counts on with our own use; in a pause it lasts as long as that."""
    ledger = opened()
    enter(ledger, 4.0)
    assert ledger.rate_limit(4.0) == RateLimit(10, 8, pytest.approx(6.0 + MARGIN))
    ledger.throttle(5.0, 3.0)
    assert ledger.rate_limit(5.0) == RateLimit(10, 9, 3.0)


@pytest.mark.parametrize(("requests", "seconds"), [(9, 0), (10, 10), (19, 10), (20, 20), (109, 100)])
def test_how_long_the_limit_makes_many_requests_take(requests: int, seconds: float) -> None:
    """So many further requests take so many windows."""
    assert opened().time_for(requests, 0.0) == pytest.approx(seconds, abs=2 * MARGIN)


def test_the_earliest_moment_for_one_more() -> None:
    """A call that cannot go within its deadline can know so at once."""
    ledger = opened()
    assert ledger.earliest(1.0) == 1.0
    for _ in range(9):
        enter(ledger, 1.0)
    assert ledger.earliest(1.0) == pytest.approx(10.0 + MARGIN)
    ledger.throttle(1.0, 30.0)
    assert ledger.earliest(1.0) == 31.0
    assert ledger.time_for(1, 1.0) == 30.0


def test_another_clock_starts_over() -> None:
    """A clock that runs far back is another loop's, and no time noted on the old one means anything on it."""
    ledger = opened(10_000.0)
    ledger.record_failure(10_000.0, enter(ledger, 10_000.0), broke=True)
    ledger.throttle(10_000.0, 500.0)
    assert wait(ledger, 9_990.0) > 0  # clocks may run back a little
    enter(ledger, 0.0, bulk=True)
    assert wait(ledger, 0.0) == PATIENCE
    ledger = unguided()
    succeed(ledger, 10_000.0)
    ledger.throttle(10_000.0, 500.0)
    succeed(ledger, 0.0)
    ledger.throttle(0.0, 1.0, 0.0)
    assert ledger.paused_until == 1.0


# -- several limits ----------------------------------------------------------------------------------------------------


def test_a_window_that_is_not_told_any_more_holds_nobody() -> None:
    """A limit that the service stops telling ends with its window; an unnamed one may follow."""
    ledger = Ledger()
    both = evolve(told(9, 1.0), name="-short", further=(evolve(told(1, 10.0, limit=2), name="-long"),))
    succeed(ledger, 0.0, both)
    enter(ledger, 0.0)
    assert wait(ledger, 0.0) == pytest.approx(10.0 + MARGIN)
    succeed(ledger, 11.0, told(9, 1.0))
    for _ in range(8):  # the one in flight may count here too
        enter(ledger, 11.0)
    assert wait(ledger, 11.0) == pytest.approx(1.0 + MARGIN)
    succeed(ledger, 13.0)
    for _ in range(100):
        enter(ledger, 13.0)


def test_the_limit_that_binds_is_told() -> None:
    """Of several limits the one with the least left is told, and its time is what many requests take."""
    ledger = Ledger()
    assert ledger.rate_limit(0.0) is None
    long = evolve(told(7, 60.0, limit=8), name="long")
    succeed(ledger, 0.0, evolve(told(2, 1.0, limit=3), name="short", further=(long,)))
    assert ledger.rate_limit(0.0) == RateLimit(3, 2, pytest.approx(1.0 + MARGIN))
    assert ledger.time_for(16, 0.0) == pytest.approx(120.0, abs=0.1)
    ledger.throttle(0.0, 5.0)
    assert ledger.rate_limit(0.0) == RateLimit(3, 2, 5.0)


def test_a_place_comes_back_in_every_window() -> None:
    """A request that was not sent is counted by none of the limits."""
    ledger = Ledger()
    long = evolve(told(7, 60.0, limit=8), name="long")
    succeed(ledger, 0.0, evolve(told(2, 1.0, limit=3), name="short", further=(long,)))
    ledger.withdraw(enter(ledger, 0.0))
    windows = [limit.window for limit in (ledger, *ledger.further)]
    assert [window and window.left() for window in windows] == [2, 7]
    assert ledger.in_flight == 0


def two_limits(short: int, long: int) -> RateReading:
    """What an answer told of three requests in a second and of twenty in a minute: so many are left."""
    return evolve(told(short, 1.0, limit=3), name="short", further=(evolve(told(long, 60.0, limit=20), name="long"),))


def test_what_comes_late_changes_no_new_window() -> None:
    """Requests that outlast the windows of all limits are handed back to none of the next ones."""
    ledger = Ledger()
    succeed(ledger, 0.0, two_limits(2, 19))
    late = enter(ledger, 0.5)
    succeed(ledger, 70.0, two_limits(2, 19))
    windows = [limit.window for limit in (ledger, *ledger.further)]
    left = [window and window.left() for window in windows]
    ledger.withdraw(late)
    assert [window and window.left() for window in windows] == left == [1, 18]


def test_an_answer_without_headers_leaves_all_windows_as_they_are() -> None:
    """An error page in between tells nothing of any limit."""
    ledger = Ledger()
    succeed(ledger, 0.0, two_limits(2, 19))
    for good in (False, True):
        ledger.answer(enter(ledger, 0.1), 0.1, None, Health.GOOD if good else Health.BAD)
    assert wait(ledger, 0.1) == pytest.approx(0.9 + MARGIN)
    assert all(limit.guided for limit in (ledger, *ledger.further))


def test_one_limit_whose_counters_are_not_shared_leaves_the_others() -> None:
    """Where one limit's counters contradict each other twice, it guides no more, and the other does."""
    ledger = Ledger()
    for left in (2, 1, 0):
        succeed(ledger, 0.0, two_limits(left, 19))
    (long,) = ledger.further
    assert not long.shared
    assert long.window is None
    assert ledger.shared
    assert wait(ledger, 0.0) == pytest.approx(1.0 + MARGIN)
    succeed(ledger, 1.5, two_limits(2, 19))
    assert long.window is None


def test_a_refusal_that_comes_first_tells_when_to_come_again() -> None:
    """Who begins in a window that is used up, of a service without a Date, learns its end and not its length."""
    ledger = Ledger()
    ledger.answer(enter(ledger, 0.0), 0.0, RateReading(10, 0, 7.0, 1.0, 1_007.0, None, clock="refusal"), Health.UNKNOWN)
    ledger.throttle(0.0, 7.0)
    assert ledger.length is None
    reading = RateReading(10, 8, 999.0, 1.0, 1_017.0, None, clock="ours")
    succeed(ledger, 7.0, reading)
    assert ledger.window is not None
    assert ledger.window.closes_at == pytest.approx(18.0 + MARGIN)  # Reset may be rounded up


def test_limits_without_end_are_not_kept() -> None:
    """A service that calls its limit by another name in every answer does not fill the memory."""
    ledger = Ledger()
    for number in range(100):
        succeed(ledger, 100.0 * number, evolve(told(9), name=str(number)))
    assert len(ledger.further) == MAX_LIMITS


def test_another_clock_starts_all_limits_over() -> None:
    """No window of any limit is of a new loop's clock."""
    ledger = Ledger()
    short = evolve(told(9), name="short", further=(evolve(told(0, 1000.0), name="long"),))
    succeed(ledger, 10_000.0, short)
    assert wait(ledger, 10_000.0) > 900
    enter(ledger, 0.0)
