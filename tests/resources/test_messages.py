"""Messages read, acted on and sent one by one, against the fake service: what went out is read back."""

import asyncio
import base64
import gc
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from periskope_async import (
    ConfigurationError,
    ConnectError,
    DecodeError,
    Failed,
    Fetched,
    Media,
    Message,
    NotFoundError,
    Outgoing,
    PeriskopeClient,
    Poll,
    ProtocolError,
    SendReceipt,
    SentMessage,
    ServerError,
    UnexpectedResponseError,
)
from periskope_async._sansio.upload import PIECE
from periskope_async.resources.messages import Messages
from periskope_async.testing import Assumptions, FakePeriskope, Fault, Reply
from periskope_sync import PeriskopeClient as BlockingClient
from tests.support import each_of, request_of, swallowing, traced

PERSON = "919537851844@c.us"
NEW = "919876511111"
GROUP = "120363000000000001@g.us"
JSON = (("Content-Type", "application/json"),)
PNG = b"\x89PNG" + bytes(range(256)) * 4


def sent(fake: FakePeriskope) -> list[dict[str, Any]]:
    """What was sent and has left the queue, oldest first."""
    every = [fake.messages.get(name) for name in fake.messages.ids]
    return [message for message in every if message.get("sent_message_id")]


async def file_of(request: Any) -> bytes:
    """The file in the body of a request."""
    return base64.b64decode(json.loads(request.body)["media"]["filedata"], validate=True)


# -- sending ----------------------------------------------------------------------------------------------------------


async def test_send(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A message is taken over once, leaves the queue, and is then found by each of its ids, in its chat and lists."""
    receipt = await client.messages.send(PERSON, "Hello *you*", reply_to="3EB0", hide_url_preview=True)
    assert isinstance(receipt, SendReceipt)
    assert json.loads(fake.requests[0].body) == {
        "chat_id": PERSON,
        "options": {"hide_url_preview": True},
        "message": "Hello *you*",
        "reply_to": "3EB0",
    }
    assert fake.requests[0].headers["x-phone"] == "919876500001"
    message = await client.messages.get(receipt.queue_id)
    assert (message.body, message.from_me, message.ack_level) == ("Hello *you*", True, 3)
    assert (message.sent_message_id, message.unique_id) == (receipt.queue_id, receipt.unique_id)
    assert await client.messages.get(message.message_id) == message
    assert (await client.messages.list_page(chat_id=PERSON)).messages[0] == message
    assert (await client.chats.get(PERSON)).latest_message == message
    status = await client.messages.get_status(receipt.unique_id or "")
    assert (status.status, status.ack_level, status.message_id) == ("sent", 3, message.message_id)


async def test_a_first_message_makes_the_chat(client: PeriskopeClient) -> None:
    """To a person one may write first; a group has to be there."""
    await client.messages.send(NEW, "Hello")
    assert (await client.chats.get(NEW)).chat_id == f"{NEW}@c.us"
    with pytest.raises(NotFoundError) as caught:
        await client.messages.send(GROUP, "Hello")
    assert not caught.value.maybe_sent


@pytest.mark.parametrize("fault", [Fault.FIN, Fault.RESET_DURING, Fault.STALL_HEADERS, Fault.HALF_JSON, Fault.HOLLOW])
@pytest.mark.parametrize("method", ["send", "send_sync"])
async def test_an_unclear_send_is_not_repeated(
    fake: FakePeriskope, client: PeriskopeClient, fault: Fault, method: str
) -> None:
    """Where the answer is lost the message was sent: the error says that it may have been, and whereto, in short."""
    fake.faults.add(fault, operation=f"messages.{method}")
    with pytest.raises((ProtocolError, TimeoutError, UnexpectedResponseError, DecodeError)) as caught:
        await getattr(client.messages, method)(PERSON, "Hello")
    error = caught.value
    assert (error.maybe_sent, error.resource, error.resource_id) == (True, "chat", PERSON)  # type: ignore[union-attr]  # of ours
    assert "919537851844" not in str(error)
    assert "maybe sent" in str(error)
    assert fake.counts[fault] == fake.calls == 1
    await client.messages.list_page()
    assert [message["body"] for message in sent(fake)] == ["Hello"]


@pytest.mark.parametrize("fault", [Fault.STATUS_503, Fault.STATUS_502_HTML, Fault.STATUS_408])
async def test_a_refusal_that_may_come_too_late(fake: FakePeriskope, client: PeriskopeClient, fault: Fault) -> None:
    """A 5xx does not say whether the message was sent: it is flagged, and not repeated."""
    fake.faults.add(fault, operation="messages.send")
    with pytest.raises((ServerError, UnexpectedResponseError)) as caught:
        await client.messages.send(PERSON, "Hello")
    assert caught.value.maybe_sent
    assert fake.counts[fault] == fake.calls == 1


async def test_what_cannot_have_arrived_is_sent_again(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A 429 is waited out; a send that meets nobody fails as certainly not sent."""
    fake.faults.add(Fault.STATUS_429, operation="messages.send", times=2)
    await client.messages.send(PERSON, "Hello")
    await client.messages.list_page()
    assert fake.counts[Fault.STATUS_429] == 2
    assert len(sent(fake)) == 1
    fake.down()
    with pytest.raises(ConnectError) as caught:
        await client.with_options(retries=1).messages.send(PERSON, "Again")
    assert not caught.value.maybe_sent
    assert caught.value.attempts == 2
    fake.up()


async def test_send_sync(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A send that is confirmed in time brings the message; all of it goes back out as it came."""
    answer = await client.messages.send_sync(PERSON, "Hello", sync_timeout=25)
    assert isinstance(answer, SentMessage)
    assert (answer.status, answer.message.body) == ("sent", "Hello")
    assert answer.message.to_dict() == sent(fake)[0]
    assert json.loads(fake.requests[0].body) == {"sync_timeout": 25, "chat_id": PERSON, "message": "Hello"}
    await client.messages.send_sync(PERSON, "Hello")
    assert "sync_timeout" not in json.loads(fake.requests[1].body)


@pytest.mark.parametrize("assumptions", [Assumptions(queue_seconds=60)])
async def test_send_sync_that_takes_longer(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A send that is not confirmed in time brings the receipt, and the message comes later."""
    receipt = await client.messages.send_sync(PERSON, "Hello")
    assert isinstance(receipt, SendReceipt)
    with pytest.raises(NotFoundError):
        await client.messages.get(receipt.queue_id)
    status = await client.messages.get_status(receipt.unique_id or "")
    assert (status.status, status.message_id, status.ack_level) == ("queued", None, 0)
    await asyncio.sleep(61)
    assert (await client.messages.get(receipt.queue_id)).body == "Hello"
    assert fake.calls == 4


@pytest.mark.parametrize(
    ("assumptions", "error"),
    [
        (Assumptions(queue_seconds=60, queued_message="null"), DecodeError),
        (Assumptions(queue_seconds=60, queued_message="empty"), UnexpectedResponseError),
    ],
)
async def test_nothing_of_a_queued_message(client: PeriskopeClient, error: type[Exception]) -> None:
    """Where the service answers nothing of a queued message, nothing is not taken for a message."""
    receipt = await client.messages.send(PERSON, "Hello")
    with pytest.raises(error):
        await client.messages.get(receipt.queue_id)


async def test_sync_timeout_is_less_than_ours(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A wait that our own timeout would cut off is refused: it would make an unclear send of every slow one."""
    with pytest.raises(ConfigurationError, match="sync_timeout: expected less than the client's timeout of 30 s"):
        await client.messages.send_sync(PERSON, "Hello", sync_timeout=30)
    with pytest.raises(ConfigurationError, match="sync_timeout"):
        await client.with_options(timeout=5).messages.send_sync(PERSON, "Hello")
    assert fake.calls == 0


async def test_broadcast(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A broadcast reaches each of its chats once, with a file too; times go out in UTC, variables as rows."""
    later = datetime.now(UTC) + timedelta(days=1)
    body = {"chat_ids": (PERSON, NEW), "message": "Hello #name#", "delay": 0}
    receipt = await client.messages.broadcast(
        **body, variables={NEW: {"name": "Asha"}}, media=Media.from_bytes(PNG, filename="a.png")
    )
    assert receipt.broadcast_id
    request = json.loads(fake.requests[0].body)
    assert request["variables"] == [{"chat_id": NEW, "values": {"name": "Asha"}}]
    assert await file_of(fake.requests[0]) == PNG
    await client.messages.list_page()
    assert [(message["chat_id"], message["broadcast_id"]) for message in sent(fake)] == [
        (PERSON, receipt.broadcast_id),
        (f"{NEW}@c.us", receipt.broadcast_id),
    ]
    india = later.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await client.messages.broadcast([PERSON], "Later", scheduled_at=india, delay=2.5)
    request = json.loads(fake.requests[-1].body)
    assert (request["scheduled_at"], request["delay"]) == (later.isoformat(), 2.5)
    await client.messages.list_page()
    assert len(sent(fake)) == 2


# -- bad input --------------------------------------------------------------------------------------------------------

POLL = Poll("Lunch?", ["yes", "no"])
FILE = Media.from_url("https://example.com/a.png")

BAD: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("send", ("", "Hello"), {}, "chat_id"),
    ("send", (None, "Hello"), {}, "chat_id"),
    ("send", ("+91 98", "Hello"), {}, "chat_id"),
    ("send", ("home@c.us", "Hello"), {}, "chat_id"),
    ("send", ("120363000000000001", "Hello"), {}, "chat_id"),
    ("send", (PERSON,), {}, "message: is empty"),
    ("send", (PERSON, "  "), {}, "message: is empty"),
    ("send", (PERSON, 5), {}, "message"),
    ("send", (PERSON, "Hello"), {"media": FILE, "poll": POLL}, "media, poll"),
    ("send", (PERSON, "Hello"), {"media": "a.png"}, "media: expected Media"),
    ("send", (PERSON, "Hello"), {"poll": ["yes", "no"]}, "poll: expected Poll"),
    ("send", (PERSON, "Hello"), {"reply_to": ""}, "reply_to"),
    ("send", (PERSON, "Hello"), {"hide_url_preview": 1}, "hide_url_preview"),
    ("send", (PERSON, "Hello \ud83d"), {}, "surrogate"),
    ("send", (PERSON, "Hello"), {"phone": "home"}, "phone"),
    ("send_sync", (PERSON,), {}, "message: is empty"),
    ("send_sync", (PERSON, "Hello"), {"sync_timeout": 0}, "sync_timeout"),
    ("broadcast", ([], "Hello"), {}, "chat_ids: is empty"),
    ("broadcast", (PERSON, "Hello"), {}, "chat_ids"),
    ("broadcast", (5, "Hello"), {}, "chat_ids"),
    ("broadcast", ([PERSON, PERSON.removesuffix("@c.us")], "Hello"), {}, "chat_ids: one chat is in it twice"),
    ("broadcast", ([PERSON],), {}, "message: is empty"),
    ("broadcast", ([PERSON], "Hello"), {"scheduled_at": datetime(2020, 1, 1)}, "scheduled_at: is in the past"),  # noqa: DTZ001  # it is about one
    ("broadcast", ([PERSON], "Hello"), {"scheduled_at": "2020-01-01T00:00:00+05:30"}, "scheduled_at"),
    ("broadcast", ([PERSON], "Hello"), {"delay": -1}, "delay"),
    ("broadcast", ([PERSON], "Hello"), {"delay": False}, "delay"),
    ("broadcast", ([PERSON], "Hello"), {"variables": ["name"]}, "variables"),
    ("broadcast", ([PERSON], "Hello"), {"variables": {NEW: {"name": "Asha"}}}, "variables"),
    ("broadcast", ([PERSON], "Hello"), {"variables": {PERSON: {"name": 1}}}, "variables"),
    ("edit", ("3EB0", ""), {}, "edited_body"),
    ("edit", ("", "Hello"), {}, "message_id"),
    ("react", ("3EB0", ""), {}, "reaction"),
    ("forward", ("3EB0", []), {}, "forward_chat_ids"),
    ("delete", ("..",), {}, "message_id"),
    ("list_page", (), {"chat_id": PERSON, "start_time": "2026-01-01"}, "start_time"),
    ("list_page", (), {"chat_id": PERSON, "end_time": "2026-01-01"}, "end_time"),
    ("list_page", (), {"limit": 0}, "limit"),
    ("find_sent", (Outgoing(PERSON),), {"since": datetime.now(UTC)}, "message"),
    ("find_sent", (Outgoing(PERSON, "Hello"),), {"since": "today"}, "since"),
    ("find_sent", (Outgoing(PERSON, "Hello"),), {"since": datetime.now(UTC) + timedelta(hours=1)}, "future"),
    ("list_page", (), {"chat_id": "+91 98"}, "chat_id"),
    ("list_page", (), {"chat_id": "nonsense"}, "chat_id"),
]


@pytest.mark.parametrize(("method", "args", "kwargs", "name"), BAD)
async def test_bad_input_is_refused(
    fake: FakePeriskope, client: PeriskopeClient, method: str, args: Any, kwargs: Any, name: str
) -> None:
    """What cannot be meant is refused before anything is sent, by name, without a number in clear."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        await getattr(client.messages, method)(*args, **kwargs)
    assert fake.calls == 0
    assert not any(char * 2 in str(caught.value) for char in ("98765", "120363"))
    assert PERSON not in str(caught.value)


async def test_a_time_that_only_the_service_can_read(fake: FakePeriskope) -> None:
    """Text that is not ISO 8601 is left to the service."""
    request = await request_of(Messages, "broadcast", [PERSON], "Hello", scheduled_at="next Monday")
    assert json.loads(request.body or b"")["scheduled_at"] == "next Monday"
    assert fake.calls == 0


@each_of(
    ("make", "name"),
    [
        (lambda: Poll("", ["yes", "no"]), "name"),
        (lambda: Poll("Lunch?", ["yes"]), "options: a poll needs at least two"),
        (lambda: Poll("Lunch?", ["yes", "yes"]), "options: one is there twice"),
        (lambda: Poll("Lunch?", ["yes", ""]), "options"),
        (lambda: Poll("Lunch?", "yes"), "options"),
        (lambda: Poll("Lunch?", ["yes", "no"], poll_id=""), "poll_id"),
        (lambda: Poll("Lunch?", ["yes", "no"], allow_multiple_answers=1), "allow_multiple_answers"),  # type: ignore[arg-type]  # it is about one
        (lambda: Media.from_url("ftp://example.com/a.png"), "url"),
        (lambda: Media.from_url("http://[1"), "url"),
        (lambda: Media.from_url(""), "url"),
        (lambda: Media.from_url("https://example.com/image?id=3"), "mimetype"),
        (lambda: Media.from_bytes(b"", filename="a.png"), "content: is empty"),
        (lambda: Media.from_bytes("text", filename="a.png"), "content"),  # type: ignore[arg-type]  # likewise
        (lambda: Media.from_bytes(b"x"), "mimetype"),
        (lambda: Media.from_bytes(b"x", mimetype=""), "mimetype"),
        (lambda: Media.from_bytes(b"x", "sticker", "a.webp"), "type"),  # type: ignore[arg-type]  # likewise
        (lambda: Media.from_bytes(b"x", filename="", mimetype="image/png"), "filename"),
        (lambda: Media.from_path("/nowhere/a.png"), "path: cannot read 'a.png'"),
    ],
)
def test_bad_media_and_polls_are_refused(make: Any, name: str) -> None:
    """What cannot be sent cannot be made."""
    with pytest.raises(ConfigurationError, match=name):
        make()


# -- media and polls --------------------------------------------------------------------------------------------------


def test_media_is_described_by_what_is_known(tmp_path: Path) -> None:
    """Type, name and MIME type follow from each other, and each may be said; the same on every machine."""
    path = tmp_path / "report.docx"
    path.write_bytes(b"x")
    with path.open("rb") as file:
        opened = Media.from_file(file)
    found = {
        (media.type, media.filename, media.mimetype)
        for media in (
            Media.from_url("https://example.com/photos/My%20cat.JPG?size=2"),
            Media.from_path(path),
            opened,
            Media.from_file(io.BytesIO(b"x"), mimetype="audio/ogg"),
            Media.from_bytes(b"x", mimetype="image/png"),
            Media.from_bytes(b"x", mimetype="application/x-nobody-knows"),
            Media.from_bytes(bytearray(b"x"), "document", "film.mp4"),
        )
    }
    office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert found == {
        ("image", "My cat.JPG", "image/jpeg"),
        ("document", "report.docx", office),
        ("audio", "audio.ogg", "audio/ogg"),
        ("image", "image.png", "image/png"),
        ("document", "document", "application/x-nobody-knows"),
        ("document", "film.mp4", "video/mp4"),
    }


async def test_a_large_body_arrives_whole(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A body that is too large for one write goes piece by piece."""
    fake.answer(lambda _: Reply(200, b"{}", (("Content-Type", "application/json"),)))
    await client.request("POST", "/something-new", json={"text": "x" * 2_000_000})
    assert json.loads(fake.requests[-1].body) == {"text": "x" * 2_000_000}


@pytest.mark.parametrize("size", [10, 600_000])
async def test_a_file_that_turns_into_a_folder(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path, size: int
) -> None:
    """Whatever becomes of a file before it is sent, its message says that it cannot be read."""
    path = tmp_path / "a.png"
    path.write_bytes((PNG * (size // len(PNG) + 1))[:size])
    media = Media.from_path(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match=r"'a\.png'"):
        await client.messages.send(PERSON, media=media)
    assert sent(fake) == []


async def test_media_arrives_whole(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """A file of any length arrives byte for byte, from disk, memory or a URL, with its caption or without."""
    path = tmp_path / "a.png"
    for size in (1, 2, 3, 196_607, 196_608, 196_609, 500_000):
        content = (PNG * (size // len(PNG) + 1))[:size]
        path.write_bytes(content)
        await client.messages.send(PERSON, "Look", media=Media.from_path(path))
        assert await file_of(fake.requests[-1]) == content
        await client.messages.send(PERSON, media=Media.from_bytes(content, filename="a.png"))
        assert await file_of(fake.requests[-1]) == content
    await client.messages.send(PERSON, "", media=FILE)
    assert json.loads(fake.requests[-1].body) == {
        "chat_id": PERSON,
        "media": {"type": "image", "filename": "a.png", "mimetype": "image/png", "url": "https://example.com/a.png"},
    }
    message = (await client.messages.list_page(chat_id=PERSON, limit=1)).messages[0]
    assert message.media is not None
    assert (message.media.path, message.media.size, message.has_media) == ("https://example.com/a.png", None, True)
    assert sent(fake)[-2]["media"]["size"] == 500_000


async def test_a_file_that_has_gone(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """A file that cannot be read when it is to be sent is refused then, and an empty one before."""
    path = tmp_path / "a.png"
    path.touch()
    with pytest.raises(ConfigurationError, match=r"path: 'a\.png' is empty"):
        Media.from_path(path)
    path.write_bytes(PNG)
    media = Media.from_path(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"media: cannot read 'a\.png'"):
        await client.messages.send(PERSON, media=media)
    assert fake.calls == 0


async def test_poll(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A poll goes out as the API spells it, and is read as a message."""
    await client.messages.send(PERSON, poll=Poll("Lunch?", ["yes", "no"], allow_multiple_answers=True, poll_id="p1"))
    assert json.loads(fake.requests[0].body)["poll"] == {
        "pollName": "Lunch?",
        "pollOptions": ["yes", "no"],
        "options": {"allowMultipleAnswers": True, "pollId": "p1"},
    }
    message = (await client.messages.list_page(chat_id=PERSON, limit=1)).messages[0]
    assert message.poll_info is not None
    assert (message.message_type, message.poll_info.options) == ("poll_creation", ("yes", "no"))
    assert "options" not in POLL.fields()


@pytest.mark.parametrize("source", ["path", "bytes"])
async def test_a_large_file_is_held_by_nobody(tmp_path: Path, source: str) -> None:
    """Sending 10 MB takes the memory of a few pieces, from a disk as from bytes, of which no copy is made."""
    path, size = tmp_path / "film.mp4", 10 * 1024 * 1024
    path.write_bytes(bytes(size))
    content = path.read_bytes()
    media = Media.from_path(path) if source == "path" else Media.from_bytes(content, filename="film.mp4")
    async with swallowing(b'{"queue_id":"q"}') as swallowed, PeriskopeClient("key", base_url=swallowed.url) as client:
        _ = client.messages
        with traced() as peak:
            assert (await client.messages.send(PERSON, media=media)).queue_id == "q"
    assert swallowed.bytes > size * 4 // 3
    assert peak() < 10 * PIECE


# -- reading ----------------------------------------------------------------------------------------------------------


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every message once, newest first; of one chat, of all, or of a time."""
    for number in range(5):
        await client.messages.send(NEW, f"{number}")
    assert [message.body async for message in client.messages.list(chat_id=NEW, page_size=2)] == [
        "4",
        "3",
        "2",
        "1",
        "0",
    ]
    every = [message.message_id async for message in client.messages.list(page_size=7)]
    assert every == [*reversed(fake.messages.ids)]
    old = [message async for message in client.messages.list(end_time="2025-01-31")]
    new = [message async for message in client.messages.list(start_time="2025-01-31", limit=3)]
    assert len(old) + 5 == len(every)
    assert [message.body for message in new] == ["4", "3", "2"]
    page = await client.messages.list_page(chat_id=NEW, offset=1, limit=2)
    assert (page.first, page.last, len(page.rows)) == (2, 3, 2)
    assert (await client.messages.list_page(chat_id="919876599999")).rows == ()


async def test_list_oldest_first(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every message in the order in which they were sent, and ends with what comes meanwhile."""
    bodies = [f"{number}" for number in range(12)]
    for body in bodies:
        await client.messages.send(NEW, body)
    found: list[str | None] = []
    async for message in client.messages.list(chat_id=NEW, oldest_first=True, page_size=4):
        if message.body == "3":
            await client.messages.send(NEW, "12")
        found.append(message.body)
    assert found == [*bodies, "12"]
    every = [message.message_id async for message in client.messages.list(oldest_first=True, page_size=7)]
    assert every == list(fake.messages.ids)
    few = client.messages.list(chat_id=NEW, oldest_first=True, limit=2)
    assert [message.body async for message in few] == ["0", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("oldest_first", [False, True])
async def test_100_000_messages_in_the_memory_of_two_pages(
    fake: FakePeriskope, client: PeriskopeClient, *, oldest_first: bool
) -> None:
    """A chat of 100,000 messages, into which one comes with every page, is read whole, two pages at a time."""
    total, size = 100_000, 500
    listed, most = total, 0
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first = fake.messages.get(fake.messages.ids[0]) | {"message_id": "ID", "timestamp": "TIME"}
    shape = json.dumps(first)

    def page(request: Any) -> Reply:
        nonlocal listed
        listed += 1
        query = {name: int(value) for name, value in parse_qsl(urlsplit(request.target).query)}
        top = listed - query["offset"]
        rows = [
            shape.replace("TIME", (start + timedelta(seconds=n // 2)).isoformat()).replace("ID", f"m_{n}")
            for n in range(top - 1, max(0, top - query["limit"]) - 1, -1)
        ]
        return Reply(200, f'{{"messages": [{",".join(rows)}]}}'.encode(), (("Content-Type", "application/json"),))

    fake.answer(page)
    seen = bytearray(2 * total)
    async for message in client.messages.list(chat_id=PERSON, page_size=size, oldest_first=oldest_first):
        number = int(message.message_id[2:])
        assert not seen[number]
        seen[number] = True
        if number % 10_000 == 0:
            most = max(most, sum(type(each) is Message for each in gc.get_objects()))
    assert seen[:total].count(True) == total
    assert 0 < most <= 3 * size


async def test_an_error_is_not_a_page(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object without rows is not a chat without messages."""
    fake.faults.add(Fault.HOLLOW, operation="messages.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of messages"):
        await client.messages.list_page()
    assert fake.counts[Fault.HOLLOW] == 2


async def test_get(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A message comes in full and goes back out as it came; another's body is refused, an unknown id a 404."""
    message_id = fake.messages.ids[0]
    message = await client.messages.get(message_id)
    assert message.to_dict() == fake.messages.get(message_id)
    fake.faults.add(Fault.OTHER_ID, operation="messages.get", times=2)
    fake.messages.change(message_id, unique_id=None)
    with pytest.raises(UnexpectedResponseError, match="another message"):
        await client.messages.get(message_id)
    assert fake.counts[Fault.OTHER_ID] == 2
    with pytest.raises(NotFoundError) as caught:
        await client.messages.get("true_919876599999@c.us_3EB0")
    assert caught.value.resource == "message"
    assert "919876599999" not in f"{caught.value} {caught.value.path}"


async def test_a_message_by_its_send_that_it_does_not_name(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """The vendor's own example has no `sent_message_id`: asked for by its send, it is believed."""
    body = json.dumps({"message_id": "true_1@c.us_3EB0"}).encode()
    fake.answer(lambda _: Reply(200, body, JSON))
    assert (await client.messages.get("c2b892d5-2370-4a69-b844-aae5e2bfae92")).message_id == "true_1@c.us_3EB0"
    with pytest.raises(UnexpectedResponseError, match="another message"):
        await client.messages.get("true_1@c.us_3EB1")


async def test_many(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Messages and states are read by the thousand as tickets are: one bad id never costs another its message."""
    ids = [*fake.messages.ids[:5], "true_919876599999@c.us_3EB0", ""]
    result = await client.messages.get_many(ids)
    assert list(result.fetched) == ids[:5]
    assert all(isinstance(message, Message) for message in result.fetched.values())
    assert set(result.errors) == set(ids[5:])
    async with client.messages.stream(ids[:6], ordered=True) as results:
        found = [each async for each in results]
    assert [type(each) for each in found] == [Fetched] * 5 + [Failed]
    receipts = [await client.messages.send(PERSON, f"{number}") for number in range(3)]
    unique_ids = [receipt.unique_id or "" for receipt in receipts]
    statuses = await client.messages.get_many_status([*unique_ids, "3EBF"])
    assert {name: status.queue_id for name, status in statuses.fetched.items()} == {
        receipt.unique_id: receipt.queue_id for receipt in receipts
    }
    assert isinstance(statuses.errors["3EBF"], NotFoundError)
    assert statuses.errors["3EBF"].resource == "message"


# -- acting on one ----------------------------------------------------------------------------------------------------


async def test_edit_react_pin_delete(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What is done to a message shows when it is read; what sets a state is repeated after a drop."""
    name = (await client.messages.send(PERSON, "Hello")).queue_id
    fake.faults.add(Fault.FIN, operation="messages.edit", times=1)
    fake.faults.add(Fault.FIN, operation="messages.react", times=1)
    fake.faults.add(Fault.FIN, operation="messages.pin", times=1)
    await client.messages.edit(name, "Hello, world")
    await client.messages.react(name, "👍")
    await client.messages.react(name, "🙏")
    message = await client.messages.get(name)
    assert message.body == "Hello, world"
    assert [reaction.reaction for reaction in message.reactions] == ["🙏"]
    await client.messages.pin(name)
    assert [pin["message_id"] for pin in (await client.chats.get(PERSON)).pinned_messages] == [message.message_id]
    await client.messages.unpin(name)
    assert (await client.chats.get(PERSON)).pinned_messages == ()
    await client.messages.delete(name)
    assert (await client.messages.get(name)).is_deleted
    assert fake.counts[Fault.FIN] == 3


@pytest.mark.parametrize(("method", "args"), [("delete", ()), ("forward", ([NEW],))])
async def test_what_is_not_repeated(fake: FakePeriskope, client: PeriskopeClient, method: str, args: Any) -> None:
    """A deletion and a forward go once: after a drop the error says that they may have happened, and they have."""
    name = (await client.messages.send(PERSON, "Hello")).queue_id
    fake.faults.add(Fault.FIN, operation=f"messages.{method}")
    with pytest.raises(ProtocolError) as caught:
        await getattr(client.messages, method)(name, *args)
    assert (caught.value.maybe_sent, fake.counts[Fault.FIN]) == (True, 1)
    page = await client.messages.list_page(limit=2)
    assert page.messages[0].is_deleted if method == "delete" else page.messages[0].chat_id == f"{NEW}@c.us"


async def test_forward(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A message that is sent on is a new one in each chat."""
    name = (await client.messages.send(PERSON, "Hello", media=FILE)).queue_id
    await client.messages.forward(name, [NEW, "919876522222@c.us"])
    await client.messages.list_page()
    forwarded = [message for message in sent(fake) if message.get("is_forwarded")]
    assert [(message["chat_id"], message["body"]) for message in forwarded] == [
        (f"{NEW}@c.us", "Hello"),
        ("919876522222@c.us", "Hello"),
    ]
    assert forwarded[0]["media"]["filename"] == "a.png"


async def test_a_ticket_on_a_sent_message(client: PeriskopeClient) -> None:
    """What was sent can be quoted by a ticket."""
    answer = await client.messages.send_sync(PERSON, "Hello")
    assert isinstance(answer, SentMessage)
    quoted = answer.message.message_id
    info = await client.tickets.create(chat_id=PERSON, subject="Call back", quoted_message_id=quoted)
    assert info.message is not None
    assert info.message.body == "Hello"


def test_without_await() -> None:
    """The blocking client has the same messages, and sends and reads what it sent."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        assert isinstance(client, BlockingClient)
        receipt = client.messages.send(PERSON, "Hello", media=Media.from_bytes(PNG, filename="a.png"))
        assert client.messages.get(receipt.queue_id).body == "Hello"
        result = client.messages.send_many(Outgoing(PERSON, f"{number}", key=f"k{number}") for number in range(3))
        assert list(result.sent) == ["k0", "k1", "k2"]
        bodies = [message.body for message in client.messages.list(chat_id=PERSON, limit=4)]
        assert sorted(body or "" for body in bodies) == ["0", "1", "2", "Hello"]
