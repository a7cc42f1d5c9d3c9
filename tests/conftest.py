"""Fixtures every test may ask for, and what holds for all interpreters that tests start."""

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


# Else whatever imports OpenTelemetry would have all clients report to it from then on.
os.environ["OTEL_PYTHON_INSTRUMENTATION_PERISKOPE_ENABLED"] = "false"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: aiohttp knows no other loop."""
    return "asyncio"
