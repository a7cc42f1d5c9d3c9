"""Contacts, read and changed against the fake service."""

from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    Failed,
    Fetched,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    UnexpectedResponseError,
    ValidationError,
)
from periskope_async.models import Contact
from periskope_async.testing import Assumptions, FakePeriskope, Fault

PERSON = "919537851844@c.us"
NOBODY = "919876599999"


async def test_get(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A contact comes with its chats, as the service has it, and is the same by its id and by its digits."""
    contact = await client.contacts.get(PERSON)
    assert contact.to_dict() == fake.contacts.get(PERSON)
    assert PERSON in contact.chat_ids
    assert await client.contacts.get("919537851844") == contact
    assert {request.path for request in fake.requests} == {"/v1/contacts/919537851844"}
    assert fake.requests[-1].resource == "contact"


async def test_no_such_contact(client: PeriskopeClient) -> None:
    """An error says which contact it is about, and shows no more of a number than its end."""
    with pytest.raises(NotFoundError) as caught:
        await client.contacts.get(f"{NOBODY}@c.us")
    assert (caught.value.resource, caught.value.resource_id) == ("contact", NOBODY)
    assert NOBODY not in f"{caught.value} {caught.value.path}"


async def test_body_of_another_contact(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A body of another contact is asked for once more, and then refused."""
    fake.faults.add(Fault.OTHER_ID, operation="contacts.get")
    with pytest.raises(UnexpectedResponseError, match="another contact"):
        await client.contacts.get(PERSON)
    assert fake.counts[Fault.OTHER_ID] == fake.calls == 2


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every contact once, page by page; rows lack the chats."""
    found = [contact async for contact in client.contacts.list(page_size=100)]
    assert sorted(contact.contact_id for contact in found) == sorted(fake.contacts.ids)
    assert not any(contact.chat_ids for contact in found)
    assert len([contact async for contact in client.contacts.list(limit=3)]) == 3
    page = await client.contacts.list_page(offset=1, limit=2)
    assert (page.first, page.last, len(page.contacts)) == (2, 3, 2)


async def test_an_error_is_no_page(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object without rows is not an account without contacts."""
    fake.faults.add(Fault.HOLLOW, operation="contacts.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of contacts"):
        await client.contacts.list_page()
    assert fake.counts[Fault.HOLLOW] == 2


async def test_create(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A contact that is made is listed, and found by any spelling of its number."""
    made = await client.contacts.create(
        "+91 98765-99999", "Asha", is_internal=True, labels=["vip", "new"], phone="919876500002"
    )
    assert (made.contact_id, made.contact_name, made.is_internal) == (f"{NOBODY}@c.us", "Asha", True)
    assert set(made.labels) == {"VIP", "new"}
    assert await client.contacts.get(NOBODY) == made
    assert fake.requests[0].headers["x-phone"] == "919876500002"
    assert fake.requests[0].json() == {
        "contact_id": NOBODY,
        "contact_name": "Asha",
        "is_internal": True,
        "labels": "vip, new",
    }
    assert f"{NOBODY}@c.us" in [contact.contact_id async for contact in client.contacts.list()]


async def test_create_goes_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A create whose answer is lost is not repeated, and says that the contact may be there; it is."""
    fake.faults.add(Fault.RESET_DURING, operation="contacts.create", times=1)
    with pytest.raises(PeriskopeError) as caught:
        await client.contacts.create(NOBODY, "Asha")
    assert (caught.value.maybe_sent, fake.calls, fake.counts[Fault.RESET_DURING]) == (True, 1, 1)
    assert (await client.contacts.get(NOBODY)).contact_name == "Asha"


async def test_create_of_one_that_exists() -> None:
    """A service may change a contact that exists, as on the vendor's page, or refuse to make it."""
    async with FakePeriskope(3) as fake, fake.client() as client:
        assert (await client.contacts.create(PERSON, "Renamed")).contact_name == "Renamed"
    async with FakePeriskope(3, assumptions=Assumptions(existing_contact="422")) as fake, fake.client() as client:
        with pytest.raises(ValidationError):
            await client.contacts.create(PERSON, "Renamed")


async def test_update(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An update changes what it names and no more, and is repeated after a drop: it sets values."""
    before = await client.contacts.get(PERSON)
    fake.faults.add(Fault.FIN, operation="contacts.update", times=1)
    contact = await client.contacts.update(PERSON, contact_name="Renamed", labels="vip")
    assert (contact.contact_name, contact.labels, contact.is_internal) == ("Renamed", ("VIP",), before.is_internal)
    assert await client.contacts.get(PERSON) == contact
    assert (await client.contacts.update(PERSON, is_internal=False)).is_internal is False
    assert fake.counts[Fault.FIN] == 1
    with pytest.raises(NotFoundError):
        await client.contacts.update(NOBODY, contact_name="Nobody")


async def test_labels_are_replaced(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Many contacts get the same labels in one call, which is repeated after a drop and answers nothing."""
    other = fake.contacts.ids[-1]
    fake.faults.add(Fault.FIN, operation="contacts.update_labels", times=1)
    await client.contacts.update_labels([PERSON, "+91 95378 51844", other], ["vip", "Fresh"])
    assert fake.counts[Fault.FIN] == 1
    assert fake.requests[-1].json() == {
        "contact_ids": [PERSON.removesuffix("@c.us"), other.removesuffix("@c.us")],
        "labels": "vip, Fresh",
    }
    for contact_id in (PERSON, other):
        assert (await client.contacts.get(contact_id)).labels == ("VIP", "Fresh")


async def test_check(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Of each number it is said whether it is on WhatsApp; the question is repeated after a drop."""
    fake.faults.add(Fault.FIN, operation="contacts.check", times=1)
    found = await client.contacts.check([PERSON, f"+{NOBODY}", NOBODY])
    assert [(check.contact_id, check.exists) for check in found] == [(PERSON, True), (f"{NOBODY}@c.us", False)]
    assert fake.counts[Fault.FIN] == 1
    assert fake.requests[-1].headers["x-phone"] == "919876500001"


@pytest.mark.parametrize(
    ("method", "arguments", "options", "name"),
    [
        ("get", ("",), {}, "contact_id"),
        ("get", (919537851844,), {}, "contact_id"),
        ("create", ("no number", "Asha"), {}, "contact_id"),
        ("create", (919537851844, "Asha"), {}, "contact_id"),
        ("create", (PERSON, ""), {}, "contact_name"),
        ("create", (PERSON, "Asha"), {"is_internal": "yes"}, "is_internal"),
        ("create", (PERSON, "Asha"), {"labels": ["a,b"]}, "labels"),
        ("update", (PERSON,), {}, "no field to change"),
        ("update", (PERSON,), {"contact_name": " "}, "contact_name"),
        ("update_labels", ([], "vip"), {}, "contact_ids"),
        ("update_labels", (PERSON, "vip"), {}, "contact_ids"),
        ("check", ([],), {}, "contact_ids"),
        ("check", (["nobody"],), {}, "contact_ids"),
        ("check", ([PERSON],), {"phone": "home"}, "phone"),
        ("list_page", (), {"limit": 0}, "limit"),
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
    """What cannot be meant is refused before anything is sent, by name and without numbers."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        await getattr(client.contacts, method)(*arguments, **options)
    assert "919537851844" not in str(caught.value)
    assert fake.calls == 0


async def test_get_many(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """One bad id never costs another its contact; results are by the ids that were asked for."""
    ids = fake.contacts.ids[:5]
    result = await client.contacts.get_many([*ids, NOBODY, ""])
    assert list(result.fetched) == list(ids)
    assert all(isinstance(contact, Contact) for contact in result.fetched.values())
    assert isinstance(result.errors[NOBODY], NotFoundError)
    assert isinstance(result.errors[""], ConfigurationError)
    with pytest.raises(ConfigurationError, match="contact_ids"):
        await client.contacts.get_many(PERSON)


async def test_stream(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A stream hands over contacts and failures, in the order of the ids if asked to."""
    ids = [*fake.contacts.ids[:5], NOBODY]
    async with client.contacts.stream(ids, ordered=True) as results:
        found = [result async for result in results]
    assert [result.id for result in found] == ids
    assert all(isinstance(result, Fetched) and result.value.contact_id == result.id for result in found[:-1])
    assert isinstance(found[-1], Failed)


def test_without_await() -> None:
    """The blocking client has the same contacts."""
    with FakePeriskope(3) as fake, fake.sync_client() as client:
        assert client.contacts.create(NOBODY, "Asha").contact_name == "Asha"
        assert client.contacts.update(NOBODY, contact_name="Ravi").contact_name == "Ravi"
        client.contacts.update_labels([NOBODY], "vip")
        assert client.contacts.get(NOBODY).labels == ("VIP",)
        assert [check.exists for check in client.contacts.check([NOBODY])] == [True]
        assert len(list(client.contacts.list())) == len(client.contacts.list_page().rows) == fake.contacts.count
        assert client.contacts.get_many([NOBODY]).fetched[NOBODY].contact_name == "Ravi"
        with client.contacts.stream([NOBODY]) as results:
            assert [result.id for result in results] == [NOBODY]
