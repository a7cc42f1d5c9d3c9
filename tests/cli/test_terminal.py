"""The command as people meet it: in a real terminal, in a pipe, interrupted, and without its extra."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow.parquet
import pytest

from periskope_async.testing import FakePeriskope

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
COMMAND = [sys.executable, "-c", "import sys; from periskope_async.cli import main; sys.exit(main())"]
#: No command of these tests takes longer, seconds, on a machine that has much else to do and counts branches.
LIMIT = 120.0
LONG = pytest.mark.timeout(600)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]  # each starts an interpreter or more


@pytest.fixture(scope="module")
def fake() -> Iterator[FakePeriskope]:
    """A service with a dozen tickets."""
    with FakePeriskope(tickets=12) as running:
        yield running


def environment(fake: FakePeriskope | None = None, **changes: str) -> dict[str, str]:
    """Return an environment in which output is the same everywhere, with *fake* as the service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERISKOPE_", "COLUMNS"))}
    service = {} if fake is None else {"PERISKOPE_API_KEY": fake.api_key, "PERISKOPE_BASE_URL": fake.base_url}
    return kept | {"TZ": "UTC", "TERM": "xterm-256color", "PYTHONUTF8": "1"} | service | changes


def in_terminal(*arguments: str, env: dict[str, str], columns: int = 80) -> tuple[int, str]:
    """Run the command in a pseudo-terminal of so many *columns*; return its exit code and all that was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown, until = b"", time.monotonic() + LIMIT
        try:
            while select.select([ours], [], [], max(0.0, until - time.monotonic()))[0]:
                shown += os.read(ours, 65_536)
            process.kill()
            pytest.fail(f"still running after {LIMIT} s, having shown {shown!r}")
        except OSError:  # Linux says so when the other side is closed
            return process.wait(LIMIT), shown.decode()
        finally:
            os.close(ours)


def in_pipe(*arguments: str, env: dict[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with all its streams in pipes."""
    return subprocess.run(
        [*COMMAND, *arguments], env=env, input=stdin, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def check(name: str, text: str) -> None:
    """Compare *text* with the snapshot *name*, what differs from run to run masked.

    With PERISKOPE_UPDATE_SNAPSHOTS=1 it is written instead; read the diff before you commit it.
    """
    masked = text.replace("\r\n", "\n").replace("\x1b", "␛")
    masked = re.sub(r"␛\[\?25l.*?␛\[\?25h(\r?␛\[1A␛\[2K)?", "<moving>", masked, flags=re.DOTALL)
    masked = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", masked)
    masked = re.sub(r"trace-\w+", "trace-ID", masked)
    masked = re.sub(r"no connection: .* \(ticket", "no connection: REASON (ticket", masked)
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("PERISKOPE_UPDATE_SNAPSHOTS"):
        file.write_text(masked)
    assert masked == file.read_text()


def test_a_ticket_in_a_terminal(fake: FakePeriskope) -> None:
    """A ticket is shown with colours, within 80 columns."""
    code, shown = in_terminal("tickets", "get", "BKT-001", env=environment(fake))
    assert code == 0
    check("get-terminal", shown)


def test_a_ticket_in_a_pipe(fake: FakePeriskope) -> None:
    """A pipe gets the same words without colours and movement, and standard error stays empty."""
    done = in_pipe("tickets", "get", "BKT-001", env=environment(fake))
    assert (done.returncode, done.stderr) == (0, "")
    check("get-pipe", done.stdout)


def test_a_list_in_a_terminal_and_in_a_pipe(fake: FakePeriskope) -> None:
    """A terminal gets a table that fits it, a pipe one that loses no text."""
    code, shown = in_terminal("tickets", "list", "--limit", "8", env=environment(fake))
    assert code == 0
    check("list-terminal", shown)
    done = in_pipe("tickets", "list", "--limit", "8", env=environment(fake))
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "There are more than 8" in done.stderr
    check("list-pipe", done.stdout)


@pytest.mark.parametrize(
    "command",
    [
        *([], ["demo"], ["tickets"], ["tickets", "export"], ["doctor"]),
        *(["messages"], ["messages", "send"], ["groups", "update"], ["queue"]),
    ],
)
def test_help(command: list[str]) -> None:
    """The help says what there is, in words for newcomers."""
    done = in_pipe(*command, "--help", env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    check("-".join(["help", *command]), done.stdout)


def test_failures_in_a_terminal(fake: FakePeriskope) -> None:
    """No key, an unknown id, a refused key, no network: each is told in a few words, in red, with what may help."""
    told = []
    for arguments, env in (
        (["BKT-001"], environment()),
        (["NONE-1"], environment(fake)),
        (["BKT-001", "--api-key", "another-key-12345"], environment(fake)),
        (["BKT-001", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0"], environment(fake)),
    ):
        code, shown = in_terminal("tickets", "get", *arguments, env=env)
        told.append(f"{shown}exit code {code}\n")
    check("failures-terminal", "\n".join(told))


def test_the_demo_in_a_terminal() -> None:
    """The demo needs no key, shows a ticket and a bar that moves, and loses nothing on the way."""
    code, shown = in_terminal("demo", "--tickets", "300", "--rate-limit", "500/1s", env=environment())
    assert code == 0
    before, _, after = shown.partition("\x1b[?25l")
    check("demo-terminal", before)
    assert re.search(r"\d+/301  .*[01] failed.*/s  \d+/500 calls left", after)
    assert "300 of 300" in after


def test_the_demo_in_a_pipe() -> None:
    """In a pipe the demo tells the same without anything that moves."""
    done = in_pipe("demo", "--tickets", "50", "--rate-limit", "500/1s", env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "50 of 50" in done.stdout
    assert "0 times" in done.stdout


def test_an_export_in_a_terminal(fake: FakePeriskope, tmp_path: Path) -> None:
    """Somebody who watches sees how far it is, and how it ended."""
    code, shown = in_terminal("tickets", "export", "--all", "--out", str(tmp_path / "t.jsonl"), env=environment(fake))
    assert code == 0
    assert "Listing tickets" in shown
    assert re.search(r"Saved 12 tickets in \d+\.\d s", shown)


def test_a_reader_that_goes_away(fake: FakePeriskope) -> None:
    """`| head` ends a command quietly, whichever way it writes."""
    env = environment(fake)
    for arguments in (
        ["tickets", "export", "--all"],
        ["tickets", "list", "--output", "csv"],
        ["tickets", "get", "BKT-001", "BKT-002"],
        ["tickets", "get", "BKT-001", "-o", "json"],
        ["tickets", "export", "--help"],
        ["demo", "--tickets", "1"],
    ):
        reading, writing = os.pipe()
        os.close(reading)
        with subprocess.Popen([*COMMAND, *arguments], env=env, stdout=writing, stderr=subprocess.PIPE) as process:
            os.close(writing)
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait(LIMIT) == 141


def test_a_terminal_that_speaks_ascii_only(fake: FakePeriskope) -> None:
    """What a terminal cannot show becomes a question mark; JSON stays whole, in UTF-8."""
    env = environment(fake, PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert in_pipe("tickets", "get", "BKT-001", env=env).returncode == 0
    done = subprocess.run(
        [*COMMAND, "tickets", "export", "--all"], env=env, capture_output=True, timeout=LIMIT, check=True
    )
    assert len(done.stdout.decode("utf-8").splitlines()) == 12


def test_serve_until_ctrl_c() -> None:
    """`serve` tells how to reach it, answers, and ends with Ctrl-C, which is no failure."""
    command = [*COMMAND, "serve", "--port", "0", "--tickets", "3", "--api-key", "key-of-ours", "--fault", "500=1.0"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(2)]
        assert told[1] == "export PERISKOPE_API_KEY=key-of-ours\n"
        address = told[0].strip().removeprefix("export PERISKOPE_BASE_URL=")
        env = environment(PERISKOPE_API_KEY="key-of-ours", PERISKOPE_BASE_URL=address)
        assert in_pipe("tickets", "get", "BKT-001", "--retries", "0", env=env).returncode == 7
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize(
    ("name", "log", "tickets", "kills"),
    [
        ("t.jsonl", "t.jsonl", 1_000, 3),
        ("t.csv", "t.csv", 1_000, 2),
        pytest.param("t.jsonl", "t.jsonl", 5_000, 12, marks=LONG),
        pytest.param("t.csv", "t.csv", 5_000, 12, marks=LONG),
        pytest.param("t.parquet", "t.parquet.part.jsonl", 5_000, 8, marks=LONG),
    ],
)
def test_killed_again_and_again(tmp_path: Path, name: str, log: str, tickets: int, kills: int) -> None:
    """An export killed at any moment, as often as one likes, goes on with --resume: each ticket is there once."""
    random = Random(f"{kills} kills of {name}")  # noqa: S311  # moments to kill at, not keys
    export = ["tickets", "export", "--all", "--resume", "--out"]
    out, growing, whole = tmp_path / name, tmp_path / log, tmp_path / f"whole{Path(log).suffix}"
    with FakePeriskope(tickets=tickets) as service:
        env = environment(service)
        assert in_pipe(*export, str(whole), env=env).returncode == 0
        service.clear()
        killed = 0
        for size in sorted(random.randrange(whole.stat().st_size) for _ in range(kills)):
            with subprocess.Popen([*COMMAND, *export, str(out)], env=env) as process:
                while process.poll() is None and (not growing.exists() or growing.stat().st_size <= size):
                    time.sleep(0.0005)
                process.kill()
            killed += process.returncode == -signal.SIGKILL
        assert in_pipe(*export, str(out), env=env).returncode == 0
        # Each process lists the tickets; what dies with it is what it had in flight, and a record it was writing.
        again = service.calls - tickets
    assert killed > kills / 2
    assert again <= (kills + 1) * (tickets // 2_000 + 2 + 2 * 32 + 1)
    if growing == out:
        assert sorted(out.read_bytes().splitlines()) == sorted(whole.read_bytes().splitlines())
    else:
        assert sorted(pyarrow.parquet.read_table(out)["ticket_id"].to_pylist()) == sorted(ids_in(whole))
        assert not growing.exists()


def test_an_export_of_messages_killed_again_and_again(tmp_path: Path) -> None:
    """A walk through pages goes on after `kill -9` too: each message is there once."""
    random = Random("kills of messages")  # noqa: S311  # moments to kill at, not keys
    export = ["messages", "export", "--all", "--resume", "--out"]
    out, whole = tmp_path / "m.jsonl", tmp_path / "whole.jsonl"
    with FakePeriskope(tickets=1_500) as service:
        env = environment(service)
        assert in_pipe(*export, str(whole), env=env).returncode == 0
        killed = 0
        for size in sorted(random.randrange(whole.stat().st_size) for _ in range(3)):
            with subprocess.Popen([*COMMAND, *export, str(out)], env=env) as process:
                while process.poll() is None and (not out.exists() or out.stat().st_size <= size):
                    time.sleep(0.0005)
                process.kill()
            killed += process.returncode == -signal.SIGKILL
        assert in_pipe(*export, str(out), env=env).returncode == 0
    assert killed >= 2
    assert sorted(out.read_bytes().splitlines()) == sorted(whole.read_bytes().splitlines())


def test_sends_killed_again_and_again(tmp_path: Path) -> None:
    """A file of messages whose sending is killed goes on with the same command: none twice, none lost unsaid."""
    file = tmp_path / "all.jsonl"
    texts = [f"number {n}" for n in range(300)]
    file.write_text("".join(json.dumps({"chat_id": "919537851844", "message": text}) + "\n" for text in texts))
    send = ["messages", "send", "--from", str(file), "-o", "jsonl"]
    with FakePeriskope(tickets=3) as service:
        env = environment(service)
        for calls in (40, 120, 200):
            with subprocess.Popen([*COMMAND, *send], env=env) as process:
                while process.poll() is None and service.calls < calls:
                    time.sleep(0.0005)
                process.kill()
            assert process.returncode == -signal.SIGKILL
        done = in_pipe(*send, env=env)
        arrived = [request.json()["message"] for request in service.requests]
    found = {row["key"]: row["outcome"] for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == (10 if "unclear" in found.values() else 0)
    assert len(set(arrived)) == len(arrived)
    assert all(found[n] in {"sent", "already sent", "unclear"} for n in range(1, 301))
    assert {texts[n - 1] for n, outcome in found.items() if outcome.endswith("sent")} <= set(arrived)


def ids_in(file: Path) -> list[str]:
    """The ids of the tickets in a JSONL file."""
    return [json.loads(line)["ticket"]["ticket_id"] for line in file.read_text().splitlines()]
