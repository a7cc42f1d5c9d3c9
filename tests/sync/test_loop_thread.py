import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from queue import SimpleQueue
from typing import TYPE_CHECKING

import anyio
import pytest

from periskope_async.errors import ClientClosedError
from periskope_sync import _loop_thread
from periskope_sync._event_loop import in_own_thread
from periskope_sync._loop_thread import GRACE_SECONDS, LoopThread
from periskope_sync._work_item import WorkItem
from tests.support import run_python

if TYPE_CHECKING:
    from periskope_sync._threads import Inbox

variable: ContextVar[str] = ContextVar("variable", default="unset")


async def answer() -> int:
    """Stand for some work that takes a turn of the loop."""
    await asyncio.sleep(0)
    return 42


async def sleep() -> None:
    """Stand for work that ends only when it is cancelled."""
    await asyncio.sleep(60)


def test_returns_what_the_work_returns(loop: LoopThread) -> None:
    """A call gives the result of its coroutine."""
    assert loop.call(answer) == 42


def test_raises_the_very_error_and_keeps_nothing(loop: LoopThread) -> None:
    """An error comes back as the object it is, and goes away with its last reference, without the garbage collector."""

    class OwnError(Exception):
        pass

    raised: list[weakref.ref[OwnError]] = []

    async def fail() -> None:
        error = OwnError()
        raised.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    gc.disable()
    try:
        with pytest.raises(OwnError) as caught:
            loop.call(fail)
        assert caught.value is raised[0]()
        del caught
        loop.call(answer)
        assert raised[0]() is None
    finally:
        gc.enable()


def test_runs_in_one_daemon_thread(loop: LoopThread) -> None:
    """All work runs in one thread, which does not keep the interpreter alive and shows whose it is."""

    async def where() -> threading.Thread:
        return threading.current_thread()

    first, second = loop.call(where), loop.call(where)
    assert first is second
    assert first.daemon
    assert first.name == "periskope-loop"


def test_carries_context_variables(loop: LoopThread) -> None:
    """The work sees the caller's context variables, and what it sets stays with it."""

    async def read_and_write() -> str:
        seen = variable.get()
        variable.set("from the loop")
        return seen

    token = variable.set("from the caller")
    try:
        assert loop.call(read_and_write) == "from the caller"
        assert variable.get() == "from the caller"
    finally:
        variable.reset(token)
    assert loop.call(read_and_write) == "unset"


def test_waits_as_long_as_it_takes(loop: LoopThread) -> None:
    """A call that takes longer than the runner's look at its loop still ends with its result."""

    async def slow() -> int:
        await asyncio.sleep(0.3)
        return 7

    assert loop.call(slow) == 7


def test_inbox_runs_in_the_callers_thread_and_in_order(loop: LoopThread) -> None:
    """What the work puts into the inbox runs in the waiting thread, all of it before the call returns."""
    inbox: Inbox = SimpleQueue()
    ran: list[tuple[int, threading.Thread]] = []

    async def work() -> None:
        for number in range(3):
            inbox.put(lambda number=number: ran.append((number, threading.current_thread())))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults

    loop.call(work, inbox)
    assert ran == [(number, threading.current_thread()) for number in range(3)]


def test_error_of_the_callers_code_cancels_the_work(loop: LoopThread) -> None:
    """An error in the caller's own code comes back as it is, after the work was cancelled."""
    inbox: Inbox = SimpleQueue()
    ended: list[str] = []

    async def work() -> None:
        inbox.put(lambda: 1 / 0)
        try:
            await sleep()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(ZeroDivisionError):
        loop.call(work, inbox)
    assert ended == ["cancelled"]
    assert loop.call(answer) == 42


def test_interrupted_before_it_began(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C that comes before the call is handed over is passed on at once; the work never begins."""
    began: list[bool] = []

    async def work() -> None:
        began.append(True)

    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "post", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.call(work)
    assert loop.call(answer) == 42
    assert not began


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_exit_inside_the_loop_ends_only_its_own_call(loop: LoopThread, error: BaseException) -> None:
    """A SystemExit in the work, or in a task of its own, reaches its caller; other calls and the loop go on."""
    other = threading.Thread(target=lambda: results.append(loop.call(slow)))
    results: list[int] = []
    begun = threading.Event()

    async def slow() -> int:
        begun.set()
        await asyncio.sleep(0.1)
        return 7

    async def fail() -> None:
        raise error

    async def fail_in_a_task() -> None:
        await asyncio.create_task(fail())

    other.start()
    begun.wait()
    for work in (fail, fail_in_a_task):
        with pytest.raises(type(error)) as caught:
            loop.call(work)
        assert caught.value is error
    other.join()
    assert results == [7]
    assert loop.call(answer) == 42


def test_task_group_hands_on_an_exit(loop: LoopThread) -> None:
    """A SystemExit in a task group's child comes out of the group, and the next call works."""

    async def fail() -> None:
        raise SystemExit(3)

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail)

    with pytest.raises(BaseExceptionGroup) as caught:
        loop.call(work)
    assert caught.group_contains(SystemExit)
    assert loop.call(answer) == 42


def test_work_cancelled_by_others_is_a_closed_client(loop: LoopThread) -> None:
    """A call whose task somebody cancels raises an error of ours, not asyncio's."""

    async def work() -> None:
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]  # there is one
        await sleep()

    with pytest.raises(ClientClosedError, match="closed"):
        loop.call(work)


def test_ended_loop_answers_at_once(loop: LoopThread) -> None:
    """A call that waits when the loop ends, and every later one, learns that at once; tasks left are cancelled."""
    errors: list[BaseException] = []
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        await sleep()

    def call() -> None:
        with pytest.raises(ClientClosedError) as caught:
            loop.call(work)
        errors.append(caught.value)

    caller = threading.Thread(target=call)
    caller.start()
    begun.wait()
    loop.end()
    caller.join(5)
    assert len(errors) == 1
    with pytest.raises(ClientClosedError, match="closed"):
        loop.call(answer)
    with pytest.raises(ClientClosedError, match="closed"):
        loop._receive(SimpleQueue())
    loop.end()


def test_closed_in_the_same_moment(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that is closed between our look and our call counts as ended too."""
    loop.end()
    with monkeypatch.context() as patch:
        patch.setattr(LoopThread, "usable", True)
        with pytest.raises(ClientClosedError, match="closed"):
            loop.post(print)


def test_work_that_will_not_be_cancelled(loop: LoopThread) -> None:
    """Work that shields itself from being cancelled holds up its interrupted caller for a moment only."""
    inbox: Inbox = SimpleQueue()
    released = threading.Event()

    async def work() -> None:
        inbox.put(lambda: 1 / 0)
        with anyio.CancelScope(shield=True):
            await in_own_thread(released.wait)

    started = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        loop.call(work, inbox)
    assert GRACE_SECONDS <= time.monotonic() - started < GRACE_SECONDS + 5
    released.set()


def test_calls_are_children_of_one_task_group(loop: LoopThread) -> None:
    """All calls are children of the same task group, as anyio sees it."""

    async def parent() -> int | None:
        return anyio.get_current_task().parent_id

    parents = {loop.call(parent) for _ in range(3)}
    assert len(parents) == 1
    assert None not in parents


def test_stays_cancelled(loop: LoopThread) -> None:
    """The work of an interrupted caller is cancelled until it ends, though it catches the first cancellation."""
    inbox: Inbox = SimpleQueue()
    ended: list[str] = []

    async def work() -> None:
        inbox.put(lambda: 1 / 0)
        with suppress(asyncio.CancelledError):
            await sleep()
        try:
            await sleep()
        finally:
            ended.append("cancelled again")

    with pytest.raises(ZeroDivisionError):
        loop.call(work, inbox)
    assert ended == ["cancelled again"]


def test_interrupted_before_the_first_step(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work whose caller is interrupted before the loop comes to it is not begun: its first step may send something."""
    monkeypatch.setattr(_loop_thread, "GRACE_SECONDS", 0.01)
    inbox: Inbox = SimpleQueue()
    inbox.put(lambda: 1 / 0)
    busy, free = threading.Event(), threading.Event()
    began: list[bool] = []

    async def work() -> None:
        began.append(True)

    loop.post(lambda: (busy.set(), free.wait(10)))
    busy.wait(10)
    with pytest.raises(ZeroDivisionError):
        loop.call(work, inbox)
    free.set()
    assert loop.call(answer) == 42
    assert not began


def test_interrupted_when_all_is_over(loop: LoopThread) -> None:
    """A caller that is interrupted when its work has just ended is not held up."""
    inbox: Inbox = SimpleQueue()
    ended = threading.Event()

    async def work() -> None:
        inbox.put(interrupt)
        loop._loop.call_soon(lambda: loop._loop.call_soon(ended.set))

    def interrupt() -> None:
        ended.wait(10)
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        loop.call(work, inbox)
    assert time.monotonic() - started < GRACE_SECONDS


def test_call_that_comes_before_the_loop_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is handed over before the loop has taken its first step is made all the same."""
    serve, go = LoopThread._serve, threading.Event()
    posted = LoopThread.post

    def serve_late(thread: LoopThread) -> None:
        go.wait(10)
        serve(thread)

    def post_first(thread: LoopThread, callback: Callable[..., object], *args: object) -> None:
        posted(thread, callback, *args)
        go.set()

    monkeypatch.setattr(LoopThread, "_serve", serve_late)
    monkeypatch.setattr(LoopThread, "post", post_first)
    thread = LoopThread()
    assert thread.call(answer) == 42
    thread.end()


def test_call_that_cannot_be_started() -> None:
    """A call that its loop fails to start ends with the reason, and does not wait for ever."""
    inbox: Inbox = SimpleQueue()
    item = WorkItem(answer, inbox)
    item.start(None)  # type: ignore[arg-type]  # it has no `create_task`
    inbox.get(timeout=10)()
    assert item.over
    with pytest.raises(AttributeError, match="create_task"):
        item.result()


@pytest.mark.parametrize("context", ["unset", "asyncio", "trio"])
@pytest.mark.parametrize("installed", [True, False])
def test_beside_sniffio(context: str, installed: bool) -> None:  # noqa: FBT001  # a parameter
    """Calls work where sniffio is installed, which anyio then asks what it runs on, in any context of the caller's."""
    if installed:
        pytest.importorskip("sniffio", reason="sniffio is not installed")
    code = f"""
        import sys
        if not {installed}:
            sys.modules["sniffio"] = None
        import anyio
        from periskope_sync._process import loop_thread
        if {installed} and {context!r} != "unset":
            import sniffio
            sniffio.current_async_library_cvar.set({context!r})
        async def work():
            await anyio.sleep(0)
            return 42
        print(loop_thread().call(work))
    """
    done = run_python(code, "-W", "always")
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")


def test_call_that_comes_while_the_loop_ends(loop: LoopThread) -> None:
    """A call that reaches a loop which no longer takes any is not begun, and learns that at once."""
    inbox: Inbox = SimpleQueue()
    began: list[bool] = []

    async def work() -> None:
        began.append(True)

    item = WorkItem(work, inbox)

    def end_and_begin() -> None:
        assert loop._group is not None
        loop._group.cancel_scope.cancel()
        loop._begin(item)

    loop.call(answer)
    loop.post(end_and_begin)
    inbox.get(timeout=10)()
    assert item.over
    with pytest.raises(asyncio.CancelledError):
        item.result()
    assert not began


def test_work_that_cancels_every_task(loop: LoopThread) -> None:
    """Work that cancels all tasks of its loop ends that loop: its caller learns that, and nothing is printed."""

    async def work() -> None:
        for task in asyncio.all_tasks():
            task.cancel()
        await sleep()

    with pytest.raises(ClientClosedError):
        loop.call(work)
    loop._thread.join(10)
    assert not loop.usable
