"""The recipes for receivers, as real servers: every good delivery is handled once, every bad one is refused."""

import ast
import asyncio
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from periskope_async.webhooks import sign
from tests.redis_server import RedisServer, free_port, needs_redis
from tests.support import ROOT, slow

RECIPES = ROOT / "examples" / "webhooks"
PAGE = ROOT / "docs" / "guides" / "webhooks.md"
KEY = "whsec_test"
IN_FLIGHT = 50
TICKET = json.loads((ROOT / "tests" / "samples" / "ticket-info.example.json").read_text("utf-8"))
UVICORN = ("-m", "uvicorn", "--log-level", "warning", "--port")
GUNICORN = ("-m", "gunicorn", "--log-level", "warning", "--no-control-socket", "--threads", "8", "--bind")
#: How each is run: the modules it needs, the arguments before the port, those behind it.
SERVERS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "aiohttp_app": ((), ("aiohttp_app.py",), ()),
    "fastapi_app": (("fastapi", "uvicorn"), UVICORN, ("fastapi_app:app",)),
    "fastapi_redis": (("fastapi", "uvicorn", "redis"), UVICORN, ("fastapi_redis:app",)),
    "flask_app": (("flask", "gunicorn"), GUNICORN, ("flask_app:app",)),
    "django_sync": (("django", "gunicorn"), GUNICORN, ("django_sync:application",)),
    "django_async": (("django", "uvicorn"), UVICORN, ("django_async:application",)),
}


class Server:
    """A recipe that runs as a process."""

    def __init__(self, recipe: str, **environment: str) -> None:
        modules, before, behind = SERVERS[recipe]
        for module in modules:
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"{module} is not installed")
        port = free_port()
        where = [f"127.0.0.1:{port}"] if before is GUNICORN else [str(port)] if behind else []
        self.url = f"http://127.0.0.1:{port}/hook"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PERISKOPE_")}
        own = {"PERISKOPE_WEBHOOK_KEY": KEY, "PORT": str(port), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *before, *where, *behind],
            cwd=RECIPES,
            env=inherited | own | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def ready(self, client: aiohttp.ClientSession) -> None:
        """Wait until it answers."""
        for _ in range(1200):
            try:
                async with client.get(self.url):
                    return
            except aiohttp.ClientConnectionError:
                assert self.process.poll() is None, self.process.communicate()
                await asyncio.sleep(0.05)
        raise AssertionError("it does not answer")

    def stop(self) -> list[str]:
        """End it as a service manager does; the keys of the events that it handled."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode in {0, -signal.SIGTERM}, err  # uvicorn ends of the signal, after all is done
        assert "Traceback" not in err, err
        return re.findall(r"ticket\.updated:d\d+:BKT-001", out)


@contextmanager
def serving(recipe: str, count: int = 1, **environment: str) -> Iterator[list[Server]]:
    """Run a recipe, in one process or several, which are gone afterwards."""
    with ExitStack() as stack:
        servers = []
        for _ in range(count):
            server = Server(recipe, **environment)
            stack.callback(server.process.communicate)
            stack.callback(server.process.kill)
            servers.append(server)
        yield servers


async def post_all(servers: list[Server], deliveries: int) -> dict[int, list[int]]:
    """Post many deliveries, one in ten badly signed, one in twenty twice, 50 in flight; the statuses of each."""
    statuses: dict[int, list[int]] = {number: [] for number in range(deliveries)}
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def post(client: aiohttp.ClientSession, number: int, url: str) -> None:
        envelope = {"event_type": "ticket.updated", "id": f"d{number}", "data": TICKET, "previous_attributes": {}}
        body = json.dumps(envelope).encode()
        key = "another key" if number % 10 == 3 else KEY
        headers = {"Content-Type": "application/json", "X-Periskope-Signature": sign(body, key)}
        async with limit, client.post(url, data=body, headers=headers) as answer:
            statuses[number].append(answer.status)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        for server in servers:
            await server.ready(client)
        await asyncio.gather(
            *(
                post(client, number, servers[(number + again) % len(servers)].url)
                for number in range(deliveries)
                for again in range(2 if number % 20 == 0 else 1)
            )
        )
    return statuses


def judge(statuses: dict[int, list[int]], handled: list[str]) -> None:
    """Insist that every good delivery was handled once, every bad one refused, and none lost."""
    bad = {number for number in statuses if number % 10 == 3}
    assert {number for number, found in statuses.items() if found == [400]} == bad
    assert all(200 <= status < 300 for number in statuses.keys() - bad for status in statuses[number])
    assert sum(map(len, statuses.values())) == len(statuses) + len(range(0, len(statuses), 20))
    assert Counter(handled) == Counter(f"ticket.updated:d{number}:BKT-001" for number in statuses.keys() - bad)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("recipe", "deliveries"),
    [("aiohttp_app", 100), *(slow(name, 1000) for name in SERVERS if name != "fastapi_redis")],
)
async def test_every_good_delivery_is_handled_once(recipe: str, deliveries: int) -> None:
    """Of many deliveries at once, a tenth badly signed, some doubled, a recipe handles the good ones once each."""
    with serving(recipe) as servers:
        statuses = await post_all(servers, deliveries)
        handled = servers[0].stop()
    judge(statuses, handled)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("recipe", ["aiohttp_app", *(slow(name) for name in SERVERS if name != "aiohttp_app")])
def test_without_a_key_it_does_not_start(recipe: str) -> None:
    """A receiver that could take nothing for genuine says why and ends, where it would answer 500 to every delivery."""
    with serving(recipe, PERISKOPE_WEBHOOK_KEY="", REDIS_URL="redis://127.0.0.1:1") as (server,):
        _, err = server.process.communicate(timeout=40)
    assert server.process.returncode not in {0, -signal.SIGKILL}
    assert "no signing key; pass key= or set PERISKOPE_WEBHOOK_KEY" in err


@needs_redis
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_many_processes_share_what_they_have_seen() -> None:
    """Where a delivery comes to one process and its double to another, Redis has it handled once."""
    with RedisServer() as redis, serving("fastapi_redis", 2, REDIS_URL=redis.url) as servers:
        statuses = await post_all(servers, 1000)
        handled = [server.stop() for server in servers]
    assert all(handled)
    judge(statuses, handled[0] + handled[1])


@pytest.mark.parametrize("recipe", SERVERS)
def test_a_recipe_is_short_and_shown(recipe: str) -> None:
    """Each has fewer than 15 lines beside its imports, and the page shows the file as it is."""
    source = (RECIPES / f"{recipe}.py").read_text("utf-8")
    assert f"```python\n{source}```\n" in PAGE.read_text("utf-8")
    own: list[Any] = [node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    lines = source.splitlines()
    shown = [
        line
        for node in own[1:]  # the first is the docstring
        for line in lines[
            min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))]) - 1 : node.end_lineno
        ]
        if line.strip()
    ]
    assert len(shown) < 15


def test_no_recipe_is_forgotten() -> None:
    """What lies there is run here."""
    assert {path.stem for path in Path(RECIPES).glob("*.py")} == SERVERS.keys()
