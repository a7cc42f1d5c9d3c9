"""`progress=True`: a bar in a terminal and in a notebook, nothing elsewhere; its end is how the run ended."""

import io
import re
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from periskope_async import Progress, _progress
from periskope_async.testing import FakePeriskope


class Terminal(io.StringIO):
    """What a process takes for its terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """The fake service, with a rate limit to tell of."""
    with FakePeriskope(rate_limit="100/1s") as fake:
        yield fake


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal of a hundred columns, from within a test: pytest has its own before that."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    for name, value in {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}.items():
        monkeypatch.setenv(name, value)
    return made


async def test_a_terminal_keeps_what_it_came_to(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line counts every id, those that failed too, and `on_progress` is called as without a bar."""
    terminal = watched(monkeypatch)
    seen: list[Progress] = []
    async with fake.client() as client:
        result = await client.tickets.get_many(["BKT-001", "BKT-002", "NONE"], progress=True, on_progress=seen.append)
    assert (len(result.tickets), len(result.errors), len(seen)) == (2, 1, 3)
    shown = terminal.getvalue()
    last = shown[shown.rindex("3/3") :]
    assert "1 failed" in last
    assert last.endswith("\x1b[?25h")  # the cursor is back, and the bar was not wiped out


async def test_a_file_on_a_terminal(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is sent its megabytes are shown, and nothing of ids that fail."""
    terminal = watched(monkeypatch)
    async with fake.client() as client:
        await client.knowledge_base.create_document(content=bytes(1_500_000), filename="a.txt", progress=True)
    assert "1.5 MB/1.5 MB" in terminal.getvalue()
    assert "failed" not in terminal.getvalue()


async def test_ids_without_an_end(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody knows how many ids there are, what has come is counted."""
    fake.rate_limit, terminal = None, watched(monkeypatch)

    async def ids() -> Any:
        for number in range(1, 4):
            yield f"BKT-{number:03}"

    async with fake.client(concurrency=1) as client:
        assert (await client.tickets.get_many(ids(), progress=True)).ok
    assert "0 failed" in terminal.getvalue()


async def test_elsewhere_nothing_is_shown(fake: FakePeriskope, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe, a file, a log are told nothing."""
    async with fake.client() as client:
        assert (await client.tickets.get_many(["BKT-001"], progress=True)).ok
        assert (await client.tickets.get_many([], progress=True)).ok
    assert capsys.readouterr() == ("", "")


async def test_without_rich(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rich is not installed, a terminal shows the same in a line of text."""
    terminal = watched(monkeypatch)
    monkeypatch.setattr(_progress, "find_spec", lambda _: None)
    async with fake.client() as client:
        await client.tickets.get_many(["BKT-001", "NONE"], progress=True)
    assert re.search(r"2/2  1 failed  .*/s  \d+/100 calls left\n$", terminal.getvalue())


def test_a_notebook_shows_a_bar(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel the bar is one output that changes; `tests/sync_cases/notebook.py` has a real one."""
    shown: list[str] = []

    def show(html: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        shown.append(html)
        return SimpleNamespace(update=shown.append)

    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    display: Any = ModuleType("IPython.display")
    display.HTML = str
    display.display = show
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with fake.sync_client() as client:
        client.tickets.get_many(["BKT-001", "NONE"], progress=True)
    assert shown[0] == ""
    assert shown[-1].startswith('<progress max="2" value="2"></progress> 2/2&ensp;1 failed&ensp;')
