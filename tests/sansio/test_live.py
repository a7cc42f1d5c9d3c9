"""Live events, the part that only decides: addresses, refusals, when to connect again, what waits to be read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TlsError,
    UnexpectedResponseError,
)
from periskope_async._sansio.live import Backlog, decide_reconnect, read_refusal, socket_address, waited_out
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async._sansio.retry import MAX_BACKOFF


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("https://api.periskope.app/v1", ("https://api.periskope.app", "/socket.io")),
        ("http://127.0.0.1:8080/v1", ("http://127.0.0.1:8080", "/socket.io")),
        ("https://host/behind/v1", ("https://host", "/behind/socket.io")),
        ("https://host", ("https://host", "/socket.io")),
    ],
)
def test_address(base_url: str, address: tuple[str, str]) -> None:
    """Events come from the host of the API, without the version in its path."""
    assert socket_address(base_url) == address


@pytest.mark.parametrize(
    ("said", "cls", "status", "kind"),
    [
        ({"message": "no"}, AuthenticationError, 401, FailureKind.FINAL),
        ("no", AuthenticationError, 401, FailureKind.FINAL),
        (None, AuthenticationError, 401, FailureKind.FINAL),
        ({"message": 7, "status": "403"}, AuthenticationError, 401, FailureKind.FINAL),
        ({"message": "no", "statusCode": 403}, PermissionDeniedError, 403, FailureKind.FINAL),
        ({"message": "no", "data": {"status": 403}}, PermissionDeniedError, 403, FailureKind.FINAL),
        ({"message": "no", "data": {"status": True}, "status": 402}, UnexpectedResponseError, 402, FailureKind.FINAL),
        ({"message": "no", "data": {"status": 503}}, ServerError, 503, FailureKind.PASSING),
        ({"message": "no", "status": 429}, RateLimitError, 429, FailureKind.PASSING),
        ({"message": "no", "status": 200}, AuthenticationError, 401, FailureKind.FINAL),
    ],
)
def test_refusal(said: Any, cls: type[Exception], status: int, kind: FailureKind) -> None:
    """A refusal is one of the key, unless it names another status."""
    failure = read_refusal(said)
    assert (type(failure.error), failure.error.status, failure.kind) == (cls, status, kind)  # type: ignore[attr-defined]  # every ApiError has one


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [
        (AuthenticationError(), False),
        (PermissionDeniedError(), False),
        (ClientClosedError(), False),
        (ConfigurationError(), False),
        (ConnectError(), True),
        (TlsError(), True),
        (ServerError(), True),
        (UnexpectedResponseError(), True),
    ],
)
def test_who_gives_up(error: Any, goes_on: bool) -> None:  # noqa: FBT001  # a column of the table
    """What once stood is tried again, unless somebody has to do something first."""
    wait = decide_reconnect(FailedAttempt(error, FailureKind.FINAL), 1)
    assert (wait is not None) is goes_on


def test_waits() -> None:
    """Waits are random, grow to 20 s and no further, and are never shorter than the service asked for."""
    lost = [decide_reconnect(None, 1) for _ in range(200)]
    assert 0 <= min(lost) < 0.5 < max(lost) <= 1.0  # type: ignore[type-var,operator]  # none of them gives up
    late = [decide_reconnect(FailedAttempt(ConnectError(), FailureKind.PASSING), 60) for _ in range(200)]
    assert MAX_BACKOFF / 2 < max(late) <= MAX_BACKOFF  # type: ignore[type-var,operator]  # none of them gives up
    assert decide_reconnect(FailedAttempt(ServerError(), FailureKind.PASSING, 30.0), 1) == 30.0


def test_a_429_is_waited_out() -> None:
    """A 429 passes like another failure, for nobody counts connections; others stay what they are."""
    throttled = FailedAttempt(RateLimitError(), FailureKind.THROTTLED, 2.0)
    assert waited_out(throttled) == FailedAttempt(throttled.error, FailureKind.PASSING, 2.0)
    final = FailedAttempt(ConnectError(), FailureKind.FINAL)
    assert waited_out(final) is final


# -- the backlog ------------------------------------------------------------------------------------------------------


def backlog(limit: int) -> Backlog[Any]:
    """A backlog of numbers, with gaps as triples."""
    return Backlog(limit, lambda since, until, dropped: (since, until, dropped))


def test_overflow() -> None:
    """What finds no room is counted in one gap, which stands where it is missing; half is read before more is taken."""
    kept = backlog(4)
    for number in range(7):
        kept.add(number, number)
    assert len(kept) == 5
    assert not kept.has_room
    assert kept.take() == 0
    kept.add(7, 7)
    assert [kept.take(), kept.has_room] == [1, True]
    kept.add(8, 8)
    assert [kept.take() for _ in range(5)] == [2, 3, (4, 7, 4), 8, None]


def test_away() -> None:
    """A time away is a gap, which is read at once where nothing else waits."""
    kept = backlog(4)
    kept.miss(1, 2)
    assert [len(kept), kept.take(), kept.take()] == [1, (1, 2, 0), None]
    kept.add("a", 3)
    kept.miss(4, 5)
    kept.add("b", 6)
    assert [kept.take() for _ in range(3)] == ["a", (4, 5, 0), "b"]


def test_away_while_it_is_full() -> None:
    """An overflow and times away are one gap."""
    kept = backlog(2)
    for number in range(3):
        kept.add(number, number)
    kept.miss(3, 4)
    kept.miss(5, 9)
    assert [kept.take() for _ in range(3)] == [0, 1, (2, 9, 1)]


@given(st.integers(1, 6), st.lists(st.sampled_from(["add", "add", "take", "miss"]), max_size=80))
def test_nothing_is_lost_in_silence(limit: int, steps: list[str]) -> None:
    """Whatever is added is read in its order, or counted in the gap that stands in its place; memory is bounded."""
    kept, out = backlog(limit), list[Any]()
    added = misses = 0
    for second, step in enumerate(steps):
        match step:
            case "add":
                kept.add(added, second)
                added += 1
            case "miss":
                kept.miss(second, second)
                misses += 1
            case _:
                out.append(kept.take())
        assert len(kept) <= limit + 1
    while len(kept):
        out.append(kept.take())
    expected = gaps = 0
    for item in out:
        if isinstance(item, tuple):
            expected += item[2]
            gaps += 1
        elif item is not None:
            assert item == expected
            expected += 1
    assert expected == added
    assert bool(gaps) >= bool(misses)
