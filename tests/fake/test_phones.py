"""Two phones of one organisation, where a call with `x-phone` sees that phone's things alone."""

from collections.abc import Iterator

import pytest

from periskope_async import NotFoundError
from periskope_async.testing import Assumptions, FakePeriskope
from periskope_sync import PeriskopeClient

FIRST, SECOND = "918527184400", "919876500002"  # the account's own, and another
PERSON, OTHER = "919537851844@c.us", "919876500009@c.us"


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Serve an account whose phones are kept apart."""
    with FakePeriskope(5, assumptions=Assumptions(scope="phone", queue_seconds=1000)) as fake:
        yield fake


@pytest.fixture
def client(fake: FakePeriskope) -> Iterator[PeriskopeClient]:
    """Be a client that names its phone with each call."""
    with fake.sync_client() as client:
        yield client


def test_each_sees_its_own(client: PeriskopeClient) -> None:
    """Chats, messages, notes, notifications and reactions are listed for the phone that they are of."""
    all_of_them = [chat.chat_id for chat in client.chats.list()]
    assert [chat.chat_id for chat in client.chats.list(phone=FIRST)] == all_of_them
    for resource in (client.chats, client.messages, client.notes, client.notifications, client.reactions):
        assert list(resource.list(phone=FIRST))
        assert list(resource.list(phone=SECOND)) == []
    assert client.chats.get(PERSON, phone="phone-tqhzsvcwlkbnmrxd") == client.chats.get(PERSON)
    for read in (
        client.chats.get,
        client.chats.mark_read,
        lambda name, phone: client.notes.create(name, "x", phone=phone),
    ):
        with pytest.raises(NotFoundError):
            read(PERSON, phone=SECOND)
    note = client.notes.create(PERSON, "Ours", phone=FIRST)
    assert client.notes.get(note.message_id).org_phone == f"{FIRST}@c.us"
    with pytest.raises(NotFoundError):
        client.notes.get(note.message_id, phone=SECOND)


def test_each_has_its_queue(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What a phone sends waits in its queue, which the other neither sees nor purges, and then is its message alone."""
    mine = client.messages.send(PERSON, "Hello", phone=SECOND)
    client.messages.send(OTHER, "Hi", phone=FIRST)
    assert [client.queue.get_status(phone=phone).pending for phone in (FIRST, SECOND, None)] == [1, 1, 2]
    assert [job.queue_id for job in client.queue.list_jobs(phone=SECOND)] == [mine.queue_id]
    client.queue.purge_all(phone=FIRST)
    assert client.queue.get_status().pending == 1
    with pytest.raises(NotFoundError):
        client.messages.get_status(mine.unique_id or "", phone=FIRST)
    assert client.messages.get_status(mine.unique_id or "", phone=SECOND).queue_id == mine.queue_id
    fake._service.state.outbox.deliver(mine.queue_id)
    (message,) = client.messages.list(chat_id=PERSON, phone=SECOND)
    assert (message.body, message.org_phone) == ("Hello", f"{SECOND}@c.us")
    assert message not in list(client.messages.list(phone=FIRST))
    client.messages.react(mine.queue_id, "👍", phone=SECOND)
    assert client.messages.get(mine.queue_id).reactions[0].sender_id == f"{SECOND}@c.us"
    with pytest.raises(NotFoundError):
        client.messages.delete(mine.queue_id, phone=FIRST)


def test_a_chat_may_be_of_both(client: PeriskopeClient) -> None:
    """A person to whom both write is a chat of both; a new chat is of the phone that wrote."""
    client.messages.send(PERSON, "Hello", phone=SECOND)
    client.messages.send(OTHER, "Hello", phone=SECOND)
    assert client.chats.get(PERSON, phone=SECOND).chat_org_phones == (f"{FIRST}@c.us", f"{SECOND}@c.us")
    assert client.chats.get(OTHER, phone=SECOND).org_phone == f"{SECOND}@c.us"
    with pytest.raises(NotFoundError):
        client.chats.get(OTHER, phone=FIRST)


def test_a_group_is_of_who_is_in_it(client: PeriskopeClient) -> None:
    """A phone makes a group, is its admin, and the other sees it once it has joined."""
    group = client.groups.create("Parcels", [OTHER], phone=SECOND)
    assert group.members[f"{SECOND}@c.us"].is_admin
    with pytest.raises(NotFoundError):
        client.messages.send(group.chat_id, "Hello", phone=FIRST)
    code = (group.invite_link or "").rpartition("/")[2]
    client.groups.accept_invite(code, phone=FIRST)
    client.messages.send(group.chat_id, "Hello", phone=FIRST)
    assert not client.chats.get(group.chat_id, phone=FIRST).members[f"{FIRST}@c.us"].is_admin
    client.groups.leave(group.chat_id, phone=FIRST)
    assert not client.chats.get(group.chat_id).is_exited
