"""Whole runs in made-up time: what limits cost, in answers of 429 and in time."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async.testing import RateLimitPolicy
from tests.simulation import Simulation, between, ideal, named
from tests.support import repeated, slow, some

DIALECTS = ("legacy", "legacy-ms", "legacy-delta", "legacy-date", "draft-6", "draft-7", "draft-8")
DIALECT = pytest.mark.parametrize("dialect", some(DIALECTS, "legacy-ms", "draft-7"))  # these two differ most


@repeated
@settings(max_examples=50, deadline=None)
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
    batch: int,
) -> None:
    """Whatever the limit, the dialect, the wire and the moment: no answer of 429, and only round trips are lost."""
    del batch
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


@pytest.mark.parametrize("start", [100.98, 100.989, 100.999, 100.9999])
def test_a_window_that_starts_in_the_last_millisecond(start: float) -> None:
    """Milliseconds that make full seconds are no reason to take windows for a second longer than they are."""
    simulation = Simulation(RateLimitPolicy(1, 1, headers="legacy-ms"), 40, between(0.0001, 0.0001), start=start)
    assert simulation.run() <= 39 * 1.03 + 1.0
    assert simulation.refused == 0


@pytest.mark.parametrize("window", [0.5, 1.5, 2.5])
@DIALECT
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


@DIALECT
@pytest.mark.parametrize(("limit", "window"), [(100, 1), (100, 2), (500, 60)])
@pytest.mark.parametrize("wire", [slow((0.0005, 0.002)), (0.05, 0.15)])
def test_windows_on_a_grid(dialect: str, limit: int, window: int, wire: tuple[float, float]) -> None:
    """Windows that all begin together, as in express-rate-limit 6: 429s only while their length is learned."""
    policy = RateLimitPolicy(limit, window, headers=dialect, aligned=True)
    for seed in range(2):
        simulation = Simulation(policy, 1000, between(*wire, seed), start=100 + 7.77 * seed, running_for=23.21 * seed)
        simulation.run()
        assert simulation.refused <= 3, seed
        assert simulation.ledger.shared, seed


@DIALECT
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("wire", [slow((0.0005, 0.002)), (0.05, 0.15)])
def test_a_rival_on_the_same_key(dialect: str, *, aligned: bool, wire: tuple[float, float]) -> None:
    """Somebody else who makes three requests a second with the key: less than one of ours in a hundred meets a 429."""
    for limit, window in ((100, 2), (500, 60)):
        policy = RateLimitPolicy(limit, window, headers=dialect, aligned=aligned, rival=3.0)
        simulation = Simulation(policy, 2000, between(*wire), running_for=17.3)
        simulation.run()
        assert simulation.refused < 20


@pytest.mark.parametrize("dialect", [*DIALECTS, "none"])
@pytest.mark.parametrize("retry_after", some(["seconds", "float", "date", "none"], "seconds"))
def test_counters_that_are_not_shared(dialect: str, retry_after: str) -> None:
    """Four servers with a count of each their own, or headers that tell nothing: survived, with few 429s a window."""
    policy = RateLimitPolicy(100, 2, headers=dialect, retry_after=retry_after, workers=4 if dialect != "none" else 1)
    simulation = Simulation(policy, 500, between(0.0005, 0.002))
    simulation.run()
    assert simulation.refused < 200


WIRES = pytest.mark.parametrize("wire", [(0.0005, 0.002), slow((0.02, 0.06))])


@pytest.mark.parametrize("headers", ["nestjs", "draft-8"])
@pytest.mark.parametrize(
    ("limits", "requests"),
    [
        (((3, 1), (20, 10)), 120),
        (((100, 60), (3, 1)), 300),
        slow(((3, 1), (100, 60)), 400),
        slow(((20, 10), (100, 60)), 400),
        slow(((3, 1), (20, 10), (100, 60)), 400),
        slow(((100, 2), (500, 60)), 2000),
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
@pytest.mark.parametrize("ahead", some([300.0, -300.0, 300.7, 0.0, -40.0, 86_400.0], 300.7, -40.0))
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
@pytest.mark.parametrize("ahead", [300.0, slow(-300.0), slow(0.0)])
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
