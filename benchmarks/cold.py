"""Instructions of a process that starts, gets one ticket and ends, counted by valgrind: ours, aiohttp's, and the floor.

The floor is aiohttp's process once it has imported anyio, attrs and cattrs, too, and made a converter.

    python benchmarks/cold.py               # every case, plain and speed
    python benchmarks/cold.py --mode speed ours aiohttp

Byte code is kept, in a folder of its own: each case runs once before it is counted.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness import FAST_LIBRARIES, HERE, MODES, PLAIN, SPEED
from server import serve

AIOHTTP_GET: Final = """
import asyncio, {loads}
import aiohttp
async def main():
    async with aiohttp.ClientSession(headers={{"Authorization": "Bearer cold-benchmark-key"}}) as session:
        async with session.get("{url}/tickets/BKT-001") as response:
            assert {loads}.loads(await response.read())["ticket"]["ticket_id"] == "BKT-001"
asyncio.run(main())
"""

#: Each case: what a process runs.
CASES: Final[Mapping[str, str]] = {
    "python": "pass",
    "import aiohttp": "import aiohttp",
    "import ours": "import periskope_async",
    "import ours blocking": "import periskope_sync",
    "aiohttp": AIOHTTP_GET,
    "floor": AIOHTTP_GET
    + """
import anyio, anyio._backends._asyncio, attrs, cattrs
cattrs.Converter()
""",
    "ours": """
import asyncio
from periskope_async import PeriskopeClient
async def main():
    async with PeriskopeClient("cold-benchmark-key", base_url="{url}") as client:
        assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"
asyncio.run(main())
""",
    "ours blocking": """
from periskope_sync import PeriskopeClient
with PeriskopeClient("cold-benchmark-key", base_url="{url}") as client:
    assert client.tickets.get("BKT-001").ticket.ticket_id == "BKT-001"
""",
    "requests": """
import requests
with requests.Session() as session:
    session.headers["Authorization"] = "Bearer cold-benchmark-key"
    assert session.get("{url}/tickets/BKT-001").json()["ticket"]["ticket_id"] == "BKT-001"
""",
    "help": 'import sys; sys.argv[1:] = ["--help"]; from periskope_async.cli import main; main()',
}


def count(code: str, pycache: Path) -> int:
    """Return the millions of instructions of a process that runs this code."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": str(pycache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    python = [sys.executable, "-c", code]
    subprocess.run(python, cwd=HERE.parent, env=environment, stdout=subprocess.DEVNULL, timeout=60, check=True)
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *python]
    done = subprocess.run(
        command, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=600, check=True
    )
    return int(re.findall(r"Collected : (\d+)", done.stderr)[-1]) // 1_000_000


def main() -> None:
    """Print millions of instructions, and their ratio to aiohttp's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--mode", choices=MODES, action="append")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed: nothing counted")
    with serve(nginx=False) as server, tempfile.TemporaryDirectory() as pycache:
        for mode in options.mode or MODES:
            hidden = f"import sys; sys.modules.update(dict.fromkeys({FAST_LIBRARIES!r}))\n" if mode == PLAIN else ""
            for case in options.cases:
                code = CASES[case].format(url=f"{server.url}/v1", loads="orjson" if mode == SPEED else "json")
                print(f"{case:<22} {mode:<6} {count(hidden + code, Path(pycache)):>8,}", flush=True)


if __name__ == "__main__":
    main()
