"""Fixtures every test may ask for, and what holds for all interpreters that tests start."""

import gc
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else the programs that tests start would ignore it too

if sys.dont_write_bytecode:  # as in many containers: each of some hundred interpreters would compile everything anew
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(
        Path(__file__).parents[1] / ".pytest_cache" / "pycache"
    )
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No test fails because a busy machine was slow with an example. What else is set where CI is, stays.
settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")

# What is made on the way to the first test stays until the last: looked through for garbage again and again, it cost
# each test a share, and a tenth of a second whenever one calls `gc.collect()`.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, except among what was there before the first test."""
    gc.freeze()
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let CI ask which tests should be marked as slow, or made cheaper: above half a second each is too much."""
    parser.addoption("--costliest", type=int, default=0, help="name the tests that took the most CPU time")


def spent() -> float:
    """Return the CPU seconds of this process and of those that it has started and waited for."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


BEFORE = pytest.StashKey[float]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember what was spent before a test."""
    item.stash[BEFORE] = spent()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Have the last report of a test carry what the test took: it comes from a worker to whoever sums up."""
    if call.when == "teardown":
        now = spent()
        item.user_properties.append(
            ("cpu_seconds", now - item.stash.get(BEFORE, now))
        )  # one that was left out has none


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the costliest tests; nothing fails for it, since a busy machine doubles what they take."""
    if count := config.getoption("costliest"):
        costs = [
            (dict(report.user_properties)["cpu_seconds"], report.nodeid)
            for report in terminalreporter.stats.get("", [])
            if report.when == "teardown"
        ]
        terminalreporter.section(f"the {count} costliest of {sum(cost for cost, _ in costs):.0f} s of CPU time")
        for cost, name in sorted(costs, reverse=True)[:count]:
            terminalreporter.write_line(f"{cost:6.2f} s  {name}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Answer `-n auto` with three workers for two processors: a third of a test's time it waits."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + (processors + 1) // 2


# Else whatever imports OpenTelemetry would have all clients report to it from then on.
os.environ["OTEL_PYTHON_INSTRUMENTATION_PERISKOPE_ENABLED"] = "false"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: aiohttp knows no other loop."""
    return "asyncio"
