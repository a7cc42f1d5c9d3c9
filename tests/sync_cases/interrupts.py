"""Ctrl-C in blocking calls. `python interrupts.py KIND SEED POINTS` or `KIND lines`, the service in the environment.

At each of POINTS random moments a thread sends SIGINT, while the main thread makes one call after the other. `lines`: a
KeyboardInterrupt at each line of ours that the main thread comes to, and at the start of each function, finalizers
included. Printed at the end, as JSON: how many interrupts came, the longest time from signal to exception, what was
still under way afterwards.
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
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType

import periskope_sync
from periskope_sync import PeriskopeClient, _loop_thread
from periskope_sync._process import loop_thread

Trace = Callable[[FrameType, str, object], object]

OURS = os.path.dirname(periskope_sync.__file__)  # noqa: PTH120  # compared with what frames say

client = PeriskopeClient()
#: The function, `call` or `line`, the line's number, and the how manyeth time it was.
Place = tuple[str, str, int, int]
#: Times at the same line that are enough, and tries to meet an interrupt there.
OCCURRENCES = 2
TRIES = 5


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


def drop() -> None:
    """A stream that is dropped open."""
    next(client.tickets.stream(ids()).__enter__())


def open_and_close() -> None:
    """A client of its own: the first call, the connections, and closing them."""
    with PeriskopeClient() as own:
        own.tickets.get("BKT-002")


WORK = {
    "get": get,
    "get_many": get_many,
    "stream": stream,
    "walk": walk,
    "drop": drop,
    "open_and_close": open_and_close,
}


def interrupted(work: Callable[[], None], after: float) -> float:
    """Repeat *work* until a SIGINT ends it that comes *after* some seconds; return how long that took."""
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


def traced(work: Callable[[], None], stop_at: Place | None = None) -> Counter[Place]:
    """Do *work*, with an interrupt at *stop_at*; return the places it came to, each once for each time."""
    seen: Counter[tuple[str, str, int]] = Counter()
    places: Counter[Place] = Counter()

    def trace(frame: FrameType, event: str, _: object) -> Trace | None:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event in {"call", "line"}:
            at = frame.f_code.co_qualname, event, frame.f_lineno
            seen[at] += 1
            places[*at, seen[at]] += 1
            if (*at, seen[at]) == stop_at:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    return places


def under_way() -> list[str]:
    """Return what runs in the loop besides this question, once cancelled work has had its turn to leave."""

    def others() -> set[asyncio.Task[object]]:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        return {task for task in tasks if not task.get_name().endswith("LoopThread._main")}

    async def names() -> list[str]:
        for _ in range(100):
            left = [repr(task) for task in others()]
            if not left:
                break
            await asyncio.sleep(0.01)
        for task in others():
            task.cancel()  # so that it is not reported twice
        return left

    return loop_thread().call(names)


def at_every_line(kind: str) -> None:
    """Interrupt *kind* at each line that it comes to, the first times that it does."""
    work = WORK[kind]
    vars(_loop_thread)["LOOK_SECONDS"] = 60.0  # a busy machine would come to lines that it does not come to again
    work()  # what happens but once, such as starting the loop, is not to be interrupted
    places = [place for place in traced(work) if place[-1] <= OCCURRENCES]
    # Out of a finalizer Python passes nothing on, and says so.
    sys.unraisablehook = lambda args: None if args.exc_type is KeyboardInterrupt else sys.__unraisablehook__(args)
    came, left = [], {}
    for place in places:
        for _ in range(TRIES):  # how often a line is come to is a matter of time, too
            if place in traced(work, place):
                came.append(place)
                break
        if still := under_way():
            left[str(place)] = still
        get()  # the next call works
    client.close()
    missed = [place for place in places if place not in came]
    finalizers = sum("__del__" in place[0] for place in came)
    json.dump({"interrupts": len(came), "missed": missed, "in_finalizers": finalizers, "left": left}, sys.stdout)


def main(kind: str, seed: str, points: str) -> None:
    """Interrupt *kind* at some *points*."""
    chance = random.Random(seed)  # noqa: S311  # a test's choice, to be repeated
    work = WORK[kind]
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
    if sys.argv[2:] == ["lines"]:
        at_every_line(sys.argv[1])
    else:
        main(*sys.argv[1:])
