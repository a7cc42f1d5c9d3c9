"""`periskope doctor`: every check against a real socket that is as it should be, and as it should not."""

import asyncio
import json
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from periskope_async import Hooks, RateLimit
from periskope_async.cli import doctor, doctor_probes
from periskope_async.cli.doctor import Certificate, Finding, Resolution, Status
from periskope_async.cli.doctor_settings import read_settings
from periskope_async.cli.outcome import Exit
from periskope_async.testing import FakePeriskope, Fault, Reply
from tests.cli.conftest import Command
from tests.redis_server import RedisServer, needs_redis
from tests.support import each_of, virtual_loop

TESTS = Path(__file__).parents[1]
TRUSTED, EXPIRED = TESTS / "localhost.pem", TESTS / "expired.pem"
PAGE = json.dumps({"tickets": [], "count": 0}).encode()
LIMIT = (("X-RateLimit-Limit", "100"), ("X-RateLimit-Remaining", "98"), ("X-RateLimit-Reset", "60"))
VARIABLES = ("HTTPS_PROXY", "NO_PROXY", "PERISKOPE_CA_BUNDLE", "PERISKOPE_LOG", "SSL_CERT_FILE", "SSL_CERT_DIR")
ALL = {
    *(f"versions.{name}" for name in ("periskope", "python", "system", "packages", "fast_path")),
    *(f"settings.{name}" for name in ("api_key", "phone", "base_url", "timeout", "retries", "budget")),
    *("settings.proxy", "settings.ca_bundle", "settings.log", "network.dns"),
    *(f"service.{name}" for name in ("answer", "latency", "clock", "rate_limit", "budget")),
}
Checks = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody who does not answer."""
    for name in ("DNS_LIMIT", "TLS_LIMIT"):
        monkeypatch.setattr(doctor_probes, name, 0.2)
    monkeypatch.setattr("periskope_async.cli.commands.doctor.CALL_LIMIT", 0.2)


@pytest.fixture
def silent() -> Iterator[int]:
    """Run a server that takes connections and says nothing; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=[TRUSTED])
def secure(request: pytest.FixtureRequest) -> Iterator[FakePeriskope]:
    """Serve https, with the certificate that the test names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(request.param)
    with FakePeriskope(ssl_context=context) as fake:
        yield fake


def secure_url(fake: FakePeriskope) -> str:
    """Where it is, by the name that its certificate is for."""
    return fake.base_url.replace("127.0.0.1", "localhost")


def report(run: Command, *arguments: str) -> tuple[int, Checks]:
    """Run the command; return its code, and what each check came to."""
    code, out, err = run("doctor", "--output", "json", *arguments)
    found = json.loads(out)
    assert err == ""
    assert found["shape"] == 1
    assert found["exit_code"] == code
    return code, {each["check"]: each for each in found["findings"]}


def statuses(checks: Checks, status: str) -> set[str]:
    """Return the checks that went so."""
    return {name for name, each in checks.items() if each["status"] == status}


# -- all is well ------------------------------------------------------------------------------------------------------


def test_all_is_well(periskope: Command, fake: FakePeriskope) -> None:
    """Each check is there and is ok; ten calls are made over one connection; nothing private is shown."""
    code, checks = report(periskope, "--phone", "+91 98765 43210", "--timeout", "7")
    assert (code, statuses(checks, "ok")) == (0, ALL)
    assert all(each["hint"] is None for each in checks.values())
    assert (fake.calls, fake.connections) == (10, 1)
    assert checks["service.latency"]["data"].keys() >= {"first_ms", "min_ms", "median_ms", "max_ms"}
    assert checks["service.latency"]["data"]["answered"] == 10
    assert checks["settings.phone"]["data"] == {"value": "…3210", "source": "--phone"}
    assert checks["settings.api_key"]["data"] == {"value": "***6789", "source": "PERISKOPE_API_KEY"}
    assert checks["settings.timeout"]["data"] == {"value": "7 s", "source": "--timeout"}
    assert checks["settings.proxy"]["data"] == {"value": None, "source": "default"}
    assert checks["versions.packages"]["data"]["aiohttp"] == metadata.version("aiohttp")
    assert checks["service.rate_limit"]["data"] == {"limit": None}
    assert fake.api_key not in str(checks)
    assert "9876" not in str(checks)


def test_for_people(periskope: Command, fake: FakePeriskope) -> None:
    """A person reads sections, a line for each check, what to do next under what is wrong, and how many there are."""
    fake.rate_limit = None
    code, out, err = periskope("doctor", "--phone", "not a phone")
    assert (code, err) == (1, "")
    words = " ".join(out.split())
    assert "ok base url http://127.0.0.1" in words
    assert "failed phone phone: " in words
    assert "(--phone) -> Set it right, or unset it: --phone." in words
    assert words.endswith(f"{len(ALL) - 1} ok, 1 failed")
    assert [line for line in out.splitlines() if line in {"Versions", "Settings", "Network", "Service"}] == [
        *("Versions", "Settings", "Network", "Service")
    ]


# -- versions ---------------------------------------------------------------------------------------------------------


def test_another_aiohttp(periskope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An aiohttp that the short way does not work with is a warning, and so no failure; what is missing is null."""
    from periskope_async._codec.parser import _stdlib_loads
    from periskope_async._io import probe

    monkeypatch.setattr(probe, "works_directly", lambda: False)
    monkeypatch.setattr(doctor_probes, "parser", lambda: _stdlib_loads)
    monkeypatch.setattr(doctor_probes, "OPTIONAL", ("no-such-distribution",))
    code, checks = report(periskope)
    assert (code, statuses(checks, "warning")) == (0, {"versions.fast_path"})
    assert "not work with aiohttp 3.14" in checks["versions.fast_path"]["hint"]
    assert checks["versions.fast_path"]["data"] == {"direct": False, "json": "the standard library's"}
    assert checks["versions.packages"]["data"]["no-such-distribution"] is None


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "check", "code"),
    [
        ("PERISKOPE_PHONE", "not a phone", "settings.phone", 1),
        ("PERISKOPE_BUDGET", "postgres://user:CANARY@h", "settings.budget", 1),
        ("PERISKOPE_LOG", "loud", "settings.log", 1),
        ("PERISKOPE_BASE_URL", "ftp://user:CANARY@h", "settings.base_url", 2),
        ("PERISKOPE_API_KEY", "two words CANARY", "settings.api_key", 2),
        ("PERISKOPE_CA_BUNDLE", "/no/such/bundle", "settings.ca_bundle", 2),
    ],
)
def test_a_setting_that_is_wrong(
    periskope: Command,
    fake: FakePeriskope,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    check: str,
    code: int,
) -> None:
    """A wrong setting is named with its source and not shown, and stops nothing that can be seen without it."""
    monkeypatch.setenv(variable, value)
    found, checks = report(periskope)
    assert (found, statuses(checks, "failed")) == (code, {check})
    assert checks[check]["data"] == {"value": None, "source": variable}
    assert variable in checks[check]["hint"]
    assert "CANARY" not in str(checks)
    service = {name for name in checks if name.startswith("service.")}
    assert service <= statuses(checks, "ok" if code == 1 else "skipped")
    assert fake.calls == (10 if code == 1 else 0)
    assert checks["network.dns"]["status"] == ("skipped" if variable == "PERISKOPE_BASE_URL" else "ok")


def test_options_that_are_wrong(periskope: Command, fake: FakePeriskope) -> None:
    """Numbers that cannot be are wrong settings too, and several are all named."""
    code, checks = report(periskope, "--timeout", "-1", "--retries", "-1")
    assert (code, statuses(checks, "failed")) == (1, {"settings.timeout", "settings.retries"})
    assert fake.calls == 10


def test_without_a_key(run: Command, fake: FakePeriskope) -> None:
    """What is missing is named with where to get it; the way is looked at all the same."""
    code, checks = report(run, "--base-url", fake.base_url)
    assert (code, statuses(checks, "failed")) == (2, {"settings.api_key"})
    assert "console: Settings" in checks["settings.api_key"]["hint"]
    assert checks["network.dns"]["status"] == "ok"
    assert fake.calls == 0


@each_of(
    "environment, shown",
    [
        ({}, ("none", "default")),
        ({"HTTPS_PROXY": "http://user:CANARY@proxy:3128"}, ("http://proxy:3128", "HTTPS_PROXY")),
        ({"https_proxy": "proxy"}, ("http://proxy:80", "https_proxy")),
        (
            {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "periskope.app"},
            ("none: NO_PROXY names the host", "HTTPS_PROXY"),
        ),
    ],
)
def test_proxies_and_their_sources(environment: dict[str, str], shown: tuple[str, str]) -> None:
    """A proxy is shown without its password, with the variable that names it, or why there is none."""
    unset = dict.fromkeys(("api_key", "phone", "base_url", "timeout", "retries"), (None, "default"))
    proxy = next(each for each in read_settings(unset, environment) if each.name == "proxy")
    assert (proxy.shown, proxy.source) == shown
    assert "CANARY" not in repr(proxy)


def test_the_level_of_the_log() -> None:
    """What PERISKOPE_LOG says is shown as it is understood."""
    unset = dict.fromkeys(("api_key", "phone", "base_url", "timeout", "retries"), (None, "default"))
    log = read_settings(unset, {"PERISKOPE_LOG": " Debug"})[-1]
    assert (log.name, log.shown, log.source) == ("log", "debug", "PERISKOPE_LOG")


# -- the way ----------------------------------------------------------------------------------------------------------


def test_a_name_that_does_not_resolve(periskope: Command) -> None:
    """A name that leads nowhere is what failed; what needs it is skipped and says so."""
    code, checks = report(periskope, "--base-url", "https://api.periskope.invalid/v1")
    assert (code, statuses(checks, "failed")) == (6, {"network.dns"})
    assert checks["network.tls"]["text"] == "not checked: see network.dns"
    assert checks["service.answer"]["text"] == "not checked: see network.dns"


@pytest.mark.usefixtures("impatient")
def test_a_name_server_that_does_not_answer(periskope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operating system holds up is left behind, in time, and what it finds later disturbs nobody."""
    release, ended = threading.Event(), threading.Event()

    def held_up(*_: object, **__: object) -> list[Any]:
        release.wait(30)
        ended.set()
        return []

    monkeypatch.setattr(doctor_probes.socket, "getaddrinfo", held_up)
    code, checks = report(periskope)
    assert (code, statuses(checks, "failed")) == (6, {"network.dns"})
    assert "no answer within 0.2 s" in checks["network.dns"]["text"]
    release.set()
    assert ended.wait(30)


async def test_what_comes_too_late() -> None:
    """A result, or an error, after the limit goes nowhere."""
    for error in (None, OSError("late")):
        release = threading.Event()

        def late(release: threading.Event = release, error: OSError | None = error) -> None:
            release.wait(30)
            if error is not None:
                raise error

        before = set(threading.enumerate())
        with pytest.raises(TimeoutError):
            await doctor_probes._in_thread(late, 0.01)
        (thread,) = set(threading.enumerate()) - before
        release.set()
        thread.join(30)
        await asyncio.sleep(0)


def test_a_certificate_that_is_trusted(run: Command, secure: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of https, subject, issuer and end of the certificate are shown, and who vouches for it."""
    monkeypatch.setenv("PERISKOPE_CA_BUNDLE", str(TRUSTED))
    code, checks = report(run, "--api-key", secure.api_key, "--base-url", secure_url(secure))
    assert (code, statuses(checks, "ok")) == (0, ALL | {"network.tls"})
    data = checks["network.tls"]["data"]
    assert (data["subject"], data["issuer"], data["expires_at"][:4]) == ("localhost", "localhost", "2126")
    assert data["protocol"].startswith("TLSv1.")
    assert data["authorities"] == f"{TRUSTED} (PERISKOPE_CA_BUNDLE)"


@pytest.mark.parametrize(
    ("secure", "bundle", "why", "shown"),
    [
        (TRUSTED, None, "self-signed certificate", "localhost, issued by localhost, expires 2126-"),
        (TRUSTED, EXPIRED, "self-signed certificate", "localhost, issued by localhost, expires 2126-"),
        (EXPIRED, EXPIRED, "certificate has expired", "localhost, issued by localhost, expired 2001-02-01"),
    ],
    indirect=["secure"],
)
def test_a_certificate_that_is_not(
    run: Command,
    secure: FakePeriskope,
    monkeypatch: pytest.MonkeyPatch,
    bundle: Path | None,
    why: str,
    shown: str,
) -> None:
    """A wrong authority or an end that has passed is said, with what was shown and who is trusted; no key is sent."""
    if bundle is not None:
        monkeypatch.setenv("PERISKOPE_CA_BUNDLE", str(bundle))
    code, checks = report(run, "--api-key", secure.api_key, "--base-url", secure_url(secure))
    assert (code, statuses(checks, "failed")) == (6, {"network.tls"})
    assert why in checks["network.tls"]["text"]
    assert shown in checks["network.tls"]["text"]
    assert "PERISKOPE_CA_BUNDLE" in checks["network.tls"]["hint"]
    assert secure.calls == 0


def test_a_certificate_that_is_shown_once(run: Command) -> None:
    """Where a certificate that is not trusted cannot be looked at again, why it is not is still said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TRUSTED)

    def serve() -> None:
        connection, _ = listener.accept()
        listener.close()
        with connection, suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", url)
        thread.join(30)
    assert (code, statuses(checks, "failed")) == (6, {"network.tls"})
    assert "self-signed certificate" in checks["network.tls"]["text"]
    assert checks["network.tls"]["data"]["subject"] is None


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing(run: Command, silent: int, scheme: str) -> None:
    """A server that takes connections and never answers holds up nobody for ever."""
    code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", f"{scheme}://127.0.0.1:{silent}/v1")
    failed = "network.tls" if scheme == "https" else "service.answer"
    assert (code, statuses(checks, "failed")) == (6, {failed})
    assert ("no answer within 0.2 s" in checks[failed]["text"]) == (scheme == "https")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_that_is_closed(run: Command, silent: int, scheme: str) -> None:
    """Where nobody listens, the operating system's reason is shown."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert port != silent
    code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", f"{scheme}://127.0.0.1:{port}/v1")
    failed = "network.tls" if scheme == "https" else "service.answer"
    assert (code, statuses(checks, "failed")) == (6, {failed})
    assert "refused" in checks[failed]["text"]


def test_https_where_http_is_spoken(run: Command, fake: FakePeriskope) -> None:
    """A server that speaks no TLS is said to speak none, in OpenSSL's word."""
    url = fake.base_url.replace("http:", "https:")
    code, checks = report(run, "--api-key", fake.api_key, "--base-url", url)
    assert (code, statuses(checks, "failed")) == (6, {"network.tls"})
    assert "no TLS: " in checks["network.tls"]["text"]


@contextmanager
def proxy_that_says(answer: bytes) -> Iterator[int]:
    """Run a proxy that answers each CONNECT so, and then speaks no more; give its port."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    assert connection.recv(65_536).startswith(b"CONNECT ")
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 403 CANARY\r\n\r\n", "refused to connect: 403; "),
        (b"CANARY of SSH\r\n\r\n", "refused to connect: no HTTP; "),
        (b"HTTP/1.1 200 OK\r\n", "no TLS: "),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no TLS: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "no TLS: "),
    ],
)
def test_what_proxies_say(run: Command, monkeypatch: pytest.MonkeyPatch, answer: bytes, text: str) -> None:
    """Whatever a proxy answers, and however long, its own words are not shown."""
    with proxy_that_says(answer) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", "https://[::1]:9/v1")
    assert (code, statuses(checks, "failed")) == (6, {"network.tls"})
    assert text in checks["network.tls"]["text"]
    assert "CANARY" not in str(checks)


@pytest.fixture
def refusing() -> Iterator[int]:
    """Run a proxy that wants another password; give its port."""
    with proxy_that_says(b"HTTP/1.1 407 CANARY\r\nContent-Length: 0\r\n\r\n") as port:
        yield port


def test_a_tunnel(run: Command, secure: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy the certificate is the service's own, and calls go through it as well."""
    monkeypatch.setenv("PERISKOPE_CA_BUNDLE", str(TRUSTED))
    with tunnelling() as (port, heads):
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:CANARY@127.0.0.1:{port}")
        code, checks = report(run, "--api-key", secure.api_key, "--base-url", secure_url(secure))
    assert (code, statuses(checks, "ok")) == (0, ALL | {"network.tls"})
    assert checks["network.tls"]["data"]["subject"] == "localhost"
    assert len(heads) == 2
    assert all(b"Proxy-Authorization: Basic " in head for head in heads)
    assert "CANARY" not in str(checks)


@contextmanager
def tunnelling() -> Iterator[tuple[int, list[bytes]]]:
    """Run a proxy that opens tunnels on this machine; give its port, and the heads of what it was asked."""
    heads = list[bytes]()
    threads = list[threading.Thread]()

    def start(function: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def tunnel(near: socket.socket) -> None:
        with near, suppress(OSError):
            head = near.recv(65_536)
            heads.append(head)
            far_port = int(head.split()[1].rpartition(b":")[2])
            pass_both_ways(near, far_port)

    def pass_both_ways(near: socket.socket, far_port: int) -> None:
        with socket.create_connection(("127.0.0.1", far_port), 30) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = start(pass_on, far, near)
            pass_on(near, far)
            back.join(30)

    def serve() -> None:
        with suppress(OSError):
            while True:
                start(tunnel, listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        start(serve)
        yield listener.getsockname()[1], heads
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(30)


def test_a_proxy_that_refuses(run: Command, refusing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is shown with its source and without its password, and what it answers is its own fault."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:CANARY-password@127.0.0.1:{refusing}")
    code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", "https://api.periskope.invalid/v1")
    assert (code, statuses(checks, "failed")) == (6, {"network.tls"})
    assert checks["network.tls"]["text"].startswith(f"the proxy http://127.0.0.1:{refusing} refused to connect: 407")
    assert "HTTPS_PROXY" in checks["network.tls"]["hint"]
    assert checks["settings.proxy"]["data"] == {"value": f"http://127.0.0.1:{refusing}", "source": "HTTPS_PROXY"}
    assert checks["network.dns"]["data"]["host"] == "127.0.0.1"
    assert "CANARY" not in str(checks)


@pytest.mark.parametrize(
    ("proxy", "status", "text"),
    [
        ("http://127.0.0.1:9", "failed", "through the proxy http://127.0.0.1:9: no TLS: "),
        ("https://127.0.0.1:9", "skipped", "the way to the proxy is TLS itself"),
        ("socks5://127.0.0.1:9", "skipped", "see proxy"),
    ],
)
def test_other_proxies(
    run: Command, monkeypatch: pytest.MonkeyPatch, impatient: None, proxy: str, status: str, text: str
) -> None:
    """A proxy that is not there, one that is reached by TLS, and one that cannot be used, are told apart."""
    del impatient
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", "https://127.0.0.1:9/v1")
    assert code == (2 if proxy.startswith("socks5") else 6)
    assert checks["network.tls"]["status"] == status
    assert text in checks["network.tls"]["text"]


# -- the service ------------------------------------------------------------------------------------------------------


def test_a_key_that_is_refused(periskope: Command, fake: FakePeriskope) -> None:
    """A short key is masked whole; why it is refused is said, and its answer's clock is compared all the same."""
    fake.rotate_key("short-key")
    fake.end_plan()
    code, checks = report(periskope, "--api-key", "short-key")
    assert (code, statuses(checks, "failed")) == (3, {"service.answer"})
    assert checks["settings.api_key"]["data"]["value"] == "***"
    assert "plan" in checks["service.answer"]["text"]
    assert checks["service.answer"]["hint"] == "Keys are made in the console: Settings > Integrations > API."
    assert checks["service.latency"]["status"] == "skipped"
    assert checks["service.clock"]["status"] == "ok"
    assert "short-key" not in str(checks)
    assert fake.calls == 1


def test_a_service_that_is_broken(periskope: Command, fake: FakePeriskope) -> None:
    """A service that fails is no fault of the key's."""
    fake.faults.add(Fault.STATUS_500)
    code, checks = report(periskope)
    assert (code, statuses(checks, "failed")) == (7, {"service.answer"})
    assert fake.counts == {"500": 1}


@pytest.mark.parametrize(
    ("behind_seconds", "text"),
    [(3_600, r"3,[56]\d\d s ahead of the service"), (-3_600, r"3,[56]\d\d s behind the service"), (None, "no time")],
)
def test_clocks(periskope: Command, fake: FakePeriskope, behind_seconds: float | None, text: str) -> None:
    """A clock that is off is a warning, in seconds; a service that sends no usable time says nothing."""
    date = "yesterday" if behind_seconds is None else formatdate(time.time() - behind_seconds, usegmt=True)
    fake.answer(lambda _: [Reply(200, PAGE, (("Date", date), *LIMIT)).encode()])
    code, checks = report(periskope)
    clock = checks["service.clock"]
    assert (code, clock["status"]) == (0, "skipped" if behind_seconds is None else "warning")
    assert re.search(text, clock["text"])


def test_some_calls_fail(periskope: Command, fake: FakePeriskope) -> None:
    """Calls after the first may fail: how many did, and why, is a warning."""
    fake.faults.add(Fault.STATUS_503, after=3, times=2)
    code, checks = report(periskope)
    assert (code, statuses(checks, "warning")) == (0, {"service.latency"})
    assert "2 of 10 failed: " in checks["service.latency"]["text"]
    assert fake.counts == {"503": 2}


def test_calls_that_take_long(periskope: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten calls that would take long are fewer: what came in time is shown, and no more."""
    monkeypatch.setattr(doctor_probes, "CALLS_LIMIT", 1.5)
    fake.faults.add(Fault.STALL_HEADERS, after=2)
    code, checks = report(periskope)
    assert (code, statuses(checks, "warning")) == (0, set())
    assert checks["service.latency"]["data"]["answered"] == 2
    assert (fake.calls, fake.counts) == (3, {"stall-headers": 1})


def test_no_call_comes_back_in_time(run: Command, silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls have an end together, too."""
    monkeypatch.setattr(doctor_probes, "CALLS_LIMIT", 0.2)
    code, checks = report(run, "--api-key", "some-key-0123456789", "--base-url", f"http://127.0.0.1:{silent}/v1")
    assert (code, statuses(checks, "failed")) == (6, {"service.answer"})
    assert "no complete answer within 0.2 s" in checks["service.answer"]["text"]


def test_little_of_the_limit_is_left(periskope: Command, fake: FakePeriskope) -> None:
    """Of a rate limit half of what is left is used at most, and little of it is a warning."""
    limited = (("X-RateLimit-Limit", "100"), ("X-RateLimit-Remaining", "5"), ("X-RateLimit-Reset", "60"))
    fake.answer(lambda _: [Reply(200, PAGE, limited).encode()])
    code, checks = report(periskope)
    assert (code, statuses(checks, "warning")) == (0, {"service.rate_limit"})
    assert checks["service.rate_limit"]["data"]["limit"] == 100
    assert "PERISKOPE_BUDGET" in checks["service.rate_limit"]["hint"]
    assert fake.calls == 3


@pytest.mark.parametrize(
    ("budget", "place", "status", "text"),
    [
        ("", "", "ok", "own: each process has its own"),
        ("host", "", "ok", "host, shared in "),
        ("host", "missing/folder", "warning", "host, but on its own: No such file"),
        ("redis://:CANARY@127.0.0.1:1", "", "warning", "redis, but with the budget of this machine: ConnectionError: "),
    ],
)
def test_who_shares_the_rate_limit(
    periskope: Command,
    fake: FakePeriskope,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    budget: str,
    place: str,
    status: str,
    text: str,
) -> None:
    """The report says which budget is in use, and whether it works."""
    fake.answer(lambda _: [Reply(200, PAGE, LIMIT).encode()])
    monkeypatch.setenv("PERISKOPE_BUDGET", budget)
    monkeypatch.setenv("TMPDIR", str(tmp_path / place))
    code, checks = report(periskope)
    assert code == 0
    assert checks["service.budget"]["status"] == status
    assert checks["service.budget"]["text"].startswith(text)
    assert "CANARY" not in str(checks)


@pytest.mark.parametrize(
    ("is_limited", "said", "found"),
    [
        (True, ["redis; not shared, yet", "redis; not shared, yet", "redis, shared"], "redis, shared"),
        (True, ["redis; not shared, yet"], "redis; not shared, yet"),
        (False, ["redis; not shared, ever"], "redis; not shared, ever"),
    ],
)
async def test_redis_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
    is_limited: bool,  # noqa: FBT001  # a test's parameter
    said: list[str],
    found: str,
) -> None:
    """Where there is a limit to share, it is waited for whether it is, but not for ever."""
    monkeypatch.setattr(doctor_probes, "BUDGET_LIMIT", 30.0 if len(said) > 1 else 0.02)

    def describe() -> tuple[str, bool]:
        return (said.pop(0) if len(said) > 1 else said[0]), True

    assert await doctor_probes.describe_when_known(describe, is_limited=is_limited) == (found, True)


@needs_redis
@pytest.mark.slow
def test_a_redis_that_is_stopped(
    periskope: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A Redis that runs is shared; the same Redis stopped is a warning, and calls go on."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    fake.answer(lambda _: [Reply(200, PAGE, LIMIT).encode()])
    with RedisServer() as redis:
        monkeypatch.setenv("PERISKOPE_BUDGET", redis.url)
        _, checks = report(periskope)
        assert checks["service.budget"]["text"].startswith(f"redis, shared at redis://127.0.0.1:{redis.port}")
    # By another key: this process knows of the one before that it was shared, and a new process would not.
    code, checks = report(periskope, "--api-key", "another-key-0123456789")
    assert (code, statuses(checks, "warning")) == (0, {"service.budget"})
    assert checks["service.latency"]["data"]["answered"] == 10


# -- the rules --------------------------------------------------------------------------------------------------------


def test_the_first_failure_ends_it() -> None:
    """The code is that of the first check that failed; warnings are none; the worst is the status of all."""
    warned, failed = Finding("a.b", Status.WARNING, "x"), Finding("a.c", Status.FAILED, "x", exit=Exit.NO_ANSWER)
    later = Finding("a.d", Status.FAILED, "x", exit=Exit.USAGE)
    assert doctor.exit_code([warned]) is Exit.OK
    assert doctor.exit_code([warned, failed, later]) is Exit.NO_ANSWER
    assert [doctor.to_dict(each)["status"] for each in ([], [warned], [warned, failed])] == ["ok", "warning", "failed"]


@each_of("seconds, status", [(0.2, "ok"), (3.0, "warning")])
def test_names_that_take_long(seconds: float, status: str) -> None:
    """A name that takes more than a second is a warning."""
    assert doctor.judge_resolution(Resolution("h", ("127.0.0.1",), seconds)).status == status


@each_of(
    "found, status",
    [
        (Certificate("h", {"notAfter": "Jan 11 00:00:00 2000 GMT"}, "TLSv1.3"), "warning"),
        (Certificate("h", {"notAfter": "Jan 21 00:00:00 2000 GMT"}, "TLSv1.3"), "ok"),
        (Certificate("h", {}, "TLSv1.3"), "ok"),
        (Certificate("h", problem="no TLS"), "failed"),
    ],
)
def test_certificates_that_end(found: Certificate, status: str) -> None:
    """A certificate that ends within two weeks is a warning; one of which nothing is known, none."""
    assert doctor.judge_certificate(found, "somebody", 946_684_800.0).status == status


def test_one_call_alone() -> None:
    """Where one call was all there was, there is nothing to say of others."""
    calls = doctor.Calls([0.02], 1, None, "", 0.0, 0.02, None, ("own", True))
    answer, latency = doctor.judge_calls(calls)
    assert (answer.status, latency.text) == ("ok", "20.0 ms with opening the connection")
    assert latency.data["median_ms"] is None


@each_of("took, status", [(0.0, "warning"), (8.0, "ok")])
def test_a_clock_beside_a_slow_answer(took: float, status: str) -> None:
    """A difference that the time of the answer explains is none of the clock's."""
    date, sent_at = formatdate(1_000_000, usegmt=True), 1_000_003.0 - took / 2
    calls = doctor.Calls([took], 1, None, date, sent_at, sent_at + took, None, ("own", True))
    assert doctor.judge_clock(calls).status == status


def test_names_in_certificates() -> None:
    """Without a common name the organisation's is shown."""
    facts = {"issuer": ((("countryName", "IN"),), (("organizationName", "Parcels"),)), "subject": ()}
    data = doctor.judge_certificate(Certificate("h", facts, "TLSv1.3"), "somebody", 0.0).data
    assert (data["issuer"], data["subject"]) == ("Parcels", None)


@each_of("limit, status", [(RateLimit(100, 10, 1.0), "ok"), (RateLimit(100, 9, 1.0), "warning")])
def test_how_much_is_little(limit: RateLimit, status: str) -> None:
    """Less than a tenth of the limit is little."""
    assert doctor.judge_rate_limit(limit).status == status


def test_authorities_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL's own variable is named where it is what is trusted."""
    from periskope_async.cli.doctor_settings import Setting, authorities

    none = Setting("ca_bundle", "default", "none")
    monkeypatch.setenv("SSL_CERT_FILE", str(TRUSTED))
    assert authorities(none, {"SSL_CERT_FILE": str(TRUSTED)}) == f"{TRUSTED} (SSL_CERT_FILE)"
    assert authorities(none, {}).endswith("(the system's)")
    assert sys.platform == "win32" or authorities(none, {}) != " (the system's)"


def test_as_a_line(periskope: Command) -> None:
    """`jsonl` is the same in one line, as of every command."""
    code, out, err = periskope("doctor", "--output", "jsonl")
    assert (code, err, out.count("\n"), json.loads(out)["exit_code"]) == (0, "", 1, 0)


def test_a_wait_for_the_limit_is_no_latency() -> None:
    """How long a call waited for its turn is no part of how long the service took."""

    async def look() -> doctor.Calls:
        async with FakePeriskope(1, rate_limit="5/10s", latency=0.5) as fake:
            paced: list[Any] = []
            async with fake.client(hooks=Hooks(on_paced=paced.append)) as client:
                for _ in range(5):
                    await client.tickets.get("BKT-001")
                calls = await doctor_probes.call(client, paced)
            assert fake.calls == 5 + calls.asked
            return calls

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        assert runner.run(look()).seconds[0] == pytest.approx(0.5, abs=0.1)
