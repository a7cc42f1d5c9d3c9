"""What others hear of a call: errors completed with what only the call knows, hooks, captured answers, log lines.

Everything said here is without the key, and with phone numbers cut to their last four digits.
"""

import logging
from typing import Any

from periskope_async._io.call import Call
from periskope_async._sansio.operation import Request
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.redact import redact
from periskope_async._sansio.response import FailureKind, Response
from periskope_async.errors import DeadlineExceeded, PeriskopeError, mask_numbers
from periskope_async.hooks import (
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    ThrottleEvent,
    captured,
    logger,
    notify,
)
from periskope_async.settings import Secret

__all__ = ["Reporter"]


class Reporter:
    """Speaks for one client.

    Args:
        key: what nobody may see.
        hooks: who listens.
    """

    def __init__(self, key: Secret, hooks: Hooks | None) -> None:
        self._scrub = key.scrub
        self.hooks = hooks

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

    def request(self, call: Call[Any]) -> None:
        """Say that a request is about to be sent."""
        if self.hooks is not None and self.hooks.on_request is not None:
            notify(self.hooks.on_request, RequestEvent(**self._about(call)))

    def response(self, call: Call[Any], answer: Response, now: float, rate_limit: RateLimit | None) -> None:
        """Say that an answer came."""
        headers = self._scrub({name.lower(): value for name, value in answer.headers.items()})
        event = ResponseEvent(
            **self._about(call),
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
        return self.hooks is not None or captured.get() is not None or logger.isEnabledFor(logging.DEBUG)

    def retry(self, call: Call[Any], error: PeriskopeError, wait: float) -> None:
        """Say that an attempt failed and another follows after *wait* seconds."""
        logger.info("%s %s: %s; again in %.2f s", error.method, error.path, error.message, wait)
        if self.hooks is not None and self.hooks.on_retry is not None:
            notify(self.hooks.on_retry, RetryEvent(**self._about(call), error=error, wait=wait))

    def throttle(self, call: Call[Any], retry_after: float | None, pause: float) -> None:
        """Say that everybody on this key pauses."""
        logger.info("429 from the service: everybody on this key pauses for %.2f s", pause)
        if self.hooks is not None and self.hooks.on_throttle is not None:
            event = ThrottleEvent(**self._about(call), retry_after=retry_after, pause=pause)
            notify(self.hooks.on_throttle, event)

    def _about(self, call: Call[Any]) -> dict[str, Any]:
        request = call.request
        return {
            "operation": request.operation.name,
            "method": request.operation.method,
            # Somebody may have pasted the key as an id.
            "path": self._scrub(mask_numbers(request.path)),
            "resource": request.operation.resource,
            "resource_id": self._scrub(request.resource_id),
            "attempt": call.attempts,
        }
