"""Groups, made, joined, changed and left against the fake service."""

from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    DecodeError,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    PermissionDeniedError,
    UnexpectedResponseError,
)
from periskope_async.models import ChatType, GroupInvite, ParticipantResult
from periskope_async.resources.groups import Groups
from periskope_async.testing import FakePeriskope, Fault, Reply
from periskope_sync import PeriskopeClient as BlockingClient
from tests.support import request_of

FRIEND = "919537851844@c.us"
STRANGER = "17995550199@c.us"
NOWHERE = "120363999999999999@g.us"


@pytest.fixture
def group(fake: FakePeriskope) -> str:
    """The id of a group that there is from the start."""
    return next(name for name in fake.chats.ids if name.endswith("@g.us"))


async def test_create(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A group is made of a name, people in any spelling, and options; what comes back is what is read afterwards."""
    group = await client.groups.create(
        "Parcels",
        ["+91 95378 51844", FRIEND, STRANGER],
        description="All of them",
        image="https://example.com/parcels.png",
        add_members_admins_only=True,
        info_admins_only=False,
        messages_admins_only=True,
        force_add_participants=True,
        phone="+91 98765-00002",
    )
    request = fake.requests[-1]
    assert request.headers["x-phone"] == "919876500002"
    assert request.json() == {
        "group_name": "Parcels",
        "participants": ["919537851844", "17995550199"],
        "options": {
            "description": "All of them",
            "image": "https://example.com/parcels.png",
            "addMembersAdminsOnly": True,
            "infoAdminsOnly": False,
            "messagesAdminsOnly": True,
            "force_add_participants": True,
        },
    }
    assert (group.chat_name, group.chat_type, group.group_description) == ("Parcels", ChatType.GROUP, "All of them")
    assert {FRIEND, STRANGER} < set(group.members)
    assert await client.chats.get(group.chat_id) == group


async def test_create_without_options(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Options that are left out are not sent."""
    await client.groups.create("Parcels", iter([FRIEND]))
    assert fake.requests[-1].json() == {"group_name": "Parcels", "participants": ["919537851844"]}


async def test_update(fake: FakePeriskope, client: PeriskopeClient, group: str) -> None:
    """Settings are sent as the API spells them, repeated after a drop, and answered as they then are."""
    fake.faults.add(Fault.FIN, operation="groups.update", times=1)
    chat = await client.groups.update(
        group,
        name="Late parcels",
        description="d",
        image="https://example.com/p.png",
        member_add_mode=True,
        info_admins_only=True,
        messages_admins_only=False,
    )
    assert fake.counts[Fault.FIN] == 1
    assert fake.calls == 2
    assert fake.requests[-1].json() == {
        "name": "Late parcels",
        "description": "d",
        "image": "https://example.com/p.png",
        "memberAddMode": True,
        "infoAdminsOnly": True,
        "messagesAdminsOnly": False,
    }
    assert (chat.chat_name, chat.info_admins_only, chat.messages_admins_only) == ("Late parcels", True, False)
    assert await client.chats.get(group) == chat


async def test_body_of_another_group(fake: FakePeriskope, client: PeriskopeClient, group: str) -> None:
    """Settings answered with another group are asked for once more, and then refused."""
    fake.faults.add(Fault.OTHER_ID, operation="groups.update")
    with pytest.raises(UnexpectedResponseError, match="another chat"):
        await client.groups.update(group, name="x")
    assert fake.counts[Fault.OTHER_ID] == fake.calls == 2


async def test_invites(fake: FakePeriskope, client: PeriskopeClient, group: str) -> None:
    """A new link leads a phone that has left in again, whole or its code alone; the old one leads nowhere."""
    old = fake.chats.get(group)["invite_link"]
    invite = await client.groups.refresh_invite(group)
    assert invite == GroupInvite(invite_link=fake.chats.get(group)["invite_link"])
    assert invite.invite_link
    assert invite.invite_link not in repr(invite)
    await client.groups.leave(group)
    assert (await client.chats.get(group)).is_exited
    with pytest.raises(NotFoundError):
        await client.groups.accept_invite(old)
    joined = await client.groups.accept_invite(f"{invite.invite_link}/?mode=x")
    assert (joined.chat_id, joined.is_exited) == (group, False)
    assert fake.requests[-1].json() == {"invite_code": invite.invite_link.rpartition("/")[2]}
    await client.groups.leave(group)
    joined = await client.groups.accept_invite(invite.invite_link.rpartition("/")[2])
    assert joined.chat_id == group


async def test_participants(fake: FakePeriskope, client: PeriskopeClient, group: str) -> None:
    """People are added, promoted, demoted and removed; a 200 says of each whether it was done."""
    people = ["919537851844", "+1 (799) 555-0199"]
    added = await client.groups.add_participants(group, people)
    assert added == {
        FRIEND: ParticipantResult(is_success=True, message="Participant added"),
        STRANGER: ParticipantResult(is_success=True, message="Invite sent to participant", is_invite_sent=True),
    }
    assert fake.requests[-1].json() == {"participants": ["919537851844", "17995550199"]}
    promoted = await client.groups.promote_participants(group, people)
    assert {who: result.is_success for who, result in promoted.items()} == {FRIEND: True, STRANGER: False}
    assert (await client.chats.get(group)).members[FRIEND].is_admin
    assert (await client.groups.demote_participants(group, [FRIEND]))[FRIEND].is_success
    assert not (await client.chats.get(group)).members[FRIEND].is_admin
    assert (await client.groups.remove_participants(group, [FRIEND]))[FRIEND].is_success
    assert FRIEND not in (await client.chats.get(group)).members
    again = await client.groups.add_participants(group, [STRANGER], force_add_participants=True)
    assert again[STRANGER].is_invite_sent is None
    assert fake.requests[-1].json() == {"participants": ["17995550199"], "force_add_participants": True}


#: Calls that go once: name, and what comes after the id of a group.
ONCE = {
    "create": None,
    "accept_invite": None,
    "refresh_invite": (),
    "add_participants": ([FRIEND],),
    "remove_participants": ([FRIEND],),
    "promote_participants": ([FRIEND],),
    "demote_participants": ([FRIEND],),
    "leave": (),
}


@pytest.mark.parametrize("name", ONCE)
async def test_lost_answers_are_not_asked_for_again(
    fake: FakePeriskope, client: PeriskopeClient, group: str, name: str
) -> None:
    """What changes who is in a group goes once: when its answer is lost, the error says that it may have been done."""
    fake.faults.add(Fault.FIN, operation=f"groups.{name}", times=1)
    arguments: dict[str, tuple[Any, ...]] = {"create": ("Parcels", [FRIEND]), "accept_invite": ("code",)}
    with pytest.raises(PeriskopeError) as caught:
        await getattr(client.groups, name)(*(arguments.get(name) or (group, *(ONCE[name] or ()))))
    assert caught.value.maybe_sent
    assert fake.counts[Fault.FIN] == fake.calls == 1


async def test_errors_name_the_group(client: PeriskopeClient) -> None:
    """An error of a group says which, and shows no more of a number than the end."""
    with pytest.raises(NotFoundError) as caught:
        await client.groups.remove_participants(NOWHERE, [FRIEND])
    error = caught.value
    assert (error.resource, error.resource_id) == ("chat", NOWHERE)
    assert f"chat {NOWHERE}" in str(error)
    assert "919537851844" not in f"{error!r} {error}"


async def test_a_phone_that_is_not_an_admin(client: PeriskopeClient, fake: FakePeriskope, group: str) -> None:
    """What the service refuses is raised as its refusal."""
    await client.groups.leave(group)
    with pytest.raises(PermissionDeniedError, match="Only admins of the group"):
        await client.groups.add_participants(group, [FRIEND])
    assert fake.calls == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"919537851844@c.us": {"message": "no word of success"}}',
        b'{"code": "UNKNOWN_ERROR", "status": 500}',
        b'{"919537851844@c.us": {"is_success": "yes"}}',
        b"[]",
    ],
)
async def test_results_of_another_shape(fake: FakePeriskope, client: PeriskopeClient, group: str, body: bytes) -> None:
    """An answer that does not say whether it was done is never read as success; the error shows no number."""
    fake.answer(lambda _: Reply(200, body, (("Content-Type", "application/json"),)))
    with pytest.raises(DecodeError) as caught:
        await client.groups.remove_participants(group, [FRIEND])
    assert "919537851844" not in f"{caught.value} {caught.value.problems}"
    assert fake.calls == 1


@pytest.mark.parametrize("method", ["update", "refresh_invite", "leave", "add_participants"])
@pytest.mark.parametrize("chat_id", [FRIEND, "120363000000000001", "", "@g.us", "1 2@g.us", 5, None])
async def test_only_groups(fake: FakePeriskope, client: PeriskopeClient, method: str, chat_id: Any) -> None:
    """An id that cannot be that of a group is refused before anything is sent."""
    more: dict[str, Any] = {"update": {"name": "x"}, "add_participants": {"participants": [FRIEND]}}.get(method, {})
    with pytest.raises(ConfigurationError, match="chat_id") as caught:
        await getattr(client.groups, method)(chat_id, **more)
    assert "9537851844" not in str(caught.value)
    assert fake.calls == 0


@pytest.mark.parametrize("method", [name for name in ONCE if name.endswith("participants")])
@pytest.mark.parametrize("people", [[], "919537851844", 5, ["9195378x51844"], [""], [5], ["١٢٣٤٥٦٧"], ["a@c.us"]])
async def test_only_numbers(fake: FakePeriskope, client: PeriskopeClient, method: str, people: Any) -> None:
    """Nobody, or what is not the number of a person, is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="participants") as caught:
        await getattr(client.groups, method)("1@g.us", people)
    assert "9537851844" not in str(caught.value)
    assert fake.calls == 0


@pytest.mark.parametrize(
    ("method", "arguments", "options", "name"),
    [
        ("create", ("", [FRIEND]), {}, "group_name"),
        ("create", ("a", []), {}, "participants"),
        ("create", ("a", [FRIEND]), {"info_admins_only": "yes"}, "info_admins_only"),
        ("create", ("a", [FRIEND]), {"description": 5}, "description"),
        ("create", ("a", [FRIEND]), {"phone": "home"}, "phone"),
        ("update", ("1@g.us",), {}, "no setting to change"),
        ("update", ("1@g.us",), {"member_add_mode": 1}, "member_add_mode"),
        ("update", ("1@g.us",), {"name": " "}, "name"),
        ("accept_invite", ("",), {}, "invite_code"),
        ("accept_invite", ("https://",), {}, "invite_code"),
        ("accept_invite", (5,), {}, "invite_code"),
        ("add_participants", ("1@g.us", [FRIEND]), {"force_add_participants": 1}, "force_add_participants"),
    ],
)
async def test_bad_arguments_are_refused(
    method: str, arguments: tuple[Any, ...], options: dict[str, Any], name: str
) -> None:
    """What cannot be meant is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=name):
        await request_of(Groups, method, *arguments, **options)


def test_without_await() -> None:
    """The blocking client has the same groups."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        assert isinstance(client, BlockingClient)
        group = client.groups.create("Parcels", [FRIEND])
        assert client.groups.update(group.chat_id, name="Late").chat_name == "Late"
        assert client.groups.promote_participants(group.chat_id, [FRIEND])[FRIEND].is_success
        assert client.groups.demote_participants(group.chat_id, [FRIEND])[FRIEND].is_success
        assert client.groups.remove_participants(group.chat_id, [FRIEND])[FRIEND].is_success
        assert client.groups.add_participants(group.chat_id, [FRIEND])[FRIEND].is_success
        link = client.groups.refresh_invite(group.chat_id).invite_link
        assert link
        client.groups.leave(group.chat_id)
        assert client.groups.accept_invite(link).chat_id == group.chat_id
