"""What can be seen of calls from outside: hooks, captured answers, log lines. Nothing here can change or break a call.

Three ways, which cost nothing while unused:

- `PeriskopeClient(..., hooks=Hooks(on_retry=...))` calls you for every event of a client;
- `with capture_responses() as answers:` collects the metadata of the calls made inside, of any client;
- the standard logger `periskope` reports retries and pauses (INFO) and answers (DEBUG). Scripts that set up no logging
  of their own see it on stderr with PERISKOPE_LOG=info or PERISKOPE_LOG=debug, and without that what a hook raised.

No event holds the key.
"""

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TypeVar

from attrs import field, fields

from periskope_async._deferred import frozen
from periskope_async._log import logger
from periskope_async._sansio.hook import why_no_hook
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async.errors import ConfigurationError, PeriskopeError, mask_numbers

__all__ = [
    "CallEvent",
    "EndEvent",
    "Hooks",
    "PacedEvent",
    "QueuedEvent",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "RunEndEvent",
    "RunStartEvent",
    "StartEvent",
    "ThrottleEvent",
    "capture_responses",
]

EventT = TypeVar("EventT")

#: The code of each hook that has raised, with the class of what it raised.
_failed: Final = set[tuple[object, type[Exception]]]()


@frozen(kw_only=True)
class CallEvent:
    """Something happened to a call, which is all that comes of one `await`: its waits and its requests.

    Attributes:
        operation: what the call is, such as `tickets.get`.
        method: the HTTP method.
        path: the path below the base URL, phone numbers in it cut to their last four digits.
        template: the same with its parameters in braces, such as `/tickets/{ticket_id}`, and so without any id; of
            `client.request`, which has no template, it is empty.
        resource: what it is about, such as "ticket"; None if it is about no single thing.
        resource_id: its id, as the caller spelled it. Its repr is cut as the path is.
        call: the number of the call in this process, the same in all its events.
    """

    operation: str
    method: str
    path: str
    template: str = ""
    resource: str | None
    resource_id: str | None = field(repr=lambda text: repr(text and mask_numbers(text)))
    call: int = 0

    @property
    def ticket_id(self) -> str | None:
        """The ticket it is about; None if it is about something else."""
        return self.resource_id if self.resource == "ticket" else None


@frozen(kw_only=True)
class StartEvent(CallEvent):
    """A call begins. It has no request yet, and may wait before it has."""


@frozen(kw_only=True)
class EndEvent(CallEvent):
    """A call ends.

    Attributes:
        attempts: how many requests were sent for it.
        elapsed: seconds from its start, with all waits.
        error: what it raises, a cancellation too; None if it returns its result.
    """

    attempts: int
    elapsed: float
    error: BaseException | None


@frozen(kw_only=True)
class QueuedEvent(CallEvent):
    """A request cannot be sent at once, so the call waits for its turn.

    A bulk run takes an id up when it may send its request: only what it sends again waits in a call.

    Attributes:
        reason: `concurrency`, as many requests of this client are in flight as may be; `outage`, a bulk run waits for
            the service to be in order again; `rate_limit`, what is left of it is spoken for, or everybody on the key
            pauses.
        at_least: seconds that it waits by what is known of the rate limit, whoever else waits.
    """

    reason: Literal["concurrency", "outage", "rate_limit"]
    at_least: float


@frozen(kw_only=True)
class PacedEvent(CallEvent):
    """The turn of a call that waited has come.

    Attributes:
        waited: seconds.
    """

    waited: float


@frozen(kw_only=True)
class RequestEvent(CallEvent):
    """A request is about to be sent.

    Attributes:
        attempt: 1 for the first request of the call.
    """

    attempt: int


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
class RunStartEvent:
    """A bulk run begins: a `get_many`, a `stream`, a `send_many`.

    Attributes:
        run: the number of the run in this process, the same in both its events.
        total: how many ids there are; None where that is not known.
    """

    run: int
    total: int | None


@frozen(kw_only=True)
class RunEndEvent(RunStartEvent):
    """A bulk run ends, or whoever reads its stream leaves.

    Attributes:
        operation: what its calls are, such as `tickets.get`; None if there was none.
        done: how many ids have their result.
        failed: how many have an error.
        elapsed: seconds from its start.
        error: what ended it before its time, a cancellation or a deadline too; None if it came to its end.
    """

    operation: str | None
    done: int
    failed: int
    elapsed: float
    error: BaseException | None


@frozen(kw_only=True)
class Hooks:
    """Functions that get a client's events, in its event loop. What they raise is logged, not raised.

    All events of a call but those of its bulk run come in the task that makes it, in this order: `on_start`; for each
    request `on_queued` and `on_paced` if it waits for its turn, `on_request`, `on_response` if there is an answer, then
    `on_throttle` if it is a 429, and `on_retry` if another request follows; `on_end`. A read that gets what others
    asked for, by `max_age`, makes none.

    Attributes:
        on_start: a call begins.
        on_end: a call has ended, with a result or an error.
        on_queued: a call waits for its turn, and why.
        on_paced: a call that waited has its turn, and after how long.
        on_request: a request is about to be sent.
        on_response: an answer came, whatever its status.
        on_retry: an attempt failed, and another follows.
        on_throttle: the service answered 429, and everybody on this key pauses.
        on_run_start: a bulk run begins.
        on_run_end: a bulk run has ended, and what it came to.

    Raises:
        ConfigurationError: one of them cannot be called, or is an async function, which nobody would await.
    """

    on_start: Callable[[StartEvent], object] | None = None
    on_end: Callable[[EndEvent], object] | None = None
    on_queued: Callable[[QueuedEvent], object] | None = None
    on_paced: Callable[[PacedEvent], object] | None = None
    on_request: Callable[[RequestEvent], object] | None = None
    on_response: Callable[[ResponseEvent], object] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    on_throttle: Callable[[ThrottleEvent], object] | None = None
    on_run_start: Callable[[RunStartEvent], object] | None = None
    on_run_end: Callable[[RunEndEvent], object] | None = None

    def __attrs_post_init__(self) -> None:
        for each in fields(Hooks):
            if problem := why_no_hook(getattr(self, each.name)):
                raise ConfigurationError(f"{each.name}: {problem}")


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


def notify(hook: Callable[[EventT], object] | None, event: EventT) -> None:
    """Call *hook*, and log what it raises."""
    if hook is None:
        return
    try:
        hook(event)
    except Exception as exc:  # noqa: BLE001  # a hook is a guest: whatever it raises must not end the call
        _report_failure(hook, exc)


def _report_failure(hook: object, exc: Exception) -> None:
    """Log what a hook raised: as an error the first time, so that a bulk run does not say it ten thousand times."""
    failure = getattr(hook, "__code__", type(hook)), type(exc)
    level = logging.DEBUG if failure in _failed else logging.ERROR
    _failed.add(failure)
    name = getattr(hook, "__qualname__", type(hook).__qualname__)
    logger.log(level, "the hook %s raised, and the call goes on; if it does again, DEBUG shows it", name, exc_info=exc)
