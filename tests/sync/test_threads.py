"""Real threads and inboxes for greenlets, apart from the loop they are for."""

import json
import threading

import pytest

from periskope_sync._threads import _RealThread, original
from tests.support import run_python


def test_a_real_thread_runs_and_ends() -> None:
    """A thread that gevent knows nothing of lives until its work is done, and is waited for no longer than said."""
    go, names = threading.Event(), list[str]()

    def work() -> None:
        go.wait(10)
        names.append("done")

    thread = _RealThread(work)
    assert not thread.is_alive()
    thread.start()
    thread.join(0.01)
    assert thread.is_alive()
    go.set()
    thread.join(10)
    assert (thread.is_alive(), names) == (False, ["done"])


def test_a_real_thread_ends_with_an_error() -> None:
    """A thread whose work raises has ended, too."""

    def work() -> None:
        raise LookupError

    thread = _RealThread(work)
    thread._running.acquire()
    with pytest.raises(LookupError):
        thread._run()
    assert not thread.is_alive()


def test_without_gevent_the_original_is_what_is_there() -> None:
    """Where nothing was replaced, what was there before is what is there."""
    assert original("threading", "Thread") is threading.Thread


def test_an_inbox_for_greenlets() -> None:
    """What another thread puts in wakes the greenlet that waits, all of it in order; it waits no longer than said."""
    pytest.importorskip("gevent", reason="gevent is not installed")
    code = """
        import json, threading
        from queue import Empty
        from periskope_sync._threads import _HubInbox
        inbox, seen = _HubInbox(), []
        try:
            inbox.get(timeout=0.01)
        except Empty:
            seen.append("empty")
        inbox.put("early")
        thread = threading.Thread(target=lambda: [inbox.put(number) for number in range(1000)])
        thread.start()
        got = [inbox.get(timeout=10) for _ in range(1001)]
        thread.join()
        print(json.dumps([*seen, got[0], got[1:] == list(range(1000))]))
    """
    done = run_python(code, "-W", "always")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["empty", "early", True]
