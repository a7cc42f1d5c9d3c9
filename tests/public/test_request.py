"""The escape hatch: `client.request`, for what has no method, with all that the methods have."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import looptime
import pytest

import periskope_sync
from periskope_async import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    Hooks,
    PeriskopeClient,
    PeriskopeError,
    ProtocolError,
    RequestEvent,
    TicketInfo,
    TicketRow,
    UnexpectedResponseError,
    ValidationError,
    capture_responses,
)
from periskope_async._io import http as _http
from periskope_async._sansio.unset import UNSET
from periskope_async.testing import FakePeriskope, Fault, RateLimitPolicy, Reply
from tests.ways import works_here

JSON = (("Content-Type", "application/json"),)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual."""
    return "asyncio", {"loop_factory": looptime.new_event_loop}


@pytest.fixture(params=["direct", "public"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a test's requests the direct way, on any aiohttp, and then through aiohttp's session."""
    if request.param == "direct" and not works_here():
        pytest.skip("on this aiohttp, requests go the public way")
    monkeypatch.setattr(_http, "works_directly", lambda: request.param == "direct")
    return str(request.param)


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope() as fake:
        yield fake


@pytest.fixture
async def client(fake: FakePeriskope) -> AsyncIterator[PeriskopeClient]:
    """A client of *fake*."""
    async with fake.client() as client:
        yield client


# -- what comes back --------------------------------------------------------------------------------------------------


async def test_json_or_model(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A result is the JSON as it is, or the model that was asked for, also of an array, or its bytes."""
    whole = await client.request("GET", "/tickets/BKT-001")
    assert whole == fake.get("BKT-001")
    assert await client.request("GET", "/tickets/BKT-001", model=TicketInfo) == TicketInfo.from_dict(whole)
    assert json.loads(await client.request("GET", "/tickets/BKT-001", model=bytes)) == whole
    fake.answer(lambda _: Reply(200, b'[{"ticket_id": "a"}, {"ticket_id": "b"}]', JSON))
    rows: Any = await client.request("GET", "/x", model=tuple[TicketRow, ...])
    assert [row.ticket_id for row in rows] == ["a", "b"]


@pytest.mark.parametrize("body", [b"", b" \n", b"null"])
async def test_nothing(fake: FakePeriskope, client: PeriskopeClient, body: bytes) -> None:
    """A success without a body is None, at the first attempt."""
    fake.answer(lambda _: Reply(200, body, JSON))
    assert await client.request("DELETE", "/x") is None
    assert fake.calls == 1


@pytest.mark.parametrize(
    ("reply", "model", "cls"),
    [
        (Reply(200, b"<html>", (("Content-Type", "text/html"),)), None, UnexpectedResponseError),
        (Reply(200, b'{"a":', JSON), None, DecodeError),
        (Reply(200, b"{}", JSON), TicketRow, DecodeError),
        (Reply(404, b"<html>"), None, UnexpectedResponseError),
        (Reply(422, b'{"code": "VALIDATION_ERROR", "message": "no"}', JSON), None, ValidationError),
    ],
)
async def test_errors(
    fake: FakePeriskope, client: PeriskopeClient, reply: Reply, model: Any, cls: type[PeriskopeError]
) -> None:
    """What is not the result raises what it raises from any method."""
    fake.answer(lambda _: reply)
    with pytest.raises(PeriskopeError, match="request GET /x") as caught:
        await client.request("GET", "/x", model=model)
    assert type(caught.value) is cls
    assert (caught.value.resource, caught.value.resource_id) == (None, None)


# -- what is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
async def test_all_that_is_asked_for_is_sent(fake: FakePeriskope) -> None:
    """Query, body and headers go out as they are; credentials and the client's headers stay its own."""
    fake.answer(lambda _: Reply(200, b"{}", JSON))
    params = {"limit": 5, "q": "a b&c", "flag": True, "x": None, "y": UNSET, "many": ["1", 2, (3.5, None)]}
    async with fake.client(phone="919876500000") as client:
        headers = {"X-Mine": "yes", "X-Phone": "phone-2"}
        await client.request("post", "chats/a%2Fb/é", params=params, json=["ü", {"a": None}], headers=headers)
        await client.request("GET", "/chats")
    first, second = fake.requests
    assert (first.method, first.path) == (
        "POST",
        "/v1/chats/a%2Fb/%C3%A9?limit=5&q=a+b%26c&flag=true&many=1&many=2&many=3.5",
    )
    assert first.json() == ["ü", {"a": None}]
    assert (first.headers["x-mine"], first.headers["x-phone"]) == ("yes", "phone-2")
    assert first.headers["authorization"] == second.headers["authorization"] == "Bearer ***"
    assert first.headers["content-type"] == "application/json"
    assert (second.body, second.headers["x-phone"], "x-mine" in second.headers) == (b"", "919876500000", False)


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"method": "TRACE"}, "method: expected GET, PUT, DELETE, POST, PATCH"),
    ({"method": 5}, "method: "),
    ({"path": 5}, "path: expected text, got int"),
    ({"path": ""}, "path: expected one below the base URL"),
    ({"path": "/"}, "path: expected one below the base URL"),
    ({"path": "https://evil.example/x"}, "path: expected one below the base URL"),
    ({"path": "//evil.example/x"}, "path: expected one below the base URL"),
    ({"path": "/x?a=1"}, "params= is for the query"),
    ({"path": "/x#a"}, "path: holds"),
    ({"path": "/x y"}, "path: holds"),
    ({"path": "/x\r\nHost: evil"}, "path: holds"),
    ({"path": "/x/../../admin"}, "would name another resource"),
    ({"path": "/x/%2e%2E/admin"}, "would name another resource"),
    ({"path": "/\ud800"}, "path: holds a lone surrogate"),
    ({"params": ["a"]}, "params: expected a mapping, got list"),
    ({"params": {"a": object()}}, "params: a: expected text, .*, got object"),
    ({"params": {"a": "\ud800"}}, "params: a text holds a lone surrogate"),
    ({"json": {"a": object()}}, r"json: not JSON: Object of type object .*to_dict\(\)"),
    ({"json": float("nan")}, "json: not JSON: NaN"),
    ({"json": CIRCLE}, "json: not JSON: .* a circle"),
    ({"json": "\ud800"}, "json: a text holds a lone surrogate"),
    ({"headers": [("a", "b")]}, "headers: expected a mapping, got list"),
    ({"headers": {"Authorization": "Bearer CANARY"}}, "headers: Authorization is the client's own"),
    ({"headers": {"HOST": "evil.example"}}, "headers: HOST is the client's own"),
    ({"headers": {"x\r\ny": "1"}}, "headers: a name is not one"),
    ({"headers": {5: "1"}}, "headers: a name is not one"),
    ({"headers": {"x": "CANARY\r\nHost: evil"}}, "headers: x: expected one line of visible ASCII"),
    ({"headers": {"x": 5}}, "headers: x: expected one line"),
    ({"headers": {"x-phone": "12"}}, "x-phone: expected a number with country code"),
    ({"idempotent": "yes"}, "idempotent: expected True or False, got str"),
    ({"model": dict}, "model: expected a model, such as Chat"),
    ({"model": tuple[int, ...]}, "model: expected a model, such as Chat"),
    ({"model": "Chat"}, "model: expected a model, such as Chat"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
async def test_what_cannot_be_sent_is_refused(
    fake: FakePeriskope, client: PeriskopeClient, arguments: dict[str, Any], says: str
) -> None:
    """Whatever would lead elsewhere, show the key or not be what was meant is refused by name, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        await client.request(**{"method": "GET", "path": "/x"} | arguments)
    assert "CANARY" not in str(caught.value)
    assert fake.calls == 0


# -- all that methods have --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "idempotent", "calls"),
    [
        ("GET", None, 2),
        ("PUT", None, 2),
        ("DELETE", None, 2),
        ("POST", None, 1),
        ("PATCH", None, 1),
        ("POST", True, 2),
        ("PATCH", True, 2),
        ("GET", False, 1),
    ],
)
async def test_what_is_sent_again(
    fake: FakePeriskope,
    client: PeriskopeClient,
    method: str,
    idempotent: bool | None,  # noqa: FBT001  # a parameter
    calls: int,
) -> None:
    """What may have arrived is sent again if its method, or the caller, says that this does no harm."""
    fake.faults.add(Fault.RESET_BEFORE, times=1)
    fake.answer(lambda _: Reply(200, b"{}", JSON))
    if calls == 2:
        assert await client.request(method, "/x", idempotent=idempotent) == {}
    else:
        with pytest.raises(ProtocolError) as caught:
            await client.request(method, "/x", idempotent=idempotent)
        assert caught.value.maybe_sent
    assert fake.calls == calls
    assert sum(fake.counts.values()) == 1


async def test_pacing_and_events() -> None:
    """A request is paced with all others on the key, and hooks and `capture_responses` see it, the key nowhere."""
    events: list[RequestEvent] = []
    async with (
        FakePeriskope(rate_limit=RateLimitPolicy.parse("5/10s")) as fake,
        fake.client(hooks=Hooks(on_request=events.append)) as client,
    ):
        with capture_responses() as answers:
            for _ in range(12):
                await client.request("GET", "/tickets/BKT-001", headers={"x-mine": "CANARY"})
        assert fake.throttled <= 1
    assert {answer.status for answer in answers} <= {200, 429}
    assert sum(answer.status == 200 for answer in answers) == 12
    assert {(event.operation, event.method, event.path) for event in events} == {("request", "GET", "/tickets/BKT-001")}
    assert not re.search("CANARY|Bearer", f"{events}{answers}")


async def test_wrong_key(fake: FakePeriskope) -> None:
    """A refused key is one."""
    async with PeriskopeClient("wrong", base_url=fake.base_url) as client:
        with pytest.raises(AuthenticationError):
            await client.request("GET", "/tickets")


def test_without_await() -> None:
    """The blocking client has it too."""
    with FakePeriskope() as fake, periskope_sync.PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        assert client.request("GET", "/tickets/BKT-001") == fake.get("BKT-001")
        info = client.request("GET", "/tickets/BKT-001", model=TicketInfo)
        assert info.ticket.ticket_id == "BKT-001"
        assert client.request("GET", "/tickets/BKT-001", model=bytes).startswith(b"{")
