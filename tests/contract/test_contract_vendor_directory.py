"""The vendor's own TypeScript client on contacts, phones, members and webhooks: all 21 of its methods of them."""

from collections.abc import Iterator

import pytest

from periskope_async.testing import FakePeriskope
from tests.contract.test_contract_vendor_client import calls, pytestmark

__all__ = ["pytestmark"]

PERSON, NOBODY = "919537851844", "919876599999"
PHONE_ID = "phone-tqhzsvcwlkbnmrxd"


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """A service for one test."""
    with FakePeriskope(5) as running:
        yield running


def test_contacts(fake: FakePeriskope) -> None:
    """It reads, makes and changes the contacts that ours reads; its bug: a 204 has no data, and no error either."""
    with fake.sync_client() as ours:
        page, made, found, changed, labelled, unknown = calls(
            fake.base_url,
            fake.api_key,
            ("contact.getAll", {"offset": 0, "limit": 3}),
            ("contact.create", {"contact_id": NOBODY, "contact_name": "Asha", "labels": "vip"}),
            ("contact.getById", {"contact_id": NOBODY}),
            ("contact.update", {"contact_id": NOBODY, "contact_name": "Ravi", "is_internal": True}),
            ("contact.updateLabels", {"contact_ids": [NOBODY, PERSON], "labels": "new"}),
            ("contact.getById", {"contact_id": "1"}),
        )
        assert len(page["data"]["contacts"]) == 3
        assert found["data"] == made["data"]
        assert changed["data"]["contact_name"] == "Ravi"
        assert (labelled["status"], labelled["error"]) == (204, None)
        assert unknown["error"]["code"] == "NOT_FOUND_ERROR"
        contact = ours.contacts.get(NOBODY)
        assert (contact.contact_name, contact.labels, contact.is_internal) == ("Ravi", ("new",), True)


def test_phones(fake: FakePeriskope) -> None:
    """It sees to phones; its bug: it takes the picture of the code for JSON, and throws."""
    with fake.sync_client() as ours:
        every, info, changed, restarted, resynced, reset, code, made, deleted, gone = calls(
            fake.base_url,
            fake.api_key,
            ("phone.getAll", {}),
            ("phone.info", {}),
            ("phone.update", {"phone_name": "Parcels", "labels": "vip"}),
            ("phone.restart", {}),
            ("phone.resync", {}),
            ("phone.reset", {}),
            ("phone.getQR", {}),
            ("phone.create", {}),
            ("phone.delete", {}),
            ("phone.info", {}),
        )
        assert every["data"] == [info["data"]]
        assert (changed["data"]["phone_name"], changed["data"]["labels"]) == ("Parcels", ["VIP"])
        assert [answer["status"] for answer in (restarted, resynced, reset, deleted)] == [204] * 4
        assert code == {"thrown": "SyntaxError"}
        assert gone["error"]["statusCode"] == 404
        assert [phone.phone_id for phone in ours.phones.list()] == [made["data"]["phone_id"]]


def test_members(fake: FakePeriskope) -> None:
    """It invites people, says what they see, and takes them out."""
    invited, changed, deleted = calls(
        fake.base_url,
        fake.api_key,
        ("member.invite", {"emails": ["new@example.com", "asha@example.com"], "labels": ["vip"], "orgPhones": None}),
        ("member.updateAccess", {"emails": ["new@example.com"], "labels": None, "orgPhones": ["918527184400"]}),
        ("member.delete", {"id": "asha@example.com"}),
    )
    assert [member["email"] for member in invited["data"]["addedMembers"]] == ["new@example.com"]
    assert [error["email"] for error in invited["data"]["errors"]] == ["asha@example.com"]
    assert changed["data"] == [fake.members.get("new@example.com")]
    assert deleted["status"] == 204
    assert "asha@example.com" not in fake.members.ids


def test_webhooks(fake: FakePeriskope) -> None:
    """It makes one subscription for each event, which ours reads, and ends it."""
    first = fake.webhooks.ids[0]
    hook = {"hookUrl": "https://example.com/hook", "integrationName": ["note.created", "ticket.created"]}
    with fake.sync_client() as ours:
        made, found, changed, deleted, listed = calls(
            fake.base_url,
            fake.api_key,
            ("webhook.create", hook),
            ("webhook.getById", {"id": first}),
            ("webhook.update", {"id": first, "isSubscribed": False}),
            ("webhook.delete", {"id": first}),
            ("webhook.list", {"integration_name": "ticket.created", "is_subscribed": True}),
        )
        assert (made["status"], len(made["data"])) == (201, 2)
        assert (found["data"]["id"], changed["data"]["is_subscribed"], deleted["status"]) == (first, False, 204)
        assert listed["data"] == made["data"][1:]
        assert [webhook.to_dict() for webhook in ours.webhooks.list()] == made["data"]
