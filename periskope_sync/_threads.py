"""Threads, and waiting for them: threads of the operating system also where gevent has put its own in their place.

Under `gevent.monkey.patch_all()` a "thread" is a greenlet of the caller's thread, and an event loop in one would stop
all others. So the loop gets a real thread and a real selector, while callers wait as greenlets do: others go on.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any, Protocol

__all__ = ["Inbox", "Thread", "is_patched", "make_inbox", "make_thread", "original"]


class Inbox(Protocol):
    """Where a waiting caller receives pieces of its own code to run, and at last the news that its call is over."""

    def put(self, item: Callable[[], object], /) -> None:
        """Hand over, from any thread."""

    def get(self, *, timeout: float) -> Callable[[], object]:
        """Return the next, or raise `Empty` after *timeout* seconds."""
        ...


class Thread(Protocol):
    """What of `threading.Thread` is used."""

    def start(self) -> None: ...
    def is_alive(self) -> bool: ...
    def join(self, timeout: float, /) -> None: ...


def is_patched() -> bool:
    """Whether gevent has replaced what the loop needs."""
    return _gevent() is not None


def make_inbox() -> Inbox:
    """Return an inbox for the caller's thread, or its greenlet."""
    return SimpleQueue[Callable[[], object]]() if _gevent() is None else _HubInbox()


def make_thread(target: Callable[[], object], name: str) -> Thread:
    """Return a daemon thread of the operating system, not yet started."""
    return threading.Thread(target=target, name=name, daemon=True) if _gevent() is None else _RealThread(target)


def original(module: str, name: str) -> Any:
    """Return what is called *name* in a module of the standard library, before gevent."""
    monkey = _gevent()
    return getattr(sys.modules[module], name) if monkey is None else monkey.get_original(module, name)


def _gevent() -> Any:
    """Return `gevent.monkey` if it has replaced what the loop needs."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not any(map(monkey.is_module_patched, ("threading", "socket", "select"))):
        return None
    return monkey


class _RealThread:
    """A thread of the operating system that gevent knows nothing of. Such threads are daemons."""

    def __init__(self, target: Callable[[], object]) -> None:
        self._target = target
        self._running = original("_thread", "allocate_lock")()

    def start(self) -> None:
        self._running.acquire()
        original("_thread", "start_new_thread")(self._run, ())

    def is_alive(self) -> bool:
        return bool(self._running.locked())

    def join(self, timeout: float, /) -> None:
        if self._running.acquire(timeout=timeout):
            self._running.release()

    def _run(self) -> None:
        try:
            self._target()
        finally:
            self._running.release()


class _HubInbox:
    """An inbox at which a greenlet waits while its hub runs the others."""

    def __init__(self) -> None:
        self._items: deque[Callable[[], object]] = deque()
        self._news: Any = import_module("gevent.event").Event()
        self._bell: Any = import_module("gevent.hub").get_hub().loop.async_()

    def put(self, item: Callable[[], object], /) -> None:
        self._items.append(item)
        self._bell.send()

    def get(self, *, timeout: float) -> Callable[[], object]:
        self._news.clear()
        self._bell.start(self._news.set)
        try:
            if not self._items:  # what comes from here on rings
                self._news.wait(timeout)
        finally:
            self._bell.stop()
        try:
            return self._items.popleft()
        except IndexError:  # pragma: no cover  # the tracer of Python 3.11 does not come back from a greenlet's wait
            raise Empty from None
