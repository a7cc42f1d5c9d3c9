"""The one path every call takes: limiter, attempt, judgement, wait. Knows nothing of any one resource."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from attrs import define, field

from periskope_async._codec import converter as _converter
from periskope_async._io.request_queue import RequestQueue
from periskope_async._sansio.classify import classify, malformed, unexpected
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading, rate_suffixes, read_rate
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.redact import redact
from periskope_async._sansio.request import Request
from periskope_async._sansio.response import FailedAttempt, FailureKind, Response
from periskope_async._sansio.retry import cost, wait_before_retry
from periskope_async.errors import ApiError, ClientClosedError, DeadlineExceeded, DecodeError, PeriskopeError
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
from periskope_async.settings import Settings

if TYPE_CHECKING:
    from periskope_async._io.connections import LoopState, Transport

__all__ = ["Call", "Caller"]

T = TypeVar("T")


@define
class Call:
    """One call under way: what it has been through so far."""

    request: Request
    state: "LoopState"
    started: float
    ends_at: float
    enter: Callable[[], Awaitable[Permit | None]] | None
    second_pass: bool
    attempts: int = 0
    paid: int = 0
    failed: dict[FailureKind, int] = field(factory=dict[FailureKind, int])
    last: FailedAttempt | None = None
    #: After a 429: the seconds that everybody pauses, and whether nobody is let through any more.
    pause: float = 0.0
    shut: bool = False

    @property
    def bulk(self) -> bool:
        """Whether it belongs to a bulk run."""
        return self.enter is not None


class Caller:
    """Sends requests for one client: as often as its settings allow, as fast as the limiter allows."""

    def __init__(self, settings: Settings, transport: "Transport", hooks: Hooks | None = None) -> None:
        self.settings = settings
        self.transport = transport
        self.hooks = hooks

    @property
    def rate_limit(self) -> RateLimit | None:
        """What is known of the rate limit; None before the service told any."""
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:  # asked from a plain thread: event loops count monotonic time too
            now = time.monotonic()
        return self.transport.limiter.rate_limit(now)

    async def call(
        self,
        request: Request,
        result: type[T],
        *,
        second_pass: bool = False,
        state: "LoopState | None" = None,
        permit: Permit | None = None,
        enter: Callable[[], Awaitable[Permit | None]] | None = None,
    ) -> T:
        """Send *request* until it gives a *result*, or raise why it does not.

        Args:
            request: what to send.
            result: the model that its body is structured into.
            second_pass: do not give up early on bodies that are broken (the second pass of a bulk run).
            state: where to send it from, if not from what the client has in the running loop.
            permit: a pass that is already held, of *home*'s lane.
            enter: how a bulk run waits for the passes of further attempts, None being the end of the run. They wait
                behind single calls and through outages and pauses, and the deadline does not count that.

        Raises:
            PeriskopeError: the last attempt's error, with the call's ticket id, path, attempts and seconds told.
        """
        try:
            state = state or self.transport.state()
        except PeriskopeError as exc:
            raise self.name_request(exc, request)  # noqa: B904  # the same exception, not a new one
        started = state.loop.time()
        deadline = math.inf if self.settings.deadline is None else self.settings.deadline
        ends_at = started + deadline
        call = Call(request, state, started, ends_at, enter, second_pass)
        permit = permit or state.queue.try_enter(bulk=False) or await self._wait_for_pass(call)
        while True:
            if permit.circuit is not None:  # what probes an outage has no more time than the outage
                call.ends_at = min(call.ends_at, state.queue.limiter.since(permit.circuit) + deadline)
            outcome = await self._attempt(call, permit, result)
            if not isinstance(outcome, FailedAttempt):
                state.queue.limiter.succeed(call.paid)
                return outcome
            wait = self._decide(call, permit, outcome)
            if wait > 0:
                await anyio.sleep(wait)
                self._check_open(call)
            if enter is None:
                permit = state.queue.try_enter(bulk=False) or await self._wait_for_pass(call)
            else:
                permit = await self._wait_with_run(call, enter, outcome)

    async def _wait_for_pass(self, call: Call) -> Permit:
        queue, now = call.state.queue, call.state.loop.time()
        if queue.limiter.earliest(now) < call.ends_at:
            try:
                async with asyncio.timeout_at(None if call.ends_at == math.inf else call.ends_at):
                    return await queue.wait(queue.queue(bulk=False))
            except TimeoutError:
                pass
            except ClientClosedError as exc:
                self._complete(call, exc)
                raise
            raise self._complete(call, self._out_of_time(call))
        raise self._complete(
            call, DeadlineExceeded(f"the rate limit lets nothing go within {self.settings.deadline:g} s")
        )

    async def _wait_with_run(
        self, call: Call, enter: Callable[[], Awaitable[Permit | None]], failure: FailedAttempt
    ) -> Permit:
        began = call.state.loop.time()
        try:
            permit = await enter()
        except ClientClosedError as exc:
            self._complete(call, exc)
            raise
        if permit is None:
            raise self._complete(call, failure.error)
        call.ends_at += permit.at - began  # the rate limit is the run's affair
        return permit

    async def _attempt(self, call: Call, permit: Permit, result: type[T]) -> T | FailedAttempt:
        """Make one attempt; return its result, or its failure."""
        state, request = call.state, call.request
        call.attempts += 1
        try:
            if self.hooks is not None and self.hooks.on_request is not None:
                notify(self.hooks.on_request, RequestEvent(**self._about(call)))
            until = min(permit.at + self.settings.timeout, call.ends_at)
            # Where one idle connection had ended unnoticed, others have.
            fresh = call.last is not None and call.last.kind is FailureKind.DROPPED
            answer = await self.transport.send(request, state, until, fresh=fresh)
        except BaseException:
            state.queue.lose(permit, failed=False)
            raise
        if isinstance(answer, FailedAttempt):
            state.queue.lose(permit, unsent=answer.unsent)
            return answer
        failure = classify(answer)
        outcome = self._decode(request, answer, result) if failure is None else failure
        kind = outcome.kind if isinstance(outcome, FailedAttempt) else FailureKind.FINAL
        if failure is not None and kind is FailureKind.THROTTLED:
            reading = self._read_rate(state.queue, answer, good=None)
            call.pause, call.shut = state.queue.refuse(permit, reading, failure.retry_after)
        else:
            good = kind is FailureKind.FINAL
            state.queue.answer(permit, self._read_rate(state.queue, answer, good=good), good=good)
        if self.hooks is not None or captured.get() is not None or logger.isEnabledFor(logging.DEBUG):
            self._report_response(call, answer)
        return outcome

    @staticmethod
    def _read_rate(queue: RequestQueue, answer: Response, *, good: bool | None) -> RateReading | None:
        """Read the rate headers, by the suffixes that this service is known to send.

        They are looked for in every answer until one is good, and again after a refusal, which may show that the
        limit is another one than we know of.
        """
        if good is None:
            queue.suffixes = None
        elif good and queue.suffixes is None:
            queue.suffixes = rate_suffixes(answer.headers)
        return read_rate(answer, queue.suffixes)

    def _decode(self, request: Request, answer: Response, result: type[T]) -> T | FailedAttempt:
        try:
            body = _converter.loads(answer.body)
        except ValueError:
            return malformed(answer, _problem("the body is not JSON", "not valid JSON @ $"))
        if body is None:
            return malformed(answer, _problem("the body is null", "expected an object @ $"))
        try:
            model = _converter.structure(body, result)
        except DecodeError as exc:
            error = exc
        else:
            mismatch = None if request.mismatch is None else request.mismatch(request, model)
            return model if mismatch is None else FailedAttempt(unexpected(answer, mismatch), FailureKind.MALFORMED)
        error.trace_id = answer.trace_id
        return FailedAttempt(error.with_traceback(None), FailureKind.FINAL)

    def _decide(self, call: Call, permit: Permit, failure: FailedAttempt) -> float:
        """Return the seconds to wait before the next attempt, or raise the failure's error."""
        limiter, now = call.state.queue.limiter, call.state.loop.time()
        call.last = failure
        call.failed[failure.kind] = same_kind = call.failed.get(failure.kind, 0) + 1
        self._check_open(call)
        if failure.kind is FailureKind.SLOW and now >= call.ends_at:
            raise self._complete(call, self._out_of_time(call))
        if failure.kind is FailureKind.THROTTLED:
            self._heed(call, failure)
            return 0.0
        wait = None
        if call.request.repeatable or failure.unsent:
            wait = wait_before_retry(
                failure,
                attempt=call.attempts - call.failed.get(FailureKind.THROTTLED, 0),
                same_kind=same_kind,
                retries=self.settings.retries,
                second_pass=call.second_pass,
            )
        cost = None if wait is None else cost(failure)
        bulk = call.bulk and failure.kind is not FailureKind.FINAL
        paid = limiter.fail(now, permit, cost, bulk=bulk)
        # Nobody gives up in a bulk run because the others failed: it waits with them behind one probe.
        if wait is None or now + wait >= call.ends_at or not (paid or call.bulk):
            raise self._complete(call, failure.error)
        call.paid = cost(failure) if paid else 0
        self._report_retry(call, failure.error, wait)
        return wait

    def _heed(self, call: Call, failure: FailedAttempt) -> None:
        """Tell of the pause that a 429 orders everybody; raise its error if it is longer than the call may take.

        A bulk run waits as long as it may go on itself. Where nothing else ends a call, a key that stays shut does.
        """
        now = call.state.loop.time()
        self._report_throttle(call, failure.retry_after, call.pause)
        ends_at = math.inf if call.bulk else call.ends_at
        if now + call.pause >= ends_at or (call.shut and ends_at == math.inf):
            raise self._complete(call, failure.error)
        self._report_retry(call, failure.error, call.pause)

    # -- errors ---------------------------------------------------------------------------------------------------

    def _check_open(self, call: Call) -> None:
        if self.transport.closed:
            raise self._complete(call, ClientClosedError("the client was closed during this call"))

    def _out_of_time(self, call: Call) -> DeadlineExceeded:
        told = "" if call.last is None else f"; the last attempt: {call.last.error.message}"
        return DeadlineExceeded(f"no result within the deadline of {self.settings.deadline:g} s{told}")

    def _complete(self, call: Call, error: PeriskopeError) -> PeriskopeError:
        """Tell *error* what only the call knows, and make it fit to be shown."""
        request, failure = call.request, call.last
        error.attempts = call.attempts
        error.retryable = isinstance(error, DeadlineExceeded) or (
            failure is not None and failure.error is error and failure.kind is not FailureKind.FINAL
        )
        error.elapsed = call.state.loop.time() - call.started
        if not request.repeatable and failure is not None and not failure.unsent:
            error.maybe_sent = not _was_refused(failure.error)
        return self.name_request(error, request)

    def name_request(self, error: PeriskopeError, request: Request) -> PeriskopeError:
        """Tell *error* which request it is about, and make it fit to be shown."""
        error.ticket_id, error.method, error.path = request.ticket_id, request.method, request.path
        redact(error, self.settings.api_key.scrub)
        return error

    # -- telling --------------------------------------------------------------------------------------------------

    def _about(self, call: Call) -> dict[str, Any]:
        request, scrub = call.request, self.settings.api_key.scrub  # somebody may have pasted the key as an id
        return {
            "operation": request.operation,
            "method": request.method,
            "path": scrub(request.path),
            "ticket_id": scrub(request.ticket_id),
            "attempt": call.attempts,
        }

    def _report_response(self, call: Call, answer: Response) -> None:
        headers = self.settings.api_key.scrub({name.lower(): value for name, value in answer.headers.items()})
        event = ResponseEvent(
            **self._about(call),
            status=answer.status,
            headers=headers,
            trace_id=headers.get("x-periskope-trace-id"),
            elapsed=call.state.loop.time() - call.started,
            rate_limit=self.rate_limit,
        )
        logger.debug("%s %s -> %d (attempt %d)", event.method, event.path, event.status, event.attempt)
        answers = captured.get()
        if answers is not None:
            answers.append(event)
        if self.hooks is not None:
            notify(self.hooks.on_response, event)

    def _report_retry(self, call: Call, error: PeriskopeError, wait: float) -> None:
        error = self._complete(call, error)
        logger.info("%s %s: %s; again in %.2f s", error.method, error.path, error.message, wait)
        if self.hooks is not None and self.hooks.on_retry is not None:
            notify(self.hooks.on_retry, RetryEvent(**self._about(call), error=error, wait=wait))

    def _report_throttle(self, call: Call, retry_after: float | None, pause: float) -> None:
        logger.info("429 from the service: everybody on this key pauses for %.2f s", pause)
        if self.hooks is not None and self.hooks.on_throttle is not None:
            event = ThrottleEvent(**self._about(call), retry_after=retry_after, pause=pause)
            notify(self.hooks.on_throttle, event)


def _was_refused(error: PeriskopeError) -> bool:
    """Whether the service said that it did not do what was asked."""
    return isinstance(error, ApiError) and 400 <= error.status < 500 and error.status != 408


def _problem(message: str, problem: str) -> DecodeError:
    error = DecodeError(message)
    error.problems = (problem,)
    return error
