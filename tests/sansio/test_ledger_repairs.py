"""The ledger where a moment, or a kind of failure, once misled it: window lengths, and what is an outage."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import FAILURES_IN_A_ROW, Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async.testing import RateLimitPolicy
from tests.simulation import Simulation, between
from tests.support import repeated, slow, some

# -- window lengths from a Reset in milliseconds ----------------------------------------------------------------------


def in_milliseconds(date: float, reset: float, *, limit: int = 1, left: int = 0) -> RateReading:
    """Return what an answer with a Date and a Reset in milliseconds shows."""
    resets_in = reset - date
    return RateReading(limit, left, resets_in, 1.0, reset, float(max(1, int(resets_in))), rounding=0.001)


def succeed(ledger: Ledger, now: float, reading: RateReading | None) -> None:
    """Send one request that is answered well, at once."""
    permit = ledger.admit(now)
    assert isinstance(permit, Permit)
    ledger.answer(permit, now, reading, Health.GOOD)


@pytest.mark.parametrize("windows", [5, slow(10), slow(40)])
@pytest.mark.parametrize("limit", [1, 10, 100])
@pytest.mark.parametrize("length", [1, 2, 3, 10])
@pytest.mark.parametrize(("start", "wire"), [(100.999, 1e-4), (100.9995, 1e-4), (100.999, 0.01), (100.99905, 1e-5)])
def test_lateness_does_not_grow_from_window_to_window(
    start: float, wire: float, length: int, limit: int, windows: int
) -> None:
    """However a Date in whole seconds misleads in the first window, the run loses a second and a half in all."""
    policy = RateLimitPolicy(limit, length, headers="legacy-ms")
    simulation = Simulation(policy, limit * windows, between(wire, wire), 32, start)
    rounds = math.ceil(limit / 32) + 3
    assert simulation.run() <= (windows - 1) * (length + 0.03) + windows * rounds * 2 * wire + 1.5
    assert simulation.refused == 0


@repeated
@settings(max_examples=30, deadline=None)
@given(
    start=st.integers(0, 999_999).map(lambda micros: 100 + micros / 1e6) | st.floats(100.998, 101.002),
    wire=st.floats(1e-5, 0.05),
    length=st.sampled_from([1, 2, 3, 4, 7, 60]),
    limit=st.sampled_from([1, 3, 50]),
)
@example(start=100.999, wire=1e-4, length=1, limit=1)
@example(start=101.0, wire=1e-5, length=2, limit=1)
def test_whenever_a_run_begins_no_time_is_lost(start: float, wire: float, length: int, limit: int, batch: int) -> None:
    """With a Reset in milliseconds any moment to begin is as good as any other, and none meets a 429."""
    del batch
    policy = RateLimitPolicy(limit, length, headers="legacy-ms")
    simulation = Simulation(policy, limit * 12, between(wire, wire), 32, start)
    rounds = math.ceil(limit / 32) + 3
    assert simulation.run() <= 11 * (length + 0.03) + 12 * rounds * 2 * wire + 1.5
    assert simulation.refused == 0


@pytest.mark.parametrize("tenths", [(0, 3, 4, 7, 9), slow((1, 2, 5, 6, 8))])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("length", some([0.5, 1.25, 1.5, 2.5, 10.25], 1.25))
def test_a_length_that_is_no_whole_number_costs_a_refusal_or_two(
    length: float, tenths: tuple[int, ...], *, aligned: bool
) -> None:
    """Windows of odd lengths are not taken for a shorter whole number again and again."""
    for tenth in tenths:
        policy = RateLimitPolicy(10, length, headers="legacy-ms", aligned=aligned)
        simulation = Simulation(policy, 500, between(0.001, 0.001), start=100 + tenth / 10, running_for=3.21)
        assert simulation.run() <= 49 * (math.ceil(length) + 0.1) + 1, tenth
        assert simulation.refused <= 3, tenth


def test_windows_that_follow_closely_prove_a_length_too_long() -> None:
    """A window that ended before the next one began is no longer than their Resets are apart."""
    ledger = Ledger()
    succeed(ledger, 0.999, in_milliseconds(100.0, 102.0))
    assert ledger.length == 2.0
    succeed(ledger, 3.1, in_milliseconds(103.0, 104.1))
    assert ledger.length == 2.0  # they are 2.1 s apart
    succeed(ledger, 4.3, in_milliseconds(104.0, 105.3))
    assert ledger.length == 1.0


def test_a_reset_that_comes_late_by_a_little_proves_nothing() -> None:
    """A service that computes its Reset anew for every answer is off by a little, and lengths do not follow."""
    ledger = Ledger()
    succeed(ledger, 0.5, in_milliseconds(100.0, 110.7))
    assert ledger.length == 10.0
    succeed(ledger, 10.8, in_milliseconds(110.0, 120.5))
    assert ledger.length == 10.0  # they are 9.8 s apart


def test_a_coarse_date_does_not_make_a_length_grow() -> None:
    """Two seconds from Date to Reset may be a window of one second; a millisecond more is one of two."""
    for shown, length in ((2.0, 1.0), (2.001, 2.0)):
        ledger = Ledger()
        succeed(ledger, 0.5, in_milliseconds(100.0, 101.5))
        assert ledger.length == 1.0
        succeed(ledger, 2.999, in_milliseconds(102.0, 102.0 + shown))
        assert ledger.length == length


def test_a_length_that_was_too_short_is_not_learned_again() -> None:
    """Where a window outlasts what its successors seem to prove, they are believed no more."""
    ledger = Ledger()
    succeed(ledger, 0.9, in_milliseconds(100.0, 102.2))  # a second and three tenths
    assert ledger.length == 2.0
    succeed(ledger, 3.0, in_milliseconds(103.0, 104.3))
    succeed(ledger, 4.32, in_milliseconds(104.0, 105.62))
    assert ledger.length == 1.0
    succeed(ledger, 5.34, in_milliseconds(105.0, 105.62))  # it is not over yet
    assert ledger.length == 2.0
    succeed(ledger, 6.0, in_milliseconds(106.0, 107.3))
    succeed(ledger, 7.32, in_milliseconds(107.0, 108.62))
    assert ledger.length == 2.0


def test_counters_that_were_lost_prove_nothing() -> None:
    """A service that starts again begins a window before the last one is over: its length stays."""
    ledger = Ledger()
    succeed(ledger, 0.5, in_milliseconds(100.0, 160.5, limit=10, left=9))
    assert ledger.length == 60.0
    succeed(ledger, 7.5, in_milliseconds(107.0, 167.5, limit=10, left=9))
    assert ledger.length == 60.0


def test_a_length_in_the_headers_is_not_corrected() -> None:
    """What the service says of its window's length stands above what its Resets seem to prove."""
    ledger = Ledger()
    for now in (0.5, 1.9):
        succeed(ledger, now, RateReading(10, 9, 1.5, 1.0, 101.0 + now, 2.0, length_reported=True, rounding=0.001))
        ledger.end()
    assert ledger.length == 2.0


def test_a_new_clock_leaves_the_length() -> None:
    """On another loop's clock the first window has none before it, and its length is known all the same."""
    ledger = Ledger()
    succeed(ledger, 10_000.5, in_milliseconds(100.0, 102.5))
    succeed(ledger, 0.5, in_milliseconds(200.0, 202.5))
    assert ledger.length == 2.0


def test_a_service_that_changes_its_limit_is_followed() -> None:
    """Longer windows are learned, and shorter ones, however often the service changes its mind."""
    ledger = Ledger()
    now = 0.5
    for length, windows in ((2, 3), (60, 2), (1, 3), (10, 3)):
        for _ in range(windows):
            date = 100.0 + int(now)
            succeed(ledger, now, in_milliseconds(date, 100.0 + now + length))
            now += length + 0.1
        assert ledger.length == length


# -- what is an outage ------------------------------------------------------------------------------------------------


def fail(ledger: Ledger, now: float, *, after: int = 0, broke: bool = False) -> None:
    """Send a bulk request that is lost, of a call that has failed so often before."""
    permit = ledger.admit(now, bulk=True)
    assert isinstance(permit, Permit)
    permit.failures = after
    ledger.lose(permit)
    ledger.record_failure(now, permit, broke=broke)


def retry(ledger: Ledger, now: float, *, after: int = 1) -> None:
    """Send a bulk request that is answered well, of a call that has failed so often before."""
    permit = ledger.admit(now, bulk=True)
    assert isinstance(permit, Permit)
    permit.failures = after
    ledger.answer(permit, now, None, Health.GOOD)


def unguided() -> Ledger:
    """Return the ledger of a service that sends no rate headers."""
    ledger = Ledger()
    succeed(ledger, 0.0, None)
    return ledger


def test_where_retries_are_answered_first_failures_are_no_outage() -> None:
    """A service that answers every second attempt is in order, however many first attempts fail in a row."""
    ledger = unguided()
    retry(ledger, 0.0)
    for _ in range(10 * FAILURES_IN_A_ROW):
        fail(ledger, 0.0)
    assert ledger.circuit is None


def test_an_empty_budget_is_no_outage_where_retries_are_answered() -> None:
    """What an earlier outage has used up does not stop a run whose retries are answered again."""
    ledger = unguided()
    retry(ledger, 0.0)
    fail(ledger, 0.0, broke=True)
    assert ledger.circuit is None
    fail(ledger, 0.0, after=1, broke=True)
    assert ledger.circuit is not None


def test_retries_that_fail_are_an_outage() -> None:
    """Once a retry fails as well, every failure counts again."""
    ledger = unguided()
    retry(ledger, 0.0)
    fail(ledger, 0.0, after=1)
    for _ in range(FAILURES_IN_A_ROW - 1):
        assert ledger.circuit is None
        fail(ledger, 0.0)
    assert ledger.circuit is not None


def test_as_many_failures_as_calls_usually_meet_are_no_outage() -> None:
    """Where the third attempt is answered, the first two failures show nothing; a third does."""
    ledger = unguided()
    retry(ledger, 0.0, after=2)
    for _ in range(2 * FAILURES_IN_A_ROW):
        fail(ledger, 0.0)
        fail(ledger, 0.0, after=1)
    assert ledger.circuit is None
    fail(ledger, 0.0, after=2)
    retry(ledger, 0.0, after=0)  # a call that needs no retry shows nothing about them
    for _ in range(FAILURES_IN_A_ROW):
        fail(ledger, 0.0)
    assert ledger.circuit is not None


def test_a_first_failure_does_not_prolong_an_outage_that_a_retry_has_ended() -> None:
    """When the probe's retry is answered, the calls that come back may fail once each, and nobody pauses."""
    ledger = unguided()
    for _ in range(FAILURES_IN_A_ROW):
        fail(ledger, 0.0)
    retry(ledger, 1.0)
    for _ in range(FAILURES_IN_A_ROW):
        fail(ledger, 1.0)
    assert isinstance(ledger.admit(1.0, bulk=True), Permit)
