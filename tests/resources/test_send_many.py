"""Many sends: each message in exactly one of sent, failed, unclear and skipped; none twice, none lost."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from periskope_async import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceeded,
    FoundSend,
    Hooks,
    Media,
    Outgoing,
    PeriskopeClient,
    PeriskopeError,
    Poll,
    Progress,
    SendManyResult,
    SendReceipt,
    ValidationError,
)
from periskope_async._io.journal import Journal
from periskope_async._io.run import FILES_AT_ONCE
from periskope_async._sansio.upload import with_file
from periskope_async.testing import PASSING_FAULTS, Assumptions, FakePeriskope, Fault, Faults, Reply
from periskope_async.testing._json import dumps
from periskope_sync import PeriskopeClient as BlockingClient
from tests import support

PERSON = "919537851844@c.us"
JSON = (("Content-Type", "application/json"),)
#: Faults that pass, without those that only a pause of whole seconds ends.
KINDS = [kind for kind in PASSING_FAULTS if not kind.value.startswith("429")] + [Fault.STATUS_429_FLOAT]


def outgoing(count: int) -> list[Outgoing]:
    """Return messages that each say something else, to a few chats."""
    return [Outgoing(f"91987650{number % 7:04d}", f"message {number}", key=f"k{number}") for number in range(count)]


def arrived(fake: FakePeriskope) -> Counter[str]:
    """How often each text was sent, by the state of the service."""
    fake._service.state.outbox.deliver()
    every = [fake.messages.get(name) for name in fake.messages.ids]
    return Counter(message["body"] for message in every if message.get("sent_message_id"))


def check_whole(result: SendManyResult, messages: list[Outgoing], fake: FakePeriskope) -> None:
    """Insist that each message is in one of the four, and that the service agrees."""
    groups = (result.sent, result.failed, result.unclear, dict.fromkeys(result.skipped))
    assert sum(len(group) for group in groups) == len(messages)
    assert {key for group in groups for key in group} == {message.key for message in messages}
    times = arrived(fake)
    by_key = {message.key: message.message or "" for message in messages}
    assert {times[by_key[key]] for key in result.sent} <= {1}
    assert {times[by_key[key]] for key in (*result.failed, *result.skipped)} <= {0}
    assert {times[by_key[key]] for key in result.unclear} <= {0, 1}
    assert all(error.maybe_sent for error in result.unclear.values())
    assert not any(error.maybe_sent for error in result.failed.values())


# -- the four ---------------------------------------------------------------------------------------------------------


async def test_every_message_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """All are sent, by key in the order of the messages; two that are alike are two."""
    messages = [*outgoing(40), Outgoing(PERSON, "again"), Outgoing(PERSON, "again")]
    seen: list[Progress] = []
    result = await client.messages.send_many(iter(messages), on_progress=seen.append, phone="+91 98765 00002")
    assert list(result.sent) == [*(f"k{number}" for number in range(40)), 40, 41]
    assert all(isinstance(receipt, SendReceipt) for receipt in result.sent.values())
    assert result.ok
    result.raise_for_errors()
    assert (seen[-1].total, seen[-1].done, seen[-1].failed) == (42, 42, 0)
    assert {request.headers["x-phone"] for request in fake.requests} == {"919876500002"}
    assert arrived(fake) == {**{f"message {number}": 1 for number in range(40)}, "again": 2}


async def test_a_bad_message_fails_alone(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """What cannot be sent, or is refused, costs no other message; files go along."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    messages = [
        Outgoing("home", "Hello"),
        Outgoing(PERSON),
        Outgoing(PERSON, "file", media=Media.from_path(path)),
        Outgoing(PERSON, "link", media=Media.from_url("https://example.com/a.png")),
        Outgoing(PERSON, "refused"),
        Outgoing(PERSON, poll=Poll("Lunch?", ["yes", "no"])),
    ]
    refusal = dumps({"code": "VALIDATION_ERROR", "message": "no", "status": 422, "fields": {}})
    fake.answer(lambda request: Reply(422, refusal, JSON) if b"refused" in request.body else None)
    result = await client.messages.send_many(messages)
    assert list(result.sent) == [2, 3, 5]
    assert {key: type(error) for key, error in result.failed.items()} == {
        0: ConfigurationError,
        1: ConfigurationError,
        4: ValidationError,
    }
    with pytest.raises(ExceptionGroup, match="3 failed, 0 are unclear, 0 were skipped"):
        result.raise_for_errors()


async def test_an_unclear_one_is_not_repeated(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A lost answer makes its message unclear, which has no second try; what cannot have arrived has one."""
    messages = outgoing(10)
    fake.faults.add(Fault.FIN, operation="messages.send", times=3)
    result = await client.messages.send_many(messages)
    check_whole(result, messages, fake)
    assert (len(result.sent), len(result.unclear), fake.calls) == (7, 3, 10)
    assert sum(arrived(fake).values()) == 10
    assert fake.counts[Fault.FIN] == 3
    error = next(iter(result.unclear.values()))
    assert (error.resource, error.method) == ("chat", "POST")
    with pytest.raises(ExceptionGroup) as caught:
        result.raise_for_errors()
    assert len(caught.value.exceptions) == 3


async def test_what_met_nobody_is_tried_again(fake: FakePeriskope) -> None:
    """A message that certainly was not sent, for a passing reason, is sent at the end."""
    messages = outgoing(3)
    attempts = 0

    def count(_: object) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 3:  # its connection is still refused, or not: either way the first two have a second try
            fake.up()

    async with fake.client(retries=0, concurrency=1, hooks=Hooks(on_request=count)) as client:
        fake.down()
        result = await client.messages.send_many(messages)
    assert (result.ok, fake.calls) == (True, 3)
    assert attempts >= 5
    check_whole(result, messages, fake)


async def test_deadline(fake: FakePeriskope) -> None:
    """What is under way when the deadline passes is unclear, what was not begun is skipped."""
    messages = outgoing(6)
    fake.faults.add(Fault.STALL_HEADERS, operation="messages.send", after=1)
    async with fake.client(concurrency=2) as client:
        result = await client.messages.send_many(messages, deadline=1.5)
    check_whole(result, messages, fake)
    assert (len(result.sent), len(result.unclear), len(result.skipped)) == (1, 2, 3)
    assert all(isinstance(error, DeadlineExceeded) for error in result.unclear.values())
    assert fake.counts[Fault.STALL_HEADERS] == 2


async def test_refused_key(fake: FakePeriskope) -> None:
    """A refused key ends the run: the others are skipped, and were not sent."""
    messages = outgoing(20)
    async with PeriskopeClient("wrong", base_url=fake.base_url, concurrency=2) as client:
        result = await client.messages.send_many(messages)
    check_whole(result, messages, fake)
    assert 1 <= len(result.failed) <= 2
    assert all(isinstance(error, AuthenticationError) for error in result.failed.values())
    only_skipped = SendManyResult(skipped=result.skipped)
    with pytest.raises(ExceptionGroup) as caught:
        only_skipped.raise_for_errors()
    assert isinstance(caught.value.exceptions[0], DeadlineExceeded)


@pytest.mark.parametrize(
    ("messages", "options", "name"),
    [
        ("text", {}, "messages"),
        (5, {}, "messages"),
        (Outgoing(PERSON, "Hello"), {}, "messages"),
        ([PERSON], {}, "messages: expected Outgoing at 0"),
        ([Outgoing(PERSON, "a", key="k"), Outgoing(PERSON, "b", key="k")], {}, "two have the key 'k'"),
        ([Outgoing(PERSON, "a"), Outgoing(PERSON, "b", key=0)], {}, "two have the key 0"),
        ([Outgoing(PERSON, "a", key=True)], {}, "the key at 0"),
        ([Outgoing(PERSON, "a", key=1.5)], {}, "the key at 0"),  # type: ignore[arg-type]  # it is about one
        ([Outgoing(PERSON, "a")], {"deadline": -1}, "deadline"),
        ([Outgoing(PERSON, "a")], {"phone": "home"}, "phone"),
        ([Outgoing(PERSON, "a")], {"journal": "/nowhere/journal"}, "journal: cannot open"),
    ],
)
async def test_bad_runs_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, messages: Any, options: Any, name: str
) -> None:
    """A run that cannot be meant sends nothing."""
    with pytest.raises(ConfigurationError, match=name):
        await client.messages.send_many(messages, **options)
    assert fake.calls == 0


def test_media_and_a_poll_are_refused_when_they_are_put_together() -> None:
    """A message is one or the other: said where it is made, as `send` says it."""
    file = Media.from_url("https://example.com/a.png")
    with pytest.raises(ConfigurationError, match="media, poll: a message is one or the other"):
        Outgoing(PERSON, media=file, poll=Poll("Lunch?", ["yes", "no"]))
    with pytest.raises(ConfigurationError, match="media: expected Media, got str"):
        Outgoing(PERSON, media="a.png")  # type: ignore[arg-type]  # as users pass it


def test_reprs_hold_no_number() -> None:
    """No repr shows a number, a text or a file."""
    message = Outgoing(PERSON, "secret", media=Media.from_bytes(b"secret", filename="a.png"), reply_to=PERSON)
    assert repr(message) == (
        "Outgoing(chat_id='…1844@c.us', media=Media(type='image', filename='a.png', mimetype='image/png'),"
        " poll=None, key=None)"
    )


# -- chaos ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 400), *(pytest.param(n, 2_000, marks=pytest.mark.slow) for n in (2, 3))]
)
async def test_chaos(seed: int, count: int) -> None:
    """30 % of sends spoiled in many ways: none is sent twice, none lost without an error, each unclear one says so."""
    rates = {kind: 0.3 / len(KINDS) for kind in KINDS}
    messages = outgoing(count)
    async with FakePeriskope(0, seed=seed, faults=Faults(rates, seed=seed, per_id=None)) as fake:
        async with fake.client(timeout=2.0, deadline=None, concurrency=32) as client:
            result = await client.messages.send_many(messages)
        check_whole(result, messages, fake)
        assert not result.skipped
        assert sum(fake.counts.values()) > 0.2 * count
        times = arrived(fake)
        assert max(times.values()) == 1
        assert len(result.unclear) > 0.1 * count
        assert 0 < sum(times[f"message {key[1:]}"] for key in map(str, result.unclear)) < len(result.unclear)


def test_chaos_blocking() -> None:
    """The blocking client comes through the same chaos with the same account."""
    rates = {kind: 0.3 / len(KINDS) for kind in KINDS}
    messages = outgoing(200)
    with FakePeriskope(0, seed=4, faults=Faults(rates, seed=4, per_id=None)) as fake:
        with BlockingClient(fake.api_key, base_url=fake.base_url, timeout=2.0, deadline=None) as client:
            result = client.messages.send_many(messages)
        check_whole(result, messages, fake)
        assert sum(fake.counts.values()) > 20


# -- files ------------------------------------------------------------------------------------------------------------


async def test_files_are_read_in_threads_and_few_are_held(
    fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is read in the loop's thread, and a run holds only a few; one that is gone fails alone."""
    path, gone = tmp_path / "photo.png", tmp_path / "gone.png"
    path.write_bytes(b"png")
    gone.write_bytes(b"png")
    messages = [Outgoing(PERSON, media=Media.from_path(path)) for _ in range(20)]
    messages += [Outgoing(PERSON, media=Media.from_path(gone)), Outgoing(PERSON, "no file"), Outgoing("home", "bad")]
    gone.unlink()
    threads, held, done = set[int](), list[int](), 0

    def read(body: Any) -> bytes:
        threads.add(threading.get_ident())
        held.append(len(held) + 1 - done)
        return with_file(body)

    def count(progress: Progress) -> None:
        nonlocal done
        done = progress.done

    monkeypatch.setattr("periskope_async.resources._files.with_file", read)
    async with fake.client(concurrency=16) as client:
        result = await client.messages.send_many(messages, on_progress=count)
    assert (len(result.sent), list(result.failed), fake.calls) == (21, [20, 22], 21)
    assert "'gone.png'" in str(result.failed[20])
    assert threading.get_ident() not in threads
    assert max(held[:-1]) <= FILES_AT_ONCE + 1  # of a text that ends among them, nothing was held


async def test_the_deadline_passes_while_files_are_read(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages whose file is being read, or waits for its turn, are skipped: none was sent."""
    path, awake = tmp_path / "photo.png", threading.Event()
    path.write_bytes(b"png")
    messages = [Outgoing(PERSON, media=Media.from_path(path)) for _ in range(FILES_AT_ONCE + 3)]
    monkeypatch.setattr("periskope_async.resources._files.with_file", lambda *_: awake.wait(50))
    monkeypatch.setattr(support, "AT_WORK", 0.1)  # likewise known here
    result = await client.messages.send_many(messages, deadline=5)
    awake.set()
    assert (result.skipped, fake.calls) == (tuple(range(len(messages))), 0)


# -- the journal ------------------------------------------------------------------------------------------------------


async def test_a_run_goes_on(fake: FakePeriskope, tmp_path: Path) -> None:
    """A run that was broken off goes on by its journal: nothing is sent again, what was under way is unclear."""
    messages, path = outgoing(30), tmp_path / "journal"
    fake.faults.add(Fault.STALL_HEADERS, operation="messages.send", times=3)

    def stop(progress: Progress) -> None:
        if progress.done == 10:
            raise KeyError

    async with fake.client(concurrency=4) as client:
        with pytest.raises(KeyError):
            await client.messages.send_many(messages, on_progress=stop, journal=path)
        assert fake.calls == 13
        result = await client.messages.send_many(messages, journal=path)
        check_whole(result, messages, fake)
        assert (len(result.sent), len(result.unclear), fake.calls) == (27, 3, 30)
        assert max(arrived(fake).values()) == 1
        again = await client.messages.send_many(messages, journal=path)
    assert (again.sent, again.unclear.keys(), fake.calls) == (result.sent, result.unclear.keys(), 30)
    error = next(iter(again.unclear.values()))
    assert (error.maybe_sent, error.resource, error.path) == (True, "chat", "/message/send")


async def test_what_failed_is_sent_by_the_next_run(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path
) -> None:
    """By a journal, what certainly was not sent is sent again; what is unclear is not, nor is another message."""
    messages, path = outgoing(4), tmp_path / "journal"
    fake.faults.add(Fault.STATUS_422, operation="messages.send", times=1)
    fake.faults.add(Fault.FIN, operation="messages.send", times=1)
    first = await client.messages.send_many(messages, journal=path)
    assert (len(first.sent), len(first.failed), len(first.unclear)) == (2, 1, 1)
    second = await client.messages.send_many([*messages, Outgoing("home", "bad", key="bad")], journal=path)
    assert (len(second.sent), list(second.failed), len(second.unclear)) == (3, ["bad"], 1)
    assert max(arrived(fake).values()) == 1
    assert fake.calls == 5
    with pytest.raises(ConfigurationError, match="under the key 'k1' it has another message"):
        await client.messages.send_many([Outgoing(PERSON, "other", key="k1")], journal=path)
    with pytest.raises(ConfigurationError, match="it has a message of another phone: …0001, and now it is …0009"):
        await client.messages.send_many(messages, journal=path, phone="919876500009")
    assert fake.calls == 5


async def test_an_unclear_one_is_settled(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """What was found to be sent counts as sent, what was not is sent by the next run, under the same keys."""
    messages, path = outgoing(5), tmp_path / "journal"
    assert (await client.messages.settle(messages, journal=path)).skipped == ("k0", "k1", "k2", "k3", "k4")
    assert not path.exists()
    fake.faults.add(Fault.FIN, operation="messages.send", times=2)
    first = await client.messages.send_many(messages[:4], journal=path)
    lost, other = first.unclear
    trace = FoundSend("q-1", "true_1_2", "completed")
    for found in ({"k4": None}, {lost: trace, "k9": trace}, {lost: FoundSend(None, None, None)}, {lost: "q-1"}):
        with pytest.raises(ConfigurationError, match="found: "):
            await client.messages.settle(messages, journal=path, found=found)  # type: ignore[arg-type]  # the mistakes
    before = await client.messages.settle(messages, journal=path)
    assert (before.sent, before.unclear.keys(), before.skipped) == (first.sent, {lost, other}, ("k4",))
    assert fake.calls == 4
    after = await client.messages.settle(messages, journal=path, found={lost: trace, other: None})
    assert (after.sent[lost].queue_id, after.unclear, after.skipped) == ("q-1", {}, (other, "k4"))
    with pytest.raises(ConfigurationError, match="is not unclear"):
        await client.messages.settle(messages, journal=path, found={other: None})
    last = await client.messages.send_many(messages, journal=path)
    assert (last.ok, last.sent[lost].queue_id, fake.calls) == (True, "q-1", 6)
    with pytest.raises(ConfigurationError, match="cannot read"):
        await client.messages.settle(messages, journal=tmp_path)


async def test_another_phone_has_sent_nothing(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """A journal is of one phone, however that is named: a run of another is refused, and nothing counts as sent."""
    messages, path = outgoing(2), tmp_path / "journal"
    first = await client.with_options(phone="+91 98765 00009").messages.send_many(messages, journal=path)
    again = await client.messages.send_many(messages, journal=path, phone="919876500009")
    assert again.sent == first.sent
    for run in (client.messages.send_many, client.messages.settle):
        with pytest.raises(ConfigurationError, match="another phone"):
            await run(messages, journal=path)
    assert fake.calls == 2


async def test_a_journal_that_was_torn(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """Half a line at the end, as a full disk leaves it, costs nothing: what it began stands before."""
    messages, path = outgoing(2), tmp_path / "journal"
    await client.messages.send_many(messages[:1], journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines) + b"\n" + lines[-1][:-20])
    result = await client.messages.send_many(messages, journal=path)
    assert result.ok
    assert fake.calls == 2
    path.write_bytes(lines[0] + lines[1][:-20])
    result = await client.messages.send_many(messages[:1], journal=path)
    assert list(result.unclear) == ["k0"]
    assert fake.calls == 2
    path.write_bytes(b'{"ke')
    with Journal(path) as journal:
        journal.write("k9", "begun", {})
    with Journal(path) as journal:
        assert journal.lines == {"k9": {"key": "k9", "state": "begun"}}


async def test_another_file_is_not_a_journal(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """A file that holds something else, or is another run's, is refused before anything is sent."""
    path = tmp_path / "notes.txt"
    for text in ("Dear diary,", "[1]\n", '{"name": "x"}\n'):
        path.write_text(text, "utf-8")
        with pytest.raises(ConfigurationError, match="journal: the file holds something else"):
            await client.messages.send_many(outgoing(1), journal=path)
        assert path.read_text("utf-8") == text
    with Journal(tmp_path / "journal"), pytest.raises(ConfigurationError, match="journal: another run"):
        await client.messages.send_many(outgoing(1), journal=tmp_path / "journal")
    assert fake.calls == 0


async def test_a_journal_that_cannot_be_written(
    fake: FakePeriskope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that cannot be noted is not sent; the run ends with the fault of the disk, and lets the others go."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "write", full)
    async with fake.client(concurrency=1, deadline=5) as client:
        with pytest.raises(OSError, match="No space left"):
            await client.messages.send_many(outgoing(3), journal=tmp_path / "journal")
        assert fake.calls == 0
        await client.messages.send(PERSON, "Hello")
    assert fake.calls == 1


async def test_a_message_is_on_the_disk_before_it_is_sent(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reaches the service was noted on the disk before it left: a crash of the machine doubles none."""
    path, durable, arrived_early = tmp_path / "journal", "", list[str]()
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal durable
        noted = path.read_text("utf-8")
        sync(descriptor)
        durable = noted

    def look(request: Any) -> None:
        number = json.loads(request.body)["message"].removeprefix("message ")
        if f'"k{number}", "state": "begun"' not in durable:
            arrived_early.append(number)

    monkeypatch.setattr(os, "fsync", fsync)
    fake.answer(look)
    assert (await client.messages.send_many(outgoing(30), journal=path)).ok
    assert (fake.calls, arrived_early) == (30, [])


async def test_who_waits_for_the_disk_shares_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines written by the time of an fsync need none of their own; after one that failed, none is believed."""
    calls, faults = list[int](), list[OSError]()

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if faults:
            raise faults.pop()

    with Journal(tmp_path / "journal") as journal:
        monkeypatch.setattr(os, "fsync", fsync)
        for number in range(5):
            journal.write(number, "begun", {})
        await asyncio.gather(*(journal.sync() for _ in range(5)))
        assert len(calls) == 1
        faults.append(OSError(5, "Input/output error"))
        journal.write(5, "begun", {})
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                await journal.sync()
        assert len(calls) == 2


async def test_the_deadline_passes_while_the_disk_is_slow(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was noted and never sent is skipped, and the next run sends it."""
    messages, path, awake = outgoing(3), tmp_path / "journal", threading.Event()
    Journal(path).__exit__(None, None, None)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_read", lambda _: {})
        patch.setattr("periskope_async._io.journal._sync_folder", lambda _: None)
        patch.setattr(os, "fsync", lambda _: awake.wait(50))
        patch.setattr(support, "AT_WORK", 0.1)  # of this thread it is known that it waits for the end of the run
        result = await client.messages.send_many(messages, journal=path, deadline=5)
        awake.set()
    assert (result.skipped, fake.calls) == (("k0", "k1", "k2"), 0)
    assert (await client.messages.send_many(messages, journal=path)).ok
    assert fake.calls == 3


KILLED = """
import os, sys
from periskope_sync import Outgoing, PeriskopeClient

def die(progress):
    if progress.done == 7:
        os.kill(os.getpid(), 9)

with PeriskopeClient(sys.argv[1], base_url=sys.argv[2], concurrency=4) as client:
    client.messages.send_many(
        [Outgoing("919876500000", f"message {n}", key=f"k{n}") for n in range(40)],
        on_progress=die if sys.argv[4] == "itself" else None,
        journal=sys.argv[3],
    )
"""


@pytest.mark.parametrize("by", ["itself", pytest.param("service", marks=pytest.mark.slow)])
def test_kill_9(tmp_path: Path, by: str) -> None:
    """A run that is killed loses nothing: the next one sends what was not sent, and says what may have been.

    It is killed between two messages, or by the service while it holds the answer to the seventh.
    """
    messages = [Outgoing("919876500000", f"message {number}", key=f"k{number}") for number in range(40)]
    path = tmp_path / "journal"
    with FakePeriskope(0) as fake:
        command = [sys.executable, "-c", KILLED, fake.api_key, fake.base_url, os.fspath(path), by]
        with subprocess.Popen(command) as process:

            def kill(_: Any) -> None:
                if fake.calls == 7:
                    process.kill()

            if by == "service":
                fake.answer(kill)
            assert process.wait(50) == -9
        assert 7 <= fake.calls < 40
        with fake.sync_client() as client:
            result = client.messages.send_many(messages, journal=path)
        check_whole(result, messages, fake)
        assert max(arrived(fake).values()) == 1
        assert len(result.sent) + len(result.unclear) == 40
        assert len(result.unclear) <= 4
        assert all("then settle it" in str(error) for error in result.unclear.values())


# -- finding out ------------------------------------------------------------------------------------------------------


def serve_queue(fake: FakePeriskope, *, older: bool = False) -> None:
    """Have *fake* list the jobs of its queue, in the newer form of the vendor's pages or in the older."""
    outbox = fake._service.state.outbox

    def old(job: dict[str, Any]) -> dict[str, Any]:
        queued = datetime.fromisoformat(job["timeline"]["queued_at"])
        return {
            "id": job["queue_id"],
            "data": {"body": job["message"]["body"], "chat_id": job["chat_id"]},
            "status": "completed",
            "addedTimestamp": int(queued.timestamp() * 1000),
        }

    def answer(request: Any) -> Reply | None:
        if request.path != "/v1/queue/jobs":
            return None
        outbox.deliver()
        return Reply(200, json.dumps([old(job) if older else job for job in outbox.jobs]).encode(), JSON)

    fake.answer(answer)


def now(fake: FakePeriskope) -> datetime:
    """The service's time."""
    return datetime.fromtimestamp(fake._service.state.now(), UTC)


async def unclear(fake: FakePeriskope, client: PeriskopeClient, message: Outgoing) -> PeriskopeError:
    """Send a message whose answer is lost."""
    fake.faults.add(Fault.FIN, operation="messages.send", times=1)
    with pytest.raises(PeriskopeError) as caught:
        await client.messages.send(message.chat_id, message.message, media=message.media, poll=message.poll)
    assert caught.value.maybe_sent
    return caught.value


@pytest.mark.parametrize("assumptions", [Assumptions(queue_seconds=30)])
@pytest.mark.parametrize("older", [False, True])
async def test_find_sent(fake: FakePeriskope, client: PeriskopeClient, older: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """A send whose answer was lost is found while it is queued, and when it is in the chat, as one."""
    serve_queue(fake, older=older)
    message = Outgoing(PERSON.removesuffix("@c.us"), "Hello")
    await client.messages.send(PERSON, "Hello")
    await asyncio.sleep(100)
    since = now(fake)
    assert await client.messages.find_sent(message, since=since) == ()
    await unclear(fake, client, message)
    await client.messages.send(PERSON, "Another")
    theirs = {"message_id": f"false_{PERSON}_3EB0", "chat_id": PERSON, "body": "Hello", "from_me": False}
    fake.messages.put(theirs | {"timestamp": now(fake).isoformat()})
    (queued,) = await client.messages.find_sent(message, since=since)
    assert (queued.message_id, queued.status) == (None, "completed" if older else "queued")
    await asyncio.sleep(31)
    (found,) = await client.messages.find_sent(message, since=since.astimezone(timezone(timedelta(hours=5))))
    assert found.queue_id == queued.queue_id
    assert found.message_id == (await client.messages.get(queued.queue_id or "")).message_id
    twice = await client.messages.find_sent(message, since=since - timedelta(days=1))
    assert len(twice) == 2
    fake._service.state.outbox.remove([queued.queue_id or ""])
    assert await client.messages.find_sent(message, since=since) == (FoundSend(found.queue_id, found.message_id, None),)


@pytest.mark.parametrize(
    "message",
    [
        Outgoing(PERSON, poll=Poll("Lunch?", ["yes", "no"])),
        Outgoing(PERSON, media=Media.from_url("https://example.com/a.png")),
    ],
)
async def test_find_sent_without_text(fake: FakePeriskope, client: PeriskopeClient, message: Outgoing) -> None:
    """What has no text is found by its kind."""
    serve_queue(fake)
    since = now(fake)
    await client.messages.send(PERSON, "text")
    await unclear(fake, client, message)
    (found,) = await client.messages.find_sent(message, since=since)
    assert found.message_id
    assert fake.counts[Fault.FIN] == 1


async def test_find_sent_where_there_is_nothing(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Jobs without a time count, those of others do not; a chat that does not exist holds nothing."""
    message = Outgoing("919876512345", "Hello")
    jobs: list[dict[str, Any]] = [
        {"queue_id": "q1", "chat_id": "919876512345@c.us", "message": {"body": "Hello"}, "timeline": {"queued_at": 5}},
        {"queue_id": "q2", "chat_id": "919876500000@c.us", "message": {"body": "Hello"}},
        {"queue_id": "q3", "message": {"body": "Hello"}},
        {"queue_id": "q4", "chat_id": "919876512345@c.us", "message": {"body": "Bye"}},
    ]
    missing = dumps({"code": "NOT_FOUND_ERROR", "message": "Chat not found", "status": 404})
    fake.answer(
        lambda request: Reply(200, dumps(jobs), JSON) if request.path == "/v1/queue/jobs" else Reply(404, missing, JSON)
    )
    (found,) = await client.messages.find_sent(message, since=now(fake))
    assert found == FoundSend("q1", None, None)
