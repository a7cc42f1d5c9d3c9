"""How a call waits for its turn: for a permit of its own, or with the bulk run that it is of. Sends nothing."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from periskope_async._io.call import Call
from periskope_async._io.reporting import Reporter
from periskope_async._sansio.permit import Permit
from periskope_async.errors import ClientClosedError, DeadlineExceeded, PeriskopeError

if TYPE_CHECKING:
    from periskope_async._io.connections import LoopState

__all__ = ["IN_QUEUE", "Reacquire", "wait_alone", "wait_with_run"]

#: Why a call whose time ran out in the queue got no further, and what to do about it.
IN_QUEUE: Final = "it waited behind other calls on this key; for many ids, get_many and stream count no such waiting"
#: How a bulk run waits for the permits of a call's further attempts; None is the end of the run.
Reacquire = Callable[[], Awaitable[Permit | None]]


async def wait_alone(call: Call[Any], state: "LoopState", report: Reporter, deadline: float) -> Permit:
    """Return a permit for the next attempt of a single call.

    Raises:
        PeriskopeError: there will be none within the call's time, which is *deadline* seconds; or the client is closed.
    """
    queue, began = state.queue, _begin(call, state, report)
    while queue.limiter.earliest(state.loop.time()) < call.ends_at:
        ends_at = call.ends_at
        try:
            async with asyncio.timeout_at(None if ends_at == math.inf else ends_at):
                permit = await queue.acquire(bulk=False)
        except TimeoutError:
            # Not by the clock: a loop's timers may ring a tick early, and then it would ask once more, and again.
            if call.ends_at > ends_at:  # it was put off meanwhile
                continue
            error: PeriskopeError = call.out_of_time(deadline, IN_QUEUE)
        except ClientClosedError as exc:
            error = exc
        else:
            report.paced(call, state.loop.time() - began)
            return permit
        raise report.complete(error, call, state.loop.time()) from None
    wait = queue.limiter.earliest(now := state.loop.time()) - now
    error = DeadlineExceeded(f"the rate limit lets nothing go within {deadline:g} s, but in {wait:.1f} s")
    error.retry_after = wait
    raise report.complete(error, call, now)


async def wait_with_run(call: Call[Any], state: "LoopState", report: Reporter, reacquire: Reacquire) -> Permit:
    """Return a permit for the next attempt of a call of a bulk run.

    Raises:
        PeriskopeError: the run ends, or the client is closed.
    """
    began = _begin(call, state, report)
    try:
        permit = await reacquire()
    except ClientClosedError as exc:
        raise report.complete(exc, call, state.loop.time())  # noqa: B904  # the same exception, not a new one
    if permit is None:
        if call.last is None:
            raise AssertionError("unreachable")
        raise report.complete(call.last.error, call, state.loop.time())
    call.ends_at += permit.at - began  # the rate limit is the run's affair
    report.paced(call, state.loop.time() - began)
    return permit


def _begin(call: Call[Any], state: "LoopState", report: Reporter) -> float:
    """Say that a call waits for its turn, if anybody listens; return the time."""
    now, queue = state.loop.time(), state.queue
    if report.hooks is not None:
        report.queued(call, queue.blocked_by(bulk=call.bulk), max(0.0, queue.limiter.earliest(now) - now))
    return now
