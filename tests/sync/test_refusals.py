import asyncio
import errno
import sys
from types import SimpleNamespace

import pytest

from periskope_async.errors import ClientClosedError, ConfigurationError
from periskope_sync import notebook
from periskope_sync._loop_thread import LoopThread
from periskope_sync._process import loop_thread
from periskope_sync._refusals import unless_exiting


async def answer() -> int:
    """Stand for some work that takes a turn of the loop."""
    await asyncio.sleep(0)
    return 42


async def test_refuses_to_block_a_running_loop() -> None:
    """In a thread that runs an event loop a call is refused, and says what to do instead."""
    with pytest.raises(ConfigurationError, match=r"to_thread.*allow_blocking"):
        loop_thread().call(answer)
    assert await asyncio.to_thread(loop_thread().call, answer) == 42


async def test_may_block_where_allowed() -> None:
    """After `notebook.allow_blocking()` a call may block the running loop; it can be taken back."""
    notebook.allow_blocking()
    try:
        assert loop_thread().call(answer) == 42
    finally:
        notebook.allow_blocking(False)  # noqa: FBT003  # reads as a sentence
    assert not notebook.may_block()


@pytest.mark.parametrize(
    ("shell", "allowed"), [(SimpleNamespace(kernel=object()), True), (SimpleNamespace(), False), (None, False)]
)
def test_recognises_a_notebook(monkeypatch: pytest.MonkeyPatch, shell: object, allowed: bool) -> None:  # noqa: FBT001  # a test's parameter
    """An IPython shell with a kernel is a notebook; a terminal's, or none, is not."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert notebook.may_block() is allowed


def test_refuses_to_wait_for_itself(loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call from inside the loop, as a hook might make it, is refused even where blocking is allowed."""
    monkeypatch.setattr(notebook, "may_block", lambda: True)

    async def reenter() -> None:
        loop.call(answer)

    with pytest.raises(ConfigurationError, match="its"):
        loop.call(reenter)
    assert loop.call(answer) == 42


def test_import_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter exits and imports nothing more, the client counts as closed."""
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    with pytest.raises(ClientClosedError, match="ends with the interpreter"), unless_exiting():
        raise ImportError


@pytest.mark.parametrize("error", [ImportError("broken"), PermissionError(errno.EACCES, "not yours")])
def test_import_that_fails_otherwise(error: Exception) -> None:
    """An installation that is broken says what is broken."""
    with pytest.raises(type(error)) as caught, unless_exiting():
        raise error
    assert caught.value is error
