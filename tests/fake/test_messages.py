"""The operations on messages, without a socket: what is sent lies in the queue, then in its chat."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.service import Service

CHAT = "919537851844@c.us"
QUOTED = "true_919537851844@c.us_3EB0ABB7C973860FC19EBE05FD934141CCEC2D8B"
MEDIA = {"type": "image", "filename": "a.png", "mimetype": "image/png", "url": "https://example.com/a.png"}
POLL = {"pollName": "Lunch?", "pollOptions": ["yes", "no"]}
HOUR = pytest.param(Assumptions(queue_seconds=3600), id="an hour in the queue")

Ask = Callable[..., Answer]


def parsed(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body)


def fields(answer: Answer) -> list[str]:
    """What a 422 says was wrong."""
    assert (answer.status, parsed(answer)["code"]) == (422, "VALIDATION_ERROR")
    return list(parsed(answer)["fields"])


@pytest.fixture
def messages(service: Service) -> Objects:
    """The messages of the service."""
    return service.state.objects["messages"]


def test_messages_of_the_tickets(ask: Ask, messages: Objects, tickets: Objects) -> None:
    """From the start there are those that tickets show, in the full form, newest first, and by chat."""
    shown = tickets.get("BKT-001")["message"]
    message = parsed(ask("GET", f"/message/{QUOTED}"))
    assert (message["message_id"], message["body"]) == (shown["message_id"], shown["body"])
    page = parsed(ask("GET", "/chats/messages?limit=2000"))
    assert [row["message_id"] for row in page["messages"]] == [*reversed(messages.ids())]
    rows = parsed(ask("GET", "/chats/919537851844/messages"))["messages"]
    assert QUOTED in [row["message_id"] for row in rows]
    assert {row["chat_id"] for row in rows} == {CHAT}
    assert parsed(ask("GET", "/chats/1@c.us/messages"))["messages"] == []
    before = parsed(ask("GET", "/chats/messages?end_time=2025-01-24T05:11:08Z"))["count"]
    after = parsed(ask("GET", "/chats/messages?start_time=2025-01-24T05:11:09Z"))["count"]
    assert before + after == len(messages.ids())


def test_a_send(ask: Ask, service: Service, chats: Objects) -> None:
    """A send answers a receipt as the vendor's page shows it; its message has a job, then a place in its chat."""
    body = {"chat_id": "919537851844", "message": "Hi", "reply_to": QUOTED, "media": MEDIA, "options": {}}
    receipt = parsed(ask("POST", "/message/send", body))
    assert receipt["hint"].endswith(f"/queue/jobs?queue_id={receipt['queue_id']}")
    assert receipt["queue_position"] == 0
    (job,) = service.state.outbox.jobs
    assert (job["status"], job["message"], job["message_id"]) == ("queued", {"body": "Hi", "type": "image"}, None)
    message = parsed(ask("GET", f"/message/{receipt['queue_id']}"))
    assert (job["status"], job["message_id"], job["attempts"]) == ("sent", message["message_id"], 1)
    assert chats.get(CHAT)["latest_message"] == message
    assert (message["media"]["path"], message["quoted_message_id"]) == (MEDIA["url"], QUOTED)
    assert parsed(ask("GET", f"/message/{receipt['unique_id']}")) == message
    assert parsed(ask("GET", f"/message/{receipt['unique_id']}/status"))["ack"] == 3


def test_sizes_of_files(ask: Ask) -> None:
    """A file in base64 is as long as it says, whatever its padding."""
    for text, size in (("eA==", 1), ("eHg=", 2), ("eHh4", 3)):
        media = {key: value for key, value in MEDIA.items() if key != "url"} | {"filedata": text}
        answer = parsed(ask("POST", "/message/send-sync", {"chat_id": CHAT, "media": media}))
        assert answer["message"]["media"]["size"] == size


@pytest.mark.parametrize("service", [HOUR], indirect=True)
def test_the_queue(ask: Ask, service: Service, messages: Objects) -> None:
    """What waits is not in its chat, has a place in the queue, and is never sent once it is removed."""
    count = len(messages.ids())
    first, second = (parsed(ask("POST", "/message/send", {"chat_id": CHAT, "message": text})) for text in "ab")
    assert (first["queue_position"], second["queue_position"]) == (0, 1)
    assert ask("GET", f"/message/{first['queue_id']}").status == 404
    assert ask("POST", f"/message/{first['queue_id']}/delete").status == 404
    assert ask("POST", f"/message/{first['queue_id']}/forward", {"forward_chat_ids": [CHAT]}).status == 404
    assert parsed(ask("GET", f"/message/{first['unique_id']}/status"))["ack"] == 0
    assert "queue_id" in parsed(ask("POST", "/message/send-sync", {"chat_id": CHAT, "message": "c"}))
    in_time = {"chat_id": CHAT, "message": "d", "sync_timeout": 3600}
    assert parsed(ask("POST", "/message/send-sync", in_time))["status"] == "sent"
    service.state.outbox.remove([first["queue_id"]])
    service.state.outbox.deliver(*(job["queue_id"] for job in service.state.outbox.jobs))
    texts = [messages.get(name)["body"] for name in messages.ids()[count:]]
    assert sorted(texts) == ["b", "c", "d"]
    assert ask("GET", f"/message/{first['unique_id']}/status").status == 404


@pytest.mark.parametrize(
    ("service", "body"),
    [
        (Assumptions(queue_seconds=3600, queued_message="null"), b"null"),
        (Assumptions(queue_seconds=3600, queued_message="empty"), b""),
    ],
    indirect=["service"],
)
def test_nothing_of_what_waits(ask: Ask, body: bytes) -> None:
    """A message that waits may be answered with nothing; one that nobody knows is a 404 all the same."""
    receipt = parsed(ask("POST", "/message/send", {"chat_id": CHAT, "message": "Hi"}))
    assert ask("GET", f"/message/{receipt['queue_id']}") == Answer(200, body)
    assert ask("GET", "/message/nothing").status == 404


def test_a_broadcast(ask: Ask, service: Service) -> None:
    """A broadcast queues a message for each chat, spaced, from its time on; one unknown group and none is queued."""
    body = {"chat_ids": [CHAT, "919876500001"], "message": "Hi", "delay": 10, "scheduled_at": "2001-01-01"}
    broadcast_id = parsed(ask("POST", "/message/broadcast", body))["broadcast_id"]
    service.state.outbox.deliver()
    assert [job["status"] for job in service.state.outbox.jobs] == ["sent", "sent"]
    later = {"chat_ids": [CHAT], "poll": POLL, "scheduled_at": "2999-01-01"}
    assert parsed(ask("POST", "/message/broadcast", later))["broadcast_id"] != broadcast_id
    now = {"chat_ids": [CHAT, "919876500001"], "message": "Ho", "delay": 10}
    ask("POST", "/message/broadcast", now)
    service.state.outbox.deliver()
    assert [job["status"] for job in service.state.outbox.jobs[2:]] == ["queued", "sent", "queued"]
    assert ask("POST", "/message/broadcast", now | {"chat_ids": [CHAT, "1@g.us"]}).status == 404
    assert len(service.state.outbox.jobs) == 5


def test_actions(ask: Ask, messages: Objects, chats: Objects) -> None:
    """Edits, reactions, pins and deletions change what is read; each answers 204 without a body."""
    receipt = parsed(ask("POST", "/message/send", {"chat_id": CHAT, "message": "Hi"}))
    path = f"/message/{receipt['queue_id']}"
    name = parsed(ask("GET", path))["message_id"]
    messages.change(name, reactions=[{"sender_id": "1@c.us", "reaction": "👍"}])
    for action, body in (
        ("edit", {"edited_body": "Ho"}),
        ("react", {"reaction": "🙏"}),
        ("react", {"reaction": "🎉"}),
        ("pin", {"pin": True}),
        ("pin", {"pin": True}),
        ("delete", None),
    ):
        assert ask("POST", f"{path}/{action}", body) == Answer(204)
    message = messages.get(name)
    assert (message["body"], message["prev_body"], message["is_deleted"]) == ("Ho", "Hi", True)
    assert [one["reaction"] for one in message["reactions"]] == ["👍", "🎉"]
    assert [one["message_id"] for one in chats.get(CHAT)["pinned_messages"]] == [name]
    assert ask("POST", f"{path}/pin", {"pin": False}) == Answer(204)
    assert chats.get(CHAT)["pinned_messages"] == []
    chats.remove(CHAT)
    assert ask("POST", f"{path}/pin", {"pin": True}) == Answer(204)
    assert ask("POST", "/message/nothing/delete").status == 404


def test_a_chat_that_goes_meanwhile(ask: Ask, chats: Objects, messages: Objects) -> None:
    """A message whose chat was removed while it waited is there, and its chat is not."""
    receipt = parsed(ask("POST", "/message/send", {"chat_id": CHAT, "message": "Hi"}))
    chats.remove(CHAT)
    assert parsed(ask("GET", f"/message/{receipt['queue_id']}"))["message_id"] in messages.ids()
    assert chats.body(CHAT) is None


def test_what_cannot_be_edited(ask: Ask, messages: Objects) -> None:
    """Only own texts of the last 15 minutes can be edited."""
    edit = {"edited_body": "Ho"}
    assert fields(ask("POST", f"/message/{QUOTED}/edit", edit)) == ["params.message_id"]
    poll = parsed(ask("POST", "/message/send-sync", {"chat_id": CHAT, "poll": POLL}))["message"]["message_id"]
    assert fields(ask("POST", f"/message/{poll}/edit", edit)) == ["params.message_id"]
    text = parsed(ask("POST", "/message/send-sync", {"chat_id": CHAT, "message": "Hi"}))["message"]["message_id"]
    messages.change(text, from_me=False)
    assert fields(ask("POST", f"/message/{text}/edit", edit)) == ["params.message_id"]
    messages.change(text, from_me=True, timestamp=None)
    assert fields(ask("POST", f"/message/{text}/edit", edit)) == ["params.message_id"]
    assert messages.get(text)["body"] == "Hi"


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("send", {}, ["body.chat_id", "body.message"]),
        ("send", {"chat_id": "home", "message": "Hi"}, ["body.chat_id"]),
        ("send", {"chat_id": CHAT}, ["body.message"]),
        ("send-sync", {"chat_id": CHAT}, ["body.message"]),
        ("send-sync", {"chat_id": CHAT, "message": "Hi", "sync_timeout": "20"}, ["body.sync_timeout"]),
        ("broadcast", {"chat_ids": [CHAT]}, ["body.message"]),
        ("broadcast", {"chat_ids": [], "message": "Hi"}, ["body.chat_ids"]),
        ("broadcast", {"chat_ids": "home", "message": "Hi"}, ["body.chat_ids"]),
        ("broadcast", {"chat_ids": ["home"], "message": "Hi"}, ["body.chat_ids"]),
        ("broadcast", {"chat_ids": [CHAT], "message": "Hi", "variables": {}}, ["body.variables"]),
        ("broadcast", {"chat_ids": [CHAT], "message": "Hi", "variables": [{"chat_id": CHAT}]}, ["body.variables"]),
        ("broadcast", {"chat_ids": [CHAT], "message": "Hi", "delay": -1}, ["body.delay"]),
        ("send", {"chat_id": CHAT, "message": "Hi", "options": []}, ["body.options"]),
        ("send", {"chat_id": CHAT, "media": "a.png"}, ["body.media"]),
        ("send", {"chat_id": CHAT, "media": MEDIA | {"type": "sticker"}}, ["body.media"]),
        ("send", {"chat_id": CHAT, "media": MEDIA | {"filedata": "eA=="}}, ["body.media"]),
        ("send", {"chat_id": CHAT, "poll": "Lunch?"}, ["body.poll"]),
        ("send", {"chat_id": CHAT, "poll": POLL | {"pollOptions": "yes"}}, ["body.poll"]),
        (f"{QUOTED}/pin", {"pin": "yes"}, ["body.pin"]),
        (f"{QUOTED}/react", {"reaction": ""}, ["body.reaction"]),
        (f"{QUOTED}/edit", {}, ["body.edited_body"]),
        (f"{QUOTED}/forward", {"forward_chat_ids": []}, ["body.forward_chat_ids"]),
    ],
)
def test_bad_bodies(ask: Ask, service: Service, path: str, body: Any, wrong: list[str]) -> None:
    """A bad body is a 422 that names what is wrong, and nothing is sent."""
    assert fields(ask("POST", f"/message/{path}", body)) == wrong
    assert service.state.outbox.jobs == []


def test_unknown_groups(ask: Ask, service: Service) -> None:
    """A group that nobody knows is a 404; a person's chat is made."""
    assert ask("POST", "/message/send", {"chat_id": "1@g.us", "message": "Hi"}).status == 404
    assert ask("POST", f"/message/{QUOTED}/forward", {"forward_chat_ids": ["1@g.us"]}).status == 404
    assert service.state.outbox.jobs == []
    assert ask("POST", "/message/send", {"chat_id": "919876500001", "message": "Hi"}).status == 200
    assert ask("GET", "/chats/919876500001@c.us").status == 200
