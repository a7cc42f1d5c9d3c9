"""A thread that runs an event loop for blocking calls, and the hop there and back. Knows nothing of tickets or HTTP.

The loop is anyio's: `anyio.run` in a daemon thread of ours, all calls children of one task group, each with a cancel
scope of its own that an interrupted caller cancels. The caller waits at an inbox meanwhile. Whatever of its own code
the call needs (ids from a generator, `on_progress`) comes back through that inbox and runs in the caller's thread,
where its database connection, its thread-locals and its Ctrl-C are.

The hop is not anyio's. A blocking portal that is left unclosed hangs the interpreter at exit, and a forked child for
ever; a SystemExit in one call ends it for all; it runs nothing in the caller's thread while that waits; and a hop there
and back takes 49 us of CPU, where this one takes 28 (21 without the task group and the scope, which we pay).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from queue import Empty
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio

from periskope_async._io.shortage import has_left, out_of_descriptors
from periskope_async.errors import ClientClosedError
from periskope_sync._event_loop import announce_asyncio, new_event_loop
from periskope_sync._refusals import loop_gone, refuse_to_block
from periskope_sync._threads import Inbox, make_inbox, make_thread
from periskope_sync._work_item import WorkItem

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

__all__ = ["LoopThread"]

T = TypeVar("T")

#: Seconds that a cancelled call, or the whole loop at exit, gets to clean up before we go on without it.
GRACE_SECONDS: Final = 0.5
#: Seconds between two looks whether the loop still lives. On Windows also the longest delay of a Ctrl-C.
LOOK_SECONDS: Final = 0.25
#: File descriptors, in connections and files, that an event loop opens to begin with; seven are the most seen.
DESCRIPTORS: Final = 8


class LoopThread:
    """An event loop that runs in a daemon thread of its own until the interpreter exits.

    Raises:
        ClientClosedError: it is too late to start a thread.
        ConnectError: the process is out of file descriptors.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        if not has_left(DESCRIPTORS):  # a loop that is made in part is not to be closed: it complains, and may leak
            raise out_of_descriptors("the event loop of the blocking clients does not start")
        self._loop = new_event_loop()
        self._group: TaskGroup | None = None
        self._stopped = asyncio.Event()
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
        refuse_to_block(self._loop)
        inbox = make_inbox() if inbox is None else inbox
        item = WorkItem(work, inbox)
        try:
            self.post(self._begin, item)
            while not item.over:
                self._receive(inbox)()
        except BaseException:
            let_go = make_inbox()
            with suppress(ClientClosedError, Empty):
                self.post(item.cancel, let_go)
                let_go.get(timeout=GRACE_SECONDS)
            raise
        try:
            return item.result()
        except asyncio.CancelledError:
            raise self._gone() from None

    def post(self, callback: Callable[..., object], *args: object) -> None:
        """Have the loop run *callback* soon, and wait for nothing.

        Raises:
            ClientClosedError: the loop is gone.
        """
        if not self.usable:
            raise self._gone()
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # it was closed just now
            raise self._gone() from None

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> anyio.TaskHandle[None]:
        """Run *work*, which raises nothing, beside the calls. Only for what runs in the loop already."""
        if self._group is None:
            raise AssertionError("unreachable")
        return self._group.create_task(work, name=name)

    def end(self) -> None:
        """Cancel what runs, close what is open, stop; and go on without that if it takes longer than a moment."""
        if self.usable:
            self._ending = True
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(GRACE_SECONDS)

    def keep(self) -> None:
        """In a forked child, see that no task of this loop is collected, and complains: its thread's stack holds us."""
        self._kept = asyncio.all_tasks(self._loop)

    def _serve(self) -> None:
        with suppress(asyncio.CancelledError):  # somebody cancelled all tasks there are; the next call makes a new loop
            anyio.run(self._main, backend="asyncio", backend_options={"loop_factory": lambda: self._loop})

    async def _main(self) -> None:
        async with anyio.create_task_group() as self._group:
            await self._stopped.wait()
            self._group.cancel_scope.cancel()

    def _begin(self, item: WorkItem[Any]) -> None:
        if self._group is None:  # `_main` takes its first step next
            self._loop.call_soon(self._begin, item)
        elif self._group.cancel_scope.cancel_called:
            item.fail(asyncio.CancelledError())
        else:
            announce_asyncio()
            item.start(self._group)

    def _receive(self, inbox: Inbox) -> Callable[[], object]:
        while True:
            try:
                return inbox.get(timeout=LOOK_SECONDS)
            except Empty:
                if not self._thread.is_alive():
                    raise self._gone() from None

    def _gone(self) -> ClientClosedError:
        return loop_gone(exiting=self._ending)
