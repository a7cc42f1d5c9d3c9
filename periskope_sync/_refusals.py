"""Why a blocking call cannot be made here and now: no loop any more, none to begin with, or one in the caller's way."""

import asyncio
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from periskope_async.errors import ClientClosedError, ConfigurationError
from periskope_sync import notebook

__all__ = ["loop_gone", "refuse_eventlet", "refuse_to_block", "unless_exiting"]

#: What of the standard library eventlet may have replaced that an event loop in a thread cannot do without.
NEEDED: Final = ("thread", "socket", "select")


def loop_gone(*, exiting: bool) -> ClientClosedError:
    """Return the error of a call whose loop has ended, which it does when the interpreter exits."""
    if exiting and threading.current_thread().daemon:
        threading.Event().wait()  # at exit such threads are frozen; until then, let this one be silent
    return ClientClosedError("the client, its stream, or its event loop is closed; the loop ends with the interpreter")


@contextmanager
def unless_exiting() -> Generator[None]:
    """Import what only now is needed, while there is time.

    Raises:
        ClientClosedError: the interpreter exits, and imports nothing more.
    """
    try:
        yield
    except ImportError:
        if not sys.is_finalizing():
            raise
        raise loop_gone(exiting=True) from None


def refuse_to_block(own: asyncio.AbstractEventLoop) -> None:
    """Insist that the thread of the call runs no event loop, or one that may be blocked. *own* is the clients' loop.

    Raises:
        ConfigurationError: it does.
    """
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


def refuse_eventlet() -> None:
    """Insist that eventlet, which is not developed any further, has not replaced what the loop needs.

    Raises:
        ConfigurationError: it has.
    """
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and any(map(patcher.is_monkey_patched, NEEDED)):
        raise ConfigurationError(
            "eventlet has replaced threads and sockets in this process (`eventlet.monkey_patch()`), and blocking calls"
            " need real ones: use threads, processes or gevent instead of eventlet"
        )
