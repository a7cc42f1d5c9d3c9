"""The event loop behind all blocking clients of a process: one daemon thread. Knows nothing of tickets or HTTP.

A blocking call is one hop: its coroutine runs as a task of that loop, while the caller waits at an inbox. Whatever of
the caller's own code the coroutine needs (ids from a generator, `on_progress`) comes back through that inbox and runs
in the caller's thread, where its database connection, its thread-locals and its Ctrl-C are.

It stands on no blocking portal: anyio's, left unclosed, hangs the interpreter at exit; in a forked child it hangs for
ever; a SystemExit in one call ends it for all; and its hop takes three times as long as this one.
"""

import asyncio
import atexit
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from functools import partial
from queue import Empty
from typing import Any, Final, Generic, TypeVar, cast

from periskope_async._io.shortage import HINT, has_left
from periskope_async.errors import ClientClosedError, ConfigurationError, ConnectError
from periskope_sync import notebook
from periskope_sync._threads import Inbox, is_patched, make_inbox, make_thread, original, refuse_eventlet

__all__ = ["LoopThread", "loop_thread", "prepare"]

T = TypeVar("T")

#: Seconds that a cancelled call, or the whole loop at exit, gets to clean up before we go on without it.
GRACE: Final = 0.5
#: Seconds between two looks whether the loop still lives. On Windows also the longest delay of a Ctrl-C.
LOOK: Final = 0.25
#: What an event loop opens to begin with, and to spare; seven are the most seen.
DESCRIPTORS: Final = 8


class _Call(Generic[T]):
    """One call: begun by the caller, run in the loop, over when the news reaches the caller's inbox."""

    __slots__ = ("_error", "_inbox", "_result", "_task", "_wanted", "_work", "over")

    def __init__(self, work: Callable[[], Awaitable[T]], inbox: Inbox) -> None:
        self._work = work
        self._inbox = inbox
        self._task: asyncio.Task[None] | None = None
        self._result: T | None = None
        self._error: BaseException | None = None
        self._wanted = True
        #: Set by the caller's thread, and so after everything that came to the inbox before.
        self.over = False

    def start(self) -> None:
        """Begin, in the loop. The caller's context variables are here: `call_soon_threadsafe` carries them."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def cancel(self, stopped: Inbox) -> None:
        """Cancel, in the loop, and tell *stopped* when the work has let go. Nobody will ask for the outcome."""
        self._wanted, self._error = False, None
        if self._task is None:  # the caller was interrupted before it had handed the call over
            stopped.put(_nothing)
        else:
            self._task.add_done_callback(lambda _: stopped.put(_nothing))
            self._task.cancel()

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return cast("T", self._result)
        try:
            if isinstance(error, asyncio.CancelledError):
                raise _gone() from None
            raise error
        finally:
            del error  # its traceback holds this frame, so this frame must not hold it

    async def _run(self) -> None:
        try:
            self._result = await self._work()
        except BaseException as error:  # noqa: BLE001  # a SystemExit, too, belongs to who called
            # Kept for nobody, it would live on: its traceback holds this frame, and so this call, which holds it.
            self._error = error if self._wanted else None
        finally:
            self._inbox.put(self._end)

    def _end(self) -> None:
        self.over = True


class LoopThread:
    """An event loop that runs in a daemon thread of its own until the interpreter exits.

    Raises:
        ClientClosedError: it is too late to start a thread.
        ConnectError: the process is out of file descriptors.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        if not has_left(DESCRIPTORS):  # a loop that is made in part is not to be closed: it complains, and may leak
            raise _not_started()
        self._loop = _new_loop()
        self._ending = False
        self._thread = make_thread(self._serve, "periskope-loop")
        try:
            Context().run(self._thread.start)  # else the first caller's context would live as long as the thread
        except RuntimeError as error:  # before 3.12.3, 3.12 starts none once the main thread has ended
            self._loop.close()
            raise ClientClosedError(f"the event loop of the blocking clients does not start: {error}") from None

    @property
    def usable(self) -> bool:
        """Whether the loop goes on, and in this process: a forked child inherits no thread."""
        return self._pid == os.getpid() and not self._ending and not self._loop.is_closed()

    def call(self, work: Callable[[], Awaitable[T]], inbox: Inbox | None = None) -> T:
        """Run *work* in the loop and return its result. Meanwhile run here what comes to *inbox*.

        An interruption (Ctrl-C, an error of the caller's own code) cancels the work before it is passed on.

        Raises:
            ConfigurationError: this thread runs an event loop itself, which the call would block.
            ClientClosedError: the loop is gone, or goes during the call.
        """
        _refuse_to_block(self._loop)
        inbox = make_inbox() if inbox is None else inbox
        call = _Call(work, inbox)
        try:
            self.post(call.start)
            while not call.over:
                self._receive(inbox)()
        except BaseException:
            stopped = make_inbox()
            with suppress(ClientClosedError, Empty):
                self.post(call.cancel, stopped)
                stopped.get(timeout=GRACE)
            raise
        return call.result()

    def post(self, callback: Callable[..., object], *args: object) -> None:
        """Have the loop run *callback* soon, and wait for nothing.

        Raises:
            ClientClosedError: the loop is gone.
        """
        if not self.usable:
            raise _gone()
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # it was closed just now
            raise _gone() from None

    def end(self) -> None:
        """Cancel what runs, close what is open, stop; and go on without that if it takes longer than a moment."""
        if self.usable:
            self._ending = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(GRACE)

    def keep(self) -> None:
        """In a forked child, see that no task of this loop is collected, and complains: its thread's stack holds us."""
        self._kept = asyncio.all_tasks(self._loop)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            loop = runner.get_loop()
            while not self._ending:
                # asyncio lets these two out of any task. They belong to who waits for it; for the others, go on.
                with suppress(SystemExit, KeyboardInterrupt):
                    loop.run_forever()

    def _receive(self, inbox: Inbox) -> Callable[[], object]:
        while True:
            try:
                return inbox.get(timeout=LOOK)
            except Empty:
                if not self._thread.is_alive():
                    raise _gone() from None


class _Process:
    """The loop thread of this process: made when first needed, forgotten in a forked child, ended at exit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: LoopThread | None = None
        self.exiting = False

    def start_anew(self) -> None:
        """In a forked child, leave the parent's loop alone, and the lock that one of its threads may hold."""
        if self._current is not None:
            self._current.keep()
        self._lock, self._current, self.exiting = threading.Lock(), None, False

    def loop_thread(self) -> LoopThread:
        """Return the loop thread of this process.

        Raises:
            ClientClosedError: the interpreter exits.
            ConnectError: the process is out of file descriptors.
        """
        current = self._current
        if current is not None and current.usable:
            return current
        with self._lock:
            if self.exiting:
                raise _gone()
            if self._current is None or not self._current.usable:
                refuse_eventlet()
                self._current = LoopThread()
            return self._current

    def end(self) -> None:
        """Close what is open, now that the interpreter exits."""
        self.exiting = True
        if self._current is not None:
            self._current.end()


_process = _Process()
loop_thread: Final = _process.loop_thread
atexit.register(_process.end)
if sys.platform != "win32":  # pragma: no branch  # there is no fork on Windows
    os.register_at_fork(after_in_child=_process.start_anew)


def _nothing() -> None:
    """Tell that something is over, and no more."""


def _gone() -> ClientClosedError:
    if _process.exiting and threading.current_thread().daemon:
        threading.Event().wait()  # at exit such threads are frozen; until then, let this one be silent
    return ClientClosedError("the client, its stream, or its event loop is closed; the loop ends with the interpreter")


def _not_started() -> ConnectError:
    error = ConnectError(f"the event loop of the blocking clients does not start: out of file descriptors; {HINT}")
    error.retryable = True
    return error


def _refuse_to_block(own: asyncio.AbstractEventLoop) -> None:
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is own:
        raise ConfigurationError(
            "a blocking call was made inside the client's own event loop, by a hook or an async iterable;"
            " it would wait for itself: use periskope_async there"
        )
    if not notebook.may_block():
        raise ConfigurationError(
            "a blocking call was made in a thread that runs an event loop, and would stop everything else in it:"
            " use periskope_async, or `await asyncio.to_thread(...)`;"
            " in a notebook, call periskope_sync.notebook.allow_blocking() once"
        )


def prepare() -> None:
    """Import what the loop is made of, so that the first call needs to open no file."""
    _loop_factory()


def _new_loop() -> asyncio.AbstractEventLoop:
    loop = _loop_factory()()
    # Both loops resolve names in a thread pool. libuv's, once started, makes a forked child that leaves by `sys.exit`
    # end in SIGSEGV, even one that never made a call: a gunicorn worker after `--preload`. Python's makes the
    # interpreter wait for a lookup that hangs, and takes no work once the main thread has ended.
    vars(loop).update(
        getaddrinfo=partial(_in_own_thread, original("socket", "getaddrinfo")),
        getnameinfo=partial(_in_own_thread, original("socket", "getnameinfo")),
    )
    return loop


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except (ImportError, RuntimeError):  # not installed; or the main thread has ended, too late to import it
        return _plain_loop
    # Older ones close a descriptor twice when a connect is cancelled, the second time perhaps somebody else's
    # (MagicStack/uvloop#738).
    version: str = vars(uvloop)["__version__"]
    release = tuple(int(number) for number in version.split(".")[:2])
    return uvloop.new_event_loop if release >= (0, 23) else _plain_loop


def _plain_loop() -> asyncio.AbstractEventLoop:
    if is_patched():  # it would wait as gevent does, which nobody ends from another thread
        return asyncio.SelectorEventLoop(original("selectors", "DefaultSelector")())
    return asyncio.new_event_loop()


async def _in_own_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return what *function* returns in a daemon thread made for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        record: Callable[[], object]
        try:
            record = partial(future.set_result, function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # it is raised where it is awaited
            record = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(lambda: future.cancelled() or record())

    try:
        make_thread(work, "periskope-resolver").start()
    except RuntimeError:  # as above; there is nobody left whom it could keep waiting
        work()
    return await future
