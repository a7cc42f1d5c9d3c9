"""Where a client's connections live: a session for each event loop, and what becomes of it with loops, forks and exits.

One attempt goes through here, cut off in time; how it goes over the wire is the affair of `http`.
"""

import asyncio
import inspect
import os
import warnings
from collections.abc import AsyncGenerator
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from periskope_async._io.http import Http, Session, check_session
from periskope_async._io.limiter import RateLimiter, limiter_for
from periskope_async._io.reads import SharedReads
from periskope_async._io.request_queue import RequestQueue
from periskope_async._io.timeouts import Alarm
from periskope_async._sansio.operation import Request
from periskope_async._sansio.response import FailedAttempt, FailureKind, Response
from periskope_async._version import VERSION
from periskope_async.errors import ClientClosedError, ConfigurationError, RequestTimeout
from periskope_async.settings import Settings

__all__ = ["Connections", "LoopState"]

# What calls would import when they first come to it: this module is imported when a client is made, and then there are
# descriptors to open files with. The last is anyio's part for asyncio, which it looks for by this name.
for _module in ("concurrent.futures.thread", "encodings.idna", "anyio._backends._asyncio"):
    with suppress(ModuleNotFoundError, RuntimeError):  # the interpreter exits, and some cannot be imported any more
        import_module(_module)

# Every session of ours that is open, with what closes it when its loop ends.
_open: dict[Session, AsyncGenerator[None, None]] = {}
# What hands back when its loop ends, where a session is the application's. If it were collected before, it would be
# closed in a loop that may not run again.
_lent: dict[object, AsyncGenerator[None, None]] = {}


class _Process:
    """How many forks this process is away from the one that imported this: its id would take a system call."""

    forks = 0


def _after_fork() -> None:
    """In a forked child, have clients find out, and see that the parent's sessions are never collected.

    Not even when the interpreter ends. What is collected is closed, and that would end the parent's connections: a TLS
    goodbye on a shared socket, or an epoll that both share and the parent waits at.
    """
    _Process.forks += 1
    if _open:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(dict(_open)))
        _open.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)


class LoopState:
    """What a client has in one event loop: its connections, its queue before the limiter, its alarm."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limiter: RateLimiter, concurrency: int) -> None:
        self.loop = loop
        self.queue: RequestQueue = RequestQueue(limiter, concurrency, loop)
        self.alarm: Alarm = Alarm(loop)
        self.http: Http | None = None
        #: By which what hands back is known, where the session is not ours. Not this: it would be kept by that.
        self.lent: Final = object()

    async def aclose(self) -> None:
        """Send away who waits, cut off who is under way, and close the session."""
        self.queue.close()
        self.alarm.close()
        closer = None if self.http is None else _open.get(self.http.session)
        if self.lent in _lent:
            await _lent[self.lent].aclose()
        if closer is not None:
            await closer.aclose()
            await asyncio.sleep(0)  # the sockets close with the loop's next turn


class Connections:
    """The connections of one client and its `with_options` clones: a session for each event loop, made when needed."""

    closed: bool = True  # until it is made

    def __init__(
        self, settings: Settings, limiter: RateLimiter, borrowed: Session | None = None, *, how_to_close: str
    ) -> None:
        if borrowed is not None:
            check_session(borrowed)
        self.limiter: RateLimiter = limiter
        self._settings = settings
        self._headers = {
            "Accept": "application/json",
            # aiohttp would offer brotli and zstd too, where installed; their bombs are smaller still.
            "Accept-Encoding": "gzip, deflate",
            "Authorization": settings.api_key.reveal("Bearer {}"),
            "User-Agent": f"periskope-python/{VERSION}",
        }
        self._borrowed = borrowed
        self._how_to_close = how_to_close
        self._states: dict[asyncio.AbstractEventLoop, LoopState] = {}
        self._latest: LoopState | None = None
        self.reads: SharedReads = SharedReads(settings.cache_size)
        self._forks = _Process.forks
        self._made_at = _caller_site()
        self.closed = False

    def state(self) -> LoopState:
        """Return what this client has in the running event loop.

        Raises:
            ClientClosedError: the client is closed.
            ConfigurationError: no event loop is running, or the borrowed session belongs to another one.
        """
        if self.closed:
            raise ClientClosedError("this client is closed")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is None:
            raise ConfigurationError("no asyncio event loop is running here; blocking code uses periskope_sync")
        state = self._latest
        if state is not None and state.loop is loop and self._forks == _Process.forks:
            return state
        return self._find_state(loop)

    async def send(
        self,
        request: Request[Any],
        phone: str | None,
        state: LoopState,
        since: float,
        until: float,
        *,
        fresh: bool = False,
    ) -> Response | FailedAttempt:
        """Make one attempt, under way *since*, and return the answer, or why there is none by *until* (loop times).

        *fresh* asks for a new connection: where one that was idle had ended unnoticed, others have.

        Nothing of aiohttp's escapes: its exceptions hold the request's headers, and so the key.
        """
        task = asyncio.current_task(state.loop)
        if task is None:
            raise AssertionError("unreachable")
        http = state.http
        if http is None:
            if self.closed:  # by another thread, since the call began
                return FailedAttempt(ClientClosedError("this client is closed"), FailureKind.FINAL, unsent=True)
            http = await self._open(state)
        cancelling = task.cancelling()
        state.alarm.set(task, until)
        try:
            outcome = await http.send(request, phone, new_connection=fresh)
        except asyncio.CancelledError as exc:
            if not state.alarm.clear(task) or task.uncancel() > cancelling:
                # It is the caller's. aiohttp's frames go: their locals hold the headers.
                raise exc.with_traceback(None)  # noqa: B904  # the same exception, not a new one
            seconds = until - since
            within = f"{round(seconds, 3) or seconds:.6g} s"  # the timeout, or what the call's deadline left of it
            return FailedAttempt(RequestTimeout(f"no complete answer within {within}"), FailureKind.SLOW)
        except Exception as exc:  # noqa: BLE001  # whatever broke below is a failed attempt, to be judged as one
            outcome = http.explain(exc, closed=self.closed)
        if state.alarm.clear(task):
            task.uncancel()  # it rang too late to matter
        return outcome

    async def http(self) -> Http:
        """Return this client's way to the service in the running event loop, for what is not a call.

        Raises:
            ClientClosedError: the client is closed.
            ConfigurationError: it cannot be used here.
        """
        state = self.state()
        return await self._open(state) if state.http is None else state.http

    async def aclose(self) -> None:
        """Close every session of ours. Calls that wait or are under way end with ClientClosedError."""
        self.closed = True
        states = list(self._states.values()) if self._forks == _Process.forks else []  # a parent's stay its own
        self._states, self._latest = {}, None
        here = asyncio.get_running_loop()
        for state in states:
            if state.loop is here:
                await state.aclose()
            elif state.loop.is_running():
                asyncio.run_coroutine_threadsafe(state.aclose(), state.loop)
            # and a loop that stands still closes its session when it ends
        if self._forks == _Process.forks:
            await self.limiter.rest()

    def __del__(self) -> None:
        if globals().get("_Process") is None:  # the interpreter ends, and has cleared this module already
            return
        if self.closed or self._forks != _Process.forks or self._borrowed is not None:
            return
        sessions = [(state.loop, state.http.session) for state in self._states.values() if state.http is not None]
        if not sessions:
            return
        message = f"unclosed PeriskopeClient: use {self._how_to_close}"
        warnings.warn_explicit(message, ResourceWarning, *self._made_at)
        for loop, session in sessions:
            if loop.is_running():
                # What is to close the session is now nobody's, and so its loop has it do that as soon as it can.
                _open.pop(session, None)
            else:
                session.detach()  # nobody can close it; it shall not complain in our place

    def _find_state(self, loop: asyncio.AbstractEventLoop) -> LoopState:
        if self._borrowed is not None and getattr(self._borrowed, "_loop", loop) is not loop:
            raise ConfigurationError("session: it belongs to another event loop")
        if self._forks != _Process.forks:
            self._states = {}
            self.reads = SharedReads(self._settings.cache_size)  # whose lock another thread of the parent may hold
            self.limiter = limiter_for(self._settings.base_url, self._settings.api_key, self._settings.budget)
            self._forks = _Process.forks
        state = self._states.get(loop)
        if state is None:
            # Copied in one step: another thread may be here for its own loop.
            for other in list(self._states):
                if other.is_closed():
                    self._states.pop(other, None)
            state = self._states[loop] = LoopState(loop, self.limiter, self._settings.concurrency)
        self._latest = state
        return state

    async def _open(self, state: LoopState) -> Http:
        http = state.http = Http(self._settings, self._headers, self._borrowed)
        if self._borrowed is None:
            closer = _open[http.session] = _close_with_loop(http.session, self.limiter)
            await anext(closer)
        elif self.limiter.is_shared:
            closer = _lent[state.lent] = _hand_back_with_loop(state.lent, self.limiter)
            await anext(closer)
        return http


async def _close_with_loop(session: Session, limiter: RateLimiter) -> AsyncGenerator[None, None]:
    """Close *session* when its loop ends: a loop that shuts down closes the generators that were started in it."""
    try:
        yield
    finally:
        _open.pop(session, None)
        limiter.hand_back()  # no timer of this loop will
        await session.close()


async def _hand_back_with_loop(lent: object, limiter: RateLimiter) -> AsyncGenerator[None, None]:
    """Hand back what is held for the next call when the loop ends, whose session is the application's to close."""
    try:
        yield
    finally:
        _lent.pop(lent, None)
        limiter.hand_back()


def _caller_site() -> tuple[str, int]:
    """Return the file and line of the first caller outside our packages."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("periskope_async.", "periskope_sync.")):
        frame = frame.f_back
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
