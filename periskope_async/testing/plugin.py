"""The pytest plugin: a fake service and clients that talk to it, as fixtures.

It must import nothing heavy: every pytest run of a user loads it.
"""

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from periskope_async import PeriskopeClient
    from periskope_async.testing import FakePeriskope
    from periskope_sync import PeriskopeClient as BlockingClient

__all__ = ["fake_periskope", "periskope", "periskope_sync_client", "pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that `--strict-markers` takes it."""
    config.addinivalue_line(
        "markers", "fake_periskope(tickets, **options): what the fixture of this name hands to FakePeriskope"
    )


@pytest.fixture
def fake_periskope(request: pytest.FixtureRequest) -> "Iterator[FakePeriskope]":
    """A running fake service of this test's own; `@pytest.mark.fake_periskope(tickets=100)` sets its options."""
    from periskope_async.testing import FakePeriskope

    marker = request.node.get_closest_marker("fake_periskope")
    with FakePeriskope(*marker.args, **marker.kwargs) if marker else FakePeriskope() as fake:
        yield fake


@pytest.fixture
def periskope(request: pytest.FixtureRequest, fake_periskope: "FakePeriskope") -> "Iterator[PeriskopeClient]":
    """An async client that talks to the test's fake, closed at the end of the test."""
    import asyncio

    client = fake_periskope.client()
    test = getattr(request.node, "obj", None)
    if inspect.iscoroutinefunction(test):
        # A client is closed in the loop that used it, and only the test itself is sure to run there: whichever plugin
        # runs it, anyio's or pytest-asyncio. So the test closes it.
        request.node.obj = _closing(client, test)
        yield client
    else:
        yield client
        asyncio.run(client.aclose())


@pytest.fixture
def periskope_sync_client(fake_periskope: "FakePeriskope") -> "Iterator[BlockingClient]":
    """A blocking client that talks to the test's fake, closed at the end of the test."""
    with fake_periskope.sync_client() as client:
        yield client


def _closing(client: "PeriskopeClient", test: "Callable[..., Awaitable[None]]") -> "Callable[..., Awaitable[None]]":
    @functools.wraps(test)
    async def closing(*args: Any, **kwargs: Any) -> None:
        async with client:
            await test(*args, **kwargs)

    return closing
