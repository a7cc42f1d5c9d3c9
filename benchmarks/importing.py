"""What a first `import` costs a program that starts."""

import subprocess
import sys
from statistics import median
from typing import Final

from harness import PLAIN, Case, Lab, Series

OURS: Final = "periskope_async"
AIOHTTP: Final = "aiohttp"
COLUMN: Final = "first import"
MODULES: Final = (OURS, "periskope_sync", AIOHTTP, "httpx", "requests", "urllib3", "niquests", "pydantic", "cattrs")

TIMED: Final = """
import time
started = time.perf_counter()
import {module}
print((time.perf_counter() - started) * 1e3)
"""


def first_import(module: str, times: int) -> dict[str, float]:
    """Import in that many new interpreters, let each tell the time, and take the median."""
    return {"ms": median(_once(module) for _ in range(times))}


def _once(module: str) -> float:
    run = subprocess.run(
        [sys.executable, "-c", TIMED.format(module=module)], capture_output=True, text=True, check=False
    )
    if "ModuleNotFoundError" in run.stderr:
        raise ModuleNotFoundError(name=module)
    run.check_returncode()
    return float(run.stdout)


def imports(lab: Lab) -> Series:
    """Import each module in a new interpreter, its files warm in the page cache."""
    times = 1 if lab.smoke else 5
    cases = [Case(name, COLUMN, "importing:first_import", PLAIN, {"module": name, "times": times}) for name in MODULES]
    return lab.measure("import", cases)
