"""Real processes on one key and the fake service: none is refused, each gets what it asked for, whatever happens."""

import json
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from periskope_async.testing import FakePeriskope, RateLimitPolicy
from tests.redis_server import RedisServer, needs_redis
from tests.worker_processes import finish, say, workers


def statuses(fake: FakePeriskope) -> Counter[int]:
    """How often the fake answered what."""
    return Counter(request.status for request in fake.requests)


CASES = [
    pytest.param(2, RateLimitPolicy(100, 1.0), 200, id="2"),
    pytest.param(4, RateLimitPolicy(60, 1.0, headers="draft-7"), 180, id="4", marks=pytest.mark.slow),
    # Most of what a process costs is its start: how a dialect is read needs a few, a crowd is one whatever the dialect.
    *(
        pytest.param(count, RateLimitPolicy(100, 1.0, headers=headers), 400, id=headers, marks=pytest.mark.slow)
        for headers, count in {
            "legacy": 8,
            "legacy-ms": 2,
            "legacy-delta": 4,
            "draft-6": 2,
            "draft-7": 2,
            "draft-8": 8,
        }.items()
    ),
    pytest.param(8, RateLimitPolicy(300, 5.0), 904, id="8-of-5-s", marks=pytest.mark.slow),
    pytest.param(
        4,
        RateLimitPolicy(
            40, 1.0, headers="nestjs", name="short", also=(RateLimitPolicy(100, 4.0, headers="nestjs", name="long"),)
        ),
        160,
        id="two-limits",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("count", "policy", "tickets"), CASES)
def test_no_process_is_refused(tmp_path: Path, count: int, policy: RateLimitPolicy, tickets: int) -> None:
    """Processes that fetch at once, over several windows, meet not one 429, and each ticket is asked for once."""
    with (
        FakePeriskope(tickets=tickets, rate_limit=policy) as fake,
        workers(fake.api_key, fake.base_url, count, tmp_path) as processes,
    ):
        for position, process in enumerate(processes):
            say(process, json.dumps(fake.ticket_ids[position::count]))
        assert [finish(process)[0] for process in processes] == [tickets // count] * count
        assert statuses(fake) == {200: tickets}


@pytest.mark.slow
def test_the_rate_limit_of_all(tmp_path: Path) -> None:
    """What a process tells of the rate limit counts what the others have used."""
    policy = RateLimitPolicy(100, 30.0)
    with (
        FakePeriskope(tickets=60, rate_limit=policy) as fake,
        workers(fake.api_key, fake.base_url, 2, tmp_path) as processes,
    ):
        for position, process in enumerate(processes):
            say(process, json.dumps(fake.ticket_ids[position::2]))
        limits = [finish(process)[1] for process in processes]
        assert "remaining=40" in max(limits)
        assert statuses(fake) == {200: 60}


@pytest.mark.slow
def test_killed_and_stopped(tmp_path: Path) -> None:
    """One is killed and one stopped in the middle of their runs: the others get all they asked for, unrefused."""
    policy = RateLimitPolicy(40, 1.0)
    with (
        FakePeriskope(tickets=400, rate_limit=policy) as fake,
        workers(fake.api_key, fake.base_url, 4, tmp_path) as processes,
    ):
        for position, process in enumerate(processes):
            say(process, json.dumps(fake.ticket_ids[position::4][: 30 if position < 2 else None]))
        until = time.monotonic() + 30
        while len(fake.requests) < 20 and time.monotonic() < until:
            time.sleep(0.01)
        processes[2].kill()
        processes[3].send_signal(signal.SIGSTOP)
        assert [finish(process)[0] for process in processes[:2]] == [30, 30]
        processes[3].send_signal(signal.SIGCONT)
        processes[3].kill()
        assert processes[2].wait() == -signal.SIGKILL
        assert set(statuses(fake)) <= {200, 0}


@needs_redis
@pytest.mark.slow
@pytest.mark.parametrize("headers", ["legacy", "legacy-ms", "draft-7"])
def test_no_process_is_refused_by_redis(tmp_path: Path, headers: str) -> None:
    """Processes that share by Redis, each with a folder of its own as on another machine, meet not one 429 either."""
    pytest.importorskip("redis", reason="redis is not installed")
    policy = RateLimitPolicy(40, 1.0, headers=headers)
    with FakePeriskope(tickets=160, rate_limit=policy) as fake, RedisServer() as server, ExitStack() as stack:
        processes = [
            stack.enter_context(workers(fake.api_key, fake.base_url, 1, tmp_path / str(number), server.url))[0]
            for number in range(4)
        ]
        for position, process in enumerate(processes):
            say(process, json.dumps(fake.ticket_ids[position::4]))
        assert [finish(process)[0] for process in processes] == [40] * 4
        assert statuses(fake) == {200: 160}
