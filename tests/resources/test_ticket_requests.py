"""The ticket operations as requests: what is spelled how on the wire, and what is refused before it gets there."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from periskope_async import ConfigurationError, TicketPriority, TicketStatus
from periskope_async._sansio.operation import Request
from periskope_async._sansio.unset import UNSET
from periskope_async.resources.tickets import Tickets
from tests.support import request_of

CHAT = "919537851844@c.us"
INDIA = timezone(timedelta(hours=5, minutes=30))


async def get(ticket_id: str) -> Request[Any]:
    """Return what a get sends."""
    return await request_of(Tickets, "get", ticket_id)


async def create(**fields: Any) -> Request[Any]:
    """Return what a create sends."""
    return await request_of(Tickets, "create", **fields)


async def update(ticket_id: str, **fields: Any) -> Request[Any]:
    """Return what an update sends."""
    return await request_of(Tickets, "update", ticket_id, **fields)


def body(request: Request[Any]) -> Any:
    """Return what a request sends."""
    assert request.body is not None
    return json.loads(request.body)


async def test_get() -> None:
    """A get names the ticket in its path and expects it back."""
    request = await get("BKT 1/2")
    assert (request.operation.method, request.path) == ("GET", "/tickets/BKT%201%2F2")
    assert (request.operation.resource, request.resource_id) == ("ticket", "BKT 1/2")
    assert request.operation.mismatch is not None
    assert request.operation.idempotent


async def test_list() -> None:
    """A list says where it starts and how many rows it wants."""
    request = await request_of(Tickets, "list_page", offset=40, limit=20)
    assert (request.operation.method, request.path, request.query) == ("GET", "/tickets", "offset=40&limit=20")


async def test_create_sends_what_is_given() -> None:
    """A create sends the fields that were given and no others, with the priority as a number."""
    assert body(await create(chat_id=CHAT, subject="Hi")) == {"chat_id": CHAT, "subject": "Hi"}
    assert body(
        await create(
            chat_id=CHAT,
            subject="Grüße 👋",
            assignee="a@b.c",
            due_date=date(2026, 12, 1),
            priority=TicketPriority.HIGH,
            status=TicketStatus.INPROGRESS,
            labels=("billing", "vip"),
            quoted_message_id="3EB0",
        )
    ) == {
        "chat_id": CHAT,
        "subject": "Grüße 👋",
        "assignee": "a@b.c",
        "due_date": "2026-12-01",
        "priority": 3,
        "status": "inprogress",
        "labels": "billing, vip",
        "quoted_message_id": "3EB0",
    }


async def test_a_create_is_never_repeatable() -> None:
    """A create has no idempotency key, so that nothing may send it twice."""
    assert not (await create(chat_id=CHAT, subject="Hi")).operation.idempotent


async def test_update_sends_what_is_given() -> None:
    """An update sends the fields that were given and no others, with the priority as text."""
    assert body(await update("BKT-001", priority=4, labels="a,b")) == {"priority": "4", "labels": "a,b"}
    assert (await update("BKT-001", subject="x")).operation.idempotent


async def test_update_clears_with_none() -> None:
    """None asks the service to clear a field, in the form its own example shows."""
    cleared = await update("BKT-001", assignee=None, due_date=None, labels=None)
    assert body(cleared) == {"assignee": "", "due_date": None, "labels": ""}
    assert body(await update("BKT-001", labels=())) == {"labels": ""}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (date(2026, 12, 1), "2026-12-01"),
        (datetime(2026, 12, 1, 9, 30, tzinfo=INDIA), "2026-12-01T09:30:00+05:30"),
        (datetime(2026, 12, 1, 9, 30), "2026-12-01T09:30:00+00:00"),  # noqa: DTZ001  # the case itself
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12-01T00:00:00+00:00"),
        ("2025-04-09 18:29:59+00", "2025-04-09 18:29:59+00"),
    ],
)
async def test_due_dates(given: date | str, told: str) -> None:
    """A date, a datetime or the service's own text may say when a ticket is due; without an offset it is UTC."""
    assert body(await update("BKT-001", due_date=given))["due_date"] == told


@pytest.mark.parametrize("given", [3, "3", " 3", "high", "High ", TicketPriority.HIGH])
async def test_priorities(given: Any) -> None:
    """A priority may be a member, a number, its digits or its name."""
    assert body(await create(chat_id=CHAT, subject="Hi", priority=given))["priority"] == 3
    update = await request_of(Tickets, "update", "BKT-001", priority=given)
    assert body(update)["priority"] == "3"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"chat_id": ""}, "chat_id"),
        ({"chat_id": 919}, "chat_id"),
        ({"subject": " \n"}, "subject"),
        ({"subject": None}, "subject"),
        ({"subject": "\ud800"}, "surrogate"),
        ({"assignee": ""}, "assignee"),
        ({"due_date": ""}, "due_date"),
        ({"due_date": 20261201}, "due_date"),
        ({"priority": 0}, "priority"),
        ({"priority": TicketPriority.NONE}, "priority"),
        ({"priority": 5}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": "none"}, "priority: expected low, medium, high or urgent, also as 1 to 4, got 'none'"),
        ({"priority": ""}, "priority"),
        ({"priority": "٣"}, "priority"),
        ({"priority": 2.0}, "priority"),
        ({"status": 1}, "status"),
        ({"status": ""}, "status"),
        ({"labels": 5}, "labels"),
        ({"labels": ["a", 5]}, "labels"),
        ({"labels": ["a,b"]}, "labels"),
        ({"labels": [""]}, "labels"),
        ({"quoted_message_id": b"3EB0"}, "quoted_message_id"),
    ],
)
async def test_bad_arguments_are_refused(arguments: dict[str, Any], name: str) -> None:
    """An unusable argument is a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match=name):
        await create(**{"chat_id": CHAT, "subject": "Hi"} | arguments)


async def test_an_empty_update_is_refused() -> None:
    """An update that changes nothing is a mistake, and is told before it is sent."""
    with pytest.raises(ConfigurationError, match="no field to change"):
        await update("BKT-001")
    with pytest.raises(ConfigurationError, match="ticket_id"):
        await update("..", subject="x")


def test_the_sentinel_prints_as_its_name() -> None:
    """In signatures and reprs "not given" reads UNSET."""
    assert repr(UNSET) == "UNSET"
