"""The operations on chats, without a socket, and what tickets show of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.chat_forms import short_form
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.service import Service

CHAT = "919537851844@c.us"
NOW = "2025-02-19T21:20:00.250000+00:00"

Ask = Callable[..., Answer]


def parsed(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body)


def fields(answer: Answer) -> dict[str, Any]:
    """What a 422 says was wrong."""
    assert (answer.status, parsed(answer)["code"]) == (422, "VALIDATION_ERROR")
    return parsed(answer)["fields"]


def listed(ask: Ask, query: str = "") -> list[str]:
    """The ids of the chats that a page lists."""
    return [row["chat_id"] for row in parsed(ask("GET", f"/chats{query}"))["chats"]]


def tickets_in(tickets: Objects, chat_id: str) -> list[dict[str, Any]]:
    """What tickets of a chat show of it."""
    infos = [tickets.get(name) for name in tickets.ids()]
    return [info["chat"] for info in infos if info["chat"] and info["chat"]["chat_id"] == chat_id]


# --- get and list ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [CHAT, "919537851844%40c.us", "919537851844"])
def test_get(ask: Ask, chats: Objects, name: str) -> None:
    """A chat answers to its id in full and without `@c.us`, in the full form: labels as a list, properties by id."""
    chat = parsed(ask("GET", f"/chats/{name}"))
    assert chat == chats.get(CHAT)
    assert (chat["chat_id"], chat["labels"]) == (CHAT, ["chatlabel1", "chatlabel2"])
    assert chat["custom_properties"] == {"property-tlkudzxmhjkgoktm": "hello"}
    assert [*chat] == sorted(chat)


def test_get_unknown(ask: Ask) -> None:
    """An unknown id answers the vendor's 404."""
    answer = ask("GET", "/chats/1@c.us")
    assert parsed(answer) == {"code": "NOT_FOUND_ERROR", "message": "Chat not found", "status": 404}


def test_every_chat_is_the_one_its_tickets_show(tickets: Objects, chats: Objects) -> None:
    """The full form and that of a ticket tell the same of a chat, before anybody changed anything."""
    shown = [tickets.get(name)["chat"] for name in tickets.ids()]
    assert {chat["chat_id"] for chat in shown} == {*chats.ids()}
    assert all(chat == short_form(chats.get(chat["chat_id"])) for chat in shown)


def test_chats_hold_every_variety(chats: Objects) -> None:
    """Among the chats is every kind, each form of no labels, and some with a latest message in its full form."""
    every = [chats.get(name) for name in chats.ids()]
    assert {chat["chat_type"] for chat in every} == {"user", "group", "business"}
    assert [] in [chat["labels"] for chat in every]
    assert None in [chat["labels"] for chat in every]
    latest = [chat["latest_message"] for chat in every if chat["latest_message"]]
    assert 0 < len(latest) < len(every)
    assert {message["message_type"] for message in latest} == {"chat", "image"}


def test_list(ask: Ask, chats: Objects) -> None:
    """A page holds rows, newest first: without members and label names, as the vendor's page shows them."""
    page = parsed(ask("GET", "/chats?offset=1&limit=2"))
    assert [row["chat_id"] for row in page["chats"]] == [*reversed(chats.ids())][1:3]
    assert (page["from"], page["to"], page["count"]) == (2, 3, len(chats.ids()))
    whole = chats.get(page["chats"][0]["chat_id"])
    assert page["chats"][0] == {key: value for key, value in whole.items() if key in page["chats"][0]}
    assert whole.keys() - page["chats"][0].keys() == {"is_archived", "labels", "members"}


def test_filters(ask: Ask, chats: Objects) -> None:
    """A list holds those of one type, of one label by name or id, and of a time; `count` is of these."""
    every = {name: chats.get(name) for name in reversed(chats.ids())}
    assert listed(ask, "?chat_type=group") == [name for name, chat in every.items() if chat["chat_type"] == "group"]
    labelled = [name for name, chat in every.items() if "VIP" in (chat["labels"] or ())]
    (label_id,) = chats.get(labelled[0])["label_ids"]
    assert listed(ask, "?label=vip") == listed(ask, f"?label={label_id}") == labelled
    page = parsed(ask("GET", "/chats?label=VIP&limit=1"))
    assert (len(page["chats"]), page["count"]) == (1, len(labelled))
    old = [name for name, chat in every.items() if chat["created_at"].startswith("2024")]
    assert listed(ask, "?end_time=2024-12-31") == old
    assert listed(ask, "?start_time=2024-12-31") == [name for name in every if name not in old]
    exactly = "2025-01-18T14:51:03Z"
    assert CHAT in listed(ask, f"?start_time={exactly}&end_time={exactly}")
    chats.put({"chat_id": "7@c.us"})
    assert "7@c.us" in listed(ask)
    assert "7@c.us" not in [
        *listed(ask, "?chat_type=user"),
        *listed(ask, "?end_time=2099-01-01"),
        *listed(ask, "?label=x"),
    ]


@pytest.mark.parametrize("query", ["chat_type=individual", "start_time=yesterday", "end_time=", "limit=x", "offset=-1"])
def test_list_with_a_bad_query(ask: Ask, query: str) -> None:
    """A value that cannot be meant is a 422 that names it."""
    assert list(fields(ask("GET", f"/chats?{query}"))) == [f"query.{query.partition('=')[0]}"]


# --- update ------------------------------------------------------------------------------------------------------


def test_update(ask: Ask, chats: Objects) -> None:
    """What is sent changes, the rest stays; properties go by name or id, labels replace all, whatever their case."""
    before = chats.get(CHAT)
    body = {
        "assigned_to": "asha@example.com",
        "custom_properties": {"Custom Property 1": "bye", "property-9": "new"},
        "labels": "vip, Fresh",
    }
    answer = ask("PATCH", "/chats/919537851844", body)
    after = chats.get(CHAT)
    assert (answer.status, parsed(answer)) == (200, after)
    changed = {"assigned_to", "custom_properties", "labels", "label_ids", "updated_at"}
    assert {key for key in after if after[key] != before[key]} == changed
    assert (after["assigned_to"], after["labels"], after["updated_at"]) == ("asha@example.com", ["VIP", "Fresh"], NOW)
    assert after["custom_properties"] == {"property-tlkudzxmhjkgoktm": "bye", "property-9": "new"}
    assert len(after["label_ids"]) == 2


@pytest.mark.parametrize("empty", ["", None])
def test_update_with_empties(ask: Ask, chats: Objects, empty: str | None) -> None:
    """Empties clear the assignee and the labels; without properties there is nothing to change in them."""
    chats.change(CHAT, assigned_to="asha@example.com")
    body = {"assigned_to": empty, "labels": empty, "custom_properties": None}
    chat = parsed(ask("PATCH", f"/chats/{CHAT}", body))
    assert (chat["assigned_to"], chat["labels"], chat["label_ids"]) == (None, [], {})
    assert chat["custom_properties"] == {"property-tlkudzxmhjkgoktm": "hello"}


@pytest.mark.parametrize("service", [Assumptions(empty_clears=False)], indirect=True)
def test_update_with_empties_otherwise(ask: Ask, chats: Objects) -> None:
    """Empties may leave everything as it is."""
    chats.change(CHAT, assigned_to="asha@example.com")
    chat = parsed(ask("PATCH", f"/chats/{CHAT}", {"assigned_to": "", "labels": None}))
    assert (chat["assigned_to"], chat["labels"]) == ("asha@example.com", ["chatlabel1", "chatlabel2"])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["assigned_to", "custom_properties", "labels"]),
        ({"chat_name": "x"}, ["assigned_to", "custom_properties", "labels"]),
        ({"assigned_to": 5}, ["body.assigned_to"]),
        ({"labels": ["a"]}, ["body.labels"]),
        ({"custom_properties": {"a": 1}}, ["body.custom_properties"]),
        ({"custom_properties": ""}, ["body.custom_properties"]),
        (b"[]", ["body"]),
    ],
)
def test_update_with_a_bad_body(ask: Ask, chats: Objects, body: Any, wrong: list[str]) -> None:
    """A bad body is a 422 that names what is wrong, and nothing changes."""
    before = chats.get(CHAT)
    assert sorted(fields(ask("PATCH", f"/chats/{CHAT}", body))) == wrong
    assert chats.get(CHAT) == before


def test_update_unknown(ask: Ask) -> None:
    """An unknown id is a 404."""
    assert ask("PATCH", "/chats/1@c.us", {"labels": "a"}).status == 404


# --- many at once, and reading -----------------------------------------------------------------------------------


def test_mark_read(ask: Ask, chats: Objects) -> None:
    """A chat that is read has no unread messages, by phone neither, and answers no body; an unknown one is a 404."""
    chats.change(CHAT, message_unread_count=3)
    assert ask("POST", f"/chats/{CHAT}/read") == Answer(200)
    assert chats.get(CHAT)["message_unread_count"] == 0
    assert "unread_count" not in chats.get(CHAT)
    chats.change(CHAT, message_unread_count=3, unread_count={"918527184400@c.us": 3})
    ask("POST", f"/chats/{CHAT}/read")
    assert (chats.get(CHAT)["message_unread_count"], chats.get(CHAT)["unread_count"]) == (0, {"918527184400@c.us": 0})
    assert ask("POST", "/chats/1@c.us/read").status == 404


def test_labels_of_many(service: Service, ask: Ask, chats: Objects) -> None:
    """Each of many chats gets these labels and no others; empties clear them, or by assumption change nothing."""
    other = chats.ids()[-1]
    body = {"chat_ids": ["919537851844", other], "labels": "vip, Fresh"}
    assert ask("PATCH", "/chats/labels", body) == Answer(204)
    for name in (CHAT, other):
        chat = chats.get(name)
        assert (chat["labels"], len(chat["label_ids"]), chat["updated_at"]) == (["VIP", "Fresh"], 2, NOW)
    service.state.assumptions = Assumptions(empty_clears=False)
    ask("PATCH", "/chats/labels", {"chat_ids": [CHAT], "labels": ""})
    assert chats.get(CHAT)["labels"] == ["VIP", "Fresh"]
    service.state.assumptions = Assumptions()
    ask("PATCH", "/chats/labels", {"chat_ids": [CHAT], "labels": ""})
    assert chats.get(CHAT)["labels"] == []


def test_access_to_many(ask: Ask, chats: Objects) -> None:
    """Access is merged with what there is, or put in its place."""
    ask("PATCH", "/chats/access", {"chat_ids": [CHAT], "access": {"a@example.com": True}, "replace": False})
    ask("PATCH", "/chats/access", {"chat_ids": [CHAT], "access": {"b@example.com": False}})
    assert chats.get(CHAT)["override_chat_access"] == {"a@example.com": True, "b@example.com": False}
    body = {"chat_ids": [CHAT], "access": {"c@example.com": True}, "replace": True}
    assert ask("PATCH", "/chats/access", body) == Answer(204)
    assert chats.get(CHAT)["override_chat_access"] == {"c@example.com": True}


def test_an_unknown_chat_among_many(service: Service, ask: Ask, chats: Objects) -> None:
    """With an unknown chat among them nothing changes, or by assumption the others do."""
    before = chats.get(CHAT)
    body = {"chat_ids": [CHAT, "1@c.us"], "labels": "a"}
    assert ask("PATCH", "/chats/labels", body).status == 404
    assert chats.get(CHAT) == before
    service.state.assumptions = Assumptions(unknown_chats="skipped")
    assert ask("PATCH", "/chats/labels", body).status == 204
    assert chats.get(CHAT)["labels"] == ["a"]


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("labels", {}, ["chat_ids", "labels"]),
        ("labels", {"chat_ids": [CHAT]}, ["labels"]),
        ("labels", {"chat_ids": [], "labels": "a"}, ["body.chat_ids"]),
        ("labels", {"chat_ids": None, "labels": "a"}, ["body.chat_ids"]),
        ("access", {"chat_ids": "", "access": {}}, ["body.chat_ids"]),
        ("labels", {"chat_ids": ["x"], "labels": "a"}, ["body.chat_ids"]),
        ("labels", {"chat_ids": [CHAT], "labels": ["a"]}, ["body.labels"]),
        ("access", {"access": {}}, ["chat_ids"]),
        ("access", {"chat_ids": [CHAT]}, ["body.access"]),
        ("access", {"chat_ids": [CHAT], "access": {"a": 1}}, ["body.access"]),
        ("access", {"chat_ids": [CHAT], "access": {}, "replace": "no"}, ["body.replace"]),
    ],
)
def test_many_with_a_bad_body(ask: Ask, path: str, body: Any, wrong: list[str]) -> None:
    """A key that is left out, or a bad value, is a 422 that names it."""
    assert sorted(fields(ask("PATCH", f"/chats/{path}", body))) == wrong


# --- one state ---------------------------------------------------------------------------------------------------


def test_tickets_show_a_chat_as_it_is(ask: Ask, tickets: Objects, chats: Objects) -> None:
    """What PATCH, `change` or `put` does to a chat, every ticket in it shows from then on, and no other."""
    chat_id = tickets.get("BKT-003")["chat"]["chat_id"]
    others = [tickets.get(name) for name in tickets.ids() if tickets.get(name)["chat"]["chat_id"] != chat_id]
    tickets.change("BKT-064", subject="mine")  # of the same chat
    ask("PATCH", f"/chats/{chat_id}", {"labels": "a, b", "custom_properties": {"Custom Property 1": "x"}})
    chats.change(chat_id, chat_name="Parcels", mood="new", assigned_to="asha@example.com")
    shown = tickets_in(tickets, chat_id)
    assert len(shown) == 3
    for chat in shown:
        assert (chat["chat_name"], chat["chat_labels"], chat["mood"]) == ("Parcels", "a, b", "new")
        assert chat["custom_properties"]["Custom Property 1"] == "x"
        assert "assigned_to" not in chat
        assert "labels" not in chat
    assert parsed(ask("GET", "/tickets/BKT-064"))["ticket"]["subject"] == "mine"
    chats.put({"chat_id": chat_id, "labels": None})
    assert tickets_in(tickets, chat_id) == [{"chat_id": chat_id, "chat_labels": None}] * 3
    assert [info for info in map(tickets.get, tickets.ids()) if info["chat"]["chat_id"] != chat_id] == others


def test_a_chat_is_as_a_ticket_that_was_put_shows_it(ask: Ask, tickets: Objects, chats: Objects) -> None:
    """A ticket that is put changes its chat, for the chat's own page and its other tickets; the rest of it stays."""
    info = tickets.get("BKT-003")
    chat_id, before = info["chat"]["chat_id"], chats.get(info["chat"]["chat_id"])
    info["chat"] |= {"chat_name": "Parcels", "chat_labels": "a, b", "custom_properties": {"Custom Property 1": "x"}}
    del info["chat"]["chat_image"]
    tickets.put(info)
    assert tickets.get("BKT-003") == info
    assert tickets.get("BKT-064")["chat"] == info["chat"]
    after = parsed(ask("GET", f"/chats/{chat_id}"))
    assert (after["chat_name"], after["labels"]) == ("Parcels", ["a", "b"])
    assert after["custom_properties"] == {"property-tlkudzxmhjkgoktm": "x"}
    assert after["member_count"] == before["member_count"]
    assert "chat_image" not in after


def test_changing_a_ticket_leaves_its_chat_alone(ask: Ask, tickets: Objects, chats: Objects) -> None:
    """A ticket that is changed says nothing new of its chat: one that was removed stays so, and is shown as it was."""
    chat_id = tickets.get("BKT-003")["chat"]["chat_id"]
    chats.change(chat_id, chat_name="Parcels")
    chats.remove(chat_id)
    tickets.change("BKT-003", subject="mine")
    ask("PATCH", "/tickets/BKT-064", {"subject": "mine too"})
    assert {chat["chat_name"] for chat in tickets_in(tickets, chat_id)} == {"Parcels"}
    assert chat_id not in [*chats.ids(), *listed(ask)]
    assert ask("GET", f"/chats/{chat_id}").status == 404
    assert ask("POST", "/tickets/create", {"chat_id": chat_id, "subject": "s"}).status == 404
    tickets.put({"ticket": {"ticket_id": "X"}, "chat": {"chat_id": chat_id}})
    assert chats.get(chat_id)["chat_id"] == chat_id


@pytest.mark.parametrize("chat", [None, {}, {"chat_name": "no id"}, {"chat_id": None}])
def test_tickets_without_a_chat_that_could_be_found(tickets: Objects, chats: Objects, chat: Any) -> None:
    """A ticket that is put with something else in the place of its chat is served with that."""
    before = chats.ids()
    chats.change(CHAT, chat_name="x")
    info = {"ticket": {"ticket_id": "X"}, "chat": chat}
    tickets.put(info)
    assert tickets.get("X") == info
    assert chats.ids() == before


@pytest.mark.parametrize(
    "chat", [{"chat_id": "7@c.us", "chat_labels": ""}, {"chat_id": "7@c.us", "chat_labels": 5, "custom_properties": 5}]
)
def test_nothing_is_checked_of_what_is_put(tickets: Objects, chats: Objects, chat: Any) -> None:
    """A chat of other types than the vendor's goes through both forms as it is."""
    info = {"ticket": {"ticket_id": "X"}, "chat": chat}
    tickets.put(info)
    assert tickets.get("X") == info
    assert chats.get("7@c.us")["chat_id"] == "7@c.us"
