"""`chats export` and `messages export`: the same promises as for tickets, kept for other things and for whole pages."""

import csv
import io
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from periskope_async.testing import FakePeriskope

Command = Callable[..., tuple[int, str, str]]

PERSON = "919537851844@c.us"


def ids_in(file: Path, key: str) -> list[str]:
    """The ids of what is in a file of any form, sorted."""
    if file.suffix == ".parquet":
        return sorted(pyarrow.parquet.read_table(file)[key].to_pylist())
    if file.suffix == ".csv":
        return sorted(row[key] for row in csv.DictReader(io.StringIO(file.read_text())))
    return sorted(json.loads(line)[key] for line in file.read_text().splitlines())


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize(("kind", "key"), [("chats", "chat_id"), ("messages", "message_id")])
def test_all_there_is_in_every_form(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, kind: str, key: str, form: str
) -> None:
    """`--all` saves each once, in full, and leaves nothing beside the file."""
    out = tmp_path / f"all.{form}"
    assert periskope(kind, "export", "--all", "--out", str(out)) == (0, "", "")
    collection: Any = getattr(fake, kind)
    assert ids_in(out, key) == sorted(collection.ids)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    if form == "jsonl":
        assert all(row == collection.get(row[key]) for row in map(json.loads, out.read_text().splitlines()))


def test_chats_that_do_not_come(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """What failed stands beside the file under its own name, and --resume tries just that again."""
    out, errors = tmp_path / "c.jsonl", tmp_path / "c.jsonl.errors.jsonl"
    code, _, err = periskope("chats", "export", PERSON, "1234567@c.us", "--out", str(out))
    assert code == 1
    assert "1 of 2 chats failed" in err
    assert json.loads(errors.read_text())["chat_id"] == "1234567@c.us"
    fake.chats.put({"chat_id": "1234567@c.us"})
    fake.clear()
    assert periskope("chats", "export", PERSON, "1234567@c.us", "--out", str(out), "--resume") == (0, "", "")
    assert ids_in(out, "chat_id") == sorted([PERSON, "1234567@c.us"])
    assert fake.calls == 1
    assert not errors.exists()


def test_a_file_of_another_kind_is_refused(periskope: Command, tmp_path: Path) -> None:
    """An export goes on with files of its own kind only, and leaves the others as they are."""
    out = tmp_path / "x.jsonl"
    assert periskope("messages", "export", "--all", "--out", str(out))[0] == 0
    before = out.read_bytes()
    code, _, err = periskope("tickets", "export", "--all", "--out", str(out), "--resume")
    assert code == 2
    assert "nothing was changed" in err
    assert out.read_bytes() == before


def test_messages_of_some_chats(periskope: Command, fake: FakePeriskope, group: str, tmp_path: Path) -> None:
    """`--chat` saves those of the chats named, `--since` those from then on; which ones has to be said."""
    out = tmp_path / "m.jsonl"
    fake.messages.put({"message_id": "m-1", "chat_id": group, "timestamp": "2026-01-01T00:00:00+00:00"})
    fake.messages.put({"message_id": "m-2", "chat_id": PERSON, "timestamp": "2026-01-02T00:00:00+00:00"})
    assert periskope("messages", "export", "--chat", group, "--chat", PERSON, "--out", str(out))[0] == 0
    of_both = [name for name in fake.messages.ids if fake.messages.get(name)["chat_id"] in {group, PERSON}]
    assert ids_in(out, "message_id") == sorted(of_both)
    since = ("--chat", group, "--chat", PERSON, "--since", "2026-01-01", "--out", str(out), "--overwrite")
    assert periskope("messages", "export", *since)[0] == 0
    assert ids_in(out, "message_id") == ["m-1", "m-2"]
    assert periskope("messages", "export", "--chat", "7654321@c.us", "--out", str(out), "--overwrite")[0] == 0
    assert out.read_bytes() == b""
    for wrong in ((), ("--all", "--chat", PERSON)):
        code, _, err = periskope("messages", "export", *wrong)
        assert code == 2
        assert "--chat" in err


def test_messages_go_on_where_they_stopped(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """What is torn is cut, what is there stays, what is missing is added, and each message is in the file once."""
    out = tmp_path / "m.jsonl"
    command = ("messages", "export", "--all", "--out", str(out), "--resume")
    assert periskope(*command)[0] == 0
    whole = out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])
    fake.messages.put({"message_id": "m-1", "chat_id": PERSON, "timestamp": "2999-01-01T00:00:00+00:00"})
    assert periskope(*command) == (0, "", "")
    assert ids_in(out, "message_id") == sorted(fake.messages.ids)
    assert set(whole.splitlines()) < set(out.read_bytes().splitlines())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_list_that_breaks_off(periskope: Command, fake: FakePeriskope, tmp_path: Path, form: str) -> None:
    """A page that does not come ends the export with how to go on; the first one costs no file."""
    out = tmp_path / f"m.{form}"
    others = [name for name in fake.chats.ids if name != PERSON][:1]
    command = ("messages", "export", "--chat", PERSON, "--chat", *others, "--out", str(out), "--retries", "0")
    fake.faults.add("500", operation="messages.list")
    code, _, err = periskope(*command)
    assert code == 7
    assert "--resume" not in err
    assert list(tmp_path.iterdir()) == []
    fake.faults.clear()
    fake.faults.add("500", operation="messages.list", after=1)
    code, _, err = periskope(*command)
    assert code == 7
    assert "The same command with --resume goes on from there." in err
    assert fake.counts.total() == 2
    fake.faults.clear()
    assert periskope(*command, "--resume") == (0, "", "")
    wanted = {PERSON, *others}
    names = [name for name in fake.messages.ids if fake.messages.get(name)["chat_id"] in wanted]
    assert ids_in(out, "message_id") == sorted(names)


def test_a_watched_export_of_messages(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows how many there are before the end; Ctrl-C says how many are saved."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = tmp_path / "m.jsonl"
    code, _, err = periskope("messages", "export", "--all", "--out", str(out))
    assert code == 0
    assert f"Saved {fake.messages.count} messages in " in err
    calls = Counter[str]()

    def interrupt(_: object) -> None:
        calls["n"] += 1
        if calls["n"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    fake.answer(interrupt)
    chats = [word for name in fake.chats.ids for word in ("--chat", name)]
    code, _, err = periskope("messages", "export", *chats, "--out", str(out), "--overwrite")
    assert code == 130
    assert " messages saved." in err
    assert "--resume in place of --overwrite" in err
