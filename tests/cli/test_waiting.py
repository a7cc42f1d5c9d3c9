"""What a terminal shows while a call waits, and that nothing else does."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from periskope_async.cli import running
from periskope_async.testing import FakePeriskope
from tests.cli.conftest import Command


class Screen:
    """A terminal that keeps what its status said, one after the other."""

    is_terminal = True

    def __init__(self) -> None:
        self.said = list[str]()

    @contextmanager
    def status(self, text: Any, **_: Any) -> Generator["Screen"]:
        """Show a status."""
        self.update(text)
        yield self

    def update(self, text: Any) -> None:
        """Show another one in its place."""
        self.said.append(text.plain)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Stand for the terminal that standard error is."""
    shown, console = Screen(), running.console
    monkeypatch.setattr(running, "console", lambda **how: shown if how.get("stderr") else console(**how))
    return shown


def test_a_wait_for_the_rate_limit(periskope: Command, fake: FakePeriskope, screen: Screen) -> None:
    """It says that it waits for the rate limit and how long, and when it goes on."""
    fake.faults.retry_after = 0.2
    fake.faults.add("429", times=1)
    assert periskope("tickets", "get", "BKT-001", "-o", "json")[0] == 0
    assert fake.counts["429"] == 1
    waits = "Fetching: waiting for the rate limit, in 1 s or later"
    assert screen.said[0] == screen.said[-1] == "Fetching"
    assert waits in screen.said


def test_a_wait_after_a_failure(periskope: Command, fake: FakePeriskope, screen: Screen) -> None:
    """It says why it tries again."""
    fake.faults.add("500", times=1)
    assert periskope("tickets", "get", "BKT-001", "-o", "json")[0] == 0
    assert fake.counts["500"] == 1
    assert any(said.startswith("Fetching: the service failed; trying again") for said in screen.said)


def test_nothing_is_shown_elsewhere(periskope: Command, fake: FakePeriskope) -> None:
    """A pipe is shown nothing, and nobody listens to the calls."""
    fake.faults.add("500", times=1)
    code, _, err = periskope("tickets", "get", "BKT-001", "-o", "json")
    assert (code, err) == (0, "")
    with running.waiting("Fetching"):
        assert running.watching() is None
