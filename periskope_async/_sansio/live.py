"""Live events: where they are, what a refusal means, when to connect again, what waits to be read. Pure."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import urlsplit

from attrs import evolve, frozen

from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async._sansio.retry import backoff
from periskope_async.errors import (
    BY_STATUS,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    PermissionDeniedError,
    ServerError,
    UnexpectedResponseError,
)

__all__ = ["MAX_WAITING", "STEADY", "Backlog", "decide_reconnect", "read_refusal", "socket_address", "waited_out"]

#: How much may wait to be read, items; what comes beyond is dropped, and a gap says so.
MAX_WAITING: Final = 1_000
#: A connection that lasted as long is not one of a server that takes us and throws us out again, seconds.
STEADY: Final = 20.0
#: How soon to connect again, at random up to this, and up to twice as much with each further attempt, seconds.
RECONNECT_BASE: Final = 1.0

#: Of no use to try again: somebody has to do something first.
_HOPELESS: Final = (AuthenticationError, PermissionDeniedError, ClientClosedError, ConfigurationError)
_PASSING: Final = {408, 425, 429}

T = TypeVar("T")


def socket_address(base_url: str) -> tuple[str, str]:
    """Return where the events of an API are: scheme and host, and a path. Of `https://HOST/v1`, `/socket.io`."""
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc}", f"{url.path.removesuffix('/v1')}/socket.io"


def read_refusal(said: Any) -> FailedAttempt:
    """Return the failure of a connection that the service made and then refused, with whatever JSON it *said*.

    All that it knows of who connects is the key and the phone: it is taken for a refusal of those, unless it names
    another status.
    """
    about: Mapping[str, Any] = cast("dict[str, Any]", said) if isinstance(said, dict) else {"message": said}
    inner = about.get("data")
    status = _status(inner) or _status(about) or 401
    message = about.get("message")
    reason = f": {message}" if isinstance(message, str) and message else ""
    default = ServerError if status >= 500 else UnexpectedResponseError
    error = BY_STATUS.get(status, default)(f"the service refused the live connection{reason}")
    error.status = status
    passing = status >= 500 or status in _PASSING
    return FailedAttempt(error, FailureKind.PASSING if passing else FailureKind.FINAL)


def _status(value: Any) -> int | None:
    known: Any = value
    found = (known.get(name) for name in ("status", "statusCode")) if isinstance(value, dict) else ()
    return next((number for number in found if type(number) is int and 400 <= number <= 599), None)


def waited_out(failure: FailedAttempt) -> FailedAttempt:
    """Return *failure*, a 429 as one that passes: no limiter counts connections."""
    return evolve(failure, kind=FailureKind.PASSING) if failure.kind is FailureKind.THROTTLED else failure


def decide_reconnect(failure: FailedAttempt | None, attempt: int) -> float | None:
    """Return the seconds to wait before connecting again, or None to give up. What stood once may stand again.

    Args:
        failure: of the last attempt; None if it stood, and was lost.
        attempt: which one comes, counted from 1 since a connection was steady.
    """
    if failure is None:
        return backoff(attempt, RECONNECT_BASE)
    if isinstance(failure.error, _HOPELESS):
        return None
    return max(backoff(attempt, RECONNECT_BASE), failure.retry_after or 0.0)


@frozen
class _Missing:
    since: float
    until: float
    dropped: int


class Backlog(Generic[T]):
    """What came and waits to be read, in bounded memory; in the place of what is missing, one gap.

    Once something found no room, nothing is taken until half is read: else a reader who is always a little too slow
    would get a gap with every event. Moments are seconds of any one clock.

    Args:
        limit: how many may wait.
        make_gap: makes a gap of when it began and ended, and how many events found no room.
    """

    def __init__(self, limit: int, make_gap: Callable[[float, float, int], T]) -> None:
        self._limit = limit
        self._make_gap = make_gap
        self._items: deque[T] = deque()
        self._missing: _Missing | None = None

    def __len__(self) -> int:
        return len(self._items) + (self._missing is not None)

    @property
    def has_room(self) -> bool:
        """Whether there is room for what can wait before it is added."""
        return len(self._items) <= self._limit // 2

    def add(self, item: T, at: float) -> None:
        """Take in what came at a moment, or count it as missing."""
        if self._missing is not None and self.has_room:
            self._items.append(self._gap(self._missing))
        if self._missing is None and len(self._items) < self._limit:
            self._items.append(item)
        else:
            self._miss(at, at, 1)

    def miss(self, since: float, until: float) -> None:
        """Take in that nothing could come for a while."""
        self._miss(since, until, 0)

    def take(self) -> T | None:
        """Return what is to be read next; None if that is still to come."""
        if self._items:
            return self._items.popleft()
        return None if self._missing is None else self._gap(self._missing)

    def _miss(self, since: float, until: float, dropped: int) -> None:
        before = self._missing
        if before is None:
            self._missing = _Missing(since, until, dropped)
        else:
            self._missing = _Missing(before.since, until, before.dropped + dropped)

    def _gap(self, missing: _Missing) -> T:
        self._missing = None
        return self._make_gap(missing.since, missing.until, missing.dropped)
