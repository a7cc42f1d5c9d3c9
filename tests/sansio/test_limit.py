"""One limit and its windows, as a ledger keeps it."""

import pytest
from attrs import evolve

from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.limit import BOUNDARY_PROBES, MARGIN, PATIENCE
from periskope_async._sansio.rate_headers import RateReading
from tests.sansio.ledgers import enter, opened, succeed, told, wait

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
    ledger = opened(0.0, RateReading(10, 5, 3.0, 1.0, None, 60.0, length_reported=True))
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


@pytest.mark.parametrize(
    ("over", "counted"),
    [
        ("answered", 1),
        ("lost", 1),
        ("answered by the name of the last window", 0),
        ("answered before the probe", 0),
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_what_is_over_before_its_window_opens_counts_in_it(over: str, counted: int, several: bool) -> None:  # noqa: FBT001
    """What was let go in the last window, and is over while a probe is in flight, may count in the probe's window."""

    def tell(remaining: int, resets_in: float, reset: float) -> RateReading:
        reading = told(remaining, resets_in, reset=reset)
        if several:
            reading.further = (evolve(reading, name="long"),)
        return reading

    ledger = opened(0.0, tell(9, 3.0, 103.0))
    held_up = enter(ledger, 1.0)
    if over == "answered before the probe":
        ledger.end()
        ledger.answer(held_up, 2.5, tell(9, 3.0, 106.0), Health.GOOD)
    probe = enter(ledger, 3.1)
    match over:
        case "answered":
            ledger.answer(held_up, 3.2, tell(8, 3.0, 106.0), Health.GOOD)
        case "lost":
            ledger.lose(held_up)
        case "answered by the name of the last window":
            ledger.answer(held_up, 3.2, tell(8, 0.0, 103.0), Health.GOOD)
        case _:
            pass
    ledger.answer(probe, 3.3, tell(9, 3.0, 106.0), Health.GOOD)
    windows = [limit.window for limit in (ledger, *ledger.further)]
    assert [window and window.sent for window in windows] == [1 + counted] * (2 if several else 1)


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
