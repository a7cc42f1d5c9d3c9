"""Chats, read and changed against the fake service: the second resource of the house."""

from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    Failed,
    Fetched,
    NotFoundError,
    PeriskopeClient,
    UnexpectedResponseError,
)
from periskope_async.models import Chat, ChatType
from periskope_async.testing import FakePeriskope, Fault
from periskope_sync import PeriskopeClient as BlockingClient

PERSON = "919537851844@c.us"


async def test_get(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A chat comes in full, as the service has it, and goes back out as the same JSON."""
    chat = await client.chats.get(PERSON)
    assert (chat.chat_id, chat.chat_type) == (PERSON, ChatType.USER)
    assert chat.to_dict() == fake.chats.get(PERSON)
    assert fake.requests[-1].headers["x-phone"] == "919876500001"
    assert fake.requests[-1].resource == "chat"


async def test_get_by_digits(client: PeriskopeClient) -> None:
    """The suffix of a person's chat may be left out, as in the API."""
    assert (await client.chats.get(PERSON.removesuffix("@c.us"))).chat_id == PERSON


async def test_phone_of_one_call(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A call may name its phone in any spelling; a clone may have one of its own, or none."""
    await client.chats.get(PERSON, phone="+91 98765-00002")
    await client.with_options(phone="919876500003").chats.get(PERSON)
    assert [request.headers["x-phone"] for request in fake.requests] == ["919876500002", "919876500003"]
    with pytest.raises(ConfigurationError, match="phone"):
        await client.chats.get(PERSON, phone="home")
    assert fake.calls == 2


async def test_no_such_chat(client: PeriskopeClient) -> None:
    """An error says which chat it is about, and shows no more of a number than its end."""
    with pytest.raises(NotFoundError) as caught:
        await client.chats.get("919876599999@c.us")
    error = caught.value
    assert (error.resource, error.resource_id, error.ticket_id) == ("chat", "919876599999@c.us", None)
    assert "chat …9999@c.us" in str(error)
    assert "919876599999" not in f"{error} {error.path} {error.message}"


async def test_body_of_another_chat(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A body of another chat is asked for once more, and then refused."""
    fake.faults.add(Fault.OTHER_ID, operation="chats.get")
    with pytest.raises(UnexpectedResponseError, match="another chat"):
        await client.chats.get(PERSON)
    assert fake.counts[Fault.OTHER_ID] == fake.calls == 2


async def test_update(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An update changes what it names, and is repeated after a drop: it sets values."""
    fake.faults.add(Fault.FIN, operation="chats.update", times=1)
    chat = await client.chats.update(
        PERSON,
        assigned_to="asha@example.com",
        labels=["vip", "billing"],
        custom_properties={"tier": "gold", "note": ""},
    )
    assert (chat.assigned_to, set(chat.labels)) == ("asha@example.com", {"VIP", "billing"})
    assert await client.chats.get(PERSON) == chat
    assert fake.counts[Fault.FIN] == 1
    assert [request.method for request in fake.requests] == ["PATCH", "PATCH", "GET"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "no field to change"),
        ({"assigned_to": ""}, "assigned_to"),
        ({"labels": ["a,b"]}, "labels"),
        ({"custom_properties": ["tier"]}, "custom_properties"),
        ({"custom_properties": {"tier": 1}}, "custom_properties"),
        ({"custom_properties": {"": "gold"}}, "names in custom_properties"),
    ],
)
async def test_bad_updates_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, fields: dict[str, Any], name: str
) -> None:
    """What cannot be a change of a chat is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=name):
        await client.chats.update(PERSON, **fields)
    assert fake.calls == 0


async def test_mark_read(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A chat is marked as read, whatever answer gets lost: once more does no harm. Nothing comes back."""
    fake.chats.change(PERSON, message_unread_count=3)
    fake.faults.add(Fault.FIN, operation="chats.mark_read", times=1)
    await client.chats.mark_read(PERSON)
    assert (await client.chats.get(PERSON)).message_unread_count == 0
    assert fake.counts[Fault.FIN] == 1
    assert [(request.method, request.body) for request in fake.requests[:2]] == [("POST", b"")] * 2


async def test_update_labels(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Many chats get the same labels in one call, which is repeated after a drop and answers nothing."""
    other = fake.chats.ids[-1]
    fake.faults.add(Fault.FIN, operation="chats.update_labels", times=1)
    await client.chats.update_labels([PERSON.removesuffix("@c.us"), other], ["vip", "Fresh"], phone="919876500002")
    assert fake.counts[Fault.FIN] == 1
    assert fake.requests[-1].json() == {"chat_ids": ["919537851844", other], "labels": "vip, Fresh"}
    assert fake.requests[-1].headers["x-phone"] == "919876500002"
    for chat_id in (PERSON, other):
        assert (await client.chats.get(chat_id)).labels == ("VIP", "Fresh")


async def test_update_access(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Access is put beside what there is or in its place; which of the two is always said."""
    fake.faults.add(Fault.FIN, operation="chats.update_access", times=1)
    await client.chats.update_access([PERSON], {"a@example.com": True}, replace=False)
    await client.chats.update_access(iter([PERSON]), {"b@example.com": False}, replace=False)
    access = (await client.chats.get(PERSON)).override_chat_access
    assert access == {"a@example.com": True, "b@example.com": False}
    assert fake.counts[Fault.FIN] == 1
    await client.chats.update_access([PERSON], {}, replace=True)
    assert fake.requests[-1].json() == {"chat_ids": [PERSON], "access": {}, "replace": True}
    assert not (await client.chats.get(PERSON)).override_chat_access


@pytest.mark.parametrize(
    ("method", "arguments", "options", "name"),
    [
        ("mark_read", ("",), {}, "chat_id"),
        ("update_labels", ([], "a"), {}, "chat_ids"),
        ("update_labels", (PERSON, "a"), {}, "chat_ids"),
        ("update_labels", (["no chat"], "a"), {}, "chat_ids"),
        ("update_labels", (["1" * 257], "a"), {}, "chat_ids"),
        ("update_labels", ([PERSON], ["a,b"]), {}, "labels"),
        ("update_access", ([], {"a@example.com": True}), {"replace": True}, "chat_ids"),
        ("update_access", ([PERSON], {}), {"replace": False}, "access: is empty"),
        ("update_access", ([PERSON], {"a@example.com": "yes"}), {"replace": True}, "access"),
        ("update_access", ([PERSON], {"": True}), {"replace": True}, "names in access"),
        ("update_access", ([PERSON], ["a@example.com"]), {"replace": True}, "access"),
        ("update_access", ([PERSON], {"a@example.com": True}), {"replace": "no"}, "replace"),
    ],
)
async def test_bad_arguments_are_refused(
    fake: FakePeriskope,
    client: PeriskopeClient,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    name: str,
) -> None:
    """What cannot be meant is refused before anything is sent, by name and without numbers."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        await getattr(client.chats, method)(*arguments, **options)
    assert "919537851844" not in str(caught.value)
    assert fake.calls == 0


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every chat once, page by page, and takes the filters of the API."""
    found = [chat.chat_id async for chat in client.chats.list(page_size=4)]
    assert sorted(found) == sorted(fake.chats.ids)
    groups = [chat async for chat in client.chats.list(chat_type=ChatType.GROUP)]
    assert 0 < len(groups) < len(found)
    assert {chat.chat_type for chat in groups} == {ChatType.GROUP}
    assert len([chat async for chat in client.chats.list(limit=3)]) == 3
    page = await client.chats.list_page(offset=1, limit=2)
    assert (page.first, page.last, len(page.rows)) == (2, 3, 2)


async def test_an_error_is_no_page(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object without rows is no account without chats."""
    fake.faults.add(Fault.HOLLOW, operation="chats.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of chats"):
        await client.chats.list_page()
    assert fake.counts[Fault.HOLLOW] == 2


async def test_get_many(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """One bad id never costs another its chat; results are by id, and generic."""
    result = await client.chats.get_many([*fake.chats.ids, "919876599999@c.us", ""], phone="919876500002")
    assert list(result.fetched) == list(fake.chats.ids)
    assert all(isinstance(chat, Chat) for chat in result.fetched.values())
    assert isinstance(result.errors["919876599999@c.us"], NotFoundError)
    assert isinstance(result.errors[""], ConfigurationError)
    assert not result.skipped
    assert {request.headers["x-phone"] for request in fake.requests} == {"919876500002"}
    with pytest.raises(ConfigurationError, match="chat_ids"):
        await client.chats.get_many(PERSON)


async def test_stream(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A stream hands over chats and failures as they come, in the order of the ids if asked to."""
    ids = [*fake.chats.ids, "919876599999@c.us"]
    async with client.chats.stream(ids, ordered=True) as results:
        found = [result async for result in results]
    assert [result.id for result in found] == ids
    assert all(isinstance(result, Fetched) and result.value.chat_id == result.id for result in found[:-1])
    assert isinstance(found[-1], Failed)


def test_without_await() -> None:
    """The blocking client has the same chats."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        assert isinstance(client, BlockingClient)
        chat = client.chats.get(PERSON)
        assert client.chats.update(PERSON, assigned_to="asha@example.com").assigned_to == "asha@example.com"
        client.chats.mark_read(PERSON)
        client.chats.update_labels([PERSON], "vip")
        client.chats.update_access([PERSON], {"asha@example.com": True}, replace=True)
        assert client.chats.get(PERSON).labels == ("VIP",)
        assert client.chats.get_many([PERSON]).fetched[PERSON].chat_name == chat.chat_name
        assert [row.chat_id for row in client.chats.list()] == [row.chat_id for row in client.chats.list_page().rows]
        with client.chats.stream([PERSON]) as results:
            assert [result.id for result in results] == [PERSON]
