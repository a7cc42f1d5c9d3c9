"""Scheduled messages, made, changed and run against the fake service."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    Media,
    NotFoundError,
    PeriskopeClient,
    TransportError,
    UnexpectedResponseError,
)
from periskope_async.testing import FakePeriskope, Fault

CHAT = "919537851844@c.us"
LATER = "2999-01-01T09:00:00+00:00"
WEEKLY = {"repeat_interval": "week", "repeat_value": 1, "repeat_days": ["monday"], "repeat_ends": date(2999, 12, 31)}
IMAGE = Media.from_bytes(b"GIF89a", filename="a.gif")


async def test_create(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A message is scheduled as the API spells it, is read as it was made, and is in the list."""
    made = await client.scheduled_messages.create(
        "919537851844", datetime(2999, 1, 1, 9, tzinfo=UTC), message="Hello", is_repeat=True, repeat_config=WEEKLY
    )
    assert fake.requests[0].json() == {
        "chat_id": "919537851844",
        "scheduled_at": LATER,
        "is_repeat": True,
        "repeat_config": WEEKLY | {"repeat_ends": "2999-12-31"},
        "message": "Hello",
    }
    assert fake.requests[0].headers["x-phone"] == "919876500001"
    assert (made.chat_id, made.status, made.message_payload["message"]) == (CHAT, "scheduled", "Hello")
    assert made.scheduled_at == datetime(2999, 1, 1, 9, tzinfo=UTC)
    assert await client.scheduled_messages.get(made.scheduled_id) == made
    assert made.to_dict() == fake.scheduled_messages.get(made.scheduled_id)
    rows = [row async for row in client.scheduled_messages.list(page_size=1)]
    assert [row.scheduled_id for row in rows] == [*reversed(fake.scheduled_messages.ids)]
    page = await client.scheduled_messages.list_page(limit=1, phone="919876500002")
    assert (page.rows, page.first, page.last) == ((made,), 1, 1)


async def test_create_with_a_file(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A file goes along in pieces, as with any message; a time without an offset is UTC."""
    await client.scheduled_messages.create(CHAT, datetime(2999, 1, 1, 9), media=IMAGE)  # noqa: DTZ001  # what is tested
    sent = fake.requests[0].json()
    assert (sent["scheduled_at"], sent["media"]["filedata"]) == (LATER, "R0lGODlh")


async def test_update(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Only what is passed is sent, also what has no argument here; a change is found afterwards."""
    name = fake.scheduled_messages.ids[0]
    changed = await client.scheduled_messages.update(name, message="Sooner", skip_next=True, priority="high")
    assert fake.requests[0].json() == {"priority": "high", "skip_next": True, "message": "Sooner"}
    assert (changed.message_payload["message"], changed.skip_next) == ("Sooner", True)
    changed = await client.scheduled_messages.update(name, media=IMAGE, scheduled_at="2998-01-01", status="paused")
    assert (changed.status, changed.message_payload["media"]["filename"]) == ("paused", "a.gif")
    assert changed.scheduled_at == datetime(2998, 1, 1, tzinfo=UTC)
    assert await client.scheduled_messages.get(name) == changed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheduled_at": "2020-01-01"}, "scheduled_at: is in the past"),
        ({"scheduled_at": datetime(2020, 1, 1, tzinfo=UTC)}, "scheduled_at: is in the past"),
        ({"scheduled_at": 5}, "scheduled_at: expected text"),
        ({"is_repeat": 1}, "is_repeat: expected True or False"),
        ({"repeat_config": {}}, "repeat_config: expected a mapping"),
        ({"repeat_config": "week"}, "repeat_config: expected a mapping"),
        ({"repeat_config": {"repeat_value": 1.5}}, r"repeat_config\['repeat_value'\]: expected text, a number"),
        ({"repeat_config": {"": 1}}, "the names in repeat_config: is empty"),
        ({"message": " "}, "message: is empty"),
        ({"media": "a.gif"}, "media: expected Media"),
    ],
)
async def test_bad_schedules_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What cannot be scheduled is refused before anything is sent, by name; so is such a change."""
    wanted = {"scheduled_at": LATER, "message": "x", **arguments}
    with pytest.raises(ConfigurationError, match=message):
        await client.scheduled_messages.create(CHAT, **wanted)
    with pytest.raises(ConfigurationError, match=message):
        await client.scheduled_messages.update("s", **arguments)
    assert fake.calls == 0


async def test_what_cannot_be_left_out(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A new one has a time and a text or a file; a change has something to change."""
    from periskope_async import Unset

    with pytest.raises(ConfigurationError, match="scheduled_at: "):
        await client.scheduled_messages.create(CHAT, Unset.UNSET, message="x")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ConfigurationError, match="message: is empty"):
        await client.scheduled_messages.create(CHAT, LATER)
    with pytest.raises(ConfigurationError, match="no field to change"):
        await client.scheduled_messages.update("s")
    assert fake.calls == 0


async def test_delete(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A deleted one is gone; one whose deletion was answered into the void is deleted all the same."""
    made = await client.scheduled_messages.create(CHAT, LATER, message="x")
    await client.scheduled_messages.delete(made.scheduled_id)
    assert made.scheduled_id not in fake.scheduled_messages.ids
    for call in (client.scheduled_messages.get, client.scheduled_messages.delete, client.scheduled_messages.update):
        with pytest.raises(NotFoundError, match="Scheduled message not found") as caught:
            await call(made.scheduled_id, **({"message": "y"} if call.__name__ == "update" else {}))
        assert (caught.value.resource, caught.value.resource_id) == ("scheduled message", made.scheduled_id)
    name = fake.scheduled_messages.ids[0]
    fake.faults.add(Fault.RESET_DURING, times=1, operation="scheduled_messages.delete")
    await client.scheduled_messages.delete(name)
    assert (fake.counts[Fault.RESET_DURING], fake.scheduled_messages.ids) == (1, ())
    with pytest.raises(NotFoundError):
        await client.scheduled_messages.list_occurrences_page("nowhere")
    with pytest.raises(NotFoundError, match="Chat not found"):
        await client.scheduled_messages.create("919876599999@c.us", LATER, message="x")


async def test_a_message_is_scheduled_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """One whose answer is lost is not scheduled again; its error says that it may have been."""
    fake.faults.add(Fault.FIN, operation="scheduled_messages.create")
    with pytest.raises(TransportError) as caught:
        await client.scheduled_messages.create(CHAT, LATER, message="Once")
    assert (caught.value.maybe_sent, fake.counts[Fault.FIN], fake.calls) == (True, 1, 1)


async def test_runs(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What is due is sent, once or again and again; each run is listed, newest first, and outlives its message."""
    config = {"repeat_interval": "day", "repeat_value": 1, "repeat_ends": LATER}
    made = await client.scheduled_messages.create(CHAT, LATER, message="x", is_repeat=True, repeat_config=config)
    fake.scheduled_messages.change(
        made.scheduled_id,
        scheduled_at="2020-01-01T09:00:00+00:00",
        repeat_config=config | {"repeat_ends": "2020-01-03"},
        skip_next=True,
    )
    assert (await client.scheduled_messages.get(made.scheduled_id)).status == "completed"
    runs = [run async for run in client.scheduled_messages.list_occurrences(made.scheduled_id, page_size=1)]
    assert [run.is_success for run in runs] == [True, False]
    assert [str(run.created_at) for run in runs] == ["2020-01-02 09:00:00+00:00", "2020-01-01 09:00:00+00:00"]
    assert (await client.messages.get(str(runs[0].sent_message_id))).body == "x"
    assert runs[0].to_dict() == fake.occurrences.get(runs[0].id)
    await client.scheduled_messages.delete(made.scheduled_id)
    page = await client.scheduled_messages.list_occurrences_page(made.scheduled_id, limit=1)
    assert (page.rows, page.occurrences[0]) == ((runs[0],), runs[0])


@pytest.mark.parametrize(
    ("operation", "ids", "rows"),
    [("list_page", 0, "scheduled_messages"), ("list_occurrences_page", 1, "occurrences")],
)
async def test_an_error_is_not_a_page(
    fake: FakePeriskope, client: PeriskopeClient, operation: str, ids: int, rows: str
) -> None:
    """An object without rows does not say that nothing is scheduled, nor that nothing ran."""
    fake.faults.add(Fault.HOLLOW, operation=f"scheduled_messages.{operation.removesuffix('_page')}")
    with pytest.raises(UnexpectedResponseError, match=f"not a page of {rows}"):
        await getattr(client.scheduled_messages, operation)(*fake.scheduled_messages.ids[:ids])
    assert fake.counts[Fault.HOLLOW] == 2


async def test_another_message_is_not_the_one(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An answer about another scheduled message is an error."""
    fake.faults.add(Fault.OTHER_ID, operation="scheduled_messages.get")
    with pytest.raises(UnexpectedResponseError, match="another scheduled message"):
        await client.scheduled_messages.get(fake.scheduled_messages.ids[0])


def test_without_await() -> None:
    """The blocking client has the same scheduled messages."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        made = client.scheduled_messages.create(CHAT, LATER, message="x")
        assert client.scheduled_messages.get(made.scheduled_id) == made
        assert next(iter(client.scheduled_messages.list())) == client.scheduled_messages.list_page().rows[0] == made
        assert client.scheduled_messages.update(made.scheduled_id, skip_next=True).skip_next
        assert [*client.scheduled_messages.list_occurrences(made.scheduled_id)] == []
        assert client.scheduled_messages.list_occurrences_page(made.scheduled_id).rows == ()
        client.scheduled_messages.delete(made.scheduled_id)
        assert made.scheduled_id not in fake.scheduled_messages.ids
