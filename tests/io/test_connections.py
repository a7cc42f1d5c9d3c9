"""One attempt over HTTP: what goes over the wire, what may come back, and what becomes of the connection."""

import asyncio
import gzip
import json
import random
import socket
import ssl
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import (
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    DecodeError,
    Hooks,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    ProtocolError,
    RequestTimeout,
    RetryEvent,
    ServerError,
    TlsError,
    UnexpectedResponseError,
)
from periskope_async._io import body, connector
from periskope_async._io import http as _http
from periskope_async._sansio.response import Response
from periskope_async.resources.tickets import GET
from periskope_async.testing import FakePeriskope, Fault, Faults, Hangup, Reply
from periskope_async.testing import Request as Received
from tests.support import any_text, cases, many, run_python, some, virtual_loop
from tests.ways import works_here

if TYPE_CHECKING:
    from periskope_async._sansio.operation import Request

CERTIFICATE = Path(__file__).parents[1] / "localhost.pem"
JSON = (("Content-Type", "application/json"),)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture(autouse=True, params=some(["direct", "public"], "direct"))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make every test's requests the direct way, on any aiohttp, and then through aiohttp's session."""
    if request.param == "direct" and not works_here():
        pytest.skip("on this aiohttp, requests go the public way")
    monkeypatch.setattr(_http, "works_directly", lambda: request.param == "direct")
    return str(request.param)


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope(faults=Faults(pause=1.0, per_id=None)) as fake:
        yield fake


def now() -> float:
    """Return the virtual time, in seconds."""
    return asyncio.get_running_loop().time()


def ticket(fake: FakePeriskope) -> bytes:
    """Return the body of the first ticket."""
    return json.dumps(fake.get("BKT-001")).encode()


@asynccontextmanager
async def listener(connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    """Listen on a port, with something that is no HTTP server."""
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


# -- what is sent -----------------------------------------------------------------------------------------------------


async def test_headers_of_a_request(fake: FakePeriskope) -> None:
    """A request says who asks, what may come back and in which packing, and nothing else."""
    async with fake.client(phone="+91 98765 43210") as client:
        await client.tickets.get("BKT-001")
    (request,) = fake.requests
    assert dict(request.headers) == {
        "host": fake.base_url.split("/")[2],
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "authorization": "Bearer ***",
        "user-agent": f"periskope-python/{metadata.version('periskope')}",
        "x-phone": "919876543210",
    }


async def test_without_a_phone_none_is_sent(fake: FakePeriskope) -> None:
    """The phone header goes out where a phone is configured, and nowhere else."""
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
    assert "x-phone" not in fake.requests[0].headers


async def test_headers_of_a_write(fake: FakePeriskope) -> None:
    """A write says that it sends JSON, beside all that a read says."""
    async with fake.client(phone="1234567") as client:
        await client.tickets.update("BKT-001", subject="new")
    headers = fake.requests[0].headers
    assert headers["content-type"] == "application/json"
    assert (headers["authorization"], headers["x-phone"]) == ("Bearer ***", "1234567")
    assert fake.requests[0].json() == {"subject": "new"}


async def test_query_of_a_request(fake: FakePeriskope) -> None:
    """What a list is asked for stands in the query."""
    async with fake.client() as client:
        await client.tickets.list_page(offset=3, limit=5)
    assert [request.path for request in fake.requests] == ["/v1/tickets?offset=3&limit=5"]


@pytest.mark.parametrize(
    ("base", "target"),
    [
        ("", "/tickets/a%2Fb"),
        ("/", "/tickets/a%2Fb"),
        ("/v1", "/v1/tickets/a%2Fb"),
        ("/v1//", "/v1/tickets/a%2Fb"),
        ("/proxy/v1", "/proxy/v1/tickets/a%2Fb"),
        ("/pre%2Ffix", "/pre%2Ffix/tickets/a%2Fb"),
    ],
)
async def test_path_goes_below_the_base_url(fake: FakePeriskope, base: str, target: str) -> None:
    """The path of a request is the base URL's with the operation's behind it, each quoted once."""
    root = fake.base_url.removesuffix("/v1")
    fake.answer(lambda _: Reply(404))
    async with PeriskopeClient("key", base_url=root + base) as client:
        with pytest.raises(UnexpectedResponseError):
            await client.tickets.get("a/b")
    assert [request.path for request in fake.requests] == [target]


@pytest.mark.slow
def test_any_id_is_one_segment_on_the_wire() -> None:
    """Of 20,000 texts, each comes as exactly one segment below /v1/tickets/ of the raw request line, or is not sent."""
    requests: dict[str, Request] = {}
    refused: set[str] = set()

    @cases(20_000)
    @given(many(any_text | st.text(st.sampled_from("./\\%2eEfF?#;&=@: \t\r\n\0~é\ud800"), max_size=8)))
    def collect(ticket_ids: list[str]) -> None:
        for ticket_id in ticket_ids:
            try:
                requests[ticket_id] = GET.request(ticket_id=ticket_id)
            except ConfigurationError:
                refused.add(ticket_id)

    collect()
    lines: list[str] = []

    class Lines(asyncio.Protocol):
        """Take down the first line of each request, and answer it."""

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            assert data.endswith(b"\r\n\r\n")
            assert data.count(b"\r\n\r\n") == 1
            lines.append(data.partition(b"\r\n")[0].decode("ascii"))
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async def send() -> None:
        server = await asyncio.get_running_loop().create_server(Lines, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with PeriskopeClient("key", base_url=f"http://127.0.0.1:{port}/v1") as client:
            transport = client._caller.connections
            for request in requests.values():
                until = asyncio.get_running_loop().time() + 30
                answer = await transport.send(
                    request, None, transport.state(), asyncio.get_running_loop().time(), until
                )
                assert isinstance(answer, Response)
        server.close()

    asyncio.run(send())
    assert len(lines) == len(requests) > 1_000  # many of the 20,000 are the same, or none
    assert refused
    for ticket_id, line in zip(requests, lines, strict=True):
        method, target, version = line.split(" ")
        assert (method, version) == ("GET", "HTTP/1.1")
        segment = target.removeprefix("/v1/tickets/")
        assert not set(segment) & set("/\\?#;") and segment not in {"", ".", "..", target}  # noqa: PT018  # one rule
        assert unquote(segment, errors="strict") == ticket_id.strip()


async def test_cookies_are_not_kept(fake: FakePeriskope) -> None:
    """A cookie that the service sets does not come back to it: calls share no state."""
    fake.answer(lambda _: Reply(200, ticket(fake), (*JSON, ("Set-Cookie", "sid=1; Path=/"))))
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
        await client.tickets.get("BKT-001")
    assert not any("cookie" in request.headers for request in fake.requests)


async def test_proxies_of_the_environment_are_not_used(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment cannot lead a client, and its key, through somebody's proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
    assert fake.calls == 1


# -- which way it is sent ---------------------------------------------------------------------------------------------


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the requests that go through `ClientSession.request`."""
    requests: list[str] = []
    request = aiohttp.ClientSession.request

    def note(session: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> Any:
        requests.append(str(url))
        return request(session, method, url, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "request", note)
    return requests


async def test_two_ways(fake: FakePeriskope, way: str, passed: list[str]) -> None:
    """Requests of our own session go past aiohttp's session where its connections are known, and only there."""
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
        await client.tickets.list_page()
    assert len(passed) == (0 if way == "direct" else fake.calls)
    assert fake.calls == 2


async def test_both_ways_say_the_same(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service cannot tell one way from the other: same lines, same headers, same bodies."""
    for direct_way in (works_here(), False):
        monkeypatch.setattr(_http, "works_directly", lambda direct_way=direct_way: direct_way)
        async with fake.client(phone="1234567") as client:
            with suppress(NotFoundError):
                await client.tickets.get("a b/ü")
            await client.tickets.list_page(offset=0, limit=7)
            await client.tickets.update("BKT-001", subject="ü")
    said = [(each.method, each.path, dict(each.headers), each.body) for each in fake.requests]
    assert said[:3] == said[3:]


async def test_recorders_and_mocks_see_every_request(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """What puts itself in the place of aiohttp's request, as recorders and mocks do, is asked in its stead."""
    seen: list[str] = []
    request: Any = aiohttp.ClientSession._request

    async def recorder(session: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:
        seen.append(f"{method} {url}")
        response: aiohttp.ClientResponse = await request(session, method, url, **options)
        return response

    async with fake.client() as client:
        await client.tickets.get("BKT-001")
        monkeypatch.setattr(aiohttp.ClientSession, "_request", recorder)
        await client.tickets.get("BKT-002")
        monkeypatch.undo()
        await client.tickets.get("BKT-003")
    assert seen == [f"GET {fake.base_url}/tickets/BKT-002"]
    assert fake.calls == 3


async def test_traces_see_every_request(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """What traces every session that is made, as instrumentation for telemetry does, sees the requests of ours."""
    seen: list[str] = []
    make: Any = aiohttp.ClientSession.__init__
    trace = aiohttp.TraceConfig()

    async def note(_: object, __: object, started: aiohttp.TraceRequestStartParams) -> None:
        seen.append(str(started.url))

    trace.on_request_start.append(note)

    def instrumented(session: aiohttp.ClientSession, *args: Any, **options: Any) -> None:
        make(session, *args, **options, trace_configs=[trace])

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", instrumented)
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
    assert seen == [f"{fake.base_url}/tickets/BKT-001"]


# -- no connection ----------------------------------------------------------------------------------------------------


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def fails(base_url: str, **options: Any) -> tuple[PeriskopeError, list[RetryEvent]]:
    """Make a call that fails; return its error and its retries."""
    retries: list[RetryEvent] = []
    async with PeriskopeClient("key", base_url=base_url, hooks=Hooks(on_retry=retries.append), **options) as client:
        with pytest.raises(PeriskopeError) as caught:
            await client.tickets.get("BKT-001")
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value, retries


async def test_refused_connection() -> None:
    """Where nobody listens, the error says so with host and port, after all retries."""
    port = free_port()
    error, retries = await fails(f"http://127.0.0.1:{port}/v1", retries=3)
    assert isinstance(error, ConnectError)
    assert f"127.0.0.1:{port}: no connection: Connection refused" in str(error)
    assert len(retries) == 3


async def test_service_that_comes_back(fake: FakePeriskope) -> None:
    """Refused and reset connections are nothing to a call that lasts until the service is back."""
    fake.down()
    asyncio.get_running_loop().call_later(0.1, fake.up)
    async with fake.client(retries=20) as client:
        await client.tickets.get("BKT-001")


async def test_connection_that_ends_as_it_is_made(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is gone before anything is sent on it is replaced by another at once."""
    connect: Any = aiohttp.TCPConnector._create_connection
    made: list[Any] = []

    async def then_abort(*args: Any, **options: Any) -> Any:
        protocol = await connect(*args, **options)
        made.append(protocol)
        if len(made) == 1:
            protocol.transport.abort()
        return protocol

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", then_abort)
    started = now()
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
    assert (len(made), fake.calls, now() - started) == (2, 1, 0.0)


async def test_session_that_somebody_closed(fake: FakePeriskope) -> None:
    """A session of ours that was closed behind our back, as when its loop ends, gives an error and no hang."""
    async with fake.client() as client:
        await client.tickets.get("BKT-001")
        http = client.tickets._caller.connections.state().http
        assert http is not None
        await http.session.close()
        with pytest.raises(ConnectError, match="the event loop is shutting down"):
            await client.tickets.get("BKT-001")


async def test_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve is told as such, and tried twice more at most."""

    async def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    error, retries = await fails("https://nowhere.example/v1", retries=9)
    assert isinstance(error, ConnectError)
    assert "nowhere.example: name resolution failed: Name or service not known" in str(error)
    assert len(retries) == 2


async def test_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that takes for ever to resolve is given up on in time."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(3_600)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    started = now()
    error, _ = await fails("https://nowhere.example/v1", timeout=5.0, retries=0)
    assert isinstance(error, RequestTimeout)
    assert now() - started == pytest.approx(5.0, abs=0.1)


async def test_loop_that_shuts_down() -> None:
    """A call that comes when the loop can no longer resolve names fails at once, and says why."""
    await asyncio.get_running_loop().shutdown_default_executor()
    error, retries = await fails("http://localhost:9/v1")
    assert isinstance(error, ConnectError)
    assert "the event loop is shutting down" in str(error)
    assert not retries


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog swallows connections on Linux only")
async def test_address_that_swallows_connections() -> None:
    """An address that never answers costs ten seconds of an attempt, not all of it, and is tried again."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            with suppress(BlockingIOError):
                each.connect(address)
        started = now()
        error, retries = await fails(f"http://127.0.0.1:{address[1]}/v1", timeout=60.0, retries=2)
        for each in waiting:
            each.close()
    assert isinstance(error, ConnectError)
    assert "no connection within 10 s" in str(error)
    assert len(retries) == 2
    assert 30.0 <= now() - started <= 34.0


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def secure() -> AsyncIterator[FakePeriskope]:
    """Serve HTTPS, with a certificate for localhost that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with FakePeriskope(ssl_context=context) as fake:
        # In debug mode, a loop reports each handshake that a client breaks off.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        yield fake


@asynccontextmanager
async def trusting_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that trusts our certificate, as somebody with a company's own authority would."""
    context = ssl.create_default_context(cafile=CERTIFICATE)
    connector = aiohttp.TCPConnector(ssl=context, resolver=Localhost())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


class Localhost(aiohttp.abc.AbstractResolver):
    """Takes every name for this machine's."""

    async def resolve(self, host: str, port: int = 0, *_: object, **__: object) -> list[aiohttp.abc.ResolveResult]:
        """Return 127.0.0.1."""
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Do nothing."""


async def test_https_with_a_session_that_trusts(secure: FakePeriskope) -> None:
    """Over TLS, with a borrowed session that knows the certificate, everything works as over plain HTTP."""
    url = secure.base_url.replace("127.0.0.1", "localhost")
    async with trusting_session() as session, PeriskopeClient(secure.api_key, base_url=url, session=session) as client:
        await client.tickets.get("BKT-001")
        await client.tickets.get("BKT-001")
    assert (secure.calls, secure.connections) == (2, 1)


async def test_certificate_that_nobody_signed(secure: FakePeriskope) -> None:
    """A certificate that is not trusted is refused for good; the error gives no hint how to look away."""
    error, retries = await fails(secure.base_url)
    assert isinstance(error, TlsError)
    assert "the TLS handshake failed: " in str(error)
    assert "certificate verify failed" in str(error)
    assert not any(word in str(error).lower() for word in ("disable", "verify=", "ssl=", "insecure"))
    assert not retries
    assert secure.calls == 0
    assert not error.retryable


async def test_certificate_of_another_host(secure: FakePeriskope) -> None:
    """A good certificate for another name is refused for good."""
    url = secure.base_url.replace("127.0.0.1", "other.example")
    async with trusting_session() as session, PeriskopeClient("key", base_url=url, session=session) as client:
        with pytest.raises(TlsError, match="the TLS handshake failed"):
            await client.tickets.get("BKT-001")
    assert secure.calls == 0


async def test_https_to_a_port_without() -> None:
    """TLS to a server that speaks none fails as TLS."""

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with listener(plain) as port:
        error, retries = await fails(f"https://127.0.0.1:{port}/v1")
    assert isinstance(error, TlsError)
    assert "perhaps it speaks plain http there and no https (see base_url)" in str(error)
    assert not retries


async def test_handshake_that_stalls() -> None:
    """A peer that accepts and then says nothing is given up on as one that does not accept."""
    hold = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        writer.close()

    started = now()
    async with listener(silent) as port:
        error, _ = await fails(f"https://127.0.0.1:{port}/v1", timeout=60.0, retries=0)
        hold.set()
    assert isinstance(error, ConnectError)
    assert "no connection within 10 s; perhaps it speaks plain http there and no https" in str(error)
    assert 10.0 <= now() - started <= 11.0


# -- redirects --------------------------------------------------------------------------------------------------------

REDIRECTS = {
    "the same place": lambda here, _: f"{here}/tickets/BKT-002",
    "itself, for ever": lambda here, _: f"{here}/tickets/BKT-001",
    "a path": lambda *_: "/v1/tickets/BKT-002",
    "no scheme": lambda _, there: f"//127.0.0.1:{there}/v1/tickets/BKT-001",
    "another port": lambda _, there: f"http://127.0.0.1:{there}/v1/tickets/BKT-001",
    "another host": lambda _, there: f"http://localhost:{there}/v1/tickets/BKT-001",
    "somebody's account": lambda _, there: f"http://user:password@127.0.0.1:{there}/v1/tickets/BKT-001",
    "a file": lambda *_: "file:///etc/passwd",
    "the cloud's metadata": lambda *_: "http://169.254.169.254/latest/meta-data",
    "nonsense": lambda *_: "http://[::1",
}


@pytest.mark.parametrize("borrow", [False, True], ids=["own session", "borrowed session"])
@pytest.mark.parametrize("place", REDIRECTS)
async def test_redirects_are_not_followed(fake: FakePeriskope, place: str, borrow: bool) -> None:  # noqa: FBT001  # a parameter
    """No redirect is followed: one request here, not a byte where it leads, and the error names the host only."""
    reached: list[object] = []
    async with listener(lambda *_: reached.append(place)) as there, aiohttp.ClientSession() as session:
        location = REDIRECTS[place](fake.base_url, there)
        async with fake.client(session=session if borrow else None) as client:
            for status in range(300, 309):
                fake.clear()
                fake.answer(lambda _, status=status: Reply(status, headers=(("Location", location),)))
                with pytest.raises(UnexpectedResponseError, match="redirects are not followed") as caught:
                    await client.tickets.get("BKT-001")
                assert fake.calls == caught.value.attempts == 1
                assert not any(part in str(caught.value) for part in ("password", "meta-data", "passwd"))
        await asyncio.sleep(1.0)
    assert not reached


async def test_redirect_from_tls_to_plain_http(secure: FakePeriskope) -> None:
    """No redirect makes the key travel in the clear."""
    reached: list[object] = []
    url = secure.base_url.replace("127.0.0.1", "localhost")
    async with listener(lambda *_: reached.append(1)) as there, trusting_session() as session:
        location = f"http://localhost:{there}/v1/tickets/BKT-001"
        secure.answer(lambda _: Reply(307, headers=(("Location", location),)))
        async with PeriskopeClient(secure.api_key, base_url=url, session=session) as client:
            with pytest.raises(UnexpectedResponseError, match=rf"not followed \(to localhost:{there}\)"):
                await client.tickets.get("BKT-001")
    assert not reached


# -- slow and large answers -------------------------------------------------------------------------------------------


def dripped(data: bytes) -> Iterator[bytes | float]:
    """Yield the steps of an answer that comes a byte a second."""
    for byte in data:
        yield bytes([byte])
        yield 1.0


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS: dict[str, Callable[[], Iterator[bytes | float]]] = {
    "status line": lambda: dripped(HEAD + b"Content-Length: 2\r\n\r\n{}"),
    "headers": lambda: dripped(HEAD + b"X: " + b"y" * 1_000),
    "body": lambda: iter([HEAD + b"Content-Length: 1000\r\n\r\n", *dripped(b" " * 1_000)]),
    "body without an end": lambda: iter([HEAD + b"\r\n", *dripped(b" " * 1_000)]),
    "chunks": lambda: iter([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *dripped(b"1\r\n \r\n" * 200)]),
    "chunk extension": lambda: iter([HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;", *dripped(b"x" * 1_000)]),
    "trailers": lambda: iter(
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", *dripped(b"X: y\r\n" * 99)]
    ),
    "informational answers": lambda: dripped(b"HTTP/1.1 102 Processing\r\n\r\n" * 30),
}


@pytest.mark.parametrize("where", DRIPS)
async def test_drips_end_at_the_timeout(fake: FakePeriskope, where: str) -> None:
    """An answer that never stops coming, a byte a second, ends at the attempt's timeout, and with it its connection."""
    fake.answer(lambda _: DRIPS[where]())
    started = now()
    async with fake.client(timeout=20.0, retries=0) as client:
        with pytest.raises(RequestTimeout):
            await client.tickets.get("BKT-001")
        assert now() - started == pytest.approx(20.0, abs=0.1)
        await asyncio.sleep(2.0)
        assert fake.open_connections == 0


BOMBS = [Fault.GZIP_BOMB, Fault.DEFLATE_BOMB, Fault.BROTLI_BOMB, Fault.GIANT_BODY, Fault.ENDLESS_CHUNKS]


def nested_bomb(_: Received) -> Reply:
    """Answer with 256 MiB of zeros, packed twice, and called so."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, again = (packed.compress(bytes(1 << 20)) + packed.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    once = first + 255 * again + packed.flush()  # its checksum is of 2 MiB: nobody should come to it
    return Reply(200, gzip.compress(once), (*JSON, ("Content-Encoding", "gzip, gzip")))


def test_bombs_stay_small(way: str) -> None:
    """No answer, however it is packed and whatever it claims to be, takes more than 32 MB to be refused."""
    with FakePeriskope(faults=Faults(giant=1 << 30, per_id=None)) as fake:
        for number, bomb in enumerate(BOMBS, start=2):
            fake.faults.add(bomb, ticket_id=f"BKT-{number:03}")
        fake.answer(lambda request: nested_bomb(request) if request.path.endswith("BKT-009") else None)
        ids = [f"BKT-{number:03}" for number in range(2, 2 + len(BOMBS))] + ["BKT-009"]
        done = run_python(
            f"""
            import asyncio, resource
            from periskope_async import PeriskopeClient, PeriskopeError
            from periskope_async._io import http as _http

            _http.works_directly = lambda: {way == "direct"}

            async def main():
                async with PeriskopeClient({fake.api_key!r}, base_url={fake.base_url!r}, retries=0) as client:
                    await client.tickets.get("BKT-001")
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                    for ticket_id in {ids!r}:
                        try:
                            await client.tickets.get(ticket_id)
                        except PeriskopeError as error:
                            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                            print(ticket_id, type(error).__name__, (peak - before) // 1024)

            asyncio.run(main())
            """
        )
    assert done.stderr == ""
    met = [line.split() for line in done.stdout.splitlines()]
    assert [ticket_id for ticket_id, _, _ in met] == ids
    assert {error for _, error, _ in met} <= {"ProtocolError", "UnexpectedResponseError", "DecodeError"}
    assert max(int(megabytes) for _, _, megabytes in met) <= 32
    assert all(fake.counts[bomb] == 1 for bomb in BOMBS)


async def test_largest_answer(fake: FakePeriskope) -> None:
    """A body of exactly 16 MiB is taken; one byte more is not."""
    body = ticket(fake)
    limit = 16 * 1024 * 1024
    async with fake.client(retries=0) as client:
        fake.answer(lambda _: Reply(200, body + b" " * (limit - len(body)), JSON))
        await client.tickets.get("BKT-001")
        fake.answer(lambda _: Reply(200, body + b" " * (limit - len(body) + 1), JSON))
        with pytest.raises(ProtocolError, match="larger than 16 MiB"):
            await client.tickets.get("BKT-001")


async def test_large_answer_in_one_piece(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap also holds for a body that is read at once."""
    monkeypatch.setattr(body, "MAX_BODY", 1_000)
    async with fake.client(retries=0) as client:
        with pytest.raises(ProtocolError, match="larger than"):
            await client.tickets.get("BKT-001")


# -- odd, but right ---------------------------------------------------------------------------------------------------

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
ODD: dict[str, Callable[[bytes], list[bytes | float | Hangup]]] = {
    "ends with the connection": lambda body: [HEAD + b"\r\n" + body, Hangup.FIN],
    "HTTP/1.0": lambda body: [HEAD.replace(b"1.1", b"1.0") + b"\r\n" + body, Hangup.FIN],
    "asks to close": lambda body: [HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)],
    "chunks with extensions and trailers": lambda body: [
        CHUNKED + b"\r\n%x;a=b\r\n%b\r\n0\r\nX-Trailer: y\r\n\r\n" % (len(body), body)
    ],
    "in three pieces": lambda body: [HEAD, 0.5, b"Content-Length: %d\r\n\r\n" % len(body), 0.5, body],
    "informational answers first": lambda body: [
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        + HEAD
        + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    ],
    "gzip": lambda body: [_packed(b"gzip", gzip.compress(body))],
    "deflate": lambda body: [_packed(b"deflate", zlib.compress(body))],
    "deflate without its wrapper": lambda body: [_packed(b"deflate", zlib.compress(body)[2:-4])],
    "headers in odd spellings": lambda body: [
        b"HTTP/1.1 200\r\ncOnTeNt-TyPe:application/json\r\nContent-Length:   %d\r\nX: \xff\xfe\r\n\r\n%b"
        % (len(body), body)
    ],
    "status 201": lambda body: [b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)],
}


def _packed(coding: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)


@pytest.mark.parametrize("how", ODD)
async def test_odd_answers_are_good_answers(fake: FakePeriskope, how: str) -> None:
    """Whatever HTTP allows, a server may do."""
    fake.answer(lambda _: ODD[how](ticket(fake)))
    async with fake.client(retries=0) as client:
        for _ in range(2):
            assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "compress", "rot13", "gzip"])
async def test_packing_that_is_none(fake: FakePeriskope, coding: str) -> None:
    """A body that cannot be unpacked as it claims is an error of ours."""
    fake.answer(lambda _: Reply(200, b"\x1f\x8b not packed at all", (*JSON, ("Content-Encoding", coding))))
    async with fake.client(retries=1) as client:
        with pytest.raises((ProtocolError, DecodeError)) as caught:
            await client.tickets.get("BKT-001")
    assert fake.calls == caught.value.attempts == 2


# -- connections ------------------------------------------------------------------------------------------------------


async def test_one_connection_for_all_calls_in_a_row(fake: FakePeriskope) -> None:
    """Calls one after the other use one connection, answers that are errors included."""
    for fault in (Fault.STATUS_404, Fault.STATUS_422, Fault.STATUS_302, Fault.STATUS_204, Fault.EMPTY, Fault.HTML):
        fake.faults.add(fault, times=1)
    async with fake.client(retries=0) as client:
        for _ in range(100):
            with suppress(PeriskopeError):
                await client.tickets.get("BKT-001")
        assert (fake.calls, fake.connections, fake.open_connections) == (100, 1, 1)
    assert fake.open_connections == 0


async def test_long_error_bodies_keep_their_connection(fake: FakePeriskope) -> None:
    """The body of an error is read to its end, so that twenty large ones take one connection, not twenty."""
    fake.answer(lambda _: Reply(503, b"x" * 500_000))
    async with fake.client(retries=0) as client:
        for _ in range(20):
            with pytest.raises(ServerError):
                await client.tickets.get("BKT-001")
    assert (fake.calls, fake.connections) == (20, 1)


def test_idle_connections_are_not_kept_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is given up before a server such as Node would close it, five seconds after its last use."""
    assert connector.KEEPALIVE < 5.0
    monkeypatch.setattr(connector, "KEEPALIVE", 0.2)

    async def main() -> None:
        async with fake.client() as client:
            await client.tickets.get("BKT-001")
            await client.tickets.get("BKT-001")
            assert fake.connections == 1
            await asyncio.sleep(0.5)
            await client.tickets.get("BKT-001")
            assert fake.connections == 2

    with FakePeriskope() as fake:  # in real time, which aiohttp keeps for its connections
        asyncio.run(main())


async def test_cancelled_calls_close_their_connection(fake: FakePeriskope) -> None:
    """A connection on which an answer is still to come is not used again."""
    fake.latency = 1.0
    async with fake.client() as client:
        for delay in (0.5, 0.0):
            task = asyncio.create_task(client.tickets.get("BKT-002"))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.wait([task])
            assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"
        await asyncio.sleep(2.0)
        assert fake.open_connections == 1


async def test_answers_are_not_mixed_up(fake: FakePeriskope) -> None:
    """A server that answers one request twice does not get its second answer taken for that of the next."""
    fake.faults.add(Fault.DESYNC)
    async with fake.client() as client:
        for ticket_id in ("BKT-001", "BKT-002", "BKT-003") * 3:
            assert (await client.tickets.get(ticket_id)).ticket.ticket_id == ticket_id


async def test_answer_that_nobody_asked_for(fake: FakePeriskope) -> None:
    """What a server sends on an idle connection is nobody's answer: the next call goes over another connection."""
    answer = Reply(200, ticket(fake), JSON).encode()
    fake.answer(lambda _: [answer, 0.5, answer])
    retries: list[RetryEvent] = []
    async with fake.client(hooks=Hooks(on_retry=retries.append)) as client:
        await client.tickets.get("BKT-001")
        await asyncio.sleep(1.0)
        fake.answer(None)
        assert (await client.tickets.get("BKT-002")).ticket.ticket_id == "BKT-002"
    assert (fake.calls, fake.connections, retries) == (2, 2, [])


async def test_late_answer_is_not_the_next_calls(fake: FakePeriskope) -> None:
    """An answer that comes after its call gave up goes to nobody."""
    fake.faults.pause = 3.0
    fake.faults.add(Fault.SLOW_HEADERS, ticket_id="BKT-001")
    async with fake.client(timeout=2.0, retries=0) as client:
        with pytest.raises(RequestTimeout):
            await client.tickets.get("BKT-001")
        await asyncio.sleep(0.5)
        assert (await client.tickets.get("BKT-002")).ticket.ticket_id == "BKT-002"
        await asyncio.sleep(1.0)
        assert (await client.tickets.get("BKT-003")).ticket.ticket_id == "BKT-003"


async def test_a_closed_idle_connection_costs_no_wait(fake: FakePeriskope) -> None:
    """A connection that the server closed as we took it up is replaced at once: one further request, no backoff."""
    fake.faults.add(Fault.STALE)
    retries: list[RetryEvent] = []
    async with fake.client(hooks=Hooks(on_retry=retries.append)) as client:
        for _ in range(6):
            await client.tickets.get("BKT-001")
    assert retries
    assert {event.wait for event in retries} == {0.0}
    assert {event.attempt for event in retries} == {1}


async def test_a_pool_of_stale_connections(fake: FakePeriskope) -> None:
    """Where one idle connection turns out to be dead, others are: a call that met one goes on over a new connection."""
    fake.latency = 1.0
    fake.faults.add(Fault.STALE, times=30)
    retries: list[RetryEvent] = []
    async with fake.client(hooks=Hooks(on_retry=retries.append)) as client:
        await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(30)))
        for _ in range(6):
            await client.tickets.get("BKT-001")
    assert fake.counts[Fault.STALE] == 30
    assert {event.attempt for event in retries} == {1}


async def test_a_pool_of_closed_connections(fake: FakePeriskope) -> None:
    """When a server restarts, all connections are gone at once, and no call fails for it."""
    async with fake.client(concurrency=30) as client:
        for _ in range(3):
            await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(30)))
            fake.down()
            fake.up()
            await asyncio.sleep(0)
            await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(30)))


@pytest.mark.slow
def test_keep_alive_race() -> None:
    """A server that closes connections after 0 to 50 ms, just when they are taken up again, costs nobody a result."""

    async def caller(client: PeriskopeClient, dice: random.Random) -> None:
        for _ in range(100):
            await client.tickets.get("BKT-001")
            await asyncio.sleep(dice.uniform(0.0, 0.05))

    async def main() -> None:
        async with fake.client() as client, asyncio.TaskGroup() as group:
            for seed in range(30):
                group.create_task(caller(client, random.Random(seed)))  # noqa: S311  # repeatable on purpose

    with FakePeriskope(keepalive=(0.0, 0.05)) as fake:
        asyncio.run(main())
        assert fake.calls >= 3_000
        assert fake.connections > 60  # twice as many as callers at least: the race was run


async def test_shared_connections_of_clones(fake: FakePeriskope) -> None:
    """Clients made by `with_options` use the connections of the one they were made from."""
    async with fake.client() as client:
        for timeout in (1.0, 2.0, 3.0):
            await client.with_options(timeout=timeout, retries=0).tickets.get("BKT-001")
        await client.tickets.get("BKT-001")
    assert (fake.calls, fake.connections) == (4, 1)


# -- sessions that are borrowed ---------------------------------------------------------------------------------------


async def test_every_request_is_counted(fake: FakePeriskope) -> None:
    """What aiohttp sends, what the server sees and what we count is the same, on a session with hidden retries too."""
    sent: list[object] = []
    trace = aiohttp.TraceConfig()

    async def note(*args: object) -> None:
        sent.append(args)

    trace.on_request_headers_sent.append(note)
    counted: list[object] = []
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        async with fake.client(session=session, retries=20, hooks=Hooks(on_request=counted.append)) as client:
            for fault in (Fault.RESET_BEFORE, Fault.FIN, Fault.RESET_DURING, Fault.STALE, Fault.STATUS_503_BARE):
                fake.faults.add(fault, times=2)
            for _ in range(5):
                await client.tickets.get("BKT-001")
        assert not session.closed
    assert fake.calls == len(counted) == len(sent) > 10


async def test_session_with_habits_of_its_own(fake: FakePeriskope) -> None:
    """A borrowed session's base URL, headers, status check, timeout and packing do not get in the way of ours."""
    timeout = aiohttp.ClientTimeout(total=0.001)
    fake.latency = 1.0
    fake.answer(lambda _: Reply(200, gzip.compress(ticket(fake)), (*JSON, ("Content-Encoding", "gzip"))))
    async with aiohttp.ClientSession(
        "http://other.example/",
        headers={"Authorization": "Bearer other", "x-team": "blue", "Accept-Encoding": "br"},
        raise_for_status=True,
        timeout=timeout,
        auto_decompress=False,
    ) as session:
        client = fake.client(session=session, retries=0)
        await client.tickets.get("BKT-001")
        fake.answer(None)
        fake.faults.add(Fault.STATUS_404)
        with pytest.raises(NotFoundError):
            await client.tickets.get("BKT-001")
        await client.aclose()
        assert not session.closed
    headers = fake.requests[0].headers
    assert (headers["x-team"], headers["accept-encoding"]) == ("blue", "gzip, deflate")


async def test_session_with_middlewares(fake: FakePeriskope) -> None:
    """A borrowed session's middlewares stay in use, and meet what aiohttp raises."""
    met: list[str] = []

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        request.headers["x-team"] = "blue"
        try:
            return await handler(request)
        except aiohttp.ClientError as exc:
            met.append(type(exc).__name__)
            raise

    fake.faults.add(Fault.FIN, times=1)
    async with aiohttp.ClientSession(middlewares=[middleware]) as session, fake.client(session=session) as client:
        await client.tickets.get("BKT-001")
    assert [request.headers["x-team"] for request in fake.requests] == ["blue", "blue"]
    assert met == ["ServerDisconnectedError"]


async def test_session_that_swallows_our_timeout(fake: FakePeriskope) -> None:
    """A session's trace that keeps a cancellation for itself makes a call late, and leaves no cancellation behind."""
    trace = aiohttp.TraceConfig()

    async def swallow(*_: object) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60.0)

    trace.on_request_start.append(swallow)
    task = asyncio.current_task()
    assert task is not None
    async with aiohttp.ClientSession(trace_configs=[trace]) as session, fake.client(session=session) as client:
        started = now()
        await client.with_options(timeout=5.0).tickets.get("BKT-001")
        assert now() - started == 5.0
        assert task.cancelling() == 0
        await asyncio.sleep(1.0)


async def test_session_with_credentials_of_its_own(fake: FakePeriskope) -> None:
    """A session whose own credentials clash with the key is told as the mistake that it is, and nothing is sent."""
    with pytest.warns(DeprecationWarning, match="auth"):
        session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("user", "password"))
    async with session, fake.client(session=session) as client:
        with pytest.raises(ConfigurationError, match=r"^session: its own headers or credentials clash"):
            await client.tickets.get("BKT-001")
    assert fake.calls == 0


async def test_session_that_its_owner_closed(fake: FakePeriskope) -> None:
    """A client whose borrowed session is closed is closed itself."""
    async with aiohttp.ClientSession() as session:
        client = fake.client(session=session)
        await client.tickets.get("BKT-001")
    with pytest.raises(ClientClosedError, match="the session it borrows"):
        await client.tickets.get("BKT-001")


@pytest.mark.parametrize("session", ["session", object(), aiohttp.ClientSession, 5])
def test_session_of_another_kind(session: Any) -> None:
    """What is no aiohttp session is refused when the client is made, by name, and leaves no warning behind."""
    with pytest.raises(ConfigurationError, match=r"^session: expected an aiohttp.ClientSession, got "):
        PeriskopeClient("key", session=session)
