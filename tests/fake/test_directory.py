"""Contacts, phones, members and webhooks of the service, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.service import Service

Ask = Callable[..., Answer]
PERSON = "919537851844"
PHONE = "x-phone: 918527184400"
EMAIL = "asha@example.com"
HOOK = "https://example.com/hook"


def parsed(answer: Answer) -> Any:
    """The body of a success."""
    assert answer.status in {200, 201}
    return json.loads(answer.body)


def test_contacts_are_the_people_in_chats(service: Service, ask: Ask) -> None:
    """Whoever takes part in a chat is a contact, but for the phone itself; of each, the chats are shown."""
    chats, contacts = (service.state.objects[name] for name in ("chats", "contacts"))
    people = {who for name in chats.ids() for who in chats.get(name)["members"] or ()}
    assert {*contacts.ids()} == people - {"918527184400@c.us"}
    contact = parsed(ask("GET", f"/contacts/{PERSON}"))
    assert contact["chat_ids"] == [f"{PERSON}@c.us"]
    assert {contacts.get(name)["contact_type"] for name in contacts.ids()} == {"user", "business"}
    rows = parsed(ask("GET", "/contacts?limit=3"))["contacts"]
    assert len(rows) == 3
    assert not any("chat_ids" in row for row in rows)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/contacts/create", {"contact_id": PERSON}),
        ("POST", "/contacts/create", {"contact_id": "+91 1", "contact_name": "a"}),
        ("PATCH", f"/contacts/{PERSON}", {}),
        ("PATCH", f"/contacts/{PERSON}", {"is_internal": "yes"}),
        ("PATCH", "/contacts/labels", {"contact_ids": [PERSON]}),
        ("PATCH", "/contacts/labels", {"contact_ids": [], "labels": "a"}),
        ("POST", "/contacts/check", {"contact_ids": [f"{PERSON}@c.us"]}),
        ("GET", "/phones", None),
        ("PATCH", "/phones/update", {}),
        ("POST", "/phones/reset", None),
        ("POST", "/members/invite", {"emails": []}),
        ("POST", "/members/invite", {"emails": [EMAIL], "role": "owner"}),
        ("POST", "/members/invite", {"emails": [EMAIL], "labels": "vip"}),
        ("PATCH", "/members/access", {"labels": ["vip"]}),
        ("POST", "/webhooks", {"hookUrl": HOOK}),
        ("POST", "/webhooks", {"hookUrl": "example.com", "integrationName": "a"}),
        ("POST", "/webhooks", {"hookUrl": HOOK, "integrationName": "a", "integrationMetadata": "b"}),
        ("POST", "/webhooks", {"hookUrl": HOOK, "integrationName": []}),
        ("POST", "/webhooks", {"hookUrl": HOOK, "integrationName": [1]}),
        ("PATCH", "/webhooks/1", {}),
        ("PATCH", "/webhooks/1", {"hookUrl": ""}),
        ("GET", "/webhooks?is_subscribed=1", None),
    ],
)
def test_what_is_refused(ask: Ask, method: str, path: str, body: dict[str, Any] | None) -> None:
    """What is missing or of another kind is a 422 that names it, before anything is done."""
    answer = ask(method, path, body)
    assert (answer.status, json.loads(answer.body)["code"]) == (422, "VALIDATION_ERROR")
    assert json.loads(answer.body)["fields"]


@pytest.mark.parametrize(
    ("service", "status", "labels"),
    [(Assumptions(), 404, ["kept"]), (Assumptions(unknown_contacts="skipped"), 204, ["VIP"])],
    indirect=["service"],
)
def test_labels_of_an_unknown_contact(ask: Ask, status: int, labels: list[str]) -> None:
    """One unknown contact among many stops it all, or is skipped."""
    assert ask("PATCH", "/contacts/labels", {"contact_ids": [PERSON], "labels": "kept"}).status == 204
    assert ask("PATCH", "/contacts/labels", {"contact_ids": [PERSON, "1"], "labels": "vip"}).status == status
    assert parsed(ask("GET", f"/contacts/{PERSON}"))["labels"] == labels


@pytest.mark.parametrize(
    ("service", "labels"), [(Assumptions(), []), (Assumptions(empty_clears=False), ["VIP"])], indirect=["service"]
)
def test_empty_labels(ask: Ask, labels: list[str]) -> None:
    """Labels that are empty take all away, or leave them, of contacts and of phones alike."""
    ask("PATCH", f"/contacts/{PERSON}", {"labels": "vip"})
    ask("PATCH", "/phones/update", {"labels": "vip"}, PHONE)
    assert parsed(ask("PATCH", f"/contacts/{PERSON}", {"labels": ""}))["labels"] == labels
    assert ask("PATCH", "/contacts/labels", {"contact_ids": [PERSON], "labels": ""}).status == 204
    assert parsed(ask("GET", f"/contacts/{PERSON}"))["labels"] == labels
    assert parsed(ask("PATCH", "/phones/update", {"labels": ""}, PHONE))["labels"] == labels
    assert parsed(ask("PATCH", "/phones/update", {"labels": None}, PHONE))["labels"] == labels


def test_a_new_phone_is_stored_with_more_than_is_shown(ask: Ask) -> None:
    """What making a phone answers has keys that a list has not, and lacks the labels."""
    made = parsed(ask("POST", "/phones/create"))
    (_, shown) = parsed(ask("GET", "/phones/all"))
    assert made.keys() - shown.keys() >= {"is_browser_open", "wa_version"}
    assert shown.keys() - made.keys() == {"labels"}
    assert {key: made[key] for key in made if key in shown} == {key: shown[key] for key in shown if key in made}


def test_who_cannot_be_invited(ask: Ask) -> None:
    """An address that cannot be one, and one that is a member, are named; the others are invited."""
    result = parsed(ask("POST", "/members/invite", {"emails": ["nobody", EMAIL, "new@example.com"]}))
    assert [error["email"] for error in result["errors"]] == ["nobody", EMAIL]
    assert [member["email"] for member in result["addedMembers"]] == ["new@example.com"]
    assert ask("DELETE", "/members/new%40example.com").status == 204


def test_members_have_an_owner(service: Service) -> None:
    """One of the staff owns the organisation; all of them have joined."""
    members = [service.state.objects["members"].get(name) for name in service.state.objects["members"].ids()]
    assert [member["role"] for member in members] == ["admin", "member", "member"]
    assert all(member["user_id"] and member["member_name"] for member in members)


def test_one_event_as_text(ask: Ask) -> None:
    """One event may come as text; empty values set nothing."""
    (made,) = parsed(ask("POST", "/webhooks", {"hookUrl": HOOK, "integrationName": "note.created", "type": ""}))
    assert (made["integration_name"], made["type"]) == ("note.created", "webhook")
    assert made["integration_metadata"]["name"] == HOOK
    assert ask("DELETE", f"/webhooks/{made['id']}").status == 204
    assert ask("GET", f"/webhooks/{made['id']}").status == 404
