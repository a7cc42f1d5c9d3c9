"""Ctrl-C at random points of blocking calls. `python interrupts.py KIND SEED POINTS`, the service in the environment.

Each point: a thread sends SIGINT after a random time, while the main thread makes one call after the other. Told at the
end, as JSON: how many interrupts came, the longest time from signal to exception, what was still under way afterwards.
"""

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

from periskope_sync import PeriskopeClient
from periskope_sync._runner import loop_thread

client = PeriskopeClient()


def ids() -> Iterator[str]:
    """Yield ids without end, from a generator of the caller's."""
    return (f"BKT-{number % 300:03}" for number in itertools.count(1))


def get() -> None:
    """One ticket."""
    client.tickets.get("BKT-001")


def get_many() -> None:
    """A bulk run with a callback."""
    client.tickets.get_many(itertools.islice(ids(), 40), on_progress=lambda _: None)


def stream() -> None:
    """A stream that is left early."""
    with client.tickets.stream(ids()) as results:
        for _ in itertools.islice(results, 30):
            pass


def walk() -> None:
    """A list that is dropped early."""
    for _ in itertools.islice(client.tickets.list(page_size=20), 50):
        pass


def open_and_close() -> None:
    """A client of its own: the first call, the connections, and closing them."""
    with PeriskopeClient() as own:
        own.tickets.get("BKT-002")


def interrupted(work: Callable[[], None], after: float) -> float:
    """Repeat *work* until a SIGINT ends it that comes *after* so many seconds; return how long that took."""
    sent: list[float] = []

    def interrupt() -> None:
        time.sleep(after)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        while True:
            work()
    except KeyboardInterrupt:
        took = time.monotonic() - sent[0]
    thread.join()
    return took


def under_way() -> list[str]:
    """Return what runs in the loop besides this question, once cancelled work has had its turn to leave."""

    async def names() -> list[str]:
        for _ in range(100):
            left = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            if not left:
                break
            await asyncio.sleep(0.01)
        return left

    return loop_thread().call(names)


def main(kind: str, seed: str, points: str) -> None:
    """Interrupt *kind* at so many *points*."""
    chance = random.Random(seed)  # noqa: S311  # a test's choice, to be repeated
    work = {"get": get, "get_many": get_many, "stream": stream, "walk": walk, "open_and_close": open_and_close}[kind]
    work()
    started = time.perf_counter()
    work()
    span = 1.5 * (time.perf_counter() - started)
    took, left = [], []
    for _ in range(int(points)):
        took.append(interrupted(work, chance.uniform(0, span)))
        left += under_way()
        get()  # the next call works
    client.close()
    json.dump({"interrupts": len(took), "longest": max(took), "left": left}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
