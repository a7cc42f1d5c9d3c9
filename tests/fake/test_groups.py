"""The operations on groups, without a socket: settings, links, who is in and who is out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.account import ORG_PHONE
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.service import Service

FRIEND = "919537851844@c.us"
STRANGER = "17995550199@c.us"
NOW = "2025-02-19T21:20:00.250000+00:00"

Ask = Callable[..., Answer]


def parsed(answer: Answer) -> Any:
    """The JSON of a success."""
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def fields(answer: Answer) -> list[str]:
    """What a 422 says was wrong."""
    assert answer.status == 422
    return sorted(json.loads(answer.body)["fields"])


def digits(contact_id: str) -> str:
    """A participant as the API takes it."""
    return contact_id.removesuffix("@c.us")


@pytest.fixture
def group(chats: Objects) -> str:
    """The id of a group that there is from the start, with its phone as an admin."""
    return next(name for name in chats.ids() if name.endswith("@g.us") and chats.get(name)["members"])


# --- groups made and set up --------------------------------------------------------------------------------------


def test_create(ask: Ask, chats: Objects) -> None:
    """A new group has the phone as its owner, those who have a chat with it, and a link of its own; it is listed."""
    body = {"group_name": "Parcels", "participants": [digits(FRIEND), digits(STRANGER), digits(ORG_PHONE)]}
    group = parsed(ask("POST", "/chats/create", body))
    assert parsed(ask("GET", f"/chats/{group['chat_id']}")) == group == chats.get(group["chat_id"])
    assert (group["chat_name"], group["chat_type"], group["created_at"]) == ("Parcels", "group", NOW)
    assert {who: member["is_admin"] for who, member in group["members"].items()} == {ORG_PHONE: True, FRIEND: False}
    assert (group["member_count"], group["is_exited"], group["member_add_mode"]) == (2, False, "false")
    assert [group[f"{flag}_admins_only"] for flag in ("add_members", "info", "messages")] == [False] * 3
    other = parsed(ask("POST", "/chats/create", body))
    assert other["chat_id"] != group["chat_id"]
    assert other["invite_link"] != group["invite_link"]
    assert parsed(ask("GET", "/chats?limit=1"))["chats"][0]["chat_id"] == other["chat_id"]


def test_create_with_options(ask: Ask, chats: Objects) -> None:
    """Options are kept, empty ones are none, and by force strangers are members at once."""
    options = {
        "addMembersAdminsOnly": True,
        "description": "All of them",
        "force_add_participants": True,
        "image": "",
        "infoAdminsOnly": None,
        "messagesAdminsOnly": True,
    }
    body = {"group_name": "Parcels", "participants": [digits(STRANGER)], "options": options}
    group = parsed(ask("POST", "/chats/create", body))
    assert STRANGER in group["members"]
    assert (group["group_description"], group["chat_image"]) == ("All of them", None)
    assert [group[f"{flag}_admins_only"] for flag in ("add_members", "info", "messages")] == [True, False, True]
    chats.remove(group["chat_id"])
    assert parsed(ask("POST", "/chats/create", body))["chat_id"] != group["chat_id"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["body.group_name", "body.participants"]),
        ({"group_name": None, "participants": None}, ["body.group_name", "body.participants"]),
        ({"group_name": "", "participants": []}, ["body.group_name", "body.participants"]),
        ({"group_name": "a", "participants": "1"}, ["body.participants"]),
        ({"group_name": "a", "participants": [FRIEND]}, ["body.participants"]),
        ({"group_name": "a", "participants": [1]}, ["body.participants"]),
        ({"group_name": "a", "participants": ["1"], "options": []}, ["body.options"]),
        ({"group_name": "a", "participants": ["1"], "options": {"infoAdminsOnly": "yes"}}, ["body.options"]),
    ],
)
def test_create_with_a_bad_body(ask: Ask, chats: Objects, body: Any, wrong: list[str]) -> None:
    """A bad body is a 422 that names what is wrong, and no group is made."""
    before = chats.ids()
    assert fields(ask("POST", "/chats/create", body)) == wrong
    assert chats.ids() == before


def test_settings(ask: Ask, chats: Objects, tickets: Objects, group: str) -> None:
    """Settings that are sent change, the others stay, and tickets of the group show them."""
    before = chats.get(group)
    body = {"name": "Late", "description": "d", "image": "https://example.com/p.png", "memberAddMode": True}
    after = parsed(ask("POST", f"/chats/{group}/settings", body))
    assert after == chats.get(group)
    assert (after["chat_name"], after["group_description"], after["chat_image"]) == tuple(body.values())[:3]
    assert (after["member_add_mode"], after["add_members_admins_only"]) == ("true", True)
    assert (after["info_admins_only"], after["members"]) == (before["info_admins_only"], before["members"])
    shown = [info["chat"] for info in map(tickets.get, tickets.ids()) if info["chat"]["chat_id"] == group]
    assert {chat["chat_name"] for chat in shown} == {"Late"}


@pytest.mark.parametrize("service", [Assumptions(group_flags="reset")], indirect=True)
def test_settings_otherwise(ask: Ask, group: str) -> None:
    """Or flags that are left out become what the vendor's types name as their default."""
    after = parsed(ask("POST", f"/chats/{group}/settings", {"messagesAdminsOnly": True}))
    assert [after[f"{flag}_admins_only"] for flag in ("add_members", "info", "messages")] == [True, False, True]


@pytest.mark.parametrize("body", [{}, {"memberAddMode": "true"}, {"name": 5}])
def test_settings_with_a_bad_body(ask: Ask, group: str, body: Any) -> None:
    """No setting at all, or one of the wrong type, is a 422."""
    assert fields(ask("POST", f"/chats/{group}/settings", body))


# --- in and out --------------------------------------------------------------------------------------------------


def test_invite(ask: Ask, chats: Objects, group: str) -> None:
    """A link is new each time, leads a phone that has left back in as a member, and the one before it nowhere."""
    before = chats.get(group)["invite_link"]
    link = parsed(ask("POST", f"/chats/{group}/invite"))["invite_link"]
    assert chats.get(group)["invite_link"] == link != before
    assert ask("POST", f"/chats/{group}/leave") == Answer(200)
    left = chats.get(group)
    assert left["is_exited"]
    assert ORG_PHONE not in left["members"]
    assert ask("POST", "/chats/accept-invite", {"invite_code": before.rpartition("/")[2]}).status == 404
    joined = parsed(ask("POST", "/chats/accept-invite", {"invite_code": link.rpartition("/")[2]}))
    assert joined == chats.get(group)
    assert (joined["is_exited"], joined["member_count"]) == (False, left["member_count"] + 1)
    member = joined["members"][ORG_PHONE]
    assert (member["is_admin"], member["is_super_admin"]) == (False, False)


def test_links_are_of_one_group(chats: Objects) -> None:
    """No two groups that there are from the start have the same link, and other chats have none."""
    links = [link for link in (chats.get(name)["invite_link"] for name in chats.ids()) if link]
    assert len(links) == len(set(links)) == len([name for name in chats.ids() if name.endswith("@g.us")])


def test_once_more(service: Service, ask: Ask, chats: Objects, group: str) -> None:
    """To join or leave once more is refused, or by assumption answered as the first time; nothing changes."""
    code = {"invite_code": chats.get(group)["invite_link"].rpartition("/")[2]}
    assert ask("POST", "/chats/accept-invite", code).status == 403
    service.state.assumptions = Assumptions(once_more="200")
    assert parsed(ask("POST", "/chats/accept-invite", code)) == chats.get(group)
    ask("POST", f"/chats/{group}/leave")
    left = chats.get(group)
    assert ask("POST", f"/chats/{group}/leave") == Answer(200)
    service.state.assumptions = Assumptions()
    assert ask("POST", f"/chats/{group}/leave").status == 403
    assert chats.get(group) == left


def test_members_that_nobody_knows(ask: Ask, chats: Objects) -> None:
    """Of a group without members the phone is the owner."""
    chats.put({"chat_id": "7@g.us", "chat_type": "group"})
    result = parsed(ask("POST", "/chats/7@g.us/add", {"participants": [digits(FRIEND)]}))
    assert result[FRIEND]["is_success"]
    assert [*chats.get("7@g.us")["members"]] == [ORG_PHONE, FRIEND]


# --- participants ------------------------------------------------------------------------------------------------


def test_add(ask: Ask, chats: Objects, group: str) -> None:
    """Who has a chat with the phone is added, a stranger invited or added by force, and who is in it is a failure."""
    before = chats.get(group)["member_count"]
    people = [digits(FRIEND), digits(STRANGER)]
    result = parsed(ask("POST", f"/chats/{group}/add", {"participants": people}))
    assert result == {
        FRIEND: {"is_success": True, "message": "Participant added"},
        STRANGER: {"is_success": True, "message": "Invite sent to participant", "isInviteV4Sent": True},
    }
    members = chats.get(group)["members"]
    assert FRIEND in members
    assert STRANGER not in members
    result = parsed(ask("POST", f"/chats/{group}/add", {"participants": people, "force_add_participants": True}))
    assert {who: one["is_success"] for who, one in result.items()} == {FRIEND: False, STRANGER: True}
    assert chats.get(group)["member_count"] == before + 2


@pytest.mark.parametrize("service", [Assumptions(strangers="added")], indirect=True)
def test_add_otherwise(ask: Ask, chats: Objects, group: str) -> None:
    """Or strangers are added like anybody."""
    ask("POST", f"/chats/{group}/add", {"participants": [digits(STRANGER)]})
    assert STRANGER in chats.get(group)["members"]


def test_roles(ask: Ask, chats: Objects, group: str) -> None:
    """Members become admins, members again, and go; with who is not in the group each of these is a failure."""
    member = next(who for who, one in chats.get(group)["members"].items() if not one["is_admin"])
    body = {"participants": [digits(member), digits(STRANGER)]}
    expected = {
        member: {"is_success": True},
        STRANGER: {"is_success": False, "message": "Participant is not in the group"},
    }
    for step, is_admin in (("promote", True), ("demote", False)):
        assert parsed(ask("POST", f"/chats/{group}/{step}", body)) == expected
        assert chats.get(group)["members"][member]["is_admin"] is is_admin
    assert parsed(ask("POST", f"/chats/{group}/remove", body)) == expected
    after = chats.get(group)
    assert member not in after["members"]
    assert after["member_count"] == len(after["members"])
    assert after["updated_at"] == NOW


# --- refusals ----------------------------------------------------------------------------------------------------

OPERATIONS = {
    "settings": {"name": "x"},
    "invite": None,
    "leave": None,
    "add": {"participants": ["1"]},
    "remove": {"participants": ["1"]},
    "promote": {"participants": ["1"]},
    "demote": {"participants": ["1"]},
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_not_a_group(ask: Ask, operation: str) -> None:
    """An unknown chat is a 404, and so is one with a person."""
    for name, message in (("1@g.us", "Chat not found"), (FRIEND, "Group not found")):
        answer = ask("POST", f"/chats/{name}/{operation}", OPERATIONS[operation])
        assert (answer.status, json.loads(answer.body)["message"]) == (404, message)


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"leave"}))
def test_not_an_admin(service: Service, ask: Ask, chats: Objects, group: str, operation: str) -> None:
    """What admins alone may do is refused to a phone that is not one, or is out: with a 403, or by assumption a 422."""
    ask("POST", f"/chats/{group}/demote", {"participants": [digits(ORG_PHONE)]})
    before = chats.get(group)
    assert ask("POST", f"/chats/{group}/{operation}", OPERATIONS[operation]).status == 403
    service.state.assumptions = Assumptions(group_refusal="422")
    assert fields(ask("POST", f"/chats/{group}/{operation}", OPERATIONS[operation])) == ["params.chat_id"]
    assert chats.get(group) == before
    service.state.assumptions = Assumptions()
    ask("POST", f"/chats/{group}/leave")
    assert ask("POST", f"/chats/{group}/{operation}", OPERATIONS[operation]).status == 403


@pytest.mark.parametrize("name", ["group_flags", "group_refusal", "once_more", "strangers", "unknown_chats"])
def test_assumptions_are_checked(name: str) -> None:
    """An assumption that is out of few is refused if it is another."""
    with pytest.raises(ValueError, match=name):
        Assumptions(**{name: "?"})
