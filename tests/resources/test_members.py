"""People of the organisation: invited, limited, and taken out, against the fake service."""

from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    InviteResult,
    MemberRole,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    UnexpectedResponseError,
)
from periskope_async.testing import Assumptions, FakePeriskope, Fault, Reply

ADMIN, MEMBER = "support@example.com", "asha@example.com"
NEW = "new@example.com"


async def test_invite(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """People are invited, each once, and who cannot be is named with the reason."""
    result = await client.members.invite(
        [NEW, f" {NEW} ", MEMBER], role=MemberRole.MEMBER, labels=["vip"], org_phones=["+91 98765-00001"]
    )
    assert fake.requests[-1].json() == {
        "emails": [NEW, MEMBER],
        "role": "member",
        "labels": ["vip"],
        "orgPhones": ["919876500001"],
    }
    (member,) = result.members
    assert member.to_dict() == fake.members.get(NEW)
    assert (member.email, member.role, member.org_phones) == (NEW, MemberRole.MEMBER, ("919876500001@c.us",))
    assert member.label_ids is not None
    assert len(member.label_ids) == 1
    assert [(error.email, error.message) for error in result.errors] == [(MEMBER, "Member already exists")]


async def test_access_of_the_invited(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """None is sent as null, which opens everything; what is left out is not sent; an admin has no limits."""
    (member,) = (await client.members.invite([NEW], labels=None, org_phones=None)).members
    assert fake.requests[-1].json() == {"emails": [NEW], "labels": None, "orgPhones": None}
    assert (member.label_ids, member.org_phones) == (None, None)
    await client.members.invite(["another@example.com"])
    assert fake.requests[-1].json() == {"emails": ["another@example.com"]}
    (admin,) = (await client.members.invite(["admin@example.com"], role="admin", labels=["vip"])).members
    assert (admin.role, admin.label_ids) == (MemberRole.ADMIN, None)


def test_an_error_without_words() -> None:
    """Where the service gives no reason, there is none to show."""
    assert [error.message for error in InviteResult.from_dict({"errors": [{"email": None, "error": {}}]}).errors] == [
        ""
    ]


async def test_invite_goes_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An invitation whose answer is lost is not repeated, and says that people may have been written to."""
    fake.faults.add(Fault.RESET_DURING, operation="members.invite", times=1)
    with pytest.raises(PeriskopeError) as caught:
        await client.members.invite([NEW])
    assert (caught.value.maybe_sent, fake.calls, fake.counts[Fault.RESET_DURING]) == (True, 1, 1)


async def test_an_answer_that_says_nothing(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object that says neither who was invited nor who was not is not taken for a success."""
    fake.answer(lambda _: Reply(200, b'{"message": "?"}', (("Content-Type", "application/json"),)))
    with pytest.raises(UnexpectedResponseError, match="does not say who was invited") as caught:
        await client.members.invite([NEW])
    assert (caught.value.maybe_sent, fake.calls) == (True, 1)


async def test_update_access(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Members see what they are allowed from then on; what is not named stays, and admins are not touched."""
    fake.faults.add(Fault.FIN, operation="members.update_access", times=1)
    admin, member = await client.members.update_access([ADMIN, MEMBER, "nobody@example.com"], labels=["vip"])
    assert fake.requests[-1].json() == {"emails": [ADMIN, MEMBER, "nobody@example.com"], "labels": ["vip"]}
    assert (admin.label_ids, len(member.label_ids or ())) == (None, 1)
    (member,) = await client.members.update_access([MEMBER], org_phones=["919876500001"])
    assert (member.org_phones, len(member.label_ids or ())) == (("919876500001@c.us",), 1)
    assert member.to_dict() == fake.members.get(MEMBER)
    assert fake.counts[Fault.FIN] == 1


@pytest.mark.parametrize(
    ("assumptions", "opened"), [(Assumptions(), None), (Assumptions(null_access="none"), ())], ids=["all", "none"]
)
async def test_access_that_is_null(
    fake: FakePeriskope, client: PeriskopeClient, opened: tuple[str, ...] | None
) -> None:
    """None goes out as null where it is passed, and what it does is for the service to say."""
    (member,) = await client.members.update_access([MEMBER], labels=None, org_phones=["919876500001"])
    assert fake.requests[-1].json() == {"emails": [MEMBER], "labels": None, "orgPhones": ["919876500001"]}
    assert (member.label_ids, member.org_phones) == (opened, ("919876500001@c.us",))


@pytest.mark.parametrize("assumptions", [Assumptions(), Assumptions(member_deleted="200")], ids=["204", "200"])
async def test_delete(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Who is taken out is gone, whichever of its two answers the service gives."""
    await client.members.delete(MEMBER)
    assert fake.requests[-1].path == "/v1/members/asha%40example.com"
    assert MEMBER not in fake.members.ids
    with pytest.raises(NotFoundError) as caught:
        await client.members.delete(MEMBER)
    assert (caught.value.resource, caught.value.resource_id) == ("member", MEMBER)


async def test_delete_goes_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Taking a person out is not repeated."""
    fake.faults.add(Fault.RESET_DURING, operation="members.delete", times=1)
    with pytest.raises(PeriskopeError) as caught:
        await client.members.delete(MEMBER)
    assert (caught.value.maybe_sent, fake.calls, fake.counts[Fault.RESET_DURING]) == (True, 1, 1)


@pytest.mark.parametrize(
    ("method", "arguments", "options", "name"),
    [
        ("invite", ([],), {}, "emails: is empty"),
        ("invite", (NEW,), {}, "emails"),
        ("invite", (["new at example.com"],), {}, "emails"),
        ("invite", (["@example.com"],), {}, "emails"),
        ("invite", (["a@example.com, b@example.com"],), {}, "emails"),
        ("invite", ([NEW],), {"role": ""}, "role"),
        ("invite", ([NEW],), {"labels": []}, "labels: is empty"),
        ("invite", ([NEW],), {"labels": "vip"}, "labels"),
        ("invite", ([NEW],), {"org_phones": []}, "org_phones: is empty"),
        ("invite", ([NEW],), {"org_phones": ["home"]}, "org_phones"),
        ("update_access", ([MEMBER],), {}, "labels or org_phones"),
        ("update_access", ([],), {"labels": ["vip"]}, "emails"),
        ("delete", ("nobody",), {}, "email"),
        ("delete", (None,), {}, "email"),
    ],
)
async def test_bad_arguments_are_refused(
    fake: FakePeriskope,
    client: PeriskopeClient,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    name: str,
) -> None:
    """What cannot be meant is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=name):
        await getattr(client.members, method)(*arguments, **options)
    assert fake.calls == 0


def test_without_await() -> None:
    """The blocking client has the same members."""
    with FakePeriskope(3) as fake, fake.sync_client() as client:
        assert [member.email for member in client.members.invite([NEW]).members] == [NEW]
        assert [member.email for member in client.members.update_access([NEW], labels=["vip"])] == [NEW]
        client.members.delete(NEW)
        assert NEW not in fake.members.ids
