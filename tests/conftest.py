"""Fixtures every test may ask for."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: aiohttp knows no other loop."""
    return "asyncio"
