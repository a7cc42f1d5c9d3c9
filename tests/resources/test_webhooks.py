"""Subscriptions to events, made and ended against the fake service."""

import math
from typing import Any

import pytest

from periskope_async import ConfigurationError, NotFoundError, PeriskopeClient, PeriskopeError, UnexpectedResponseError
from periskope_async.models import EventName
from periskope_async.testing import Assumptions, FakePeriskope, Fault

HOOK = "https://example.com/periskope"
OTHER = "https://example.com/other"
FIRST = "00000000-0000-4000-8000-00000000a001"


async def test_get(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A subscription comes as the service has it."""
    webhook = await client.webhooks.get(FIRST)
    assert webhook.to_dict() == fake.webhooks.get(FIRST)
    assert (webhook.hook_url, webhook.integration_name) == (HOOK, EventName.TICKET_CREATED)
    with pytest.raises(NotFoundError) as caught:
        await client.webhooks.get("nothing")
    assert (caught.value.resource, caught.value.resource_id) == ("webhook", "nothing")


async def test_body_of_another_webhook(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A body of another subscription is asked for once more, and then refused."""
    fake.faults.add(Fault.OTHER_ID, operation="webhooks.get")
    with pytest.raises(UnexpectedResponseError, match="another webhook"):
        await client.webhooks.get(FIRST)
    assert fake.counts[Fault.OTHER_ID] == fake.calls == 2


async def test_create_makes_one_for_each_event(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Several events make several subscriptions of one URL; a name that nobody knows is sent as it is."""
    names = [EventName.MESSAGE_CREATED, "moon.risen", "message.created"]
    made = await client.webhooks.create(
        OTHER, names, integration_metadata={"id": "i"}, integration_type="webhook", type="webhook", name="Ours"
    )
    assert fake.requests[-1].json() == {
        "hookUrl": OTHER,
        "integrationName": ["message.created", "moon.risen"],
        "integrationMetadata": {"id": "i"},
        "integrationType": "webhook",
        "type": "webhook",
        "name": "Ours",
    }
    assert [webhook.integration_name for webhook in made] == ["message.created", "moon.risen"]
    assert {webhook.hook_url for webhook in made} == {OTHER}
    assert made[0].integration_metadata == {"id": "i", "name": "Ours"}
    assert await client.webhooks.list(hook_url=OTHER) == made
    assert await client.webhooks.get(made[1].id) == made[1]


@pytest.mark.parametrize("assumptions", [Assumptions(), Assumptions(new_webhook="object")], ids=["array", "object"])
async def test_create_for_one_event(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """One event is sent as one, and makes a tuple of one, whichever of its two answers the service gives."""
    (made,) = await client.webhooks.create(OTHER, "ticket.updated")
    assert fake.requests[-1].json() == {"hookUrl": OTHER, "integrationName": "ticket.updated"}
    assert (made.integration_name, made.is_subscribed) == (EventName.TICKET_UPDATED, True)


async def test_create_goes_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A create whose answer is lost is not repeated: events would be delivered twice."""
    fake.faults.add(Fault.RESET_DURING, operation="webhooks.create", times=1)
    with pytest.raises(PeriskopeError) as caught:
        await client.webhooks.create(OTHER, "ticket.updated")
    assert (caught.value.maybe_sent, fake.calls, fake.counts[Fault.RESET_DURING]) == (True, 1, 1)


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A list holds all subscriptions, or those of which all that is asked for is true."""
    made = await client.webhooks.create(OTHER, ["ticket.created", "ticket.updated"])
    await client.webhooks.update(made[0].id, is_subscribed=False)
    assert len(await client.webhooks.list()) == 3

    async def found(**filters: Any) -> list[str]:
        return [webhook.id for webhook in await client.webhooks.list(**filters)]

    assert await found(integration_name=EventName.TICKET_CREATED) == [FIRST, made[0].id]
    assert await found(is_subscribed=False) == [made[0].id]
    assert fake.requests[-1].path == "/v1/webhooks?is_subscribed=false"
    assert await found(is_subscribed=True, hook_url=OTHER) == [made[1].id]
    assert await found(integration_id=str(made[0].integration_id), type="webhook") == [made[0].id, made[1].id]
    assert await found(type="zapier") == []


async def test_update(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An update changes what it names and no more, and is repeated after a drop: it sets values."""
    fake.faults.add(Fault.FIN, operation="webhooks.update", times=1)
    webhook = await client.webhooks.update(FIRST, is_subscribed=False, hook_url=OTHER)
    assert (webhook.is_subscribed, webhook.hook_url, webhook.integration_name) == (False, OTHER, "ticket.created")
    assert (await client.webhooks.update(FIRST, integration_name="note.created")).integration_name == "note.created"
    assert (await client.webhooks.update(FIRST, integration_type="api", type="api", name="Ours")).type == "api"
    assert (await client.webhooks.update(FIRST, integration_metadata={"a": [1]})).integration_metadata == {"a": [1]}
    assert fake.counts[Fault.FIN] == 1
    with pytest.raises(NotFoundError):
        await client.webhooks.update("nothing", is_subscribed=False)


async def test_delete(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A subscription ends, also where the answer to the first attempt is lost; of an unknown one that is an error."""
    fake.faults.add(Fault.RESET_DURING, operation="webhooks.delete", times=1)
    await client.webhooks.delete(FIRST)
    assert ([request.status for request in fake.requests][-1], fake.counts[Fault.RESET_DURING]) == (404, 1)
    assert await client.webhooks.list() == ()
    with pytest.raises(NotFoundError):
        await client.webhooks.delete(FIRST)


@pytest.mark.parametrize(
    ("method", "arguments", "options", "name"),
    [
        ("get", ("",), {}, "webhook_id"),
        ("get", (["a"],), {}, "webhook_id"),
        ("delete", ("..",), {}, "webhook_id"),
        ("create", ("", "ticket.created"), {}, "hook_url"),
        ("create", ("example.com/hook", "ticket.created"), {}, "hook_url"),
        ("create", ("ftp://example.com/hook", "ticket.created"), {}, "hook_url"),
        ("create", ("https://", "ticket.created"), {}, "hook_url"),
        ("create", ("https://example.com:port/", "ticket.created"), {}, "hook_url"),
        ("create", ("https://exa mple.com/", "ticket.created"), {}, "hook_url"),
        ("create", ("https://[::1/", "ticket.created"), {}, "hook_url"),
        ("create", (HOOK, []), {}, "integration_name"),
        ("create", (HOOK, ""), {}, "integration_name"),
        ("create", (HOOK, None), {}, "integration_name"),
        ("create", (HOOK, "a"), {"integration_metadata": []}, "integration_metadata"),
        ("create", (HOOK, "a"), {"integration_metadata": {"a": object()}}, "integration_metadata"),
        ("create", (HOOK, "a"), {"integration_metadata": {"a": math.nan}}, "integration_metadata"),
        ("create", (HOOK, "a"), {"name": ""}, "name"),
        ("update", (FIRST,), {}, "no field to change"),
        ("update", (FIRST,), {"hook_url": "example.com"}, "hook_url"),
        ("update", (FIRST,), {"is_subscribed": "yes"}, "is_subscribed"),
        ("update", ("",), {"is_subscribed": True}, "webhook_id"),
        ("list", (), {"is_subscribed": "yes"}, "is_subscribed"),
        ("list", (), {"type": ""}, "type"),
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
    """What cannot be meant is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=name):
        await getattr(client.webhooks, method)(*arguments, **options)
    assert fake.calls == 0


def test_without_await() -> None:
    """The blocking client has the same subscriptions."""
    with FakePeriskope(3) as fake, fake.sync_client() as client:
        (made,) = client.webhooks.create(OTHER, "note.created")
        assert client.webhooks.update(made.id, is_subscribed=False).is_subscribed is False
        assert client.webhooks.get(made.id) in client.webhooks.list()
        client.webhooks.delete(made.id)
        assert fake.webhooks.ids == (FIRST,)
