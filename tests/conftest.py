"""Fixtures every test may ask for."""

import signal

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else the programs that tests start would ignore it too


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: aiohttp knows no other loop."""
    return "asyncio"
