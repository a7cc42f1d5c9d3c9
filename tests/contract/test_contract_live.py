"""Live events between strangers: the vendor's client at our fake, and our client at a plain socket.io server."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pytest

from periskope_async import AuthenticationError, PeriskopeClient
from periskope_async.events import Gap, TicketUpdated, UnknownEvent
from periskope_async.testing import FakePeriskope

HERE = Path(__file__).parent
PHONE = "918527184400"
EXAMPLE = json.loads((HERE.parent / "samples" / "ticket-info.example.json").read_text("utf-8"))

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="NOT TESTED: live events, for want of Node.js"),
    pytest.mark.skipif(
        not (HERE / "node_modules" / "socket.io").exists(),
        reason="NOT TESTED: live events of and for others; `npm ci` in tests/contract gets them",
    ),
]


class Program:
    """A program of Node.js that speaks in lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._in = cast("IO[str]", process.stdin)
        self._out = cast("IO[str]", process.stdout)

    def say(self, *line: Any) -> None:
        """Have it do something."""
        self._in.write(f"{json.dumps(line)}\n")
        self._in.flush()

    def hear(self) -> Any:
        """What it says next."""
        line = self._out.readline()
        assert line, "it has ended"
        return json.loads(line)


@contextmanager
def running(*command: str) -> Iterator[Program]:
    """Run a program of this folder; it ends with its standard input."""
    process = subprocess.Popen(
        ["node", *command],  # noqa: S607  # the machine's own
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Program(process)
        process.communicate(timeout=20)  # closes its standard input
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait(10)


def test_the_vendors_client_listens_to_the_fake() -> None:
    """It connects with its key and phone, gets what happens as the bare object, and what is sent for it alone."""
    with FakePeriskope(5) as fake:
        listens = (fake.base_url, fake.api_key, PHONE, "ticket.updated", "message.created")
        with running("vendor_socket.js", *listens) as vendor:
            assert vendor.hear() == ["connected"]
            assert fake.socket.handshakes[0]["x-phone"] == PHONE
            fake.change("BKT-002", subject="Größer ✓")
            name, data = vendor.hear()
            assert (name, data) == ("ticket.updated", fake.get("BKT-002"))
            with fake.sync_client() as client:
                sent = client.messages.send("919537851844@c.us", "Hallo")
            name, data = vendor.hear()
            assert (name, data["unique_id"] or sent.unique_id) == ("message.created", sent.unique_id)
            fake.socket.drop()
            assert vendor.hear() == ["connected"]  # by itself, after a second
            fake.change("BKT-003", subject="Again")
            assert vendor.hear() == ["ticket.updated", fake.get("BKT-003")]
        assert fake.socket.counts["connected"] == 2


def test_the_vendors_client_is_refused_by_the_fake() -> None:
    """A wrong key is refused by a packet that it logs, and it stays away."""
    with FakePeriskope(1) as fake, running("vendor_socket.js", fake.base_url, "wrong", PHONE) as vendor:
        assert vendor.hear() == ["error", "Invalid bearer auth token"]
        assert (fake.socket.counts["refused"], fake.socket.connections) == (1, 0)


async def test_ours_listens_to_a_plain_server() -> None:
    """It connects over a WebSocket, gets what is emitted, answers what asks, and comes back whoever ended it."""
    with running("socket_server.js", "key") as server:
        _, port = server.hear()
        client = PeriskopeClient("key", phone=PHONE, base_url=f"http://127.0.0.1:{port}/v1")
        async with client, client.events() as events:
            assert server.hear() == ["connected", {"phone": PHONE, "transport": "websocket", "auth": {}}]
            server.say("emit", "ticket.updated", EXAMPLE)
            event = await anext(events)
            assert isinstance(event, TicketUpdated)
            assert event.ticket.to_dict() == EXAMPLE
            server.say("ask", "odd", ["Größer ✓", None])
            event = await anext(events)
            assert isinstance(event, UnknownEvent)
            assert (event.type, event.data) == ("odd", ["Größer ✓", None])
            for ending in ("kick", "drop"):
                server.say(ending)
                assert isinstance(await anext(events), Gap)
                server.say("emit", "again", 1)
                assert (await anext(events)).type == "again"


async def test_ours_is_refused_by_a_plain_server() -> None:
    """What a server's middleware says of a key is the message of an `AuthenticationError`."""
    with running("socket_server.js", "key") as server:
        _, port = server.hear()
        async with PeriskopeClient("wrong-one", base_url=f"http://127.0.0.1:{port}/v1") as client:
            with pytest.raises(AuthenticationError, match="Invalid bearer auth token"):
                async with client.events():
                    pytest.fail("it is connected")


async def test_pings_and_questions_of_a_plain_server() -> None:
    """Pings are answered, and so is an event that asks for it."""
    with running("socket_server.js", "key") as server:
        _, port = server.hear()
        async with PeriskopeClient("key", base_url=f"http://127.0.0.1:{port}/v1") as client, client.events() as events:
            server.say("ask", "beat", 1)
            assert (await anext(events)).type == "beat"
            heard = [(await asyncio.to_thread(server.hear))[0] for _ in range(5)]
            assert sorted({*heard}) == ["answered", "connected", "pong"]
