"""A fake and a client of it, for the tests of resources."""

from collections.abc import AsyncIterator

import pytest

from periskope_async import PeriskopeClient
from periskope_async.testing import Assumptions, FakePeriskope
from tests.support import virtual_loop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: retries take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture
def assumptions() -> Assumptions | None:
    """How the fake behaves where the service is unknown; a test that is parametrized by it says otherwise."""
    return None


@pytest.fixture
async def fake(assumptions: Assumptions | None) -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop."""
    async with FakePeriskope(30, assumptions=assumptions) as fake:
        yield fake


@pytest.fixture
async def client(fake: FakePeriskope) -> AsyncIterator[PeriskopeClient]:
    """Be a client of the fake, for one phone."""
    async with fake.client(phone="919876500001") as client:
        yield client
