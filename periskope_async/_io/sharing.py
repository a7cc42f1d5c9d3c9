"""Reads that share what comes: one request for all who ask for the same within an age that they accept.

What is fresh, and what a write drops, is decided in `_sansio/readings.py`. Here calls wait for each other.
"""

import asyncio
import math
from collections.abc import Callable, Hashable
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import field

from periskope_async._deferred import define
from periskope_async._io.call import Call
from periskope_async._io.reads import SharedReads
from periskope_async._sansio.arguments import as_seconds
from periskope_async._sansio.operation import Request
from periskope_async._sansio.readings import collection_of, subject_of
from periskope_async.errors import PeriskopeError

if TYPE_CHECKING:
    from periskope_async._io.caller import Caller
    from periskope_async._io.connections import LoopState

__all__ = ["read_shared"]

T = TypeVar("T")


@define(eq=False)
class _Flight:
    """One request for many calls.

    Attributes:
        key: see `Flight`, as for the next three.
        call: what it does.
        task: in which it does that.
        waiters: how many wait for it.
    """

    key: Hashable
    route: Hashable
    subject: str
    collection: str
    call: Call[Any]
    task: "asyncio.Task[Any]" = field(init=False)
    waiters: int = 0

    @property
    def sent_at(self) -> float | None:
        """When the request was sent whose answer is awaited; None while none is."""
        return self.call.sent_at


async def read_shared(
    caller: "Caller", build: Callable[..., Request[T]], resource_id: str, *, max_age: float, phone: str | None = None
) -> T:
    """Return what *build*'s request for an id brings, or brought at most *max_age* seconds ago.

    Raises:
        PeriskopeError: as from `Caller.call`. Who waited for the same request has its own copy.
    """
    connections, settings = caller.connections, caller.settings
    key = build, resource_id, settings.phone if phone is None else phone
    now, reading = 0.0, None
    try:
        now = connections.state().loop.time()
        reading = connections.reads.table.find(key, now - max_age)
    except (PeriskopeError, TypeError):  # a closed client; an id or an age that is none
        pass
    if reading is not None:
        value: T = reading.value
        return value
    request = build(resource_id) if phone is None else build(resource_id, phone=phone)
    max_age = as_seconds("max_age", max_age, or_zero=True)
    try:
        state = connections.state()
    except PeriskopeError:
        return await caller.call(request)  # it says why not
    ends_at = math.inf if settings.deadline is None else now + settings.deadline
    while True:
        flight = _board(caller, request, key, now - max_age, ends_at)
        flight.waiters += 1
        try:
            caller.extend(flight.call, state, flight.task, ends_at)
            await asyncio.wait((flight.task,), timeout=None if ends_at == math.inf else ends_at - state.loop.time())
        finally:
            _leave(connections.reads, flight)
        if not flight.task.cancelled():  # else by who does not know what waits for it
            return cast("T", _outcome(caller, flight, state, now))


def _board(caller: "Caller", request: Request[Any], key: Hashable, oldest: float, ends_at: float) -> _Flight:
    """Return a flight that brings nothing sent before *oldest*, under way or begun just now."""
    settings, reads, loop = caller.settings, caller.connections.reads, asyncio.get_running_loop()
    # What it would do differently with other options, it does for others.
    route = key, settings.timeout, settings.deadline, settings.retries, loop
    known: _Flight | None = reads.table.flight(route, oldest)
    if known is not None:
        return known
    call = Call(request, loop.time(), ends_at)
    call.sent_at = None
    flight = _Flight(key, route, subject_of(str(request.resource_id)), collection_of(request), call)
    with reads.lock:
        reads.table.depart(flight)
    # Not under the lock: an eager task begins here, and may end.
    flight.task = loop.create_task(_fly(caller, reads, flight), name="periskope shared read")
    return flight


async def _fly(caller: "Caller", reads: SharedReads, flight: _Flight) -> Any:
    try:
        value = await caller.call(flight.call.request, call=flight.call)
    except PeriskopeError as exc:
        return exc
    else:
        with reads.lock:
            reads.table.land(flight, value)
        return value
    finally:
        with reads.lock:
            reads.table.leave(flight)


def _leave(reads: SharedReads, flight: _Flight) -> None:
    """Take a waiter off, with the last of whom a flight ends."""
    flight.waiters -= 1
    if not flight.waiters and not flight.task.done():
        with reads.lock:
            reads.table.leave(flight)
        flight.task.cancel()


def _outcome(caller: "Caller", flight: _Flight, state: "LoopState", started: float) -> Any:
    """Return what *flight* brought to a call that began at *started*, or raise its error, or that it took too long."""
    if not flight.task.done():
        error, cause = caller.out_of_time(flight.call, state), None
    else:
        outcome = flight.task.result()
        if not isinstance(outcome, PeriskopeError):
            return outcome
        # To each its own: what raises one adds its frames to it.
        error, cause = copy(outcome).with_traceback(outcome.__traceback__), outcome.__cause__
    error.elapsed = state.loop.time() - started
    raise error from cause
