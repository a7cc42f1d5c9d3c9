from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import PeriskopeError
from periskope_async._sansio import retry as _retry
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async._sansio.retry import (
    MAX_BACKOFF,
    MIN_RETRY_AFTER,
    RETRY_BUDGET,
    RULES,
    RetryBudget,
    backoff,
    cost,
    decide_retry,
)
from tests.support import each_of

RETRIED = [kind for kind in FailureKind if kind not in {FailureKind.FINAL, FailureKind.THROTTLED}]


def failed(kind: FailureKind, retry_after: float | None = None) -> FailedAttempt:
    """Make a failure of a kind."""
    return FailedAttempt(PeriskopeError("it failed"), kind, retry_after)


@pytest.fixture
def _longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the jitter be all that it can be."""
    monkeypatch.setattr(_retry, "random", lambda: 1.0)


def waits(kind: FailureKind, *, retries: int = 20, second_pass: bool = False) -> list[float]:
    """Return the waits of a call that always fails in one way, until it gives up."""
    found: list[float] = []
    for attempt in range(1, 100):
        wait = decide_retry(
            failed(kind), failures={kind: attempt}, retries=retries, idempotent=True, second_pass=second_pass
        )
        if wait is None:
            return found
        found.append(wait)
    raise AssertionError("it never gives up")


@pytest.mark.usefixtures("_longest_waits")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FailureKind.FINAL, []),
        (FailureKind.PASSING, [0.2, 0.4, 0.8, 1.6]),
        (FailureKind.DROPPED, [0.0, 0.4, 0.8, 1.6]),
        (FailureKind.SLOW, [0.2, 0.4, 0.8, 1.6]),
        (FailureKind.UNRESOLVED, [0.5, 1.0]),
        (FailureKind.THROTTLED, []),
        (FailureKind.MALFORMED, [0.2]),
    ],
)
def test_table(kind: FailureKind, expected: list[float]) -> None:
    """Each kind of failure has its own longest waits, and some kinds their own number of retries."""
    assert waits(kind, retries=4) == expected


PASSING, DROPPED, SLOW = FailureKind.PASSING, FailureKind.DROPPED, FailureKind.SLOW
UNRESOLVED, THROTTLED, MALFORMED = FailureKind.UNRESOLVED, FailureKind.THROTTLED, FailureKind.MALFORMED
ONCE_MORE = {"idempotent": False, "unsent": True}
NEVER = {"idempotent": False}


@pytest.mark.usefixtures("_longest_waits")
@pytest.mark.parametrize(
    ("kind", "earlier", "options", "expected"),
    [
        # the backoff counts all failures, of whatever kind, and no 429
        (PASSING, {SLOW: 2}, {}, 0.8),
        (SLOW, {PASSING: 1, DROPPED: 1}, {}, 0.8),
        (UNRESOLVED, {PASSING: 2}, {}, 2.0),
        (PASSING, {THROTTLED: 9}, {}, 0.2),
        # the first drop is followed at once, after whatever; the next one is not
        (DROPPED, {PASSING: 2}, {}, 0.0),
        (DROPPED, {DROPPED: 1, PASSING: 1}, {}, 0.8),
        # what the service asks for goes before all that, and never below the least
        (PASSING, {SLOW: 2}, {"retry_after": 7.0}, 7.0),
        (DROPPED, {}, {"retry_after": 7.0}, 7.0),
        (MALFORMED, {}, {"retry_after": 0.0}, MIN_RETRY_AFTER),
        # but not before what forbids a retry
        (PASSING, {PASSING: 4}, {"retry_after": 7.0}, None),
        (PASSING, {}, {"retry_after": 7.0} | NEVER, None),
        (FailureKind.FINAL, {}, {"retry_after": 7.0}, None),
        (THROTTLED, {}, {"retry_after": 7.0}, None),
        (THROTTLED, {}, {"second_pass": True}, None),
        (FailureKind.FINAL, {}, {"second_pass": True}, None),
        (FailureKind.FINAL, {}, ONCE_MORE, None),
        # own limits: of the kind alone, lifted in a second pass, but never the caller's
        (UNRESOLVED, {UNRESOLVED: 1}, {}, 1.0),
        (UNRESOLVED, {UNRESOLVED: 2}, {}, None),
        (UNRESOLVED, {UNRESOLVED: 2}, {"second_pass": True}, 2.0),
        (MALFORMED, {MALFORMED: 1}, {}, None),
        (MALFORMED, {MALFORMED: 1}, {"second_pass": True}, 0.4),
        (MALFORMED, {MALFORMED: 4}, {"second_pass": True}, None),
        # what may have arrived is sent once, in a second pass too; what cannot have is sent as any other
        (DROPPED, {}, NEVER, None),
        (PASSING, {}, NEVER | {"second_pass": True}, None),
        (PASSING, {}, ONCE_MORE, 0.2),
        (UNRESOLVED, {UNRESOLVED: 2}, ONCE_MORE, None),
        (PASSING, {PASSING: 4}, ONCE_MORE, None),
        (PASSING, {PASSING: 1}, {"retries": 1}, None),
        (PASSING, {}, {"retries": 0}, None),
    ],
)
def test_decision(
    kind: FailureKind, earlier: dict[FailureKind, int], options: dict[str, Any], expected: float | None
) -> None:
    """Whether there is another attempt, and when, follows from the failure, those before it and what is allowed."""
    of_failure = {"retry_after": None, "unsent": False}
    failure = FailedAttempt(
        PeriskopeError("it failed"), kind, **{name: options.get(name, value) for name, value in of_failure.items()}
    )
    allowed = {"retries": 4, "idempotent": True} | {k: v for k, v in options.items() if k not in of_failure}
    failures = earlier | {kind: earlier.get(kind, 0) + 1}
    assert decide_retry(failure, failures=failures, **allowed) == expected


@each_of("kind", RETRIED)
@each_of("retries", [0, 1, 3])
def test_retries_are_the_callers(kind: FailureKind, retries: int) -> None:
    """No kind of failure is retried more often than the caller allows."""
    assert len(waits(kind, retries=retries)) <= retries
    assert len(waits(kind, retries=retries, second_pass=True)) == retries


def test_own_limit_counts_only_its_kind() -> None:
    """A broken body after two timeouts is still the first broken body, and gets its one retry."""
    malformed = failed(FailureKind.MALFORMED)
    slow = {FailureKind.SLOW: 2}
    first, second = slow | {FailureKind.MALFORMED: 1}, slow | {FailureKind.MALFORMED: 2}
    assert decide_retry(malformed, failures=first, retries=4, idempotent=True) is not None
    assert decide_retry(malformed, failures=second, retries=4, idempotent=True) is None


def test_a_429_costs_no_retry() -> None:
    """However often a call was told to wait, its retries are for what fails."""
    failures = {FailureKind.THROTTLED: 50, FailureKind.PASSING: 1}
    assert decide_retry(failed(FailureKind.PASSING), failures=failures, retries=1, idempotent=True) is not None
    assert decide_retry(failed(FailureKind.PASSING), failures=failures, retries=0, idempotent=True) is None


def test_a_probe_costs_no_retry() -> None:
    """Who asks for a bulk run whether an outage is over pays with none of its own retries, 50 times and no more."""
    failures = {FailureKind.PASSING: 51}
    allowed: dict[str, Any] = {"failures": failures, "retries": 1, "idempotent": True}
    wait = decide_retry(failed(FailureKind.PASSING), probes=50, **allowed)
    assert wait is not None
    assert wait <= 0.2  # no longer than after a first failure
    assert decide_retry(failed(FailureKind.PASSING), probes=49, **allowed) is None
    assert decide_retry(failed(FailureKind.PASSING), probes=51, **(allowed | {"retries": 0})) is None


@each_of("kind", RETRIED)
@each_of("unsent", [True, False])
def test_what_may_have_arrived_is_sent_again_only_if_that_does_no_harm(kind: FailureKind, unsent: bool) -> None:  # noqa: FBT001  # a case
    """What is not idempotent is sent again only if nothing of it can have reached the service."""
    failure = FailedAttempt(PeriskopeError("it failed"), kind, unsent=unsent)
    again = decide_retry(failure, failures={kind: 1}, retries=4, idempotent=False)
    assert (again is not None) == unsent


@pytest.mark.parametrize(("asked", "wait"), [(0.0, MIN_RETRY_AFTER), (0.01, MIN_RETRY_AFTER), (3.5, 3.5), (9e4, 9e4)])
def test_the_service_says_how_long(asked: float, wait: float) -> None:
    """A wait that the service asks for is kept to the second, but never as short as nothing."""
    failure = failed(FailureKind.PASSING, asked)
    assert decide_retry(failure, failures={FailureKind.PASSING: 1}, retries=1, idempotent=True) == wait


def test_no_wait_for_a_connection_that_was_idle() -> None:
    """A connection that ended as we took it up is no sign of trouble: the first time, another is taken at once."""
    assert waits(FailureKind.DROPPED)[0] == 0.0
    assert all(wait > 0 for wait in waits(FailureKind.DROPPED)[1:])


@given(st.integers(1, 10**6), st.floats(0.05, 2.0))
def test_backoff_is_bounded_and_jittered(attempt: int, base: float) -> None:
    """A wait is anywhere between nothing and the doubled base, and never longer than the maximum."""
    most = min(MAX_BACKOFF, base * 2.0 ** min(attempt - 1, 16))
    drawn = {backoff(attempt, base) for _ in range(5)}
    assert all(0.0 <= wait <= most for wait in drawn)
    assert len(drawn) > 1


def test_prices() -> None:
    """A retry after a timeout costs twice as much as others; a 429 is not retried but waited for."""
    assert {kind: cost(failed(kind)) for kind in RETRIED} == {
        **dict.fromkeys(RETRIED, 5),
        FailureKind.SLOW: 10,
    }
    assert set(RULES) == set(RETRIED)


def test_quota_runs_out_and_comes_back() -> None:
    """Retries empty the quota; a success gives back what its last retry cost, or one if it needed none."""
    retry_budget = RetryBudget()
    taken = 0
    while retry_budget.take(10):
        taken += 1
    assert (taken, retry_budget.left) == (RETRY_BUDGET // 10, 0)
    assert not retry_budget.take(1)
    assert retry_budget.take(0)
    retry_budget.succeed(10)
    retry_budget.succeed(0)
    assert retry_budget.left == 11


def test_quota_is_never_more_than_full() -> None:
    """Successes do not save up for a storm of retries."""
    retry_budget = RetryBudget()
    retry_budget.succeed(0)
    assert retry_budget.left == RETRY_BUDGET
    retry_budget.take(5)
    retry_budget.succeed(10)
    assert retry_budget.left == RETRY_BUDGET


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 5, 10])), max_size=300))
def test_quota_stays_in_its_bounds(steps: list[tuple[bool, int]]) -> None:
    """Whatever happens in whatever order, the quota is from nothing to full."""
    retry_budget = RetryBudget()
    for spend, amount in steps:
        if spend:
            retry_budget.take(amount)
        else:
            retry_budget.succeed(amount)
        assert 0 <= retry_budget.left <= RETRY_BUDGET


def test_outage_costs_hardly_more_than_the_calls() -> None:
    """When everything fails, ten thousand calls get 100 retries between them, not forty thousand."""
    retry_budget = RetryBudget()
    retried = sum(retry_budget.take(cost(failed(FailureKind.PASSING))) for _ in range(10_000))
    assert retried == RETRY_BUDGET // 5 == 100
