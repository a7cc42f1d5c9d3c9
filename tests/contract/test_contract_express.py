"""Processes on one key against express-rate-limit, whose windows and headers are not ours: it refuses nobody."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.redis_server import RedisServer, needs_redis
from tests.worker_processes import finish, say, workers

HERE = Path(__file__).parent
LIMITER = HERE / "node_modules" / "express-rate-limit" / "package.json"
BODY = (HERE.parent / "samples" / "ticket-info.example.json").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),  # twice as many processes as some machines have processors, and Node.js
    pytest.mark.skipif(not shutil.which("node"), reason="NOT TESTED: express-rate-limit, for want of Node.js"),
    pytest.mark.skipif(
        not LIMITER.exists(), reason="NOT TESTED: express-rate-limit; `npm ci` in tests/contract gets it"
    ),
]


class Express:
    """A service behind the limiter, and what it answered."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def answered(self) -> dict[str, int]:
        """How often it answered what."""
        with urlopen(self.url, timeout=30) as answer:  # noqa: S310  # this machine
            return json.load(answer)


@contextmanager
def express(limit: int, window: float, headers: str) -> Iterator[Express]:
    """Run it."""
    body = BODY.replace('"BKT-001"', '"%ID%"')
    command = ["node", "express_limiter.js", str(limit), str(round(1000 * window)), headers, body]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Express(int(process.stdout.readline()))
        finally:
            process.kill()


def run(service: Express, folders: list[Path], limit: int, budget: str) -> None:
    """Have a process for each folder fetch tickets, for over two windows; check that all came, with no refusal."""
    count, share = len(folders), -(-9 * limit // 4 // len(folders))
    ids = [f"BKT-{number:05}" for number in range(count * share)]
    with ExitStack() as stack:
        processes = [stack.enter_context(workers("a-key", service.url, 1, folder, budget))[0] for folder in folders]
        for position, process in enumerate(processes):
            say(process, json.dumps(ids[position::count]))
        assert [finish(process)[0] for process in processes] == [share] * count
    assert service.answered() == {"200": len(ids)}


@pytest.mark.parametrize(
    ("count", "limit", "window", "headers"),
    [
        (2, 100, 1.0, "legacy"),
        (4, 100, 1.0, "draft-6"),
        (8, 100, 1.0, "draft-7"),
        (8, 100, 1.0, "legacy"),
        (16, 100, 1.0, "draft-8"),
        (8, 300, 5.0, "legacy"),
        (16, 300, 5.0, "draft-7"),
        (8, 500, 6.0, "draft-8"),  # a minute, shortened
    ],
)
def test_processes_of_a_machine(tmp_path: Path, count: int, limit: int, window: float, headers: str) -> None:
    """Processes that share a file, over several windows, meet not one 429, and each ticket is asked for once."""
    with express(limit, window, headers) as service:
        run(service, [tmp_path] * count, limit, "host")


@needs_redis
@pytest.mark.parametrize(
    ("count", "limit", "window", "headers"),
    [
        (2, 100, 1.0, "draft-8"),
        (4, 100, 1.0, "legacy"),
        (8, 100, 1.0, "draft-7"),
        (8, 300, 5.0, "draft-6"),
        (16, 300, 5.0, "legacy"),
        (8, 500, 6.0, "legacy"),
    ],
)
def test_processes_of_many_machines(tmp_path: Path, count: int, limit: int, window: float, headers: str) -> None:
    """Processes that share Redis, each with a folder of its own as on another machine, meet not one 429 either."""
    pytest.importorskip("redis", reason="redis is not installed")
    with express(limit, window, headers) as service, RedisServer() as server:
        run(service, [tmp_path / str(number) for number in range(count)], limit, server.url)
