"""Knowledge base, scheduled messages and tasks of the service, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.scheduled_messages import run_due
from periskope_async.testing._service.service import Service

Ask = Callable[..., Answer]
CHAT = "919537851844@c.us"


def parsed(answer: Answer, status: int = 200) -> Any:
    """The body of a success."""
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def scheduled(ask: Ask, service: Service, **fields: Any) -> dict[str, Any]:
    """A message whose time has come, after it was sent as often as it should."""
    body = {"chat_id": CHAT, "message": "x", "scheduled_at": "2025-02-17T09:00:00Z", **fields}
    name = parsed(ask("POST", "/message/scheduled", body), 201)["scheduled_id"]
    run_due(service.state)
    found: dict[str, Any] = parsed(ask("GET", f"/message/scheduled/{name}"))
    return found


@pytest.mark.parametrize(
    ("config", "then"),
    [
        ({}, "2025-02-20T09:00:00+00:00"),
        ({"repeat_interval": "day", "repeat_value": 2}, "2025-02-21T09:00:00+00:00"),
        ({"repeat_interval": "week"}, "2025-02-24T09:00:00+00:00"),
        ({"repeat_interval": "week", "repeat_days": ["friday"]}, "2025-02-21T09:00:00+00:00"),
        ({"repeat_interval": "month"}, "2025-03-19T09:00:00+00:00"),
    ],
)
def test_when_a_message_is_sent_next(ask: Ask, service: Service, config: dict[str, Any], then: str) -> None:
    """It is sent as often as it was due until now, the 19th of February 2025, and is then due after that."""
    message = scheduled(ask, service, is_repeat=True, repeat_config=config)
    assert (message["status"], message["scheduled_at"]) == ("scheduled", then)


def test_a_message_that_is_sent_once(ask: Ask, service: Service) -> None:
    """It is sent once, file and all, and its run says by which send."""
    media = {"type": "image", "filename": "a.png", "mimetype": "image/png", "url": "https://example.com/a.png"}
    message = scheduled(ask, service, media=media)
    assert message["status"] == "completed"
    (run,) = parsed(ask("GET", f"/message/scheduled/{message['scheduled_id']}/occurrences"))["occurrences"]
    assert service.state.outbox.find(run["sent_message_id"])["message"]["type"] == "image"  # type: ignore[index]  # it is there


def test_runs_that_were_missed_end(ask: Ask, service: Service) -> None:
    """A message that was due every day for longer than anybody looked is not made up for without end."""
    before = len(service.state.objects["occurrences"].ids())
    message = scheduled(ask, service, is_repeat=True, scheduled_at="1900-01-01")
    assert len(service.state.objects["occurrences"].ids()) == before + 10
    assert (message["status"], message["scheduled_at"]) == ("scheduled", "2025-02-20T00:00:00+00:00")


def test_a_message_that_runs_beyond_the_calendar(ask: Ask, service: Service) -> None:
    """Where there is no such day, it runs no more."""
    message = scheduled(ask, service, is_repeat=True, repeat_config={"repeat_value": 10**12})
    assert message["status"] == "completed"


def test_a_task_about_no_chat(ask: Ask) -> None:
    """A chat that is none is not kept."""
    task = parsed(ask("POST", "/tasks/create", {"title": "x", "association": {"chat_id": None}}))
    assert task["chat_id"] is None


def test_an_account_without_chats() -> None:
    """It has no scheduled message either."""
    service = Service(0, seed=0, api_key="key", assumptions=Assumptions(), now=lambda: 0.0)
    assert service.state.objects["scheduled_messages"].ids() == ()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/message/scheduled", {"chat_id": CHAT, "scheduled_at": "2999-01-01"}),
        ("/message/scheduled", {"chat_id": CHAT, "scheduled_at": "2999-01-01", "message": "x", "repeat_config": 1}),
        *(
            (
                "/message/scheduled",
                {"chat_id": CHAT, "scheduled_at": "2999-01-01", "message": "x", "repeat_config": each},
            )
            for each in ({"repeat_days": ["someday"]}, {"repeat_value": 0}, {"repeat_interval": "year"})
        ),
        ("/tasks/create", {"title": "x" * 501}),
        ("/tasks/create", {"title": "x", "priority": 4}),
        ("/tasks/create", {"title": "x", "status": "archived"}),
        ("/knowledge-base/faq/create", {"question": "q"}),
        ("/knowledge-base/document/create", {"document": {}}),
        ("/knowledge-base/document/create", {"document": "a.pdf"}),
        ("/knowledge-base/document/create", {"document": {"base64": "?"}}),
        ("/knowledge-base/document/create", {"document": {"base64": 5}}),
        ("/knowledge-base/document/create", {"document": {"url": "http://["}}),
    ],
)
def test_bad_bodies(ask: Ask, path: str, body: dict[str, Any]) -> None:
    """What the service would not know what to do with is a 422."""
    assert ask("POST", path, body).status == 422


def test_the_name_of_a_document(ask: Ask) -> None:
    """A document without a name is called as its URL ends, or just so; one without text has one chunk."""
    for document, name in (({"url": "https://example.com/a.pdf?x"}, "a.pdf"), ({"base64": "eA=="}, "document")):
        (made,) = parsed(ask("POST", "/knowledge-base/document/create", {"document": document}))
        assert (made["file_name"], made["chunks_count"]) == (name, 1)


def test_a_task_for_a_message(ask: Ask) -> None:
    """What a task hangs on has its type, and no chat unless it was said."""
    task = parsed(
        ask("POST", "/tasks/create", {"title": "x", "type": "ticket", "association": {"ticket_id": "BKT-001"}})
    )
    assert (task["chat_id"], task["association"]) == (None, {"type": "ticket", "ticket_id": "BKT-001"})
