"""Measuring: workers in processes of their own, interleaved rounds, medians, ratios. Knows nothing of clients.

Every peer lives in its own process, so that nobody pays for another's imports or heap. A round runs every case
once, in a new order each time, so that whatever else the machine does meets all of them alike.
"""

import contextlib
import gc
import json
import os
import platform
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
from server import Server

HERE: Final = Path(__file__).parent

#: What comes with the `speed` extra or belongs to the fastest peers; hidden from a worker in plain mode.
FAST_LIBRARIES: Final = ("msgspec", "orjson", "uvloop")
PLAIN: Final = "plain"  # asyncio and the standard library's json
SPEED: Final = "speed"  # uvloop, msgspec and orjson
MODES: Final = (PLAIN, SPEED)


class Key(NamedTuple):
    """What a figure is about: the table (a benchmark and its unit), the row and the column."""

    table: str
    row: str
    column: str


#: Every figure of a run, one per round.
Series = dict[Key, list[float]]


@attrs.frozen(eq=False)
class Case:
    """One cell of a table: the `module:function` to run, in which mode, with which arguments."""

    row: str
    column: str
    target: str
    mode: str
    arguments: Mapping[str, Any]


class AbsentError(Exception):
    """What a peer needs is not installed here."""


class WorkerError(Exception):
    """A peer failed, or did not do what it claims."""


class Worker:
    """A process that runs one function again and again, each time when told."""

    def __init__(self, target: str, mode: str) -> None:
        javascript = target.endswith(".mjs")
        command = (
            ["node", str(HERE / target)] if javascript else [sys.executable, str(HERE / "worker.py"), target, mode]
        )
        self.target = target
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            raise AbsentError(command[0]) from None

    def run(self, arguments: Mapping[str, Any]) -> dict[str, float]:
        """Run the function once and return what it returned.

        Raises:
            AbsentError: what it needs is not installed.
            WorkerError: it raised; its traceback is on stderr.
        """
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(dict(arguments)) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"failed": "the worker died"}')
        if "absent" in answer:
            raise AbsentError(answer["absent"])
        if "failed" in answer:
            raise WorkerError(f"{self.target} {arguments}: {answer['failed']}")
        return dict(answer["done"])

    def close(self) -> None:
        """End the process by ending its input."""
        with self.process, contextlib.suppress(subprocess.TimeoutExpired):
            assert self.process.stdin
            self.process.stdin.close()
            self.process.wait(timeout=20)
            return
        self.process.kill()


class Lab(NamedTuple):
    """A running server and how thoroughly to measure against it."""

    server: Server
    rounds: int
    smoke: bool
    rows: str = ""  # a pattern that a case's row must hold

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"{self.server.url}/v1"

    def size(self, full: int) -> int:
        """Give a benchmark's size, or in a smoke run just enough to see that it works."""
        return min(full, 120) if self.smoke else full

    def measure(self, benchmark: str, cases: Sequence[Case], *, fresh: bool = False) -> Series:
        """Run all cases in interleaved rounds; collect every figure they answer, by its unit.

        Every row keeps its process, or has a *fresh* one each time, where memory is measured.
        """
        series: Series = {}
        able = [case for case in cases if re.search(self.rows, case.row)]
        workers: dict[tuple[str, str, str], Worker] = {}
        order = random.Random(7)  # noqa: S311  # an order, not a secret
        try:
            for number in range(self.rounds):
                for case in order.sample(able, len(able)):
                    try:
                        peer = case.target, case.mode, case.row
                        worker = workers[peer] = workers.get(peer) or Worker(case.target, case.mode)
                        figures = self._checked(worker, case.arguments)
                    except AbsentError as absent:
                        able.remove(case)
                        print(f"left out: {benchmark} / {case.row} / {case.column}: no {absent}", file=sys.stderr)
                        continue
                    if fresh:
                        workers.pop(peer).close()
                    for unit, figure in figures.items():
                        series.setdefault(Key(f"{benchmark}, {unit}", case.row, case.column), []).append(figure)
                print(f"{benchmark}: round {number + 1} of {self.rounds}", file=sys.stderr, flush=True)
        finally:
            for worker in workers.values():
                worker.close()
        return series

    def _checked(self, worker: Worker, arguments: Mapping[str, Any]) -> dict[str, float]:
        """Run once; the server must have answered exactly as many requests as the worker says it made."""
        before = self.server.served()
        figures = worker.run(arguments)
        claimed = figures.pop("requests", 0)
        served = self.server.served() - before - 1  # the second look was a request, too
        if served != claimed:
            raise WorkerError(f"{worker.target} {arguments}: claims {claimed} requests, the server saw {served}")
        return figures


@contextlib.contextmanager
def collections() -> Iterator[list[float]]:
    """Give a list that gets the CPU seconds of every garbage collection in the block, in this thread or another."""
    took: list[float] = []
    started = 0.0

    def note(phase: str, _: Mapping[str, int]) -> None:
        nonlocal started
        now = time.thread_time()
        if phase == "start":
            started = now
        else:
            took.append(now - started)

    gc.callbacks.append(note)
    try:
        yield took
    finally:
        gc.callbacks.remove(note)


#: The CPUs this program may use, taken before it pins itself.
CPUS: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(server: Server) -> bool:
    """Give the server the last CPU, this process and so its workers the first; False where that cannot be done."""
    if len(CPUS) < 2:
        return False
    os.sched_setaffinity(server.pid, CPUS[-1:])
    os.sched_setaffinity(0, CPUS[:1])
    return True


def machine() -> str:
    """Say where the figures come from."""
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    cpu = models[0] if models else platform.processor() or platform.machine()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, {python}"


def versions(*names: str) -> str:
    """List what is installed of these distributions."""
    installed = {each.name.lower(): each.version for each in metadata.distributions()}
    return ", ".join(f"{name} {installed[name]}" for name in names if name in installed)
