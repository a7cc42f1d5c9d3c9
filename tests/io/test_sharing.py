"""Reads that share what comes, over real sockets and in virtual time."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from periskope_async import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    NotFoundError,
    PeriskopeClient,
    RateLimitError,
    RequestTimeout,
    ServerError,
)
from periskope_async.testing import FakePeriskope, Fault, RateLimitPolicy
from tests.support import virtual_loop

PHONE = "919876500001"
OTHER_PHONE = "919876500002"
CHAT = "919537851844@c.us"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: answers grow old in no time of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and take a second for each answer."""
    async with FakePeriskope(30, latency=1.0) as fake:
        yield fake


@pytest.fixture
async def client(fake: FakePeriskope) -> AsyncIterator[PeriskopeClient]:
    """Be a client of the fake, for one phone."""
    async with fake.client(phone=PHONE) as client:
        yield client


async def every(count: int, call: Callable[[], Any]) -> list[Any]:
    """Make a call many times at once; return what comes of each."""
    return await asyncio.gather(*(call() for _ in range(count)), return_exceptions=True)


def reads(fake: FakePeriskope) -> Callable[[PeriskopeClient], dict[str, Callable[..., Any]]]:
    """Return the reads by id of a client, each of something that the fake has."""
    contact = fake.contacts.ids[0]
    return lambda client: {
        "tickets": lambda **options: client.tickets.get("BKT-001", **options),
        "chats": lambda **options: client.chats.get(fake.chat_ids[0], **options),
        "contacts": lambda **options: client.contacts.get(contact, **options),
    }


@pytest.mark.parametrize("resource", ["tickets", "chats", "contacts"])
async def test_a_hundred_callers_of_one_id_are_one_request(
    fake: FakePeriskope, client: PeriskopeClient, resource: str
) -> None:
    """Who asks for the same within `max_age`, at once or later, gets the same object of one request."""
    get = reads(fake)(client)[resource]
    results = await every(100, lambda: get(max_age=30))
    assert len({id(result) for result in results}) == 1
    assert results[0] is await get(max_age=30)
    assert results[0] == await get()
    assert fake.calls == 2  # the last asked for itself


@pytest.mark.parametrize("max_age", [None, 0, 0.0])
async def test_nothing_is_shared_unasked(fake: FakePeriskope, client: PeriskopeClient, max_age: float | None) -> None:
    """Without `max_age` every call sends its request, and none finds what others have kept."""
    await client.tickets.get("BKT-001", max_age=30)
    await every(3, lambda: client.tickets.get("BKT-001", max_age=max_age))
    assert fake.calls == 1 + 3


async def test_age_counts_from_the_sending(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An answer that took a second is a second old when it comes; who accepts less asks anew."""
    await client.tickets.get("BKT-001", max_age=30)
    await asyncio.sleep(8.5)
    await client.tickets.get("BKT-001", max_age=10)
    assert fake.calls == 1
    await asyncio.sleep(1)
    await client.tickets.get("BKT-001", max_age=10)
    assert fake.calls == 2


async def test_what_flies_for_too_long_is_not_waited_for(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A request under way that was sent longer ago than `max_age` is too old for who comes now."""
    fake.latency = 5.0
    first = asyncio.create_task(client.tickets.get("BKT-001", max_age=2))
    await asyncio.sleep(3)
    joined, fresh = await asyncio.gather(
        client.tickets.get("BKT-001", max_age=4), client.tickets.get("BKT-001", max_age=2)
    )
    assert joined is await first
    assert fresh is not joined
    assert fake.calls == 2
    assert await client.tickets.get("BKT-001", max_age=30) is fresh  # and what landed first was the older one


async def test_what_is_not_sent_yet_is_never_too_old(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A request that waits for the rate limit, or to be tried again, brings what is still to be sent."""
    fake.faults.retry_after = 20.0
    fake.faults.add(Fault.STATUS_503, times=1)
    first = asyncio.create_task(client.tickets.get("BKT-001", max_age=1))
    await asyncio.sleep(10)
    assert await client.tickets.get("BKT-001", max_age=1) is await first
    assert fake.counts == {"503": 1}
    assert fake.calls == 2


WRITES: dict[str, Callable[[PeriskopeClient, str], Any]] = {
    "update": lambda client, chat_id: client.chats.update(chat_id, labels=["vip"]),
    "a spelling": lambda client, chat_id: client.chats.update(chat_id.removesuffix("@c.us"), labels=["vip"]),
    "many": lambda client, chat_id: client.chats.update_labels([chat_id], ["vip"]),
    "mark_read": lambda client, chat_id: client.chats.mark_read(chat_id),
    "send": lambda client, chat_id: client.messages.send(chat_id, "Hello"),
    "another phone": lambda client, chat_id: client.with_options(phone=OTHER_PHONE).chats.mark_read(chat_id),
    "request": lambda client, chat_id: client.request("PATCH", f"/chats/{chat_id}", json={"labels": "vip"}),
    "create": lambda client, chat_id: client.tickets.create(chat_id=chat_id, subject="Call back"),
}


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_drops_what_it_names(fake: FakePeriskope, client: PeriskopeClient, write: str) -> None:
    """After any write of this client that names an id, nobody gets what was read of it before, kept or flying."""
    chat_id, other = [chat_id for chat_id in fake.chat_ids if chat_id.endswith("@c.us")][:2]
    await client.chats.get(other, max_age=30)
    fake.latency = 3.0
    flying = asyncio.create_task(client.chats.get(chat_id, max_age=30))
    await asyncio.sleep(1)
    fake.latency = 0.1
    await asyncio.wait([asyncio.create_task(WRITES[write](client, chat_id))])
    calls = fake.calls
    newer = await client.chats.get(chat_id, max_age=30)
    assert newer is not await flying
    assert newer is await client.chats.get(chat_id, max_age=30)  # and what landed late did not overwrite it
    await client.chats.get(other, max_age=30)
    assert fake.calls == calls + 1


async def test_a_write_that_fails_drops_too(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A write whose answer was lost may have taken effect."""
    await client.tickets.get("BKT-001", max_age=30)
    fake.faults.add(Fault.RESET_DURING, times=1)
    with pytest.raises(Exception, match="broke off"):
        await client.with_options(retries=0).tickets.update("BKT-001", status="closed")
    assert fake.counts == {"reset-during": 1}
    info = await client.tickets.get("BKT-001", max_age=30)
    assert info.ticket.status == fake.get("BKT-001")["ticket"]["status"]
    assert fake.calls == 3


async def test_errors_are_shared_and_not_kept(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Who waits for a request that fails gets its error, each a copy of its own; who asks later asks anew."""
    fake.faults.add(Fault.STATUS_500)
    errors = await every(3, lambda: client.with_options(retries=0).tickets.get("BKT-001", max_age=30))
    assert [type(error) for error in errors] == [ServerError] * 3
    assert len({id(error) for error in errors}) == 3
    assert {(error.ticket_id, error.attempts, error.status) for error in errors} == {("BKT-001", 1, 500)}
    assert len({str(error) for error in errors}) == 1
    assert fake.calls == 1
    fake.faults.clear()
    assert await client.tickets.get("BKT-001", max_age=30)
    assert fake.calls == 2


async def test_a_404_is_not_kept(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What does not exist may a moment later."""
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await client.tickets.get("BKT-404404", max_age=30)
    assert fake.calls == 2


async def test_who_leaves_disturbs_nobody(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """The request goes on for those who stay, be it the first who leaves."""
    first, second = (asyncio.create_task(client.tickets.get("BKT-001", max_age=30)) for _ in range(2))
    await asyncio.sleep(0.5)
    first.cancel()
    assert (await second).ticket.ticket_id == "BKT-001"
    assert first.cancelled()
    assert fake.calls == 1


async def test_the_last_who_leaves_ends_it(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """With nobody left to wait for it a request is cancelled, and who comes then does not wait for its end."""
    leavers = [asyncio.create_task(client.tickets.get("BKT-001", max_age=30)) for _ in range(2)]
    await asyncio.sleep(0.5)
    for leaver in leavers:
        leaver.cancel()
    await asyncio.wait(leavers)
    assert (await client.tickets.get("BKT-001", max_age=30)).ticket.ticket_id == "BKT-001"
    assert all(leaver.cancelled() for leaver in leavers)
    assert fake.calls == 2
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "periskope shared read"]


async def test_a_request_that_somebody_else_ends_is_made_again(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Who cancels all tasks that it finds ends the request, and not the calls of others that wait for it."""
    call = asyncio.create_task(client.tickets.get("BKT-001", max_age=30))
    await asyncio.sleep(0.5)
    (flight,) = [task for task in asyncio.all_tasks() if task.get_name() == "periskope shared read"]
    flight.cancel()
    assert (await call).ticket.ticket_id == "BKT-001"
    assert fake.calls == 2


@pytest.mark.parametrize("attempt", [30.0, 4.0])
async def test_each_has_its_own_deadline(fake: FakePeriskope, attempt: float) -> None:
    """Each call ends at its own deadline, and none at that of another; what was cut off for one goes on for others."""
    fake.faults.add(Fault.STALL_HEADERS)
    async with fake.client(deadline=10, retries=5, timeout=attempt) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def call(after: float) -> tuple[float, BaseException]:
            await asyncio.sleep(after)
            with pytest.raises(DeadlineExceeded) as caught:
                await client.tickets.get("BKT-001", max_age=300)
            return loop.time() - began, caught.value

        ends = await asyncio.gather(call(0), call(6))
    assert [pytest.approx(10, abs=0.1), pytest.approx(16, abs=0.1)] == [end for end, _ in ends]
    assert [error.elapsed for _, error in ends] == [pytest.approx(10, abs=0.1)] * 2  # type: ignore[attr-defined]
    assert "deadline of 10 s" in str(ends[0][1])
    assert fake.calls == 1 if attempt == 30 else fake.calls > 1


async def test_a_timeout_is_not_cut_short_by_another_deadline(fake: FakePeriskope) -> None:
    """An attempt takes as long as `timeout` allows if one who waits for it has the time, whoever began it."""
    fake.faults.add(Fault.STALL_HEADERS)
    async with fake.client(deadline=10, retries=0, timeout=12) as client:
        calls = [asyncio.create_task(client.tickets.get("BKT-001", max_age=300))]
        await asyncio.sleep(6)
        calls.append(asyncio.create_task(client.tickets.get("BKT-001", max_age=300)))
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [DeadlineExceeded, RequestTimeout]
    assert fake.calls == 1


async def test_deadlines_in_the_queue(fake: FakePeriskope) -> None:
    """Who waits behind other calls goes on waiting for those who have the time, and says why it came to nothing."""
    fake.latency = 13.0
    async with fake.client(deadline=10, concurrency=1) as client:
        busy = asyncio.create_task(client.with_options(deadline=None).tickets.get("BKT-002"))
        await asyncio.sleep(0.1)
        first = asyncio.create_task(client.tickets.get("BKT-001", max_age=300))
        await asyncio.sleep(6)
        fake.latency = 0.1
        second = asyncio.create_task(client.tickets.get("BKT-001", max_age=300))
        with pytest.raises(DeadlineExceeded, match="it waited behind other calls on this key"):
            await first
        assert (await second).ticket.ticket_id == "BKT-001"
        await busy
    assert fake.calls == 2


async def test_no_deadline(fake: FakePeriskope) -> None:
    """Without a deadline calls wait as long as it takes."""
    fake.latency = 200.0
    async with fake.client(deadline=None, timeout=300) as client:
        results = await every(2, lambda: client.tickets.get("BKT-001", max_age=300))
    assert results[0] is results[1]


async def test_a_pause_beyond_the_deadline_ends_it_at_once(fake: FakePeriskope) -> None:
    """A call that could not be made in time does not wait to say so."""
    fake.faults.retry_after = 60.0
    fake.faults.add(Fault.STATUS_429)
    async with fake.client(deadline=10) as client:
        began = asyncio.get_running_loop().time()
        errors = await every(2, lambda: client.tickets.get("BKT-001", max_age=30))
        assert asyncio.get_running_loop().time() - began < 5
    assert [type(error) for error in errors] == [RateLimitError] * 2
    assert fake.calls == 1


async def test_phones_and_options_do_not_mix(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What was read for one phone is not handed to who asks for another; other options share what came."""
    other = client.with_options(phone=OTHER_PHONE)
    patient = client.with_options(timeout=60)
    get = fake.chat_ids[0]
    results = await asyncio.gather(*(each.chats.get(get, max_age=30) for each in (client, other, patient)))
    assert len({id(result) for result in results}) == 3
    assert fake.calls == 3
    assert {request.headers["x-phone"] for request in fake.requests} == {PHONE, OTHER_PHONE}
    await client.with_options(deadline=5).chats.get(get, max_age=30)
    await client.chats.get(get, max_age=30, phone=OTHER_PHONE)
    await other.chats.get(get, max_age=30)
    assert fake.calls == 3


async def test_clients_do_not_mix(fake: FakePeriskope) -> None:
    """Each client, and so each key, has its own."""
    async with fake.client() as client, fake.client() as other:
        await every(2, lambda: client.tickets.get("BKT-001", max_age=30))
        await other.tickets.get("BKT-001", max_age=30)
    assert fake.calls == 2


async def test_the_size_is_kept(fake: FakePeriskope) -> None:
    """Of more than `cache_size` answers the one goes that was not asked for the longest time."""
    async with fake.client(cache_size=2) as client:
        for ticket_id in ("BKT-001", "BKT-002", "BKT-001", "BKT-003"):
            await client.tickets.get(ticket_id, max_age=30)
        assert fake.calls == 3
        await client.tickets.get("BKT-001", max_age=30)
        assert fake.calls == 3
        await client.tickets.get("BKT-002", max_age=30)
        assert fake.calls == 4


async def test_after_closing(fake: FakePeriskope) -> None:
    """A closed client hands out nothing that it kept, and ends what flies."""
    async with fake.client() as client:
        await client.tickets.get("BKT-001", max_age=30)
        flying = asyncio.create_task(client.tickets.get("BKT-002", max_age=30))
        await asyncio.sleep(0.5)
    with pytest.raises(ClientClosedError):
        await flying
    with pytest.raises(ClientClosedError, match="ticket BKT-001"):
        await client.tickets.get("BKT-001", max_age=30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_age": -1}, "max_age: expected a finite"),
        ({"max_age": float("nan")}, "max_age: expected a finite"),
        ({"max_age": "30"}, "max_age: expected seconds as a number, got str"),
        ({"chat_id": ["x"]}, "chat_id: expected text"),
        ({"chat_id": ""}, "chat_id: "),
        ({"phone": "nobody's"}, "phone: "),
        ({"phone": ["x"]}, "phone: "),
    ],
)
async def test_arguments_that_cannot_be(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], message: str
) -> None:
    """An argument that cannot be is refused by name, whether or not something is kept."""
    chat_id = fake.chat_ids[0]
    await client.chats.get(chat_id, max_age=30)
    options = {"chat_id": chat_id, "max_age": 30, **arguments}
    with pytest.raises(ConfigurationError, match=message):
        await client.chats.get(**options)
    assert fake.calls == 1


async def test_in_two_loops(fake: FakePeriskope) -> None:
    """Event loops share what came, and not what flies; a write in one drops what the other has kept."""
    fake.latency = 0.0
    async with fake.client() as client:
        first = await client.tickets.get("BKT-001", max_age=3000)

        async def elsewhere() -> bool:
            kept = await client.tickets.get("BKT-001", max_age=1e9)
            await client.tickets.update("BKT-001", status="closed")
            return kept is first

        loop = asyncio.get_running_loop()
        runner = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
        assert await runner
        assert (await client.tickets.get("BKT-001", max_age=1e9)).ticket.status == "closed"
        assert loop is asyncio.get_running_loop()
    assert fake.calls == 3


async def test_rate_limited_callers_share() -> None:
    """A thousand callers of ten ids cost ten permits of the limit."""
    policy = RateLimitPolicy.parse("10/60s")
    async with FakePeriskope(rate_limit=policy) as fake, fake.client() as client:
        ids = [f"BKT-{number:03}" for number in range(1, 11)]
        calls = (client.tickets.get(ids[number % 10], max_age=300) for number in range(1000))
        results = await asyncio.gather(*calls)
    assert len({id(result) for result in results}) == 10
    assert (fake.calls, fake.throttled) == (10, 0)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are eager since Python 3.12")
async def test_eager_tasks(fake: FakePeriskope) -> None:
    """Where tasks begin at once, a request that ends before anybody waits for it leaves nothing behind."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]  # since 3.12
    async with fake.client(deadline=5) as client:
        results = await every(10, lambda: client.tickets.get("BKT-001", max_age=300))
        assert len({id(result) for result in results}) == fake.calls == 1
        fake.faults.retry_after = 60.0
        fake.faults.add(Fault.STATUS_429)
        for error in (RateLimitError, DeadlineExceeded):
            with pytest.raises(error):
                await client.tickets.get("BKT-002", max_age=300)
        assert len(client._caller.connections.reads.table) == 1
