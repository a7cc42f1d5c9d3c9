"""One blocking call on its way through the loop: what is to run, what became of it, and who is to learn that."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

from periskope_sync._threads import Inbox

__all__ = ["WorkItem", "nothing"]

T = TypeVar("T")


class WorkItem(Generic[T]):
    """A blocking call: begun by the caller, run in the loop, over when the news reaches the caller's inbox."""

    __slots__ = ("_error", "_handle", "_inbox", "_let_go", "_result", "_wanted", "_work", "over")

    def __init__(self, work: Callable[[], Awaitable[T]], inbox: Inbox) -> None:
        self._work = work
        self._inbox = inbox
        #: The task and its cancel scope, in one.
        self._handle: anyio.TaskHandle[None] | None = None
        self._let_go: Inbox | None = None
        self._result: T | None = None
        self._error: BaseException | None = None
        self._wanted = True
        #: Set by the caller's thread, and so after everything that came to the inbox before.
        self.over = False

    def start(self, group: TaskGroup) -> None:
        """Begin, in the loop. The caller's context variables are here: `call_soon_threadsafe` carries them."""
        task = self._run()
        try:
            self._handle = group.create_task(task, name="periskope-call")
        except Exception as error:  # noqa: BLE001  # it is logged at most, and the caller would wait for ever
            task.close()
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End before it began, in the loop."""
        self._error = error
        self._inbox.put(self._end)

    def cancel(self, let_go: Inbox) -> None:
        """Cancel, in the loop, and notify *let_go* when the work has let go. Nobody will ask for the outcome."""
        self._wanted, self._error = False, None
        if self._handle is None or self._handle.status is not anyio.TaskHandle.Status.PENDING:
            let_go.put(nothing)  # it is over; or the caller was interrupted before it had handed it over
        else:
            self._let_go = let_go
            self._handle.cancel()

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return cast("T", self._result)
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, so this frame must not hold it

    async def _run(self) -> None:
        # Nothing may leave this method: an exception of a child ends the group, and with it all other calls.
        try:
            if self._wanted:  # and not cancelled before the first step: it might be a request that is sent in that step
                self._result = await self._work()
        except BaseException as error:  # noqa: BLE001  # a SystemExit, too, belongs to who called
            # Kept for nobody, it would live on: its traceback holds this frame, and so this item, which holds it.
            self._error = error if self._wanted else None
        finally:
            self._inbox.put(self._end)
            if self._let_go is not None:
                self._let_go.put(nothing)

    def _end(self) -> None:
        self.over = True


def nothing() -> None:
    """Say that something is over, and no more."""
