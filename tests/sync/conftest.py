"""What the tests of the blocking twin share."""

import sys
from collections.abc import Iterator

import pytest

from periskope_sync._loop_thread import LoopThread


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopThread]:
    """Give a loop thread of the test's own, on either kind of loop."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    thread = LoopThread()
    yield thread
    thread.end()
