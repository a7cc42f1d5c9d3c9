"""Commands on messages and the queue: what is sent, to whom, after which question, and what is said of it."""

import csv
import io
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from periskope_async.testing import FakePeriskope, Reply

Command = Callable[..., tuple[int, str, str]]

PERSON = "919537851844@c.us"


def sent(fake: FakePeriskope) -> list[Any]:
    """The bodies of the sends that arrived."""
    return [request.json() for request in fake.requests if request.path == "/v1/message/send"]


# --- sending ---------------------------------------------------------------------------------------------------------


def test_a_message_to_a_chat(periskope: Command, fake: FakePeriskope) -> None:
    """The last word is the text; a line says what became of it."""
    code, out, err = periskope("messages", "send", PERSON, "Your parcel is here")
    assert (code, err) == (0, "")
    assert out.split()[:2] == [PERSON, "sent"]
    assert sent(fake) == [{"chat_id": PERSON, "message": "Your parcel is here"}]


def test_a_text_from_standard_input(periskope: Command, fake: FakePeriskope, types: Callable[..., None]) -> None:
    """`-` is the whole of standard input, without the newline that a shell adds."""
    types("two\nlines\n", terminal=False)
    assert periskope("messages", "send", PERSON, "-")[0] == 0
    assert sent(fake) == [{"chat_id": PERSON, "message": "two\nlines"}]


def test_a_file_and_a_poll(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A file comes from a path or a URL, with or without a caption; a poll has its answers; a reply its message."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"abc")
    assert periskope("messages", "send", PERSON, "Look", "--media", str(photo), "--reply-to", "m-1")[0] == 0
    assert periskope("messages", "send", PERSON, "--media", "https://example.com/a.pdf")[0] == 0
    poll = ("--poll", "When?", "--option", "Now", "--option", "Later")
    assert periskope("messages", "send", PERSON, *poll)[0] == 0
    assert periskope("messages", "send", PERSON, *poll, "--several")[0] == 0
    first, second, third, fourth = sent(fake)
    assert (first["message"], first["media"]["filedata"], first["reply_to"]) == ("Look", "YWJj", "m-1")
    assert second["media"]["url"] == "https://example.com/a.pdf"
    assert third["poll"] == {"pollName": "When?", "pollOptions": ["Now", "Later"]}
    assert fourth["poll"]["options"] == {"allowMultipleAnswers": True}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "to which chat"),
        (("hello",), "to which chat"),
        ((PERSON,), "what to send"),
        ((PERSON, "123456"), "--text"),
        ((PERSON, "919537851844", "hello"), "named twice"),
        ((PERSON, "hello", "--option", "a"), "--poll"),
        ((PERSON, "--poll", "When?", "--option", "Now"), "at least two"),
        ((PERSON, "hello", "--from", "a.csv"), "leave the rest out"),
        (("somebody@c.us", "hello"), "CHAT_ID: "),
        ((PERSON, "hello", "--reply-to", ""), "--reply-to: "),
        ((PERSON, "1", "hello", "--media", "x"), "--media: it cannot be found by the file's name"),
    ],
)
def test_what_cannot_be_sent(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Any, reason: str
) -> None:
    """What is missing or wrong is found before anything is sent or asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_bytes(b"x")
    code, out, err = periskope("messages", "send", *words)
    assert (code, out) == (2, "")
    assert reason in err
    assert fake.calls == 0


def test_a_file_that_is_not_there(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A file to send that cannot be read ends as every file does, with code 9; in a list, its message is named."""
    code, out, err = periskope("messages", "send", PERSON, "--media", str(tmp_path / "no-such.png"))
    assert (code, out) == (9, "")
    assert "no-such.png: No such file" in err
    (tmp_path / "all.csv").write_text(f"chat_id,media\n{PERSON},{tmp_path / 'no-such.png'}\n")
    code, _, err = periskope("messages", "send", "--from", str(tmp_path / "all.csv"))
    assert code == 9
    assert "message 1: " in err
    assert "no-such.png: No such file" in err
    assert periskope("messages", "send", "--from", str(tmp_path / "none.csv"))[0] == 9
    (tmp_path / "empty.png").touch()
    code, _, err = periskope("messages", "send", PERSON, "--media", str(tmp_path / "empty.png"))
    assert (code, "--media: 'empty.png' is empty" in err) == (2, True)
    assert fake.calls == 0


def test_several_chats_need_a_yes(
    periskope: Command, fake: FakePeriskope, group: str, types: Callable[..., None]
) -> None:
    """More than one chat is asked for; "no" sends nothing, and where nobody can answer it needs --yes."""
    words = ("messages", "send", PERSON, group, "hello")
    types("n\n")
    code, _, err = periskope(*words)
    assert code == 1
    assert "Send 2 messages to 2 chats?" in err
    assert err.endswith("Nothing was sent.\n")
    types("")
    assert periskope(*words)[0] == 130
    types("y\n", terminal=False)
    code, _, err = periskope(*words)
    assert code == 2
    assert "--yes" in err
    assert fake.calls == 0
    types("y\n")
    code, out, _ = periskope(*words)
    assert (code, [line.split()[:2] for line in out.splitlines()]) == (0, [[PERSON, "sent"], [group, "sent"]])
    assert periskope(*words, "--yes", "-o", "jsonl")[0] == 0
    assert len(sent(fake)) == 4


def test_the_report_in_every_form(periskope: Command) -> None:
    """JSON, lines and CSV say the same of each message: its key and chat, what became of it, its ids in the queue."""
    (row,) = json.loads(periskope("messages", "send", PERSON, "a", "-o", "json")[1])
    assert (row["key"], row["chat_id"], row["outcome"], row["reason"]) == (PERSON, PERSON, "sent", None)
    assert row["queue_id"]
    line = json.loads(periskope("messages", "send", PERSON, "b", "-o", "jsonl")[1])
    assert line.keys() == row.keys()
    (record,) = csv.DictReader(io.StringIO(periskope("messages", "send", PERSON, "c", "-o", "csv")[1]))
    assert list(record) == list(row)
    assert (record["outcome"], record["reason"]) == ("sent", "")


def test_an_unclear_send(periskope: Command, fake: FakePeriskope) -> None:
    """Where the answer is lost, the message is sent once and called unclear, with a code and a way to find out."""
    fake.faults.add("reset-during", operation="messages.send")
    code, out, err = periskope("messages", "send", PERSON, "only once")
    assert (code, out.split()[:2]) == (10, [PERSON, "unclear"])
    assert "It is unclear" in err
    assert "periskope messages find CHAT_ID TEXT --since" in err
    assert fake.counts.total() == 1
    fake.faults.clear()
    assert [body["message"] for body in sent(fake)] == ["only once"]
    assert periskope("queue", "show", "--jobs")[1].count("only once") == 1


def test_a_send_that_failed(periskope: Command, fake: FakePeriskope) -> None:
    """What the service refuses is failed, with its reason, and the code of its kind."""
    fake.faults.add("422", operation="messages.send")
    code, out, err = periskope("messages", "send", PERSON, "no")
    assert (code, out.split()[:2]) == (8, [PERSON, "failed"])
    assert "refused a value" in err
    assert fake.counts.total() == 1


def test_a_refused_key_ends_many_sends(periskope: Command, tmp_path: Path) -> None:
    """A refused key ends the run; what was not tried is counted, and called skipped."""
    file = tmp_path / "all.csv"
    file.write_text("chat_id,message\n" + "".join(f"9195378518{n:02},hello\n" for n in range(90)))
    code, out, err = periskope("messages", "send", "--from", str(file), "--yes", "--api-key", "wrong-key-123456")
    assert code == 3
    assert out.split().count("skipped") > 0
    assert "messages were not tried" in err


def test_a_stopped_send(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """Ctrl-C says that what was under way may have been sent, and how to find out or to go on."""
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps({"chat_id": PERSON, "message": "hello"}))
    fake.answer(lambda _: os.kill(os.getpid(), signal.SIGINT))
    code, out, err = periskope("messages", "send", PERSON, "hello")
    assert (code, out) == (130, "")
    assert "may have been sent" in err
    assert "periskope messages find CHAT_ID TEXT --since" in err
    code, _, err = periskope("messages", "send", "--from", str(file))
    assert code == 130
    assert "The same command goes on" in err


def test_a_broadcast(periskope: Command, fake: FakePeriskope, group: str, types: Callable[..., None]) -> None:
    """One request for many chats, asked for first; its id is printed alone, for a script, and can be looked up."""
    types("n\n")
    code, _, err = periskope("messages", "broadcast", PERSON, group, "hello")
    assert (code, fake.calls) == (1, 0)
    assert "Broadcast to 2 chats?" in err
    code, out, err = periskope("messages", "broadcast", PERSON, group, "hello", "--delay", "0", "--yes")
    assert (code, err) == (0, "")
    body = fake.requests[-1].json()
    assert body == {"chat_ids": [PERSON, group], "delay": 0, "message": "hello"}
    code, shown, _ = periskope("queue", "show", "--broadcast", out.strip())
    assert code == 0
    assert out.strip() in shown
    code, out, _ = periskope("messages", "broadcast", PERSON, "later", "--at", "2999-01-31", "--yes", "-o", "json")
    assert (code, list(json.loads(out))) == (0, ["broadcast_id"])
    assert periskope("messages", "broadcast", PERSON, "late", "--at", "2001-01-31", "--yes")[0] == 2


# --- a file of messages ----------------------------------------------------------------------------------------------


def test_a_file_of_messages_is_sent_once(periskope: Command, fake: FakePeriskope, group: str, tmp_path: Path) -> None:
    """The same command again sends what was not sent, and only that; an unclear one stays unclear."""
    file = tmp_path / "all.jsonl"
    rows: list[dict[str, Any]] = [
        {"chat_id": PERSON, "message": "one", "key": "first"},
        {"chat_id": group, "poll": {"name": "When?", "options": ["Now", "Later"]}},
        {"chat_id": PERSON, "media": "https://example.com/a.png", "reply_to": "m-1"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    command = ("messages", "send", "--from", str(file), "--yes", "-o", "jsonl")
    refusal = json.dumps({"code": "VALIDATION_ERROR", "message": "not there", "status": 422}).encode()
    fake.answer(lambda request: Reply(422, refusal) if group.encode() in request.body else None)
    code, out, _ = periskope(*command)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(row["key"], row["outcome"]) for row in found] == [("first", "sent"), (2, "failed"), (3, "sent")]
    fake.answer(lambda _: None)
    fake.clear()
    fake.faults.add("reset-during", operation="messages.send")
    assert periskope(*command)[0] == 10
    assert [body["chat_id"] for body in sent(fake)] == [group]
    fake.faults.clear()
    fake.clear()
    code, out, err = periskope(*command)
    assert (code, [json.loads(line)["outcome"] for line in out.splitlines()]) == (
        10,
        ["already sent", "unclear", "already sent"],
    )
    assert err.startswith("Error: It is unclear whether an earlier run did that.\n")
    assert "did not answer" not in err
    assert f"periskope messages find --from {file}\n" in err, "nobody knows since when"
    assert not re.search(r"messages\.|find_sent|_", err.replace(str(file), "")), "no names of Python's"
    assert sent(fake) == []


def test_an_unclear_message_of_a_file_is_found_and_settled(
    periskope: Command, fake: FakePeriskope, tmp_path: Path
) -> None:
    """What arrived although its answer was lost is found; what is noted of it, and of others, the next run goes by."""
    file = tmp_path / "all.csv"
    file.write_text("chat_id,message,key\n" + "".join(f"{PERSON},hello,{key}\n" for key in ("a", "b", "c")))
    run = ("messages", "send", "--from", str(file), "--yes", "-o", "jsonl")
    fake.faults.add("reset-during", operation="messages.send", times=1)
    fake.faults.add("500", operation="messages.send", times=1)  # and does nothing
    code, out, err = periskope(*run)
    outcomes = {row["key"]: row["outcome"] for row in map(json.loads, out.splitlines())}
    assert (code, sorted(outcomes.values())) == (10, ["sent", "unclear", "unclear"])
    assert f"periskope messages find --from {file} --since " in err
    code, out, err = periskope("messages", "find", "--from", str(file), "-o", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    jobs = json.loads(periskope("queue", "show", "--jobs", "-o", "json")[1])
    assert len(jobs) == 2  # of texts that are alike, each is a trace of one message
    assert [bool(row["queue_id"]) for row in rows] == [True, False]
    settle = [words.split() for words in err.splitlines() if " settle " in words]
    assert len(settle) == 2
    assert f"  periskope messages send --from {file}" in err.splitlines()
    fake.clear()
    assert periskope(*run)[0] == 10
    assert fake.calls == 0
    for words in settle:
        assert periskope(*words[1:])[0] == 0
    assert periskope(*run)[0] == 0
    assert len(sent(fake)) == 1
    outcomes = [json.loads(line)["outcome"] for line in periskope(*run)[1].splitlines()]
    assert outcomes == ["already sent"] * 3
    code, out, err = periskope("messages", "find", "--from", str(file))
    assert (code, out) == (0, "")
    assert "unclear" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--sent", "1"), "KEY=QUEUE_ID"),
        (("--sent", "9=q-1"), "called 9"),
        (("--sent", "1=q-1", "--not-sent", "1"), "both"),
        (("--not-sent", "1"), "not unclear"),
    ],
)
def test_what_cannot_be_settled(periskope: Command, tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    """Only what is unclear can be settled, and only in one way."""
    file = tmp_path / "all.csv"
    file.write_text(f"chat_id,message\n{PERSON},hello\n")
    assert periskope("messages", "settle", str(file))[:2] == (0, "sent        0\nunclear     0\nto be sent  1\n")
    code, out, err = periskope("messages", "settle", str(file), *words)
    assert (code, out) == (2, "")
    assert reason in err


def test_a_send_is_looked_for(periskope: Command, fake: FakePeriskope) -> None:
    """A send is found by what it sent, in the queue and then in the chat; none is code 4, and no proof."""
    code, _, err = periskope("messages", "find", PERSON, "Is anybody there?")
    assert code == 4
    assert "proves nothing" in err
    row = json.loads(periskope("messages", "send", PERSON, "Is anybody there?", "-o", "jsonl")[1])
    code, out, _ = periskope("messages", "find", PERSON, "Is anybody there?", "-o", "json")
    assert (code, [found["queue_id"] for found in json.loads(out)]) == (0, [row["queue_id"]])
    code, _, err = periskope("messages", "find", PERSON, "Is anybody there?", "--since", "2999-01-01")
    assert (code, "--since: is in the future" in err) == (2, True)
    assert periskope("messages", "find", PERSON, "Is anybody there?")[1].split()[0] == PERSON
    assert len(sent(fake)) == 1


def test_a_finished_file_asks_nothing(
    periskope: Command, fake: FakePeriskope, group: str, tmp_path: Path, types: Callable[..., None]
) -> None:
    """Only what is left is asked for, shown on a dry run, and sent; of another phone, a file is not sent yet."""
    file = tmp_path / "all.csv"
    file.write_text(f"chat_id,message\n{PERSON},hello\n")
    run = ("messages", "send", "--from", str(file), "-o", "jsonl")
    assert periskope(*run)[0] == 0
    file.write_text(f"chat_id,message\n{PERSON},hello\n{group},hello\n919876500001,hello\n")
    code, out, _ = periskope(*run, "--dry-run")
    assert (code, out.count("POST "), PERSON in out) == (0, 2, False)
    types("n\n")
    assert "Send 2 messages to 2 chats?" in periskope(*run)[2]
    assert periskope(*run, "--yes")[0] == 0
    code, out, _ = periskope(*run)
    assert (code, [json.loads(line)["outcome"] for line in out.splitlines()]) == (0, ["already sent"] * 3)
    code, out, err = periskope(*run, "--dry-run")
    assert (code, out) == (0, "")
    assert "Sent already: 3 of 3. Unclear: 0.\nNothing would be sent.\n" in err
    assert len(sent(fake)) == 3
    code, _, err = periskope(*run, "--phone", "919876500099")
    assert code == 2
    assert "What an earlier run left is unusable." in err
    assert "FILE.journal: under the key 1 it has a message of another phone: none, and now it is …0099" in err
    assert len(sent(fake)) == 3


def test_a_spreadsheet_of_messages(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A CSV file with a heading is read as spreadsheets write it: with a mark, newlines in cells, and empty cells."""
    file = tmp_path / "all.CSV"
    file.write_bytes('\ufeffchat_id,message,reply_to\r\n919537851844,"a\nb",\r\n'.encode())
    assert periskope("messages", "send", "--from", str(file))[0] == 0
    assert sent(fake) == [{"chat_id": "919537851844", "message": "a\nb"}]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", "", ".jsonl or .csv"),
        ("a.jsonl", "", "holds no messages"),
        ("a.jsonl", "\n[]\n", "message 1: expected an object"),
        ("a.jsonl", '{"chat_id": "1234567"}\n', "message 1: message: is empty"),
        ("a.jsonl", '{"chat_id": "1234567", "message": "a"}\n{"message": "b"}', "message 2: chat_id"),
        ("a.jsonl", '{"chat_id": "1234567", "text": "a"}\n', "message 1: text is not one of chat_id, key"),
        ("a.jsonl", '{"chat_id": "1234567", "poll": "a"}\n', "message 1: poll: expected"),
        ("a.jsonl", '{"chat_id"', "message 1: "),
        ("a.jsonl", '{"chat_id": "1234567", "message": "a", "key": true}\n', "the key at 0"),
        ("a.csv", "chat_id,message\n1,a,b\n", "message 1: None is not one of"),
    ],
)
def test_a_file_of_something_else(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, name: str, content: str, reason: str
) -> None:
    """A file with anything that is not a message is refused whole, with the number of what is wrong."""
    file = tmp_path / name
    file.write_text(content)
    code, out, err = periskope("messages", "send", "--from", str(file))
    assert (code, out) == (2, "")
    assert reason in err
    assert fake.calls == 0


# --- reading ---------------------------------------------------------------------------------------------------------


def test_get_shows_a_message(periskope: Command, fake: FakePeriskope) -> None:
    """A message is shown with who sent it and what it says; `json` is what the API sends; an unknown one is told."""
    name = fake.messages.ids[0]
    code, out, err = periskope("messages", "get", name)
    assert (code, err) == (0, "")
    assert name in out
    code, out, _ = periskope("messages", "get", name, "-o", "json")
    assert (code, json.loads(out)) == (0, fake.messages.get(name))
    code, out, err = periskope("messages", "get", name, "nobody", "-o", "csv")
    assert (code, [row["message_id"] for row in csv.DictReader(io.StringIO(out))]) == (1, [name])
    assert "No such message" in err


def test_get_shows_files_and_polls(periskope: Command, fake: FakePeriskope) -> None:
    """A file is shown by its name, a poll with its answers, also in one line."""
    media = {"path": "a/b", "filename": "invoice.pdf", "mimetype": "application/pdf"}
    poll = {"pollName": "When?", "pollOptions": ["Now", "Later"], "options": {}}
    first, second = fake.messages.ids[:2]
    fake.messages.change(first, media=media, body=None, sender_phone=None, author="7@c.us", timestamp=None)
    fake.messages.change(second, poll_info=poll, body="x")
    out = periskope("messages", "get", first, second)[1]
    assert all(shown in out for shown in ("invoice.pdf", "When?", "Now, Later", "7@c.us"))
    out = periskope("messages", "get", first, second, "-o", "table")[1]
    assert "[invoice.pdf]" in out
    assert "When?" in out


def test_list_in_a_terminal_leaves_out_what_takes_most_of_it(
    periskope: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe gets the ids, a terminal does not; standard error says that there are more."""
    code, out, err = periskope("messages", "list", "--limit", "2")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "more than 2" in err
    assert out.splitlines()[0].split()[-1] == "ID"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "ID" not in periskope("messages", "list", "--limit", "2")[1].splitlines()[0]
    code, out, err = periskope("messages", "list", "--all", "-o", "json")
    assert (code, {row["message_id"] for row in json.loads(out)}) == (0, set(fake.messages.ids))


def test_list_of_a_chat_between_two_moments(periskope: Command, fake: FakePeriskope) -> None:
    """Of all chats the API takes the times; of one chat, which it does not, we do, and read no further than needed."""
    for name in fake.messages.ids:
        fake.messages.remove(name)
    for day in (1, 2, 3, 4):
        message = {"message_id": f"m-{day}", "chat_id": PERSON, "timestamp": f"2026-01-0{day}T12:00:00+00:00"}
        fake.messages.put(message)
    fake.messages.put({"message_id": "m-0", "chat_id": PERSON, "timestamp": None})

    def found(*options: str) -> list[str]:
        code, out, _ = periskope("messages", "list", "-o", "jsonl", *options)
        assert code == 0
        return sorted(json.loads(line)["message_id"] for line in out.splitlines())

    for scope in ((), ("--chat", PERSON)):
        assert found(*scope, "--since", "2026-01-02", "--until", "2026-01-03T12:00:00") == ["m-2", "m-3"]
    assert found("--chat", PERSON, "--until", "2026-01-02T13:00:00", "--limit", "1") == ["m-2"]
    assert found("--chat", PERSON, "--since", "2026-01-04") == ["m-4"]
    turned = ("--chat", PERSON, "--until", "2026-01-03T13:00", "--oldest-first")
    assert found(*turned, "--since", "2026-01-02") == ["m-2", "m-3"]
    assert found(*turned, "--limit", "2") == ["m-1", "m-2"]
    assert len(found("--chat", PERSON)) == 5
    for option in ("--since", "--until"):
        for scope in ((), ("--chat", PERSON)):
            code, _, err = periskope("messages", "list", *scope, option, "soon")
            assert code == 2
            assert f"{option}: " in err


# --- the queue -------------------------------------------------------------------------------------------------------


def test_queue_show(periskope: Command, fake: FakePeriskope) -> None:
    """The queue in numbers, its messages, one of them, or how far a broadcast is; each also as JSON."""
    row = json.loads(periskope("messages", "send", PERSON, "hello", "-o", "jsonl")[1])
    code, out, err = periskope("queue", "show")
    assert (code, err) == (0, "")
    assert "Waiting" in out
    assert "completed" in json.loads(periskope("queue", "show", "-o", "json")[1])
    out = periskope("queue", "show", "--jobs")[1]
    assert row["queue_id"] in out
    assert "hello" in out
    (job,) = json.loads(periskope("queue", "show", "--job", row["queue_id"], "-o", "json")[1])
    assert row["queue_id"] in job.values()
    status = {"broadcast_id": "b-1", "broadcast_status": "completed", "total_chats": 7, "message_payload": {}}
    fake.answer(lambda _: Reply(200, json.dumps(status).encode(), (("Content-Type", "application/json"),)))
    code, out, _ = periskope("queue", "show", "--broadcast", "b-1")
    assert code == 0
    assert "completed" in out
    assert json.loads(periskope("queue", "show", "--broadcast", "b-1", "-o", "json")[1])["total_chats"] == 7
    assert periskope("queue", "show", "--broadcast", "b-1", "--job", "q-1")[0] == 2
    fake.answer(lambda _: None)
    for unknown in (("--job", "q-9"), ("--broadcast", "q-9", "--jobs")):
        code, out, err = periskope("queue", "show", *unknown)
        assert (code, out) == (4, "")
        assert "q-9" in err
    assert periskope("queue", "show", "--broadcast", "b-9")[0] == 4


def test_queue_purge(periskope: Command, fake: FakePeriskope, types: Callable[..., None]) -> None:
    """A selection is needed, and a yes; what was taken out is shown."""
    for selection in ((), ("--all", "--broadcast", "b-1"), ("q-1", "--all")):
        code, _, err = periskope("queue", "purge", *selection, "--yes")
        assert code == 2
        assert "Say what" in err
    assert periskope("queue", "purge", "", "--yes")[0] == 2
    for selection, question in (
        (["q-1"], "Take 1 message out"),
        (["q-1", "q-2"], "Take 2 messages out"),
        (["--broadcast", "b-1"], "what is left of broadcast b-1"),
        (["--all"], "all that waits"),
    ):
        types("n\n")
        code, _, err = periskope("queue", "purge", *selection)
        assert code == 1
        assert question in err
        assert "Nothing was changed." in err
    assert fake.calls == 0
    code, out, err = periskope("queue", "purge", "q-1", "q-2", "--yes", "-o", "json")
    assert (code, json.loads(out)["purged"]) == (4, True)
    assert "Does not wait in the queue: q-1, q-2" in err
    assert fake.requests[-1].json() == {"queue_id": ["q-1", "q-2"], "queue_ids": ["q-1", "q-2"]}
    assert "yes" in periskope("queue", "purge", "--broadcast", "b-1", "--yes")[1]
    assert fake.requests[-1].json() == {"broadcast_id": "b-1"}
    part = {"purged": True, "mode": "queue_ids", "queue_ids": ["q-1"]}
    fake.answer(lambda _: Reply(200, json.dumps(part).encode(), (("Content-Type", "application/json"),)))
    assert periskope("queue", "purge", "q-1", "--yes")[::2] == (0, "")
    code, _, err = periskope("queue", "purge", "q-1", "q-2", "--yes")
    assert (code, "queue: q-2\n" in err) == (1, True)
    fake.answer(lambda _: Reply(204, b""))
    assert periskope("queue", "purge", "--all", "--yes") == (0, "", "")
    assert periskope("queue", "purge", "--all", "--yes", "-o", "json") == (0, "null\n", "")
