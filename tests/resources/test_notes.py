"""Notes, written and read against the fake service."""

from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    DecodeError,
    Failed,
    Fetched,
    Media,
    Note,
    NotFoundError,
    PeriskopeClient,
    TransportError,
    UnexpectedResponseError,
)
from periskope_async.testing import FakePeriskope, Fault, Reply

JSON = (("Content-Type", "application/json"),)
CHAT = "919537851844@c.us"
MEDIA = Media.from_bytes(b"RIFF", type="audio", mimetype="audio/wav", filename="beep.wav")


async def test_create(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A note comes back out of its envelope, and is read afterwards as it was written."""
    note = await client.notes.create(CHAT, "Call Asha first", reply_to="3EB0", phone="919876500002")
    assert (note.body, note.chat_id, note.quoted_message_id) == ("Call Asha first", CHAT, "3EB0")
    assert note.is_private_note
    assert await client.notes.get(note.message_id) == note
    assert note.to_dict() == fake.notes.get(note.message_id)
    assert fake.requests[0].json() == {"chat_id": CHAT, "message": "Call Asha first", "reply_to": "3EB0"}
    assert fake.requests[0].headers["x-phone"] == "919876500002"
    assert [each.message_id async for each in client.notes.list(chat_id=CHAT, limit=1)] == [note.message_id]


async def test_create_with_a_file(client: PeriskopeClient) -> None:
    """A note may be a file, with a text or without."""
    note = await client.notes.create("919537851844", media=MEDIA)
    assert (note.body, note.message_type, note.chat_id) == (None, "audio", CHAT)
    assert note.media is not None
    assert (note.media.filename, note.media.filedata) == ("beep.wav", "UklGRg==")
    media = Media.from_url("https://example.com/a.png")
    note = await client.notes.create(CHAT, "See this", media=media)
    assert note.media is not None
    assert (note.body, note.media.path) == ("See this", "https://example.com/a.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"message": "x", "chat_id": "me"}, "chat_id: expected a number"),
        ({"message": "x", "chat_id": None}, "chat_id: expected text"),
        ({}, "message: is empty"),
        ({"message": " "}, "message: is empty"),
        ({"message": 5}, "message: expected text"),
        ({"message": "x", "reply_to": ""}, "reply_to: is empty"),
        ({"media": "a.png"}, "media: expected Media"),
        ({"message": "x", "phone": "home"}, "phone: "),
    ],
)
async def test_bad_notes_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What cannot be a note is refused before anything is sent, by name, and without the number it was for."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        await client.notes.create(**{"chat_id": CHAT, **arguments})
    assert fake.calls == 0
    assert "00001" not in str(caught.value)


async def test_a_note_is_written_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A note whose answer is lost is not written again; its error says that it may have been."""
    before = fake.notes.count
    fake.faults.add(Fault.FIN, operation="notes.create")
    with pytest.raises(TransportError) as caught:
        await client.notes.create(CHAT, "Once")
    assert (caught.value.maybe_sent, fake.counts[Fault.FIN], fake.calls) == (True, 1, 1)
    assert fake.notes.count <= before + 1


@pytest.mark.parametrize("body", [b'{"success": false, "message": "no"}', b'{"message_id": "m"}', b'{"data": null}'])
async def test_an_envelope_without_a_note(fake: FakePeriskope, client: PeriskopeClient, body: bytes) -> None:
    """An envelope that holds no note is an error that leaves open whether one was written."""
    fake.answer(lambda _: Reply(200, body, JSON))
    with pytest.raises(DecodeError, match=r"\$\.data") as caught:
        await client.notes.create(CHAT, "Where is it?")
    assert (caught.value.maybe_sent, fake.calls) == (True, 1)


async def test_create_in_an_unknown_chat(client: PeriskopeClient) -> None:
    """A chat that does not exist takes no note."""
    with pytest.raises(NotFoundError, match="Chat not found"):
        await client.notes.create("919876599999@c.us", "Hello?")


async def test_get(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A note is found by its full id and by its short one; an error says which note it is about."""
    name = fake.notes.ids[0]
    note = await client.notes.get(name)
    assert note.to_dict() == fake.notes.get(name)
    assert await client.notes.get(str(note.unique_id), phone="919876500002") == note
    with pytest.raises(NotFoundError) as caught:
        await client.notes.get("true_x_api")
    assert (caught.value.resource, caught.value.resource_id) == ("note", "true_x_api")
    fake.faults.add(Fault.OTHER_ID, operation="notes.get")
    fake.notes.change(name, unique_id=None, sent_message_id=None)
    with pytest.raises(UnexpectedResponseError, match="another note"):
        await client.notes.get(name)
    assert fake.counts[Fault.OTHER_ID] == 2


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every note once, newest first, of all chats, of one, and of a time."""
    found = [note async for note in client.notes.list(page_size=4)]
    assert [note.message_id for note in found] == [*reversed(fake.notes.ids)]
    assert {note.chat_id async for note in client.notes.list(chat_id=CHAT)} == {CHAT}
    assert fake.requests[-1].path.startswith("/v1/chats/919537851844%40c.us/notes?")
    times: list[Any] = [found[-3].timestamp, found[-5].timestamp]
    narrowed = [note async for note in client.notes.list(start_time=min(times), end_time=max(times), limit=2)]
    assert narrowed == found[-5:-3]
    page = await client.notes.list_page(offset=1, limit=2, start_time="2025-01-01", phone="919876500002")
    assert (page.rows, page.first, page.last) == (tuple(found[1:3]), 2, 3)
    assert (page.start_time, page.end_time) == ("2025-01-01", None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chat_id": "everybody"}, "chat_id: "),
        ({"start_time": ""}, "start_time: is empty"),
        ({"end_time": 5}, "end_time: expected text"),
        ({"offset": -1}, "offset: "),
        ({"limit": 0}, "limit: "),
    ],
)
async def test_bad_lists_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What cannot narrow a list is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=message):
        await client.notes.list_page(**arguments)
    assert fake.calls == 0


@pytest.mark.parametrize("chat", [{}, {"chat_id": CHAT}])
async def test_an_error_is_not_a_page(fake: FakePeriskope, client: PeriskopeClient, chat: dict[str, Any]) -> None:
    """An object without rows does not say that there are no notes."""
    fake.faults.add(Fault.HOLLOW, operation="notes.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of notes"):
        await client.notes.list_page(**chat)
    assert fake.counts[Fault.HOLLOW] == 2


async def test_get_many(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """One bad id never costs another its note."""
    result = await client.notes.get_many([*fake.notes.ids, "nowhere", ""], phone="919876500002")
    assert list(result.fetched) == list(fake.notes.ids)
    assert all(isinstance(note, Note) for note in result.fetched.values())
    assert isinstance(result.errors["nowhere"], NotFoundError)
    assert isinstance(result.errors[""], ConfigurationError)
    with pytest.raises(ConfigurationError, match="note_ids"):
        await client.notes.get_many("note")


async def test_stream(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A stream hands over notes and failures in the order of the ids if asked to."""
    ids = [*fake.notes.ids, "nowhere"]
    async with client.notes.stream(ids, ordered=True) as results:
        found = [result async for result in results]
    assert [result.id for result in found] == ids
    assert all(isinstance(result, Fetched) and result.value.message_id == result.id for result in found[:-1])
    assert isinstance(found[-1], Failed)


async def test_no_error_shows_a_number(client: PeriskopeClient) -> None:
    """Of the chat whose notes are asked for no error shows more than the end."""
    with pytest.raises(NotFoundError) as caught:
        await client.notes.list_page(chat_id="919876599999@c.us")
    error = caught.value
    assert (error.resource, error.resource_id) == ("chat", "919876599999@c.us")
    assert "919876599999" not in f"{error} {error.path} {error.message} {error!r}"


def test_without_await() -> None:
    """The blocking client has the same notes."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        note = client.notes.create(CHAT, "Hello")
        assert client.notes.get(note.message_id) == note
        assert client.notes.get_many([note.message_id]).fetched == {note.message_id: note}
        assert next(iter(client.notes.list())) == client.notes.list_page().rows[0] == note
        with client.notes.stream([note.message_id]) as results:
            assert [result.id for result in results] == [note.message_id]


async def test_one_spelling_and_one_refusal(client: PeriskopeClient) -> None:
    """A chat is found however its number is spelled, and the 404 of a note or a ticket names it, its number cut."""
    spelled, chat = "+91 95378 51844", await client.chats.get("919537851844@c.us")
    assert await client.chats.get(spelled) == chat
    assert (await client.notes.create(spelled, "Hello")).chat_id == chat.chat_id
    assert (await client.tickets.create(chat_id=spelled, subject="s")).chat.chat_id == chat.chat_id
    for create in (
        client.notes.create("+91 98765 43219", "x"),
        client.tickets.create(chat_id="919876543219", subject="s"),
    ):
        with pytest.raises(NotFoundError, match=r"chat …3219") as caught:
            await create
        assert caught.value.resource_id == "919876543219"
    for call in (
        client.notes.create("home", "x"),
        client.tickets.create(chat_id="home", subject="s"),
        client.chats.get("home"),
    ):
        with pytest.raises(ConfigurationError, match=r"^chat_id: expected a number with country code"):
            await call
