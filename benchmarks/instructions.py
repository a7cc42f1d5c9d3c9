"""Instructions per ticket, counted by valgrind: they do not know what else the machine does, as the clock does.

    python benchmarks/instructions.py                  # get_many and its peers, plain and speed
    python benchmarks/instructions.py get_many --mode speed

Counted is the difference between a long run and a short one, so neither imports nor compiling count.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from typing import Final

from harness import FAST_LIBRARIES, HERE, MODES, PLAIN
from server import serve

PEERS: Final = ("get_many", "blocking_get_many", "aiohttp_dropped", "aiohttp_dicts")
SHORT: Final = 200  # tickets
LONG: Final = 1_200


def run(peer: str, mode: str, url: str, tickets: int) -> None:
    """Fetch so many tickets, as the process that valgrind watches."""
    if mode == PLAIN:
        sys.modules.update(dict.fromkeys(FAST_LIBRARIES))  # type: ignore[arg-type]  # documented for this
    import fetching

    fetching.fetch(peer, url, tickets)


def count(peer: str, mode: str, url: str, tickets: int) -> int:
    """Return the instructions of one run."""
    arguments = json.dumps([peer, mode, url, tickets])
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        sys.executable,
        __file__,
        "--run",
        arguments,
    ]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=900, check=True)
    return int(re.findall(r"Collected : (\d+)", done.stderr)[-1])


def main() -> None:
    """Print thousands of instructions per ticket."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("peers", nargs="*", default=PEERS)
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*json.loads(options.run))
        return
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed: nothing counted")
    with serve(nginx=False) as server:
        for peer in options.peers:
            for mode in options.mode or MODES:
                short, long = (count(peer, mode, f"{server.url}/v1", tickets) for tickets in (SHORT, LONG))
                print(f"{peer:<20} {mode:<6} {(long - short) / (LONG - SHORT) / 1000:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
