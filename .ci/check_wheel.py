"""Use the installed wheel in an environment that holds only it and what it requires. Run with `python -I`."""

import asyncio
import importlib
import importlib.metadata
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType

import periskope_async
import periskope_async.testing
import periskope_sync

BASE = {"aiohttp", "anyio", "attrs", "cattrs"}
NEEDS_MORE = (  # the extra `cli`, twice; the extra `speed`; the extra `otel`; pytest
    "periskope_async.__main__",
    "periskope_async.cli",
    "periskope_async._codec.structs",
    "periskope_async._opentelemetry",
    "periskope_async.testing.plugin",
)


def requirements() -> set[str]:
    """Return the names the base install asks for."""
    asked = importlib.metadata.requires("periskope") or []
    return {name.split(">=")[0] for name in asked if "extra ==" not in name}


def modules(package: ModuleType) -> set[str]:
    """Return the names of the modules that the base install must be able to import."""
    found = {module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", lambda _: None)}
    return {name for name in found if not name.startswith(NEEDS_MORE)}


def dead_links() -> list[str]:
    """Return what the description on a package index would link to and not have."""
    description = str(importlib.metadata.metadata("periskope").get_payload())
    return re.findall(r"\]\((?!https:|#)[^)]*\)|<img[^>]*>", description)


async def fetch(fake: periskope_async.testing.FakePeriskope) -> periskope_async.TicketInfo:
    """Return the ticket of the vendor's example through the async client."""
    async with periskope_async.PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        return await client.tickets.get("BKT-001")


def main() -> None:
    """Fail with an AssertionError that tells what the wheel lacks."""
    assert requirements() == BASE, requirements()
    assert not dead_links(), dead_links()
    for package in (periskope_async, periskope_sync):
        state = Path(package.__path__[0])
        assert state.is_relative_to(sys.prefix), f"{state} is not the installed wheel"
        assert (state / "py.typed").is_file(), f"{state} has no py.typed"
        for name in sorted(modules(package)):
            importlib.import_module(name)
    with periskope_async.testing.FakePeriskope(tickets=3) as fake:
        awaited = asyncio.run(fetch(fake))
        with periskope_sync.PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
            blocked = client.tickets.get("BKT-001")
    assert awaited == blocked
    print(f"periskope {periskope_async.__version__} fetched {awaited.ticket.ticket_id} both ways with its base alone")


if __name__ == "__main__":
    main()
