"""What happens in the fake: which change causes which event, and in which form."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from periskope_async import webhooks
from periskope_async.events import EVENTS
from periskope_async.testing import Assumptions, FakePeriskope
from periskope_async.testing._service.happenings import Happening
from periskope_sync import PeriskopeClient

API = Path(__file__).parents[1] / "api"
SCHEMAS: dict[str, str] = json.loads((API / "schemas" / "events.json").read_text("utf-8"))["events"]
PERSON = "919537851844@c.us"
GROUP = "919876500001"
PHONE = "918527184400"
Json = dict[str, Any]
Heard = list[Happening]


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Serve a few tickets, one of a group among them."""
    with FakePeriskope(10) as fake:
        yield fake


@pytest.fixture
def client(fake: FakePeriskope) -> Iterator[PeriskopeClient]:
    """Be a client."""
    with fake.sync_client() as client:
        yield client


@pytest.fixture
def heard(fake: FakePeriskope) -> Heard:
    """Listen to all that happens."""
    heard: Heard = []
    fake._service.state.happenings.listen(heard.append)
    return heard


def names(heard: Heard) -> list[str]:
    """Return what has happened since the last time."""
    found = [each.type for each in heard]
    heard.clear()
    return found


def caused(fake: FakePeriskope, client: PeriskopeClient) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what causes each event."""
    message_id = fake.messages.ids[0]
    phone_id = fake.phones.ids[0]
    yield "ticket.created", lambda: client.tickets.create(chat_id=PERSON, subject="New")
    yield "ticket.updated", lambda: client.tickets.update("BKT-001", subject="Other")
    yield "ticket.deleted", lambda: fake.change("BKT-001", is_deleted=True)
    yield "chat.created", lambda: client.groups.create("Ours", [GROUP])
    yield "chat.custom_properties.updated", lambda: client.chats.update(PERSON, custom_properties={"p": "v"})
    yield "chat.notification.created", lambda: fake.notifications.put(_notification(fake))
    yield "message.created", lambda: client.messages.send_sync(PERSON, "Hello")
    yield "message.updated", lambda: client.messages.edit(fake.messages.ids[-1], "Hello!")
    yield "message.ack.updated", lambda: fake.messages.change(message_id, ack="5")
    yield "message.flagged", lambda: fake.messages.change(message_id, flag_status=True)
    yield "message.unflagged", lambda: fake.messages.change(message_id, flag_status=False)
    yield "message.ticket.attached", lambda: fake.emit("message.ticket.attached", message_id)
    yield "reaction.created", lambda: client.messages.react(message_id, "👍")
    yield "reaction.updated", lambda: client.messages.react(message_id, "👎")
    yield "message.deleted", lambda: client.messages.delete(message_id)
    yield "note.created", lambda: client.notes.create(PERSON, "Between us")
    yield "org.phone.updated", lambda: client.phones.update(phone=PHONE, phone_name="Sales")
    yield "org.phone.disconnected", lambda: fake.phones.change(phone_id, wa_state="DISCONNECTED")
    yield "org.phone.connected", lambda: fake.phones.change(phone_id, wa_state="CONNECTED")
    yield "org.phone.qr", client.phones.create


def _notification(fake: FakePeriskope) -> Json:
    return fake.notifications.get(fake.notifications.ids[0]) | {"notification_id": "n1"}


def test_every_event_has_its_cause_and_its_form(fake: FakePeriskope, client: PeriskopeClient, heard: Heard) -> None:
    """Each of the API's events is caused by one thing, alone, and holds all that its schema requires."""
    causes = dict(caused(fake, client))
    assert causes.keys() == EVENTS.keys()
    for name, cause in causes.items():
        cause()
        assert [each.type for each in heard] == [name]
        data = heard[0].data
        assert heard[0].phone == f"{PHONE}@c.us" or name == "org.phone.qr"  # a new phone has no number
        schema = json.loads((API / SCHEMAS[name]).read_text("utf-8"))
        assert data.keys() >= set(schema.get("required", ()))
        for part in ("id", "msg_id") if name.startswith(("message.", "reaction.")) else ():
            assert part not in data or data[part].keys() == {"_serialized", "fromMe", "id", "remote"}
        assert type(webhooks.parse(json.dumps({"event_type": name, "data": data}).encode(), {}, None)) is EVENTS[name]
        heard.clear()


def test_old_values(fake: FakePeriskope, client: PeriskopeClient, heard: Heard) -> None:
    """An event has the old values of what was changed and of nothing else; a change that changes nothing is none."""
    old = fake.get("BKT-001")["ticket"]
    client.tickets.update("BKT-001", subject="Other", priority=4)
    client.tickets.update("BKT-001", subject="Other", priority=4)
    assert [each.previous for each in heard] == [{key: old[key] for key in ("subject", "priority")}]
    assert heard[0].data == fake.get("BKT-001")
    heard.clear()
    message_id = fake.messages.ids[0]
    fake.messages.change(message_id, ack="5", flag_status=True, body="Other", updated_at="now")
    assert {each.type: {*each.previous} for each in heard} == {
        "message.ack.updated": {"ack"},
        "message.flagged": {"flag_status"},
        "message.updated": {"body"},
    }


def test_made_and_removed(fake: FakePeriskope, client: PeriskopeClient, heard: Heard) -> None:
    """What is put is created, what is removed is deleted, once each; nothing happens to what has no events."""
    info = fake.get("BKT-001")
    fake.remove("BKT-001")
    fake.remove("BKT-001")
    fake.put(info)
    assert names(heard) == ["ticket.deleted", "ticket.created"]
    fake.messages.remove(fake.messages.ids[0])
    assert names(heard) == ["message.deleted"]
    reaction = fake.reactions.get(fake.reactions.ids[0])
    for text in ("👍", "👍", "👎"):
        fake.reactions.put(reaction | {"reaction_id": "r1", "reaction": text})
    assert names(heard) == ["reaction.created", "reaction.updated"]
    fake.notes.change(fake.notes.ids[0], body="Other")
    fake.chats.change(PERSON, chat_name="Parcels")
    fake.chats.remove(PERSON)
    client.contacts.create("919876500001", "Somebody")
    fake.phones.change(fake.phones.ids[0], updated_at="now")
    assert names(heard) == []


def test_a_phone_that_is_reset_waits_for_its_code(fake: FakePeriskope, client: PeriskopeClient, heard: Heard) -> None:
    """A reset takes the phone off, and has it show a code; a scan changes its state and nothing else that counts."""
    client.phones.reset(phone=PHONE)
    assert names(heard) == ["org.phone.disconnected", "org.phone.qr"]
    fake.phones.change(fake.phones.ids[0], wa_state="OPENING")
    assert names(heard) == []
    fake.phones.change(fake.phones.ids[0], wa_state="CONNECTED", qr_code=None, is_ready=True)
    assert names(heard) == ["org.phone.connected"]


def test_a_ticket_without_a_chat(fake: FakePeriskope, heard: Heard) -> None:
    """Where it is not known which phone it happened to, it happened to none."""
    info = fake.get("BKT-002")
    fake.put(info | {"chat": None, "ticket": info["ticket"] | {"ticket_id": "BKT-900"}})
    assert [(each.type, each.phone) for each in heard] == [("ticket.created", "")]


async def test_what_is_due_happens_by_itself() -> None:
    """Where somebody listens, messages leave the queue in time, queued or scheduled, though nobody asks for them."""
    arrived = asyncio.Event()
    heard: Heard = []

    def listen(happening: Happening) -> None:
        heard.append(happening)
        if len(heard) == 2:
            arrived.set()

    queued = Assumptions(queue_seconds=0.05)
    async with FakePeriskope(2, assumptions=queued, clock=time.time) as fake, fake.client() as client:
        end = fake._service.state.happenings.listen(listen)
        soon = datetime.now(UTC) + timedelta(seconds=0.05)
        (scheduled,) = fake.scheduled_messages.ids
        payload = {"message": "Later", "media": {}}
        fake.scheduled_messages.change(scheduled, scheduled_at=soon.isoformat(), message_payload=payload)
        receipt = await client.messages.send(PERSON, "Now")
        await arrived.wait()
        assert [each.type for each in heard] == ["message.created"] * 2
        assert {each.data["body"] for each in heard} == {"Now", "Later"}
        assert receipt.queue_id in {each.data["sent_message_id"] for each in heard}
        end()
        await client.messages.send(PERSON, "Unheard")
    assert len(heard) == 2


async def test_what_is_due_later_ends_with_the_fake() -> None:
    """A fake that stops leaves nothing behind of what it would have done within the hour."""
    heard: Heard = []
    loop: Any = asyncio.get_running_loop()
    async with FakePeriskope(2, clock=time.time) as fake, fake.client() as client:
        fake._service.state.happenings.listen(heard.append)
        await client.messages.broadcast([PERSON], "Later", scheduled_at=datetime.now(UTC) + timedelta(hours=1))
        timer: Any = fake._alarm._timer
        assert 0 < timer.when() - loop.time() <= 3600
    assert timer.cancelled()
    assert heard == []


def test_by_hand(fake: FakePeriskope, heard: Heard) -> None:
    """Whatever happens can be caused by hand: of an object of the fake's by its id, else with all of it."""
    fake.emit("org.phone.qr", fake.phones.ids[0], previous={"qr_code": "old"})
    fake.emit("moon.risen", {"phase": "full"})
    assert [(each.type, each.previous) for each in heard] == [("org.phone.qr", {"qr_code": "old"}), ("moon.risen", {})]
    assert (heard[0].data["phone_id"], heard[1].data) == (fake.phones.ids[0], {"phase": "full"})
    with pytest.raises(KeyError):
        fake.emit("ticket.updated", "BKT-999")
    with pytest.raises(ValueError, match=r"'moon\.risen': what such an event is about is not known"):
        fake.emit("moon.risen", "the moon")
