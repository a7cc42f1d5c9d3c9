"""Processes on one key, each with a budget of its own or all with one: `python benchmarks/processes.py [budget ...]`.

A budget is `own`, `host` or the URL of a Redis.

For each number of processes: how long they take by the limit alone (the ideal), how long they took, how often the
service refused, and how much later the last one ended than the first. Not part of `run.py`, for it measures waiting.
"""

import json
import subprocess
import sys
import time
from itertools import product
from typing import Final

from periskope_async.testing import FakePeriskope, RateLimitPolicy

#: Requests, window in seconds, tickets.
POLICIES: Final = ((100, 1.0, 1000), (300, 5.0, 1200))
PROCESSES: Final = (1, 2, 4, 8, 16)
BUDGETS: Final = ("own", "host")

WORKER: Final = """
import asyncio, json, sys, time
from periskope_async import PeriskopeClient

async def main():
    async with PeriskopeClient(sys.argv[1], base_url=sys.argv[2], budget=sys.argv[3]) as client:
        client.tickets
        print("ready", flush=True)
        ids = json.loads(sys.stdin.readline())
        started = time.monotonic()
        result = await client.tickets.get_many(ids)
        result.raise_for_errors()
        print(time.monotonic() - started)

asyncio.run(main())
"""


def measure(policy: RateLimitPolicy, tickets: int, processes: int, budget: str) -> tuple[list[float], int]:
    """Return the seconds that each process took, and how often one was refused."""
    with FakePeriskope(tickets=tickets, rate_limit=policy) as fake:
        command = [sys.executable, "-c", WORKER, fake.api_key, fake.base_url, budget]
        started = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for position, process in enumerate(started):
            assert process.stdin is not None
            process.stdin.write(json.dumps(fake.ticket_ids[position::processes]) + "\n")
            process.stdin.flush()
        took = [float(process.communicate()[0]) for process in started]
        refused = sum(request.status == 429 for request in fake.requests)
    return took, refused


def main(budgets: tuple[str, ...]) -> None:
    """Measure every number of processes under every policy, and print a line for each."""
    names = ("limit", "budget", "processes", "ideal, s", "took, s", "ratio", "429s", "last/first")
    print("|", " | ".join(names), "|\n|" + "---|" * len(names))
    for (limit, window, tickets), budget, processes in product(POLICIES, budgets, PROCESSES):
        took, refused = measure(RateLimitPolicy(limit, window), tickets, processes, budget)
        ideal, last = (-(-tickets // limit) - 1) * window, max(took)
        row = (
            f"{limit} / {window:g} s",
            budget,
            processes,
            f"{ideal:g}",
            f"{last:.2f}",
            f"{last / ideal:.3f}",
            refused,
        )
        print("|", " | ".join(map(str, (*row, f"{last / min(took):.2f}"))), "|", flush=True)
        time.sleep(window)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or BUDGETS)
