"""The ledger by itself, then lanes and limiters in event loops."""

import asyncio
import gc
import math
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import looptime
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async._io.limiter import RateLimiter, limiter_for
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.circuit import NEVER, Health
from periskope_async._sansio.ledger import FAILURES_IN_A_ROW, MAX_PAUSES, Ledger
from periskope_async._sansio.limit import BOUNDARY_PROBES, MARGIN, PATIENCE
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import MAX_LIMITS, RateReading
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.retry import MIN_RETRY_AFTER
from periskope_async._sansio.secret import Secret
from periskope_async.errors import ClientClosedError
from periskope_async.testing import RateLimitPolicy
from periskope_async.testing._limits import Limiter
from tests.simulation import Simulation, between, ideal, named

DIALECTS = ("legacy", "legacy-ms", "legacy-delta", "legacy-date", "draft-6", "draft-7", "draft-8")


def told(remaining: int, resets_in: float = 10.0, *, limit: int = 10, reset: float | None = None) -> RateReading:
    """What an answer told: whole seconds from now, or a Reset that names its window."""
    slack = 1.0 if reset is None else 2.0
    length = resets_in if reset is None else resets_in - 1
    return RateReading(limit, remaining, resets_in, slack, reset, length)


def enter(ledger: Ledger, now: float, **kind: Any) -> Permit:
    """Be let in."""
    given = ledger.admit(now, **kind)
    assert isinstance(given, Permit)
    return given


def wait(ledger: Ledger, now: float, **kind: Any) -> float:
    """Be refused, for so many seconds."""
    seconds = ledger.admit(now, **kind)
    assert isinstance(seconds, float)
    assert seconds > 0
    return seconds


def succeed(ledger: Ledger, now: float, reading: RateReading | None = None, **kind: Any) -> None:
    """Send one request that is answered well, at once."""
    ledger.answer(enter(ledger, now, **kind), now, reading, Health.GOOD)


def opened(now: float = 0.0, reading: RateReading | None = None) -> Ledger:
    """A ledger whose first answer has opened a window."""
    ledger = Ledger()
    succeed(ledger, now, reading or told(9))
    return ledger


def unguided() -> Ledger:
    """The ledger of a service that sends no rate headers."""
    ledger = Ledger()
    succeed(ledger, 0.0)
    assert not ledger.guided
    return ledger


# -- windows ----------------------------------------------------------------------------------------------------------


def test_one_request_asks_for_a_window() -> None:
    """While nothing is known, one request is on its way; the others wait for its answer, but not for ever."""
    ledger = Ledger()
    probe = enter(ledger, 0.0)
    assert wait(ledger, 0.1) == pytest.approx(PATIENCE - 0.1)
    enter(ledger, PATIENCE)
    assert wait(ledger, PATIENCE) == PATIENCE
    ledger.answer(probe, 0.6, told(9), Health.GOOD)
    assert ledger.window is not None
    assert ledger.window.left() == 8  # what is in flight may have used one more


@pytest.mark.parametrize("leave", ["lose", "withdraw", "answer"])
def test_the_next_asks_when_the_first_is_gone(leave: str) -> None:
    """A probe that comes back with nothing makes room for another at once."""
    ledger = Ledger()
    probe = enter(ledger, 0.0)
    if leave == "answer":
        ledger.answer(probe, 0.1, None, Health.BAD)
    else:
        getattr(ledger, leave)(probe)
    enter(ledger, 0.1)


def test_a_window_is_used_in_full_and_no_further() -> None:
    """As many requests as the limit says go out in a window; the next waits for its end."""
    ledger = opened()
    for _ in range(9):
        enter(ledger, 1.0)
    assert wait(ledger, 1.0) == pytest.approx(9.0 + MARGIN)
    assert wait(ledger, 9.0) == pytest.approx(1.0 + MARGIN)
    enter(ledger, 10.0 + 2 * MARGIN)
    assert ledger.window is None  # and that one asks for the next window


def test_a_place_comes_back_only_if_nothing_was_sent() -> None:
    """A request that was lost may have been counted; one that was not sent was not."""
    ledger = opened()
    for used, leave in (
        (1, ledger.withdraw),
        (1, lambda given: ledger.lose(given, unsent=True)),
        (2, ledger.lose),
        (3, lambda given: ledger.answer(given, 1.0, None, Health.BAD)),
    ):
        leave(enter(ledger, 1.0))
        assert ledger.window is not None
        assert ledger.window.left() == 10 - used
    assert ledger.in_flight == 0


def test_a_place_in_a_window_that_is_gone_does_not_come_back() -> None:
    """What is handed back later than its window is not handed to the next one."""
    ledger = opened()
    late = enter(ledger, 1.0)
    succeed(ledger, 11.0, told(9))
    assert ledger.window is not None
    left = ledger.window.left()
    ledger.withdraw(late)
    assert ledger.window.left() == left


def test_a_named_window_is_shorter_than_it_says() -> None:
    """Reset and Date in whole seconds overstate a window; its first answer shows its length."""
    ledger = opened(0.5, told(9, 3.0, reset=103.0))
    assert ledger.length == 2.0
    for _ in range(9):
        enter(ledger, 0.5)
    assert wait(ledger, 0.5) == pytest.approx(2.0 + MARGIN)


def test_a_length_is_learned_from_a_first_answer_only() -> None:
    """Where somebody else opened the window, nobody knows since when: it ends when it says."""
    ledger = opened(0.0, told(8, 3.0, reset=103.0))
    assert ledger.length is None
    assert ledger.time_for(100, 0.0) == 0.0  # unknown
    for _ in range(8):
        enter(ledger, 0.0)
    assert wait(ledger, 0.0) == pytest.approx(3.0 + MARGIN)


def test_a_length_that_is_told_counts() -> None:
    """A length in the headers stands above one that is learned."""
    ledger = opened(0.0, RateReading(10, 5, 3.0, 1.0, None, 60.0, length_told=True))
    assert ledger.length == 60.0


def test_a_length_learned_too_short_grows() -> None:
    """Windows on a grid: the first one met is short. A probe that finds it open, or a longer one, corrects that."""
    ledger = opened(0.0, told(0, 3.0, limit=1, reset=103.0))
    assert ledger.length == 2.0
    succeed(ledger, 2.1, told(0, 1.0, limit=1, reset=103.0))
    assert ledger.length == 3.0
    succeed(ledger, 3.2, told(0, 61.0, limit=1, reset=163.0))
    assert ledger.length == 60.0
    succeed(ledger, 63.3, told(0, 58.0, limit=1, reset=223.0))
    assert ledger.length == 60.0


def test_others_on_the_same_key_are_seen() -> None:
    """What Remaining shows beyond our own use is somebody else's, and not ours to use."""
    ledger = opened()
    succeed(ledger, 1.0, told(5))
    assert ledger.window is not None
    assert ledger.window.others == 3
    assert ledger.window.left() == 5


def test_where_there_are_others_a_window_ends_in_halves() -> None:
    """Remaining lags behind what is in flight, so with others about the last of a window goes out bit by bit."""
    ledger = opened()
    succeed(ledger, 1.0, told(5))
    succeed(ledger, 11.0, told(9))
    assert ledger.crowded
    held = []
    while not isinstance(given := ledger.admit(11.0), float):
        held.append(given)
    assert len(held) == 5
    for one in held:
        ledger.answer(one, 11.1, told(4), Health.GOOD)
    enter(ledger, 11.1)
    succeed(ledger, 22.0, told(9))
    assert not ledger.crowded


def test_an_answer_of_the_next_window_opens_it() -> None:
    """A window that ends in full flow is followed by the next one, in which all that is in flight may count."""
    for old, new in (
        (told(9, 3.0, reset=103.0), told(9, 3.0, reset=105.0)),
        (told(9, 2.0), told(9, 2.0)),
    ):
        ledger = opened(0.0, old)
        first, second, third = (enter(ledger, 1.9) for _ in range(3))
        ledger.answer(first, 2.0, new, Health.GOOD)
        assert ledger.window is not None
        assert (ledger.window.sent, ledger.window.answered) == (3, 1)
        ledger.answer(second, 2.0, old, Health.GOOD)  # late news of a window that is over
        ledger.answer(third, 2.0, None, Health.GOOD)
        assert ledger.window.answered == 1
        assert ledger.guided


def test_overtaking_answers_count_in_the_next_window() -> None:
    """Requests sent after the one that opens a window may count in it, even if they were answered before."""
    ledger = opened(0.0, told(9, 3.0, reset=103.0))
    slow, quick = enter(ledger, 1.0), enter(ledger, 1.0)
    ledger.answer(quick, 1.2, told(8, 2.0, reset=103.0), Health.GOOD)
    ledger.answer(slow, 2.0, told(8, 3.0, reset=105.0), Health.GOOD)
    assert ledger.window is not None
    assert ledger.window.sent == 2


def test_counters_that_contradict_each_other_twice_guide_nobody() -> None:
    """Remaining that rises in a window, or Reset that goes back, is another server's: then only a 429 guides."""
    for first, second, third in (
        (told(9), told(9), told(9)),
        (told(9), told(9, 5.0), told(9, 5.0)),
        (told(9, reset=110.0), told(9, 8.0, reset=108.0), told(9, 6.0, reset=106.0)),
    ):
        ledger = opened(0.0, first)
        succeed(ledger, 1.0, second)
        assert ledger.shared  # once, it may have been an answer that overtook another
        succeed(ledger, 1.0, third)
        assert not ledger.shared
        for _ in range(100):
            enter(ledger, 1.0)


def test_contradictions_are_forgotten_with_their_window() -> None:
    """One contradiction in every window is no proof."""
    ledger = opened()
    for window in range(5):
        succeed(ledger, 11.0 * window + 1, told(9))
        succeed(ledger, 11.0 * (window + 1) + 1, told(9))
    assert ledger.shared


# -- a long wire ------------------------------------------------------------------------------------------------------


def far_away(limit: int = 100) -> Ledger:
    """A ledger whose first answer took half a second, for a window of two."""
    ledger = Ledger()
    probe = enter(ledger, 0.0)
    ledger.answer(probe, 0.5, told(limit - 1, 3.0, limit=limit, reset=103.0), Health.GOOD)
    return ledger


def test_the_last_of_a_window_scout_for_the_next() -> None:
    """Over a long wire a window's last requests go out one by one while it may already be over."""
    ledger = far_away()
    while not isinstance(given := ledger.admit(0.6, wanted=1000), float):
        assert ledger.in_flight < 100
    window = ledger.window
    assert window is not None
    assert window.left() == BOUNDARY_PROBES
    assert window.open_until == 2.0  # two seconds from when the first request left
    now, moments = 0.6 + given, []
    while now < window.closes_at:
        enter(ledger, now, wanted=1000)
        moments.append(now)
        now += wait(ledger, now, wanted=1000)
    assert len(moments) == BOUNDARY_PROBES
    assert min(moments) == pytest.approx(2.0)
    assert max(moments) < window.closes_at


@pytest.mark.parametrize("wanted", [0, 1, BOUNDARY_PROBES])
def test_no_scouts_where_the_window_is_enough(wanted: float) -> None:
    """Whoever needs no further window does not wait for one."""
    ledger = far_away(limit=BOUNDARY_PROBES + 1)
    enter(ledger, 0.6, wanted=wanted)


def test_no_scouts_over_a_short_wire_or_in_a_small_window() -> None:
    """Scouts cost a part of their window, so they go only where they save more."""
    for ledger in (opened(), far_away(limit=9)):
        for _ in range(8):
            enter(ledger, 0.6, wanted=1000)


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
    """The limit counts on with our own use; between windows it is as it was told last."""
    ledger = opened()
    enter(ledger, 4.0)
    assert ledger.rate_limit(4.0) == RateLimit(10, 8, pytest.approx(6.0 + MARGIN))
    ledger.throttle(5.0, 3.0)
    assert ledger.rate_limit(5.0) == RateLimit(10, 9, 0.0)


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


# -- whole runs in made-up time ---------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    limit=st.sampled_from([1, 2, 3, 5, 10, 50, 100, 500]),
    window=st.sampled_from([1, 2, 3, 5, 10, 60, 90, 900, 3600]),
    dialect=st.sampled_from([*DIALECTS, "legacy+draft-7"]),
    wire=st.tuples(st.floats(0.0001, 0.05), st.floats(1, 4)),
    concurrency=st.sampled_from([1, 2, 8, 32, 200]),
    full=st.floats(0, 6),
    start=st.sampled_from([100.0, 100.5, 100.999]) | st.floats(100, 200),
    seed=st.integers(0, 999),
)
def test_no_429_and_no_time_lost(
    limit: int,
    window: int,
    dialect: str,
    wire: tuple[float, float],
    concurrency: int,
    full: float,
    start: float,
    seed: int,
) -> None:
    """Whatever the limit, the dialect, the wire and the moment: no answer of 429, and only round trips are lost."""
    requests = min(1 + int(full * limit), 1200)
    fast, slow = wire[0], wire[0] * wire[1]
    policy = RateLimitPolicy(limit, window, headers=dialect)
    simulation = Simulation(policy, requests, between(fast, slow, seed), concurrency, start)
    seconds = simulation.run()
    assert simulation.refused == 0
    assert simulation.ledger.shared
    windows = math.ceil(requests / limit)
    rounds = math.ceil(limit / min(concurrency, limit)) + 3  # of one window; two to find its end, one to open it
    most = (windows - 1) * (window + 0.03) + windows * rounds * 2 * slow
    # The window in which a run begins may be a second longer by its headers than it is.
    assert seconds <= most + 1.0


@pytest.mark.parametrize("window", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("aligned", [False, True])
def test_windows_of_odd_lengths(window: float, dialect: str, *, aligned: bool) -> None:
    """Windows that no whole second fits, from the first hit or on a grid: 429s only while they are learned."""
    policy = RateLimitPolicy(50, window, headers=dialect, aligned=aligned)
    for seed in range(3):
        simulation = Simulation(
            policy, 300, between(0.0005, 0.002, seed), start=100 + 7.77 * seed, running_for=3.21 * seed
        )
        assert simulation.run() <= 6 * (math.ceil(window) + 0.1) + 1, seed
        assert simulation.refused <= 3, seed
        assert simulation.ledger.shared, seed


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("limit", "window"), [(100, 1), (100, 2), (500, 60)])
@pytest.mark.parametrize("wire", [(0.0005, 0.002), (0.05, 0.15)])
def test_windows_on_a_grid(dialect: str, limit: int, window: int, wire: tuple[float, float]) -> None:
    """Windows that all begin together, as in express-rate-limit 6: 429s only while their length is learned."""
    policy = RateLimitPolicy(limit, window, headers=dialect, aligned=True)
    for seed in range(2):
        simulation = Simulation(policy, 1000, between(*wire, seed), start=100 + 7.77 * seed, running_for=23.21 * seed)
        simulation.run()
        assert simulation.refused <= 3, seed
        assert simulation.ledger.shared, seed


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("wire", [(0.0005, 0.002), (0.05, 0.15)])
def test_a_rival_on_the_same_key(dialect: str, *, aligned: bool, wire: tuple[float, float]) -> None:
    """Somebody else who makes three requests a second with the key: less than one of ours in a hundred meets a 429."""
    for limit, window in ((100, 2), (500, 60)):
        policy = RateLimitPolicy(limit, window, headers=dialect, aligned=aligned, rival=3.0)
        simulation = Simulation(policy, 2000, between(*wire), running_for=17.3)
        simulation.run()
        assert simulation.refused < 20


@pytest.mark.parametrize("dialect", [*DIALECTS, "none"])
@pytest.mark.parametrize("retry_after", ["seconds", "float", "date", "none"])
def test_counters_that_are_not_shared(dialect: str, retry_after: str) -> None:
    """Four servers with a count of each their own, or headers that tell nothing: survived, with few 429s a window."""
    policy = RateLimitPolicy(100, 2, headers=dialect, retry_after=retry_after, workers=4 if dialect != "none" else 1)
    simulation = Simulation(policy, 500, between(0.0005, 0.002))
    simulation.run()
    assert simulation.refused < 200


WIRES = pytest.mark.parametrize("wire", [(0.0005, 0.002), (0.02, 0.06)])


@pytest.mark.parametrize("headers", ["nestjs", "draft-8"])
@pytest.mark.parametrize(
    ("limits", "requests"),
    [
        (((3, 1), (20, 10)), 120),
        (((3, 1), (100, 60)), 400),
        (((20, 10), (100, 60)), 400),
        (((3, 1), (20, 10), (100, 60)), 400),
        (((100, 2), (500, 60)), 2000),
        (((100, 60), (3, 1)), 300),
    ],
)
@WIRES
def test_several_limits_at_once(
    headers: str, limits: tuple[tuple[int, float], ...], requests: int, wire: tuple[float, float]
) -> None:
    """Where a service sets several limits, whichever binds is kept: no answer of 429, and only round trips are lost."""
    policy = named(headers, *limits)
    simulation = Simulation(policy, requests, between(*wire))
    seconds = simulation.run()
    assert simulation.refused == 0
    assert seconds <= 1.05 * ideal(policy, requests) + 1.0
    assert len(simulation.ledger.further) == len(limits) - 1


@WIRES
@pytest.mark.parametrize("headers", ["legacy", "legacy-ms", "legacy-date"])
@pytest.mark.parametrize("ahead", [300.0, -300.0, 300.7, 0.0, -40.0, 86_400.0])
@pytest.mark.parametrize(("limit", "window"), [(1, 5), (3, 2), (100, 2), (10, 10), (50, 60), (20, 45), (50, 300)])
@pytest.mark.parametrize("dated", [True, False])
def test_a_clock_that_is_wrong(
    headers: str, ahead: float, limit: int, window: int, wire: tuple[float, float], *, dated: bool
) -> None:
    """However far the service's clock is from ours: told by a Date it costs nothing, and else one refusal in all."""
    policy = RateLimitPolicy(limit, window, headers=headers)
    simulation = Simulation(policy, 6 * limit, between(*wire), ahead=ahead, dated=dated)
    seconds = simulation.run()
    assert simulation.refused <= (0 if dated else 1)
    assert seconds <= 1.1 * ideal(policy, 6 * limit) + 2.0


@pytest.mark.parametrize("headers", ["legacy", "legacy-ms"])
@pytest.mark.parametrize("ahead", [300.0, -300.0, 0.0])
@pytest.mark.parametrize(("limit", "window"), [(10, 10), (50, 60), (50, 1.5)])
@pytest.mark.parametrize("retry_after", ["seconds", "none"])
@pytest.mark.parametrize("aligned", [False, True])
def test_a_wrong_clock_and_little_to_learn_from(
    headers: str, ahead: float, limit: int, window: float, retry_after: Any, *, aligned: bool
) -> None:
    """On a grid, in odd windows, or without Retry-After it takes a few refusals more, and never a pause of minutes."""
    random.seed(0)  # pauses without Retry-After are drawn
    policy = RateLimitPolicy(limit, window, headers=headers, aligned=aligned, retry_after=retry_after)
    simulation = Simulation(policy, 8 * limit, between(0.0005, 0.002), ahead=ahead, dated=False, running_for=3.21)
    seconds = simulation.run()
    assert simulation.refused <= (5 if retry_after == "seconds" else 40)
    assert seconds <= (1.2 if retry_after == "seconds" and window > 2 else 2.0) * 7 * window + 2.0


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
    assert ledger.rate_limit(0.0) == RateLimit(3, 2, 0.0)


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


# -- lanes ------------------------------------------------------------------------------------------------------------


@contextmanager
def virtual_time() -> Iterator[asyncio.AbstractEventLoop]:
    """Give an event loop in which waiting takes no time."""
    loop = looptime.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


class Waiters:
    """Tasks that wait before a lane, by name, and the order in which they were let in."""

    def __init__(self, queue: RequestQueue) -> None:
        self.queue = queue
        self.order: list[str] = []
        self.passes: dict[str, Permit] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def join(self, *names: str, bulk: bool = False) -> None:
        """Let somebody join the queue."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._wait(name, bulk=bulk))
        await record()

    async def _wait(self, name: str, *, bulk: bool) -> None:
        given = await self.queue.wait(self.queue.queue(bulk=bulk))
        self.order.append(name)
        self.passes[name] = given

    async def leave(self, name: str, reading: RateReading | None = None) -> None:
        """Answer somebody's request."""
        self.queue.answer(self.passes.pop(name), reading, Health.GOOD)
        await record()


async def record() -> None:
    """Let everybody who can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def lane_of(concurrency: int, limiter: RateLimiter | None = None) -> RequestQueue:
    """A lane in the running loop; its limiter knows of no limit."""
    if limiter is None:
        limiter = RateLimiter()
        limiter._ledger.guided = False
    return RequestQueue(limiter, concurrency, asyncio.get_running_loop())


async def test_first_come_first_served() -> None:
    """A lane lets in as many as its concurrency says, in their order."""
    waiters = Waiters(lane_of(2))
    await waiters.join("a", "b", "c", "d")
    assert waiters.order == ["a", "b"]
    assert waiters.queue.try_acquire(bulk=False) is None
    await waiters.leave("b")
    await waiters.leave("a")
    assert waiters.order == ["a", "b", "c", "d"]


async def test_single_calls_overtake_bulk_calls() -> None:
    """Whoever fetches one ticket does not wait behind ten thousand."""
    waiters = Waiters(lane_of(1))
    await waiters.join("bulk 1", "bulk 2", "bulk 3", bulk=True)
    await waiters.join("single")
    assert waiters.queue.try_acquire(bulk=True) is None
    for name in ("bulk 1", "single", "bulk 2"):
        await waiters.leave(name)
    assert waiters.order == ["bulk 1", "single", "bulk 2", "bulk 3"]


async def test_nobody_pushes_in() -> None:
    """A pass is to be had at once only where nobody waits for one of the same kind."""
    queue = lane_of(2)
    held = queue.try_acquire(bulk=True)
    assert held is not None
    queue.limiter._ledger.paused_until = math.inf
    assert queue.try_acquire(bulk=True) is None  # refused by the ledger
    turn = queue.queue(bulk=True)
    queue.limiter._ledger.paused_until = -math.inf
    assert queue.try_acquire(bulk=True) is None  # somebody waits
    single = queue.try_acquire(bulk=False)
    assert single is not None
    turn.cancel()
    queue.lose(single)
    queue.withdraw(held)
    assert queue.limiter._ledger.in_flight == 0


@pytest.mark.parametrize("who", ["a", "b", "c"])
async def test_a_waiter_who_leaves_is_passed_over(who: str) -> None:
    """Cancelling any one of those who wait costs the others nothing."""
    waiters = Waiters(lane_of(1))
    await waiters.join("first", "a", "b", "c")
    waiters.tasks[who].cancel()
    await record()
    for name in ("first", *(name for name in "abc" if name != who)):
        await waiters.leave(name)
    assert waiters.order == ["first", *(name for name in "abc" if name != who)]
    assert waiters.queue.limiter._ledger.in_flight == 0


async def test_a_pass_for_one_who_left_goes_to_the_next() -> None:
    """Cancelled in the moment between being let in and going on: the pass is not lost."""
    waiters = Waiters(lane_of(1))
    await waiters.join("first", "a", "b")
    waiters.queue.answer(waiters.passes.pop("first"), None, Health.GOOD)  # lets "a" in, who has not run yet
    waiters.tasks["a"].cancel()
    await record()
    assert waiters.order == ["first", "b"]
    await waiters.leave("b")
    assert waiters.queue.limiter._ledger.in_flight == 0


def test_a_lane_waits_for_the_window() -> None:
    """Those who wait are let in when the window is over, without anybody's help."""

    async def main() -> None:
        limiter = RateLimiter()
        now = asyncio.get_running_loop().time
        succeed(limiter._ledger, now(), told(9, 60.0))
        waiters = Waiters(lane_of(32, limiter))
        await waiters.join(*(f"{number:02}" for number in range(20)))
        assert len(waiters.order) == 9
        for name in tuple(waiters.passes):
            await waiters.leave(name)
        await asyncio.sleep(59.9)
        assert len(waiters.order) == 9
        await asyncio.sleep(0.2)
        assert len(waiters.order) == 10  # one asks
        await waiters.leave("09", told(9, 60.0))
        assert len(waiters.order) == 19
        waiters.tasks["19"].cancel()
        await record()
        assert not limiter._waiting
        assert waiters.queue._timer is None

    with virtual_time() as loop:
        loop.run_until_complete(main())


def test_an_outage_holds_bulk_calls_and_nobody_else() -> None:
    """Single calls go on in an outage, and what holds bulk calls back does not hold them."""

    async def main() -> None:
        queue = lane_of(8)
        queue.limiter._ledger.record_failure(0.0, enter(queue.limiter._ledger, 0.0), broke=True)
        waiters = Waiters(queue)
        await waiters.join("bulk", bulk=True)
        await waiters.join("single")
        assert waiters.order == ["single"]
        await asyncio.sleep(0.2)
        assert waiters.order == ["single", "bulk"]

    with virtual_time() as loop:
        loop.run_until_complete(main())


async def test_a_closed_lane_lets_nobody_wait() -> None:
    """Closing sends away who waits, who comes later, and who had been let in but not gone on."""
    queue = lane_of(1)
    waiters = Waiters(queue)
    await waiters.join("first", "a", "b", "c")
    queue.answer(waiters.passes.pop("first"), None, Health.GOOD)  # lets "a" in, who has not run yet
    waiters.tasks["c"].cancel()
    queue.close()
    await waiters.join("late")
    for name in ("a", "b", "late"):
        with pytest.raises(ClientClosedError, match="closed while this call waited"):
            await waiters.tasks[name]
    assert queue.try_acquire(bulk=False) is None
    assert queue.limiter._ledger.in_flight == 0
    assert not queue.limiter._waiting


async def test_cancelled_while_sent_away() -> None:
    """A caller who leaves in the moment the client is closed hands nothing back, for nothing was given."""
    queue = lane_of(1)
    waiters = Waiters(queue)
    await waiters.join("first", "a")
    queue.close()
    waiters.tasks["a"].cancel()
    await record()
    assert waiters.tasks["a"].cancelled()
    assert queue.limiter._ledger.in_flight == 1


# -- several lanes at one limiter -------------------------------------------------------------------------------------


async def test_an_answer_in_one_lane_lets_another_in() -> None:
    """Two clients on one key: what one gives back, the other may use at once."""
    limiter = RateLimiter()
    here, there = Waiters(lane_of(8, limiter)), Waiters(lane_of(8, limiter))
    await here.join("probe")
    await there.join("a", "b")
    assert (here.order, there.order) == (["probe"], [])
    await here.leave("probe", told(9))
    assert there.order == ["a", "b"]
    assert not limiter._waiting


async def test_an_answer_right_after_the_refusal_is_not_missed() -> None:
    """The last answer comes, in another thread, just after we were refused and just before we wait: we are woken."""
    limiter = RateLimiter()
    refused: list[float] = []

    class Watched(Ledger):
        """A ledger that notes whom it refuses."""

        def admit(self, now: float, *, bulk: bool = False, wanted: float = 0) -> Permit | float:
            given = super().admit(now, bulk=bulk, wanted=wanted)
            if not isinstance(given, Permit):
                refused.append(given)
            return given

    limiter._ledger = Watched(guided=False, ceiling=1.0)
    here, there = Waiters(lane_of(8, limiter)), lane_of(8, limiter)
    held = there.try_acquire(bulk=False)
    assert held is not None

    class Interrupted:
        """A lock after whose first release with somebody refused the other thread runs."""

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            if refused:
                limiter.lock = threading.Lock()
                there.answer(held, None, Health.GOOD)

    limiter.lock = Interrupted()  # type: ignore[assignment]  # a lock, as far as the limiter uses it
    await here.join("a")
    assert here.order == ["a"]
    assert refused == [NEVER]


def test_a_lane_whose_loop_is_dead_is_forgotten() -> None:
    """Waking goes past a lane whose loop was closed with somebody waiting."""
    limiter = RateLimiter()

    async def wait_for_ever() -> None:
        queue = lane_of(8, limiter)
        limiter._ledger.throttle(asyncio.get_running_loop().time(), 3600.0)
        queue.queue(bulk=False)

    with virtual_time() as loop:
        loop.run_until_complete(wait_for_ever())
    assert len(limiter._waiting) == 1

    async def answer() -> None:
        queue = lane_of(8, limiter)
        limiter._ledger.paused_until = -math.inf
        given = queue.try_acquire(bulk=False)
        assert given is not None
        queue.withdraw(given)

    asyncio.run(answer())
    assert not limiter._waiting


def test_several_threads_share_one_limit() -> None:
    """Four event loops in four threads use a limit up together, and none of them trips it or is left waiting."""
    policy = RateLimitPolicy(60, 0.4)
    service, lock, limiter = Limiter(policy, time.monotonic()), threading.Lock(), RateLimiter()
    refused: list[float] = []
    each = 60

    async def call(queue: RequestQueue, dice: random.Random) -> None:
        given = queue.try_acquire(bulk=True) or await queue.acquire(bulk=True)
        await asyncio.sleep(dice.uniform(0, 0.002))
        with lock:
            now = time.monotonic()
            verdict = service.hit("key", now)
        await asyncio.sleep(dice.uniform(0, 0.002))
        reading = RateReading(60, verdict.remaining, verdict.resets_at - now, 0.0, verdict.resets_at, 0.4, True)  # noqa: FBT003  # a value
        if not verdict.allowed:
            refused.append(now)
        queue.answer(given, reading, Health.GOOD)

    async def main(seed: int) -> None:
        queue, dice = lane_of(8, limiter), random.Random(seed)  # noqa: S311  # repeatable
        async with asyncio.timeout(30):
            await asyncio.gather(*(call(queue, dice) for _ in range(each)))

    errors: list[BaseException] = []

    def thread(seed: int) -> None:
        try:
            asyncio.run(main(seed))
        except BaseException as error:  # noqa: BLE001  # told below
            errors.append(error)

    threads = [threading.Thread(target=thread, args=(seed,)) for seed in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(40)
    assert errors == []
    assert refused == []
    assert limiter._ledger.in_flight == 0
    assert not limiter._waiting


def test_one_gate_for_a_key_and_a_service() -> None:
    """Clients with the same key and base URL share a limiter for as long as one of them lives; others do not."""
    limiter = limiter_for("https://a/v1", Secret("one"))
    assert limiter_for("https://a/v1", Secret("one")) is limiter
    assert limiter_for("https://b/v1", Secret("one")) is not limiter
    assert limiter_for("https://a/v1", Secret("two")) is not limiter
    limiter._ledger.in_flight = 7
    del limiter
    gc.collect()
    assert limiter_for("https://a/v1", Secret("one")).ledger.in_flight == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_a_gate_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a parent has in flight is no business of its child."""
    limiter = limiter_for("https://a/v1", Secret("one"))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert limiter_for("https://a/v1", Secret("one")) is not limiter
