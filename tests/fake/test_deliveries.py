"""What the fake posts to those who subscribed: to whom, in which form, how often, and what can go wrong with it."""

import asyncio
import gc
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from periskope_async import webhooks
from periskope_async.events import NoteCreated, TicketCreated, TicketUpdated, UnknownEvent
from periskope_async.testing import Assumptions, Deliveries, Delivery, DeliveryFault, FakePeriskope
from periskope_async.testing._deliveries.post import is_near

CHAT = "919537851844@c.us"
QUICKLY = Assumptions(redeliveries=(0.001, 0.001))


class Receiver:
    """A server that keeps what is posted to it, and answers what `answer` says."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[int], int] = lambda _: 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(receiver.answer(len(receiver.got)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=b"

    @property
    def bodies(self) -> list[Any]:
        """What came, read."""
        return [json.loads(body) for _, _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Be a server that is posted to."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@contextmanager
def subscribed(receiver: Receiver, *events: str, **options: Any) -> Iterator[FakePeriskope]:
    """Run a fake that posts these events to a receiver."""
    with FakePeriskope(3, **{"assumptions": QUICKLY, **options}) as fake, fake.sync_client() as client:
        client.webhooks.create(receiver.url, list(events))
        yield fake


def subjects(receiver: Receiver) -> list[str]:
    """The subjects of the tickets that came, in order."""
    return [body["data"]["ticket"]["subject"] for body in receiver.bodies]


# -- to whom, and what ------------------------------------------------------------------------------------------------


def test_a_change_is_posted_to_those_who_subscribed(receiver: Receiver) -> None:
    """Whoever subscribed to an event gets it, signed, with the old values; of other events nothing."""
    with subscribed(receiver, "ticket.updated", "note.created") as fake, fake.sync_client() as client:
        client.tickets.update("BKT-001", subject="Other")
        client.tickets.create(chat_id=CHAT, subject="New")
        client.notes.create(CHAT, "Between us")
        attempts = fake.deliveries.join()
    assert [path for path, _, _ in receiver.got] == ["/hook?a=b"] * 2
    ticket, note = (webhooks.parse(body, headers, fake.signing_key) for _, headers, body in receiver.got)
    assert isinstance(ticket, TicketUpdated)
    assert isinstance(note, NoteCreated)
    assert (ticket.ticket.ticket.subject, dict(ticket.previous)) == ("Other", {"subject": "Issue with this"})
    assert [(each.event, each.attempt, each.status, each.fault) for each in attempts] == [
        ("ticket.updated", 1, 200, None),
        ("note.created", 1, 200, None),
    ]
    assert [webhooks.parse(each.body, each.headers, fake.signing_key) for each in attempts] == [ticket, note]
    assert [ticket.id, note.id] == [each.id for each in attempts]
    assert ticket.id != note.id
    fields = receiver.got[0][1]
    assert (fields["content-type"], fields["host"]) == ("application/json", receiver.url.split("/")[2])


def test_a_send_arrives_by_itself(receiver: Receiver) -> None:
    """A message that leaves the queue is posted though nobody asks for it."""
    with subscribed(receiver, "message.created") as fake, fake.sync_client() as client:
        client.messages.send(CHAT, "Hello")
        fake.deliveries.join()
    (body,) = receiver.bodies
    assert (body["data"]["body"], body["data"]["from_me"]) == ("Hello", True)


def test_subscriptions_change(receiver: Receiver) -> None:
    """Who ended, paused or changed a subscription gets what it says then; one by hand counts too, of several events."""
    with FakePeriskope(3, assumptions=QUICKLY) as fake, fake.sync_client() as client:
        first = fake.webhooks.get(fake.webhooks.ids[0])
        fake.webhooks.put({"id": "odd"})  # by hand anything can be put
        fake.webhooks.put(first | {"hook_url": receiver.url, "integration_name": ["moon.risen", "sun.set"]})
        for name in ("moon.risen", "ticket.created", "sun.set"):
            fake.emit(name, {})
        client.webhooks.update(first["id"], integration_name="tide.turned")
        fake.emit("tide.turned", {})
        client.webhooks.update(first["id"], is_subscribed=False)
        fake.emit("tide.turned", {})
        client.webhooks.update(first["id"], is_subscribed=True)
        client.webhooks.delete(first["id"])
        fake.emit("tide.turned", {})
        fake.deliveries.join()
    assert [body["event_type"] for body in receiver.bodies] == ["moon.risen", "sun.set", "tide.turned"]


@pytest.mark.parametrize("envelope", ["event_type", "event", "flat", "bare"])
def test_every_form_of_the_envelope(receiver: Receiver, envelope: Any) -> None:
    """Each form that was documented or seen is posted on demand, and read as the same event."""
    with subscribed(receiver, "ticket.updated", assumptions=Assumptions(envelope=envelope)) as fake:
        fake.change("BKT-001", subject="Other")
        fake.deliveries.join()
    ((_, headers, body),) = receiver.got
    event = webhooks.parse(body, headers, fake.signing_key, topic="ticket.updated")
    assert isinstance(event, TicketUpdated)
    assert event.ticket.ticket.subject == "Other"
    assert (event.id is None, not event.previous, event.timestamp is None) == {
        "event_type": (False, False, True),
        "event": (True, True, False),
        "flat": (True, False, True),
        "bare": (True, True, True),
    }[envelope]


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1/hook", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000/", True),
        ("http://127.9.9.9:1/", True),
        ("https://127.0.0.1/", False),
        ("http://example.com/", False),
        ("http://10.0.0.1/", False),
        ("http://0.0.0.0/", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1:99999/", False),
        ("http://127.0.0.1:0/", False),
        ("http:///", False),
        ("http://[::1/", False),
    ],
)
def test_nobody_elsewhere_is_called(url: str, near: bool) -> None:  # noqa: FBT001  # a case
    """Deliveries go to this machine over plain HTTP, and nowhere else."""
    assert is_near(url) is near


def test_what_is_subscribed_elsewhere_is_not_posted() -> None:
    """A subscription of another machine is kept and listed, and nothing is on its way to it."""
    with FakePeriskope(3) as fake, fake.sync_client() as client:
        client.webhooks.create("http://example.com/hook", "ticket.updated")
        fake.change("BKT-001", subject="Other")
        assert fake.deliveries.join() == []


def test_localhost(receiver: Receiver) -> None:
    """`localhost` is this machine by either of its addresses, and no resolver is asked."""
    with FakePeriskope(3, assumptions=Assumptions(redeliveries=())) as fake, fake.sync_client() as client:
        (made,) = client.webhooks.create(receiver.url.replace("127.0.0.1", "localhost"), "moon.risen")
        fake.emit("moon.risen", {})
        assert [each.status for each in fake.deliveries.join()] == [200]
        client.webhooks.update(made.id, hook_url="http://localhost:1")  # nobody listens there
        fake.emit("moon.risen", {})
        assert [each.status for each in fake.deliveries.join()] == [200, 0]


# -- again ------------------------------------------------------------------------------------------------------------


def test_what_fails_comes_again(receiver: Receiver) -> None:
    """Until an answer is 2xx the same body comes again, after the assumed waits and no more often."""
    receiver.answer = lambda number: {1: 500, 2: 302, 4: 400}.get(number, 204 if number == 3 else 404)
    with subscribed(receiver, "ticket.updated") as fake:
        fake.change("BKT-001", subject="First")
        assert [(each.attempt, each.status) for each in fake.deliveries.join()] == [(1, 500), (2, 302), (3, 204)]
        fake.clear()
        fake.change("BKT-001", subject="Second")
        assert [(each.attempt, each.status) for each in fake.deliveries.join()] == [(1, 400), (2, 404), (3, 404)]
        assert fake.deliveries.pending == 0
    assert len({body for _, _, body in receiver.got[:3]}) == len({body for _, _, body in receiver.got[3:]}) == 1


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1", b"HTTP/1.1 x\r\n\r\n", b"nonsense 200\r\n\r\n", None])
async def test_no_answer(answer: bytes | None) -> None:
    """What is not HTTP, and nothing within the time, is no answer: it comes again."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await gone.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assumptions = Assumptions(delivery_timeout=0.05, redeliveries=(0.001,))
    async with FakePeriskope(3, assumptions=assumptions) as fake, fake.client() as client:
        await client.webhooks.create(url, "moon.risen")
        fake.emit("moon.risen", {})
        assert [(each.attempt, each.status) for each in await fake.deliveries.settled()] == [(1, 0), (2, 0)]
    gone.set()
    server.close()
    await server.wait_closed()


async def test_a_giant_answer() -> None:
    """Of an endless answer the status counts, and the rest is not read."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 Accepted\r\n\r\n")
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with FakePeriskope(3) as fake, fake.client() as client:
        await client.webhooks.create(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "moon.risen")
        fake.emit("moon.risen", {})
        assert [each.status for each in await fake.deliveries.settled()] == [202]
    server.close()


# -- what goes wrong on purpose ---------------------------------------------------------------------------------------


def test_a_duplicate(receiver: Receiver) -> None:
    """A delivery that is doubled comes twice, as one and the same event."""
    with subscribed(receiver, "ticket.updated") as fake:
        fake.deliveries.add("duplicate", event="ticket.updated", times=1)
        for subject in ("First", "Second"):
            fake.change("BKT-001", subject=subject)
        attempts = fake.deliveries.join()
        assert [(each.attempt, each.fault) for each in attempts] == [(1, None), (1, "duplicate"), (1, None)]
        assert fake.deliveries.counts == {"duplicate": 1}
    assert subjects(receiver) == ["First", "First", "Second"]
    events = [webhooks.parse(body, headers, fake.signing_key) for _, headers, body in receiver.got]
    seen = webhooks.Seen()
    assert [seen.add(event) for event in events] == [True, False, True]


@pytest.mark.parametrize("kind", ["bad-signature", "no-signature"])
def test_a_wrong_signature(receiver: Receiver, kind: str) -> None:
    """A delivery signed by somebody else, or by nobody, is refused; the next attempt is signed well again."""
    with subscribed(receiver, "ticket.updated") as fake:
        fake.deliveries.add(kind, times=1)
        receiver.answer = lambda number: 400 if number == 1 else 200
        fake.change("BKT-001", subject="First")
        assert [(each.status, each.fault) for each in fake.deliveries.join()] == [(400, kind), (200, None)]
        assert fake.deliveries.counts == {kind: 1}
    (_, bad, body), (_, good, _) = receiver.got
    with pytest.raises(webhooks.SignatureError):
        webhooks.parse(body, bad, fake.signing_key)
    assert isinstance(webhooks.parse(body, good, fake.signing_key), TicketUpdated)


def test_a_body_cut_short(receiver: Receiver) -> None:
    """Half of a body comes, then the end; the next attempt has all of it."""
    with subscribed(receiver, "ticket.updated") as fake:
        fake.deliveries.add("cut-body", after=1, times=1)
        for subject in ("First", "Second"):
            fake.change("BKT-001", subject=subject)
        attempts = fake.deliveries.join()
        assert [(each.attempt, each.status, each.fault) for each in attempts] == [
            (1, 200, None),
            (1, 0, DeliveryFault.CUT_BODY),
            (2, 200, None),
        ]
    whole = [body for _, _, body in receiver.got if body in {each.body for each in attempts}]
    assert [json.loads(body)["data"]["ticket"]["subject"] for body in whole] == ["First", "Second"]
    for _, _, body in receiver.got:
        assert body in whole or attempts[1].body.startswith(body)


def test_a_delay(receiver: Receiver) -> None:
    """What is delayed is overtaken by what comes after it."""
    with subscribed(receiver, "ticket.updated") as fake:
        fake.deliveries.add("delay", times=1, seconds=0.3)
        for subject in ("First", "Second"):
            fake.change("BKT-001", subject=subject)
        assert [each.fault for each in fake.deliveries.join()] == [None, "delay"]
    assert subjects(receiver) == ["Second", "First"]


def test_another_order(receiver: Receiver) -> None:
    """What is reordered comes after the next one to its URL, whether that waits already or is still to come."""
    with subscribed(receiver, "ticket.updated") as fake:
        fake.deliveries.add("reorder", times=2, url=receiver.url)
        fake.change("BKT-001", subject="First")
        assert fake.deliveries.join() == []  # it waits, and nothing else does
        fake.change("BKT-001", subject="Second")
        fake.deliveries.join()
        came, release = threading.Event(), threading.Event()

        def hold(_: int) -> int:
            came.set()
            return 200 if release.wait(10) else 0

        receiver.answer = hold
        fake.deliveries.clear()
        fake.change("BKT-001", subject="Third")
        assert came.wait(10)
        fake.deliveries.add("reorder")
        for subject in ("Fourth", "Fifth"):
            fake.change("BKT-001", subject=subject)
        release.set()
        fake.deliveries.join()
        assert fake.deliveries.counts == {"reorder": 2}
    assert subjects(receiver) == ["Second", "First", "Third", "Fifth", "Fourth"]


def test_by_chance(receiver: Receiver) -> None:
    """A share of the deliveries meets a fault, the same ones for the same seed."""
    doubled = list[list[int]]()
    for _ in range(2):
        with subscribed(receiver, "ticket.updated", "ticket.created", seed=7) as fake:
            fake.deliveries.add("duplicate", rate=0.5, event="ticket.updated")
            for number in range(20):
                fake.change("BKT-001", subject=str(number))
            fake.put({"ticket": {"ticket_id": "ACM-7"}})
            attempts = fake.deliveries.join()
            doubled.append([place for place, each in enumerate(attempts) if each.fault])
            assert fake.deliveries.counts["duplicate"] == len(doubled[-1])
            assert (attempts[-1].event, attempts[-1].fault) == ("ticket.created", None)
    assert doubled[0] == doubled[1]
    assert 0 < len(doubled[0]) < 20


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"kind": "eaten-by-dog"}, r"no fault of deliveries is called 'eaten-by-dog' \(there are duplicate, delay, .*"),
        ({"kind": "reodrer"}, r"is called 'reodrer'; did you mean 'reorder'\? \(there are"),
        ({"kind": "delay", "seconds": 0}, "seconds: 0 would not delay it"),
        ({"kind": "delay", "rate": 1.5}, "rate: 1.5 is not a probability"),
    ],
)
def test_useless_orders(order: dict[str, Any], message: str) -> None:
    """An order that cannot be carried out is refused where it is made."""
    with pytest.raises(ValueError, match=message):
        FakePeriskope().deliveries.add(**order)


def test_a_fault_that_changes_nothing_raises(receiver: Receiver) -> None:
    """Another signature where nothing is signed, or another order of the last delivery, is an error of the test."""
    unsigned = subscribed(receiver, "moon.risen", signing_key="")
    fake = unsigned.__enter__()
    fake.deliveries.add("bad-signature")
    for _ in range(2):
        fake.emit("moon.risen", {})
    assert [(each.status, each.headers) for each in fake.deliveries.join()] == [(200, {})] * 2
    assert fake.deliveries.counts == {}
    with pytest.raises(ValueError, match="'bad-signature' changes nothing in a delivery that is not signed"):
        unsigned.__exit__(None, None, None)
    assert all("x-periskope-signature" not in headers for _, headers, _ in receiver.got)
    signed = subscribed(receiver, "moon.risen")
    fake = signed.__enter__()
    fake.deliveries.add("reorder")
    fake.emit("moon.risen", {})
    assert fake.deliveries.join() == []
    with pytest.raises(ValueError, match="'reorder' changes nothing in the last delivery"):
        signed.__exit__(None, None, None)


# -- life -------------------------------------------------------------------------------------------------------------


async def test_nothing_is_left_behind(receiver: Receiver) -> None:
    """Stopped at any moment, the fake gives up what is on its way: neither task nor socket nor warning stays."""
    hold = threading.Event()
    receiver.answer = lambda _: 200 if hold.wait(10) else 0
    before = asyncio.all_tasks()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for moment in range(12):
            async with FakePeriskope(3) as fake, fake.client() as client:
                await client.webhooks.create(receiver.url, "ticket.updated")
                await client.webhooks.create("http://127.0.0.1:1/", "ticket.updated")  # comes again later
                await client.tickets.update("BKT-001", subject=f"At {moment}")
                for _ in range(moment):
                    await asyncio.sleep(0)
                assert fake.deliveries.pending
            assert fake.deliveries.pending == 0
            assert await fake.deliveries.settled() == fake.deliveries.attempts
            fake.change("BKT-001", subject="Unheard")
        gc.collect()
    assert asyncio.all_tasks() == before
    hold.set()


async def test_what_was_to_come_again(receiver: Receiver) -> None:
    """A fake that stops tries nothing again of what it would have tried within the minute."""
    receiver.answer = lambda _: 500
    async with FakePeriskope(3, assumptions=Assumptions(redeliveries=(60.0,))) as fake:
        fake.webhooks.change(fake.webhooks.ids[0], hook_url=receiver.url, integration_name="moon.risen")
        fake.emit("moon.risen", {})
        while not fake._courier._timers:  # noqa: ASYNC110  # the answer is on its way
            await asyncio.sleep(0.001)
        (timer,) = fake._courier._timers
        assert [each.status for each in fake.deliveries.attempts] == [500]
    assert timer.cancelled()


async def test_what_happens_while_it_stops(receiver: Receiver) -> None:
    """What another thread causes at the last moment is given up, like all else, and nobody waits for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fake = FakePeriskope(3)
        fake.webhooks.change(fake.webhooks.ids[0], hook_url=receiver.url, integration_name="moon.risen")
        fake._courier.open()
        fake.emit("moon.risen", {})
        fake._log.wake()
        assert fake.deliveries.pending == 2
        await fake._courier.close()
        await asyncio.sleep(0)
        assert fake.deliveries.pending == 0
    assert receiver.got == []


async def test_who_waits_too_short(receiver: Receiver) -> None:
    """Waiting for deliveries ends in time, in a thread and in a loop, and says what is still to come."""
    receiver.answer = lambda _: 500
    with FakePeriskope(3, assumptions=Assumptions(redeliveries=(60.0,))) as fake:
        fake.webhooks.change(fake.webhooks.ids[0], hook_url=receiver.url, integration_name="ticket.updated")
        fake.change("BKT-001", subject="First")
        with pytest.raises(TimeoutError, match=r"after 0.2 s deliveries are still on their way: 1"):
            fake.deliveries.join(0.2)
        with pytest.raises(TimeoutError, match=r"after 0.01 s deliveries are still on their way: 1"):
            await fake.deliveries.settled(0.01)


def test_a_subscription_before_the_start(receiver: Receiver) -> None:
    """Who subscribed by hand before the fake runs gets what happens from the start on."""
    fake = FakePeriskope(3)
    fake.webhooks.change(fake.webhooks.ids[0], hook_url=receiver.url)
    info = fake.get("BKT-001")
    fake.remove("BKT-001")
    with fake:
        fake.put(info)
        (delivery,) = fake.deliveries.join()
    assert isinstance(delivery, Delivery)
    assert isinstance(fake.deliveries, Deliveries)
    assert isinstance(webhooks.parse(delivery.body, delivery.headers, fake.signing_key), TicketCreated)
    assert not isinstance(webhooks.parse(delivery.body, {}, None), UnknownEvent)
