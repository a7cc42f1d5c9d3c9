import asyncio
import socket
import threading

import pytest

from periskope_async.errors import ClientClosedError
from periskope_sync._event_loop import in_own_thread, loop_factory
from periskope_sync._loop_thread import LoopThread
from periskope_sync._process import Process


async def answer() -> int:
    """Stand for some work that takes a turn of the loop."""
    await asyncio.sleep(0)
    return 42


@pytest.mark.parametrize(("version", "sound"), [("0.22.1", False), ("0.23.0", True), ("1.0.0rc1", True)])
def test_uvloop_that_closes_what_is_not_its_own(version: str, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001  # a parameter
    """An uvloop that closes descriptors twice is not used, though it is installed (MagicStack/uvloop#738)."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    monkeypatch.setattr(uvloop, "__version__", version)
    assert (loop_factory() is uvloop.new_event_loop) is sound


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
        return await in_own_thread(threading.current_thread)

    resolver = loop.call(lookup)
    assert resolver.daemon
    assert resolver.name == "periskope-resolver"


def test_lookup_that_outlives_its_call_or_its_loop(loop: LoopThread) -> None:
    """A lookup whose call was cancelled, or whose loop has ended, ends quietly when it can."""
    gates = [threading.Event(), threading.Event()]

    async def lookup(released: threading.Event) -> bool:
        return await asyncio.wait_for(in_own_thread(released.wait), 0.01)

    for released in gates:
        with pytest.raises(TimeoutError):
            loop.call(lambda released=released: lookup(released))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    resolvers = [thread for thread in threading.enumerate() if thread.name == "periskope-resolver"]
    gates[0].set()
    assert loop.call(answer) == 42
    loop.end()
    gates[1].set()
    for resolver in resolvers:
        resolver.join(5)
        assert not resolver.is_alive()


def test_too_late_for_threads(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python starts no thread any more, a first call says so, and a running loop still resolves names."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ClientClosedError, match="does not start: can't create"):
        Process().loop_thread()
    assert loop.call(lambda: in_own_thread(int, "7")) == 7
