"""Behind a company's proxy and its authority: real CONNECT tunnels, and certificates that only a bundle vouches for."""

import asyncio
import base64
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

import periskope_sync
from periskope_async import ConfigurationError, ConnectError, PeriskopeClient, TlsError
from periskope_async._io import http as _http
from periskope_async._sansio.proxy import environment_proxy, parse_proxy
from periskope_async.testing import FakePeriskope
from tests.support import each_of
from tests.ways import works_here

CERTIFICATE = Path(__file__).parents[1] / "localhost.pem"
CLOSING = "Content-Length: 0\r\n"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no proxy in the environment but those that a test puts there."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(params=["direct", "public"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a test's requests the direct way, on any aiohttp, and then through aiohttp's session."""
    if request.param == "direct" and not works_here():
        pytest.skip("on this aiohttp, requests go the public way")
    monkeypatch.setattr(_http, "works_directly", lambda: request.param == "direct")
    return str(request.param)


class ConnectProxy:
    """A proxy that opens tunnels, and keeps all that it was sent in clear and all that it passed on."""

    def __init__(self, *, status: str = "200 Connection established") -> None:
        self.status = status
        self.heads: list[str] = []
        self.passed = bytearray()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a CONNECT, then pass on what comes."""
        async with closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            opens = self.status.startswith("200")
            writer.write(f"HTTP/1.1 {self.status}\r\n{'' if opens else CLOSING}\r\n".encode())
            if opens:
                port = int(head.split()[1].rpartition(":")[2])
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                async with closing(far_writer):
                    await asyncio.gather(self.pass_on(reader, far_writer), self.pass_on(far_reader, writer))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on until they end."""
        with suppress(OSError):
            while data := await reader.read(65_536):
                self.passed += data
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection for certain, however it ended."""
    try:
        with suppress(OSError, asyncio.IncompleteReadError):
            yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def serving(proxy: ConnectProxy) -> AsyncIterator[ConnectProxy]:
    """Run a proxy."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await proxy.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def proxy() -> AsyncIterator[ConnectProxy]:
    """A proxy that opens tunnels."""
    async with serving(ConnectProxy()) as proxy:
        yield proxy


@pytest.fixture
async def secure() -> AsyncIterator[FakePeriskope]:
    """Serve HTTPS, with a certificate for localhost that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with FakePeriskope(ssl_context=context) as fake:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        yield fake


def base_url(secure: FakePeriskope) -> str:
    """Where the service is, by the name that its certificate is for."""
    return secure.base_url.replace("127.0.0.1", "localhost")


# -- authorities ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", ["path", "text", "context"])
async def test_private_authority(secure: FakePeriskope, kind: str) -> None:
    """A CA bundle, by its path, or a context is what certificates are held against."""
    trust: Any = {
        "path": CERTIFICATE,
        "text": str(CERTIFICATE),
        "context": ssl.create_default_context(cafile=CERTIFICATE),
    }[kind]
    async with PeriskopeClient(secure.api_key, base_url=base_url(secure), ssl=trust) as client:
        assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"
    assert secure.calls == 1


async def test_without_the_authority(secure: FakePeriskope) -> None:
    """Without it the handshake fails, at the first attempt, and nothing is asked."""
    async with PeriskopeClient(secure.api_key, base_url=base_url(secure)) as client:
        with pytest.raises(TlsError, match="the TLS handshake failed"):
            await client.tickets.get("BKT-001")
    assert secure.calls == 0


async def test_private_authority_of_the_environment(secure: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """PERISKOPE_CA_BUNDLE is used where no other is named; one that cannot be used is refused by that name."""
    monkeypatch.setenv("PERISKOPE_CA_BUNDLE", str(CERTIFICATE))
    async with PeriskopeClient(secure.api_key, base_url=base_url(secure)) as client:
        await client.tickets.get("BKT-001")
    assert secure.calls == 1
    monkeypatch.setenv("PERISKOPE_CA_BUNDLE", "/nonsense")
    with pytest.raises(ConfigurationError, match=r"^PERISKOPE_CA_BUNDLE: the CA bundle '/nonsense' cannot be used"):
        PeriskopeClient("key")
    PeriskopeClient("key", ssl=CERTIFICATE)
    monkeypatch.setenv("PERISKOPE_CA_BUNDLE", "")
    PeriskopeClient("key")


async def test_private_authority_of_a_borrowed_session(secure: FakePeriskope) -> None:
    """A session that is lent is used with it too."""
    async with aiohttp.ClientSession() as session:
        client = PeriskopeClient(secure.api_key, base_url=base_url(secure), session=session, ssl=CERTIFICATE)
        await client.tickets.get("BKT-001")
    assert secure.calls == 1


@pytest.mark.parametrize(
    ("trust", "says"),
    [
        (False, "ssl: expected an ssl.SSLContext or the path of a CA bundle, got bool"),
        ("/nonsense/ca.pem", "ssl: the CA bundle '/nonsense/ca.pem' cannot be used: No such file"),
        (__file__, "cannot be used: it holds no certificate"),
    ],
)
def test_authority_that_is_none(trust: Any, says: str) -> None:
    """What is not a bundle is refused by name; checks are never turned off."""
    with pytest.raises(ConfigurationError, match=says):
        PeriskopeClient("key", ssl=trust)


@pytest.mark.parametrize("lent", [False, True])
async def test_live_events_with_a_private_authority(secure: FakePeriskope, lent: bool) -> None:  # noqa: FBT001  # a parameter
    """Live events go by the same authorities, over connections of our own and over those that are lent."""
    pytest.importorskip("socketio", reason="python-socketio is not installed")
    async with aiohttp.ClientSession() as session:
        options: dict[str, Any] = {"session": session} if lent else {}
        client = PeriskopeClient(secure.api_key, base_url=base_url(secure), ssl=CERTIFICATE, **options)
        async with client, client.events() as events:
            secure.change("BKT-002", subject="Changed")
            assert (await anext(events)).type == "ticket.updated"
        async with PeriskopeClient(secure.api_key, base_url=base_url(secure), **options) as client:
            with pytest.raises(TlsError, match="the TLS handshake failed"):
                await client.events().__aenter__()
    assert secure.socket.counts["connected"] == 1


# -- proxies ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
async def test_every_request_goes_through_the_tunnel(secure: FakePeriskope, proxy: ConnectProxy) -> None:
    """All requests go through one tunnel; in clear the proxy sees the host alone, and the key never."""
    url = base_url(secure)
    async with PeriskopeClient(secure.api_key, base_url=url, ssl=CERTIFICATE, proxy=proxy.url) as client:
        for _ in range(3):
            await client.tickets.get("BKT-001")
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {url.split('/')[2]} HTTP/1.1\r\n")
    assert "authorization" not in head.lower()
    assert secure.api_key not in head
    assert secure.api_key.encode() not in proxy.passed
    assert secure.calls == 3
    assert secure.connections == 1


async def test_live_events_go_through_the_tunnel(secure: FakePeriskope, proxy: ConnectProxy) -> None:
    """Live events go through the proxy, with its credentials; it reads neither the key nor what comes."""
    pytest.importorskip("socketio", reason="python-socketio is not installed")
    url = proxy.url.replace("//", "//jo:word@")
    client = PeriskopeClient(secure.api_key, base_url=base_url(secure), ssl=CERTIFICATE, proxy=url)
    async with client, client.events() as events:
        secure.change("BKT-002", subject="Changed")
        assert (await anext(events)).type == "ticket.updated"
    (head,) = proxy.heads
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'jo:word').decode()}\r\n" in head
    assert secure.api_key not in head
    assert secure.api_key.encode() not in proxy.passed
    assert "proxy-authorization" not in secure.socket.handshakes[0]


@pytest.mark.usefixtures("way")
async def test_proxy_with_a_password(secure: FakePeriskope, proxy: ConnectProxy) -> None:
    """Credentials are those of the URL, unquoted; nothing of the client shows them, and the tunnel is kept."""
    url = proxy.url.replace("//", "//jo%40corp:p%2Fwort@")
    async with PeriskopeClient(secure.api_key, base_url=base_url(secure), ssl=CERTIFICATE, proxy=url) as client:
        for _ in range(3):
            await client.tickets.get("BKT-001")
        shown = f"{client!r}{attrs.asdict(client._caller.settings)}{vars(client._caller.connections)}"
    (head,) = proxy.heads
    secret = base64.b64encode(b"jo@corp:p/wort").decode()
    assert f"Proxy-Authorization: Basic {secret}\r\n" in head
    assert all(word not in shown for word in (secret, "p/wort", "p%2Fwort", "jo@corp"))
    assert not any("proxy-authorization" in request.headers for request in secure.requests)


async def test_proxy_of_a_borrowed_session(secure: FakePeriskope, proxy: ConnectProxy) -> None:
    """A session that is lent goes through the proxy too."""
    async with aiohttp.ClientSession() as session:
        options: dict[str, Any] = {"session": session, "ssl": CERTIFICATE, "proxy": proxy.url}
        await PeriskopeClient(secure.api_key, base_url=base_url(secure), **options).tickets.get("BKT-001")
    assert len(proxy.heads) == secure.calls == 1


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
async def test_proxy_of_the_environment(
    secure: FakePeriskope, proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """HTTPS_PROXY is used where no proxy is named, and NO_PROXY excepts the host from it."""
    monkeypatch.setenv(name, proxy.url)
    async with PeriskopeClient(secure.api_key, base_url=base_url(secure), ssl=CERTIFICATE) as client:
        await client.tickets.get("BKT-001")
    assert len(proxy.heads) == secure.calls == 1
    monkeypatch.setenv("NO_PROXY", "example.com, localhost")
    async with PeriskopeClient(secure.api_key, base_url=base_url(secure), ssl=CERTIFICATE) as client:
        await client.tickets.get("BKT-001")
    assert (len(proxy.heads), secure.calls) == (1, 2)


def test_without_await() -> None:
    """The blocking client goes the same way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    async def main() -> int:
        async with serving(ConnectProxy()) as proxy:

            def get() -> None:
                options: dict[str, Any] = {"base_url": base_url(fake), "ssl": CERTIFICATE, "proxy": proxy.url}
                with periskope_sync.PeriskopeClient(fake.api_key, **options) as client:
                    client.tickets.get("BKT-001")

            await asyncio.to_thread(get)
            return len(proxy.heads)

    with FakePeriskope(ssl_context=context) as fake:
        assert asyncio.run(main()) == fake.calls == 1


@pytest.mark.usefixtures("way")
async def test_proxy_that_is_down(secure: FakePeriskope, proxy: ConnectProxy) -> None:
    """Where the proxy is not there, the error names it, after all retries, and nothing goes past it."""
    url = f"http://jo:secret@127.0.0.1:{proxy.port}"
    gone = ConnectProxy()
    async with serving(gone):
        pass
    url = url.replace(str(proxy.port), str(gone.port))
    async with PeriskopeClient(
        secure.api_key, base_url=base_url(secure), ssl=CERTIFICATE, proxy=url, retries=1
    ) as client:
        with pytest.raises(ConnectError) as caught:
            await client.tickets.get("BKT-001")
    assert f"the proxy http://127.0.0.1:{gone.port}: no connection: Connection refused" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.attempts == 2
    assert secure.calls == secure.connections == 0


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("status", "attempts", "says"),
    [
        (
            "407 Proxy Authentication Required",
            1,
            "(407): it wants a user and a password, http://USER:PASSWORD@HOST:PORT",
        ),
        ("403 Forbidden", 1, "(403)"),
        ("502 Bad Gateway", 2, "(502)"),
    ],
)
async def test_proxy_that_refuses(secure: FakePeriskope, status: str, attempts: int, says: str) -> None:
    """What a proxy refuses is its own error, with its status; a passing one is tried again; nothing goes past it."""
    async with serving(ConnectProxy(status=status)) as proxy:
        options: dict[str, Any] = {"ssl": CERTIFICATE, "proxy": proxy.url, "retries": 1}
        async with PeriskopeClient(secure.api_key, base_url=base_url(secure), **options) as client:
            with pytest.raises(ConnectError) as caught:
                await client.tickets.create(chat_id="1@g.us", subject="x")
        assert len(proxy.heads) == caught.value.attempts == attempts
    assert f"the proxy {proxy.url} refused to connect to localhost:" in str(caught.value)
    assert says in str(caught.value)
    assert not caught.value.maybe_sent
    assert secure.calls == secure.connections == 0


def test_the_key_in_clear_is_refused() -> None:
    """With a plain http service a proxy would read the key: it is refused, and one of the environment is not for it."""
    with pytest.raises(ConfigurationError, match="the proxy would read the key; use https://"):
        PeriskopeClient("key", base_url="http://127.0.0.1:9/v1", proxy="http://127.0.0.1:9")
    assert environment_proxy("http://127.0.0.1:9/v1", {"https_proxy": "http://p:1", "http_proxy": "http://p:1"}) is None


# -- what they may be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        (" proxy.corp:3128/ ", "http://proxy.corp:3128"),
        ("HTTP://Proxy", "http://proxy:80"),
        ("https://u:p@proxy", "https://proxy:443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_proxy_in_any_usual_spelling(text: str, url: str) -> None:
    """A proxy is a host with a port; http is what is meant where nothing is said."""
    assert parse_proxy("proxy", text).url == url


def shown(error: BaseException) -> str:
    """Return what a traceback with the locals of our frames shows of an error."""
    frames = traceback.StackSummary.extract(
        (pair for pair in traceback.walk_tb(error.__traceback__) if "periskope" in pair[0].f_globals["__name__"]),
        capture_locals=True,
    )
    assert frames
    return f"{error}{[frame.locals for frame in frames]}"


@pytest.mark.parametrize("client", [PeriskopeClient, periskope_sync.PeriskopeClient])
@pytest.mark.parametrize(
    "text",
    [
        5,
        "",
        "http://",
        "socks5://CANARY@proxy:1",
        "http://proxy:port",
        "http://CANARY:x@proxy/path",
        "http://[zz",
        "http://CANARY@a b",
        "http://p?CANARY",
        "http://p#CANARY",
    ],
)
def test_proxy_that_is_none_is_refused(text: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no proxy is refused by the name of its setting, never shown, and in the environment not ignored."""
    with pytest.raises(ConfigurationError, match=r"^proxy: ") as caught:
        client("CANARY", proxy=text)
    assert "CANARY" not in shown(caught.value)
    if text and isinstance(text, str):
        monkeypatch.setenv("HTTPS_PROXY", text)
        with pytest.raises(ConfigurationError, match=r"^HTTPS_PROXY: ") as met:
            client("CANARY")
        assert "CANARY" not in shown(met.value)


@each_of(
    ("entries", "through"),
    [
        ("", True),
        ("*", False),
        ("api.example.com", False),
        ("API.EXAMPLE.COM:443", False),
        ("api.example.com:8443", True),
        (".example.com", False),
        ("*.example.com", False),
        ("example.com", False),
        ("ample.com", True),
        ("other.com, , example.com", False),
        (".", True),
    ],
)
def test_no_proxy(entries: str, through: bool) -> None:  # noqa: FBT001  # a parameter
    """NO_PROXY excepts hosts, domains and, by `*`, all; each with a port or without."""
    for name in ("no_proxy", "NO_PROXY"):
        found = environment_proxy("https://api.example.com/v1", {"HTTPS_PROXY": "http://p:1", name: entries})
        assert (found is not None) == through
    assert environment_proxy("https://[::1]/v1", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "[::1]"}) is None
