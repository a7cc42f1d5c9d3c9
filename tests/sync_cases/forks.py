"""Ways to fork around blocking calls, a function each. `python forks.py NAME LOOP`, the service in the environment.

LOOP is `uvloop`, or `asyncio` to do without it.
"""

import itertools
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable

if sys.argv[2] == "asyncio":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # the documented way to make an import fail

from periskope_sync import ClientClosedError, PeriskopeClient, capture_responses  # after the choice of loop

client = PeriskopeClient()


def get(ticket_id: str = "BKT-001") -> str:
    """Make a blocking call; nothing may have gone wrong on the way."""
    begun = time.monotonic()
    with capture_responses() as answers:
        got = client.tickets.get(ticket_id).ticket.ticket_id
    assert len(answers) == 1, f"{len(answers)} answers"
    assert answers[0].attempt == 1, f"{answers[0].attempt} attempts"
    assert time.monotonic() - begun < 20, "slow"  # a client that hangs waits for 30
    return got


def nothing() -> None:
    """Make no call."""


def child(work: Callable[[], object], leave: Callable[[int], object]) -> None:
    """Fork; do *work* in the child, which leaves by *leave*; wait for it, and see that it left in order."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        work()
        leave(7)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 7, f"the child ended with {os.waitstatus_to_exitcode(status)}"


def child_calls() -> None:
    """Children that make calls, and close; the parent's connection serves on."""
    get()
    for leave in (sys_exit, os._exit):
        for work in (get, nothing, client_of_its_own, lambda: (get(), get()), lambda leave=leave: child(get, leave)):
            child(work, leave)
            get()


def child_closes() -> None:
    """Children that close the inherited client, before or after a call: it stays open in the parent."""
    get()
    for leave in (sys_exit, os._exit):
        for work in (client.close, lambda: (get(), client.close())):
            child(work, leave)
            get()


def preloaded() -> None:
    """Children of a parent that made the client but no call."""
    for leave in (sys_exit, os._exit):
        for work in (get, nothing, client.close):
            child(work, leave)
    get()


def under_way() -> None:
    """Children forked while other threads are in the middle of calls, several times over."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                client.tickets.get("BKT-002")
        except BaseException as error:
            failed.append(error)
            raise

    get()  # no thread may be importing a module at the fork: Python itself would hang in the child
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number in range(10):
        child(get, sys_exit if number % 2 else os._exit)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed


def inside_a_stream() -> None:
    """A child forked inside a stream: the stream is the parent's, and the child learns that instead of hanging."""

    def read_on() -> None:
        try:
            for _ in results:
                pass
        except ClientClosedError:
            get()
        else:
            os._exit(1)

    def leave_it() -> None:
        stream.__exit__(None, None, None)
        get()

    stream = client.tickets.stream(map("BKT-{:03}".format, itertools.count(1)))
    with stream as results:
        next(results)
        for leave in (sys_exit, os._exit):
            child(leave_it, leave)
            child(read_on, leave)
            next(results)
    get()


def processes() -> None:
    """Worker processes of `multiprocessing`, forked and spawned, each with calls of its own."""
    get()
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(get, ["BKT-001", "BKT-002", "BKT-003"]) == ["BKT-001", "BKT-002", "BKT-003"]
            pool.close()
            pool.join()
        get()


def client_of_its_own() -> None:
    """Make, use and close another client."""
    with PeriskopeClient() as own:
        own.tickets.get("BKT-002")


def sys_exit(code: int) -> None:
    """Leave as most programs and gunicorn's workers do, with all that the interpreter does on exit."""
    sys.exit(code)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    client.close()
    sys.stdout.write("done\n")
