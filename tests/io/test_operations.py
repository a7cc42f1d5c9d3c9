"""What operations say of themselves, kept over real sockets in virtual time: results, repetitions, phones, names.

The operations are made by hand, so that every kind is here before the API's own of that kind are.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

import attrs
import looptime
import pytest

from periskope_async import (
    DecodeError,
    Hooks,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    PermissionDeniedError,
    RequestEvent,
    ServerError,
    TicketRow,
    UnexpectedResponseError,
)
from periskope_async._io import http as _http
from periskope_async._sansio.operation import Operation, Request
from periskope_async._sansio.response import Content
from periskope_async.testing import FakePeriskope, Hangup, Reply
from periskope_async.testing._http import FOREVER, Step
from tests.ways import works_here

JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html"),)
DIGITS = "919537851844"
CHAT = f"{DIGITS}@c.us"
OK = Reply(200, b'{"ticket_id": "BKT-001"}', JSON)

Answer = Reply | list[Step]
DROP: Answer = [Hangup.RESET]
STALL: Answer = [FOREVER]
CUT: Answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", Hangup.FIN]

MARK: Operation[None] = Operation("chats.mark", "POST", "/chats/{chat_id}/mark", None, idempotent=False)
REMOVE: Operation[None] = Operation("chats.remove", "DELETE", "/chats/{chat_id}", None, idempotent=True)
IMAGE: Operation[Content] = Operation("phones.qr", "GET", "/phones/{phone_id}/qr", Content, idempotent=True)
ROWS: Operation[Any] = Operation("chats.rows", "GET", "/chats/{chat_id}/rows", tuple[TicketRow, ...], idempotent=True)
GET: Operation[TicketRow] = Operation("chats.get", "GET", "/chats/{chat_id}", TicketRow, idempotent=True)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": looptime.new_event_loop}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope() as fake:
        yield fake


@pytest.fixture
async def client(fake: FakePeriskope) -> AsyncIterator[PeriskopeClient]:
    """A client of *fake*."""
    async with fake.client(retries=2, timeout=10.0) as client:
        yield client


@pytest.fixture(params=["direct", "public"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a test's requests the direct way, on any aiohttp, and then through aiohttp's session."""
    if request.param == "direct" and not works_here():
        pytest.skip("on this aiohttp, requests go the public way")
    monkeypatch.setattr(_http, "works_directly", lambda: request.param == "direct")
    return str(request.param)


def script(fake: FakePeriskope, *answers: Answer) -> None:
    """Have *fake* give these answers one after the other, and the last one for ever."""
    following = itertools.chain(answers[:-1], itertools.repeat(answers[-1]))
    fake.answer(lambda _: next(following))


async def call(client: PeriskopeClient, operation: Operation[Any], **values: Any) -> Any:
    """Call an operation on a chat."""
    return await client._caller.call(operation.request(chat_id=CHAT, **values))


async def error_of(client: PeriskopeClient, operation: Operation[Any]) -> PeriskopeError:
    """Call an operation that fails; return its error."""
    with pytest.raises(PeriskopeError) as caught:
        await call(client, operation)
    return caught.value


# -- what a success holds ---------------------------------------------------------------------------------------------

NOTHINGS: dict[str, Answer] = {
    "204": Reply(204),
    "202": Reply(202),
    "empty 200": Reply(200),
    "201 with JSON": Reply(201, b'{"done": true}', JSON),
    "null": Reply(200, b"null", JSON),
    "page": Reply(200, b"<html>", HTML),
    "broken JSON": Reply(202, b'{"a":', JSON),
    "not UTF-8": Reply(200, b"\xff", JSON),
    # In one piece with the head, aiohttp takes it for an answer that cannot be read, as of any HTTP it cannot.
    "204 and then a page": [b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n", 0.1, b"<html>"],
}


@pytest.mark.parametrize("answer", NOTHINGS.values(), ids=NOTHINGS)
@pytest.mark.parametrize("idempotent", [True, False])
async def test_where_nothing_is_expected_anything_will_do(
    fake: FakePeriskope, client: PeriskopeClient, answer: Answer, *, idempotent: bool
) -> None:
    """A success of an operation without a result is one, whatever its body, and is never sent again for that."""
    script(fake, answer)
    operation = attrs.evolve(MARK, idempotent=idempotent)
    assert await call(client, operation) is None
    assert fake.calls == 1
    await asyncio.sleep(0.2)
    assert await call(client, operation) is None
    assert fake.calls == 2


async def test_half_of_nothing_is_no_success(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A 206 is the half of something that was not asked for, also where nothing is expected."""
    script(fake, Reply(206))
    with pytest.raises(UnexpectedResponseError, match="206 Partial Content"):
        await call(client, MARK)
    assert fake.calls == 1


async def qr(client: PeriskopeClient) -> Content:
    """Ask for the code of a phone."""
    return await client._caller.call(IMAGE.request(phone_id="phone-1"))


@pytest.mark.parametrize(
    ("headers", "media_type"), [((("Content-Type", "image/png"),), "image/png"), (JSON, "application/json"), ((), "")]
)
async def test_content(
    fake: FakePeriskope, client: PeriskopeClient, headers: tuple[tuple[str, str], ...], media_type: str
) -> None:
    """A body that is no JSON comes as its bytes with the type that the service names, and does not print."""
    data = bytes(range(256))
    script(fake, Reply(200, data, headers))
    content = await qr(client)
    assert (content.data, content.media_type, fake.calls) == (data, media_type, 1)
    assert repr(content) == f"Content(media_type={media_type!r})"


@pytest.mark.parametrize("empty", [Reply(200, b"", JSON), Reply(204)], ids=["200", "204"])
async def test_content_that_is_empty(fake: FakePeriskope, client: PeriskopeClient, empty: Reply) -> None:
    """Where bytes must be, an empty body is asked for once more, and then told."""
    script(fake, empty, Reply(200, b"\x89PNG"))
    assert (await qr(client)).data == b"\x89PNG"
    assert fake.calls == 2
    script(fake, empty)
    with pytest.raises(UnexpectedResponseError, match="expected a body, got an empty body") as caught:
        await qr(client)
    assert (caught.value.attempts, fake.calls) == (2, 4)


async def test_array(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An array at the top is a tuple of models."""
    script(fake, Reply(200, b'[{"ticket_id": "BKT-001"}, {"ticket_id": "BKT-002"}]', JSON), Reply(200, b"[]", JSON))
    assert [row.ticket_id for row in await call(client, ROWS)] == ["BKT-001", "BKT-002"]
    assert await call(client, ROWS) == ()


@pytest.mark.parametrize(
    ("body", "cls", "calls"),
    [
        (b'{"ticket_id": "BKT-001"}', DecodeError, 1),
        (b'[{"ticket_id": 5}]', DecodeError, 1),
        (b"[", DecodeError, 2),
        (b"", UnexpectedResponseError, 2),
    ],
)
async def test_what_is_no_array(
    fake: FakePeriskope, client: PeriskopeClient, body: bytes, cls: type[PeriskopeError], calls: int
) -> None:
    """Another shape than an array of these is told at once; half an array, or none, is asked for once more."""
    script(fake, Reply(200, body, JSON))
    error = await error_of(client, ROWS)
    assert type(error) is cls
    assert fake.calls == calls


WRAPPED: Operation[TicketRow] = attrs.evolve(GET, unwrap="data")


async def test_wrapped(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Where an operation says under which key its result stands, what else the body holds does not matter."""
    script(fake, Reply(200, b'{"success": true, "message": 5, "data": {"ticket_id": "BKT-001", "mood": 1}}', JSON))
    row = await call(client, WRAPPED)
    assert (row.ticket_id, row.to_dict()) == ("BKT-001", {"ticket_id": "BKT-001", "mood": 1})
    many: Operation[Any] = attrs.evolve(ROWS, unwrap="data")
    script(fake, Reply(200, b'{"data": [{"ticket_id": "BKT-001"}]}', JSON))
    assert [row.ticket_id for row in await call(client, many)] == ["BKT-001"]


@pytest.mark.parametrize(
    ("body", "problem", "calls"),
    [
        (b'{"ticket_id": "BKT-001"}', "required field missing @ $.data", 1),
        (b"[]", "required field missing @ $.data", 1),
        (b'"data"', "required field missing @ $.data", 1),
        (b'{"success": false, "data": null}', "invalid value for type, expected TicketRow @ $.data", 1),
        (b'{"data": {}}', "required field missing @ $.data.ticket_id", 1),
        (b'{"data": {"ticket_id": 5}}', "invalid value for type, expected str @ $.data.ticket_id", 1),
        (b"null", "null instead of a value @ $", 2),
        (b'{"data": {"ticket_id"', "not valid JSON @ $", 2),
    ],
)
async def test_wrapped_otherwise(
    fake: FakePeriskope, client: PeriskopeClient, body: bytes, problem: str, calls: int
) -> None:
    """A body without the key, or with something else under it, is an error that names the place in the whole body."""
    script(fake, Reply(200, body, JSON))
    error = await error_of(client, WRAPPED)
    assert isinstance(error, DecodeError)
    assert (error.problems, fake.calls) == ((problem,), calls)


@pytest.mark.parametrize("body", [b'{"ticket_id": "BKT-001"}', b' \n[{"ticket_id": "BKT-001"}]'], ids=["lone", "array"])
async def test_one_of_many_that_stands_alone(fake: FakePeriskope, client: PeriskopeClient, body: bytes) -> None:
    """Where an operation says that one may come without its array, it is a tuple of one; elsewhere it is an error."""
    script(fake, Reply(200, body, JSON))
    assert [row.ticket_id for row in await call(client, attrs.evolve(ROWS, lone=True))] == ["BKT-001"]
    script(fake, Reply(200, b'{"ticket_id": "BKT-001"}', JSON))
    assert isinstance(await error_of(client, ROWS), DecodeError)


OPTIONAL: Operation[TicketRow | None] = attrs.evolve(MARK, result=TicketRow, optional=True)


@pytest.mark.parametrize("answer", [Reply(204), Reply(200), Reply(202, b" \n", JSON)], ids=["204", "200", "blank"])
async def test_a_body_that_need_not_be(fake: FakePeriskope, client: PeriskopeClient, answer: Reply) -> None:
    """Where an operation says that there may be a body, its result is None without, and what it holds otherwise."""
    script(fake, answer, OK)
    assert await call(client, OPTIONAL) is None
    found = await call(client, OPTIONAL)
    assert (found.ticket_id, fake.calls) == ("BKT-001", 2)


@pytest.mark.parametrize("body", [b"<html>", b"null", b"{}", b'{"ticket_id":'])
async def test_a_body_that_need_not_be_is_read_if_it_is(
    fake: FakePeriskope, client: PeriskopeClient, body: bytes
) -> None:
    """A body that is there and is not the result is an error, which leaves open whether it was done."""
    script(fake, Reply(200, body, JSON))
    error = await error_of(client, OPTIONAL)
    assert (error.maybe_sent, fake.calls) == (True, 1)


# -- what may be sent again -------------------------------------------------------------------------------------------

#: What leaves open whether the service did what was asked.
OPEN: dict[str, Answer] = {
    "dropped": DROP,
    "stalled": STALL,
    "cut off": CUT,
    "500": Reply(500),
    "502": Reply(502, b"<html>", HTML),
    "408": Reply(408),
    "a page": Reply(200, b"<html>", HTML),
    "half JSON": Reply(201, b'{"ticket_id":', JSON),
    "an empty body": Reply(204),
}
#: What may be open too, but is not tried again by anybody.
FINAL: dict[str, Answer] = {
    "redirect": Reply(302, b"", (("Location", "/elsewhere"),)),
    "another shape": Reply(200, b'{"ticket_id": 5}', JSON),
    "too large": [b"HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n", bytes(16_777_217)],
}
REFUSALS = (400, 401, 402, 403, 404, 409, 410, 422, 425)


def made(method: str, *, idempotent: bool) -> Operation[TicketRow]:
    """Return an operation with a result."""
    return Operation("chats.make", method, "/chats/{chat_id}/made", TicketRow, idempotent=idempotent)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("answer", OPEN.values(), ids=OPEN)
async def test_the_operation_says_what_may_be_repeated(
    fake: FakePeriskope, client: PeriskopeClient, method: str, answer: Answer
) -> None:
    """What is idempotent is sent again after a fault of the moment; what is not is not, whatever its method."""
    script(fake, answer, OK)
    assert (await call(client, made(method, idempotent=True))).ticket_id == "BKT-001"
    assert fake.calls == 2
    script(fake, answer, OK)
    error = await error_of(client, made(method, idempotent=False))
    assert fake.calls == 3
    assert error.maybe_sent
    assert "maybe sent yes, look before you repeat it" in str(error)


@pytest.mark.parametrize("answer", [*OPEN.values(), *FINAL.values()], ids=[*OPEN, *FINAL])
@pytest.mark.parametrize("idempotent", [True, False])
async def test_what_may_have_been_done_is_told(
    fake: FakePeriskope, client: PeriskopeClient, answer: Answer, *, idempotent: bool
) -> None:
    """An error says that a write may have been done wherever that is open, and that matters."""
    script(fake, answer)
    error = await error_of(client, made("POST", idempotent=idempotent))
    assert error.maybe_sent is not idempotent
    assert error.attempts == fake.calls >= 1


@pytest.mark.parametrize("status", REFUSALS)
async def test_what_was_refused_was_not_done(fake: FakePeriskope, client: PeriskopeClient, status: int) -> None:
    """A refusal is certain, and so nobody need look: neither is it sent again."""
    script(fake, Reply(status))
    error = await error_of(client, made("POST", idempotent=False))
    assert (error.maybe_sent, fake.calls) == (False, 1)


async def test_what_was_told_to_wait_was_not_done(fake: FakePeriskope) -> None:
    """A 429 is a refusal, however often it comes; what is not idempotent is sent again after it."""
    async with fake.client(deadline=5.0) as client:
        script(fake, Reply(429, headers=(("Retry-After", "1"),)), OK)
        assert (await call(client, made("POST", idempotent=False))).ticket_id == "BKT-001"
        script(fake, Reply(429, headers=(("Retry-After", "9"),)))
        error = await error_of(client, made("POST", idempotent=False))
    assert (error.maybe_sent, fake.calls) == (False, 3)


async def test_what_was_not_sent_was_not_done(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Where no connection could be made nothing was done, however often it was tried; a later attempt may have been."""
    script(fake, DROP)
    fake.down()
    error = await error_of(client, made("POST", idempotent=False))
    assert (error.attempts, error.maybe_sent, fake.calls) == (3, False, 0)
    asyncio.get_running_loop().call_later(1.0, fake.up)
    error = await error_of(client.with_options(retries=50), made("POST", idempotent=False))
    assert (error.maybe_sent, fake.calls) == (True, 1)


async def test_what_ran_out_of_time_may_have_been_done(fake: FakePeriskope) -> None:
    """A write that is under way when its call's time is over may have been done."""
    script(fake, STALL)
    async with fake.client(timeout=60.0, deadline=5.0) as client:
        assert (await error_of(client, made("POST", idempotent=False))).maybe_sent
        assert not (await error_of(client, made("POST", idempotent=True))).maybe_sent


# -- what was deleted already -----------------------------------------------------------------------------------------

GONE = Reply(404, b'{"code": "NOT_FOUND_ERROR", "message": "no such chat"}', JSON)


@pytest.mark.parametrize("answers", [(DROP,), (STALL,), (CUT,), (Reply(500),), (DROP, Reply(500)), (DROP, Reply(429))])
async def test_what_is_gone_after_a_lost_answer_was_deleted(
    fake: FakePeriskope, client: PeriskopeClient, answers: tuple[Answer, ...]
) -> None:
    """A DELETE whose answer was lost, and that then meets a 404, has done what it was to do."""
    script(fake, *answers, GONE)
    assert await call(client, REMOVE) is None
    assert fake.calls == len(answers) + 1


@pytest.mark.parametrize("answers", [(), (Reply(429),), (Reply(429), Reply(429))])
async def test_what_was_never_there_was_not_deleted(
    fake: FakePeriskope, client: PeriskopeClient, answers: tuple[Answer, ...]
) -> None:
    """A DELETE that meets a 404 before anything could be lost is told so."""
    script(fake, *answers, GONE)
    with pytest.raises(NotFoundError, match="no such chat"):
        await call(client, REMOVE)
    assert fake.calls == len(answers) + 1


async def test_a_connection_that_was_not_made_deletes_nothing(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A DELETE that could not be sent at first, and then meets a 404, is told so."""
    script(fake, GONE)
    fake.down()
    asyncio.get_running_loop().call_later(1.0, fake.up)
    with pytest.raises(NotFoundError):
        await call(client.with_options(retries=50), REMOVE)
    assert fake.calls == 1


@pytest.mark.parametrize(
    ("operation", "answer", "cls"),
    [
        (GET, GONE, NotFoundError),
        (made("PUT", idempotent=True), GONE, NotFoundError),
        (made("DELETE", idempotent=True), GONE, NotFoundError),  # which was to return something
        (attrs.evolve(MARK, idempotent=True), GONE, NotFoundError),
        (REMOVE, Reply(403), PermissionDeniedError),
        (REMOVE, Reply(404), UnexpectedResponseError),  # which is not the service's own
        (REMOVE, Reply(410), UnexpectedResponseError),
    ],
)
async def test_no_other_error_is_a_success(
    fake: FakePeriskope, client: PeriskopeClient, operation: Operation[Any], answer: Reply, cls: type[PeriskopeError]
) -> None:
    """Only a 404, only of a DELETE, and only where nothing was to be returned says that it was done."""
    script(fake, DROP, answer)
    assert type(await error_of(client, operation)) is cls
    assert fake.calls == 2


# -- queries and phones -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
async def test_query_goes_out_as_it_is_spelled(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Texts and numbers of a query go over the wire quoted once, the one way and the other."""
    script(fake, OK)
    query = {"label": "a b&c=d+e%20#/?", "name": "ü@{}", "limit": 5, "after": 1.5, "is_new": True}
    request = GET.request(chat_id=CHAT, query=query)
    await client._caller.call(request)
    spelled = "label=a+b%26c%3Dd%2Be%2520%23%2F%3F&name=%C3%BC%40%7B%7D&limit=5&after=1.5&is_new=true"
    assert [each.path for each in fake.requests] == [f"/v1/chats/{DIGITS}%40c.us?{spelled}"]
    assert request.query == spelled


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("body", [None, {"subject": "x"}])
async def test_phone_of_one_request(fake: FakePeriskope, body: dict[str, str] | None) -> None:
    """A request of another phone says so, and only that one; the others are of the client's."""
    script(fake, OK)
    async with fake.client(phone="1110000") as client:
        for phone in (None, "+222 00 00", None, "phone-3"):
            await call(client, GET, phone=phone, body=body)
    assert [request.headers["x-phone"] for request in fake.requests] == ["1110000", "2220000", "1110000", "phone-3"]


@pytest.mark.usefixtures("way")
async def test_phone_of_a_clone(fake: FakePeriskope) -> None:
    """`with_options(phone=...)` is for one of an account's phones, or for none, on the same connection."""
    script(fake, OK)
    async with fake.client(phone="1110000") as client:
        other, none = client.with_options(phone="+222 00 00"), client.with_options(phone=None)
        for each in (client, other, none, other.with_options(retries=0), client):
            await call(each, GET)
        await call(none, GET, phone="3330000")
    assert [request.headers.get("x-phone") for request in fake.requests] == [
        "1110000",
        "2220000",
        None,
        "2220000",
        "1110000",
        "3330000",
    ]
    assert fake.connections == 1


# -- what is told of it -----------------------------------------------------------------------------------------------


def digits_shown(texts: Iterable[str]) -> list[str]:
    """Return the texts in which more than four digits of the chat's number stand together."""
    pieces = [DIGITS[start : start + 5] for start in range(len(DIGITS) - 4)]
    return [text for text in texts if any(piece in text for piece in pieces)]


def test_the_search_for_digits_finds_them() -> None:
    """The search that the next test relies on finds any five digits, and passes four."""
    assert digits_shown([CHAT, f"x{DIGITS[2:7]}", DIGITS[-5:], DIGITS[-4:], "…1844@c.us"]) == [
        CHAT,
        f"x{DIGITS[2:7]}",
        DIGITS[-5:],
    ]


async def test_phone_numbers_are_cut_where_they_are_shown(
    fake: FakePeriskope, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a chat's id no more than four digits stand in texts, paths, reprs and log lines; `resource_id` is whole."""
    message = f'{{"code": "X", "message": "no chat {CHAT}, nor +{DIGITS}"}}'.encode()
    script(fake, Reply(503, message), Reply(429, message, (("Retry-After", "1"),)), Reply(404, message))
    events: list[RequestEvent] = []
    hooks = Hooks(
        on_request=events.append, on_response=events.append, on_retry=events.append, on_throttle=events.append
    )
    with caplog.at_level(logging.DEBUG, "periskope"):
        async with fake.client(hooks=hooks) as client:
            error = await error_of(client, GET)
        closed = await error_of(client, GET)
    assert fake.calls == 3
    assert len(events) == 3 + 3 + 2 + 1  # requests, answers, retries, pauses
    lines = [record.getMessage() for record in caplog.records if record.name == "periskope"]
    assert len(lines) == 3 + 2 + 1  # answers, retries, pauses
    shown = [text for each in (error, closed) for text in (str(each), repr(each), each.message, str(each.path))]
    shown += [text for event in events for text in (event.path, repr(event))]
    assert digits_shown([*shown, *lines]) == []
    assert {str(each.path) for each in (error, closed, *events)} == {"/chats/…1844%40c.us"}
    assert {each.resource_id for each in (error, closed, *events)} == {CHAT}
    assert "chat …1844@c.us" in str(error)
    assert error.message == "no chat …1844@c.us, nor …1844"
    assert sum("/chats/…1844%40c.us" in line for line in lines) == 3 + 2


async def test_errors_and_events_name_what_they_are_about(fake: FakePeriskope) -> None:
    """Errors and events have the kind and the id of what a call is about; `ticket_id` is told of tickets only."""
    events: list[RequestEvent] = []
    named: Operation[TicketRow] = Operation("x", "GET", "/x/{id}", TicketRow, idempotent=True, resource="webhook")
    every: Operation[TicketRow] = Operation("tickets.list", "GET", "/tickets", TicketRow, idempotent=True)
    ticket: Operation[TicketRow] = Operation("tickets.get", "GET", "/tickets/{ticket_id}", TicketRow, idempotent=True)
    requests: list[tuple[Request[Any], tuple[str | None, str | None, str | None]]] = [
        (GET.request(chat_id=CHAT), ("chat", CHAT, None)),
        (named.request(id="w1"), ("webhook", "w1", None)),
        (every.request(), (None, None, None)),
        (ticket.request(ticket_id="BKT-001"), ("ticket", "BKT-001", "BKT-001")),
    ]
    script(fake, Reply(500))
    async with fake.client(retries=0, hooks=Hooks(on_request=events.append, on_response=events.append)) as client:
        for request, about in requests:
            with pytest.raises(ServerError) as caught:
                await client._caller.call(request)
            for each in (caught.value, events[-1], events[-2]):
                assert (each.resource, each.resource_id, each.ticket_id) == about
            kind, thing, _ = about
            assert (kind is None) == ("(request" in str(caught.value))
            assert kind is None or thing == CHAT or f"({kind} {thing}, " in str(caught.value)
    assert len(events) == 2 * len(requests)
