"""Phones: connected, changed, and deleted, against the fake service."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from periskope_async import (
    ConfigurationError,
    DeadlineExceeded,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    UnexpectedResponseError,
    ValidationError,
)
from periskope_async.models import PhoneState, QrImage
from periskope_async.testing import Assumptions, FakePeriskope, Fault

NUMBER = "918527184400"
PHONE_ID = "phone-tqhzsvcwlkbnmrxd"
ONCE = ("reset", "restart", "resync", "delete")


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """All phones come without one being named, as the service has them."""
    (phone,) = await client.with_options(phone=None).phones.list()
    assert phone.to_dict() == fake.phones.get(PHONE_ID)
    assert (phone.phone_id, phone.wa_state, phone.is_connected) == (PHONE_ID, PhoneState.CONNECTED, True)
    assert "x-phone" not in fake.requests[-1].headers


@pytest.mark.parametrize("name", ["+91 85271-84400", PHONE_ID])
async def test_get(client: PeriskopeClient, name: str) -> None:
    """A phone is found by its number in any spelling, and by its id."""
    assert (await client.phones.get(phone=name)).org_phone == f"{NUMBER}@c.us"
    assert (await client.with_options(phone=name).phones.get()).phone_id == PHONE_ID


async def test_which_phone(client: PeriskopeClient) -> None:
    """The service refuses a question that names no phone, or one that it does not know."""
    with pytest.raises(ValidationError) as caught:
        await client.with_options(phone=None).phones.get()
    assert "x-phone" in caught.value.fields
    for method in ("get", "get_qr", *ONCE):
        with pytest.raises(NotFoundError) as unknown:
            await getattr(client.phones, method)(phone="919876599999")
        assert unknown.value.resource == "phone"
    with pytest.raises(NotFoundError):
        await client.phones.update(phone_name="Parcels")


async def test_update(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An update changes what it names and no more, and is repeated after a drop: it sets values."""
    fake.faults.add(Fault.FIN, operation="phones.update", times=1)
    phone = await client.phones.update(phone_name="Parcels", labels=["vip"], phone=NUMBER)
    assert (phone.phone_name, phone.labels, phone.is_connected) == ("Parcels", ("VIP",), True)
    assert await client.phones.get(phone=NUMBER) == phone
    image = "https://example.com/phone.png"
    assert (await client.phones.update(phone_image=image, phone=NUMBER)).phone_image == image
    assert (await client.phones.update(labels="", phone=NUMBER)).labels == ()
    assert fake.counts[Fault.FIN] == 1
    with pytest.raises(ConfigurationError, match="no field to change"):
        await client.phones.update(phone=NUMBER)


async def test_a_phone_is_made_connected_and_deleted(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A new phone has a code; after the scan it is connected; reset, it has one again; deleted, it is gone."""
    made = await client.phones.create()
    assert (made.wa_state, made.org_phone, made.is_browser_open) == (PhoneState.DISCONNECTED, None, True)
    image = await client.phones.get_qr(phone=made.phone_id)
    assert (image.content_type, image.content[1:4]) == ("image/png", b"PNG")
    fake.phones.change(made.phone_id, wa_state="CONNECTED", org_phone="919876500009@c.us", qr_code=None)
    assert (await client.phones.wait_until_connected(phone="919876500009")).phone_id == made.phone_id
    with pytest.raises(NotFoundError):
        await client.phones.get_qr(phone="919876500009")
    await client.phones.reset(phone="919876500009")
    reset = await client.phones.get(phone=made.phone_id)
    assert (reset.wa_state, reset.is_ready, reset.qr_code) == ("DISCONNECTED", False, "https://example.com/periskope")
    assert "example.com" not in repr(reset)
    await client.phones.delete(phone="919876500009")
    assert [phone.phone_id for phone in await client.phones.list()] == [PHONE_ID]
    assert (await client.phones.create()).phone_id != made.phone_id


@pytest.mark.parametrize("method", ONCE)
async def test_goes_once(fake: FakePeriskope, client: PeriskopeClient, method: str) -> None:
    """What a second request could do again, or undo, is not sent twice, and says that it may have been done."""
    fake.faults.add(Fault.RESET_DURING, times=1)
    fake.faults.add(Fault.FIN, times=1)
    for fault in (Fault.RESET_DURING, Fault.FIN):
        with pytest.raises(PeriskopeError) as caught:
            await getattr(client.phones, method)(phone=NUMBER)
        assert (caught.value.maybe_sent, fake.counts[fault]) == (True, 1)
    assert fake.calls == 2


@pytest.mark.parametrize("method", ["restart", "resync"])
async def test_what_nobody_sees(client: PeriskopeClient, method: str) -> None:
    """A restart and a resync answer nothing, and leave the phone as it is."""
    before = await client.phones.get(phone=NUMBER)
    assert await getattr(client.phones, method)(phone=NUMBER) is None
    assert await client.phones.get(phone=NUMBER) == before


@pytest.mark.parametrize("method", ["reset", "delete"])
async def test_the_phone_has_to_be_named(fake: FakePeriskope, client: PeriskopeClient, method: str) -> None:
    """What a phone is lost by does not go to the client's: the call names it, or nothing is sent."""
    with pytest.raises(ConfigurationError, match=f"has to be named to {method}"):
        await getattr(client.phones, method)()
    with pytest.raises(ConfigurationError, match="phone"):
        await getattr(client.phones, method)(phone="home")
    assert fake.calls == 0


async def test_create_goes_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Phones are billed: a create whose answer is lost is not repeated."""
    fake.faults.add(Fault.RESET_DURING, operation="phones.create", times=1)
    with pytest.raises(PeriskopeError) as caught:
        await client.phones.create()
    assert (caught.value.maybe_sent, fake.calls, fake.counts[Fault.RESET_DURING]) == (True, 1, 1)


# -- the code ---------------------------------------------------------------------------------------------------------


async def test_code(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """The code comes as bytes, is saved as such, and can be printed; its repr shows none of it."""
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    fake.faults.add(Fault.FIN, operation="phones.get_qr", times=1)
    image = await client.phones.get_qr(phone=NUMBER)
    assert fake.counts[Fault.FIN] == 1
    image.save(tmp_path / "code.png")
    assert (tmp_path / "code.png").read_bytes() == image.content
    assert "█▀▀▀▀▀█" in image.to_text(inverted=True)
    assert repr(image) == "QrImage(content_type='image/png')"


async def test_empty_code(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An answer without a picture is asked for once more, and then refused."""
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    fake.faults.add(Fault.EMPTY, operation="phones.get_qr")
    with pytest.raises(UnexpectedResponseError, match="empty body"):
        await client.phones.get_qr(phone=NUMBER)
    assert fake.counts[Fault.EMPTY] == 2


@pytest.mark.parametrize("assumptions", [Assumptions(qr_content_type="application/json")])
async def test_code_of_another_type(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What the service calls the picture makes no difference: it is never read as JSON."""
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    image = await client.phones.get_qr(phone=NUMBER)
    assert (image.content_type, image.content[1:4]) == ("application/json", b"PNG")


# -- waiting for the scan ---------------------------------------------------------------------------------------------


async def test_waiting(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """The phone is asked for every two seconds until it is connected; a failure of the moment does not end that."""
    client = client.with_options(retries=0)
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    fake.faults.add(Fault.STATUS_503, operation="phones.get", times=1)
    async with anyio.create_task_group() as tasks:

        async def scan() -> None:
            await anyio.sleep(9)
            fake.phones.change(PHONE_ID, wa_state="CONNECTED")

        tasks.start_soon(scan)
        phone = await client.phones.wait_until_connected(phone=NUMBER)
    assert (phone.phone_id, phone.is_connected, fake.counts[Fault.STATUS_503]) == (PHONE_ID, True, 1)
    times = [request.time for request in fake.requests]
    assert len(times) == 6
    assert 10 <= times[-1] - times[0] < 11


@pytest.mark.parametrize(
    ("state", "seen"), [("DISCONNECTED", "DISCONNECTED"), ("PAIRING", "PAIRING"), (None, "not known")]
)
async def test_waiting_in_vain(fake: FakePeriskope, client: PeriskopeClient, state: str | None, seen: str) -> None:
    """After the deadline it says in which state the phone was, a strange one too; the answer is both kinds of error."""
    fake.phones.change(PHONE_ID, wa_state=state)
    began = anyio.current_time()
    with pytest.raises(DeadlineExceeded, match=rf"not connected within 20 s: its state is {seen}") as caught:
        await client.phones.wait_until_connected(phone=NUMBER, deadline=20, every=3)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.resource, caught.value.retryable) == ("phone", True)
    assert 20 <= anyio.current_time() - began < 21
    assert fake.calls == 7


async def test_waiting_for_a_service_that_is_down(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Where no answer came at all, that is what it says."""
    fake.faults.add(Fault.STATUS_503)
    with pytest.raises(DeadlineExceeded, match="it did not answer"):
        await client.phones.wait_until_connected(phone=NUMBER, deadline=5)
    assert fake.counts[Fault.STATUS_503] == fake.calls > 0


async def test_waiting_for_ever(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Without a deadline it waits on."""
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    with anyio.move_on_after(700) as scope:
        await client.phones.wait_until_connected(phone=NUMBER, deadline=None, every=200)
    assert (scope.cancelled_caught, fake.calls) == (True, 4)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"deadline": 0}, "deadline"),
        ({"deadline": "1"}, "deadline"),
        ({"every": 0}, "every"),
        ({"phone": "x"}, "phone"),
    ],
)
async def test_bad_waits_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, options: dict[str, Any], name: str
) -> None:
    """What cannot be waited for is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=name):
        await client.phones.wait_until_connected(**options)
    assert fake.calls == 0


async def test_waiting_where_it_cannot_help(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A phone that is not there is not waited for."""
    with pytest.raises(NotFoundError):
        await client.phones.wait_until_connected(phone="919876599999")
    assert fake.calls == 1


def test_without_await() -> None:
    """The blocking client has the same phones."""
    with FakePeriskope(3) as fake, fake.sync_client(phone=NUMBER) as client:
        made = client.phones.create()
        assert isinstance(client.phones.get_qr(phone=made.phone_id), QrImage)
        client.phones.delete(phone=made.phone_id)
        client.phones.restart()
        client.phones.resync()
        assert client.phones.update(phone_name="Parcels").phone_name == "Parcels"
        assert client.phones.wait_until_connected() == client.phones.get() == client.phones.list()[0]
        client.phones.reset(phone=NUMBER)
        with pytest.raises(DeadlineExceeded):
            client.phones.wait_until_connected(deadline=0.01, every=0.004)
