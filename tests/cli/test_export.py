"""`periskope tickets export` in this process: what is saved, what is told, what --resume goes on with."""

import csv
import errno
import fcntl
import io
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from periskope_async.cli import main
from periskope_async.testing import FakePeriskope, Reply
from tests.support import some

Export = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePeriskope]:
    """A service of its own for each test, which commands use."""
    with FakePeriskope(tickets=40) as running:
        monkeypatch.setenv("PERISKOPE_API_KEY", running.api_key)
        monkeypatch.setenv("PERISKOPE_BASE_URL", running.base_url)
        yield running


@pytest.fixture
def export(fake: FakePeriskope, capsys: pytest.CaptureFixture[str]) -> Export:  # noqa: ARG001  # it is the service
    """Run an export; return its exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["tickets", "export", *map(str, arguments)])
        return (code, *capsys.readouterr())

    return call


def saved(file: Path) -> list[Any]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def names(directory: Path) -> list[str]:
    """The names of the files in a directory."""
    return [path.name for path in directory.iterdir()]


def saved_ids(file: Path) -> list[str]:
    """The ids of the tickets in a JSONL file, sorted."""
    return sorted(info["ticket"]["ticket_id"] for info in saved(file))


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes: writing fails as on a full disk, if with another errno."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def reading(pipe: Path) -> "Future[str]":
    """Read a named pipe to its end, in a thread that keeps no failing test from ending."""
    told = Future[str]()
    threading.Thread(target=lambda: told.set_result(pipe.read_text()), daemon=True).start()
    return told


def test_all_tickets_into_jsonl(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """`--all` saves each ticket once, as the API sends it, and says nothing where nobody watches."""
    out = tmp_path / "tickets.jsonl"
    assert export("--all", "--out", out) == (0, "", "")
    assert saved_ids(out) == sorted(fake.ticket_ids)
    assert all(info == fake.get(info["ticket"]["ticket_id"]) for info in saved(out))
    assert names(tmp_path) == ["tickets.jsonl"]


def test_ids_from_arguments_file_and_standard_input(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids come as arguments or one a line, in any of the spellings of a text file, each fetched once."""
    ids = tmp_path / "ids.txt"
    ids.write_bytes(b"\xef\xbb\xbfBKT-001\r\n\r\n  BKT-002 \nBKT-001")
    for source in (["BKT-001", "BKT-002"], ["--ids-file", ids], ["--ids-file", "-"], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ids.read_bytes())))
        code, out, err = export(*source)
        assert (code, err) == (0, "")
        assert sorted(json.loads(line)["ticket"]["ticket_id"] for line in out.splitlines()) == ["BKT-001", "BKT-002"]


def test_csv(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """CSV has one row a ticket and reads back with any CSV reader, newlines in messages included."""
    out = tmp_path / "tickets.csv"
    assert export("--all", "--out", out)[0] == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = {row["ticket_id"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == sorted(fake.ticket_ids)
    assert rows["BKT-001"]["message_body"] == fake.get("BKT-001")["message"]["body"]


def test_failures_are_kept_beside_the_file(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """Ids that fail cost no other ticket: code 1, reasons in FILE.errors.jsonl; --resume tries just them again."""
    out, errors = tmp_path / "t.jsonl", tmp_path / "t.jsonl.errors.jsonl"
    fake.faults.add("404", ticket_id="BKT-003")
    code, _, err = export("BKT-002", "BKT-003", "..", "--out", out)
    assert code == 1
    assert "2 of 3 tickets failed" in err
    assert str(errors) in err
    assert saved_ids(out) == ["BKT-002"]
    reasons = {line["ticket_id"]: line for line in saved(errors)}
    assert {ticket_id: reason["error"] for ticket_id, reason in reasons.items()} == {
        "BKT-003": "NotFoundError",
        "..": "ConfigurationError",
    }
    assert reasons["BKT-003"]["trace_id"]

    fake.faults.clear()
    fake.clear()
    assert export("BKT-002", "BKT-003", "--out", out, "--resume") == (0, "", "")
    assert saved_ids(out) == ["BKT-002", "BKT-003"]
    assert [request.path for request in fake.requests] == ["/v1/tickets/BKT-003"]
    assert not errors.exists()


def test_failures_without_a_file_are_told(export: Export) -> None:
    """Where the tickets go to standard output, reasons go to standard error."""
    code, out, err = export("BKT-002", "NONE-1")
    assert code == 1
    assert json.loads(out)["ticket"]["ticket_id"] == "BKT-002"
    assert "No such ticket" in err
    assert "--resume" not in err


def test_a_refused_key_ends_the_run(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """A key that is refused in the middle ends the export; what came is kept, and what was not tried is counted."""
    out = tmp_path / "t.jsonl"
    fake.faults.add("401", after=10)
    code, _, err = export("--all", "--out", out, "--concurrency", "4")
    assert code == 3
    assert "were not tried" in err
    kept = saved_ids(out)
    assert 0 < len(kept) < 40
    fake.faults.clear()
    assert export("--all", "--out", out, "--resume")[0] == 0
    assert saved_ids(out) == sorted(fake.ticket_ids)


def test_a_file_that_is_there_is_not_touched_unasked(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """An existing file needs --resume, which keeps it, or --overwrite, which replaces it; an empty one does not."""
    out = tmp_path / "t.jsonl"
    out.touch()
    assert export("BKT-001", "--out", out)[0] == 0
    fake.clear()
    code, _, err = export("BKT-002", "--out", out)
    assert code == 2
    assert "--resume" in err
    assert fake.calls == 0
    assert saved_ids(out) == ["BKT-001"]
    assert export("BKT-002", "--out", out, "--overwrite")[0] == 0
    assert saved_ids(out) == ["BKT-002"]
    assert export("BKT-001", "--out", out, "--resume")[0] == 0
    assert saved_ids(out) == ["BKT-001", "BKT-002"]


def test_resume_before_anything_was_saved(export: Export, tmp_path: Path) -> None:
    """--resume may stand in the first run too, so that a script need not tell the first from the others."""
    out = tmp_path / "t.csv"
    assert export("BKT-001", "--out", out, "--resume")[0] == 0
    assert export("BKT-001", "--out", out, "--resume")[0] == 0
    assert len(list(csv.DictReader(io.StringIO(out.read_text())))) == 1


def test_two_spellings_of_an_id_are_one_ticket(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """If the service answers two ids with one ticket, the file has it once."""
    out = tmp_path / "t.jsonl"
    body = json.dumps(fake.get("BKT-001")).encode()
    fake.answer(lambda _: Reply(200, body))
    assert export("BKT-001", "bkt-001", "--out", out)[0] == 0
    assert saved_ids(out) == ["BKT-001"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all", "BKT-001"),
        ("BKT-001", "--resume"),
        ("BKT-001", "--out", "t.jsonl", "--resume", "--overwrite"),
        ("BKT-001", "--out", "t.xlsx"),
        ("BKT-001", "--format", "parquet"),
    ],
)
def test_a_wrong_export_writes_nothing(
    export: Export, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """What does not fit together is told before anything is sent or written."""
    monkeypatch.chdir(tmp_path)
    code, out, err = export(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err
    assert fake.calls == 0
    assert names(tmp_path) == []


def test_ctrl_c_leaves_a_whole_file(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """Ctrl-C keeps what is saved, whole, says how to go on, and the same command with --resume does."""
    out = tmp_path / "t.jsonl"
    calls = Counter[str]()

    def interrupt(_: object) -> None:
        calls["n"] += 1
        if calls["n"] == 20:
            os.kill(os.getpid(), signal.SIGINT)

    fake.answer(interrupt)
    code, _, err = export("--all", "--out", out, "--concurrency", "2")
    assert code == 130
    assert "of 40 tickets saved" in err
    assert "--resume" in err
    kept = saved_ids(out)
    assert 0 < len(kept) < 40
    assert export("--all", "--out", out, "--resume") == (0, "", "")
    assert saved_ids(out) == sorted(fake.ticket_ids)


def test_ctrl_c_without_a_file(export: Export, fake: FakePeriskope) -> None:
    """What went to standard output cannot be gone on with, so nothing is promised."""
    fake.answer(lambda _: os.kill(os.getpid(), signal.SIGINT))
    code, _, err = export("BKT-001")
    assert code == 130
    assert "--resume" not in err


def test_a_watched_export_sums_up(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody watches, the end is told: how many, how long, how fast; or that nothing was missing."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = tmp_path / "t.jsonl"
    code, _, err = export("--all", "--out", out)
    assert code == 0
    assert "Saved 40 tickets in " in err
    code, _, err = export("--all", "--out", out, "--resume")
    assert code == 0
    assert "none was missing" in err


def test_parquet(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """Parquet is written at the end, from a file beside it that goes then: each ticket once."""
    out = tmp_path / "t.parquet"
    assert export("--all", "--out", out) == (0, "", "")
    assert sorted(pyarrow.parquet.read_table(out)["ticket_id"].to_pylist()) == sorted(fake.ticket_ids)
    assert names(tmp_path) == ["t.parquet"]
    code, _, err = export("--all", "--out", out, "--resume")
    assert code == 2
    assert "complete" in err
    assert export("BKT-001", "--out", out, "--overwrite")[0] == 0
    assert pyarrow.parquet.read_table(out)["ticket_id"].to_pylist() == ["BKT-001"]


def test_parquet_resumes_from_the_file_beside_it(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """After a failure what came is there as Parquet, and --resume has what it needs to fetch just the rest."""
    out, log = tmp_path / "t.parquet", tmp_path / "t.parquet.part.jsonl"
    fake.faults.add("404", ticket_id="BKT-003")
    assert export("BKT-002", "BKT-003", "--out", out)[0] == 1
    assert pyarrow.parquet.read_table(out)["ticket_id"].to_pylist() == ["BKT-002"]
    assert saved_ids(log) == ["BKT-002"]
    assert export("BKT-002", "BKT-003", "--out", out)[0] == 2
    fake.faults.clear()
    fake.clear()
    assert export("BKT-002", "BKT-003", "--out", out, "--resume") == (0, "", "")
    assert fake.calls == 1
    assert sorted(pyarrow.parquet.read_table(out)["ticket_id"].to_pylist()) == ["BKT-002", "BKT-003"]
    assert names(tmp_path) == ["t.parquet"]


def test_parquet_without_its_extra(export: Export, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the command says what to install, before anything is fetched."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = export("--all", "--out", "t.parquet")
    assert code == 2
    assert "pip install '/path/to/clone[parquet]'" in err
    assert fake.calls == 0


def test_a_refused_export_keeps_the_reasons_of_the_last(export: Export, tmp_path: Path) -> None:
    """An export that is refused because its file is there leaves FILE.errors.jsonl as it is, too."""
    out = tmp_path / "t.jsonl"
    assert export("BKT-001", "NONE-1", "--out", out)[0] == 1
    assert export("BKT-001", "--out", out)[0] == 2
    assert saved(tmp_path / "t.jsonl.errors.jsonl")[0]["ticket_id"] == "NONE-1"


# --- what is no file, or another one than it seems ----------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["plain", "overwrite"])
@pytest.mark.parametrize("name", ["t.jsonl", "t.csv"])
def test_a_named_pipe_is_written_into(
    export: Export, fake: FakePeriskope, tmp_path: Path, name: str, overwrite: list[str]
) -> None:
    """A named pipe gets the tickets, ends with them and stays; what failed is told, for nothing stands beside it."""
    out = tmp_path / name
    os.mkfifo(out)
    read = reading(out)
    code, printed, err = export("BKT-001", "NONE-1", "BKT-002", "--out", out, *overwrite)
    told = read.result(30)
    assert (code, printed) == (1, "")
    rows = (
        csv.DictReader(io.StringIO(told)) if name == "t.csv" else (json.loads(x)["ticket"] for x in told.splitlines())
    )
    assert sorted(row["ticket_id"] for row in rows) == ["BKT-001", "BKT-002"]
    assert "No such ticket" in err
    assert "--resume" not in err
    assert stat.S_ISFIFO(out.lstat().st_mode)
    assert names(tmp_path) == [name]
    assert fake.calls == 3


def test_the_reader_of_a_named_pipe_goes(export: Export, tmp_path: Path) -> None:
    """An export whose pipe is read no longer ends as one on standard output does, without a word."""
    out = tmp_path / "t.jsonl"
    os.mkfifo(out)
    threading.Thread(target=lambda: out.open("rb").close(), daemon=True).start()
    assert export("--all", "--out", out) == (141, "", "")


def test_a_device_is_written_into(export: Export, tmp_path: Path) -> None:
    """A device, and a link to one, is what it was after an export into it."""
    out = tmp_path / "t.jsonl"
    out.symlink_to("/dev/null")
    assert export("BKT-001", "--out", out, "--overwrite") == (0, "", "")
    assert out.is_char_device()
    assert names(tmp_path) == ["t.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_device(export: Export) -> None:
    """A device without room ends the export with its name, and nothing is promised of --resume."""
    code, _, err = export("BKT-001", "--out", "/dev/full", "--format", "jsonl")
    assert code == 9
    assert "/dev/full: No space left on device" in err
    assert "keeps nothing that --resume could go on with" in err


def test_standard_output_without_room(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output takes no more, the message names it."""
    with Path("/dev/full").open("wb", buffering=0) as full, io.TextIOWrapper(full) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        code, _, err = export("BKT-001")
    assert code == 9
    assert "Standard output: No space left on device" in err


@pytest.mark.parametrize(
    ("make", "arguments", "why"),
    [
        pytest.param(os.mkfifo, ["--format", "parquet", "--overwrite"], "Parquet goes into a file only", id="parquet"),
        pytest.param(os.mkfifo, ["--format", "jsonl", "--resume"], "--resume needs a file", id="resume"),
        pytest.param(os.mkdir, ["--format", "jsonl", "--overwrite"], "is a directory", id="directory"),
        pytest.param(os.mkdir, ["--format", "parquet", "--overwrite"], "is a directory", id="parquet-directory"),
        pytest.param(
            lambda path: socket.socket(socket.AF_UNIX).bind(os.fspath(path)),
            ["--format", "jsonl", "--overwrite"],
            "is a socket",
            id="socket",
            marks=pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
        ),
        pytest.param(
            lambda path: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(0, 0)),
            ["--format", "jsonl", "--overwrite"],
            "is a block device",
            id="block-device",
        ),
    ],
)
def test_what_cannot_be_written_into_is_refused(
    export: Export,
    fake: FakePeriskope,
    tmp_path: Path,
    make: Callable[[Path], object],
    arguments: list[str],
    why: str,
) -> None:
    """What an export cannot go into is refused with its kind before anything is sent, and is there afterwards."""
    out = tmp_path / "t"
    try:
        make(out)
    except PermissionError:
        pytest.skip("only root may make one")
    before = out.lstat()
    code, _, err = export("BKT-001", "--out", out, *arguments)
    assert code == 2
    assert why in err
    assert fake.calls == 0
    assert (out.lstat().st_ino, out.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert names(tmp_path) == ["t"]


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_a_link_is_followed(export: Export, tmp_path: Path, name: str) -> None:
    """A symbolic link stays one: the file it leads to, there or not yet, is written, and what belongs beside it is."""
    link, real = tmp_path / name, tmp_path / "elsewhere" / f"real{Path(name).suffix}"
    real.parent.mkdir()
    link.symlink_to(real)
    for arguments in ([], ["--overwrite"]):
        assert export("BKT-001", "NONE-1", "--out", link, *arguments)[0] == 1
        assert link.is_symlink()
        assert real.stat().st_size > 0
        assert real.with_name(f"{real.name}.errors.jsonl").exists()
    assert names(tmp_path) == [name, "elsewhere"] or names(tmp_path) == ["elsewhere", name]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs names for open files")
def test_a_file_without_a_name(export: Export, tmp_path: Path) -> None:
    """A file that is open but was removed is written by its /dev/fd name, as a parent process hands it on."""
    with tempfile.TemporaryFile(dir=tmp_path) as out:
        assert export("BKT-001", "--out", f"/dev/fd/{out.fileno()}", "--format", "jsonl") == (0, "", "")
        assert json.loads(out.read())["ticket"]["ticket_id"] == "BKT-001"
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["t.jsonl.errors.jsonl", "t.parquet.errors.jsonl", "t.parquet.part"])
@pytest.mark.parametrize("kind", ["text", "directory"])
def test_what_stands_beside_is_no_exports(
    export: Export, fake: FakePeriskope, tmp_path: Path, name: str, kind: str
) -> None:
    """Where something else has the name of a file beside the export, it is refused at once, and that stays."""
    beside = tmp_path / name
    if kind == "text":
        beside.write_text("my notes")
    else:
        beside.mkdir()
    out = tmp_path / ("t.parquet" if "parquet" in name else "t.jsonl")
    code, _, err = export("NONE-1", "--out", out, "--overwrite")
    assert code == 2
    assert str(beside) in err
    assert fake.calls == 0
    assert names(tmp_path) == [name]
    assert beside.is_dir() or beside.read_text() == "my notes"


def test_a_link_where_parquet_grows(export: Export, tmp_path: Path) -> None:
    """A link in the place where a Parquet file grows is neither followed nor removed."""
    part = tmp_path / "t.parquet.part"
    part.symlink_to(tmp_path / "nowhere")
    assert export("BKT-001", "--out", tmp_path / "t.parquet")[0] == 2
    assert part.is_symlink()
    assert names(tmp_path) == ["t.parquet.part"]


def test_reasons_go_into_what_is_there(export: Export, tmp_path: Path) -> None:
    """A pipe in the place of FILE.errors.jsonl gets the reasons, and its end also where there are none; it stays."""
    out, errors = tmp_path / "t.jsonl", tmp_path / "t.jsonl.errors.jsonl"
    os.mkfifo(errors)
    for ids, failed in ((["NONE-1", "BKT-001", "NONE-2"], ["NONE-1", "NONE-2"]), (["BKT-001"], [])):
        read = reading(errors)
        assert export(*ids, "--out", out, "--overwrite")[0] == bool(failed)
        assert sorted(json.loads(line)["ticket_id"] for line in read.result(30).splitlines()) == failed
        assert saved_ids(out) == ["BKT-001"]
    assert stat.S_ISFIFO(errors.lstat().st_mode)


def test_a_list_of_failures_is_no_export(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """FILE.errors.jsonl of one export given as the file of another is refused, and keeps every byte."""
    errors = tmp_path / "t.jsonl.errors.jsonl"
    assert export("NONE-1", "--out", tmp_path / "t.jsonl")[0] == 4
    before = errors.read_bytes()
    fake.clear()
    for arguments in ([], ["--resume"]):
        assert export("BKT-001", "--out", errors, *arguments)[0] == 2
    assert fake.calls == 0
    assert errors.read_bytes() == before


# --- two exports into one file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", some(["t.jsonl", "t.csv", "t.parquet"], "t.jsonl"))
def test_two_exports_into_one_file(export: Export, fake: FakePeriskope, tmp_path: Path, name: str) -> None:
    """While one process writes a file every other export into it is refused; kill -9 leaves no lock behind."""
    out = tmp_path / name
    alias = tmp_path / f"alias{out.suffix}"
    alias.symlink_to(out)
    fake.faults.add("stall-headers", ticket_id="BKT-007", times=1)
    first = [
        sys.executable,
        "-c",
        "from periskope_async.cli import main; main()",
        "tickets",
        "export",
        "--all",
        "--out",
        out,
    ]
    with subprocess.Popen(first) as process:
        try:
            # 40 tickets and a page of the list are asked for; one will not come before the holder ends.
            log = out if name != "t.parquet" else tmp_path / "t.parquet.part.jsonl"
            while fake.calls < 41 or not log.exists() or not log.stat().st_size:
                assert process.poll() is None
                time.sleep(0.001)
            sent = fake.calls
            for file in (out, alias):
                for arguments in ([], ["--resume"], ["--overwrite"]):
                    code, _, err = export("BKT-001", "--out", file, *arguments)
                    assert code == 2
                    assert f"{out}: another export is writing into it" in err
            assert fake.calls == sent
        finally:
            process.kill()
    assert export("--all", "--out", out, "--resume") == (0, "", "")
    if name == "t.jsonl":
        found = saved_ids(out)
    elif name == "t.csv":
        found = sorted(row["ticket_id"] for row in csv.DictReader(io.StringIO(out.read_text())))
    else:
        found = sorted(pyarrow.parquet.read_table(out)["ticket_id"].to_pylist())
    assert found == sorted(fake.ticket_ids)
    assert sorted(names(tmp_path)) == sorted([name, alias.name])


def test_a_file_that_went_before_it_was_locked(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is removed between opening and locking it is opened anew: no ticket goes into what has no name."""
    out, log = tmp_path / "t.parquet", tmp_path / "t.parquet.part.jsonl"
    lock, locked = fcntl.flock, list[int]()

    def late(file: Any, how: int) -> None:
        if not locked:
            log.unlink()  # as another export does that ends just now
        locked.append(how)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert export("BKT-001", "--out", out) == (0, "", "")
    assert len(locked) == 2
    assert pyarrow.parquet.read_table(out)["ticket_id"].to_pylist() == ["BKT-001"]


@pytest.mark.parametrize("where", ["windows", "network"])
@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_where_nothing_can_be_locked(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, where: str
) -> None:
    """On a system or a disk without locks an export is the same, but for the guard against a second one."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if where == "windows":
        monkeypatch.setitem(sys.modules, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "flock", flock)
    assert export("BKT-001", "--out", tmp_path / name) == (0, "", "")
    assert names(tmp_path) == [name]


# --- a disk that is full, or not there --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv"])
def test_a_full_disk(export: Export, fake: FakePeriskope, tmp_path: Path, name: str) -> None:
    """A disk without room ends the export with the file's name and a word on how to go on; and so it does."""
    out = tmp_path / name
    with disk_of(10_000):
        code, _, err = export("--all", "--out", out)
    assert code == 9
    assert f"{out}: File too large\nThe same command with --resume goes on from there." in err
    assert out.stat().st_size == 10_000
    assert export("--all", "--out", out, "--resume") == (0, "", "")
    ids = (
        saved_ids(out)
        if name == "t.jsonl"
        else sorted(row["ticket_id"] for row in csv.DictReader(io.StringIO(out.read_text())))
    )
    assert ids == sorted(fake.ticket_ids)


def test_a_full_disk_under_parquet(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """Without room for Parquet what was there stays, nothing half takes room, and --resume fetches nothing again."""
    out, log = tmp_path / "t.parquet", tmp_path / "t.parquet.part.jsonl"
    assert export("BKT-001", "--out", out)[0] == 0
    before = out.read_bytes()
    assert export("--all", "--out", log)[0] == 0
    with disk_of(1_000):
        code, _, err = export("--all", "--out", out, "--resume")
    assert code == 9
    assert f"{out}: File too large\nThe same command with --resume goes on from there." in err
    assert out.read_bytes() == before
    assert sorted(names(tmp_path)) == [out.name, log.name]
    fake.clear()
    assert export("--all", "--out", out, "--resume") == (0, "", "")
    assert fake.calls == 1  # the list
    assert sorted(pyarrow.parquet.read_table(out)["ticket_id"].to_pylist()) == sorted(fake.ticket_ids)
    assert names(tmp_path) == ["t.parquet"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing/t.jsonl", "missing/t.jsonl: its folder does not exist.\nMake it, or give another --out."),
        ("missing/t.parquet", "missing/t.parquet: its folder does not exist."),
        ("file/t.jsonl", "Not a directory"),
        ("loop.jsonl", "Too many levels of symbolic links"),
        ("x" * 245 + ".jsonl", "File name too long"),
    ],
)
def test_nothing_was_begun(export: Export, fake: FakePeriskope, tmp_path: Path, name: str, why: str) -> None:
    """A file that cannot be made is told before anything is sent; then there is nothing that --resume goes on with."""
    (tmp_path / "file").touch()
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    before = sorted(names(tmp_path))
    code, out, err = export("BKT-001", "--out", tmp_path / name)
    assert (code, out) == (9, "")
    assert why in err
    assert "--resume" not in err
    assert fake.calls == 0
    assert sorted(names(tmp_path)) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(export: Export, fake: FakePeriskope, tmp_path: Path) -> None:
    """In a folder where reasons cannot be written an export is refused at once, also if its file is there."""
    out = tmp_path / "t.jsonl"
    out.touch()
    tmp_path.chmod(0o500)
    code, _, err = export("NONE-1", "--out", out)
    tmp_path.chmod(0o700)
    assert code == 9
    assert "t.jsonl.errors.jsonl: Permission denied" in err
    assert fake.calls == 0


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_a_refused_key_costs_no_file(export: Export, fake: FakePeriskope, tmp_path: Path, name: str) -> None:
    """--overwrite with a key that the service refuses leaves the last export as it is; a new file is not left."""
    out = tmp_path / name
    assert export("BKT-001", "NONE-1", "--out", out, "--overwrite")[0] == 1
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for file in (out, tmp_path / f"new.{name}"):
        assert export("--all", "--out", file, "--overwrite", "--api-key", "an-old-key-of-mine")[0] == 3
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert fake.calls > 0


def test_failures_under_overwrite(export: Export, tmp_path: Path) -> None:
    """The command that tries again what failed works as it is said: --resume and --overwrite do not go together."""
    _, _, err = export("BKT-001", "NONE-1", "--out", tmp_path / "t.jsonl", "--overwrite")
    assert "the same command with --resume in place of --overwrite tries them again" in err


@pytest.mark.parametrize("ids", ["--all", "BKT-002"], ids=["listing", "fetching"])
def test_ctrl_c_under_overwrite(export: Export, fake: FakePeriskope, tmp_path: Path, ids: str) -> None:
    """What is said after Ctrl-C works: nothing while the last export is still there, else --resume alone."""
    out = tmp_path / "t.jsonl"
    assert export("BKT-001", "--out", out)[0] == 0
    calls = Counter[str]()

    def interrupt(_: object) -> None:
        calls["n"] += 1
        if calls["n"] == 1:
            os.kill(os.getpid(), signal.SIGINT)

    fake.answer(interrupt)
    code, _, err = export(ids, "--out", out, "--overwrite")
    assert code == 130
    if ids == "--all":
        assert "--resume" not in err
        assert saved_ids(out) == ["BKT-001"]
    else:
        assert "--resume in place of --overwrite" in err
        assert "BKT-001" not in saved_ids(out)


@pytest.mark.parametrize("name", ["two\nlines.jsonl", "\x1b[2J.csv", "[/] \x1b[2J\n.parquet"])
def test_any_file_name(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever characters a file's name has, it is written, and shown in one line that does nothing to a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = tmp_path / name
    out.parent.mkdir(exist_ok=True)
    assert export("BKT-001", "--out", out)[0] == 0
    assert out.exists()
    code, _, err = export("BKT-001", "NONE-1", "--out", out, "--overwrite")
    assert code == 1
    shown = name.replace("\n", "\N{REPLACEMENT CHARACTER}").replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert f"{shown}.errors.jsonl says why" in err
    assert "\x1b[2J" not in err
    code, _, err = export("BKT-001", "--out", out)
    assert code == 2
    assert f"{shown} is there" in err
    code, _, err = export("BKT-001", "--out", tmp_path / "missing" / name)
    assert code == 9
    assert f"{shown}" in err
