"""Deliveries of webhooks: every event and every form of the envelope, signatures, duplicates, and receivers of them."""

import asyncio
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import periskope_async.events
import periskope_sync.events
import periskope_sync.webhooks
from periskope_async import ConfigurationError, DecodeError, PeriskopeError, webhooks
from periskope_async.events import EVENTS, Event, MessageEvent, TicketEvent, TicketUpdated, UnknownEvent
from periskope_async.webhooks import MAX_BODY, Seen, SignatureError, parse, sign, verify
from tests.codec.test_schemas import Maker
from tests.schemas import schema

Json = Any
TESTS = Path(__file__).parents[1]
KEY = "whsec_test"
SCHEMAS: dict[str, str] = json.loads((TESTS / "api" / "schemas" / "events.json").read_text("utf-8"))["events"]
TICKET: Json = json.loads((TESTS / "samples" / "ticket-info.example.json").read_text("utf-8"))


def delivery(body: Json, key: str = KEY) -> tuple[bytes, dict[str, str]]:
    """What the service would post."""
    text = json.dumps(body).encode()
    return text, {"Content-Type": "application/json", "X-Periskope-Signature": sign(text, key)}


def made(event: str, seed: int) -> Json:
    """Data that the vendor's schema of an event allows."""
    return Maker(seed).value(schema(SCHEMAS[event].removeprefix("schemas/").removesuffix(".json")), EVENTS[event].model)


# -- events -----------------------------------------------------------------------------------------------------------


def test_every_event_of_the_vendor_has_a_class() -> None:
    """The names are those of the vendor's list, each with a class that is called after it."""
    assert set(EVENTS) == set(SCHEMAS)
    for name, cls in EVENTS.items():
        assert cls.__name__.lower() == name.replace(".", "").replace("_", "")


@pytest.mark.parametrize("name", SCHEMAS)
def test_data_of_every_event(name: str) -> None:
    """Whatever a schema allows is read into the event's class, and its model gives it back as it came."""
    for seed in range(20):
        data = made(name, seed)
        event = parse(*delivery({"event_type": name, "data": data, "id": "d1", "org_id": "o1"}), KEY)
        assert type(event) is EVENTS[name]
        assert (event.type, event.id, event.org_id, event.raw["data"]) == (name, "d1", "o1", data)
        assert getattr(event, event.about).to_dict() == data
        assert event.key.startswith(f"{name}:d1:")
        assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301  # our own


def test_match() -> None:
    """An event matches its class and what is above it, with the model in place and by name."""
    event = parse(
        *delivery({"event": "ticket.updated", "data": TICKET, "previous_attributes": {"status": "open"}}), KEY
    )
    match event:
        case TicketUpdated(info, previous=old):
            assert (info.ticket.ticket_id, old) == ("BKT-001", {"status": "open"})
        case _:
            pytest.fail("no match")
    assert isinstance(event, TicketEvent)
    assert not isinstance(event, MessageEvent)


@pytest.mark.parametrize("name", ["org.created", "reaction.added", "new.today", "x"])
def test_an_event_of_tomorrow_is_kept(name: str) -> None:
    """A name without a class, and whatever it brings along, is an `UnknownEvent`."""
    event = parse(*delivery({"event_type": name, "data": {"a": [1]}, "new": True}), KEY)
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.data, event.problems, event.raw["new"]) == (name, {"a": [1]}, (), True)


def test_data_that_lacks_something_is_kept() -> None:
    """One receiver deletes by `{message_id}` alone, and the published example of a flag lacks even that."""
    event = parse(*delivery({"event_type": "message.deleted", "data": {"message_id": "m1"}}), KEY)
    assert isinstance(event, MessageEvent)
    example = json.loads((TESTS / "api" / "examples" / "events" / "message.flagged.json").read_text("utf-8"))
    for data in (example, [], None, "text"):
        event = parse(*delivery({"event_type": "message.flagged", "data": data}), KEY)
        assert isinstance(event, UnknownEvent)
        assert (event.type, event.data) == ("message.flagged", data)
        assert event.problems


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"event": "ticket.created", "data": TICKET, "org_id": "o", "timestamp": "2025-01-26T13:46:21Z"}, ("o", None)),
        ({"event_type": "ticket.created", "data": TICKET, "id": "d", "org_id": "o"}, ("o", "d")),
        ({**TICKET, "event_type": "ticket.created", "org_id": "o", "previous_attributes": {}}, ("o", None)),
        ({"event": "ticket.created", "current_attributes": TICKET}, (None, None)),
        ({"event": "ticket.created", "attributes": TICKET, "id": 7, "timestamp": "soon"}, (None, None)),
    ],
)
def test_envelopes(body: Json, about: tuple[str | None, str | None]) -> None:
    """Every form that was documented or seen is read: of the vendor's pages, of real traffic, of its log, bare."""
    event = parse(*delivery(body), KEY)
    assert isinstance(event, TicketEvent)
    assert event.ticket.ticket.ticket_id == "BKT-001"
    assert (event.org_id, event.id) == about
    assert event.timestamp == (
        datetime(2025, 1, 26, 13, 46, 21, tzinfo=UTC) if "data" in body and "id" not in body else None
    )


def test_a_bare_object() -> None:
    """Where the body does not say what happened, the receiver can, and else it is unknown."""
    event = parse(*delivery(TICKET), KEY, topic="ticket.deleted")
    assert type(event).__name__ == "TicketDeleted"
    unknown = parse(*delivery(TICKET), KEY)
    assert isinstance(unknown, UnknownEvent)
    assert (unknown.type, unknown.data) == ("", TICKET)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff"])
def test_what_is_no_delivery(body: bytes) -> None:
    """What is signed and is not a JSON object is an error of its own, and no event."""
    with pytest.raises(DecodeError, match="the delivery is not"):
        parse(body, {"x-periskope-signature": sign(body, KEY)}, KEY)


def test_both_packages_have_the_same() -> None:
    """There is nothing to await: `periskope_sync` has the very same objects."""
    for mine, theirs in ((periskope_sync.webhooks, webhooks), (periskope_sync.events, periskope_async.events)):
        assert mine.__all__ == theirs.__all__
        assert all(getattr(mine, name) is getattr(theirs, name) for name in theirs.__all__)


# -- signatures -------------------------------------------------------------------------------------------------------


def test_signing_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver asks for its keys where it starts, and without one does not start; what it has, it does not show."""
    monkeypatch.delenv("PERISKOPE_WEBHOOK_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="no signing key"):
        webhooks.signing_keys()
    monkeypatch.setenv("PERISKOPE_WEBHOOK_KEY", f"{KEY}\n")
    keys = webhooks.signing_keys()
    assert keys == (KEY,)
    assert KEY not in repr(keys)
    assert webhooks.signing_keys(["new", "old"]) == ("new", "old")
    with pytest.raises(ConfigurationError, match="no signing key"):
        sign(b"", " ")


def test_the_known_signature() -> None:
    """The one test vector there is."""
    body = b'{"event":"message.created","data":{}}'
    signature = "175a22985dd9cd4dbec27c43221f3e5890a0954f3a442ca315080a2b3331f9a1"
    assert sign(body, KEY) == signature
    for spelled in (signature, signature.upper(), f" {signature}\n", f"sha256={signature}"):
        verify(body, spelled, KEY)
        verify(bytearray(body), spelled, ["old", KEY])
        verify(body, spelled, (KEY, "new"))


@pytest.mark.parametrize("signature", [None, "", "é" * 64, "0" * 64, sign(b"other", KEY), sign(b"{}", "other")])
def test_a_wrong_signature(signature: str | None) -> None:
    """Missing, of another body or key, or no signature at all: refused, with an error that pickles and shows no key."""
    headers = {} if signature is None else {"x-periskope-signature": signature}
    with pytest.raises(SignatureError) as caught:
        parse(b"{}", headers, KEY)
    assert KEY not in str(caught.value)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), PeriskopeError)  # noqa: S301  # our own
    assert parse(b"{}", headers, None).type == ""  # somebody else has checked it


@pytest.mark.parametrize("key", [KEY, f" {KEY}\n", ["old", KEY], None])
def test_no_frame_shows_the_key(monkeypatch: pytest.MonkeyPatch, key: Any) -> None:
    """Who prints the variables of a traceback finds no key in it, wherever it came from."""
    monkeypatch.setenv("PERISKOPE_WEBHOOK_KEY", KEY)
    uses: list[Any] = [parse, lambda body, _, *keys: verify(body, "0", *keys)]
    for use in uses:
        with pytest.raises(SignatureError) as caught:
            use(b"{}", {}, *([] if key is None else [key]))
        frames = [
            each.frame for each in caught.traceback if "webhooks.py" in str(each.path) and "tests" not in str(each.path)
        ]
        assert len(frames) == 2
        assert KEY not in "".join(repr(dict(frame.f_locals)) for frame in frames)


def test_a_body_that_is_too_large_is_not_read() -> None:
    """More than a MiB is refused before anything is computed of it."""
    with pytest.raises(SignatureError, match="larger than"):
        parse(b" " * (MAX_BODY + 1), {"x-periskope-signature": "0" * 64}, KEY)


@pytest.mark.parametrize("body", ["{}", {"event": "x"}, None])
def test_not_the_raw_bytes(body: Any) -> None:
    """Text or JSON that was read already is not what was signed: the error says where the bytes are."""
    for use in (lambda: parse(body, {}, KEY), lambda: verify(body, "0", KEY), lambda: sign(body, KEY)):
        with pytest.raises(TypeError, match=r"await request\.body\(\) in FastAPI .* request\.get_data\(\) in Flask"):
            use()


def test_where_the_key_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """PERISKOPE_WEBHOOK_KEY is the key where none is passed; without any nothing is taken for genuine."""
    monkeypatch.setenv("PERISKOPE_WEBHOOK_KEY", f" {KEY}\n")
    assert parse(*delivery({"event": "x"})).type == "x"
    monkeypatch.delenv("PERISKOPE_WEBHOOK_KEY")
    for key in ({}, {"key": ""}, {"key": []}, {"key": [KEY, " "]}, {"key": [None]}):
        with pytest.raises(ConfigurationError, match="no signing key; pass key= or set PERISKOPE_WEBHOOK_KEY"):
            parse(*delivery({"event": "x"}), **key)  # type: ignore[arg-type]  # mistakes


# -- duplicates -------------------------------------------------------------------------------------------------------


def event_of(**envelope: Any) -> Event:
    """An event of BKT-001."""
    return parse(*delivery({"event": "ticket.updated", "data": TICKET, **envelope}), KEY)


def test_the_key_of_an_event() -> None:
    """A delivery that is repeated has the same key, and another event of the same ticket another."""
    assert event_of(id="d1").key == event_of(id="d1", org_id="o").key == "ticket.updated:d1:BKT-001"
    assert event_of(timestamp="2025-01-26T13:46:21Z").key == "ticket.updated:2025-01-26T13:46:21+00:00:BKT-001"
    assert event_of().key == event_of().key != event_of(previous_attributes={"status": "open"}).key
    assert event_of(id="d1").key != event_of(id="d2").key
    assert parse(*delivery({"event": "org.created", "id": "d1", "data": {}}), KEY).key == "org.created:d1:"


def test_seen() -> None:
    """An event is new once in its time, among the latest; one that was not handled may come again."""
    now = 100.0
    seen = Seen(maxlen=3, ttl=10, clock=lambda: now)
    first = event_of(id="0")
    assert [seen.add(first), seen.add(first)] == [True, False]
    seen.discard(first)
    assert [seen.add(first), seen.add(first)] == [True, False]
    now += 11
    assert [seen.add(first), seen.add(first)] == [True, False]
    assert all(seen.add(event_of(id=str(number))) for number in range(1, 4))
    assert seen.add(first)


# -- a receiver -------------------------------------------------------------------------------------------------------


async def test_a_receiver_handles_every_good_delivery_once() -> None:
    """Of 400 deliveries, 50 at a time, one in ten with a bad signature and one in twenty doubled, none is lost."""
    handled: list[str] = []
    seen = Seen()

    async def hook(request: web.Request) -> web.Response:
        try:
            event = parse(await request.read(), request.headers, KEY)
        except SignatureError:
            raise web.HTTPBadRequest from None
        if seen.add(event):
            handled.append(str(event.id))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    limit = asyncio.Semaphore(50)
    statuses: dict[str, int] = {}

    async def post(web_client: aiohttp.ClientSession, number: int) -> None:
        body, headers = delivery({"event": "ticket.created", "data": TICKET, "id": str(number)})
        if number % 10 == 3:
            headers["X-Periskope-Signature"] = sign(body, "another key")
        async with limit:
            for _ in range(2 if number % 20 == 0 else 1):
                async with web_client.post(f"{site.name}/hook", data=body, headers=headers) as answer:
                    statuses[str(number)] = answer.status

    async with aiohttp.ClientSession() as web_client:
        await asyncio.gather(*(post(web_client, number) for number in range(400)))
    await runner.cleanup()
    bad = {str(number) for number in range(3, 400, 10)}
    assert {number for number, status in statuses.items() if status == 400} == bad
    assert sorted(handled, key=int) == [str(number) for number in range(400) if str(number) not in bad]
