"""Blocking clients in processes of their own: interrupted, exiting, forking, in servers, workers and notebooks.

Whatever could hang runs in a subprocess with a hard limit. The scripts are in `sync_cases/`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import periskope_sync
from periskope_async.testing import FakePeriskope

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

CASES = Path(__file__).parents[1] / "sync_cases"
#: Seconds that set a hang apart from a slow machine. Not one case takes five.
LIMIT = 30


@pytest.fixture(scope="module")
def fake() -> Iterator[FakePeriskope]:
    """Run one service for all cases."""
    with FakePeriskope(tickets=300) as service:
        yield service


@pytest.fixture(scope="module")
def environment(fake: FakePeriskope) -> dict[str, str]:
    """Give the environment that leads a process to the service; by name, so that names are resolved too."""
    paths = [str(Path(periskope_sync.__file__).parents[1]), str(CASES), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PERISKOPE_API_KEY": fake.api_key,
        "PERISKOPE_BASE_URL": fake.base_url.replace("127.0.0.1", "localhost"),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def run(environment: dict[str, str], script: str, *arguments: str, code: int = 0) -> str:
    """Run a script of `sync_cases`; return what it printed, if it left as it should and nothing complained."""
    command = [sys.executable, "-W", "always", str(CASES / script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == code, done.stderr
    for trouble in ("Exception ignored", "Exception in thread", "was never awaited", "was destroyed", "Unclosed"):
        assert trouble not in done.stderr, done.stderr
    return done.stdout


# -- exits ---------------------------------------------------------------------------------------------------------

#: What the first call of all comes to when the main thread has ended. From Python 3.12.0 to 3.12.2 no thread starts any
#: more then (python/cpython#113964).
FIRST_WHEN_LATE = "ClientClosedError" if (3, 12) <= sys.version_info[:3] < (3, 12, 3) else "BKT-001"

EXITS = {
    "unclosed": ["BKT-001"],
    "closed": ["BKT-001"],
    "closed_in_atexit": ["BKT-001"],
    "closed_late": ["BKT-001"],
    "open_stream": ["BKT-001", "BKT-"],
    "open_walk": ["BKT-001", "BKT-300"],
    "call_in_atexit": ["BKT-001", "BKT-001"],
    "first_call_in_atexit": [FIRST_WHEN_LATE],
    "call_in_the_last_hook": ["BKT-001", "ClientClosedError"],
    "late_call": ["BKT-001", "ClientClosedError"],
    "first_call_late": ["ClientClosedError"],
    "thread_begins_late": [FIRST_WHEN_LATE],
    "thread_goes_on": ["BKT-001"] * 4,
    "daemon_in_calls": ["BKT-001"],
    "daemon_in_a_long_call": ["BKT-001"],
}


@pytest.mark.parametrize("case", EXITS)
def test_exit(environment: dict[str, str], case: str) -> None:
    """However the interpreter exits, it exits, without a word; a call made on the way answers or raises at once."""
    assert run(environment, "exits.py", case).split() == EXITS[case]


@pytest.mark.parametrize(("case", "code"), [("uncaught", 1), ("exit_in_callback", 3), ("ctrl_c", -signal.SIGINT)])
def test_exit_with_a_code(environment: dict[str, str], case: str, code: int) -> None:
    """An exception, a `sys.exit` in a callback or a Ctrl-C ends the program as if there were no loop."""
    assert run(environment, "exits.py", case, code=code).split() == ["BKT-001"]


# -- interrupts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["get", "get_many", "stream", "walk", "open_and_close"])
def test_interrupts(environment: dict[str, str], kind: str) -> None:
    """Ctrl-C at 40 random points of a kind of call: back within a second, the work cancelled; the next call works."""
    found = json.loads(run(environment, "interrupts.py", kind, "seed", "40"))
    assert found["interrupts"] == 40
    assert found["longest"] < 1
    assert found["left"] == []


@pytest.mark.parametrize("kind", ["get", "get_many", "stream", "walk", "drop", "open_and_close"])
def test_interrupts_at_every_line(environment: dict[str, str], kind: str) -> None:
    """Ctrl-C at any line of ours, those of finalizers included, leaves nothing under way; the next call works."""
    found = json.loads(run(environment, "interrupts.py", kind, "lines"))
    assert found["interrupts"] >= 50
    assert (found["missed"], found["left"]) == ([], {})
    assert (found["in_finalizers"] > 0) == (kind in {"stream", "walk", "drop"})


# -- forks ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "case", ["child_calls", "child_closes", "preloaded", "under_way", "inside_a_stream", "processes"]
)
def test_fork(environment: dict[str, str], case: str, loop: str) -> None:
    """Whenever a process forks, the child's calls answer, it leaves in order, and the parent's connection serves on."""
    if loop == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    assert run(environment, "forks.py", case, loop) == "done\n"


def test_gunicorn_preload(environment: dict[str, str], tmp_path: Path) -> None:
    """Workers that gunicorn forks from a process with a used client answer, and leave when asked to."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0"]
    # Logs into a file: nobody reads a pipe while the server is asked.
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen([*command, "gunicorn_app:app"], env=environment, stderr=errors, cwd=tmp_path) as server,
    ):
        try:
            url = wait_for(r"Listening at: (http://\S+)", log)
            answers = [ask(f"{url}/BKT-{number:03}").split() for number in range(1, 21)]
        finally:
            server.terminate()
            code = server.wait(LIMIT)
    assert [(kind, ticket_id) for kind, _, ticket_id in answers] == [("worker", f"BKT-{n:03}") for n in range(1, 21)]
    assert code == 0
    assert "Traceback" not in log.read_text()


def test_celery_prefork(environment: dict[str, str], tmp_path: Path) -> None:
    """Pool processes that Celery forks from a worker with a used client run their tasks, and leave when asked to."""
    pytest.importorskip("celery", reason="celery is not installed")
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    command = [sys.executable, "-m", "celery", "--app", "celery_app", "worker", "--pool", "prefork"]
    quick = ["--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen([*command, *quick], env=environment, stdout=output, stderr=output, cwd=tmp_path) as worker,
    ):
        try:
            sent = subprocess.run(
                [sys.executable, str(CASES / "celery_app.py")],
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
            )
        finally:
            worker.terminate()
            code = worker.wait(LIMIT)
    assert sent.returncode == 0, sent.stderr + log.read_text()
    results = json.loads(sent.stdout)
    assert [ticket_id for _, ticket_id in results] == [f"BKT-{number:03}" for number in range(1, 9)]
    assert worker.pid not in {pid for pid, _ in results}
    assert code == 0
    assert "Traceback" not in log.read_text()


# -- greenlets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("case", ["gevent", "imported_first"])
def test_gevent(environment: dict[str, str], case: str, loop: str) -> None:
    """Where gevent has replaced threads and sockets, calls of every kind work, and other greenlets go on meanwhile."""
    pytest.importorskip("gevent", reason="gevent is not installed")
    if loop == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    assert json.loads(run(environment, "greenlets.py", case, loop)) == {
        "get": "BKT-001",
        "others": True,
        "greenlets": True,
        "run": [200, 200],
        "stream": 150,
        "walk": 300,
        "cancelled": True,
        "after": "BKT-002",
        "leaked": 0,
    }


def test_eventlet(environment: dict[str, str]) -> None:
    """Where eventlet has replaced threads and sockets, calls of every kind are refused with the reason and the cure."""
    pytest.importorskip("eventlet", reason="eventlet is not installed", exc_type=ImportError)
    found = json.loads(run(environment, "greenlets.py", "eventlet", "asyncio"))
    assert len(found["errors"]) == 3
    assert all(
        re.search(r"^eventlet has replaced .* use threads, processes or gevent", text) for text in found["errors"]
    )


# -- notebooks -----------------------------------------------------------------------------------------------------


def test_notebook(environment: dict[str, str]) -> None:
    """In a notebook, whose kernel runs an event loop, cells use both packages without further ado."""
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    command = [sys.executable, str(CASES / "notebook.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    *printed, bar = done.stdout.splitlines()
    assert printed == ["BKT-001", "20", "BKT-002 BKT-003", "BKT-300", "BKT-004", "BKT-005"]
    assert bar.startswith('<progress max="2" value="2"></progress> 2/2&ensp;0 failed')


def wait_for(pattern: str, log: Path) -> str:
    """Return what *pattern* finds in a growing log."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"no {pattern} in: {log.read_text()}")


def ask(url: str) -> str:
    """Return the body of the answer from *url*."""
    with urllib.request.urlopen(url, timeout=LIMIT) as answer:  # noqa: S310  # our own server
        return answer.read().decode()
