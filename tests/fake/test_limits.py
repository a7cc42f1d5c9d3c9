"""Rate limits as Express middleware counts and tells them."""

import asyncio
import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from periskope_async.testing import FakePeriskope, RateLimitPolicy
from periskope_async.testing._limits import DIALECTS, Limiter
from tests.support import virtual_loop

START = 1_740_000_000.25


def allowed(limiter: Limiter, *moments: float, key: str = "k") -> list[bool]:
    """Whether requests at these *moments* after the start are let through."""
    return [limiter.hit(key, START + moment).allowed for moment in moments]


@pytest.mark.parametrize(
    ("spec", "limit", "window"),
    [
        ("100/2s", 100, 2),
        ("500/60s", 500, 60),
        ("500/min", 500, 60),
        ("10 / 0.5", 10, 0.5),
        ("9/h", 9, 3600),
        ("7/s", 7, 1),
    ],
)
def test_short_form(spec: str, limit: int, window: float) -> None:
    """A limit can be written as requests per time."""
    assert RateLimitPolicy.parse(spec) == RateLimitPolicy(limit, window)


@pytest.mark.parametrize("spec", ["", "100", "100/", "x/2s", "100/2y", "-1/2s", "0/s", "5/0s"])
def test_refused_short_form(spec: str) -> None:
    """What is no limit is refused where it is written."""
    with pytest.raises(ValueError, match=r"rate limit|must be"):
        RateLimitPolicy.parse(spec)


def test_refused_policy() -> None:
    """Unknown dialects are refused, and the known ones named."""
    with pytest.raises(ValueError, match=r"no dialect \['draft-9'\]; there are \['draft-6'"):
        RateLimitPolicy(1, 1, headers="legacy+draft-9")
    for form in ("soon", -1, None):
        with pytest.raises(ValueError, match="is neither seconds nor one of 'seconds', 'float'"):
            RateLimitPolicy(1, 1, retry_after=form)  # type: ignore[arg-type]  # the point


def test_window_from_first_hit() -> None:
    """A window opens with the first request after the last one ended (version 7 and later)."""
    limiter = Limiter(RateLimitPolicy(2, 10), START)
    assert allowed(limiter, 7, 8, 9, 16.9, 17, 18, 26.9) == [True, True, False, False, True, True, False]


def test_aligned_windows() -> None:
    """Windows follow each other from the start of the service (version 6)."""
    limiter = Limiter(RateLimitPolicy(2, 10, aligned=True), START)
    assert allowed(limiter, 7, 8, 9, 10, 11, 12, 31) == [True, True, False, True, True, False, True]


def test_token_bucket() -> None:
    """A bucket lets its tokens through at once, then one request for each that flows back; a refusal costs none."""
    policy = RateLimitPolicy(4, 2, bucket=True, retry_after="float")
    limiter = Limiter(policy, START)
    assert allowed(limiter, 0, 0, 0, 0, 0, 0.4) == [True] * 4 + [False] * 2
    verdict = limiter.hit("k", START + 0.4)
    assert dict(policy.fields(verdict))["Retry-After"] == "0.100"
    assert verdict.remaining == 0
    assert allowed(limiter, 0.5, 0.6, 1.0, 9, 9, 9, 9, 9) == [True, False, True, True, True, True, True, False]
    assert limiter.hit("other", START).remaining == 3


def test_rival_at_a_bucket() -> None:
    """Another client with the same key takes of the same tokens."""
    limiter = Limiter(RateLimitPolicy(4, 2, bucket=True, rival=2), START)
    assert allowed(limiter, 0, 1, 1, 1, 1) == [True, True, True, True, False]


def test_keys_are_apart() -> None:
    """Each key has its own counter."""
    limiter = Limiter(RateLimitPolicy(1, 10), START)
    assert allowed(limiter, 0, 1) == [True, False]
    assert allowed(limiter, 1, 1, key="other") == [True, False]


def test_unshared_counters() -> None:
    """Workers that do not share their counters let that many times more through, and `remaining` jumps."""
    limiter = Limiter(RateLimitPolicy(2, 10, workers=3), START)
    left = [limiter.hit("k", START).remaining for _ in range(6)]
    assert left == [1, 1, 1, 0, 0, 0]
    assert allowed(limiter, 0, 0, 0) == [False] * 3


def test_rival() -> None:
    """Another client with the same key uses up the same counter at its own pace."""
    limiter = Limiter(RateLimitPolicy(10, 10, rival=2), START)
    assert limiter.hit("k", START).remaining == 9
    assert limiter.hit("k", START + 2).remaining == 4  # four of the rival's, and this one
    assert allowed(limiter, 5) == [False]


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ("legacy", {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset": "1740000011"}),
        ("legacy-ms", {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset": "1740000010250"}),
        ("legacy-delta", {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset": "10"}),
        (
            "legacy-date",
            {
                "X-RateLimit-Limit": "5",
                "X-RateLimit-Remaining": "4",
                "X-RateLimit-Reset": "Wed, 19 Feb 2025 21:20:11 GMT",
            },
        ),
        (
            "draft-6",
            {
                "RateLimit-Policy": "5;w=10",
                "RateLimit-Limit": "5",
                "RateLimit-Remaining": "4",
                "RateLimit-Reset": "10",
            },
        ),
        ("draft-7", {"RateLimit-Policy": "5;w=10", "RateLimit": "limit=5, remaining=4, reset=10"}),
        (
            "draft-8",
            {
                "RateLimit-Policy": '"5-in-10sec"; q=5; w=10; pk=:ZmFrZQ==:',
                "RateLimit": '"5-in-10sec"; r=4; t=10',
            },
        ),
        ("nestjs", {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset": "10"}),
        ("none", {}),
    ],
)
def test_dialects(dialect: str, told: dict[str, str]) -> None:
    """Each dialect tells limit, remaining and reset in its own way, and no `Retry-After` while all is well."""
    policy = RateLimitPolicy(5, 10, headers=dialect)
    assert dict(policy.fields(Limiter(policy, START).hit("k", START))) == told


def test_every_dialect_is_tested() -> None:
    """The table above knows them all."""
    (mark,) = (one for one in test_dialects.pytestmark if one.name == "parametrize")  # type: ignore[attr-defined]  # pytest's
    assert {row[0] for row in mark.args[1]} == set(DIALECTS)


def test_dialects_together() -> None:
    """A server may tell the same in two ways."""
    policy = RateLimitPolicy(5, 10, headers="legacy-delta+draft-7")
    assert len(policy.fields(Limiter(policy, START).hit("k", START))) == 5


def test_several_limits_as_nestjs_tells_them() -> None:
    """Each limit has a suffix; a refusal tells what was asked before, and when to come again by that limit."""
    long = RateLimitPolicy(3, 10, headers="nestjs", name="long")
    policy = RateLimitPolicy(2, 1, headers="nestjs", name="short", also=(long,))
    limiter = Limiter(policy, START)
    answers = [policy.fields(limiter.hit("k", START + moment)) for moment in (0, 0, 0.5, 1.5, 2)]
    assert answers[0] == (
        ("X-RateLimit-Limit-short", "2"),
        ("X-RateLimit-Remaining-short", "1"),
        ("X-RateLimit-Reset-short", "1"),
        ("X-RateLimit-Limit-long", "3"),
        ("X-RateLimit-Remaining-long", "2"),
        ("X-RateLimit-Reset-long", "10"),
    )
    assert answers[2] == (("Retry-After-short", "1"),)
    assert dict(answers[3])["X-RateLimit-Remaining-long"] == "0"  # what was refused did not get so far
    assert answers[4] == (
        ("X-RateLimit-Limit-short", "2"),
        ("X-RateLimit-Remaining-short", "0"),
        ("X-RateLimit-Reset-short", "1"),
        ("Retry-After-long", "8"),
    )


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("seconds", "7"),
        ("float", "6.500"),
        ("date", "Wed, 19 Feb 2025 21:20:11 GMT"),
        ("none", None),
        (0, "0"),
        (0.1, "0.1"),
    ],
)
def test_retry_after(form: Any, told: str | None) -> None:
    """A 429 says how long to wait, in the chosen form, or does not."""
    policy = RateLimitPolicy(1, 10, headers="none", retry_after=form)
    limiter = Limiter(policy, START)
    assert policy.fields(limiter.hit("k", START)) == ()
    assert dict(policy.fields(limiter.hit("k", START + 3.5))).get("Retry-After") == told


@settings(deadline=None)
@example(policy=RateLimitPolicy(1, 0.1, aligned=True), steps=[0.0, 0.10000000000000002, 0.0])
@given(
    policy=st.builds(
        RateLimitPolicy, st.integers(1, 20), st.floats(0.1, 100), aligned=st.booleans(), rival=st.sampled_from([0, 3])
    ),
    steps=st.lists(st.floats(0, 50), max_size=50),
)
def test_never_more_than_the_limit(policy: RateLimitPolicy, steps: list[float]) -> None:
    """Whatever the pace, no window lets more through than its limit, and `remaining` never rises within one."""
    limiter, now, windows = Limiter(policy, START), START, dict[float, list[int]]()
    for step in steps:
        now += step
        verdict = limiter.hit("k", now)
        assert now < verdict.resets_at <= now + policy.window + 1e-6  # floats round
        if verdict.allowed:
            windows.setdefault(verdict.resets_at, []).append(verdict.remaining)
    for left in windows.values():
        assert len(left) <= policy.limit
        assert left == sorted(left, reverse=True)


@pytest.mark.slow
def test_ten_minutes_in_no_time() -> None:
    """On a loop with virtual time the fake's windows follow that loop: 500 per 60 s, ten windows, in no time at all."""

    async def main() -> tuple[float, int, int]:
        loop = asyncio.get_running_loop()
        async with FakePeriskope(5_000, rate_limit="500/60s") as fake, fake.client() as client:
            result = await client.tickets.get_many(fake.ticket_ids)
            assert len(result.tickets) == 5_000
            return loop.time(), fake.throttled, fake.calls

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        took, throttled, calls = runner.run(main())
    assert throttled == 0
    assert calls == 5_000
    assert 540 <= took < 600


def test_clock_of_another() -> None:
    """A fake in its own thread can follow any clock: its windows and the dates it tells are of that clock."""
    now = 0.0
    with FakePeriskope(rate_limit="1/60s", clock=lambda: now) as fake:
        connection = http.client.HTTPConnection(urlsplit(fake.base_url).netloc)
        answers: list[tuple[int, str | None]] = []
        for now in (0.0, 59.0, 61.0):  # noqa: B007  # the clock reads it
            connection.request("GET", "/v1/tickets/BKT-001", headers={"Authorization": f"Bearer {fake.api_key}"})
            answer = connection.getresponse()
            answer.read()
            answers.append((answer.status, answer.headers["Date"]))
        connection.close()
        assert [status for status, _ in answers] == [200, 429, 200]
        assert [date[-12:] for _, date in answers if date] == ["21:20:00 GMT", "21:20:59 GMT", "21:21:01 GMT"]
        assert fake.throttled == 1
        assert [one.time - fake.requests[0].time for one in fake.requests] == [0, 59, 61]
