"""What tests of commands start from: a service of their own, and output that is the same everywhere."""

import io
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from periskope_async.cli import main
from periskope_async.testing import FakePeriskope

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """A service of its own for each test, so that none finds what another left."""
    with FakePeriskope(tickets=12) as running:
        yield running


@pytest.fixture(autouse=True)
def _at_home_nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make output the same everywhere: UTC, 80 columns, and no settings but a test's own."""
    for name in ("PERISKOPE_API_KEY", "PERISKOPE_PHONE", "PERISKOPE_BASE_URL", "PERISKOPE_BUDGET", "PERISKOPE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command; return its exit code, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def periskope(run: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The same, with the fake as the service."""
    monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
    monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
    return run


@pytest.fixture
def group(fake: FakePeriskope) -> str:
    """A group that there is from the start."""
    return next(name for name in fake.chats.ids if name.endswith("@g.us"))


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a text into standard input, as a person at a terminal types it, or as a pipe brings it."""

    def put(text: str, *, terminal: bool = True) -> None:
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
        stdin.isatty = lambda: terminal
        monkeypatch.setattr(sys, "stdin", stdin)

    return put
