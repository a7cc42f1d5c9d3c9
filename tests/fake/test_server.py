"""The fake as a server: its life, its sockets, its headers, what it remembers, and what a test can tell it."""

import asyncio
import gc
import gzip
import http.client
import itertools
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest

import periskope_async
import periskope_sync
from periskope_async import NotFoundError
from periskope_async.testing import (
    FOREVER,
    Assumptions,
    FakePeriskope,
    Fault,
    Faults,
    Hangup,
    RateLimitPolicy,
    Reply,
    Request,
    serve,
)
from tests.support import virtual_loop

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Got:
    """An answer as `http.client` read it."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


def get(fake: FakePeriskope, path: str = "/tickets/BKT-001", method: str = "GET", **headers: str) -> Got:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(fake.base_url).netloc, timeout=10)
    try:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/v1{path}", headers={"Authorization": f"Bearer {fake.api_key}", **fields})
        answer = connection.getresponse()
        return Got(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def talk(fake: FakePeriskope, raw: bytes) -> bytes:
    """What comes back for *raw* until the fake ends the connection."""
    url = urlsplit(fake.base_url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """A fake of ten tickets."""
    with FakePeriskope() as running:
        yield running


# --- life ------------------------------------------------------------------------------------------------------


def leftovers() -> tuple[set[threading.Thread], set[str]]:
    """The threads and the open sockets of this process."""
    gc.collect()
    sockets = set[str]()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = entry.readlink()
        except FileNotFoundError:
            continue
        if str(target).startswith("socket:"):
            sockets.add(str(target))
    return set(threading.enumerate()), sockets


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts sockets in /proc, which this system lacks")
def test_fifty_at_once_leave_nothing() -> None:
    """Fifty fakes run in one process, each on its own; stopped, they leave no thread and no socket."""
    before = leftovers()
    fakes = [FakePeriskope(tickets=n + 1) for n in range(50)]
    for fake in fakes:
        fake.start()
    open_ones = [http.client.HTTPConnection(urlsplit(fake.base_url).netloc) for fake in fakes]
    for fake, connection in zip(fakes, open_ones, strict=True):
        connection.request("GET", "/v1/tickets", headers={"Authorization": f"Bearer {fake.api_key}"})
        assert json.loads(connection.getresponse().read())["count"] == fake.count
    assert len({fake.base_url for fake in fakes}) == 50
    for fake in fakes:
        fake.stop()
    for connection in open_ones:
        connection.close()
    assert leftovers() == before
    assert [fake.open_connections for fake in fakes] == [0] * 50


def test_start_and_stop(fake: FakePeriskope) -> None:
    """A fake starts once, stops as often as you like, and comes back at the same address."""
    with pytest.raises(RuntimeError, match="running already"):
        fake.start()
    url = fake.base_url
    fake.stop()
    fake.stop()
    assert fake.base_url == url
    with pytest.raises(ConnectionRefusedError):
        get(fake)
    fake.start()
    assert fake.base_url == url
    assert get(fake).status == 200


def test_connections_that_are_just_being_accepted() -> None:
    """Who connects in the moment of the end is hung up on too: no connection stays open, to be found as garbage."""
    with FakePeriskope(1) as fake:
        address = urlsplit(fake.base_url)
        clients = [socket.create_connection((address.hostname, address.port), timeout=5) for _ in range(50)]
    for client in clients:
        with client, suppress(ConnectionResetError):
            assert client.recv(1) == b""
    gc.collect()  # a socket that nobody has closed is a warning, and so an error


def test_before_the_start() -> None:
    """What needs an address says to start first."""
    with pytest.raises(RuntimeError, match="start the fake first"):
        _ = FakePeriskope().base_url
    with pytest.raises(RuntimeError, match="start the fake first"):
        FakePeriskope().down()
    FakePeriskope().stop()


def test_failed_start(fake: FakePeriskope) -> None:
    """What stops the start, a port that is taken or a broken clock, comes out of `start`; nothing hangs or is left."""
    taken = FakePeriskope(port=urlsplit(fake.base_url).port or 0)
    with pytest.raises(OSError, match="in use"):
        taken.start()
    broken = FakePeriskope(rate_limit="1/s", clock=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.start()
    broken.stop()


def test_refused_arguments() -> None:
    """Unusable arguments are refused at once."""
    with pytest.raises(ValueError, match="tickets: -1"):
        FakePeriskope(-1)
    with pytest.raises(ValueError, match="rate limit 'often'"):
        FakePeriskope(rate_limit="often")
    with pytest.raises(ValueError, match="no fault is called"):
        FakePeriskope(faults={"explode": 1})
    with pytest.raises(ValueError, match="count"):
        Assumptions(count="all")


def test_stop_ends_what_is_under_way(fake: FakePeriskope) -> None:
    """Stopping ends a stalled answer, an endless one, and a half request."""
    fake.faults.add("stall-headers", ticket_id="BKT-001")
    fake.faults.add("endless-chunks", ticket_id="BKT-002")
    url = urlsplit(fake.base_url)
    connections = [socket.create_connection((url.hostname or "", url.port or 0)) for _ in range(3)]
    for connection, line in zip(
        connections, ("/BKT-001 HTTP/1.1\r\n\r\n", "/BKT-002 HTTP/1.1\r\n\r\n", ""), strict=True
    ):
        connection.sendall(f"GET /v1/tickets{line}".encode())
    while fake.calls < 2:
        time.sleep(0.001)
    fake.stop()
    for connection in connections:
        connection.close()
    assert fake.open_connections == 0


def test_down_and_up(fake: FakePeriskope) -> None:
    """Down, it resets what stands and refuses what comes; up, it is back at the same address. Twice is fine."""
    url = urlsplit(fake.base_url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as standing:
        while not fake.open_connections:
            time.sleep(0.001)
        fake.down()
        fake.down()
        with pytest.raises(ConnectionResetError):
            standing.recv(1)
    with pytest.raises(ConnectionRefusedError):
        get(fake)
    fake.up()
    fake.up()
    assert get(fake).status == 200
    fake.down()


async def test_on_the_current_loop() -> None:
    """`async with` runs the fake on the loop of the test, with no thread."""
    before = set(threading.enumerate())  # of which some may end meanwhile: an earlier test's last ones
    async with FakePeriskope() as fake, fake.client() as client:
        assert set(threading.enumerate()) <= before
        assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"
        fake.down()
        fake.up()
        assert (await client.tickets.get("BKT-002")).ticket.ticket_id == "BKT-002"
        fake.stop()  # nothing to do: the block ends it
    with pytest.raises(ConnectionRefusedError):
        get(fake)


def test_down_in_a_hook(fake: FakePeriskope) -> None:
    """The fake's own thread may take it down; it is so with the next turns of its loop."""
    fake.answer(lambda _: fake.down())
    until_refused(lambda: get(fake))
    fake.answer(None)
    fake.up()
    assert get(fake).status == 200


def until_refused(ask: Callable[[], object]) -> None:
    """Ask until nobody listens; what comes before that, an answer or a reset, does not matter."""
    for _ in range(1_000):
        try:
            ask()
        except ConnectionRefusedError:
            return
        except (OSError, http.client.HTTPException):
            continue
    raise AssertionError("it never went down")


async def test_switching_on_the_current_loop() -> None:
    """On the test's own loop, too, every order to go down or up is carried out, in turn."""
    async with FakePeriskope() as fake, fake.client(retries=0) as client:
        for _ in range(3):
            fake.up()
            fake.down()
        await asyncio.sleep(0.01)
        with pytest.raises(periskope_async.ConnectError):
            await client.tickets.get("BKT-001")
        for _ in range(3):
            fake.down()
            fake.up()
        await asyncio.sleep(0.01)
        await client.tickets.get("BKT-001")
        fake.down()


async def test_on_the_current_loop_with_another_clock() -> None:
    """A clock of one's own counts there as well."""
    async with FakePeriskope(clock=lambda: 60.0) as fake, fake.client() as client:
        await client.tickets.get("BKT-001")
        assert fake.requests[0].time % 3_600 == pytest.approx(1_740_000_060.25 % 3_600)


def test_virtual_latency() -> None:
    """On a loop with virtual time, latency and slow answers cost none."""

    async def main() -> float:
        async with FakePeriskope(latency=600, faults=Faults({"slow-headers": 1.0}, pause=3_000)) as fake:
            async with fake.client(timeout=7_200, deadline=None) as client:
                await client.tickets.get("BKT-001")
            return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        assert runner.run(main()) == pytest.approx(3_600, abs=1)


def test_unstopped_fake_does_not_hold_the_process() -> None:
    """A process that forgets to stop its fake ends all the same."""
    code = "from periskope_async.testing import FakePeriskope; print(FakePeriskope().start().base_url)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=20, check=True)
    assert done.stdout.startswith(b"http://127.0.0.1:")


# --- HTTP ------------------------------------------------------------------------------------------------------


def test_headers_of_express(fake: FakePeriskope) -> None:
    """Answers carry what Express and the vendor send, and a trace id of their own."""
    first, second = get(fake), get(fake)
    assert first.headers["X-Powered-By"] == "Express"
    assert first.headers["ETag"].startswith('W/"b22-')
    assert first.headers["Content-Type"] == "application/json; charset=utf-8"
    assert first.headers["x-periskope-org-id"]
    assert first.headers["Date"].endswith("GMT")
    assert first.headers["Connection"] == "keep-alive"
    assert first.headers["Keep-Alive"] == "timeout=5"
    assert first.headers["x-periskope-trace-id"] != second.headers["x-periskope-trace-id"]
    assert "X-RateLimit-Limit" not in first.headers
    assert first.headers["x-periskope-phone-id"] is None
    assert get(fake, "/chats").headers["x-periskope-phone-id"].startswith("phone-")


def test_conditional_get(fake: FakePeriskope) -> None:
    """As Express does, the fake answers 304 to the ETag it gave, until the ticket changes."""
    etag = get(fake).headers["ETag"]
    assert (get(fake, If_None_Match=etag).status, get(fake, If_None_Match=etag).body) == (304, b"")
    fake.change("BKT-001", subject="Other")
    assert get(fake, If_None_Match=etag).status == 200


def test_compression() -> None:
    """With `compress`, who accepts gzip gets gzip, and others get the same in plain."""
    with FakePeriskope(compress=True) as fake:
        packed, plain = get(fake, Accept_Encoding="gzip, deflate"), get(fake)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert plain.headers["Content-Encoding"] is None
        assert packed.headers["ETag"] == plain.headers["ETag"]
    with FakePeriskope() as fake:
        assert get(fake, Accept_Encoding="gzip").headers["Content-Encoding"] is None


def test_head(fake: FakePeriskope) -> None:
    """HEAD is GET without the body."""
    got = get(fake, method="HEAD")
    assert (got.status, got.headers["Content-Length"], got.body) == (200, "2850", b"")


def test_connection_close(fake: FakePeriskope) -> None:
    """Who says that the connection is no longer needed sees it closed."""
    raw = talk(fake, b"GET /v1/x HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in raw
    raw = talk(fake, b"GET /v1/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /v1/x HTTP/1.0\r\n\r\n")
    assert raw.index(b"\r\nConnection: keep-alive\r\n") < raw.index(b"\r\nConnection: close\r\n")


def test_empty_answers() -> None:
    """An answer without a body has neither type nor ETag."""
    with FakePeriskope(assumptions=Assumptions(missing_ticket="empty")) as fake:
        got = get(fake, "/tickets/NOPE")
        assert (got.status, got.body, got.headers["Content-Length"]) == (200, b"", "0")
        assert (got.headers["Content-Type"], got.headers["ETag"]) == (None, None)


def test_pipelining(fake: FakePeriskope) -> None:
    """Requests sent without waiting are answered in order, one at a time."""
    key = f"Authorization: Bearer {fake.api_key}\r\n"
    requests = [f"GET /v1/tickets/BKT-00{n} HTTP/1.1\r\n{key}\r\n".encode() for n in (2, 3)]
    raw = talk(fake, b"".join(requests) + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert raw.count(b"HTTP/1.1 200 OK") == 2
    assert raw.index(b'"BKT-002"') < raw.index(b'"BKT-003"') < raw.index(b"404 Not Found")


def test_request_during_an_answer() -> None:
    """A request that comes while the one before it is still being answered waits its turn."""
    with FakePeriskope(latency=0.05) as fake:
        url = urlsplit(fake.base_url)
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as connection:
            connection.sendall(b"GET /1 HTTP/1.1\r\n\r\n")
            while fake.calls < 1:
                time.sleep(0.001)
            connection.sendall(b"GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n")
            raw = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert raw.index(b"Cannot GET /1") < raw.index(b"Cannot GET /2")


def test_request_in_pieces(fake: FakePeriskope) -> None:
    """A request may arrive in pieces, cut anywhere: in its head, between head and body, in its body."""
    body = json.dumps({"chat_id": fake.chat_ids[0], "subject": "s"}).encode()
    head = f"POST /v1/tickets/create HTTP/1.1\r\nAuthorization: Bearer {fake.api_key}\r\nConnection: close\r\n"
    raw = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    cuts = [0, 9, len(head) + 2, len(raw) - len(body), len(raw) - 5, len(raw)]
    url = urlsplit(fake.base_url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as connection:
        for start, stop in itertools.pairwise(cuts):
            connection.sendall(raw[start:stop])
            get(fake)  # once this is answered, the piece before it has been read
        assert connection.recv(12) == b"HTTP/1.1 200"
    made = next(request for request in fake.requests if request.method == "POST")
    assert (made.json()["subject"], made.ticket_id) == ("s", "")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_unreadable_requests(fake: FakePeriskope, raw: bytes, status: int) -> None:
    """What it cannot read it refuses, and closes."""
    assert talk(fake, raw).startswith(f"HTTP/1.1 {status} ".encode())
    assert fake.calls == 0


def test_slow_reader(fake: FakePeriskope) -> None:
    """An answer too large for the socket's buffers waits for its reader, whole and in order."""
    fake.faults.add("giant-body")
    fake.faults.giant = 32 * 1024 * 1024
    assert get(fake).body == b" " * fake.faults.giant


def test_reader_that_goes_away(fake: FakePeriskope) -> None:
    """An answer without an end to a peer who resets in the middle of it ends there, and others are answered."""
    url = urlsplit(fake.base_url)
    written = itertools.count()
    gone = threading.Event()

    def steps() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # between two writes of one turn of the fake's loop
        gone.set()
        while next(written) < 1_000:
            yield b"more"

    fake.answer(lambda _: steps())
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as connection:
        connection.sendall(b"GET /v1/tickets/BKT-001 HTTP/1.1\r\n\r\n")
        assert gone.wait(10)
        fake.answer(None)
        assert get(fake).status == 200  # answered after those writes, by the same loop
    assert next(written) < 10


def test_idle_connections_are_closed() -> None:
    """With `keepalive`, a connection that stays idle so long is closed; one that is used is not."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with FakePeriskope(keepalive=5) as fake:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(fake.base_url).port)
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                assert b"404" in await reader.readuntil(b"</html>\n")
                await asyncio.sleep(4)
            began = loop.time()
            assert await reader.read() == b""
            writer.close()
            assert fake.connections == 1
            return loop.time() - began

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        assert runner.run(main()) == pytest.approx(1)


def test_idle_time_can_be_random() -> None:
    """`keepalive` may be a span, to make the close cross with the next request."""

    async def main() -> list[float]:
        loop, spans = asyncio.get_running_loop(), list[float]()
        async with FakePeriskope(keepalive=(10, 60), seed=3) as fake:
            for _ in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(fake.base_url).port)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                await reader.readline()
                began = loop.time()
                await reader.read()
                spans.append(loop.time() - began)
                writer.close()
        return spans

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        spans = runner.run(main())
    assert all(10 <= span <= 60 for span in spans)
    assert max(spans) - min(spans) > 20


def test_https() -> None:
    """With a certificate it speaks TLS, and says so in its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parents[1] / "localhost.pem")
    with FakePeriskope(ssl_context=context) as fake:
        assert fake.base_url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(urlsplit(fake.base_url).netloc, context=trusting, timeout=10)
        connection.request("GET", "/v1/tickets/BKT-001", headers={"Authorization": f"Bearer {fake.api_key}"})
        assert connection.getresponse().status == 200
        connection.close()


async def test_hanging_up_on_a_tls_connection_that_ends() -> None:
    """A TLS connection that is just ending, whose socket is gone already, can be hung up on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = Path(__file__).parents[1] / "localhost.pem"
    context.load_cert_chain(certificate)
    async with FakePeriskope(ssl_context=context) as fake:
        port = urlsplit(fake.base_url).port
        trusting = ssl.create_default_context(cafile=certificate)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="localhost")
        while not fake.open_connections:  # noqa: ASYNC110  # it is about to be
            await asyncio.sleep(0)
        (connection,) = fake._listener.connections
        gone: list[bool] = []
        while fake.open_connections:
            gone.append(connection._transport.get_extra_info("socket") is None)
            connection.hang_up()
            await asyncio.sleep(0)
        writer.close()
        assert any(gone)


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python was built without IPv6")
def test_ipv6() -> None:
    """An IPv6 address comes in brackets."""
    try:
        fake = FakePeriskope(host="::1").start()
    except OSError as cause:
        pytest.skip(f"this machine has no IPv6 loopback: {cause}")
    assert fake.base_url.startswith("http://[::1]:")
    assert get(fake).status == 200
    fake.stop()


# --- what it remembers -----------------------------------------------------------------------------------------


def test_requests_are_recorded(fake: FakePeriskope) -> None:
    """Every request is kept as it came, with its answer's status; the key is masked, and a record cannot be changed."""
    get(fake, "/tickets/a%2Fb?x=1", X_Phone="919")
    get(fake, "/tickets?limit=1")
    one, other = fake.requests
    assert (one.method, one.path, one.ticket_id, one.status, one.fault) == (
        "GET",
        "/v1/tickets/a%2Fb?x=1",
        "a/b",
        404,
        None,
    )
    assert (one.operation, one.resource, one.resource_id) == ("tickets.get", "ticket", "a/b")
    assert one.headers["x-phone"] == "919"
    assert one.headers["authorization"] == "Bearer ***"
    assert fake.api_key not in repr(fake.requests)
    assert (other.ticket_id, other.connection, one.body) == ("", 2, b"")
    assert (other.operation, other.resource, other.resource_id) == ("tickets.list", "ticket", "")
    assert one.time <= other.time <= time.time()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.status = 200  # type: ignore[misc]  # that is the point
    talk(fake, b"GET /v1/tickets HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert "authorization" not in fake.requests[-1].headers
    assert (fake.calls, fake.connections) == (3, 3)
    get(fake, f"/chats/{fake.chat_ids[0].partition('@')[0]}")
    get(fake, "/nothing/7")
    chat, nothing = fake.requests[-2:]
    assert (chat.resource, chat.resource_id, chat.ticket_id) == ("chat", fake.chat_ids[0], "")
    assert (nothing.operation, nothing.resource, nothing.resource_id) == ("", "", "")
    fake.clear()
    assert (fake.requests, fake.calls, fake.connections) == ([], 0, 0)


def ahead(fake: FakePeriskope) -> list[str]:
    """Which counters say more than the requests that are recorded a moment later."""
    calls, throttled, faults = fake.calls, fake.throttled, fake.counts.total()
    requests = fake.requests
    recorded = {
        "calls": len(requests) - calls,
        "throttled": sum(one.status == 429 for one in requests) - throttled,
        "faults": sum(one.fault is not None for one in requests) - faults,
    }
    return [name for name, more in recorded.items() if more < 0]


@pytest.mark.parametrize("kind", [None, Fault.TRUNCATED])
def test_nothing_is_counted_before_it_is_recorded(kind: Fault | None) -> None:
    """While a request is being answered it is in no counter yet: neither as it arrives nor as an update is done."""
    seen: list[list[str]] = []

    def clock() -> float:
        """Look at what can be seen from another thread just now: the fake reads its clock amid its work."""
        seen.append(ahead(fake))
        return 0.0

    fake = FakePeriskope(faults={kind: 1.0} if kind else None, clock=clock)
    with fake:
        body = b'{"subject": "Other"}'
        head = f"PATCH /v1/tickets/BKT-002 HTTP/1.1\r\nAuthorization: Bearer {fake.api_key}\r\nConnection: close\r\n"
        talk(fake, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert fake.get("BKT-002")["ticket"]["subject"] == "Other"
        assert (fake.calls, fake.counts.total()) == (1, int(kind is not None))
    assert len(seen) > 1
    assert not any(seen)


def test_calls_are_counted_last(fake: FakePeriskope) -> None:
    """Who waits for so many calls finds their faults counted."""
    calls: list[int] = []

    class Watching(Counter[str]):
        """Counts, and notes how many calls had been counted by then."""

        def __setitem__(self, kind: str, number: int) -> None:
            calls.append(fake.calls)
            super().__setitem__(kind, number)

    fake.faults.counts = Watching()
    fake.faults.add("404")
    for _ in range(3):
        get(fake)
    assert calls == [0, 1, 2]
    assert (fake.calls, fake.counts) == (3, {"404": 3})


@pytest.mark.slow
def test_nothing_is_counted_before_it_is_recorded_under_load() -> None:
    """Whoever reads along from another thread never sees a counter ahead of the requests, however threads alternate."""
    count = 2_000
    policy = RateLimitPolicy(count // 2, 3_600)
    with FakePeriskope(rate_limit=policy, faults=Faults({"400": 0.5}, per_id=None)) as fake:
        request = f"GET /v1/tickets/BKT-002 HTTP/1.1\r\nAuthorization: Bearer {fake.api_key}\r\n".encode()
        raw = (request + b"\r\n") * (count - 1) + request + b"Connection: close\r\n\r\n"
        asking = threading.Thread(target=talk, args=(fake, raw))
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            asking.start()
            looks = 0
            while asking.is_alive():
                assert not ahead(fake)
                looks += 1
        finally:
            sys.setswitchinterval(interval)
            asking.join()
        assert looks > 10
        assert (fake.calls, fake.throttled) == (count, count // 2)
        assert fake.counts == {"400": sum(one.fault is not None for one in fake.requests)}


def test_only_the_newest_are_kept() -> None:
    """`keep` bounds what is remembered; the count goes on."""
    with FakePeriskope(keep=2) as fake:
        for n in range(1, 6):
            get(fake, f"/tickets/BKT-00{n}")
        assert [one.ticket_id for one in fake.requests] == ["BKT-004", "BKT-005"]
        assert fake.calls == 5


# --- what a test can tell it -----------------------------------------------------------------------------------


def test_state_by_hand(fake: FakePeriskope) -> None:
    """A test puts, changes, reads, counts and removes tickets, and the service serves them so."""
    assert (fake.count, fake.ticket_ids[0], fake.ticket_ids[-1]) == (10, "BKT-001", "BKT-010")
    assert fake.chat_ids[0] == fake.get("BKT-001")["chat"]["chat_id"]
    fake.put({"ticket": {"ticket_id": "ACM-1"}})
    fake.change("BKT-002", status="archived")
    fake.remove("BKT-003")
    assert get(fake, "/tickets/ACM-1").json() == {"ticket": {"ticket_id": "ACM-1"}}
    assert get(fake, "/tickets/BKT-002").json()["ticket"]["status"] == "archived"
    assert get(fake, "/tickets/BKT-003").status == 404
    assert fake.count == 10
    with pytest.raises(KeyError, match="no ticket has the id 'NOPE'; there are BKT-001, BKT-002, BKT-004 and 7 more"):
        fake.change("NOPE", status="open")
    for ticket_id in fake.ticket_ids[2:]:
        fake.remove(ticket_id)
    with pytest.raises(KeyError, match=r'there are BKT-001, BKT-002"$'):
        fake.get("NOPE")
    fake.remove("BKT-001")
    fake.remove("BKT-002")
    with pytest.raises(KeyError, match="there are none"):
        fake.get("BKT-001")


def test_objects_by_hand(fake: FakePeriskope) -> None:
    """Chats and tickets are put, changed, read, counted and removed in the same way, and the service serves them so."""
    for objects, path, item in (
        (fake.tickets, "/tickets", {"ticket": {"ticket_id": "7@c.us"}}),
        (fake.chats, "/chats", {"chat_id": "7@c.us"}),
    ):
        assert objects.count == len(objects.ids) == 10
        assert objects.put(item) == objects.ids[-1] == "7@c.us"
        assert get(fake, f"{path}/7@c.us").json() == objects.get("7@c.us") == item
        objects.change("7@c.us", colour="red")
        assert objects.get("7@c.us") != item
        assert get(fake, f"{path}/7@c.us").json() == objects.get("7@c.us")
        objects.remove("7@c.us")
        assert get(fake, f"{path}/7@c.us").status == 404
        for missing in (objects.get, objects.change):
            with pytest.raises(KeyError):
                missing("7@c.us")
        with pytest.raises(KeyError):
            objects.put({})
    assert (fake.tickets.ids, fake.chats.ids) == (fake.ticket_ids, fake.chat_ids)
    assert (repr(fake.tickets), repr(fake.chats)) == (
        "<10 tickets of a FakePeriskope>",
        "<10 chats of a FakePeriskope>",
    )


def test_keys_by_hand(fake: FakePeriskope) -> None:
    """A test sets the key, changes it, and ends the plan."""
    with FakePeriskope(api_key="mine") as other:
        assert (other.api_key, get(other).status) == ("mine", 200)
    old = fake.api_key
    fake.rotate_key("new")
    assert get(fake).status == 200
    assert get(fake, Authorization=f"Bearer {old}").status == 401
    fake.end_plan()
    assert "plans" in get(fake).json()["message"]


def test_scripted_answers(fake: FakePeriskope) -> None:
    """A hook answers what it wants: a reply, raw steps, or as usual."""

    def hook(request: Request) -> Reply | tuple[bytes | Hangup, ...] | None:
        if request.path.endswith("BKT-001"):
            return Reply(418, b"teapot", (("X-Mine", "yes"),))
        if request.path.endswith("BKT-002"):
            return b"HTTP/1.1 200 OK\r\n\r\nraw", Hangup.FIN
        return None

    fake.answer(hook)
    got = get(fake)
    assert (got.status, got.body, got.headers["X-Mine"], got.headers["X-Powered-By"]) == (
        418,
        b"teapot",
        "yes",
        "Express",
    )
    assert get(fake, "/tickets/BKT-002").body == b"raw"
    assert get(fake, "/tickets/BKT-003").status == 200
    assert [one.status for one in fake.requests] == [418, 0, 200]
    fake.answer(lambda _: (FOREVER,))
    with pytest.raises(TimeoutError):
        http_get_within(fake, 0.05)
    fake.answer(None)
    assert get(fake).status == 200


def http_get_within(fake: FakePeriskope, seconds: float) -> None:
    """Ask, and wait for an answer for so long only."""
    connection = http.client.HTTPConnection(urlsplit(fake.base_url).netloc, timeout=seconds)
    try:
        connection.request("GET", "/v1/tickets/BKT-001")
        connection.getresponse()
    finally:
        connection.close()


def test_failing_hook() -> None:
    """What a hook raises resets that connection, and fails the test when the fake stops."""

    def hook(_: Request) -> None:
        raise AssertionError("not this request")

    fake = FakePeriskope().start()
    fake.answer(hook)
    with pytest.raises(ConnectionError):
        get(fake)
    fake.answer(None)
    assert get(fake).status == 200
    with pytest.raises(AssertionError, match="not this request"):
        fake.stop()


def test_hook_that_fails_later(fake: FakePeriskope) -> None:
    """What a generator of steps raises, in the middle of its answer, does the same."""

    def steps() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        raise AssertionError("not this step")

    fake.answer(lambda _: steps())
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        get(fake)
    with pytest.raises(AssertionError, match="not this step"):
        fake.stop()


def test_useless_order(fake: FakePeriskope) -> None:
    """A fault ordered where it changes nothing is refused, told to who asked, and raised once; others work."""
    fake.faults.add("other-id", method="POST")
    fake.faults.add("other-id", ticket_id="BKT-002")
    with fake.sync_client(retries=0) as client:
        with pytest.raises(periskope_async.ServerError, match="'other-id' changes nothing in the answer to POST"):
            client.tickets.create(chat_id="1234567@c.us", subject="nobody's")
        with pytest.raises(periskope_async.PeriskopeError):
            client.tickets.get("BKT-002")
        with pytest.raises(periskope_async.ServerError, match="changes nothing in the answer to POST"):
            client.tickets.create(chat_id="2234567@c.us", subject="nobody's either")
    assert fake.counts == {Fault.OTHER_ID: 1}
    with pytest.raises(ValueError, match=r"POST /v1/tickets/create \(status 404, \d+ bytes\)"):
        fake.stop()
    fake.stop()  # it has been told


async def test_failing_hook_on_the_loop() -> None:
    """The same on the current loop."""

    def hook(_: Request) -> None:
        raise AssertionError("not this request")

    async def test() -> None:
        async with FakePeriskope() as fake, fake.client(retries=0) as client:
            fake.answer(hook)
            with pytest.raises(periskope_async.TransportError):
                await client.tickets.get("BKT-001")

    with pytest.raises(AssertionError, match="not this request"):
        await test()


def test_rate_limit_on_the_wire() -> None:
    """Over the limit comes the vendor's 429, counted; every answer tells the budget, errors too."""
    with FakePeriskope(rate_limit=RateLimitPolicy(2, 3_600), clock=lambda: 0.0) as fake:
        got = [get(fake), get(fake, "/tickets/NOPE"), get(fake)]
        assert [one.status for one in got] == [200, 404, 429]
        assert [one.headers["X-RateLimit-Remaining"] for one in got] == ["1", "0", "0"]
        assert got[2].json() == {
            "code": "RATE_LIMIT_ERROR",
            "message": "You can only make 2 requests per 3600 seconds",
            "status": 429,
        }
        assert got[2].headers["Retry-After"] == "3600"
        assert fake.throttled == 1
    with FakePeriskope(rate_limit="1/s", clock=lambda: 0.0) as fake:
        assert [get(fake).status, get(fake).json()["message"]] == [200, "You can only make 1 requests per second"]


def test_latency() -> None:
    """Every answer comes later by the latency."""
    with FakePeriskope(latency=0.05) as fake:
        began = time.monotonic()
        get(fake)
        assert time.monotonic() - began >= 0.05


async def test_clients(fake: FakePeriskope) -> None:
    """The fake makes clients that talk to it, with any option of theirs."""
    async with fake.client(concurrency=3) as client:
        assert isinstance(client, periskope_async.PeriskopeClient)
        with pytest.raises(NotFoundError):
            await client.tickets.get("NOPE")


def test_sync_client(fake: FakePeriskope) -> None:
    """Blocking ones as well."""
    with fake.sync_client(retries=1) as client:
        assert isinstance(client, periskope_sync.PeriskopeClient)
        assert client.tickets.get("BKT-001").ticket.subject == "Issue with this"


async def test_faults_between_clients_and_tickets(fake: FakePeriskope) -> None:
    """Two failures ordered for one ticket cost exactly two requests more, and the ticket still comes."""
    fake.faults.add(Fault.STATUS_503_BARE, ticket_id="BKT-004", times=2)
    async with fake.client() as client:
        result = await client.tickets.get_many(fake.ticket_ids)
    assert len(result.tickets) == 10
    assert fake.calls == 12
    assert fake.counts == {Fault.STATUS_503_BARE: 2}


# --- as a process ----------------------------------------------------------------------------------------------

SERVE = """
from periskope_async.testing import serve
serve(port=0, tickets=3, api_key={key!r}, on_ready=lambda fake: print(fake.base_url, fake.api_key, flush=True))
print("ended")
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("key", [None, "mine"])
def test_serve_until_a_signal(signum: signal.Signals, key: str | None) -> None:
    """`serve` tells when it is ready, serves, prints nothing, and returns at SIGINT or SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(key=key)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url, told = process.stdout.readline().split()
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request("GET", "/v1/tickets", headers={"Authorization": f"Bearer {told}"})
        assert json.loads(connection.getresponse().read())["count"] == 3
        connection.close()
        process.send_signal(signum)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
    assert (out, err, process.returncode) == ("ended\n", "", 0)
    assert told == key or key is None


def test_serve_ends_by_a_signal_that_another_thread_received() -> None:
    """The system may hand a signal to any thread, and what the main thread waits by need not notice."""
    main, sent = threading.get_ident(), list[int]()

    def end() -> None:
        looks = list[tuple[object, int]]()
        while len(looks) < 20 or len(set(looks[-20:])) > 1:  # it has come to where it waits
            frame = sys._current_frames()[main]
            looks.append((frame.f_code, frame.f_lasti))
            time.sleep(0.001)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        sent.append(signal.SIGTERM)

    thread = threading.Thread(target=end)
    serve(port=0, on_ready=lambda _: thread.start())
    thread.join()
    assert sent == [signal.SIGTERM]


def test_serve_gives_signals_back() -> None:
    """After `serve` signals mean what they meant before, and a failed start changes nothing."""
    before = signal.getsignal(signal.SIGTERM)
    serve(port=0, on_ready=lambda _: os.kill(os.getpid(), signal.SIGTERM))

    def end() -> None:
        while signal.getsignal(signal.SIGTERM) is before:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    serve(port=0)
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
    with FakePeriskope() as fake, pytest.raises(OSError, match="in use"):
        serve(port=urlsplit(fake.base_url).port or 0)
    assert signal.getsignal(signal.SIGTERM) is before
