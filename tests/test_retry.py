import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import PeriskopeError, _retry
from periskope_async._protocol import Failure, Kind
from periskope_async._retry import MAX_BACKOFF, MIN_RETRY_AFTER, QUOTA, RULES, Quota, backoff, price, wait_before_retry

RETRIED = [kind for kind in Kind if kind not in {Kind.FINAL, Kind.THROTTLED}]


def failed(kind: Kind, retry_after: float | None = None) -> Failure:
    """Make a failure of a kind."""
    return Failure(PeriskopeError("it failed"), kind, retry_after)


@pytest.fixture
def _longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the jitter be all that it can be."""
    monkeypatch.setattr(_retry, "random", lambda: 1.0)


def waits(kind: Kind, *, retries: int = 20, patient: bool = False) -> list[float]:
    """Return the waits of a call that always fails in one way, until it gives up."""
    found: list[float] = []
    for attempt in range(1, 100):
        wait = wait_before_retry(failed(kind), attempt=attempt, same_kind=attempt, retries=retries, patient=patient)
        if wait is None:
            return found
        found.append(wait)
    raise AssertionError("it never gives up")


@pytest.mark.usefixtures("_longest_waits")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.FINAL, []),
        (Kind.PASSING, [0.2, 0.4, 0.8, 1.6]),
        (Kind.DROPPED, [0.0, 0.4, 0.8, 1.6]),
        (Kind.SLOW, [0.2, 0.4, 0.8, 1.6]),
        (Kind.UNRESOLVED, [0.5, 1.0]),
        (Kind.THROTTLED, []),  # the gate makes it wait; it is no failure
        (Kind.GARBLED, [0.2]),
    ],
)
def test_table(kind: Kind, expected: list[float]) -> None:
    """Each kind of failure has its own longest waits, and some kinds their own number of retries."""
    assert waits(kind, retries=4) == expected


@pytest.mark.parametrize("kind", RETRIED)
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_the_callers(kind: Kind, retries: int) -> None:
    """No kind of failure is retried more often than the caller allows."""
    assert len(waits(kind, retries=retries)) <= retries
    assert len(waits(kind, retries=retries, patient=True)) == retries


def test_own_limit_counts_only_its_kind() -> None:
    """A broken body after two timeouts is still the first broken body, and gets its one retry."""
    wait = wait_before_retry(failed(Kind.GARBLED), attempt=3, same_kind=1, retries=4)
    assert wait is not None
    assert wait_before_retry(failed(Kind.GARBLED), attempt=3, same_kind=2, retries=4) is None


@pytest.mark.parametrize(("asked", "wait"), [(0.0, MIN_RETRY_AFTER), (0.01, MIN_RETRY_AFTER), (3.5, 3.5), (9e4, 9e4)])
def test_the_service_says_how_long(asked: float, wait: float) -> None:
    """A wait that the service asks for is kept to the second, but never as short as nothing."""
    assert wait_before_retry(failed(Kind.PASSING, asked), attempt=1, same_kind=1, retries=1) == wait


def test_no_wait_for_a_connection_that_was_idle() -> None:
    """A connection that ended as we took it up is no sign of trouble: the first time, another is taken at once."""
    assert waits(Kind.DROPPED)[0] == 0.0
    assert all(wait > 0 for wait in waits(Kind.DROPPED)[1:])


@given(st.integers(1, 10**6), st.floats(0.05, 2.0))
def test_backoff_is_bounded_and_jittered(attempt: int, base: float) -> None:
    """A wait is anywhere between nothing and the doubled base, and never longer than the maximum."""
    most = min(MAX_BACKOFF, base * 2.0 ** min(attempt - 1, 16))
    drawn = {backoff(attempt, base) for _ in range(5)}
    assert all(0.0 <= wait <= most for wait in drawn)
    assert len(drawn) > 1


def test_prices() -> None:
    """A retry after a timeout costs twice as much as others."""
    assert {kind: price(failed(kind)) for kind in RETRIED} == {
        **dict.fromkeys(RETRIED, 5),
        Kind.SLOW: 10,
    }
    assert set(RULES) == set(RETRIED)


def test_quota_runs_out_and_comes_back() -> None:
    """Retries empty the quota; a success gives back what its last retry cost, or one if it needed none."""
    quota = Quota()
    taken = 0
    while quota.take(10):
        taken += 1
    assert (taken, quota.left) == (QUOTA // 10, 0)
    assert not quota.take(1)
    assert quota.take(0)
    quota.succeed(10)
    quota.succeed(0)
    assert quota.left == 11


def test_quota_is_never_more_than_full() -> None:
    """Successes do not save up for a storm of retries."""
    quota = Quota()
    quota.succeed(0)
    assert quota.left == QUOTA
    quota.take(5)
    quota.succeed(10)
    assert quota.left == QUOTA


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 5, 10])), max_size=300))
def test_quota_stays_in_its_bounds(steps: list[tuple[bool, int]]) -> None:
    """Whatever happens in whatever order, the quota is from nothing to full."""
    quota = Quota()
    for spend, amount in steps:
        if spend:
            quota.take(amount)
        else:
            quota.succeed(amount)
        assert 0 <= quota.left <= QUOTA


def test_outage_costs_hardly_more_than_the_calls() -> None:
    """When everything fails, ten thousand calls get 100 retries between them, not forty thousand."""
    quota = Quota()
    retried = sum(quota.take(price(failed(Kind.PASSING))) for _ in range(10_000))
    assert retried == QUOTA // 5 == 100
