"""Processes on one key in virtual time: none is refused, all take no longer than one alone, and each gets its share."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest

from periskope_async._sansio.shared_slots import LAPSE
from periskope_async.testing import RateLimitPolicy
from tests.support import slow
from tests.virtual_processes import CONCURRENCY, Processes, virtual_loop
from tests.weather import Weather

#: Requests in a window, seconds, and requests in all, which leave some of the last window unused.
POLICIES = [(100, 1.0, 752), (300, 5.0, 1104), (500, 60.0, 1904)]
HEADERS = ["legacy", "legacy-ms", "legacy-delta", "nestjs", "draft-6", "draft-7", "draft-8"]
QUICK = {("host", 4, 100, "legacy"), ("redis", 8, 100, "draft-7")}
CASES = [
    pytest.param(
        *(budget, count, limit, window, requests, headers),
        id=f"{budget}-{count}-{limit}-{headers}",
        marks=() if (budget, count, limit, headers) in QUICK else pytest.mark.slow,
    )
    for budget in ("host", "redis")
    for limit, window, requests in POLICIES
    for count in (2, 4, 8, 16)
    for headers in HEADERS
]


def bulk(policy: RateLimitPolicy, budget: str, folder: Path, *shares: int) -> Processes:
    """Run processes, each with its share."""
    with virtual_loop() as loop:
        processes = Processes(policy, budget, folder, loop)
        processes.run_bulk(*shares)
        return processes


@cache
def alone(policy: RateLimitPolicy, requests: int) -> Processes:
    """Run one process with all of it."""
    with TemporaryDirectory() as folder:
        return bulk(policy, "own", Path(folder), requests)


@pytest.mark.parametrize(("budget", "count", "limit", "window", "requests", "headers"), CASES)
def test_bulk_runs(
    tmp_path: Path, budget: str, count: int, limit: int, window: float, requests: int, headers: str
) -> None:
    """As fast as one alone, with not one 429, and the slowest soon after the fastest."""
    policy = RateLimitPolicy(limit, window, headers=headers)
    one = alone(policy, requests)
    all_ = bulk(policy, budget, tmp_path, *[requests // count] * count)
    assert (all_.refused, all_.answered) == (one.refused, one.answered) == (0, requests)
    assert max(all_.took) <= 1.05 * max(one.took)
    # Of sixteen each may have 6.25 in a window: who has the odd ones of it has fewer of the next, but through a file.
    assert (budget, count) == ("host", 16) or max(all_.took) <= 1.3 * min(all_.took)


@pytest.mark.parametrize(("count", "headers"), [(8, "legacy"), *map(slow, [2, 16], ["draft-7", "legacy-ms"])])
def test_nobody_has_chosen(tmp_path: Path, count: int, headers: str) -> None:
    """Processes that find out together that there is a limit share it from then on: not one 429, and as fast as one."""
    policy, requests = RateLimitPolicy(100, 1.0, headers=headers), 480
    all_ = bulk(policy, "auto", tmp_path / "budgets", *[requests // count] * count)
    assert (all_.refused, all_.answered) == (0, requests)
    # The first window of all, in which each has sent a request of its own, ends in halves.
    assert max(all_.took) <= (1.05 if count < 16 else 1.1) * max(alone(policy, requests).took)


@pytest.mark.parametrize("seed", [2, *map(slow, range(6))])
def test_connections_that_take_long(tmp_path: Path, seed: int) -> None:
    """How far Redis's clock is off is not taken from an answer that took long: windows would end too early."""
    with virtual_loop() as loop:
        processes = Processes(RateLimitPolicy(100, 1.0), "redis", tmp_path, loop, weather=Weather(seed))
        processes.redis.connect = 0.24
        processes.run_bulk(*[60] * 8)
    assert (processes.refused, processes.answered) == (0, 480)


@pytest.mark.slow
def test_who_comes_first(tmp_path: Path) -> None:
    """Who knows of no others yet leaves them something, and what it has had more than its share they have later."""
    with virtual_loop() as loop:
        processes = Processes(RateLimitPolicy(100, 1.0), "redis", tmp_path, loop)
        processes.redis.connect = 0.1
        processes.run_bulk(*[120] * 8)
    assert (processes.refused, processes.answered) == (0, 960)
    assert max(processes.took) <= 1.5 * min(processes.took)  # 1.8, when the first took 65 of the first window at once


LATE = {"late": 0.03}
STALLS = {"stalls_every": 0.2, "stalls_for": 0.8}


@pytest.mark.parametrize(
    ("budget", "count", "seeds", "headers", "weather"),
    [
        # With these, sixteen processes were refused up to three times, when answers of an ended window were forgotten.
        ("host", 16, [14], "legacy", LATE),
        ("redis", 16, [7], "legacy", LATE),
        *(
            slow(budget, count, range(3), headers, weather)
            for budget in ("host", "redis")
            for count in (2, 16)
            for headers in ("legacy", "draft-7")
            for weather in (LATE, STALLS, LATE | STALLS)
        ),
    ],
)
def test_what_comes_late(
    tmp_path: Path, budget: str, count: int, seeds: Iterable[int], headers: str, weather: dict[str, float]
) -> None:
    """Not one 429, when requests and answers come late and processes are held up, though others go on meanwhile."""
    for seed in seeds:
        with virtual_loop() as loop:
            processes = Processes(
                RateLimitPolicy(100, 1.0, headers=headers),
                budget,
                tmp_path / str(seed),
                loop,
                (0.001, 0.02),
                weather=Weather(seed, **weather),
            )
            processes.run_bulk(*[480 // count] * count)
        assert (processes.refused, processes.answered) == (0, 480)
        assert processes.late > 10 or "late" not in weather
        assert processes.stalls > 4 * count or "stalls_every" not in weather
        assert max(processes.took) <= 8  # of 4.2 alone and in time: a window for each whose probe came late


@pytest.mark.parametrize("budget", ["host", slow("redis")])
@pytest.mark.parametrize("load", [0.8, slow(1.2)])
def test_single_calls(tmp_path: Path, budget: str, load: float) -> None:
    """Calls of eight web workers wait as long as those of one that has all of them: below the limit, and above."""
    policy, calls, every = RateLimitPolicy(100, 1.0), int(400 * load), 1 / (100 * load)
    with virtual_loop() as loop:
        one = Processes(policy, "own", tmp_path, loop, (0.008, 0.012))
        one.run_single(1, calls, every)
    with virtual_loop() as loop:
        all_ = Processes(policy, budget, tmp_path, loop, (0.008, 0.012))
        all_.run_single(8, calls // 8, 8 * every)
    assert (all_.refused, all_.answered) == (0, calls)
    assert median(all_.waits) <= 1.3 * median(one.waits)


@pytest.mark.parametrize(("count", "most"), [(1, 0.1), slow(8, 1.0), slow(16, 2.0)])
def test_redis_is_asked_once_for_many(tmp_path: Path, count: int, most: float) -> None:
    """One process asks Redis once in ten requests or less; of those that all want all there is, none asks often.

    Sixteen had asked more than four times for each request, when each lease was written in the place of another.
    """
    run = bulk(RateLimitPolicy(100, 1.0), "redis", tmp_path, *[752 // count] * count)
    assert run.redis.asked <= most * run.answered


def test_a_killed_process_lapses_in_redis(tmp_path: Path) -> None:
    """What a process held when it was killed is soon nobody's, and the other fills its windows again; unrefused."""
    share, after = 1500, 2.05
    with virtual_loop() as loop:
        processes = Processes(RateLimitPolicy(100, 1.0), "redis", tmp_path, loop)
        processes.run_and_kill(share, after)
    assert len(processes.redis.slots) == 1
    assert processes.refused == 0
    # Two windows shared, then the whole of each, but for what the killed one held, as long as it counted.
    held = CONCURRENCY + 50
    assert max(processes.took) <= 1.05 * (after + (share - 150 + held * LAPSE) / 100 + 1)
