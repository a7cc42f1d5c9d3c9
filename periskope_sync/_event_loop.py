"""The event loop behind blocking calls: which kind it is, how it resolves names, what cannot stop it. Knows no call."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from periskope_sync._threads import is_patched, make_thread, original

__all__ = ["announce_asyncio", "in_own_thread", "loop_factory", "new_event_loop", "prepare"]

T = TypeVar("T")


def prepare() -> None:
    """Import what the loop is made of, so that the first call needs to open no file."""
    loop_factory()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop, not yet running."""
    loop = loop_factory()()
    vars(loop).update(
        # Both loops resolve names in a thread pool. libuv's, once started, makes a forked child that leaves by
        # `sys.exit` end in SIGSEGV, even one that never made a call: a gunicorn worker after `--preload`. Python's
        # makes the interpreter wait for a lookup that hangs, and takes no work once the main thread has ended.
        getaddrinfo=partial(in_own_thread, original("socket", "getaddrinfo")),
        getnameinfo=partial(in_own_thread, original("socket", "getnameinfo")),
        run_forever=partial(_run_on, loop.run_forever),
    )
    return loop


def announce_asyncio() -> None:
    """Have anyio know, in a callback of the loop, that it is asyncio's.

    It sees that by itself, but for where something has installed sniffio: that believes the context, which here is the
    caller's and may say anything, and sees asyncio only in tasks.
    """
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        sniffio.current_async_library_cvar.set("asyncio")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the fastest loop that is sound."""
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


def _run_on(run_forever: Callable[[], None]) -> None:
    """Run a loop until it is stopped.

    asyncio lets these two out of any task, a call's child tasks included, which no task group of ours can catch. They
    belong to who waits for that task and gets them there; for the other calls, the loop goes on.
    """
    while True:
        with suppress(SystemExit, KeyboardInterrupt):
            run_forever()
            return


async def in_own_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
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
    except RuntimeError:  # before 3.12.3, 3.12 starts none once the main thread has ended; so nobody is kept waiting
        work()
    return await future
