import asyncio
import gc
import socket
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from queue import SimpleQueue
from types import SimpleNamespace

import anyio
import pytest

from periskope_async.errors import ClientClosedError, ConfigurationError
from periskope_sync import notebook
from periskope_sync._runner import Inbox, LoopThread, _in_own_thread, _loop_factory, _Process, loop_thread

variable: ContextVar[str] = ContextVar("variable", default="unset")


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopThread]:
    """Give a loop thread of the test's own, on either kind of loop."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    thread = LoopThread()
    yield thread
    thread.end()


@pytest.mark.parametrize(("version", "sound"), [("0.22.1", False), ("0.23.0", True), ("1.0.0rc1", True)])
def test_uvloop_that_closes_what_is_not_its_own(version: str, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001  # a parameter
    """An uvloop that closes descriptors twice is not used, though it is installed (MagicStack/uvloop#738)."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    monkeypatch.setattr(uvloop, "__version__", version)
    assert (_loop_factory() is uvloop.new_event_loop) is sound


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


def test_names_resolve(loop: LoopThread) -> None:
    """Names and addresses resolve, and one that does not raises what `socket` raises."""

    async def resolve() -> tuple[str, str]:
        running = asyncio.get_running_loop()
        found = await running.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        name = await running.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        return found[0][4][0], name[0]

    async def fail() -> None:
        await asyncio.get_running_loop().getaddrinfo("127.0.0.1", "no such service")

    assert loop.call(resolve) == ("127.0.0.1", "127.0.0.1")
    with pytest.raises(socket.gaierror):
        loop.call(fail)


def test_resolves_in_daemon_threads(loop: LoopThread) -> None:
    """A lookup runs in no thread pool: libuv's would crash forked children, Python's would hold up the exit."""

    async def lookup() -> threading.Thread:
        return await _in_own_thread(threading.current_thread)

    resolver = loop.call(lookup)
    assert resolver.daemon
    assert resolver.name == "periskope-resolver"


def test_lookup_that_outlives_its_call_or_its_loop(loop: LoopThread) -> None:
    """A lookup whose call was cancelled, or whose loop has ended, ends quietly when it can."""
    gates = [threading.Event(), threading.Event()]

    async def lookup(limiter: threading.Event) -> bool:
        return await asyncio.wait_for(_in_own_thread(limiter.wait), 0.01)

    for limiter in gates:
        with pytest.raises(TimeoutError):
            loop.call(lambda limiter=limiter: lookup(limiter))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    resolvers = [thread for thread in threading.enumerate() if thread.name == "periskope-resolver"]
    gates[0].set()
    assert loop.call(answer) == 42
    loop.end()
    gates[1].set()
    for resolver in resolvers:
        resolver.join(5)
        assert not resolver.is_alive()


async def test_refuses_to_block_a_running_loop() -> None:
    """In a thread that runs an event loop a call is refused, and says what to do instead."""
    with pytest.raises(ConfigurationError, match=r"to_thread.*allow_blocking"):
        loop_thread().call(answer)
    assert await asyncio.to_thread(loop_thread().call, answer) == 42


async def test_may_block_when_told_so() -> None:
    """After `notebook.allow_blocking()` a call may block the running loop; it can be taken back."""
    notebook.allow_blocking()
    try:
        assert loop_thread().call(answer) == 42
    finally:
        notebook.allow_blocking(False)  # noqa: FBT003  # reads as a sentence
    assert not notebook.may_block()


@pytest.mark.parametrize(
    ("shell", "allowed"), [(SimpleNamespace(kernel=object()), True), (SimpleNamespace(), False), (None, False)]
)
def test_recognises_a_notebook(monkeypatch: pytest.MonkeyPatch, shell: object, allowed: bool) -> None:  # noqa: FBT001  # a test's parameter
    """An IPython shell with a kernel is a notebook; a terminal's, or none, is not."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert notebook.may_block() is allowed


def test_refuses_to_wait_for_itself(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call from inside the loop, as a hook might make it, is refused even where blocking is allowed."""
    monkeypatch.setattr(notebook, "may_block", lambda: True)

    async def reenter() -> None:
        loop.call(answer)

    with pytest.raises(ConfigurationError, match="its"):
        loop.call(reenter)
    assert loop.call(answer) == 42


def test_ended_loop_answers_at_once(loop: LoopThread) -> None:
    """A call that waits when the loop ends, and every later one, is told so at once; tasks left are cancelled."""
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
    """A loop that is closed between our look and our call is told as ended too."""
    loop.end()
    with monkeypatch.context() as patch:
        patch.setattr(LoopThread, "usable", True)
        with pytest.raises(ClientClosedError, match="closed"):
            loop.post(print)


def test_one_loop_for_the_process() -> None:
    """Every thread gets the same loop thread, a dead one is replaced, and after the end there is none."""
    process = _Process()
    found: list[LoopThread] = []
    threads = [threading.Thread(target=lambda: found.append(process.loop_thread())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    found[0].end()
    fresh = process.loop_thread()
    assert fresh is not found[0]
    assert fresh.call(answer) == 42
    process.end()
    with pytest.raises(ClientClosedError, match="interpreter"):
        process.loop_thread()


def test_a_thread_that_had_to_wait_makes_no_second_loop() -> None:
    """Of two threads that find no loop, the later one takes what the earlier one made."""
    process, found = _Process(), []
    late = threading.Thread(target=lambda: found.append(process.loop_thread()))
    with process._lock:
        late.start()
        process._current = LoopThread()
    late.join()
    assert found == [process._current]
    process.end()


def test_too_late_for_threads(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python starts no thread any more, a first call says so, and a running loop still resolves names."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ClientClosedError, match="does not start: can't create"):
        _Process().loop_thread()
    assert loop.call(lambda: _in_own_thread(int, "7")) == 7


def test_work_that_will_not_be_cancelled(loop: LoopThread) -> None:
    """Work that goes on when it is cancelled holds up its interrupted caller for a moment only."""
    inbox: Inbox = SimpleQueue()
    released = threading.Event()

    async def work() -> None:
        inbox.put(lambda: 1 / 0)
        try:
            await sleep()
        finally:
            await _in_own_thread(released.wait)

    started = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        loop.call(work, inbox)
    assert time.monotonic() - started < 1
    released.set()


def test_an_unused_process_ends() -> None:
    """A process that made no blocking call has nothing to end."""
    _Process().end()


def test_forgets_the_parents_loop() -> None:
    """What runs in a forked child leaves the inherited loop as it is and makes its own."""
    process = _Process()
    inherited = process.loop_thread()
    with process._lock:  # as if another thread had held it at the fork
        process.start_anew()
        own = process.loop_thread()
    assert own is not inherited
    assert inherited.call(answer) == own.call(answer) == 42
    inherited.end()
    process.end()
