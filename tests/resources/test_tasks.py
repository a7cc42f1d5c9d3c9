"""Tasks, made and listed against the fake service."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    PeriskopeClient,
    TaskPriority,
    TaskStatus,
    TaskType,
    TransportError,
    UnexpectedResponseError,
)
from periskope_async.testing import FakePeriskope, Fault

CHAT = "919537851844"


async def test_create(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A task is sent as the API spells it, and comes back with what it hangs on; enums and plain values will do."""
    task = await client.tasks.create(
        "Call back",
        type=TaskType.CHAT,
        association={"chat_id": CHAT},
        status="closed",
        priority="high",
        assignee="asha@example.com",
        due_date=date(2026, 12, 1),
        remind_at=datetime(2026, 11, 30, 9),  # noqa: DTZ001  # one without an offset is taken for UTC
        notes="Twice",
        created_by="ravi@example.com",
    )
    assert fake.requests[0].json() == {
        "title": "Call back",
        "type": "chat",
        "association": {"chat_id": CHAT},
        "status": "closed",
        "priority": 1,
        "assignee": "asha@example.com",
        "due_date": "2026-12-01",
        "remind_at": "2026-11-30T09:00:00+00:00",
        "notes": "Twice",
        "created_by": "ravi@example.com",
    }
    assert (task.type, task.status, task.priority) == (TaskType.CHAT, TaskStatus.CLOSED, TaskPriority.HIGH)
    assert task.remind_at == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert (task.chat_id, task.association["chat_id"]) == (f"{CHAT}@c.us", f"{CHAT}@c.us")
    assert task.completed_metadata["completed_by"] == "ravi@example.com"
    assert task.to_dict() == fake.tasks.get(task.task_id)


async def test_what_is_left_out_is_not_sent(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A title will do; a priority may be the enum or its number, and the longest title is 500 characters."""
    task = await client.tasks.create("x" * 500)
    assert fake.requests[0].json() == {"title": "x" * 500}
    assert (task.type, task.association, task.due_date) == ("todo", {}, None)
    for priority in (TaskPriority.LOW, 3, "low"):
        assert (await client.tasks.create("t", priority=priority)).priority is TaskPriority.LOW  # type: ignore[arg-type]  # of each kind


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"title": ""}, "title: is empty"),
        ({"title": "x" * 501}, "title: expected at most 500"),
        ({"title": None}, "title: expected text"),
        ({"priority": 4}, "priority: expected high, medium or low"),
        ({"priority": "urgent"}, "priority: expected high, medium or low"),
        ({"priority": True}, "priority: expected high, medium or low"),
        ({"association": "919537851844"}, "association: expected texts by name"),
        ({"status": 1}, "status: expected text"),
        ({"type": ""}, "type: is empty"),
        ({"remind_at": 5}, "remind_at: expected text"),
    ],
)
async def test_bad_tasks_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What cannot be a task is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=message):
        await client.tasks.create(**{"title": "Call back", **arguments})
    assert fake.calls == 0


async def test_a_task_is_made_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A task whose answer is lost is not made again; its error says that it may have been."""
    fake.faults.add(Fault.FIN, operation="tasks.create")
    with pytest.raises(TransportError) as caught:
        await client.tasks.create("Once")
    assert (caught.value.maybe_sent, fake.counts[Fault.FIN], fake.calls) == (True, 1, 1)


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every task once, a new one among them, and a page says which rows it has."""
    made = await client.tasks.create("Newest")
    assert [task.task_id async for task in client.tasks.list(page_size=2)] == [*reversed(fake.tasks.ids)]
    page = await client.tasks.list_page(limit=2)
    assert (page.rows[0], page.rows, page.first, page.last) == (made, page.tasks, 1, 2)
    with pytest.raises(ConfigurationError, match="limit: "):
        await client.tasks.list_page(limit=0)


async def test_an_error_is_not_a_page(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object without rows does not say that there are no tasks."""
    fake.faults.add(Fault.HOLLOW, operation="tasks.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of tasks"):
        await client.tasks.list_page()
    assert fake.counts[Fault.HOLLOW] == 2


def test_without_await() -> None:
    """The blocking client has the same tasks."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        task = client.tasks.create("Call back")
        assert next(iter(client.tasks.list())) == client.tasks.list_page().rows[0] == task
