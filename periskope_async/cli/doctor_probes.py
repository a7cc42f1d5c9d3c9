"""What `periskope doctor` looks at: versions, names, certificates, a few small calls. Judges nothing.

Each look has its own end in time, whoever does not answer. What the operating system may hold up for longer, such as a
name server's silence, is left behind in a daemon thread.
"""

import asyncio
import platform
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from periskope_async._codec.parser import parser
from periskope_async._sansio.proxy import Proxy
from periskope_async.cli.doctor import Calls, Certificate, Finding, Resolution, Status
from periskope_async.errors import PeriskopeError, RequestTimeout
from periskope_async.hooks import PacedEvent, capture_responses
from periskope_async.models import TicketPage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from periskope_async import PeriskopeClient

__all__ = ["CALL_LIMIT", "call", "describe_when_known", "look_at_certificate", "resolve", "versions"]

T = TypeVar("T")

#: Seconds, for a name.
DNS_LIMIT: Final = 5.0
#: Seconds, for what a handshake waits for; there are three at most.
TLS_LIMIT: Final = 5.0
#: Seconds, for one call.
CALL_LIMIT: Final = 10.0
#: Seconds, for all calls.
CALLS_LIMIT: Final = 20.0
#: Seconds, until it is known who shares the rate limit.
BUDGET_LIMIT: Final = 2.0
#: Bytes. The head of a proxy's answer is shorter.
LONGEST_ANSWER: Final = 65_536
#: Requests, at most. The first opens the connection.
CALLS: Final = 10
NEEDED: Final = ("aiohttp", "attrs", "cattrs", "anyio")
OPTIONAL: Final = ("msgspec", "orjson", "uvloop", "redis", "opentelemetry-api", "opentelemetry-sdk", "python-socketio")
#: A flag of OpenSSL, a bit: a certificate that is out of date is let through, so that it can be looked at.
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)


def versions() -> list[Finding]:
    """Return what runs here, in which release."""
    from periskope_async._io.probe import works_directly

    python = f"{platform.python_implementation()} {platform.python_version()}"
    own = _version("periskope") or "unknown: no metadata"
    packages = {name: _version(name) for name in (*NEEDED, *OPTIONAL)}
    decoder = "the standard library's" if hasattr(parser(), "__code__") else "msgspec"  # in C, which has none
    direct = works_directly()
    fast = Finding(
        "versions.fast_path",
        Status.OK if direct else Status.WARNING,
        f"requests take {'the short way' if direct else 'the longer way'} through aiohttp; JSON decoder: {decoder}",
        ""
        if direct
        else f"All works, at more CPU time: the short way does not work with aiohttp {packages['aiohttp']}.",
        {"direct": direct, "json": decoder},
    )
    shown = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    return [
        Finding("versions.periskope", Status.OK, own, data={"version": own}),
        Finding("versions.python", Status.OK, python, data={"version": platform.python_version()}),
        Finding("versions.system", Status.OK, platform.platform(), data={"system": platform.platform()}),
        Finding("versions.packages", Status.OK, shown, data=packages),
        fast,
    ]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


async def resolve(host: str, port: int) -> Resolution:
    """Return the addresses of a host."""
    look: Callable[[], Iterable[Any]] = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    started = time.perf_counter()
    addresses, problem = tuple[str, ...](), ""
    try:
        addresses = tuple(dict.fromkeys(str(found[4][0]) for found in await _in_thread(look, DNS_LIMIT)))
    except OSError as error:  # a TimeoutError is one
        problem = f"no answer within {DNS_LIMIT:g} s" if isinstance(error, TimeoutError) else _reason(error)
    return Resolution(host, addresses, time.perf_counter() - started, problem)


async def look_at_certificate(base_url: str, context: ssl.SSLContext | None, proxy: Proxy | None) -> Certificate:
    """Return what a server shows of itself; *context*: who is trusted, None for the system's authorities."""
    url = urlsplit(base_url)
    host, port = url.hostname or "", url.port or 443
    trusted = ssl.create_default_context() if context is None else context
    shake = partial(_shake_hands, host, port, proxy)
    try:
        _, facts, protocol = await _in_thread(partial(shake, trusted), 2 * TLS_LIMIT)
        return Certificate(host, facts, protocol)
    except ssl.SSLCertVerificationError as error:
        problem = f"{host}: the certificate is not trusted: {error.verify_message}"
    except _TunnelRefusedError as error:
        way = "" if proxy is None else proxy.url
        return Certificate(host, problem=f"the proxy {way} refused to connect: {error}", proxy=True)
    except OSError as error:  # ssl.SSLError and TimeoutError are some
        at = host if proxy is None else f"{host}, through the proxy {proxy.url}"
        why = f"no answer within {TLS_LIMIT:g} s" if isinstance(error, TimeoutError) else _reason(error)
        return Certificate(host, problem=f"{at}: no TLS: {why}", proxy=proxy is not None)
    try:
        unread, _, _ = await _in_thread(partial(shake, _unverified()), 2 * TLS_LIMIT)
        _, facts, protocol = await _in_thread(partial(shake, _trusting(unread)), 2 * TLS_LIMIT)
    except (OSError, _TunnelRefusedError):
        return Certificate(host, problem=problem)
    return Certificate(host, facts, protocol, problem)


def _unverified() -> ssl.SSLContext:
    """Trust whoever answers, with whom nothing is spoken but a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _trusting(certificate: bytes) -> ssl.SSLContext:
    """Trust one certificate, old as it may be: Python reads only those that it trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    context.load_verify_locations(cadata=certificate)
    return context


def _shake_hands(
    host: str, port: int, proxy: Proxy | None, context: ssl.SSLContext
) -> tuple[bytes, dict[str, Any], str]:
    """Return a server's certificate, as bytes and read, and the protocol."""
    near = (host, port) if proxy is None else (urlsplit(proxy.url).hostname or "", urlsplit(proxy.url).port or 80)
    with socket.create_connection(near, TLS_LIMIT) as wire:
        if proxy is not None:
            _open_tunnel(wire, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy)
        with context.wrap_socket(wire, server_hostname=host) as channel:
            return channel.getpeercert(binary_form=True) or b"", channel.getpeercert() or {}, channel.version() or ""


def _open_tunnel(wire: socket.socket, place: str, proxy: Proxy) -> None:
    """Have a proxy connect to *place*.

    Raises:
        _TunnelRefusedError: it does not want to.
        OSError: it does not answer as a proxy.
    """
    named = "" if proxy.authorization is None else f"Proxy-Authorization: {proxy.authorization.reveal()}\r\n"
    wire.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{named}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = wire.recv(4_096)
        answer += piece
        if not piece or len(answer) > LONGEST_ANSWER:
            raise ConnectionAbortedError("the proxy gave no answer that ends")
    status = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    if status is None or status[1] != b"200":
        raise _TunnelRefusedError("no HTTP" if status is None else status[1].decode())


class _TunnelRefusedError(Exception):
    """A proxy does not connect: with its status."""


async def call(client: "PeriskopeClient", paced: list[PacedEvent]) -> Calls:
    """Make the smallest call there is, ten times at most: the first opens the connection.

    *paced*: where the client's hooks say how long a call waited for the rate limit, not a part of its latency.
    Where the key shows a rate limit, at most half of what is left is used.
    """
    TicketPage.from_dict({"tickets": []})  # what reads the answers is made now, and not in the first call
    loop, seconds, asked = asyncio.get_running_loop(), list[float](), 0
    error: PeriskopeError | None = None
    sent_at, received_at, wanted = time.time(), 0.0, CALLS
    with capture_responses() as answers:
        try:
            async with asyncio.timeout(CALLS_LIMIT):
                while asked < wanted:
                    asked += 1
                    paced.clear()
                    started = loop.time()
                    try:
                        await client.tickets.list_page(limit=1)
                    except PeriskopeError as exc:
                        error = error or exc
                        received_at = received_at or time.time()
                        if not seconds:
                            break
                        continue
                    seconds.append(loop.time() - started - sum(event.waited for event in paced))
                    received_at = received_at or time.time()
                    limit = client.rate_limit
                    if limit is not None and asked == 1:
                        wanted = min(CALLS, 1 + limit.remaining // 2)
        except TimeoutError:
            asked -= 1  # the one that was cut off says nothing, where others were answered
            if not seconds:
                error = RequestTimeout(f"no complete answer within {CALLS_LIMIT:g} s")
    date = answers[0].headers.get("date", "") if answers else ""
    limiter = client._caller.connections.limiter  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # nobody else has to know it
    budget = await describe_when_known(limiter.describe_budget, is_limited=client.rate_limit is not None)
    return Calls(seconds, asked, error, date, sent_at, received_at, client.rate_limit, budget)


async def describe_when_known(describe: Callable[[], tuple[str, bool]], *, is_limited: bool) -> tuple[str, bool]:
    """Return who shares the budget. Redis is asked beside the calls, and so may be heard of after them."""
    found, until = describe(), time.monotonic() + BUDGET_LIMIT
    while is_limited and "not shared" in found[0] and time.monotonic() < until:
        await asyncio.sleep(0.01)
        found = describe()
    return found


async def _in_thread(function: Callable[[], T], limit: float) -> T:
    """Return what *function* does in a daemon thread; after *limit* seconds, go on without it.

    Raises:
        TimeoutError: it took longer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.done():  # nobody waits any more
            return
        if error is None:
            done.set_result(cast("T", result))
        else:
            done.set_exception(error)

    def work() -> None:
        result, problem = None, None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
            problem = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=work, name="periskope-doctor", daemon=True).start()
    return await asyncio.wait_for(done, limit)


def _reason(error: Exception) -> str:
    """Return what the operating system or OpenSSL said."""
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__)
