"""Who changed what of tickets and chats, and what the AI may do in a chat."""

from datetime import UTC, datetime
from typing import Any

import pytest

from periskope_async import ConfigurationError, NotFoundError, PeriskopeClient, UnexpectedResponseError
from periskope_async.testing import FakePeriskope, Fault

CHAT = "919537851844@c.us"
LOG = {"log_id": "l-1", "chat_id": CHAT, "action": "STATUS_CHANGED", "performed_by": "asha@example.com", "type": "chat"}


async def test_a_ticket_that_changes_is_in_its_log(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Each change of where a ticket stands is a row of its log, newest first; other tickets' are not."""
    await client.tickets.update("BKT-001", status="closed")
    await client.tickets.update("BKT-001", status="closed", subject="Same")
    await client.tickets.update("BKT-001", status="archived")
    await client.tickets.update("BKT-002", status="closed")
    logs = [log async for log in client.tickets.list_audit_logs("BKT-001", page_size=1)]
    assert [(log.old_record["status"], log.new_record["status"]) for log in logs] == [
        ("closed", "archived"),
        ("open", "closed"),
    ]
    assert {(log.ticket_id, log.action, log.type, log.performed_by) for log in logs} == {
        ("BKT-001", "STATUS_CHANGED", "ticket", "api")
    }
    assert logs[0].to_dict() in [fake.audit_logs.get(name) for name in fake.audit_logs.ids]
    page = await client.tickets.list_audit_logs_page("BKT-001", limit=1, performed_by="api", action="STATUS_CHANGED")
    assert (page.rows, page.first, page.last) == ((logs[0],), 1, 1)
    assert not (await client.tickets.list_audit_logs_page("BKT-001", performed_by="asha@example.com")).rows


async def test_a_log_from_one_of_its_rows_on(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk may begin at any row: it comes by all from there on, each once, and asks for no row before it."""
    for number in range(10):
        fake.audit_logs.put(LOG | {"log_id": f"l-{number}"})
    for first, limit in ((0, None), (4, None), (4, 3), (10, None), (99, None)):
        walk = client.chats.list_audit_logs(CHAT, offset=first, page_size=2, limit=limit)
        rows = [f"l-{number}" for number in reversed(range(10))][first:]
        assert [log.log_id async for log in walk] == rows[:limit]
    assert fake.calls < 40
    with pytest.raises(ConfigurationError, match="offset"):
        client.tickets.list_audit_logs("BKT-001", offset=-1)


async def test_a_chat_has_a_log(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A chat's log is found by its id, with or without its suffix."""
    fake.audit_logs.put(LOG)
    (log,) = [log async for log in client.chats.list_audit_logs("919537851844", performed_by="asha@example.com")]
    assert log.to_dict() == LOG
    assert not (await client.chats.list_audit_logs_page(CHAT, action="OTHER")).rows


async def test_further_parameters(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What nobody has documented goes out as it is named: times as text, numbers and texts as they are."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    await client.tickets.list_audit_logs_page("BKT-001", since=since, depth=3, field="status")
    assert [log async for log in client.chats.list_audit_logs(CHAT, since=since)] == []
    query = fake.requests[0].path.partition("?")[2]
    assert query == "since=2026-01-01T00%3A00%3A00%2B00%3A00&depth=3&field=status&offset=0&limit=20"
    assert "since=2026" in fake.requests[1].path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"action": ""}, "action: "),
        ({"performed_by": 5}, "performed_by: "),
        ({"limit": 0}, "limit: "),
        ({"x": None}, "x: "),
    ],
)
async def test_bad_logs_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """What cannot narrow a log is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=message):
        await client.chats.list_audit_logs_page(CHAT, **arguments)
    assert fake.calls == 0


@pytest.mark.parametrize(("resource", "name"), [("tickets", "BKT-001"), ("chats", CHAT)])
async def test_an_error_is_not_a_log(fake: FakePeriskope, client: PeriskopeClient, resource: str, name: str) -> None:
    """An object without rows does not say that nothing was changed."""
    fake.faults.add(Fault.HOLLOW, operation=f"{resource}.list_audit_logs")
    with pytest.raises(UnexpectedResponseError, match="not a page of logs"):
        await getattr(client, resource).list_audit_logs_page(name)
    assert fake.counts[Fault.HOLLOW] == 2


async def test_ai_settings(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What is left out is not sent, and stays as it is; a chat may be named without its suffix."""
    settings = await client.chats.update_ai_settings("919537851844", is_agent_allowed=False)
    assert fake.requests[0].json() == {"is_agent_allowed": False}
    assert (settings.chat_id, settings.is_agent_allowed, settings.is_flagging_allowed) == (CHAT, False, True)
    settings = await client.chats.update_ai_settings(CHAT, is_flagging_allowed=False)
    assert (settings.is_agent_allowed, settings.is_flagging_allowed) == (False, False)


async def test_bad_ai_settings(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An empty change is refused here, an unknown chat by the service, and an answer about another chat is none."""
    with pytest.raises(ConfigurationError, match="nothing to change"):
        await client.chats.update_ai_settings(CHAT)
    with pytest.raises(ConfigurationError, match="is_agent_allowed"):
        await client.chats.update_ai_settings(CHAT, is_agent_allowed="no")  # type: ignore[arg-type]  # what is tested
    assert fake.calls == 0
    with pytest.raises(NotFoundError, match="Chat not found"):
        await client.chats.update_ai_settings("919876599999@c.us", is_agent_allowed=True)
    fake.faults.add(Fault.OTHER_ID, operation="chats.update_ai_settings")
    with pytest.raises(UnexpectedResponseError, match="another chat"):
        await client.chats.update_ai_settings(CHAT, is_agent_allowed=True)


def test_without_await() -> None:
    """The blocking client has the same logs."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        client.tickets.update("BKT-001", status="closed")
        (log,) = client.tickets.list_audit_logs("BKT-001")
        assert client.tickets.list_audit_logs_page("BKT-001").rows == (log,)
        fake.audit_logs.put(LOG)
        assert [log.log_id for log in client.chats.list_audit_logs(CHAT)] == ["l-1"]
        assert client.chats.list_audit_logs_page(CHAT).rows[0].chat_id == CHAT
        assert client.chats.update_ai_settings(CHAT, is_agent_allowed=False).is_agent_allowed is False
