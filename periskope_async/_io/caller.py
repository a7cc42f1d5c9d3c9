"""The one path every call takes: permit, attempt, classify, decode, retry or not. Knows no resource."""

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio

from periskope_async._io.call import Call
from periskope_async._io.reporting import Reporter
from periskope_async._io.request_queue import RequestQueue
from periskope_async._io.result import LARGE_BODY_BYTES, decode_ahead, read_result
from periskope_async._io.turn import IN_QUEUE, Reacquire, wait_alone, wait_with_run
from periskope_async._sansio.operation import Request
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async._sansio.retry import cost, decide_retry
from periskope_async._tracing import Watch
from periskope_async.errors import ClientClosedError, NotFoundError, PeriskopeError
from periskope_async.settings import Settings

if TYPE_CHECKING:
    from periskope_async._io.connections import Connections, LoopState

__all__ = ["Caller"]

T = TypeVar("T")


class Caller:
    """Sends requests for one client: as often as its settings allow, as fast as the rate limiter allows."""

    def __init__(self, settings: Settings, connections: "Connections", watch: Watch | None = None) -> None:
        self.settings = settings
        self.connections = connections
        self.report: Reporter = Reporter(settings.api_key, watch)
        self._watched: Final = self.report.hooks is not None
        self._deadline: Final = math.inf if settings.deadline is None else settings.deadline

    @property
    def rate_limit(self) -> RateLimit | None:
        """What is known of the rate limit; None before the service named any."""
        return self.connections.limiter.rate_limit(_now())

    async def call(
        self,
        request: Request[T],
        *,
        permit: Permit | None = None,
        reacquire: Reacquire | None = None,
        second_pass: bool = False,
        call: Call[T] | None = None,
    ) -> T:
        """Send *request* until it gives its operation's result, or raise why it does not.

        Args:
            request: what to send.
            permit: for the first attempt, from `queue()`; None to wait for one.
            reacquire: of a bulk run, whose calls wait behind single calls and through outages and pauses. The deadline
                does not count that.
            second_pass: a bulk run's last try for an id: do not give up early on bodies that are broken.
            call: made before, by who wants to see how far it is and say when it must end; None for one of its own.

        Raises:
            PeriskopeError: the last attempt's error, completed with the request, attempts and seconds.
        """
        try:
            state = self.connections.state()
        except PeriskopeError as exc:
            self._give_up(permit)
            raise self.report.name_request(exc, request)  # noqa: B904  # the same exception, not a new one
        if call is None:
            started = state.loop.time() if permit is None else permit.at
            call = Call(request, started, started + self._deadline, reacquire is not None, second_pass)
        watched = self._watched or request.operation.method != "GET"
        if watched:
            self.report.start(call)
        try:
            permit = permit or state.queue.try_acquire(bulk=False) or await self._wait_alone(call, state)
            while True:
                if permit.circuit is not None:  # who probes an outage has no more time than the outage
                    call.ends_at = min(call.ends_at, state.queue.limiter.open_since(permit.circuit) + self._deadline)
                permit.failures = call.failed + call.second_pass  # as a failure, a first pass counts
                outcome = await self._attempt(call, state, permit)
                if not isinstance(outcome, FailedAttempt):
                    break
                permit = await self._wait(call, state, self._wait_after(call, state, permit, outcome), reacquire)
        except BaseException as exc:
            if watched:
                self._end(call, state, exc)
            raise
        if watched:
            self._end(call, state, None)
        return outcome

    def _end(self, call: Call[Any], state: "LoopState", error: BaseException | None) -> None:
        """See to what is to be done after a call that was a write, or that somebody watches."""
        if call.request.operation.method != "GET":
            self.connections.reads.drop(call.request)
        self.report.end(call, state.loop.time(), error)

    # -- for shared reads -----------------------------------------------------------------------------------------

    def extend(self, call: Call[Any], state: "LoopState", task: "asyncio.Task[Any]", ends_at: float) -> None:
        """Let a call, which *task* makes, go on until *ends_at*, for somebody who came to wait for it."""
        if ends_at <= call.ends_at:
            return
        call.ends_at = ends_at
        if call.sent_at is not None:
            state.alarm.set(task, min(call.sent_at + self.settings.timeout, ends_at))

    def out_of_time(self, call: Call[Any], state: "LoopState") -> PeriskopeError:
        """Return the error of who cannot wait any longer for a call that goes on for others."""
        return self._complete(call, state, call.out_of_time(self._deadline, "" if call.attempts else IN_QUEUE))

    # -- for bulk runs --------------------------------------------------------------------------------------------

    def queue(self) -> RequestQueue:
        """Return where the permits of this client's calls come from, in the loop that runs here.

        Raises:
            ClientClosedError: the client is closed.
            ConfigurationError: it cannot be used here.
        """
        return self.connections.state().queue

    def _give_up(self, permit: Permit | None) -> None:
        """Hand back the permit of a client that another thread closed just now: others on the key may wait for it."""
        if permit is None:
            return
        self.connections.limiter.withdraw(permit)
        self.connections.limiter.wake_others()

    def is_hopeless(self) -> bool:
        """Whether a bulk run should end: the key is shut, or the service was out of order for a whole deadline."""
        return self.connections.limiter.is_hopeless(_now(), self.settings.deadline)

    def seconds_for(self, requests: int) -> float:
        """Return the seconds that this number of further requests takes by the rate limit alone."""
        return self.connections.limiter.seconds_for(requests, _now())

    # -- waiting --------------------------------------------------------------------------------------------------

    async def _wait(self, call: Call[Any], state: "LoopState", seconds: float, reacquire: Reacquire | None) -> Permit:
        """Wait before another attempt, and for its permit."""
        if seconds > 0:
            await anyio.sleep(seconds)
            self._check_open(call, state)
        if reacquire is None:
            return state.queue.try_acquire(bulk=False) or await self._wait_alone(call, state)
        return await wait_with_run(call, state, self.report, reacquire)

    async def _wait_alone(self, call: Call[Any], state: "LoopState") -> Permit:
        return await wait_alone(call, state, self.report, self._deadline)

    # -- attempts -------------------------------------------------------------------------------------------------

    async def _attempt(self, call: Call[T], state: "LoopState", permit: Permit) -> T | FailedAttempt:
        """Make one attempt; return its result, or its failure."""
        request, queue = call.request, state.queue
        call.attempts += 1
        try:
            if self._watched:
                self.report.request(call)
            until = permit.at + self.settings.timeout
            if until > call.ends_at:  # noqa: PLR1730  # `min` takes five times as long
                until = call.ends_at
            phone = request.phone or self.settings.phone
            # Where one idle connection had ended unnoticed, others have.
            fresh = call.last is not None and call.last.kind is FailureKind.DROPPED
            call.sent_at = permit.at
            answer = await self.connections.send(request, phone, state, permit.at, until, fresh=fresh)
            decoded = None
            if not isinstance(answer, FailedAttempt) and len(answer.body) > LARGE_BODY_BYTES:
                decoded = await decode_ahead(request, answer)
        except BaseException:
            queue.lose(permit, failed=False)
            raise
        if isinstance(answer, FailedAttempt):
            queue.lose(permit, unsent=answer.unsent)
            return answer
        outcome: T | FailedAttempt | None = read_result(request, answer, decoded)
        if not isinstance(outcome, FailedAttempt):
            queue.answer(permit, answer, healthy=True, refund=call.paid)
        elif outcome.kind is FailureKind.THROTTLED:
            call.pause, call.shut = queue.refuse(permit, answer, outcome.retry_after)
        else:
            queue.answer(permit, answer, healthy=outcome.kind is FailureKind.FINAL, refund=None)
            if isinstance(outcome.error, NotFoundError) and call.has_happened():
                outcome = None  # of an operation without a result
        if self.report.listens():
            self.report.response(call, answer, state.loop.time(), self.rate_limit)
        return outcome  # type: ignore[return-value]  # mypy does not know when a T may be None

    def _wait_after(self, call: Call[Any], state: "LoopState", permit: Permit, failure: FailedAttempt) -> float:
        """Return the seconds to wait before the next attempt, or raise the failure's error."""
        now, limiter = state.loop.time(), state.queue.limiter
        call.sent_at = None
        call.record(failure)
        self._check_open(call, state)
        if failure.kind is FailureKind.SLOW and now >= call.ends_at:
            raise self._complete(call, state, call.out_of_time(self._deadline))
        if failure.kind is FailureKind.THROTTLED:
            self._heed(call, state, failure)
            return 0.0
        if permit.circuit is not None and limiter.is_probe(permit.circuit):
            call.probes += 1
        wait = decide_retry(
            failure,
            failures=call.failures,
            retries=self.settings.retries,
            idempotent=call.request.operation.idempotent,
            probes=call.probes,
            second_pass=call.second_pass,
        )
        price = None if wait is None else cost(failure)
        paid = limiter.fail(now, permit, price, bulk=call.bulk and failure.kind is not FailureKind.FINAL)
        # Nobody gives up in a bulk run because the others failed: it waits with them behind one probe.
        if wait is None or now + wait >= call.ends_at or not (paid or call.bulk):
            raise self._complete(call, state, failure.error)
        call.paid = cost(failure) if paid else 0
        self.report.retry(call, self._complete(call, state, failure.error), wait)
        return wait

    def _heed(self, call: Call[Any], state: "LoopState", failure: FailedAttempt) -> None:
        """Report the pause that a 429 orders everybody; raise its error if it is longer than the call may take.

        A bulk run waits as long as it may go on itself. Where nothing else ends a call, a key that stays shut does.
        """
        now = state.loop.time()
        self.report.throttle(call, failure.retry_after, call.pause)
        ends_at = math.inf if call.bulk else call.ends_at
        error = self._complete(call, state, failure.error)
        if now + call.pause >= ends_at or (call.shut and ends_at == math.inf):
            raise error
        self.report.retry(call, error, call.pause)

    # -- errors ---------------------------------------------------------------------------------------------------

    def _check_open(self, call: Call[Any], state: "LoopState") -> None:
        if self.connections.closed:
            raise self._complete(call, state, ClientClosedError("the client was closed during this call"))

    def _complete(self, call: Call[Any], state: "LoopState", error: PeriskopeError) -> PeriskopeError:
        return self.report.complete(error, call, state.loop.time())


def _now() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # asked from a plain thread: event loops count monotonic time too
        return time.monotonic()
