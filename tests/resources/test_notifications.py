"""Notifications, listed against the fake service."""

from typing import Any

import pytest

from periskope_async import ConfigurationError, NotFoundError, PeriskopeClient, UnexpectedResponseError
from periskope_async.testing import Assumptions, FakePeriskope, Fault

KEYS = [Assumptions(notifications_key=key) for key in ("notifictions", "notifications", "messages")]


@pytest.mark.parametrize("assumptions", KEYS, ids=lambda each: each.notifications_key)
async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every notification once, newest first, whichever key the service has for the rows."""
    found = [each async for each in client.notifications.list(page_size=4, phone="919876500002")]
    assert [each.notification_id for each in found] == [*reversed(fake.notifications.ids)]
    assert {each.type for each in found} >= {"add", "remove"}
    assert [each.to_dict() for each in found] == [fake.notifications.get(each.notification_id) for each in found]
    assert {request.headers["x-phone"] for request in fake.requests} == {"919876500002"}
    page = await client.notifications.list_page(offset=1, limit=2)
    assert (page.notifications, page.first, page.last) == (tuple(found[1:3]), 2, 3)
    times: list[Any] = [found[3].timestamp, found[5].timestamp]
    narrowed = client.notifications.list(start_time=min(times), end_time=max(times), limit=2)
    assert [each async for each in narrowed] == found[3:5]


async def test_list_of_a_chat(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Of one chat come its own notifications; an error about it shows no more of a number than its end."""
    chat_id = fake.notifications.get(fake.notifications.ids[0])["chat_id"]
    found = [each async for each in client.notifications.list(chat_id=chat_id, page_size=2)]
    assert {each.chat_id for each in found} == {chat_id}
    assert len(found) == 5
    assert all("/notifications?offset=" in request.path for request in fake.requests)
    with pytest.raises(NotFoundError) as caught:
        await client.notifications.list_page(chat_id="919876599999@c.us")
    assert (caught.value.resource, caught.value.resource_id) == ("chat", "919876599999@c.us")
    assert "919876599999" not in f"{caught.value} {caught.value.path} {caught.value!r}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chat_id": "1@g.us", "start_time": "2026-01-01"}, "start_time: the API cannot narrow"),
        ({"chat_id": "1@g.us", "end_time": "2026-01-01"}, "end_time: the API cannot narrow"),
        ({"chat_id": "everybody"}, "chat_id: expected a number"),
        ({"chat_id": None}, "chat_id: expected text"),
        ({"start_time": ""}, "start_time: is empty"),
        ({"offset": -1}, "offset: "),
        ({"limit": 0}, "limit: "),
        ({"phone": "home"}, "phone: "),
    ],
)
async def test_bad_arguments(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What the API cannot do is refused before anything is sent, rather than left out."""
    with pytest.raises(ConfigurationError, match=message):
        await client.notifications.list_page(**arguments)
    assert fake.calls == 0


@pytest.mark.parametrize("fault", [Fault.HOLLOW, Fault.NULL])
async def test_an_error_is_not_a_page(fake: FakePeriskope, client: PeriskopeClient, fault: Fault) -> None:
    """An object without rows does not say that nothing happened."""
    fake.faults.add(fault, operation="notifications.list", times=2)
    expected = "not a page of notifictions" if fault is Fault.HOLLOW else "null"
    with pytest.raises(Exception, match=expected) as caught:
        await client.notifications.list_page()
    assert isinstance(caught.value, UnexpectedResponseError) == (fault is Fault.HOLLOW)
    assert fake.counts[fault] == 2


def test_without_await() -> None:
    """The blocking client has the same notifications."""
    with FakePeriskope(9) as fake, fake.sync_client() as client:
        found = list(client.notifications.list())
        assert len(found) == fake.notifications.count > 0
        assert client.notifications.list_page(limit=1).rows == (found[0],)
