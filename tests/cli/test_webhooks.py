"""What helps to develop a receiver: `webhooks listen` and `webhooks send`, on real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest

from periskope_async import webhooks
from periskope_async.cli.commands.webhook_listener import _Server, _Settings, post
from periskope_async.cli.webhooks import ENVELOPES
from periskope_async.events import EVENTS
from periskope_async.testing import FakePeriskope, example_delivery
from periskope_async.testing._deliveries import examples
from periskope_async.testing._service.assumptions import Envelope
from tests.cli.test_terminal import COMMAND, LIMIT, environment

Command = Callable[..., tuple[int, str, str]]
KEY = "whsec_test"
API = Path(__file__).parents[1] / "api"
SCHEMAS: dict[str, str] = json.loads((API / "schemas" / "events.json").read_text("utf-8"))["events"]
EVENT = b'{"event_type":"ticket.updated","id":"d1","data":{"ticket":{"ticket_id":"BKT-1"}}}'
GOOD = {"X-Periskope-Signature": webhooks.sign(EVENT, KEY)}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERISKOPE_WEBHOOK_KEY", raising=False)


@contextmanager
def listening(forward: str | None = None, key: str | None = KEY, output: str = "jsonl") -> Iterator[str]:
    """Be what `webhooks listen` starts; its URL."""
    server = _Server("127.0.0.1", 0, _Settings(forward, key, output))
    server.daemon_threads = False  # so that closing waits for what is still to be printed
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook?a=b"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def port_of(url: str) -> int:
    """The port in a URL."""
    return int(url.rpartition(":")[2].partition("/")[0])


# -- listen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "status", "printed"),
    [
        (
            EVENT,
            GOOD,
            200,
            {"verified": True, "reason": "", "event": "ticket.updated", "key": "ticket.updated:d1:BKT-1"},
        ),
        (
            EVENT,
            {},
            400,
            {"verified": False, "reason": "the delivery has no signature: no header x-periskope-signature"},
        ),
        (
            EVENT,
            {"x-periskope-signature": "0" * 64},
            400,
            {"verified": False, "reason": "the signature is not of this body and key", "event": "ticket.updated"},
        ),
        (
            b"{",
            {"x-periskope-signature": webhooks.sign(b"{", KEY)},
            400,
            {"verified": False, "reason": "the delivery is not JSON"},
        ),
        (b"{", {}, 400, {"verified": False}),
    ],
)
def test_listen_prints_what_arrives(
    capsys: pytest.CaptureFixture[str], body: bytes, headers: dict[str, str], status: int, printed: dict[str, Any]
) -> None:
    """A delivery is printed, signed or not; what is not signed, or not a delivery, gets 400."""
    with listening() as url:
        assert post(url, body, headers).status == status
    shown = json.loads(capsys.readouterr().out)
    assert shown == shown | printed | {"status": status}
    assert ("delivery" in shown) is (body == EVENT)


def test_listen_prints_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """As lines, each says what came, about what, and why it is not to be trusted; it does nothing to the terminal."""
    note = json.dumps({"event": "note\x1b[2J.\nmade", "data": {}}).encode()
    with listening(output="lines") as url:
        post(url, example_delivery("ticket.updated"), {})
        post(url, note, {"x-periskope-signature": webhooks.sign(note, KEY)})
        post(url, b"{", {})
    with listening(key=None, output="lines") as url:
        assert post(url, b"{}", {}).status == 200
    lines = [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "400  ticket.updated  BKT-001  UNVERIFIED (the delivery has no signature: no header x-periskope-signature)",
        "200  note�[2J. made  verified",
        "400  ?  UNVERIFIED (the delivery has no signature: no header x-periskope-signature)",
        "200  ?  UNVERIFIED (no signing key)",
    ]


def test_listen_forwards(capsys: pytest.CaptureFixture[str]) -> None:
    """What is forwarded has the very body and header fields, signed or not; what the receiver answers is answered."""
    with listening() as receiver, listening(receiver, key=None) as url:
        assert post(url, EVENT, GOOD | {"X-Own": "yes"}).status == 200
        assert post(url, EVENT, {}).status == 400
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((each["verified"], each["reason"], each["status"]) for each in shown) == [
        (False, "no signing key", 200),
        (False, "no signing key", 400),
        (False, "the delivery has no signature: no header x-periskope-signature", 400),
        (True, "", 200),
    ]


def test_listen_forwards_to_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody takes what is forwarded, the sender gets 502, and the line says why."""
    with listening("http://127.0.0.1:1/hook") as url:
        assert post(url, EVENT, GOOD).status == 502
        assert post(url, EVENT, {}).status == 502
    good, bad = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert good["reason"].startswith("not passed on: ")
    assert bad["reason"].startswith("the delivery has no signature: no header x-periskope-signature; not passed on: ")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 411 "),
        (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", b"HTTP/1.1 413 "),
        (b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n{", b""),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"HTTP/1.1 501 "),
    ],
)
def test_what_is_not_a_delivery(capsys: pytest.CaptureFixture[str], request_: bytes, answer: bytes) -> None:
    """Bodies that are too large, of unknown length or cut short are refused unread; of the last a line says so."""
    with listening() as url, socket.create_connection(("127.0.0.1", port_of(url))) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while data := connection.recv(65536):
            got += data
    assert got[: len(answer)] == answer
    assert bool(got) is bool(answer)
    assert capsys.readouterr().out == (
        "" if answer else '{"verified": false, "reason": "the body was cut short", "status": 0}\n'
    )


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_listen_until_ctrl_c(run: Command, monkeypatch: pytest.MonkeyPatch, signum: signal.Signals) -> None:
    """Ctrl-C, or SIGTERM, is how it is meant to end; signals then mean what they meant before."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(_Server, "serve_forever", lambda _: os.kill(os.getpid(), signum))
    code, out, err = run("webhooks", "listen", "--port", "0")
    assert (code, out) == (0, "")
    assert err.startswith("Listening on http://127.0.0.1:")
    assert "No signing key: pass --key or set PERISKOPE_WEBHOOK_KEY." in err
    assert signal.getsignal(signal.SIGTERM) is before
    _, _, err = run("webhooks", "listen", "--port", "0", "--key", "k", "--host", "::1")
    assert err.startswith("Listening on http://[::1]:")
    assert err.count("\n") == 1


def test_listen_where_it_cannot(run: Command) -> None:
    """A port that is taken, an address that is not ours, a URL that is none: said, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = run("webhooks", "listen", "--port", port)
    assert code == 2
    assert f"Port {port} is in use by another program; --port 0 takes a free one." in err
    code, _, err = run("webhooks", "listen", "--port", "0", "--host", "192.0.2.1")
    assert code == 2
    assert "192.0.2.1, port 0: " in err
    code, _, err = run("webhooks", "listen", "--forward", "localhost:8000/hook")
    assert code == 2
    assert "--forward localhost:8000/hook: expected a URL that begins with http:// or https://." in err


# -- send -------------------------------------------------------------------------------------------------------------


def test_examples_of_all_events(run: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """There is an example of every event, in the form that the API documents, and it arrives signed."""
    assert set(examples.EVENTS) == set(EVENTS)
    with listening() as url:
        for name in EVENTS:
            code, out, err = run("webhooks", "send", name, "--to", url, "--key", KEY)
            # What is sent and what is printed of it share the standard output of this process.
            lines = out.splitlines()
            assert (code, err) == (0, "")
            assert "200 OK" in lines
    for name, cls in EVENTS.items():
        event = webhooks.parse(example_delivery(name), {}, None)
        assert type(event) is cls
        data: Any = event.raw["data"]
        schema = json.loads((API / SCHEMAS[name]).read_text("utf-8"))
        assert data.keys() >= set(schema.get("required", ()))
        assert bool(event.previous) is (not name.endswith((".created", ".attached")))
    del capsys


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_send_what_is_wanted(run: Command, tmp_path: Path, envelope: str) -> None:
    """Data of one's own, of any event, in any envelope."""
    assert get_args(Envelope) == ENVELOPES
    data = tmp_path / "data.json"
    data.write_text('{"phase": "full"}', "utf-8")
    with listening(key=None) as url:
        sent = ("webhooks", "send", "moon.risen", "--to", url, "--key", KEY, "--envelope", envelope)
        code, _, err = run(*sent, "--data", str(data))
        assert (code, err) == (0, "")
    body = example_delivery("moon.risen", {"phase": "full"}, envelope=envelope)  # type: ignore[arg-type]  # a case
    event = webhooks.parse(body, {}, None, topic="moon.risen")
    assert event.type == "moon.risen"
    assert json.loads(body).get("data", json.loads(body))["phase"] == "full"


def test_send_from_standard_input(run: Command, types: Callable[..., None]) -> None:
    """`-` is standard input."""
    types('{"phase": "new"}', terminal=False)
    with listening(key=None) as url:
        assert run("webhooks", "send", "moon.risen", "--to", url, "--key", KEY, "--data", "-")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "http://127.0.0.1:1"), "No signing key: pass --key or set PERISKOPE_WEBHOOK_KEY."),
        (("--to", "http://127.0.0.1:1", "--key", ""), "No signing key"),
        (("--to", "localhost:8000", "--key", "k"), "expected a URL that begins with http:// or https://."),
        (("--to", "http://[::1", "--key", "k"), "expected a URL that begins with http:// or https://."),
        (("--to", "http://example.com/", "--key", "k"), "leads to another machine; --elsewhere sends it there."),
        (("--to", "http://192.0.2.1/", "--key", "k"), "leads to another machine; --elsewhere sends it there."),
        (("--to", "http://localhost:1", "--key", "k", "--data", "FILE"), "data.json: expected a JSON object."),
        (("--to", "http://localhost:1", "--key", "k"), "'moon.risen' has no example; there are examples of ticket."),
    ],
)
def test_send_what_cannot_be(run: Command, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """What cannot be sent is a wrong command, and nothing is."""
    for text in ("[]", "{"):
        (tmp_path / "data.json").write_text(text, "utf-8")
        found = [str(tmp_path / "data.json") if each == "FILE" else each for each in arguments]
        code, out, err = run("webhooks", "send", "moon.risen", *found)
        assert (code, out) == (2, "")
        assert message in " ".join(err.split())


def test_send_to_who_does_not_take_it(run: Command) -> None:
    """A receiver that refuses, fails, or does not answer: each has its exit code, and what it said is shown."""
    with listening() as url:
        code, out, err = run("webhooks", "send", "ticket.created", "--to", url, "--key", "another")
        assert code == 8
        assert "400 Bad Request" in out
        assert "The receiver did not take it." in err
    with listening("http://127.0.0.1:1") as url:
        code, out, err = run("webhooks", "send", "ticket.created", "--to", url, "--key", KEY)
        assert code == 7
        assert "Connection refused" in err
    with FakePeriskope(1) as fake:
        nowhere = fake.base_url.removesuffix("/v1") + "/nowhere"
        code, out, err = run("webhooks", "send", "ticket.created", "--to", nowhere, "--key", KEY)
        assert (code, "404 Not Found" in out) == (8, True)
        assert "Is that the path of the receiver?" in err
    code, _, err = run("webhooks", "send", "ticket.created", "--to", "https://127.0.0.1:1", "--key", KEY, "--elsewhere")
    assert code == 6
    assert "https://127.0.0.1:1 did not answer: " in err


def test_send_and_an_odd_status(run: Command) -> None:
    """A status that nobody knows is shown as its number."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 20)
                connection.sendall(b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert run("webhooks", "send", "org.phone.qr", "--to", url, "--key", KEY) == (0, "299\n", "")
        thread.join()


# -- all of it --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_from_a_change_to_a_line() -> None:
    """`serve` posts what is subscribed over HTTP to `listen`, which verifies it; both end quietly."""
    serving = [*COMMAND, "serve", "--port", "0", "--signing-key", KEY, "--delivery-fault", "duplicate=1.0"]
    env = environment(PERISKOPE_WEBHOOK_KEY=KEY, PYTHONUNBUFFERED="1")
    pipes: dict[str, Any] = {"env": env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(serving, **pipes) as service,
        subprocess.Popen([*COMMAND, "webhooks", "listen", "--port", "0", "-o", "jsonl"], **pipes) as listener,
    ):
        try:
            told = dict(
                line.strip().removeprefix("export ").split("=")
                for line in (service.stdout.readline() for _ in range(3))
            )
            assert told["PERISKOPE_WEBHOOK_KEY"] == KEY
            url = listener.stderr.readline().split()[2].rstrip(".")
            code = f"""
from periskope_sync import PeriskopeClient
with PeriskopeClient() as client:
    client.webhooks.create({url!r}, ["ticket.updated"])
    client.tickets.update("BKT-001", subject="Other")
"""
            subprocess.run([sys.executable, "-c", code], env=env | told, check=True, timeout=LIMIT)
            first, second = (json.loads(listener.stdout.readline()) for _ in range(2))
            assert first == second
            assert first.items() >= {"verified": True, "event": "ticket.updated", "status": 200}.items()
            assert first["delivery"]["previous_attributes"] == {"subject": "Issue with this"}
            for process in (listener, service):
                process.send_signal(signal.SIGTERM)
                _, err = process.communicate(timeout=LIMIT)
                assert (process.returncode, "Traceback" in err) == (0, False)
        finally:
            service.kill()
            listener.kill()
