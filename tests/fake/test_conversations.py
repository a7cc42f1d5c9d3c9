"""Notes, notifications and reactions of the service, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.service import Service

Ask = Callable[..., Answer]
CHAT = "919537851844@c.us"
EMBEDDED = {"type": "image", "filename": "a.png", "mimetype": "image/png", "filedata": "iVBO"}


@pytest.fixture
def notes(service: Service) -> Objects:
    """The notes of the service."""
    return service.state.objects["notes"]


def parsed(answer: Answer) -> Any:
    """The body of a 200."""
    assert answer.status == 200
    return json.loads(answer.body)


def created(ask: Ask, **body: Any) -> dict[str, Any]:
    """A note that was made just now."""
    envelope = parsed(ask("POST", "/note/create", {"chat_id": CHAT, **body}))
    assert (envelope["success"], envelope["message"]) == (True, "Note created successfully")
    note: dict[str, Any] = envelope["data"]
    return note


def test_notes_differ(ask: Ask, notes: Objects) -> None:
    """Each new note has ids of its own, the same ones in the same order, and is the newest."""
    made = [created(ask, message="Same"), created(ask, message="Same", reply_to="3EB0")]
    assert len({note["message_id"] for note in made}) == 2
    assert [note["quoted_message_id"] for note in made] == [None, "3EB0"]
    assert notes.ids()[-2:] == tuple(note["message_id"] for note in made)
    again = Service(150, seed=0, api_key="key", assumptions=Assumptions(), now=lambda: 0.0).state.objects["notes"]
    assert notes.ids()[:-2] == again.ids()


def test_a_note_mentions(notes: Objects) -> None:
    """Some notes mention a user by address, most do not."""
    mentioned = [note["mentioned_ids"] for note in map(notes.get, notes.ids())]
    assert [] in mentioned
    assert ["@support@example.com"] in mentioned


def test_media_of_a_note(ask: Ask) -> None:
    """A file comes back with what was sent of it; one by URL with its path."""
    note = created(ask, media=EMBEDDED)
    assert (note["body"], note["message_type"]) == (None, "image")
    assert note["media"] == {"filename": "a.png", "mimetype": "image/png", "filedata": "iVBO"}
    by_url = {key: value for key, value in EMBEDDED.items() if key != "filedata"} | {"url": "https://example.com/a.png"}
    assert created(ask, media=by_url)["media"]["path"] == "https://example.com/a.png"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"message": "x"}, "chat_id"),
        ({"chat_id": "me", "message": "x"}, "chat_id"),
        ({"chat_id": CHAT, "message": 5}, "message"),
        ({"chat_id": CHAT, "media": []}, "media"),
        ({"chat_id": CHAT, "media": EMBEDDED | {"type": "sticker"}}, "media"),
        ({"chat_id": CHAT, "media": EMBEDDED | {"filename": None}}, "media"),
        ({"chat_id": CHAT, "reply_to": {}}, "reply_to"),
    ],
)
def test_a_bad_note(ask: Ask, notes: Objects, body: Any, field: str) -> None:
    """A value that cannot be meant is a 422 that names it, and no note is made."""
    before = notes.ids()
    answer = ask("POST", "/note/create", body)
    assert (answer.status, list(json.loads(answer.body)["fields"])) == (422, [f"body.{field}"])
    assert notes.ids() == before


def test_a_note_in_no_chat(ask: Ask) -> None:
    """An unknown chat is a 404, to write into and to read."""
    for answer in (
        ask("POST", "/note/create", {"chat_id": "1@c.us", "message": "x"}),
        ask("GET", "/chats/1@c.us/notes"),
        ask("GET", "/chats/1@c.us/notifications"),
    ):
        assert (answer.status, json.loads(answer.body)["message"]) == (404, "Chat not found")
    answer = ask("GET", "/note/x")
    assert (answer.status, json.loads(answer.body)["message"]) == (404, "Note not found")


def test_a_list_says_of_which_time_it_is(ask: Ask, notes: Objects) -> None:
    """Notes and reactions repeat the times of the query; where there is none they say null."""
    page = parsed(ask("GET", "/note?start_time=2025-08-15"))
    assert (page["start_time"], page["end_time"]) == ("2025-08-15", None)
    assert page["notes"][0] == notes.get(notes.ids()[-1])
    page = parsed(ask("GET", "/reactions?end_time=2024-01-01"))
    assert (page["start_time"], page["end_time"], page["reactions"]) == (None, "2024-01-01", [])


def test_a_note_without_chat_and_time(ask: Ask, notes: Objects) -> None:
    """What was put with no more than an id is in the list of all, and in no other."""
    notes.put({"message_id": "bare"})
    assert parsed(ask("GET", "/note?limit=1"))["notes"] == [{"message_id": "bare"}]
    assert parsed(ask("GET", "/note?end_time=2099-01-01&limit=1"))["notes"] != [{"message_id": "bare"}]
    assert parsed(ask("GET", f"/chats/{CHAT}/notes?limit=1"))["notes"] != [{"message_id": "bare"}]


def test_pages_hold_five_hundred_rows(ask: Ask, notes: Objects) -> None:
    """Where the query does not say how many rows, notes and reactions come by five hundred."""
    for number in range(600):
        notes.put({"message_id": f"n{number}"})
    page = parsed(ask("GET", "/note"))
    assert (len(page["notes"]), page["count"]) == (500, len(notes.ids()))
    assert len(parsed(ask("GET", "/note?limit=550"))["notes"]) == 550
    assert ask("GET", "/note?limit=2001").status == 422


def test_reactions(ask: Ask, service: Service) -> None:
    """Reactions are found by chat, in either spelling, and by the full or short id of their message."""
    reactions = service.state.objects["reactions"]
    one = reactions.get(reactions.ids()[0])
    digits = one["chat_id"].removesuffix("@c.us")
    for query in (f"chat_id={one['chat_id']}", f"chat_id={digits}"):
        found = parsed(ask("GET", f"/reactions?{query}"))["reactions"]
        assert {row["chat_id"] for row in found} == {one["chat_id"]}
    for message in (one["message_id"], one["unique_id"]):
        assert parsed(ask("GET", f"/reactions?message_id={message}"))["reactions"] == [one]
    taken_back = [row for row in map(reactions.get, reactions.ids()) if row["reaction"] == ""]
    assert taken_back


def test_notifications(ask: Ask, service: Service) -> None:
    """What happened to groups comes newest first, under the key that the vendor's types have."""
    found = parsed(ask("GET", "/chats/notifications"))["notifictions"]
    assert [row["timestamp"] for row in found] == sorted((row["timestamp"] for row in found), reverse=True)
    assert {row["type"] for row in found} == {"add", "remove", "promote", "subject", "restrict_true"}
    of_one = parsed(ask("GET", f"/chats/{found[0]['chat_id']}/notifications"))["notifictions"]
    assert len(of_one) == 5
    service.state.assumptions = Assumptions(notifications_key="messages")
    assert parsed(ask("GET", "/chats/notifications"))["messages"] == found
