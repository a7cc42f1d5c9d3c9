"""`periskope tickets export` in this process: what is saved, what is told, what --resume goes on with."""

import csv
import io
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from periskope_async.cli import main
from periskope_async.testing import FakePeriskope, Reply

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
    assert "There is no such ticket" in err
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
    assert 'pip install "periskope[parquet]"' in err
    assert fake.calls == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_disk(export: Export) -> None:
    """A disk without room ends the export with the file's name, and a word on how to go on."""
    code, _, err = export("BKT-001", "--out", "/dev/full", "--format", "jsonl")
    assert code == 9
    assert "/dev/full: No space left on device" in err
    assert "--resume" in err


def test_a_refused_export_keeps_the_reasons_of_the_last(export: Export, tmp_path: Path) -> None:
    """An export that is refused because its file is there leaves FILE.errors.jsonl as it is, too."""
    out = tmp_path / "t.jsonl"
    assert export("BKT-001", "NONE-1", "--out", out)[0] == 1
    assert export("BKT-001", "--out", out)[0] == 2
    assert saved(tmp_path / "t.jsonl.errors.jsonl")[0]["ticket_id"] == "NONE-1"
