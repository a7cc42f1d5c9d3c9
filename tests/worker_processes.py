"""Real processes with a client each, on one key: started, told what to fetch, and asked what came of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent

from tests.support import ROOT

__all__ = ["finish", "line", "say", "workers"]

WORKER = """
    import asyncio, json, sys
    from periskope_async import PeriskopeClient

    async def main():
        async with PeriskopeClient(sys.argv[1], base_url=sys.argv[2], budget=sys.argv[3]) as client:
            client.tickets
            print("ready", flush=True)
            ids = json.loads(sys.stdin.readline())
            result = await client.tickets.get_many(ids)
            print(json.dumps([len(result.tickets), repr(client.rate_limit)]), flush=True)
            sys.stdin.readline()

    asyncio.run(main())
"""


@contextmanager
def workers(
    api_key: str, base_url: str, count: int, folder: Path, budget: str = "host"
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that fetch tickets as soon as they hear which; kill those that are left in the end."""
    command = [sys.executable, "-c", dedent(WORKER), api_key, base_url, budget]
    with ExitStack() as stack:
        started = list[subprocess.Popen[str]]()
        for _ in range(count):
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={"TMPDIR": str(folder), "PATH": ""},
            )
            started.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in started:
            assert line(process) == "ready\n"
        yield started


def line(process: subprocess.Popen[str]) -> str:
    """Read a line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline()


def say(process: subprocess.Popen[str], text: str) -> None:
    """Say a line to a process."""
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return how many tickets a process got, and let it end, which it does without a word of complaint."""
    fetched, rate_limit = json.loads(line(process))
    _, errors = process.communicate("\n", timeout=30)
    assert (process.returncode, errors) == (0, "")
    return fetched, rate_limit
