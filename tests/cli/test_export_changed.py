"""`export --changed`: a file that follows what there is, and a state that never disagrees with it."""

import csv
import gc
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from periskope_async._codec.model import Model
from periskope_async.cli import upserts
from periskope_async.cli.commands import changes
from periskope_async.models import TicketInfo
from periskope_async.records import columns, to_record
from periskope_async.testing import FakePeriskope
from tests.support import some

Command = Callable[..., tuple[int, str, str]]

FORMS = ["jsonl", "csv", "parquet"]
COMMAND = [sys.executable, "-c", "from periskope_async.cli import main; raise SystemExit(main())"]


def asked(fake: FakePeriskope) -> Counter[str]:
    """Return how often each operation was asked for, and forget it."""
    found = Counter(request.operation or "" for request in fake.requests)
    fake.clear()
    return found


def live(fake: FakePeriskope, kind: str = "tickets") -> dict[str, Any]:
    """Return what there is, by id, as the service shows it."""
    objects: Any = getattr(fake, kind)
    found = {name: objects.get(name) for name in objects.ids}
    return {name: it for name, it in found.items() if not it.get("ticket", it).get("is_deleted")}


def records(fake: FakePeriskope) -> dict[str, dict[str, Any]]:
    """Return the records of the tickets there are, by id."""
    return {name: to_record(TicketInfo.from_dict(it)) for name, it in live(fake).items()}


def saved(out: Path) -> dict[str, dict[str, Any]]:
    """Return the records of the tickets in a file of any form, by id; each is in it once."""
    match out.suffix:
        case ".parquet":
            rows = pyarrow.parquet.read_table(out).to_pylist()
        case ".csv":
            rows = [
                to_record(from_csv) for from_csv in map(read_row, csv.DictReader(io.StringIO(out.read_text("utf-8"))))
            ]
        case _:
            rows = [to_record(TicketInfo.from_json(line)) for line in out.read_text("utf-8").splitlines()]
    found = {row["ticket_id"]: row for row in rows}
    assert len(found) == len(rows)
    return {
        name: {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()} for name, row in found.items()
    }


def read_row(row: dict[str, Any]) -> Any:
    """Return the ticket of a row of CSV."""
    from periskope_async.records import from_record

    return from_record({**row, "attached_count": None})


def plain(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what of records every form keeps in the same way."""
    return {
        name: (row["subject"], row["status"], row["ticket_labels"], row["created_at"]) for name, row in found.items()
    }


@pytest.fixture
def changed(periskope: Command, tmp_path: Path) -> Command:
    """Bring the tickets in a file up to date; its name is the first argument."""

    def call(name: str, *arguments: str) -> tuple[int, str, str]:
        state = tmp_path / "state.json"
        return periskope(
            "tickets", "export", "--changed", "--state", str(state), "--out", str(tmp_path / name), *arguments
        )

    return call


@pytest.mark.parametrize("form", FORMS)
def test_three_of_twelve(changed: Command, fake: FakePeriskope, tmp_path: Path, form: str) -> None:
    """The first run fetches everything, the second nothing, the third what changed; each file is what there is."""
    out = tmp_path / f"t.{form}"
    assert changed(out.name) == (0, "", "")
    assert plain(saved(out)) == plain(records(fake))
    before = out.read_bytes()
    fake.clear()
    assert changed(out.name) == (0, "", "")
    assert asked(fake) == {"tickets.list": 1}
    assert out.read_bytes() == before
    one, two, three, *_ = live(fake)
    fake.change(one, subject="Another\nline", status="closed")
    fake.change(two, is_deleted=True)
    fake.remove(three)
    fake.put({"ticket": {"ticket_id": "BKT-900"}})
    assert changed(out.name) == (0, "", "")
    assert asked(fake) == {"tickets.list": 1, "tickets.get": 3}
    assert plain(saved(out)) == plain(records(fake))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", out.name]
    if form == "parquet":
        assert pyarrow.parquet.read_schema(out).names == list(columns(TicketInfo))


@pytest.mark.parametrize("kind", ["chats", "contacts", "messages"])
def test_other_things(periskope: Command, fake: FakePeriskope, tmp_path: Path, kind: str) -> None:
    """Chats, contacts and messages are followed in the same way; a second run asks for pages alone."""
    out, state = tmp_path / "x.jsonl", tmp_path / "state.json"
    command = (kind, "export", "--changed", "--state", str(state), "--out", str(out))
    objects: Any = getattr(fake, kind)
    key = {"chats": "chat_id", "contacts": "contact_id", "messages": "message_id"}[kind]
    for _ in range(2):
        fake.clear()
        assert periskope(*command) == (0, "", "")
        assert sorted(json.loads(line)[key] for line in out.read_text().splitlines()) == sorted(live(fake, kind))
        objects.remove(objects.ids[-1])
    assert periskope(*command) == (0, "", "")
    fake.clear()
    assert periskope(*command) == (0, "", "")
    assert asked(fake) == {f"{kind}.list": 1}


@pytest.mark.parametrize("kind", ["tickets", "chats", "contacts", "messages"])
def test_no_row_is_kept(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """When the file is written, no object of the first run is in memory any more: what came went into a file."""
    assert getattr(fake, kind).ids

    def models() -> int:
        gc.collect()
        return sum(isinstance(each, Model) for each in gc.get_objects())

    held = list[int]()
    write, before = changes.bring_up_to_date, models()

    def count_and_write(*arguments: Any) -> None:
        held.append(models())
        write(*arguments)

    monkeypatch.setattr(changes, "bring_up_to_date", count_and_write)
    assert (
        periskope(kind, "export", "--changed", "--state", str(tmp_path / "s"), "--out", str(tmp_path / "x.jsonl"))[0]
        == 0
    )
    assert held == [before]


def test_who_watches_sees_what_became_of_the_file(
    changed: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody who watches sees how many were saved and removed, or since when nothing changed."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert re.search(r"Saved \d+ tickets in", changed("t.jsonl")[2])
    os.utime(tmp_path / "state.json", (0, 1_790_000_000))
    assert "Nothing changed since 2026-09-21 14:13." in changed("t.jsonl")[2]
    one, two, *_ = live(fake)
    fake.change(one, is_deleted=True)
    fake.change(two, subject="Another")
    assert "Saved 1 tickets, removed 1 in" in changed("t.jsonl")[2]


def test_what_is_marked_deleted(periskope: Command, changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """`--all` is a copy of the list, marks and all; `--changed` a mirror of what there is, from its first run on."""
    fake.change("BKT-001", is_deleted=True)
    assert periskope("tickets", "export", "--all", "--out", str(tmp_path / "all.jsonl")) == (0, "", "")
    assert changed("mirror.jsonl") == (0, "", "")
    copy, mirror = saved(tmp_path / "all.jsonl"), saved(tmp_path / "mirror.jsonl")
    assert copy["BKT-001"]["is_deleted"] is True
    assert mirror == {name: row for name, row in copy.items() if not row["is_deleted"]} != copy


def test_the_page_for_duckdb(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page says to DuckDB makes a table of the Parquet file, and counts what is not deleted."""
    duckdb: Any = pytest.importorskip("duckdb", reason="duckdb is not installed")
    page = (Path(__file__).parents[2] / "docs/guides/cli.md").read_text("utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    fake.change("BKT-001", is_deleted=True)
    assert periskope("tickets", "export", "--all", "--out", "tickets.parquet") == (0, "", "")
    with duckdb.connect("inbox.duckdb") as database:
        counts = dict(database.sql(block).fetchall())
    assert counts == Counter(it["ticket"]["status"] for it in live(fake).values())


def test_messages_since(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """With --since, what was sent before stays in the file; --changed is of all messages, and says so."""
    out, state = tmp_path / "m.jsonl", tmp_path / "state.json"
    command = ("messages", "export", "--changed", "--state", str(state), "--out", str(out))
    chat = fake.chats.ids[0]
    for name, day in (("m-1", "01"), ("m-2", "03")):
        fake.messages.put({"message_id": name, "chat_id": chat, "timestamp": f"2090-01-{day}T00:00:00Z"})
    assert periskope(*command, "--since", "2090-01-01") == (0, "", "")
    fake.messages.change("m-2", body="Another")
    assert periskope(*command, "--since", "2090-01-02") == (0, "", "")
    found = {line["message_id"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert {name: line.get("body") for name, line in found.items()} == {"m-1": None, "m-2": "Another"}
    for wrong in (["--all"], ["--chat", chat], ["--until", "2090-01-01"]):
        code, _, err = periskope(*command, *wrong)
        assert (code, "--since alone" in err) == (2, True)


def test_what_failed_comes_again(changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """What failed stands beside the file with its reason, and the same command tries just that again."""
    out, errors = tmp_path / "t.jsonl", tmp_path / "t.jsonl.errors.jsonl"
    assert changed(out.name)[0] == 0
    one, two, *_ = live(fake)
    fake.change(one, subject="Another")
    gone = fake.get(two)
    fake.remove(two)
    for name in (one, two):
        fake.faults.add("422", ticket_id=name)
    code, _, err = changed(out.name)
    assert code == 8
    assert "2 of 2 tickets failed" in err
    assert "the same command tries them again" in " ".join(err.split())
    assert {json.loads(line)["ticket_id"] for line in errors.read_text().splitlines()} == {one, two}
    assert fake.counts["422"] == 2
    assert two in saved(out)
    fake.faults.clear()
    fake.clear()
    assert changed(out.name) == (0, "", "")
    assert asked(fake) == {"tickets.list": 1, "tickets.get": 2}
    assert plain(saved(out)) == plain(records(fake))
    assert gone["ticket"]["ticket_id"] not in saved(out)
    assert not errors.exists()


def test_failures_into_a_pipe(changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A pipe where the reasons would stand is written into, and stays."""
    errors = tmp_path / "t.jsonl.errors.jsonl"
    os.mkfifo(errors)
    fake.faults.add("422", ticket_id="BKT-001")
    with subprocess.Popen(["/bin/cat", errors], stdout=subprocess.PIPE, text=True) as reader:
        assert changed("t.jsonl")[0] == 1
        assert json.loads(reader.communicate()[0])["ticket_id"] == "BKT-001"
    assert errors.is_fifo()


def test_what_goes_together(periskope: Command, changed: Command, tmp_path: Path) -> None:
    """--changed and --state stand together, need a file, and say which tickets; two contrary wishes are refused."""
    out = str(tmp_path / "t.jsonl")
    for arguments, problem in (
        (["--changed", "--out", out], "--changed needs --state FILE"),
        (["--all", "--state", out, "--out", out], "--state FILE is for --changed"),
        (["--state", out, "--out", out], "--state FILE is for --changed"),
        (["--changed", "--all", "--state", "s", "--out", out], "choose one"),
        (["--changed", "--state", str(tmp_path / "s")], "needs a file"),
        (["--changed", "--state", out, "--out", out], "a file of its own"),
        (["--changed", "--state", str(tmp_path / "s"), "--out", "/dev/null", "--format", "jsonl"], "needs a file"),
    ):
        code, _, err = periskope("tickets", "export", *arguments)
        assert (code, problem in " ".join(err.split())) == (2, True), err
    assert changed("t.jsonl", "--resume", "--overwrite")[0] == 2
    code, _, err = periskope("tickets", "export", "--changed", "--state", str(tmp_path / "no" / "s"), "--out", out)
    assert code == 9
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_file_and_a_state_that_are_not_of_each_other(
    changed: Command, fake: FakePeriskope, tmp_path: Path, form: str
) -> None:
    """A file that somebody changed, a lost file, a lost or damaged state: refused, until --overwrite begins anew."""
    out, state = tmp_path / f"t.{form}", tmp_path / "state.json"

    def refused(problem: str) -> None:
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        code, _, err = changed(out.name)
        assert (code, problem in err, "--overwrite fetches everything again" in err) == (2, True, True), err
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
        assert changed(out.name, "--overwrite") == (0, "", "")
        assert plain(saved(out)) == plain(records(fake))

    assert changed(out.name)[0] == 0
    whole = out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])
    refused("is not what")
    out.unlink()
    refused("is not what")
    state.unlink()
    refused("its state is not")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_of_another_release(changed: Command, fake: FakePeriskope, tmp_path: Path, form: str) -> None:
    """A file whose columns are others than today's is not mixed with them."""
    out, state = tmp_path / f"t.{form}", tmp_path / "state.json"
    assert changed(out.name)[0] == 0
    if form == "csv":
        out.write_bytes(b"old_" + out.read_bytes())
    else:
        table = pyarrow.parquet.read_table(out)
        pyarrow.parquet.write_table(table.drop_columns(["subject"]), out)
    found = json.loads(state.read_text())
    state.write_text(json.dumps(found | {"file": upserts.digest(out)}))
    before = out.read_bytes()
    fake.change("BKT-001", subject="Another")
    code, _, err = changed(out.name)
    assert (code, "columns of another release" in err) == (2, True)
    assert out.read_bytes() == before
    assert changed(out.name, "--overwrite") == (0, "", "")
    assert plain(saved(out)) == plain(records(fake))


def test_a_damaged_state(changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A state that was cut off is refused, as is a file that is none, which --overwrite leaves alone too."""
    state = tmp_path / "state.json"
    assert changed("t.jsonl")[0] == 0
    state.write_bytes(state.read_bytes()[:-20])
    code, _, err = changed("t.jsonl")
    assert (code, "was damaged" in err) == (2, True)
    assert changed("t.jsonl", "--overwrite")[0] == 0
    state.write_text("dear diary")
    for arguments in ([], ["--overwrite"]):
        code, _, err = changed("t.jsonl", *arguments)
        assert (code, "was not written by an export" in err) == (2, True)
        assert state.read_text() == "dear diary"
    state.write_text('{"file": "x", "state": {"seen": 1}}')
    assert changed("t.jsonl", "--overwrite")[0] == 0
    found = json.loads(state.read_text())
    found["state"]["of"] = "chats"
    state.write_text(json.dumps(found))
    code, _, err = changed("t.jsonl")
    assert (code, "not of tickets" in err) == (2, True)
    assert fake.count


def test_what_is_beside_them(changed: Command, tmp_path: Path) -> None:
    """Files that are none of ours, where ours would be, are left alone, and nothing is changed."""
    for name, content in (
        ("state.json.part.jsonl", "dear diary"),
        ("state.json.part.jsonl", '{"stamp": "x", "value": {"chat_id": "1"}}\n'),
        ("state.json.part.jsonl", '{"stamp": 1, "value": {"ticket": {"ticket_id": "1"}}}\n'),
        ("state.json.part", "dear diary"),
        ("t.jsonl.part", "dear diary"),
        ("t.jsonl.errors.jsonl", "dear diary"),
    ):
        (tmp_path / name).write_text(content)
        assert changed("t.jsonl")[0] == 2
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, content)]
        (tmp_path / name).unlink()
    (tmp_path / "t.parquet.part.jsonl").write_text('{"ticket": {"ticket_id": "BKT-001"}}\n')
    code, _, err = changed("t.parquet")
    assert (code, "of a stopped export" in err) == (2, True)


class Killed(BaseException):
    """As if the process had been killed here, but for what Python does on its way out."""


@pytest.mark.parametrize("form", some(FORMS, "jsonl"))
def test_killed_at_every_step(
    changed: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Wherever a run ends while it brings the file up to date, the next completes it, and fetches nothing twice."""
    out = tmp_path / f"t.{form}"
    assert changed(out.name)[0] == 0
    replace, unlink = Path.replace, Path.unlink
    for number, (step, after) in enumerate((s, a) for s in range(5) for a in (False, True)):
        subject, left = f"The {number}th", [step]
        fake.change("BKT-001", subject=subject)
        fake.put({"ticket": {"ticket_id": f"BKT-9{number:02}"}})
        fake.remove(f"BKT-9{number - 1:02}")

        def stop(work: Any, *arguments: Any, left: list[int] = left, after: bool = after, **options: Any) -> None:
            left[0] -= 1
            if left[0] == -1 and not after:
                raise Killed
            work(*arguments, **options)
            if left[0] == -1:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", lambda *a: stop(replace, *a))
            patch.setattr(upserts, "remove", lambda *a: stop(lambda held: unlink(held.path), *a))
            patch.setattr(upserts.os, "fsync", lambda file: stop(lambda _: None, file))
            with pytest.raises(Killed):
                changed(out.name)
        assert left[0] == -1
        fake.clear()
        assert changed(out.name) == (0, "", "")
        assert asked(fake)["tickets.get"] <= 1, "the one that is gone"
        assert saved(out)["BKT-001"]["subject"] == subject
        assert plain(saved(out)) == plain(records(fake))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", out.name]


def test_messages_of_a_stopped_run(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that a stopped run kept are read again, as their pages have to be, and kept no second time."""
    out, state, part = tmp_path / "m.jsonl", tmp_path / "state.json", tmp_path / "state.json.part.jsonl"
    command = ("messages", "export", "--changed", "--state", str(state), "--out", str(out))
    with monkeypatch.context() as patch:
        patch.setattr(changes, "bring_up_to_date", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        assert periskope(*command)[0] == 130
    before = part.read_bytes()
    fake.messages.change(fake.messages.ids[0], body="Another")
    write, kept = changes.bring_up_to_date, list[bytes]()

    def look_and_write(upsert: Any, state: Any, after: Any, fetched: Any) -> None:
        fetched.file.flush()
        kept.append(part.read_bytes())
        write(upsert, state, after, fetched)

    monkeypatch.setattr(changes, "bring_up_to_date", look_and_write)
    assert periskope(*command) == (0, "", "")
    assert kept[0].startswith(before)
    assert kept[0].removeprefix(before).count(b"\n") == 1
    found = {line["message_id"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert found == live(fake, "messages")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "form"), list(enumerate(FORMS)))
def test_killed_at_any_moment(periskope: Command, tmp_path: Path, form: str, seed: int) -> None:
    """After kill -9 at any moment the same command goes on: file and state are whole, and agree with what there is."""
    del periskope  # whose environment names another service
    dice = random.Random(seed)  # noqa: S311  # repeatable
    out, state = tmp_path / f"t.{form}", tmp_path / "state.json"
    command = [*COMMAND, "tickets", "export", "--changed", "--state", str(state), "--out", str(out)]
    killed = 0
    with FakePeriskope(tickets=150, latency=0.002) as fake:
        environment = {**os.environ, "PERISKOPE_API_KEY": fake.api_key, "PERISKOPE_BASE_URL": fake.base_url}
        for number in range(8):
            for name in dice.sample(fake.ticket_ids, 20):
                fake.change(name, subject=f"The {number}th")
            fake.remove(dice.choice(fake.ticket_ids))
            fake.clear()
            with subprocess.Popen([*command, "--concurrency", "4"], env=environment) as process:
                until = dice.randrange(0, 24)
                while process.poll() is None and fake.calls < until:
                    time.sleep(0.001)
                time.sleep(dice.uniform(0, 0.1))
                process.send_signal(signal.SIGKILL)
            killed += process.returncode == -signal.SIGKILL
            if out.exists() and out.stat().st_size:
                saved(out)  # whole, and each ticket once
        done = subprocess.run(command, env=environment, check=False, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        assert plain(saved(out)) == plain(records(fake))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", out.name]
    assert killed > 2


@pytest.mark.parametrize("form", some(FORMS, "jsonl"))
def test_two_at_once(changed: Command, periskope: Command, fake: FakePeriskope, tmp_path: Path, form: str) -> None:
    """While one run has the file or the state, every other is refused; kill -9 leaves no lock, and what came stays."""
    out, state = tmp_path / f"t.{form}", tmp_path / "state.json"
    fake.faults.add("stall-headers", ticket_id="BKT-007", times=1)
    first = [*COMMAND, "tickets", "export", "--changed", "--state", str(state), "--out", str(out)]
    with subprocess.Popen(first) as process:
        try:
            log = tmp_path / "state.json.part.jsonl"
            while fake.calls < 12 or not log.exists() or log.stat().st_size < 10_000:
                assert process.poll() is None
                time.sleep(0.001)
            sent = fake.calls
            for other, held in (
                (["--changed", "--state", str(state), "--out", str(tmp_path / "u.jsonl")], state),
                (["--changed", "--state", str(tmp_path / "u.json"), "--out", str(out)], out),
                (["--all", "--out", str(out)], out),
            ):
                code, _, err = periskope("tickets", "export", *other)
                assert (code, f"{held}: another export is writing into it" in "".join(err.splitlines())) == (2, True), (
                    err
                )
            assert fake.calls == sent
        finally:
            process.kill()
    fake.clear()
    assert changed(out.name) == (0, "", "")
    assert 1 <= asked(fake)["tickets.get"] < 11
    assert plain(saved(out)) == plain(records(fake))


def test_ctrl_c(changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A run that was stopped says how to go on; what changed since it was fetched is fetched again."""
    seen = Counter[str]()

    def interrupt(request: Any) -> None:
        seen[request.path] += 1
        if seen.total() == 6:
            os.kill(os.getpid(), signal.SIGINT)

    fake.answer(interrupt)
    code, _, err = changed("t.jsonl", "--concurrency", "1")
    assert code == 130
    assert "The same command goes on from there." in err
    fake.answer(None)
    fetched = [json.loads(line) for line in (tmp_path / "state.json.part.jsonl").read_text().splitlines()]
    assert fetched
    fake.change(fetched[0]["value"]["ticket"]["ticket_id"], subject="Another")
    fake.clear()
    assert changed("t.jsonl", "--resume") == (0, "", "")
    assert asked(fake)["tickets.get"] == len(live(fake)) - len(fetched) + 1
    assert plain(saved(tmp_path / "t.jsonl")) == plain(records(fake))


def test_an_account_without_tickets(changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """Of nothing there is a file too; all that comes later comes into it, and all that goes leaves it."""
    everything = {name: fake.get(name) for name in fake.ticket_ids}
    for name in everything:
        fake.remove(name)
    assert changed("t.csv") == (0, "", "")
    assert saved(tmp_path / "t.csv") == {}
    fake.put(everything["BKT-001"])
    assert changed("t.csv") == (0, "", "")
    assert saved(tmp_path / "t.csv").keys() == {"BKT-001"}
    fake.remove("BKT-001")
    assert changed("t.csv") == (0, "", "")
    assert saved(tmp_path / "t.csv") == {}


def test_a_refused_key(changed: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A list that cannot be read costs no file, and leaves file and state as they were."""
    fake.rotate_key("another")
    assert changed("t.jsonl")[0] == 3
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(changed: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the new file cannot be written, the old one and its state stay, and the next run fetches nothing twice."""
    assert changed("t.jsonl")[0] == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fake.change("BKT-001", subject="Another")
    with monkeypatch.context() as patch:

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(upserts.os, "fsync", full)
        code, _, err = changed("t.jsonl")
    assert (code, "No space left" in err) == (9, True)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: after[name] for name in before} == before
    fake.clear()
    assert changed("t.jsonl") == (0, "", "")
    assert asked(fake) == {"tickets.list": 1}
    assert saved(tmp_path / "t.jsonl")["BKT-001"]["subject"] == "Another"
