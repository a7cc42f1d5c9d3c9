"""Every fault the fake can inject, as it looks on the wire, and the plan that says when."""

import asyncio
import gzip
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import attrs
import looptime
import pytest

from periskope_async.testing import (
    HARMLESS_FAULTS,
    PASSING_FAULTS,
    SLOW_FAULTS,
    Assumptions,
    FakePeriskope,
    Fault,
    Faults,
    Reply,
    Request,
)
from periskope_async.testing._service.service import Service
from tests.support import some

HOUR = 3600.0
MIB = 1024 * 1024
KEPT_OPEN = (Fault.IDLE_CLOSE, Fault.STALE)
CLOSE = ("Connection: close",)
KEEP = ("Connection: keep-alive",)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: drips and stalls take no time."""
    return "asyncio", {"loop_factory": looptime.new_event_loop}


@attrs.frozen
class Met:
    """What a client met: the raw answer, how it ended (`closed`, `reset`, `silent`, `unread`), and how long it took."""

    raw: bytes
    ending: str
    seconds: float

    @property
    def head(self) -> str:
        """The status line and the header fields."""
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        """What came after the head."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> str:
        """The second word of the status line."""
        return self.head.split(" ")[1]

    @property
    def length(self) -> int:
        """The `Content-Length` told."""
        return int(self.field("Content-Length"))

    @property
    def ticket(self) -> dict[str, object]:
        """The ticket in the body."""
        return json.loads(self.body)["ticket"]

    def field(self, name: str) -> str:
        """The last header field of this name; `""` without one."""
        values = [line.partition(": ")[2] for line in self.head.split("\r\n") if line.startswith(f"{name}: ")]
        return values[-1] if values else ""


async def meet(fake: FakePeriskope, path: str = "/tickets/BKT-002", *fields: str, most: int = 80 * MIB) -> Met:
    """Ask for *path* once over a connection of its own, and read until the end, silence, or *most* bytes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    host, port = fake.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [f"GET /v1{path} HTTP/1.1", f"Authorization: Bearer {fake.api_key}", *(fields or CLOSE)]
    writer.write("\r\n".join((*head, "", "")).encode())
    raw, ending = bytearray(), "unread"
    try:
        async with asyncio.timeout(HOUR):
            while len(raw) < most:
                data = await reader.read(MIB)
                if not data:
                    ending = "closed"
                    break
                raw += data
    except ConnectionResetError:
        ending = "reset"
    except TimeoutError:
        ending = "silent"
    writer.close()
    return Met(bytes(raw), ending, loop.time() - began)


def whole(met: Met) -> bool:
    """The body is as long as told."""
    return met.ending == "closed" and met.length == len(met.body)


def error(status: int, **fields: str) -> Callable[[Met], bool]:
    """An answer of *status* with these header fields and a whole body."""
    return lambda met: (
        whole(met)
        and met.status == str(status)
        and all(met.field(name.replace("_", "-")) == value for name, value in fields.items())
    )


def html(status: int) -> Callable[[Met], bool]:
    """A web page with *status*."""
    return lambda met: error(status, Content_Type="text/html")(met) and met.body.startswith(b"<html>")


def ok(check: Callable[[Met], bool]) -> Callable[[Met], bool]:
    """A whole 200 of which *check* holds."""
    return lambda met: whole(met) and met.status == "200" and check(met)


def redirect(status: int) -> Callable[[Met], bool]:
    """A redirect to where the plan says."""
    return error(status, Location="http://127.0.0.1:9/elsewhere", Content_Length="0")


def empty(status: int) -> Callable[[Met], bool]:
    """An answer without a body."""
    return lambda met: met.ending == "closed" and met.status == str(status) and not met.body


def not_json(body: bytes) -> bool:
    """Say whether *body* is no JSON, be it the bytes or the text."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return True
    return False


def inflates(packed: bytes, window_bits: int) -> bool:
    """Say whether *packed* unpacks to the 64 MiB of a bomb."""
    unpacker, size = zlib.decompressobj(window_bits), 0
    while packed:
        size += len(unpacker.decompress(packed, MIB))
        packed = unpacker.unconsumed_tail
    return size == 64 * MIB


def http_date(met: Met) -> float:
    """Seconds from the answer's date to its `Retry-After`."""
    after, now = (parsedate_to_datetime(met.field(name)) for name in ("Retry-After", "Date"))
    return (after - now).total_seconds()


EXPECTED: dict[Fault, Callable[[Met], bool]] = {
    Fault.RESET_BEFORE: lambda met: not met.raw and met.ending == "reset",
    Fault.RESET_DURING: lambda met: met.ending == "reset",
    Fault.FIN: lambda met: not met.raw and met.ending == "closed",
    Fault.IDLE_CLOSE: ok(lambda met: met.ticket["ticket_id"] == "BKT-002"),
    Fault.STALE: lambda met: met.ending == "silent" and met.ticket["ticket_id"] == "BKT-002",
    Fault.TRUNCATED: lambda met: met.ending == "closed" and 0 < len(met.body) < met.length,
    Fault.CUT_CHUNK: lambda met: met.ending == "closed" and 0 < len(met.body) < int(met.body.split(b"\r\n")[0], 16),
    Fault.NO_LAST_CHUNK: lambda met: met.ending == "closed" and met.body.endswith(b"}\r\n"),
    Fault.CUT_AT_EOF: lambda met: met.ending == "closed" and not met.field("Content-Length") and not_json(met.body),
    Fault.TRUNCATED_GZIP: ok(
        lambda met: (
            met.field("Content-Encoding") == "gzip" and zlib.decompressobj(31).decompress(met.body).startswith(b"{")
        )
    ),
    Fault.DESYNC: lambda met: met.raw[: len(met.raw) // 2] * 2 == met.raw,
    Fault.SLOW_HEADERS: ok(lambda met: met.seconds == pytest.approx(1)),
    Fault.STALL_HEADERS: lambda met: not met.raw and met.ending == "silent",
    Fault.STALL_BODY: lambda met: met.ending == "silent" and 0 < len(met.body) < met.length,
    Fault.DRIP_HEADERS: ok(lambda met: met.seconds == pytest.approx(len(met.head) + 4)),
    Fault.DRIP_BODY: ok(lambda met: met.seconds == pytest.approx(len(met.body))),
    Fault.DRIP_CHUNKS: lambda met: met.ending == "closed" and met.body.endswith(b"1\r\n}\r\n0\r\n\r\n"),
    Fault.GARBAGE_STATUS: lambda met: met.status == "two-hundred",
    Fault.HUGE_HEADER: ok(lambda met: len(met.head) > 70_000),
    Fault.MANY_HEADERS: ok(lambda met: met.head.count("\r\n") > 1_000),
    Fault.NUL_HEADER: ok(lambda met: "\0" in met.head),
    Fault.LENGTH_AND_CHUNKED: ok(lambda met: met.field("Transfer-Encoding") == "chunked"),
    Fault.TWO_LENGTHS: lambda met: met.head.count("Content-Length: ") == 2,
    Fault.STATUS_101: empty(101),
    Fault.STATUS_204: empty(204),
    Fault.STATUS_301: redirect(301),
    Fault.STATUS_302: redirect(302),
    Fault.STATUS_303: redirect(303),
    Fault.STATUS_304: empty(304),
    Fault.STATUS_307: redirect(307),
    Fault.STATUS_308: redirect(308),
    Fault.STATUS_400: error(400),
    Fault.STATUS_401: error(401),
    Fault.STATUS_401_PLAN: lambda met: error(401)(met) and b"pro and enterprise" in met.body,
    Fault.STATUS_403: error(403),
    Fault.STATUS_404: error(404),
    Fault.STATUS_408: empty(408),
    Fault.STATUS_409: error(409),
    Fault.STATUS_410: error(410),
    Fault.STATUS_422: lambda met: error(422)(met) and "params.ticket_id" in json.loads(met.body)["fields"],
    Fault.STATUS_425: empty(425),
    Fault.STATUS_429: error(429, Retry_After="3"),
    Fault.STATUS_429_BARE: error(429, Retry_After=""),
    Fault.STATUS_429_DATE: lambda met: error(429)(met) and 2.5 <= http_date(met) <= 4,
    Fault.STATUS_429_FLOAT: error(429, Retry_After="2.500"),
    Fault.STATUS_429_GARBAGE: error(429, Retry_After="soon, we hope"),
    Fault.STATUS_429_HUGE: error(429, Retry_After="86400"),
    Fault.STATUS_429_HTML: html(429),
    Fault.STATUS_500: error(500),
    Fault.STATUS_500_EMPTY: empty(500),
    Fault.STATUS_502_HTML: html(502),
    Fault.STATUS_503: error(503, Retry_After="3"),
    Fault.STATUS_503_BARE: error(503, Retry_After=""),
    Fault.STATUS_504: html(504),
    Fault.STATUS_520: html(520),
    Fault.STATUS_524: html(524),
    Fault.STATUS_999: empty(999),
    Fault.HTML: html(200),
    Fault.EMPTY: empty(200),
    Fault.INVALID_JSON: ok(lambda met: not_json(met.body)),
    Fault.HALF_JSON: ok(lambda met: not_json(met.body)),
    Fault.NULL: ok(lambda met: met.body == b"null"),
    Fault.ARRAY: ok(lambda met: isinstance(json.loads(met.body), list)),
    Fault.HOLLOW: ok(lambda met: met.body == b"{}"),
    Fault.NAN: ok(lambda met: b'"priority":NaN' in met.body),
    Fault.HUGE_INT: ok(lambda met: met.body.count(b"9") == 5_000),
    Fault.DEEP: ok(lambda met: not_json(met.body)),
    Fault.SURROGATE: ok(lambda met: str(met.ticket["subject"]).startswith("\ude00")),
    Fault.INVALID_UTF8: ok(lambda met: not_json(met.body) and not not_json(met.body.replace(b"\xff\xfe", b""))),
    Fault.BOM: ok(lambda met: met.body.startswith(b"\xef\xbb\xbf{")),
    Fault.WRONG_CHARSET: ok(lambda met: met.field("Content-Type").endswith("charset=zlib")),
    Fault.OTHER_ID: ok(lambda met: met.ticket["ticket_id"] == "BKT-ANOTHER"),
    Fault.MISSING_FIELD: ok(lambda met: "ticket_id" not in met.ticket),
    Fault.NULL_FIELD: ok(lambda met: met.ticket["ticket_id"] is None),
    Fault.WRONG_TYPE: ok(lambda met: isinstance(met.ticket["ticket_id"], dict)),
    Fault.UNKNOWN_ENUM: ok(lambda met: met.ticket["status"] == "snoozed"),
    Fault.UNKNOWN_FIELDS: ok(lambda met: "escalation" in met.ticket),
    Fault.GZIP_BOMB: ok(lambda met: met.length < MIB and inflates(met.body, 31)),
    Fault.DEFLATE_BOMB: ok(lambda met: met.length < MIB and inflates(met.body, 15)),
    Fault.BROTLI_BOMB: ok(lambda met: met.field("Content-Encoding") == "br" and met.length < 2_000),
    Fault.GIANT_BODY: ok(lambda met: met.length == 64 * MIB),
    Fault.ENDLESS_CHUNKS: lambda met: met.ending == "unread" and len(met.raw) >= 80 * MIB,
}
#: What goes on for a second or for a hundred MiB.
LONG = {Fault.DRIP_BODY, Fault.DRIP_CHUNKS, Fault.ENDLESS_CHUNKS, Fault.GIANT_BODY}


@pytest.mark.parametrize("kind", some(Fault, *set(Fault) - LONG))
async def test_kind_on_the_wire(kind: Fault) -> None:
    """Each fault looks on the wire as its name says, is counted, and is recorded with the status that was sent."""
    async with FakePeriskope(faults=Faults({kind: 1.0}, retry_after=2.5)) as fake:
        met = await meet(fake, "/tickets/BKT-002", *(KEEP if kind in KEPT_OPEN else CLOSE))
        assert EXPECTED[kind](met), met.raw[:2_000]
        assert fake.counts == {kind: 1}
        sent = re.match(rb"HTTP/1.1 (\d{3}) ", met.raw)
        assert [(request.fault, request.status) for request in fake.requests] == [(kind, int(sent[1]) if sent else 0)]


async def test_dripped_chunks_come_to_their_end() -> None:
    """The bytes of a short answer come one by one, a second after each other, and then what ends them."""
    async with FakePeriskope() as fake:
        fake.faults.add(Fault.DRIP_CHUNKS, times=1)
        met = await meet(fake, "/tickets/NOPE", *CLOSE)
        assert met.ending == "closed"
        assert met.body.endswith(b"1\r\n}\r\n0\r\n\r\n")
        assert met.seconds == pytest.approx(met.body.count(b"1\r\n"))
        assert fake.counts == {Fault.DRIP_CHUNKS: 1}


def test_groups() -> None:
    """Every fault belongs to one group at most, and there are enough that a patient client survives."""
    groups = [HARMLESS_FAULTS, PASSING_FAULTS, SLOW_FAULTS]
    assert sum(map(len, groups)) == len(frozenset.union(*groups))
    assert len(PASSING_FAULTS) >= 24


async def test_stale_connection() -> None:
    """After STALE the answer is good and the connection looks alive, but the next request on it is not answered."""
    async with FakePeriskope() as fake:
        fake.faults.add(Fault.STALE, times=1)
        host, port = fake.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        request = f"GET /v1/tickets/BKT-002 HTTP/1.1\r\nAuthorization: Bearer {fake.api_key}\r\n\r\n".encode()
        writer.write(request)
        assert b"200 OK" in await reader.readline()
        await reader.readuntil(b"}}")
        writer.write(request)
        rest = await reader.read()
        writer.close()
        assert b"HTTP/1.1" not in rest
        assert [(one.status, one.fault) for one in fake.requests] == [(200, Fault.STALE), (0, Fault.STALE)]
        assert fake.counts == {Fault.STALE: 1}


async def test_faults_of_lists() -> None:
    """A fault of the document strikes every row of a list."""
    async with FakePeriskope(tickets=3, faults={Fault.OTHER_ID: 1.0}) as fake:
        rows = json.loads((await meet(fake, "/tickets")).body)["tickets"]
        assert [row["ticket_id"] for row in rows] == ["BKT-ANOTHER"] * 3


#: Answers in which these faults change nothing: where there is no ticket, nothing to cut off, nothing that comes after.
OF_A_TICKET = (
    *(Fault.OTHER_ID, Fault.MISSING_FIELD, Fault.NULL_FIELD, Fault.WRONG_TYPE, Fault.UNKNOWN_ENUM),
    *(Fault.UNKNOWN_FIELDS, Fault.NAN),
)
OF_A_BODY = (
    *(Fault.CUT_CHUNK, Fault.NO_LAST_CHUNK, Fault.CUT_AT_EOF, Fault.STALL_BODY, Fault.DRIP_BODY, Fault.DRIP_CHUNKS),
    *(Fault.WRONG_CHARSET, Fault.EMPTY, Fault.HALF_JSON),
)
USELESS = {
    **{(kind, "an error"): ("/tickets/NOPE", Assumptions()) for kind in OF_A_TICKET},
    **{(kind, "a page past the end"): ("/tickets?offset=10", Assumptions()) for kind in OF_A_TICKET},
    **{(kind, "no JSON"): ("/nothing", Assumptions()) for kind in OF_A_TICKET},
    **{(kind, "null"): ("/tickets/NOPE", Assumptions(missing_ticket="null")) for kind in (*OF_A_TICKET, Fault.NULL)},
    **{
        (kind, "no body"): ("/tickets/NOPE", Assumptions(missing_ticket="empty")) for kind in (*OF_A_TICKET, *OF_A_BODY)
    },
    **{(kind, "the last of its connection"): ("/tickets/BKT-002", Assumptions()) for kind in KEPT_OPEN},
    (Fault.SLOW_HEADERS, "as slow as nothing"): ("/tickets/BKT-002", Assumptions()),
}


@pytest.mark.parametrize(("kind", "answer"), USELESS)
async def test_a_useless_order_fails_the_test(kind: Fault, answer: str) -> None:
    """An ordered fault that changes nothing is not counted: it is a 500 that says so, raised when the fake is left."""
    path, assumptions = USELESS[kind, answer]

    async def ordering() -> None:
        async with FakePeriskope(assumptions=assumptions, faults=Faults(pause=0.0)) as fake:
            fake.faults.add(kind)
            met = await meet(fake, path)
            assert error(500)(met)
            assert f"the ordered fault '{kind}' changes nothing" in json.loads(met.body)["message"]
            assert fake.counts.total() == 0
            assert [(request.fault, request.status) for request in fake.requests] == [(None, 500)]

    with pytest.raises(ValueError, match=f"fault '{kind}' changes nothing in the answer to GET /v1{re.escape(path)}"):
        await ordering()


@pytest.mark.parametrize(("kind", "answer"), USELESS)
async def test_a_useless_draw_is_left_out(kind: Fault, answer: str) -> None:
    """The random plan leaves an answer in which its fault would change nothing as it is, and counts nothing."""
    path, assumptions = USELESS[kind, answer]
    async with FakePeriskope(assumptions=assumptions) as plain:
        expected = await meet(plain, path)
    async with FakePeriskope(assumptions=assumptions, faults=Faults({kind: 1.0}, pause=0.0)) as fake:
        met = await meet(fake, path)
        assert (met.status, met.body) == (expected.status, expected.body)
        assert fake.counts.total() == 0
        assert [(request.fault, request.status) for request in fake.requests] == [(None, int(met.status))]


OF_A_CHAT: dict[Fault, Callable[[dict[str, Any]], bool]] = {
    Fault.OTHER_ID: lambda chat: chat["chat_id"] == "17995550199@c.us",
    Fault.MISSING_FIELD: lambda chat: "chat_id" not in chat,
    Fault.NULL_FIELD: lambda chat: chat["chat_id"] is None,
    Fault.WRONG_TYPE: lambda chat: isinstance(chat["chat_id"], dict) and chat["chat_name"] == ["a"],
    Fault.UNKNOWN_ENUM: lambda chat: chat["chat_type"] == "hologram",
    Fault.UNKNOWN_FIELDS: lambda chat: "escalation" in chat,
    Fault.NAN: lambda chat: math.isnan(chat["member_count"]),
    Fault.SURROGATE: lambda chat: str(chat["chat_name"]).startswith("\ude00"),
}


@pytest.mark.parametrize("kind", OF_A_CHAT)
async def test_faults_of_chats(kind: Fault) -> None:
    """A fault of the document strikes a chat, and every row of a list of them, by their own id, text and numbers."""
    async with FakePeriskope(tickets=3) as fake:
        for chat_id in fake.chats.ids:
            fake.chats.change(chat_id, chat_name="Parcels", member_count=2)
        before = json.loads((await meet(fake, "/chats")).body)["chats"]
        fake.faults.add(kind)
        chat = json.loads((await meet(fake, f"/chats/{fake.chats.ids[0]}")).body)
        rows = json.loads((await meet(fake, "/chats")).body)["chats"]
        assert [OF_A_CHAT[kind](one) for one in (chat, *rows)] == [True] * 4
        assert all("subject" not in one and "ticket_id" not in one for one in (chat, *rows))
        assert [row["org_id"] for row in rows] == [row["org_id"] for row in before]
        assert fake.counts == {kind: 2}


async def test_refusals_name_the_resource() -> None:
    """An injected 404 or 422 is about what was asked for, be it a ticket, a chat, or nothing that is known."""
    async with FakePeriskope() as fake:
        fake.faults.add("404", times=3)
        fake.faults.add("422")
        paths = ("/tickets/BKT-002", "/chats/1", "/nothing")
        messages = [json.loads((await meet(fake, path)).body)["message"] for path in paths]
        fields = [[*json.loads((await meet(fake, path)).body)["fields"]] for path in paths]
        assert messages == ["Ticket not found", "Chat not found", "Resource not found"]
        assert fields == [["params.ticket_id"], ["params.chat_id"], ["params.id"]]


async def test_a_useless_draw_leaves_the_answer_to_the_hook() -> None:
    """What the random plan leaves alone is answered as if there were no plan: by the hook first, and done once."""
    asked: list[str] = []
    async with FakePeriskope(tickets=3, faults={Fault.IDLE_CLOSE: 1.0}) as fake:
        fake.answer(lambda request: asked.append(request.method))
        await create(fake)
        assert (fake.count, asked, fake.counts.total()) == (4, ["POST"], 0)
        fake.answer(lambda _: Reply(418))
        assert (await meet(fake)).status == "418"


async def test_faults_of_packed_answers() -> None:
    """Where answers are packed, a fault of the document is one all the same: its answer comes unpacked."""
    accepting = ("Accept-Encoding: gzip", *CLOSE)
    async with FakePeriskope(compress=True) as fake:
        assert json.loads(gzip.decompress((await meet(fake, "/tickets/BKT-002", *accepting)).body))
        fake.faults.add(Fault.OTHER_ID)
        met = await meet(fake, "/tickets/BKT-002", *accepting)
        assert EXPECTED[Fault.OTHER_ID](met)
        assert fake.counts == {Fault.OTHER_ID: 1}


async def test_refused_writes_are_not_done() -> None:
    """A fault with a status stands for something in front of the service; after any other the write has been done."""
    async with FakePeriskope(tickets=3) as fake:
        for kind, done in ((Fault.STATUS_503, False), (Fault.HTML, False), (Fault.FIN, True), (Fault.TRUNCATED, True)):
            fake.faults.clear()
            fake.faults.add(kind, method="POST")
            before = fake.count
            await create(fake)
            assert (fake.count > before) is done, kind


async def create(fake: FakePeriskope) -> None:
    """Post a ticket, whatever comes back."""
    host, port = fake.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"chat_id": fake.chat_ids[0], "subject": "new"}).encode()
    head = f"POST /v1/tickets/create HTTP/1.1\r\nAuthorization: Bearer {fake.api_key}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await reader.read()
    writer.close()


# --- when ------------------------------------------------------------------------------------------------------


def struck(faults: Faults, *keys: str, method: str = "GET") -> list[Fault | None]:
    """What requests for *keys* meet, one after the other, each counted as the fake counts it."""
    service = Service(0, seed=0, api_key="", assumptions=Assumptions(), now=lambda: 0.0)
    kinds: list[Fault | None] = []
    for key in keys:
        request = Request(method, f"/v1/tickets/{key}")
        strike = faults.strike(request, service.find(request))
        kinds.append(None if strike is None else strike.kind)
        if strike is not None:
            faults.count(strike.kind)
    return kinds


def test_orders_by_count() -> None:
    """`times` bounds how often an order strikes, `after` spares the first."""
    faults = Faults()
    faults.add("503", after=1, times=2)
    assert struck(faults, *"abcd") == [None, Fault.STATUS_503, Fault.STATUS_503, None]
    assert faults.counts == Counter({Fault.STATUS_503: 2})


def test_orders_by_ticket_and_method() -> None:
    """An order for one ticket, or some, or one method, leaves all other requests alone."""
    faults = Faults()
    faults.add("500", ticket_id="BKT-002")
    faults.add("503", ticket_id=["BKT-003", "BKT-004"])
    faults.add("504", method="POST")
    assert struck(faults, "BKT-001", "BKT-002", "BKT-003", "BKT-004") == [None, "500", "503", "503"]
    assert struck(faults, "BKT-001", method="POST") == ["504"]


async def test_orders_by_resource_and_operation() -> None:
    """An order for an id strikes it whatever it is of, one for a ticket no chat, and one for an operation no other."""
    async with FakePeriskope() as fake:
        chat_id = fake.chats.ids[0]
        fake.tickets.put({"ticket": {"ticket_id": chat_id}})
        fake.faults.add("500", ticket_id=chat_id, times=1)
        fake.faults.add("503", resource_id=[chat_id], after=1)
        fake.faults.add("504", operation="chats.list")
        paths = (f"/chats/{chat_id}", f"/tickets/{chat_id}", f"/tickets/{chat_id}", "/tickets", "/chats")
        assert [(await meet(fake, path)).status for path in paths] == ["200", "500", "503", "200", "504"]
        fake.faults.clear()
        fake.faults.add("410", resource_id=chat_id.partition("@")[0])
        assert [(await meet(fake, f"/chats/{name}")).status for name in (chat_id, "1")] == ["410", "404"]


def test_orders_come_first() -> None:
    """The first order that fits wins, then the random plan; `clear` takes both back and keeps the counts."""
    faults = Faults({"500": 1.0})
    faults.add("503", times=1)
    faults.add("504", times=1)
    assert struck(faults, *"abc") == ["503", "504", "500"]
    faults.clear()
    assert struck(faults, "a") == [None]
    assert faults.counts.total() == 3


def test_orders_by_chance() -> None:
    """An order with a rate strikes about that share, and the same ones for the same seed."""
    runs = []
    for seed in (1, 1, 2):
        faults = Faults(seed=seed)
        faults.add("fin", rate=0.3)
        runs.append(struck(faults, *(f"BKT-{n}" for n in range(1_000))))
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].count(Fault.FIN) == pytest.approx(300, abs=50)
    backward = Faults(seed=1)
    backward.add("fin", rate=0.3)
    assert struck(backward, *(f"BKT-{n}" for n in reversed(range(1_000))))[::-1] == runs[0]


def test_plan_replays_from_its_seed() -> None:
    """What attempt n for a ticket meets depends on the seed alone, not on the order of requests."""
    keys = [f"BKT-{n:03d}" for n in range(1, 301)] * 3
    forward, backward = Faults(0.3, seed=7), Faults(0.3, seed=7)
    met = dict(zip(enumerate(keys), struck(forward, *keys), strict=True))
    again = struck(backward, *reversed(keys))
    assert forward.counts == backward.counts
    assert forward.counts.total() == pytest.approx(270, abs=50)
    attempts = Counter[str]()
    for (_, key), kind in met.items():
        attempts[key] += 1
        assert kind == forward.plan(key, attempts[key])
    assert sorted(map(str, again)) == sorted(map(str, met.values()))
    assert Faults(0.3, seed=8).plan("BKT-001", 1) != forward.plan("BKT-001", 1)


def test_foreign_plan() -> None:
    """A plan written down elsewhere comes out the same: it hashes `seed:id:attempt`, nothing of this process."""
    faults = Faults({"500": 0.25, "fin": 0.25}, seed=42)
    plan = [faults.plan("BKT-001", attempt) for attempt in range(1, 9)]
    assert plan == ["500", "500", "500", "fin", "fin", "fin", None, "fin"]


def test_seed_of_the_fake() -> None:
    """A plan without a seed takes the fake's; one with a seed keeps it."""
    assert FakePeriskope(seed=5, faults=0.1).faults.seed == 5
    assert FakePeriskope(seed=5, faults=Faults(0.1, seed=7)).faults.seed == 7


def test_bound_per_ticket() -> None:
    """`per_id` faults for one ticket, and then none: a client that goes on gets it."""
    bounded, unbounded = Faults({"500": 1.0}, per_id=4), Faults({"500": 1.0}, per_id=None)
    assert struck(bounded, *["a"] * 6) == ["500"] * 4 + [None] * 2
    assert struck(unbounded, *["a"] * 6) == ["500"] * 6


def test_one_number_spreads_over_passing_faults() -> None:
    """A bare probability means every fault that a client should survive, evenly."""
    rates = Faults(0.37).rates
    assert rates.keys() == PASSING_FAULTS
    assert sum(rates.values()) == pytest.approx(0.37)


def test_refused_plans() -> None:
    """Unknown kinds and impossible probabilities are refused where they are written."""
    with pytest.raises(ValueError, match=r"no fault is called 'explode' \(all of them: .*testing\.md\)$"):
        Faults({"explode": 0.1})
    with pytest.raises(ValueError, match=r"no fault is called 'reset-befor'; did you mean 'reset-before'\?"):
        Faults({"reset-befor": 0.1})
    with pytest.raises(ValueError, match="no fault is called '418'"):
        Faults().add("418")
    with pytest.raises(ValueError, match="probabilities"):
        Faults({"500": 0.6, "503": 0.6})
    with pytest.raises(ValueError, match="probabilities"):
        Faults({"500": -0.1})
    with pytest.raises(ValueError, match="rate: 2 is not a probability"):
        Faults().add("500", rate=2)
    with pytest.raises(ValueError, match=r"operation: there is none called 'chats\.gett'; did you mean 'chats\.get'\?"):
        Faults().add("500", operation="chats.gett")
    with pytest.raises(ValueError, match="ticket_id and resource_id"):
        Faults().add("500", ticket_id="BKT-001", resource_id="BKT-001")
