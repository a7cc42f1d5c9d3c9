"""The socket of the fake, spoken to by hand: frames, pings, refusals, phones."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from periskope_async.testing import Assumptions, FakePeriskope
from periskope_async.testing._websocket import TEXT, frame, read_frame
from tests.support import virtual_loop

PATH = "/socket.io/?EIO=4&transport=websocket"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


def masked(kind: int, payload: bytes) -> bytes:
    """A frame as a client sends it."""
    whole, mask = bytearray(frame(kind, payload)), os.urandom(4)
    whole[1] |= 0x80
    start = len(whole) - len(payload)
    return bytes(whole[:start]) + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames(size: int) -> None:
    """A frame of any size is read whole, however it comes, and what follows stays for the next."""
    payload = os.urandom(size)
    whole = masked(TEXT, payload)
    buffer = bytearray()
    for part in (whole[:1], whole[1:5], whole[5:-1]):
        buffer += part
        assert read_frame(buffer) is None
    buffer += whole[-1:] + b"next"
    assert read_frame(buffer) == (TEXT, payload)
    assert buffer == b"next"


@asynccontextmanager
async def connected(fake: FakePeriskope, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Connect by hand, up to the welcome."""
    url = fake.base_url.removesuffix("/v1") + PATH
    sent = {"Authorization": f"Bearer {fake.api_key}", **headers}
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=sent) as socket:
        opened = await socket.receive_str()
        assert json.loads(opened[1:]).keys() == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
        await socket.send_str("40")
        assert (await socket.receive_str()).startswith('40{"sid":')
        yield socket


async def test_pings() -> None:
    """It pings, and closes the connection of who does not answer in time."""
    async with FakePeriskope(1) as fake, connected(fake) as socket:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(3):
            assert await socket.receive_str() == "2"
            await socket.send_str("3")
        assert await socket.receive_str() == "2"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSED
        assert 4 * 25.0 + 20.0 <= loop.time() - began < 4 * 25.0 + 25.0
        assert (fake.socket.counts["lapsed"], fake.socket.connections) == (1, 0)


async def test_websocket_pings_and_packets_that_mean_nothing() -> None:
    """Pings of the WebSocket are answered; what it does not know it leaves; a large event comes whole."""
    async with FakePeriskope(1) as fake, connected(fake) as socket:
        await socket.ping(b"x")
        await socket.send_bytes(b"\x00")
        await socket.send_str("6")
        fake.socket.emit("large", "x" * 70_000)
        assert json.loads((await socket.receive_str())[2:]) == ["large", "x" * 70_000]
        await socket.send_str("41")
        await asyncio.sleep(0.1)
        assert fake.socket.connections == 0


async def test_what_is_no_websocket() -> None:
    """Who polls, or speaks an older protocol, gets 400, as where one transport is allowed, and is not counted."""
    async with FakePeriskope(1) as fake, aiohttp.ClientSession() as session:
        root = fake.base_url.removesuffix("/v1")
        for query, headers in (("EIO=4&transport=polling", {}), ("EIO=3", {"Upgrade": "websocket"})):
            async with session.get(f"{root}/socket.io/?{query}", headers=headers) as answer:
                assert answer.status == 400
                assert await answer.json(content_type=None) == {"code": 0, "message": "Transport unknown"}
        assert (fake.socket.counts, fake.calls) == ({}, 0)


@pytest.mark.parametrize("phone", ["918527184400", "phone-tqhzsvcwlkbnmrxd", None, "1"])
async def test_phones(phone: str | None) -> None:
    """With `scope="phone"`, a connection gets the events of its phone alone; without a phone, all of them."""
    fake = FakePeriskope(3, assumptions=Assumptions(scope="phone"))
    headers = {} if phone is None else {"x-phone": phone}
    async with fake, connected(fake, **headers) as socket:
        fake.change("BKT-002", subject="Changed")
        fake.socket.emit("end")
        found = json.loads((await socket.receive_str())[2:])[0]
        assert found == ("end" if phone == "1" else "ticket.updated")


async def test_one_listener_while_anybody_listens() -> None:
    """What happens is looked for while somebody is connected, and no longer."""
    async with FakePeriskope(3) as fake:
        happenings: Any = fake._service.state.happenings
        before = len(happenings.listeners)
        async with connected(fake) as socket:
            async with connected(fake):
                assert len(happenings.listeners) == before + 1
            fake.change("BKT-002", subject="Changed")
            assert "ticket.updated" in await socket.receive_str()
        await asyncio.sleep(0.1)
        assert len(happenings.listeners) == before


async def test_a_peer_that_reads_slowly() -> None:
    """An answer that filled the peer's buffers goes on when it reads again."""
    async with FakePeriskope(1) as fake, connected(fake) as socket:
        fake.socket.flood(400, "large", "x" * 60_000)  # more than the buffers of two sockets hold
        await asyncio.sleep(1.0)
        for _ in range(400):
            assert len(await socket.receive_str()) > 60_000


def test_before_it_runs() -> None:
    """A fake that does not run has nobody to send to."""
    fake = FakePeriskope(1)
    with pytest.raises(RuntimeError, match="start the fake first"):
        fake.socket.emit("x")
    with fake:
        fake.socket.emit("x")
    with pytest.raises(RuntimeError, match="does not run"):
        fake._listener.run_soon(lambda: None)
