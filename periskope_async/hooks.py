"""What can be seen of calls from outside: hooks, captured answers, log lines. Nothing here can change or break a call.

Three ways, which cost nothing while unused:

- `PeriskopeClient(..., hooks=Hooks(on_retry=...))` calls you for every event of a client;
- `with capture_responses() as answers:` collects the metadata of the calls made inside, of any client;
- the standard logger `periskope` reports retries and pauses (INFO) and answers (DEBUG). Scripts that set up no logging
  of their own see it on stderr with PERISKOPE_LOG=info or PERISKOPE_LOG=debug.

No event holds the key.
"""

import logging
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TextIO, TypeVar

from attrs import field, frozen

from periskope_async._sansio.rate_limit import RateLimit
from periskope_async.errors import ConfigurationError, PeriskopeError, mask_numbers

__all__ = [
    "Hooks",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "ThrottleEvent",
    "capture_responses",
]

logger: Final = logging.getLogger("periskope")
logger.addHandler(logging.NullHandler())

EventT = TypeVar("EventT")


@frozen(kw_only=True)
class RequestEvent:
    """A request is about to be sent.

    Attributes:
        operation: what the call is, such as `tickets.get`.
        method: the HTTP method.
        path: the path below the base URL, phone numbers in it cut to their last four digits.
        resource: what it is about, such as "ticket"; None if it is about no single thing.
        resource_id: its id, as the caller spelled it. Its repr is cut as the path is.
        attempt: 1 for the first request of the call.
    """

    operation: str
    method: str
    path: str
    resource: str | None
    resource_id: str | None = field(repr=lambda text: repr(text and mask_numbers(text)))
    attempt: int

    @property
    def ticket_id(self) -> str | None:
        """The ticket it is about; None if it is about something else."""
        return self.resource_id if self.resource == "ticket" else None


@frozen(kw_only=True)
class ResponseEvent(RequestEvent):
    """An answer came, whatever its status.

    Attributes:
        status: the HTTP status.
        headers: the answer's headers, by lower-case name.
        trace_id: the service's name for this answer.
        elapsed: seconds since the call began, with its queueing and earlier attempts.
        rate_limit: what is known of the rate limit after this answer.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    trace_id: str | None
    elapsed: float
    rate_limit: RateLimit | None


@frozen(kw_only=True)
class RetryEvent(RequestEvent):
    """An attempt failed, and another follows.

    Attributes:
        error: what would be raised if this had been the last attempt.
        wait: seconds until the next attempt, before any waiting for the rate limit.
    """

    error: PeriskopeError
    wait: float


@frozen(kw_only=True)
class ThrottleEvent(RequestEvent):
    """The service answered 429, and everybody on this key pauses.

    Attributes:
        retry_after: seconds the service asked to wait; None if it did not ask.
        pause: seconds of the pause.
    """

    retry_after: float | None
    pause: float


@frozen(kw_only=True)
class Hooks:
    """Callables that get a client's events, in its event loop. What they raise is logged, not raised."""

    on_request: Callable[[RequestEvent], object] | None = None
    on_response: Callable[[ResponseEvent], object] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    on_throttle: Callable[[ThrottleEvent], object] | None = None


captured: Final[ContextVar[list[ResponseEvent] | None]] = ContextVar("periskope_captured", default=None)


@contextmanager
def capture_responses() -> Generator[list[ResponseEvent], None, None]:
    """Collect the metadata of every answer to the calls made inside: status, headers, trace id, attempts, times.

    Calls in tasks started inside are collected too. Works for both clients.
    """
    answers: list[ResponseEvent] = []
    token = captured.set(answers)
    try:
        yield answers
    finally:
        captured.reset(token)


def log_as_asked() -> None:
    """Show the log on stderr if PERISKOPE_LOG says so, as long as the program sets up no logging itself.

    Raises:
        ConfigurationError: it says something else than `info` or `debug`.
    """
    wanted = os.environ.get("PERISKOPE_LOG", "").strip().lower()
    if not wanted:
        return
    if wanted not in {"info", "debug"}:
        raise ConfigurationError(f"PERISKOPE_LOG: expected info or debug, got {wanted[:20]!r}")
    logger.setLevel(wanted.upper())
    if not any(isinstance(handler, _OwnHandler) for handler in logger.handlers):
        logger.addHandler(_OwnHandler())


class _OwnHandler(logging.StreamHandler[TextIO]):
    """Prints to stderr, while nobody else prints log records."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        return not logging.getLogger().handlers and bool(super().filter(record))


def notify(hook: Callable[[EventT], object] | None, event: EventT) -> None:
    """Call *hook*, and log what it raises."""
    if hook is None:
        return
    try:
        hook(event)
    except Exception:  # a hook is a guest: whatever it raises must not end the call
        logger.exception("a hook raised, and the call goes on")
