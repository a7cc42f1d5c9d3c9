"""The pytest plugin, in other people's test runs: each a pytest of its own, with warnings as errors."""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import slow

ROOT = Path(__file__).parents[2]

ASYNC = """
import pytest
from periskope_async import NotFoundError

@pytest.mark.fake_periskope(tickets=100, rate_limit="1000/s")
async def test_client(periskope, fake_periskope):
    result = await periskope.tickets.get_many(fake_periskope.ticket_ids)
    assert len(result.tickets) == fake_periskope.calls == 100

class TestInAClass:
    async def test_each_has_its_own(self, fake_periskope, periskope):
        assert fake_periskope.calls == 0
        with pytest.raises(NotFoundError):
            await periskope.tickets.get("BKT-011")
"""

BLOCKING = """
import asyncio
import pytest

def test_blocking_client(periskope_sync_client, fake_periskope):
    assert periskope_sync_client.tickets.get("BKT-001").ticket.subject == "Issue with this"
    assert [request.ticket_id for request in fake_periskope.requests] == ["BKT-001"]

def test_async_client_by_hand(periskope):
    async def main():
        return await periskope.tickets.get("BKT-001")
    assert asyncio.run(main()).ticket.ticket_id == "BKT-001"

def test_unused(periskope, periskope_sync_client):
    pass

@pytest.mark.fake_periskope(7)
def test_environment(fake_periskope):
    assert fake_periskope.count == 7
"""


USELESS = """
import pytest
from periskope_async import ServerError

def test_that_orders_a_fault_for_nothing(fake_periskope, periskope_sync_client):
    fake_periskope.faults.add("other-id")
    with pytest.raises(ServerError):
        periskope_sync_client.with_options(retries=0).tickets.get("NOPE")

def test_another(fake_periskope, periskope_sync_client):
    assert periskope_sync_client.tickets.get("BKT-001").ticket.ticket_id == "BKT-001"
"""


def outcome(folder: Path, source: str, *options: str) -> str:
    """The last line of a pytest run over *source*; it must have passed."""
    run = pytest_run(folder, source, *options)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.strip().splitlines()[-1]


def pytest_run(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over *source*."""
    (folder / "test_theirs.py").write_text(source, encoding="utf-8")
    installed = any(entry.name == "periskope" for entry in importlib.metadata.entry_points(group="pytest11"))
    plugin = [] if installed else ["-pperiskope_async.testing.plugin"]
    # anyio's plugin before 4.15 imports a name that pytest 9.2 renamed; looptime's wants pytest-asyncio.
    warnings = ["-Werror", "-Wignore:_pytest.python.CallSpec2:pytest.PytestRemovedIn10Warning"]
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", *warnings, "-pno:looptime_plugin", *plugin]
    return subprocess.run(
        [*command, "-pno:randomly", "-pno:timeout", *options, "test_theirs.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.slow
def test_a_useless_order_is_an_error_of_its_test(tmp_path: Path) -> None:
    """A fault ordered where it changes nothing is an error of the test that ordered it, and of no other."""
    run = pytest_run(tmp_path, USELESS, "-pno:asyncio")
    assert run.stdout.strip().splitlines()[-1].startswith("2 passed, 1 error"), run.stdout + run.stderr
    assert "ERROR test_theirs.py::test_that_orders_a_fault_for_nothing - ValueError" in run.stdout
    assert (
        "ValueError: the ordered fault 'other-id' changes nothing in the answer to GET /v1/tickets/NOPE" in run.stdout
    )


@pytest.mark.slow
def test_with_anyio(tmp_path: Path) -> None:
    """Async tests get their client under anyio's plugin, blocking ones beside them."""
    (tmp_path / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n", encoding="utf-8"
    )
    last = outcome(tmp_path, BLOCKING + ASYNC, "-oanyio_mode=auto", "-pno:asyncio")
    assert last.startswith("6 passed")


@pytest.mark.parametrize("mode", [slow("strict"), "auto"])
def test_with_pytest_asyncio(tmp_path: Path, mode: str) -> None:
    """The same under pytest-asyncio, in both of its modes."""
    if importlib.util.find_spec("pytest_asyncio") is None:
        pytest.skip("NOT TESTED: the fixtures under pytest-asyncio, which is not installed here")
    source = ASYNC if mode == "auto" else re.sub(r"( *)(async def test_)", r"\1@pytest.mark.asyncio\n\1\2", ASYNC)
    options = [f"-oasyncio_mode={mode}", "-oasyncio_default_fixture_loop_scope=function"]
    assert outcome(tmp_path, BLOCKING + source, *options).startswith("6 passed")


@pytest.mark.slow
def test_blocking_only(tmp_path: Path) -> None:
    """Blocking tests need no plugin for async ones."""
    assert outcome(tmp_path, BLOCKING, "-pno:anyio", "-pno:asyncio").startswith("4 passed")


@pytest.mark.slow
def test_under_xdist(tmp_path: Path) -> None:
    """Tests that run side by side in several processes have a fake each."""
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("NOT TESTED: the fixtures under pytest-xdist, which is not installed here")
    assert outcome(tmp_path, BLOCKING, "-n2", "-pno:asyncio").startswith("4 passed")
