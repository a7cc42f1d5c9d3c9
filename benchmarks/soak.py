"""A long run through both clients while the service fails: does anything of it stay? `python benchmarks/soak.py`.

Every way of calling takes its turn: in bulk and one by one, awaited and blocking. Of the awaited single calls one in 25
is abandoned. Five requests in a hundred meet a fault, of every kind after which a client tries again; the service, in a
process of its own, counts them. Before, after each quarter and at the end, this process is measured: memory, and what
is open or at work when nothing is. It ends with 1 if one of these grew. Not part of `run.py`, for it measures no speed.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness import machine, versions

import periskope_async
import periskope_sync
from periskope_async import PeriskopeError
from periskope_async.testing import PASSING_FAULTS, SLOW_FAULTS, FakePeriskope, Fault, Faults

FAULT_SHARE: Final = 0.05
#: Of the share, what goes to faults that cost everybody time: pauses after a 429, attempts that hang. More of them
#: would make the run long and no harder.
COSTLY_SHARE: Final = 0.0002
TICKETS: Final = 1_000
ROUND: Final = 1_000  # calls; fewer in a small run, for each quarter has all four ways
IN_FLIGHT: Final = 32
THREADS: Final = 8
TIMEOUT: Final = 2.0  # seconds, of one attempt
ABANDONED: Final = 25  # of the awaited single calls, one in so many
PATIENCE: Final = 0.001  # seconds, of who abandons a call
#: What memory may grow by between the first quarter and the end before it is called growth: allocators keep some.
MEMORY_SHARE, MEMORY_MB = 0.03, 2.0


class Reading(NamedTuple):
    """What this process holds when no call is under way.

    Attributes:
        memory_mb: resident.
        objects: that the garbage collector knows.
        tasks: of both event loops.
        descriptors: open.
        threads: alive.
    """

    memory_mb: float
    objects: int
    tasks: int
    descriptors: int
    threads: int


class Verdict(NamedTuple):
    """How one figure went, from the end of the first quarter on: caches fill and connections open before."""

    name: str
    values: tuple[float, ...]
    flat: bool


def judge(readings: Sequence[Reading]) -> list[Verdict]:
    """Say of each figure whether it is flat; the first of the *readings* is from before the run."""
    settled = readings[1:]
    verdicts: list[Verdict] = []
    for name in Reading._fields:
        values = tuple(float(getattr(reading, name)) for reading in settled)
        if name == "memory_mb":
            room = max(values[0] * MEMORY_SHARE, MEMORY_MB)
        else:
            room = values[0] * MEMORY_SHARE if name == "objects" else 0.0
        shown = tuple(float(getattr(reading, name)) for reading in readings)
        verdicts.append(Verdict(name, shown, values[-1] <= values[0] + room))
    return verdicts


class Soak:
    """Both clients, and what became of their calls."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.outcomes: Counter[str] = Counter()
        options: dict[str, Any] = {"base_url": base_url, "timeout": TIMEOUT, "concurrency": IN_FLIGHT}
        self.awaited = periskope_async.PeriskopeClient(api_key, **options)
        self.blocking = periskope_sync.PeriskopeClient(api_key, **options)
        self.ids = [f"BKT-{number:03}" for number in range(1, TICKETS + 1)]
        self.pool = ThreadPoolExecutor(THREADS, "soak")

    async def run(self, calls: int, until: float) -> None:
        """Make so many *calls*, each way in its turn, or fewer if it is *until* (on `time.monotonic`) before."""
        ways = (self._bulk, self._single, self._blocking_bulk, self._blocking_single)
        at_once = max(1, min(ROUND, calls // len(ways)))
        done = 0
        while done < calls and time.monotonic() < until:
            count = min(at_once, calls - done)
            await ways[done // at_once % len(ways)](self.ids[:count])
            done += count

    async def _bulk(self, ids: Sequence[str]) -> None:
        self._count(await self.awaited.tickets.get_many(ids), ids)

    async def _single(self, ids: Sequence[str]) -> None:
        waiting = enumerate(ids)

        async def work() -> None:
            for number, ticket_id in waiting:
                abandoned = number % ABANDONED == 0
                try:
                    async with asyncio.timeout(PATIENCE if abandoned else None):
                        found = await self.awaited.tickets.get(ticket_id)
                    self._found(found.ticket.ticket_id, ticket_id)
                except TimeoutError:
                    self.outcomes["abandoned"] += 1
                except PeriskopeError as error:
                    self.outcomes[type(error).__name__] += 1

        async with asyncio.TaskGroup() as workers:
            for _ in range(IN_FLIGHT):
                workers.create_task(work())

    async def _blocking_bulk(self, ids: Sequence[str]) -> None:
        result = await asyncio.get_running_loop().run_in_executor(self.pool, self.blocking.tickets.get_many, ids)
        self._count(result, ids)

    async def _blocking_single(self, ids: Sequence[str]) -> None:
        def work(part: Sequence[str]) -> Counter[str]:
            outcomes = Counter[str]()
            for ticket_id in part:
                try:
                    outcomes[
                        "found" if self.blocking.tickets.get(ticket_id).ticket.ticket_id == ticket_id else "!"
                    ] += 1
                except PeriskopeError as error:
                    outcomes[type(error).__name__] += 1
            return outcomes

        loop = asyncio.get_running_loop()
        parts = (ids[number::THREADS] for number in range(THREADS))
        for outcomes in await asyncio.gather(*(loop.run_in_executor(self.pool, work, part) for part in parts)):
            self.outcomes += outcomes

    def _count(self, result: Any, ids: Sequence[str]) -> None:
        assert result.fetched.keys() | result.errors.keys() == set(ids)
        for ticket_id, found in result.fetched.items():
            self._found(found.ticket.ticket_id, ticket_id)
        self.outcomes.update(type(error).__name__ for error in result.errors.values())

    def _found(self, found: str, wanted: str) -> None:
        assert found == wanted
        self.outcomes["found"] += 1

    async def read(self, pause: float) -> Reading:
        """Measure this process, *pause* seconds after the last call: by then idle connections are closed."""
        await asyncio.sleep(pause)
        for _ in range(3):
            gc.collect()
        loops = {asyncio.get_running_loop()} | {each for each in gc.get_objects() if _is_running_loop(each)}
        return Reading(
            memory_mb=_resident_mb(),
            objects=len(gc.get_objects()),
            tasks=sum(len(asyncio.all_tasks(loop)) for loop in loops),
            descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208  # no path is wanted
            threads=threading.active_count(),
        )

    async def aclose(self) -> None:
        """Close both clients."""
        await self.awaited.aclose()
        await asyncio.to_thread(self.blocking.close)
        self.pool.shutdown()


def _is_running_loop(each: object) -> bool:
    return isinstance(each, asyncio.AbstractEventLoop) and each.is_running()


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def rates() -> dict[Fault, float]:
    """Return how likely each fault is: together, `FAULT_SHARE`."""
    costly = sorted(SLOW_FAULTS | {kind for kind in PASSING_FAULTS if kind.startswith("429")})
    cheap = sorted(PASSING_FAULTS - set(costly))
    return dict.fromkeys(costly, COSTLY_SHARE / len(costly)) | dict.fromkeys(
        cheap, (FAULT_SHARE - COSTLY_SHARE) / len(cheap)
    )


def serve() -> None:
    """Be the service, until the input ends; then print what it counted."""
    plan = Faults(rates(), per_id=None, retry_after=0.0)
    with FakePeriskope(tickets=TICKETS, faults=plan, keep=100) as fake:
        print(json.dumps([fake.base_url, fake.api_key]), flush=True)
        sys.stdin.read()
        print(json.dumps({"requests": fake.calls, "faults": fake.counts}), flush=True)


@contextlib.contextmanager
def service() -> Iterator[tuple[str, str, Callable[[], dict[str, Any]]]]:
    """Run the service in a process of its own; give its URL, its key, and what ends it and returns its counts."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base_url, api_key = json.loads(process.stdout.readline())
        try:
            yield base_url, api_key, lambda: dict(json.loads(process.communicate(timeout=60)[0]))
        finally:
            process.kill()


async def soak(base_url: str, api_key: str, calls: int, seconds: float, pause: float) -> tuple[Soak, list[Reading]]:
    """Make so many calls within so many seconds; return what became of them, and five readings."""
    run = Soak(base_url, api_key)
    try:
        readings = [await run.read(0.0)]
        until, quarter = time.monotonic() + seconds, -(-calls // 4)
        for number in range(4):
            # A run that is cut short still has four parts: none takes more than its share of what time is left.
            end = time.monotonic() + (until - time.monotonic()) / (4 - number)
            await run.run(quarter, end)
            readings.append(await run.read(pause))
            print(number + 1, run.outcomes.total(), readings[-1], file=sys.stderr, flush=True)
    finally:
        await run.aclose()
    return run, readings


def main() -> int:
    """Run it, print the figures, and return 1 if one is not flat or a call has no outcome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000, help="how many calls (default 1,000,000)")
    parser.add_argument("--minutes", type=float, default=60.0, help="end after so many, whatever is left (default 60)")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds before each reading (default 10)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve()
        return 0
    started = time.monotonic()
    with service() as (base_url, api_key, end):
        run, readings = asyncio.run(soak(base_url, api_key, chosen.calls, chosen.minutes * 60, chosen.pause))
        counts = end()
    took, faults = time.monotonic() - started, sum(counts["faults"].values())
    outcomes = ", ".join(f"{count:,} {name}" for name, count in run.outcomes.most_common())
    print(f"{run.outcomes.total():,} calls in {took:,.0f} s: {outcomes}.")
    print(
        f"{counts['requests']:,} requests, {faults:,} of them met a fault ({faults / counts['requests']:.1%}), "
        f"of {len(counts['faults'])} kinds.\n"
    )
    verdicts = judge(readings)
    print("| | start | 1/4 | 1/2 | 3/4 | end | |\n|---|---|---|---|---|---|---|")
    for name, values, flat in verdicts:
        cells = " | ".join(f"{value:,.1f}" if name == "memory_mb" else f"{value:,.0f}" for value in values)
        print(f"| {name.replace('_mb', ', MB')} | {cells} | {'flat' if flat else '**not flat**'} |")
    print(f"\nMeasured on {machine()}; {versions('aiohttp', 'anyio', 'msgspec', 'uvloop')}.")
    return 0 if all(verdict.flat for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
