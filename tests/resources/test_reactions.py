"""Reactions, listed against the fake service."""

from typing import Any

import pytest

from periskope_async import ConfigurationError, PeriskopeClient, Reaction, UnexpectedResponseError
from periskope_async.testing import FakePeriskope, Fault


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every reaction once: all, those of a chat, to a message, and of a time."""
    found = [each async for each in client.reactions.list(page_size=7, phone="919876500002")]
    assert sorted(each.reaction_id for each in found) == sorted(fake.reactions.ids)
    assert [each.to_dict() for each in found] == [fake.reactions.get(each.reaction_id) for each in found]
    assert {request.headers["x-phone"] for request in fake.requests} == {"919876500002"}

    def ids(reactions: list[Reaction]) -> list[str]:
        return [each.reaction_id for each in reactions]

    one = found[5]
    of_chat = [each async for each in client.reactions.list(chat_id=str(one.chat_id))]
    assert ids(of_chat) == ids([each for each in found if each.chat_id == one.chat_id])
    of_message = [each async for each in client.reactions.list(message_id=str(one.message_id))]
    assert ids(of_message) == ids([each for each in found if each.message_id == one.message_id])
    times: list[Any] = [found[3].timestamp, found[6].timestamp]
    narrowed = client.reactions.list(start_time=min(times), end_time=max(times), limit=3)
    assert ids([each async for each in narrowed]) == ids(found[3:6])
    page = await client.reactions.list_page(offset=1, limit=2, end_time="2099-01-01")
    assert (page.reactions, page.first, page.last) == (tuple(found[1:3]), 2, 3)
    assert (page.start_time, page.end_time) == (None, "2099-01-01")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chat_id": "me"}, "chat_id: expected a number"),
        ({"message_id": ""}, "message_id: is empty"),
        ({"start_time": ""}, "start_time: is empty"),
        ({"end_time": 5}, "end_time: expected text"),
        ({"offset": -1}, "offset: "),
        ({"limit": 0}, "limit: "),
        ({"phone": "home"}, "phone: "),
    ],
)
async def test_bad_arguments(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What cannot narrow a list is refused before anything is sent, by name and without a number."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        await client.reactions.list_page(**arguments)
    assert fake.calls == 0
    assert "00001" not in str(caught.value)


async def test_an_error_is_not_a_page(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object without rows does not say that nobody reacted; and no error shows the chat that was asked for."""
    fake.faults.add(Fault.HOLLOW, operation="reactions.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of reactions") as caught:
        await client.reactions.list_page(chat_id="919876599999@c.us")
    assert fake.counts[Fault.HOLLOW] == 2
    assert "919876599999" not in f"{caught.value} {caught.value.path} {caught.value!r}"


def test_without_await() -> None:
    """The blocking client has the same reactions."""
    with FakePeriskope(9) as fake, fake.sync_client() as client:
        found = list(client.reactions.list())
        assert len(found) == fake.reactions.count > 0
        assert client.reactions.list_page(limit=1).rows == (found[0],)
