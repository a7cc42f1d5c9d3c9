"""The one path every call takes: gate, attempt, judgement, wait. Knows nothing of any one resource."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from attrs import define, field

from periskope_async import _converter
from periskope_async._pacing import Lane, Pass, RateLimit
from periskope_async._protocol import (
    Failure,
    Kind,
    RateReading,
    Request,
    Response,
    garbled,
    judge,
    make_presentable,
    rate_suffixes,
    read_rate,
    unexpected,
)
from periskope_async._retry import price, wait_before_retry
from periskope_async.errors import ApiError, ClientClosedError, DeadlineExceeded, DecodeError, PeriskopeError
from periskope_async.events import Hooks, RequestEvent, ResponseEvent, RetryEvent, ThrottleEvent, captured, logger, tell
from periskope_async.settings import Settings

if TYPE_CHECKING:
    from periskope_async._transport import Home, Transport

__all__ = ["Call", "Caller"]

T = TypeVar("T")


@define
class Call:
    """One call under way: what it has been through so far."""

    request: Request
    home: "Home"
    started: float
    ends_at: float
    enter: Callable[[], Awaitable[Pass | None]] | None
    patient: bool
    attempts: int = 0
    paid: int = 0
    failed: dict[Kind, int] = field(factory=dict[Kind, int])
    last: Failure | None = None
    #: After a 429: the seconds that everybody pauses, and whether nobody is let through any more.
    pause: float = 0.0
    shut: bool = False

    @property
    def bulk(self) -> bool:
        """Whether it belongs to a bulk run."""
        return self.enter is not None


class Caller:
    """Sends requests for one client: as often as its settings allow, as fast as the gate allows."""

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
        return self.transport.gate.rate_limit(now)

    async def call(
        self,
        request: Request,
        result: type[T],
        *,
        patient: bool = False,
        home: "Home | None" = None,
        given: Pass | None = None,
        enter: Callable[[], Awaitable[Pass | None]] | None = None,
    ) -> T:
        """Send *request* until it gives a *result*, or raise why it does not.

        Args:
            request: what to send.
            result: the model that its body is structured into.
            patient: do not give up early on bodies that are broken (the second pass of a bulk run).
            home: where to send it from, if not from what the client has in the running loop.
            given: a pass that is already held, of *home*'s lane.
            enter: how a bulk run waits for the passes of further attempts, None being the end of the run. They wait
                behind single calls and through outages and pauses, and the deadline does not count that.

        Raises:
            PeriskopeError: the last attempt's error, with the call's ticket id, path, attempts and seconds told.
        """
        try:
            home = home or self.transport.home()
        except PeriskopeError as exc:
            raise self.name_request(exc, request)  # noqa: B904  # the same exception, not a new one
        started = home.loop.time()
        deadline = math.inf if self.settings.deadline is None else self.settings.deadline
        ends_at = started + deadline
        call = Call(request, home, started, ends_at, enter, patient)
        given = given or home.lane.try_enter(bulk=False) or await self._wait_for_pass(call)
        while True:
            if given.outage is not None:  # what probes an outage has no more time than the outage
                call.ends_at = min(call.ends_at, home.lane.gate.since(given.outage) + deadline)
            outcome = await self._attempt(call, given, result)
            if not isinstance(outcome, Failure):
                home.lane.gate.succeed(call.paid)
                return outcome
            wait = self._weigh(call, given, outcome)
            if wait > 0:
                await anyio.sleep(wait)
                self._check_open(call)
            if enter is None:
                given = home.lane.try_enter(bulk=False) or await self._wait_for_pass(call)
            else:
                given = await self._wait_with_run(call, enter, outcome)

    async def _wait_for_pass(self, call: Call) -> Pass:
        lane, now = call.home.lane, call.home.loop.time()
        if lane.gate.earliest(now) < call.ends_at:
            try:
                async with asyncio.timeout_at(None if call.ends_at == math.inf else call.ends_at):
                    return await lane.wait(lane.queue(bulk=False))
            except TimeoutError:
                pass
            except ClientClosedError as exc:
                self._complete(call, exc)
                raise
            raise self._complete(call, self._out_of_time(call))
        raise self._complete(
            call, DeadlineExceeded(f"the rate limit lets nothing go within {self.settings.deadline:g} s")
        )

    async def _wait_with_run(self, call: Call, enter: Callable[[], Awaitable[Pass | None]], failure: Failure) -> Pass:
        began = call.home.loop.time()
        try:
            given = await enter()
        except ClientClosedError as exc:
            self._complete(call, exc)
            raise
        if given is None:
            raise self._complete(call, failure.error)
        call.ends_at += given.at - began  # the rate limit is the run's affair
        return given

    async def _attempt(self, call: Call, given: Pass, result: type[T]) -> T | Failure:
        """Make one attempt; return its result, or its failure."""
        home, request = call.home, call.request
        call.attempts += 1
        try:
            if self.hooks is not None and self.hooks.on_request is not None:
                tell(self.hooks.on_request, RequestEvent(**self._about(call)))
            until = min(given.at + self.settings.timeout, call.ends_at)
            # Where one idle connection had ended unnoticed, others have.
            fresh = call.last is not None and call.last.kind is Kind.DROPPED
            answer = await self.transport.send(request, home, until, fresh=fresh)
        except BaseException:
            home.lane.lose(given, failed=False)
            raise
        if isinstance(answer, Failure):
            home.lane.lose(given, unsent=answer.unsent)
            return answer
        failure = judge(answer)
        outcome = self._decode(request, answer, result) if failure is None else failure
        kind = outcome.kind if isinstance(outcome, Failure) else Kind.FINAL
        if failure is not None and kind is Kind.THROTTLED:
            reading = self._read_rate(home.lane, answer, good=None)
            call.pause, call.shut = home.lane.refuse(given, reading, failure.retry_after)
        else:
            good = kind is Kind.FINAL
            home.lane.answer(given, self._read_rate(home.lane, answer, good=good), good=good)
        if self.hooks is not None or captured.get() is not None or logger.isEnabledFor(logging.DEBUG):
            self._tell_response(call, answer)
        return outcome

    @staticmethod
    def _read_rate(lane: Lane, answer: Response, *, good: bool | None) -> RateReading | None:
        """Read the rate headers, by the suffixes that this service is known to send.

        They are looked for in every answer until one is good, and again after a refusal, which may show that the
        limit is another one than we know of.
        """
        if good is None:
            lane.suffixes = None
        elif good and lane.suffixes is None:
            lane.suffixes = rate_suffixes(answer.headers)
        return read_rate(answer, lane.suffixes)

    def _decode(self, request: Request, answer: Response, result: type[T]) -> T | Failure:
        try:
            body = _converter.loads(answer.body)
        except ValueError:
            return garbled(answer, _problem("the body is not JSON", "not valid JSON @ $"))
        if body is None:
            return garbled(answer, _problem("the body is null", "expected an object @ $"))
        try:
            model = _converter.structure(body, result)
        except DecodeError as exc:
            error = exc
        else:
            mismatch = None if request.mismatch is None else request.mismatch(request, model)
            return model if mismatch is None else Failure(unexpected(answer, mismatch), Kind.GARBLED)
        error.trace_id = answer.trace_id
        return Failure(error.with_traceback(None), Kind.FINAL)

    def _weigh(self, call: Call, given: Pass, failure: Failure) -> float:
        """Return the seconds to wait before the next attempt, or raise the failure's error."""
        gate, now = call.home.lane.gate, call.home.loop.time()
        call.last = failure
        call.failed[failure.kind] = same_kind = call.failed.get(failure.kind, 0) + 1
        self._check_open(call)
        if failure.kind is Kind.SLOW and now >= call.ends_at:
            raise self._complete(call, self._out_of_time(call))
        if failure.kind is Kind.THROTTLED:
            self._heed(call, failure)
            return 0.0
        wait = None
        if call.request.repeatable or failure.unsent:
            wait = wait_before_retry(
                failure,
                attempt=call.attempts - call.failed.get(Kind.THROTTLED, 0),
                same_kind=same_kind,
                retries=self.settings.retries,
                patient=call.patient,
            )
        cost = None if wait is None else price(failure)
        bulk = call.bulk and failure.kind is not Kind.FINAL
        paid = gate.fail(now, given, cost, bulk=bulk)
        # Nobody gives up in a bulk run because the others failed: it waits with them behind one probe.
        if wait is None or now + wait >= call.ends_at or not (paid or call.bulk):
            raise self._complete(call, failure.error)
        call.paid = price(failure) if paid else 0
        self._tell_retry(call, failure.error, wait)
        return wait

    def _heed(self, call: Call, failure: Failure) -> None:
        """Tell of the pause that a 429 orders everybody; raise its error if it is longer than the call may take.

        A bulk run waits as long as it may go on itself. Where nothing else ends a call, a key that stays shut does.
        """
        now = call.home.loop.time()
        self._tell_throttle(call, failure.retry_after, call.pause)
        ends_at = math.inf if call.bulk else call.ends_at
        if now + call.pause >= ends_at or (call.shut and ends_at == math.inf):
            raise self._complete(call, failure.error)
        self._tell_retry(call, failure.error, call.pause)

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
            failure is not None and failure.error is error and failure.kind is not Kind.FINAL
        )
        error.elapsed = call.home.loop.time() - call.started
        if not request.repeatable and failure is not None and not failure.unsent:
            error.maybe_sent = not _was_refused(failure.error)
        return self.name_request(error, request)

    def name_request(self, error: PeriskopeError, request: Request) -> PeriskopeError:
        """Tell *error* which request it is about, and make it fit to be shown."""
        error.ticket_id, error.method, error.path = request.ticket_id, request.method, request.path
        make_presentable(error, self.settings.api_key.scrub)
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

    def _tell_response(self, call: Call, answer: Response) -> None:
        headers = self.settings.api_key.scrub({name.lower(): value for name, value in answer.headers.items()})
        event = ResponseEvent(
            **self._about(call),
            status=answer.status,
            headers=headers,
            trace_id=headers.get("x-periskope-trace-id"),
            elapsed=call.home.loop.time() - call.started,
            rate_limit=self.rate_limit,
        )
        logger.debug("%s %s -> %d (attempt %d)", event.method, event.path, event.status, event.attempt)
        answers = captured.get()
        if answers is not None:
            answers.append(event)
        if self.hooks is not None:
            tell(self.hooks.on_response, event)

    def _tell_retry(self, call: Call, error: PeriskopeError, wait: float) -> None:
        error = self._complete(call, error)
        logger.info("%s %s: %s; again in %.2f s", error.method, error.path, error.message, wait)
        if self.hooks is not None and self.hooks.on_retry is not None:
            tell(self.hooks.on_retry, RetryEvent(**self._about(call), error=error, wait=wait))

    def _tell_throttle(self, call: Call, retry_after: float | None, pause: float) -> None:
        logger.info("429 from the service: everybody on this key pauses for %.2f s", pause)
        if self.hooks is not None and self.hooks.on_throttle is not None:
            event = ThrottleEvent(**self._about(call), retry_after=retry_after, pause=pause)
            tell(self.hooks.on_throttle, event)


def _was_refused(error: PeriskopeError) -> bool:
    """Whether the service said that it did not do what was asked."""
    return isinstance(error, ApiError) and 400 <= error.status < 500 and error.status != 408


def _problem(message: str, problem: str) -> DecodeError:
    error = DecodeError(message)
    error.problems = (problem,)
    return error
