"""What others hear of a call: errors completed with what only the call knows, hooks, captured answers, log lines.

Everything said here is without the key, and with phone numbers cut to their last four digits.
"""

import logging
from itertools import count
from typing import Any, Final, Literal

from periskope_async._io.call import Call
from periskope_async._log import logger
from periskope_async._sansio.custom import CUSTOM
from periskope_async._sansio.operation import Request, add_headers
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.redact import redact
from periskope_async._sansio.response import FailureKind, Response
from periskope_async._tracing import Watch
from periskope_async.errors import DeadlineExceeded, PeriskopeError, mask_numbers
from periskope_async.hooks import (
    EndEvent,
    Hooks,
    PacedEvent,
    QueuedEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    RunEndEvent,
    RunStartEvent,
    StartEvent,
    ThrottleEvent,
    captured,
    notify,
)
from periskope_async.settings import Secret

__all__ = ["Reporter"]

#: Numbers of calls and runs, of all clients of the process.
_numbers: Final = count(1)


class Reporter:
    """Speaks for one client.

    Args:
        key: what nobody may see.
        watch: who listens; None for nobody.
    """

    def __init__(self, key: Secret, watch: Watch | None) -> None:
        self._scrub = key.scrub
        self.watch: Watch | None = watch
        self.hooks: Hooks | None = None if watch is None else watch.hooks
        self._hears_answers: Final = self.hooks is not None and self.hooks.on_response is not None

    def name_request(self, error: PeriskopeError, request: Request[Any]) -> PeriskopeError:
        """Add to *error* which request it is about, and make it fit to be shown."""
        operation = request.operation
        error.resource, error.resource_id = operation.resource, request.resource_id
        error.method, error.path = operation.method, mask_numbers(request.path)
        return self.redact(error)

    def redact(self, error: PeriskopeError) -> PeriskopeError:
        """Make *error* fit to be shown."""
        redact(error, self._scrub)
        return error

    def complete(self, error: PeriskopeError, call: Call[Any], now: float) -> PeriskopeError:
        """Add to *error* what only the call knows, and make it fit to be shown."""
        last = call.last
        error.attempts = call.attempts
        error.elapsed = now - call.started
        error.retryable = isinstance(error, DeadlineExceeded) or (
            last is not None and last.error is error and last.kind is not FailureKind.FINAL
        )
        error.maybe_sent = call.maybe_sent and not call.request.operation.idempotent
        return self.name_request(error, call.request)

    def start(self, call: Call[Any]) -> None:
        """Say that a call begins."""
        if self.hooks is not None:
            call.number = next(_numbers)
            if self.hooks.on_start is not None:
                notify(self.hooks.on_start, StartEvent(**self._about(call)))
            if self.watch is not None and self.watch.trace_headers is not None:  # of the span that was begun just now
                call.request = add_headers(call.request, self.watch.trace_headers())

    def end(self, call: Call[Any], now: float, error: BaseException | None) -> None:
        """Say that a call ends."""
        if self.hooks is not None and self.hooks.on_end is not None:
            elapsed = now - call.started
            event = EndEvent(**self._about(call), attempts=call.attempts, elapsed=elapsed, error=error)
            notify(self.hooks.on_end, event)

    def queued(self, call: Call[Any], reason: Literal["concurrency", "outage", "rate_limit"], at_least: float) -> None:
        """Say that a call waits for its turn."""
        if self.hooks is not None and self.hooks.on_queued is not None:
            notify(self.hooks.on_queued, QueuedEvent(**self._about(call), reason=reason, at_least=at_least))

    def paced(self, call: Call[Any], waited: float) -> None:
        """Say that the turn of a call that waited has come."""
        if self.hooks is not None and self.hooks.on_paced is not None:
            notify(self.hooks.on_paced, PacedEvent(**self._about(call), waited=waited))

    def run_start(self, total: int | None) -> int:
        """Say that a bulk run begins; return its number."""
        if self.hooks is None:
            return 0
        number = next(_numbers)
        if self.hooks.on_run_start is not None:
            notify(self.hooks.on_run_start, RunStartEvent(run=number, total=total))
        return number

    def run_end(self, **facts: Any) -> None:
        """Say that a bulk run ends."""
        if self.hooks is not None and self.hooks.on_run_end is not None:
            notify(self.hooks.on_run_end, RunEndEvent(**facts))

    def request(self, call: Call[Any]) -> None:
        """Say that a request is about to be sent."""
        if self.hooks is not None and self.hooks.on_request is not None:
            notify(self.hooks.on_request, RequestEvent(**self._about_attempt(call)))

    def response(self, call: Call[Any], answer: Response, now: float, rate_limit: RateLimit | None) -> None:
        """Say that an answer came."""
        headers = self._scrub({name.lower(): value for name, value in answer.headers.items()})
        event = ResponseEvent(
            **self._about_attempt(call),
            status=answer.status,
            headers=headers,
            trace_id=headers.get("x-periskope-trace-id"),
            elapsed=now - call.started,
            rate_limit=rate_limit,
        )
        logger.debug("%s %s -> %d (attempt %d)", event.method, event.path, event.status, event.attempt)
        answers = captured.get()
        if answers is not None:
            answers.append(event)
        if self.hooks is not None:
            notify(self.hooks.on_response, event)

    def listens(self) -> bool:
        """Whether anybody wants to hear of answers."""
        return self._hears_answers or captured.get() is not None or logger.isEnabledFor(logging.DEBUG)

    def retry(self, call: Call[Any], error: PeriskopeError, wait: float) -> None:
        """Say that an attempt failed and another follows after *wait* seconds."""
        logger.info("%s %s: %s; again in %.2f s", error.method, error.path, error.message, wait)
        if self.hooks is not None and self.hooks.on_retry is not None:
            notify(self.hooks.on_retry, RetryEvent(**self._about_attempt(call), error=error, wait=wait))

    def throttle(self, call: Call[Any], retry_after: float | None, pause: float) -> None:
        """Say that everybody on this key pauses."""
        logger.info("429 from the service: everybody on this key pauses for %.2f s", pause)
        if self.hooks is not None and self.hooks.on_throttle is not None:
            event = ThrottleEvent(**self._about_attempt(call), retry_after=retry_after, pause=pause)
            notify(self.hooks.on_throttle, event)

    def _about(self, call: Call[Any]) -> dict[str, Any]:
        request, operation = call.request, call.request.operation
        return {
            "operation": operation.name,
            "method": operation.method,
            "template": "" if operation.name == CUSTOM else operation.path,
            # Somebody may have pasted the key as an id.
            "path": self._scrub(mask_numbers(request.path)),
            "resource": operation.resource,
            "resource_id": self._scrub(request.resource_id),
            "call": 0 if self.hooks is None else call.number,
        }

    def _about_attempt(self, call: Call[Any]) -> dict[str, Any]:
        return {**self._about(call), "attempt": call.attempts}
