"""Live events: what comes, what is missing, what is refused; connections that end in every way; nothing left behind."""

import asyncio
import gc
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import periskope_sync
from periskope_async import (
    ApiError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    PeriskopeClient,
    PeriskopeError,
    PermissionDeniedError,
    ProtocolError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
    webhooks,
)
from periskope_async._sansio.live import MAX_WAITING
from periskope_async.events import EVENTS, Event, Gap, TicketCreated, TicketUpdated, UnknownEvent
from periskope_async.testing import Assumptions, FakePeriskope, Hangup, Reply
from periskope_async.testing import Request as Received
from periskope_async.testing._service.assumptions import Envelope
from tests.codec.test_schemas import Maker, schema
from tests.support import some, virtual_loop

pytest.importorskip("socketio", reason="python-socketio is not installed")

TESTS = Path(__file__).parents[1]
SCHEMAS: dict[str, str] = json.loads((TESTS / "api" / "schemas" / "events.json").read_text("utf-8"))["events"]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """A service of five tickets on this loop; all who connected have gone when it stops, and left nothing."""
    async with FakePeriskope(5) as fake:
        yield fake
        await settled(fake)


async def settled(fake: FakePeriskope) -> None:
    """Nobody is connected any more."""
    for _ in range(50):
        await asyncio.sleep(0.1 if fake.open_connections else 0.0)
    assert (fake.socket.connections, fake.open_connections) == (0, 0)


async def others() -> set[str]:
    """The names of the tasks that run beside the test."""
    await asyncio.sleep(0)
    return {task.get_coro().__qualname__ for task in asyncio.all_tasks() - {asyncio.current_task()}}  # type: ignore[union-attr]  # every coroutine has one


@asynccontextmanager
async def listening(fake: FakePeriskope, **options: Any) -> AsyncIterator[AsyncIterator[Event]]:
    """Listen to a fake, and leave the client with it."""
    async with fake.client() as client, client.events(**options) as events:
        yield events


async def one(events: AsyncIterator[Event]) -> Event:
    """The next event; in virtual time, nothing else would end a wait for one that never comes."""
    async with asyncio.timeout(3_600.0):
        return await anext(events)


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    """The next events."""
    return [await one(events) for _ in range(count)]


# -- what comes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("envelope", some(["bare", "event_type", "event", "flat"], "event_type"))
async def test_same_events_as_of_webhooks(envelope: Envelope) -> None:
    """What the service sends of each event, in any form, is what `webhooks.parse` makes of the same delivery."""
    async with FakePeriskope(1, assumptions=Assumptions(socket_envelope=envelope)) as fake, listening(fake) as events:
        for name, where in SCHEMAS.items():
            data = Maker(1).value(schema(where.removeprefix("schemas/").removesuffix(".json")), EVENTS[name].model)
            fake.emit(name, data)
            event = await one(events)
            assert type(event) is EVENTS[name], event
            assert event == webhooks.parse(json.dumps(event.raw).encode(), {}, None, topic=name)
            assert event.source == "service"
        assert fake.socket.counts["sent"] == len(SCHEMAS)


async def test_what_operations_cause_comes(fake: FakePeriskope) -> None:
    """A change that anybody makes over the API is an event, with what it is about; nobody is asked for more."""
    async with fake.client() as client, client.events() as events:
        await client.tickets.update("BKT-001", subject="Changed")
        event = await one(events)
        match event:
            case TicketUpdated(ticket=info):
                assert (info.ticket.ticket_id, info.ticket.subject) == ("BKT-001", "Changed")
            case _:
                pytest.fail("no match")
        made = await client.tickets.create(chat_id=fake.chat_ids[0], subject="New")
        event = await one(events)
        assert isinstance(event, TicketCreated)
        assert event.ticket.ticket.ticket_id == made.ticket.ticket_id
    assert fake.socket.handshakes[0].get("x-phone") is None


async def test_what_is_not_known_is_kept(fake: FakePeriskope) -> None:
    """A name without a class, data that is no object, none at all, bytes: an `UnknownEvent` with all of it."""
    async with listening(fake) as events:
        fake.socket.emit("new.today", {"a": 1})
        fake.socket.emit("odd", [1, 2], "more")
        fake.socket.emit("empty")
        fake.socket.emit("ticket.created", {"ticket": 7})
        fake.socket.send('451-["bytes",{"x":{"_placeholder":true,"num":0}}]')
        fake.socket.send("bAAE=")
        found = await take(events, 5)
    assert all(isinstance(event, UnknownEvent) for event in found)
    assert [(event.type, event.data) for event in found if isinstance(event, UnknownEvent)] == [
        ("new.today", {"a": 1}),
        ("odd", [1, 2]),
        ("empty", None),
        ("ticket.created", {"ticket": 7}),
        ("bytes", {"x": b"\x00\x01"}),
    ]
    assert len({event.key for event in found}) == 5


async def test_phone(fake: FakePeriskope) -> None:
    """The connection is made for the client's phone, and says who connects; the key is the client's."""
    async with fake.client(phone="+91 85271 84400") as client, client.events():
        assert fake.socket.handshakes[0]["x-phone"] == "918527184400"
        assert fake.socket.handshakes[0]["user-agent"].startswith("periskope-python/")
        assert fake.calls == 0


# -- refusals ---------------------------------------------------------------------------------------------------------


async def enter(client: PeriskopeClient) -> PeriskopeError:
    """What is raised where no connection comes about; nothing is left of it."""
    await asyncio.sleep(0.1)
    before = await others()
    with pytest.raises(PeriskopeError) as caught:
        async with client.events():
            pytest.fail("it is connected")
    assert await others() == before
    return caught.value


@pytest.mark.parametrize("refusal", ["packet", "http"])
async def test_bad_key(refusal: Any) -> None:
    """A bad key is refused at once, as an `AuthenticationError` that does not show it, however the service says so."""
    async with FakePeriskope(1, assumptions=Assumptions(socket_refusal=refusal)) as fake:
        async with PeriskopeClient("another-key", base_url=fake.base_url) as client:
            error = await enter(client)
        assert isinstance(error, AuthenticationError)
        assert (error.status, error.attempts, error.method, error.path) == (401, 1, "GET", "/socket.io")
        assert "Invalid bearer auth token" in str(error)
        assert "another-key" not in repr(vars(error))
        assert fake.socket.counts == {"refused": 1}
        await settled(fake)


@pytest.mark.parametrize(
    ("status", "said", "cls"),
    [
        (403, {"code": "FORBIDDEN", "message": "Not yours"}, PermissionDeniedError),
        (422, {"code": "VALIDATION_ERROR", "message": "Request validation failed"}, ValidationError),
        (404, {}, UnexpectedResponseError),
        (302, {}, UnexpectedResponseError),
        (200, {"an": "answer"}, UnexpectedResponseError),
        (0, {"message": "Not yours", "data": {"status": 403}}, PermissionDeniedError),
    ],
)
async def test_refused_for_good(fake: FakePeriskope, status: int, said: Any, cls: type[ApiError]) -> None:
    """What nobody can wait out is raised after one attempt, typed, with what the service said."""
    fake.socket.refuse(status=status, said=said)
    async with fake.client() as client:
        error = await enter(client)
    assert type(error) is cls
    assert (error.attempts, fake.socket.counts) == (1, {"refused": 1})


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_refused_for_now(fake: FakePeriskope, status: int) -> None:
    """What passes is waited out."""
    fake.socket.refuse(2, status=status, said={})
    async with listening(fake):
        assert fake.socket.counts == {"refused": 2, "connected": 1}


async def test_as_often_as_a_call(fake: FakePeriskope) -> None:
    """At first it is tried as often as a call is, and the last error is raised."""
    fake.socket.down()
    async with fake.client(retries=2) as client:
        error = await enter(client)
    assert isinstance(error, ServerError)
    assert (error.attempts, fake.socket.counts) == (3, {"unavailable": 3})


async def test_out_of_order_for_longer_than_the_deadline(fake: FakePeriskope) -> None:
    """Retries or no retries, the deadline is the end, and the error says what the last attempt met."""
    fake.socket.down()
    async with fake.client(retries=50, deadline=1.0) as client:
        error = await enter(client)
    assert isinstance(error, ConnectError)
    assert "within the deadline of 1 s; the last attempt: the answer has no body" in str(error)
    assert error.attempts == fake.socket.counts["unavailable"] > 1


async def test_a_refusal_that_is_too_long(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer, no more is read than of any other."""
    monkeypatch.setattr("periskope_async._io.body.MAX_BODY", 10)
    fake.socket.refuse(status=503, said={"message": "x" * 100})
    async with fake.client() as client:
        error = await enter(client)
    assert isinstance(error, ProtocolError)
    assert "the body is larger than" in str(error)


async def test_no_server_within_the_deadline(fake: FakePeriskope) -> None:
    """Where nothing listens, or nothing answers, a `ConnectError` comes within the deadline, and says why."""
    fake.down()
    for options in ({"deadline": 1.0, "retries": 50}, {"deadline": 120.0, "retries": 1}, {"deadline": None}):
        async with fake.client(**options) as client:
            error = await enter(client)
        assert isinstance(error, ConnectError)
        assert "Connection refused" in str(error)
        assert error.elapsed <= (options["deadline"] or 20.0)
    fake.up()
    fake.socket.delay = 1_000.0
    async with fake.client(deadline=3.0, timeout=1.0) as client:
        error = await enter(client)
    assert isinstance(error, ConnectError)
    assert 1.0 <= error.elapsed < 3.001
    assert fake.socket.counts["delayed"] >= 1


async def test_slow(fake: FakePeriskope) -> None:
    """A service that takes seconds for each packet is listened to."""
    fake.socket.delay = 5.0
    async with listening(fake) as events:
        fake.socket.emit("late", 1)
        assert (await one(events)).type == "late"
    assert fake.socket.counts["delayed"] >= 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"nonsense\r\n\r\n",
        Hangup.RESET,
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 99999999999\r\n\r\n",
    ],
)
async def test_not_a_websocket(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """What does not speak the protocol, or breaks off, is an error of ours, never of a library's."""
    monkeypatch.setattr(fake.socket, "answer", lambda _: (answer, Hangup.FIN))
    async with fake.client(retries=0) as client:
        assert isinstance(await enter(client), ProtocolError | ConnectError)


@pytest.mark.parametrize(
    "packet", ["0", "0{}", '0{"sid":1}', "4", "x", '0{"sid":"a","upgrades":[],"pingInterval":"x"}']
)
async def test_not_socket_io(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch, packet: str) -> None:
    """A WebSocket that says something else first is refused as what it is."""
    monkeypatch.setattr("periskope_async.testing._socket._Peer.begin", lambda peer: peer.send(packet))
    async with fake.client(retries=0) as client:
        error = await enter(client)
    assert isinstance(error, ProtocolError)
    assert "does not speak socket.io" in str(error)


async def test_sent_away_before_it_stands(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that ends between its two handshakes is tried again."""
    begin = monkeypatch.undo and fake.socket.answer

    def answer(request: Received) -> Any:
        head, peer = begin(request)
        if fake.socket.counts["connected"] == 0 and len(fake.socket.handshakes) < 3:
            peer.received = lambda _: peer.hang_up(Hangup.RESET)
        return head, peer

    monkeypatch.setattr(fake.socket, "answer", answer)
    async with listening(fake):
        assert len(fake.socket.handshakes) == 3


# -- connections that are lost ----------------------------------------------------------------------------------------


async def after_a_gap(fake: FakePeriskope, events: AsyncIterator[Event]) -> Gap:
    """The gap that comes next, and what comes after it."""
    gap = await one(events)
    assert isinstance(gap, Gap), gap
    fake.socket.emit("again", 1)
    assert (await one(events)).type == "again"
    return gap


def drop(fake: FakePeriskope) -> None:
    """Reset what stands."""
    fake.socket.drop()


def restart(fake: FakePeriskope) -> None:
    """Stop the socket, and start it half a minute later."""
    fake.socket.down()
    asyncio.get_running_loop().call_later(30.0, fake.socket.up)


def restart_all(fake: FakePeriskope) -> None:
    """Stop the service, and start it half a minute later."""
    fake.down()
    asyncio.get_running_loop().call_later(30.0, fake.up)


def send_away(fake: FakePeriskope) -> None:
    """Have the service send its clients away, which python-socketio takes for an end."""
    fake.socket.disconnect()


def half_open(fake: FakePeriskope) -> None:
    """Have the service fall silent, its connections open."""
    fake.socket.silence()


def junk(fake: FakePeriskope) -> None:
    """Have it send what is no packet."""
    fake.socket.send("4nonsense")


def close(fake: FakePeriskope) -> None:
    """Have Engine.IO close."""
    fake.socket.send("1")


LOSSES = [drop, restart, restart_all, send_away, half_open, junk, close]


@pytest.mark.parametrize("lose", LOSSES)
async def test_gap(fake: FakePeriskope, lose: Callable[[FakePeriskope], None]) -> None:
    """However a connection is lost, another is made, and a gap says from when to when; it is an event as others are."""
    async with listening(fake) as events:
        fake.socket.emit("before", 1)
        assert (await one(events)).type == "before"
        lose(fake)
        gap = await after_a_gap(fake, events)
        match gap:
            case Gap(since, until):
                assert since <= until
            case _:
                pytest.fail("no match")
        assert (gap.type, gap.dropped, gap.previous, gap.key) == ("gap", 0, {}, gap.key)
        lose(fake)
        assert (await after_a_gap(fake, events)).key != gap.key
    assert fake.socket.counts["connected"] == 3


async def test_half_open_is_noticed(fake: FakePeriskope) -> None:
    """A connection over which nothing comes, not even a ping, is lost after the time that the service has named."""
    loop = asyncio.get_running_loop()
    async with listening(fake) as events:
        began = loop.time()
        fake.socket.silence()
        await after_a_gap(fake, events)
        assert 40.0 <= loop.time() - began <= 50.0
        assert fake.socket.counts["silenced"] == 1
    await settled(fake)


async def test_idle_connections_stay(fake: FakePeriskope) -> None:
    """Where nothing happens for long, pings are answered, and nothing is missing."""
    async with listening(fake) as events:
        await asyncio.sleep(600.0)
        fake.socket.emit("late", 1)
        assert (await one(events)).type == "late"
    assert (fake.socket.counts["connected"], fake.socket.counts["lapsed"]) == (1, 0)


@pytest.mark.slow
async def test_a_server_that_takes_and_throws_out(fake: FakePeriskope) -> None:
    """Who is thrown out again at once waits longer each time: no storm, and one gap is all there is to read."""
    loop = asyncio.get_running_loop()

    async def throw_out() -> None:
        while True:
            fake.socket.disconnect()
            await asyncio.sleep(0.25)

    async with listening(fake):
        thrower = asyncio.create_task(throw_out())
        began = loop.time()
        await asyncio.sleep(100.0)
        thrower.cancel()
        assert 6 <= fake.socket.counts["connected"] <= 30
        assert loop.time() - began >= 100.0


async def test_a_key_that_is_revoked(fake: FakePeriskope) -> None:
    """What came before is still read; then the refusal is raised, each time that somebody reads."""
    async with listening(fake) as events:
        fake.socket.emit("last", 1)
        fake.rotate_key("another-key")
        fake.socket.drop()
        await asyncio.sleep(60.0)
        assert (await one(events)).type == "last"
        for _ in range(2):
            with pytest.raises(AuthenticationError, match="Invalid bearer auth token"):
                await one(events)
    assert fake.socket.counts["refused"] == 1


async def test_refused_for_now_after_it_stood(fake: FakePeriskope) -> None:
    """What is no matter of the key is tried for ever, though a call would give up."""
    async with fake.client(retries=0, deadline=1.0) as client, client.events() as events:
        fake.socket.refuse(20, status=404, said={})
        fake.socket.drop()
        await after_a_gap(fake, events)
    assert fake.socket.counts["refused"] == 20


async def test_client_that_is_closed(fake: FakePeriskope) -> None:
    """Closing the client ends its events, and none begin."""
    client = fake.client()
    async with client.events() as events:
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await one(events)
    with pytest.raises(ClientClosedError):
        async with client.events():
            pytest.fail("it is connected")


# -- readers that are slow --------------------------------------------------------------------------------------------


async def test_a_second_welcome(fake: FakePeriskope) -> None:
    """A server that says twice that the connection stands has lost nothing, and no gap is read."""
    async with listening(fake) as events:
        fake.socket.send('40{"sid":"again"}')
        fake.change("BKT-002", subject="Changed")
        assert isinstance(await anext(events), TicketUpdated)


async def test_flood(fake: FakePeriskope) -> None:
    """Of more events than have room, the first 1,000 are read, and a gap counts the others; then all is as before."""
    async with listening(fake) as events:
        fake.socket.flood(1_200, "many", {"a": 1})
        await asyncio.sleep(1.0)
        found = await take(events, MAX_WAITING + 1)
        assert {event.type for event in found[:-1]} == {"many"}
        gap = found[-1]
        assert isinstance(gap, Gap)
        assert (gap.dropped, gap.since <= gap.until) == (1_200 - MAX_WAITING, True)
        fake.socket.emit("again", 1)
        assert (await one(events)).type == "again"
    assert (fake.socket.counts["flood"], fake.socket.counts["connected"]) == (1_200, 1)


@pytest.mark.slow
async def test_slow_reader(fake: FakePeriskope) -> None:
    """However slow its reader is, every event is read, or counted in a gap where it is missing."""
    async with listening(fake) as events:
        sent, read = 0, 0
        for _ in range(6):
            fake.socket.flood(400, "many", {"a": 1})
            sent += 400
            await asyncio.sleep(0.1)
            for event in await take(events, 150):
                read += event.dropped if isinstance(event, Gap) else 1
        while read < sent:
            event = await one(events)
            read += event.dropped if isinstance(event, Gap) else 1
        assert read == sent


# -- backfill ---------------------------------------------------------------------------------------------------------


async def test_backfill(fake: FakePeriskope) -> None:
    """After a gap, the tickets that were changed meanwhile come as events of their own, marked; others do not."""
    async with listening(fake, backfill="tickets") as events:
        await asyncio.sleep(60.0)
        fake.change("BKT-001", subject="Seen")
        assert isinstance(await one(events), TicketUpdated)
        await asyncio.sleep(60.0)
        fake.socket.down()
        await asyncio.sleep(0.0)
        fake.change("BKT-002", subject="Missed", labels="urgent")
        await asyncio.sleep(60.0)
        fake.socket.up()
        gap, event = await take(events, 2)
        assert isinstance(gap, Gap)
        assert isinstance(event, TicketUpdated)
        assert (event.source, event.ticket.ticket.ticket_id, event.ticket.chat) == ("backfill", "BKT-002", None)
        assert event.ticket.ticket.subject == "Missed"
        assert event.raw["ticket_id"] == "BKT-002"
        fake.socket.emit("again", 1)
        assert (await one(events)).type == "again"
    assert [request.path for request in fake.requests] == ["/v1/tickets?offset=0&limit=2000"]


async def test_backfill_of_names_and_labels(fake: FakePeriskope) -> None:
    """A row's labels and custom properties are where those of a ticket are."""
    async with listening(fake, backfill="tickets") as events:
        fake.socket.drop()
        fake.change("BKT-003", ticket_labels="VIP, Refund")
        _, event = await take(events, 2)
    assert isinstance(event, TicketUpdated)
    assert event.ticket.ticket.ticket_labels == ("VIP", "Refund")


async def test_backfill_that_fails(fake: FakePeriskope) -> None:
    """A list that cannot be read now is read later; a refused key is raised."""
    async with fake.client(retries=0) as client, client.events(backfill="tickets") as events:
        fake.faults.add("503", times=3)
        fake.socket.drop()
        fake.change("BKT-002", subject="Missed")
        gap, event = await take(events, 2)
        assert isinstance(gap, Gap)
        assert isinstance(event, TicketUpdated)
        assert (event.source, fake.counts["503"]) == ("backfill", 3)
        fake.answer(lambda _: Reply(401, b'{"message": "gone"}'))
        fake.socket.drop()
        assert isinstance(await one(events), Gap)
        with pytest.raises(AuthenticationError, match="gone"):
            await one(events)


async def test_backfill_of_more_than_has_room() -> None:
    """A backfill waits for its reader: not one of many changed tickets is missing, nor dropped."""
    async with FakePeriskope(MAX_WAITING) as large, listening(large, backfill="tickets") as events:
        await asyncio.sleep(0.0)
        for ticket_id in large.ticket_ids:
            large._service.state.objects["tickets"].happenings.listeners = ()
            large.change(ticket_id, subject="Missed")
        large.socket.drop()
        gap, *found = await take(events, MAX_WAITING + 1)
        assert isinstance(gap, Gap)
        assert {event.raw["ticket_id"] for event in found} == set(large.ticket_ids)


async def test_backfill_is_never_older_than_what_was_read(fake: FakePeriskope) -> None:
    """A row of the list is left out where an event of the same ticket was read while the list was."""
    latency = asyncio.Event()

    def slowly(_: Received) -> None:
        latency.set()

    async with listening(fake, backfill="tickets") as events:
        fake.latency = 10.0  # the list is made, and takes its time to come
        fake.answer(slowly)
        fake.socket.drop()
        fake.change("BKT-002", subject="Old")
        fake.change("BKT-003", subject="Other")
        assert isinstance(await one(events), Gap)
        await latency.wait()
        fake.change("BKT-002", subject="New")
        live, filled = await take(events, 2)
        assert isinstance(live, TicketUpdated)
        assert isinstance(filled, TicketUpdated)
        assert (live.source, live.ticket.ticket.subject) == ("service", "New")
        assert (filled.source, filled.ticket.ticket.subject) == ("backfill", "Other")
        fake.socket.emit("again", 1)
        assert (await one(events)).type == "again"


async def test_two_gaps_while_one_is_filled(fake: FakePeriskope) -> None:
    """A gap that comes while the list is read is filled too."""
    async with listening(fake, backfill="tickets") as events:
        fake.latency = 10.0
        fake.socket.drop()
        assert isinstance(await one(events), Gap)
        await asyncio.sleep(1.0)
        fake.socket.drop()
        fake.change("BKT-002", subject="Missed")
        assert isinstance(await one(events), Gap)
        assert (await one(events)).source == "backfill"
    assert fake.calls == 2


@pytest.mark.parametrize("date", ["", "nonsense", "Thu, 01 Jan 1970 00:00:00"])
async def test_backfill_without_a_usable_date(fake: FakePeriskope, date: str) -> None:
    """Where the service does not say what time it is, it is ours."""
    now = datetime.now(UTC).isoformat()

    def answer(request: Received) -> Reply:
        del request
        rows = [{"ticket_id": "A", "last_updated_at": now}, {"ticket_id": "B"}]
        headers = (("Content-Type", "application/json"), *((("Date", date),) if date else ()))
        return Reply(200, json.dumps({"tickets": rows}).encode(), headers)

    fake.answer(answer)
    if not date:
        fake._answering.outcome = _undated(fake._answering.outcome)  # type: ignore[method-assign]  # without its Date
    async with listening(fake, backfill="tickets") as events:
        fake.socket.drop()
        _, event = await take(events, 2)
        assert event.raw["ticket_id"] == "A"


def _undated(outcome: Any) -> Any:
    def undated(*args: Any) -> Any:
        made = outcome(*args)
        steps = [b"\r\n".join(line for line in made.steps[0].split(b"\r\n") if not line.startswith(b"Date:"))]
        return type(made)(steps, made.status)

    return undated


# -- nothing left behind ----------------------------------------------------------------------------------------------


async def listen_and_lose(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Connect, read, lose the connection, read a gap, lose it in other ways: something to be interrupted in."""
    async with client.events(backfill="tickets") as events:
        fake.socket.emit("one", 1)
        await one(events)
        fake.socket.drop()
        fake.change("BKT-002", subject=str(fake.socket.counts["connected"]))
        await take(events, 2)
        fake.socket.disconnect()
        await one(events)
        fake.socket.send("4nonsense")
        await one(events)
        fake.socket.flood(3, "many", 1)


@pytest.mark.parametrize("stride", some([1, 25], 25))
def test_left_at_any_moment(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever who listens is cancelled, no task, connection or warning is left, and it is left soon."""
    monkeypatch.setattr("periskope_async._sansio.live.RECONNECT_BASE", 0.0)  # so that every turn gets further

    async def main() -> int:
        turns, through = 0, False
        async with FakePeriskope(5) as fake, fake.client() as client:
            before = await others()
            while not through:
                task = asyncio.create_task(listen_and_lose(fake, client))
                for _ in range(turns):
                    await asyncio.sleep(0)
                through = task.done()
                task.cancel()
                await asyncio.wait([task], timeout=20.0)
                assert task.done()
                assert task.cancelled() != through
                assert await others() == before
                turns += stride
            await client.aclose()
            await settled(fake)
        gc.collect()
        return turns

    assert asyncio.run(main()) > 60


@pytest.mark.parametrize("seconds", some([0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 3.0, 20.0, 45.0, 46.0], 0.5))
async def test_left_while_time_passes(fake: FakePeriskope, seconds: float) -> None:
    """The same in the pauses: while it waits to connect again, for a service that is silent, slow or gone."""
    before = await others()
    for lose in [*LOSSES, lambda fake: setattr(fake.socket, "delay", 5.0)]:
        async with fake.client() as client:
            async with client.events():
                lose(fake)
                if seconds:
                    await asyncio.sleep(seconds)
            assert await others() == before
        await asyncio.sleep(40.0)
        fake.socket.delay = 0.0
    gc.collect()


async def test_two_at_once(fake: FakePeriskope) -> None:
    """Two of one client are two connections, and both get everything; one ends, the other goes on."""
    async with fake.client() as client, client.events() as first:
        async with client.events() as second:
            fake.socket.emit("both", 1)
            assert [(await one(events)).type for events in (first, second)] == ["both", "both"]
        fake.socket.emit("one", 1)
        assert (await one(first)).type == "one"
        with pytest.raises(StopAsyncIteration):
            await one(second)


async def test_borrowed_session(fake: FakePeriskope) -> None:
    """A borrowed session lends its connections, and is open afterwards; a closed one is said to be."""
    async with aiohttp.ClientSession() as session, fake.client(session=session) as client:
        async with client.events() as events:
            fake.socket.emit("one", 1)
            assert (await one(events)).type == "one"
            fake.socket.drop()
            await after_a_gap(fake, events)
        gc.collect()
        assert not session.closed
        await session.close()
        assert isinstance(await enter(client), ClientClosedError)


def test_a_loop_that_ends_while_events_come() -> None:
    """A program that ends in the middle leaves nothing behind either."""

    async def main(fake: FakePeriskope) -> None:
        client = fake.client()
        events = client.events()
        await events.__aenter__()
        await client.aclose()

    with FakePeriskope(1) as fake:
        asyncio.run(main(fake))
        gc.collect()


# -- how it is used ---------------------------------------------------------------------------------------------------


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without python-socketio, the call says how it is installed."""
    monkeypatch.setitem(sys.modules, "socketio", None)
    for client in (PeriskopeClient("key"), periskope_sync.PeriskopeClient("key")):
        with pytest.raises(ConfigurationError, match=r"pip install '/path/to/clone\[live\]'"):
            client.events()


async def test_misused() -> None:
    """What is not entered says how it is used; a backfill that there is not is refused."""
    client = PeriskopeClient("key")
    with pytest.raises(TypeError, match=r"async with client\.events"):
        aiter(client.events())  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(TypeError, match=r"async with client\.events"):
        await client.events()  # type: ignore[misc]  # that is the mistake
    with pytest.raises(ConfigurationError, match="backfill"):
        client.events(backfill="chats")  # type: ignore[arg-type]  # that is the mistake


def test_without_await() -> None:
    """The blocking twin gives the same events, in any thread, and is left as easily."""
    with FakePeriskope(3) as fake, fake.sync_client() as client:
        with client.events() as events:
            fake.change("BKT-002", subject="Changed")
            event = next(events)
            assert isinstance(event, TicketUpdated)
            fake.socket.drop()
            assert isinstance(next(events), Gap)
            fake.socket.flood(3, "many", 1)
            for number, event in enumerate(events):
                assert event.type == "many"
                if number == 2:
                    break
        with pytest.raises(TypeError, match=r"with client\.events"):
            iter(client.events())  # type: ignore[call-overload]  # that is the mistake
    with FakePeriskope(1) as fake:
        refused = periskope_sync.PeriskopeClient("no", base_url=fake.base_url)
        with refused, pytest.raises(AuthenticationError), refused.events():
            pytest.fail("it is connected")


def test_reading_in_tasks_is_awaitable() -> None:
    """Who waits for an event can be cancelled, and read on."""

    async def main(fake: FakePeriskope) -> None:
        async with listening(fake) as events:
            wait: Awaitable[Event] = asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait([wait], timeout=0.01)  # type: ignore[list-item]  # a future
            assert not done
            wait.cancel()  # type: ignore[attr-defined]  # a future
            fake.socket.emit("one", 1)
            assert (await one(events)).type == "one"

    with FakePeriskope(1) as fake:
        asyncio.run(main(fake))
