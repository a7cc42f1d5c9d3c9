"""Fixtures every test may ask for, and what holds for all interpreters that tests start."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else the programs that tests start would ignore it too

if sys.dont_write_bytecode:  # as in many containers: each of some hundred interpreters would compile everything anew
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(
        Path(__file__).parents[1] / ".pytest_cache" / "pycache"
    )
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What is made on the way to the first test stays until the last: looked through for garbage again and again, it cost
# each test a share, and a tenth of a second whenever one calls `gc.collect()`.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, except among what was there before the first test."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Answer `-n auto` with three workers for two processors: a third of a test's time it waits."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + (processors + 1) // 2


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: aiohttp knows no other loop."""
    return "asyncio"
