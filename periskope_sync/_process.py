"""The one loop thread that all blocking clients of a process share, through forks and until the interpreter exits."""

import atexit
import os
import sys
import threading
from typing import Final

from periskope_sync._loop_thread import LoopThread
from periskope_sync._refusals import loop_gone, refuse_eventlet

__all__ = ["loop_thread"]


class Process:
    """The loop thread of a process: made when first needed, forgotten in a forked child, ended at exit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: LoopThread | None = None
        self._exiting = False

    def start_anew(self) -> None:
        """In a forked child, leave the parent's loop alone, and the lock that one of its threads may hold."""
        if self._current is not None:
            self._current.keep()
        self._lock, self._current, self._exiting = threading.Lock(), None, False

    def loop_thread(self) -> LoopThread:
        """Return the loop thread of this process.

        Raises:
            ClientClosedError: the interpreter exits.
            ConfigurationError: eventlet is in the way.
            ConnectError: the process is out of file descriptors.
        """
        current = self._current
        if current is not None and current.usable:
            return current
        with self._lock:
            if self._exiting:
                raise loop_gone(exiting=True)
            if self._current is None or not self._current.usable:
                refuse_eventlet()
                self._current = LoopThread()
            return self._current

    def end(self) -> None:
        """Close what is open, now that the interpreter exits."""
        self._exiting = True
        if self._current is not None:
            self._current.end()


_process = Process()
loop_thread: Final = _process.loop_thread
atexit.register(_process.end)
if sys.platform != "win32":  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_process.start_anew)
