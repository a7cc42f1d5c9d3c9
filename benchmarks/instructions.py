"""Instructions per ticket, counted by valgrind: they do not know what else the machine does, as the clock does.

    python benchmarks/instructions.py                  # get_many and its peers, plain and speed
    python benchmarks/instructions.py get_many --mode speed
    python benchmarks/instructions.py --varied         # bodies with keys that no model knows, missing ones, and nulls
    python benchmarks/instructions.py --write          # draws the README's picture of all, too

Counted is the difference between a long run and a short one, so neither imports nor compiling count.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from harness import FAST_LIBRARIES, HERE, MODES, PLAIN, SPEED
from picture import THEMES, Bar, draw
from server import serve

#: Function of peers.py, and its label in the picture.
PEERS: Final = {
    "aiohttp_dropped": "aiohttp pool, body dropped",
    "get_many": "periskope get_many",
    "blocking_get_many": "periskope_sync get_many",
    "public_get_many": "periskope get_many, by aiohttp's own way",
    "aiohttp_dicts": "aiohttp pool, dicts",
    "aiohttp_naive": "aiohttp gather + json()",
}
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
    parser.add_argument("peers", nargs="*", default=list(PEERS))
    parser.add_argument("--write", action="store_true", help="renew the pictures in docs/images")
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--varied", action="store_true", help="forty bodies instead of the example")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*json.loads(options.run))
        return
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed: nothing counted")
    found: dict[tuple[str, str], float] = {}
    with serve(nginx=False) as server:
        for peer in options.peers:
            for mode in options.mode or MODES:
                url = f"{server.url}/{'varied/' if options.varied else ''}v1"
                short, long = (count(peer, mode, url, tickets) for tickets in (SHORT, LONG))
                found[peer, mode] = (long - short) / (LONG - SHORT) / 1000
                print(f"{peer:<20} {mode:<6} {found[peer, mode]:>8.1f}", flush=True)
    if options.write and not options.varied:
        write(found)


def write(found: Mapping[tuple[str, str], float]) -> None:
    """Draw the pictures."""
    bars = [
        Bar(label, found.get((peer, PLAIN)), found.get((peer, SPEED)), ours="get_many" in peer)
        for peer, label in PEERS.items()
        if any(key[0] == peer for key in found)
    ]
    bars.sort(key=lambda bar: bar.speed or bar.plain or 0)
    for name, theme in THEMES.items():
        svg = draw(
            "One ticket in a bulk fetch, thousand instructions",
            "the difference of 200 and 1,200 tickets of 2.3 kB, 50 in flight; shorter is better",
            bars,
            theme,
        )
        (HERE.parent / "docs" / "images" / f"benchmarks-{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
