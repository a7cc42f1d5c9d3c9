"""Ways to leave the interpreter, a function each. `python exits.py NAME`, with the service in the environment."""

import atexit
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

keep: list[object] = []


def get() -> None:
    """Make a blocking call with a client that nobody closes, and print how it went."""
    if not keep:
        from periskope_sync import PeriskopeClient

        keep.append(PeriskopeClient())
    try:
        notify(keep[0].tickets.get("BKT-001").ticket.ticket_id)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is printed
        notify(type(error).__name__)


def notify(word: str) -> None:
    """Print, also where the interpreter has already let go of `print`."""
    os.write(1, f"{word}\n".encode())


class Late:
    """Something that works when it is collected, in the last moments of the interpreter."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work

    def __del__(self) -> None:
        self.work()


def ids() -> itertools.chain[str]:
    """Return ids without end."""
    return itertools.chain(["BKT-001"], map("BKT-{:03}".format, itertools.count(2)))


def ctrl_c() -> None:
    """Leave by a Ctrl-C that nobody catches, in a call that would go on for ever."""
    get()

    def interrupt() -> None:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    keep[0].tickets.get_many(ids())


def unclosed() -> None:
    """Leave the client open."""
    get()


def closed() -> None:
    """Close the client."""
    get()
    keep[0].close()


def closed_in_atexit() -> None:
    """Close the client while the interpreter exits."""
    get()
    atexit.register(keep[0].close)


def closed_late() -> None:
    """Close the client when it is too late."""
    get()
    keep.append(Late(keep[0].close))


def uncaught() -> None:
    """Leave by an exception, out of `with`."""
    get()
    with keep[0]:
        raise LookupError


def exit_in_callback() -> None:
    """Leave by `sys.exit` from a callback of a running call."""
    get()
    with keep[0]:
        keep[0].tickets.get_many(ids(), on_progress=lambda _: sys.exit(3))


def open_stream() -> None:
    """Leave in the middle of a stream that is kept open."""
    get()
    keep.append(keep[0].tickets.stream(ids()))
    keep.append(keep[1].__enter__())
    notify(next(keep[2]).ticket_id[:4])


def open_walk() -> None:
    """Leave in the middle of a list that is kept."""
    get()
    keep.append(keep[0].tickets.list(page_size=1))
    notify(next(keep[1]).ticket_id)


def call_in_atexit() -> None:
    """Make a call from an exit hook."""
    get()
    atexit.register(get)


def first_call_in_atexit() -> None:
    """Make the first call of all from an exit hook."""
    import periskope_sync

    assert periskope_sync
    atexit.register(get)


def call_in_the_last_hook() -> None:
    """Make a call from an exit hook that was there before the package, and so runs after its own."""
    atexit.register(get)
    get()


def late_call() -> None:
    """Make a call when the interpreter takes the modules apart."""
    get()
    keep.append(Late(get))


def first_call_late() -> None:
    """Make the first call of all when the interpreter takes the modules apart."""
    import periskope_sync

    keep.append(periskope_sync.PeriskopeClient())
    keep.append(Late(get))


def thread_goes_on() -> None:
    """Leave while a thread that keeps the interpreter alive still makes calls, on new connections."""
    get()

    def work() -> None:
        for _ in range(3):
            time.sleep(0.05)
            keep[0].close()
            keep.clear()
            get()

    threading.Thread(target=work).start()


def thread_begins_late() -> None:
    """Leave while a thread that keeps the interpreter alive has yet to make the first call of all."""

    def work() -> None:
        threading.main_thread().join()
        get()

    threading.Thread(target=work).start()


def daemon_in_calls() -> None:
    """Leave while daemon threads make one call after the other."""
    get()

    def work() -> None:
        while True:
            keep[0].tickets.get("BKT-002")

    for _ in range(8):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(0.2)


def daemon_in_a_long_call() -> None:
    """Leave while a daemon thread waits in a call without end."""
    get()
    begun = threading.Event()
    call = keep[0].tickets.get_many
    threading.Thread(target=call, args=[ids()], kwargs={"on_progress": lambda _: begun.set()}, daemon=True).start()
    begun.wait()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
