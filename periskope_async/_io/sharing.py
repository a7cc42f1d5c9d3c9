"""Reads that share what comes: one request for all who ask for the same within an age that they accept.

What is fresh, and what a write drops, is decided in `_sansio/readings.py`. Here calls wait for each other.
"""

import asyncio
import math
import threading
from collections.abc import Callable, Hashable
from copy import copy
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from attrs import define, field

from periskope_async._io.call import Call
from periskope_async._sansio.arguments import as_seconds
from periskope_async._sansio.operation import Request
from periskope_async._sansio.readings import Readings, collection_of, named_by, subject_of
from periskope_async.errors import PeriskopeError

if TYPE_CHECKING:
    from periskope_async._io.caller import Caller
    from periskope_async._io.connections import LoopState

__all__ = ["SharedReads", "read_shared"]

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


class SharedReads:
    """What a client and its `with_options` clones have read, in whatever thread, and are reading.

    What changes the table holds a lock. Who looks something up does not: that takes longer than all the rest of it.

    Args:
        size: how many readings to keep at most.
    """

    def __init__(self, size: int) -> None:
        self.table: Final = Readings[_Flight](size)
        self._lock: Final = threading.Lock()

    def drop(self, request: Request[Any]) -> None:
        """Forget what a write may have changed, as it ends, however it does."""
        if self.table:
            with self._lock:
                self.table.drop(named_by(request))

    def board(self, caller: "Caller", request: Request[Any], key: Hashable, oldest: float) -> _Flight:
        """Return a flight that brings nothing sent before *oldest*, under way or begun just now."""
        settings, loop = caller.settings, asyncio.get_running_loop()
        # What it would do differently with other options, it does for others.
        route = key, settings.timeout, settings.deadline, settings.retries, loop
        with self._lock:
            known = self.table.flight(route, oldest)
            if known is not None:
                return known
            call = Call(request, loop.time(), -math.inf)
            subject, collection = subject_of(str(request.resource_id)), collection_of(request)
            flight = _Flight(key, route, subject, collection, call)
            flight.task = loop.create_task(self._fly(caller, flight), name="periskope shared read")
            self.table.depart(flight)
            return flight

    def leave(self, flight: _Flight) -> None:
        """Take a waiter off, with the last of whom a flight ends."""
        flight.waiters -= 1
        if not flight.waiters and not flight.task.done():
            with self._lock:
                self.table.leave(flight)
            flight.task.cancel()

    async def _fly(self, caller: "Caller", flight: _Flight) -> Any:
        try:
            value = await caller.call(flight.call.request, call=flight.call)
        except PeriskopeError as exc:
            return exc
        else:
            with self._lock:
                self.table.land(flight, value)
            return value
        finally:
            with self._lock:
                self.table.leave(flight)


async def read_shared(
    caller: "Caller", build: Callable[..., Request[T]], resource_id: str, *, max_age: float, phone: str | None = None
) -> T:
    """Return what *build*'s request for an id brings, or brought at most *max_age* seconds ago.

    Raises:
        PeriskopeError: as from `Caller.call`. Who waited for the same request has its own copy.
    """
    connections, settings = caller.connections, caller.settings
    key = build, resource_id, settings.phone if phone is None else phone
    try:
        now = connections.state().loop.time()
        reading = connections.reads.table.find(key, now - max_age)
    except (PeriskopeError, TypeError):  # a closed client; an id or an age that is none
        reading = None
    if reading is not None:
        value: T = reading.value
        return value
    request = build(resource_id) if phone is None else build(resource_id, phone=phone)
    max_age = as_seconds("max_age", max_age)
    try:
        state = connections.state()
    except PeriskopeError:
        return await caller.call(request)  # it says why not
    ends_at = math.inf if settings.deadline is None else now + settings.deadline
    while True:
        flight = connections.reads.board(caller, request, key, now - max_age)
        flight.waiters += 1
        try:
            caller.extend(flight.call, state, flight.task, ends_at)
            await asyncio.wait((flight.task,), timeout=None if ends_at == math.inf else ends_at - state.loop.time())
        finally:
            connections.reads.leave(flight)
        if not flight.task.cancelled():  # else by who does not know what waits for it
            return cast("T", _outcome(caller, flight, state, now))


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
