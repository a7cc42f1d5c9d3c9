"""Whether the direct way is gone: where it works, on whatever aiohttp, and nowhere else."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from periskope_async._io import direct
from periskope_async._io.connector import AnswerHandler, Connector
from periskope_async._io.probe import works_directly
from periskope_async.testing import FakePeriskope
from tests.support import run_python


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Have every test probe anew, and leave nothing of what it found."""
    works_directly.cache_clear()
    yield
    works_directly.cache_clear()


def nothing(*_: Any, **__: Any) -> None:
    """In the place of a method that no longer does what it did."""


async def nothing_to_read(*_: Any) -> Any:
    """In the place of `read`, in a release where it gives something else."""
    return None


#: What a release of aiohttp might have changed.
CHANGES: dict[str, tuple[Any, str, Any]] = {
    "parsing": (ResponseHandler, "data_received", nothing),
    "what is read": (ResponseHandler, "read", nothing_to_read),
    "the settings of an answer": (ResponseHandler, "set_response_params", lambda _: None),
    "what a connection knows of itself": (ResponseHandler, "should_close", False),
    "handing back": (aiohttp.TCPConnector, "_release", nothing),
    "connecting": (aiohttp.TCPConnector, "connect", nothing),
}


async def test_here_it_works() -> None:
    """On the aiohttp that is installed here, requests go the direct way."""
    assert works_directly()


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_aiohttp_is_noticed(change: str) -> None:
    """Where something that it stands on is changed, requests go the public way, and nothing breaks."""
    owner, name, other = CHANGES[change]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, other)
        works_directly.cache_clear()
        assert not works_directly()


async def test_connections_that_aiohttp_makes_in_its_own_way_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where aiohttp no longer lets connections of ours be put in, requests go the public way."""
    make = aiohttp.TCPConnector.__init__

    def make_otherwise(self: Any, **options: Any) -> None:
        make(self, **options)
        del self._factory

    monkeypatch.setattr(aiohttp.TCPConnector, "__init__", make_otherwise)
    assert not works_directly()


async def test_a_mocked_aiohttp_is_not_gone_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a mock took the place of aiohttp's request before us, it sees every request."""
    for mock in (nothing, object(), None):
        works_directly.cache_clear()
        monkeypatch.setattr(direct, "_REQUEST", mock)
        assert not works_directly()


@pytest.mark.slow
@pytest.mark.parametrize("broken", [True, False], ids=["changed", "as it is"])
def test_requests_of_a_changed_aiohttp_go_the_public_way(monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:  # noqa: FBT001  # a parameter
    """In a process whose aiohttp is changed, every request goes through its session, and every ticket comes."""
    code = f"""
    import asyncio, json
    import aiohttp
    from aiohttp.client_proto import ResponseHandler
    if {broken}:
        parse = ResponseHandler.data_received
        ResponseHandler.data_received = lambda self, data, more: parse(self, data)
        aiohttp.connector.ResponseHandler = type("Renamed", (ResponseHandler,), {{"data_received": parse}})
    from periskope_async import PeriskopeClient
    public = []
    request = aiohttp.ClientSession.request
    def note(self, method, url, **options):
        public.append(str(url))
        return request(self, method, url, **options)
    aiohttp.ClientSession.request = note
    async def main():
        async with PeriskopeClient() as client:
            tickets = (await client.tickets.get_many([f"BKT-{{number:03}}" for number in range(1, 21)])).tickets
        return len(tickets), len(public)
    print(json.dumps(asyncio.run(main())))
    """
    with FakePeriskope(tickets=20) as fake:
        monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
        monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
        done = run_python(code)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == [20, 20 if broken else 0]
        assert fake.calls == 20


# -- one connection ---------------------------------------------------------------------------------------------------

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Silent(asyncio.Transport):
    """A connection on which nothing happens."""

    def write(self, data: Any) -> None:
        """Send nothing."""

    def close(self) -> None:
        """Stay as it is."""

    def is_closing(self) -> bool:
        """Whether it is closed: it never is."""
        return False


def handler() -> AnswerHandler:
    """Return a connection on which nothing happens."""
    protocol = AnswerHandler(asyncio.get_running_loop())
    protocol.connection_made(Silent())
    return protocol


@pytest.mark.parametrize("ends", ["answer", "end"])
async def test_who_gave_up_gets_no_answer(ends: str) -> None:
    """An answer, or the end of the connection, that comes when its call has just given up disturbs nobody."""
    protocol = handler()
    turn = protocol.ask(b"GET / HTTP/1.1\r\n\r\n")
    turn.cancel()
    if ends == "answer":
        protocol.data_received(ANSWER)
    else:
        protocol.connection_lost(None)
    assert turn.cancelled()


async def test_no_request_goes_to_who_spoke_first() -> None:
    """No request is sent on a connection on which something came before it was asked for."""
    protocol = handler()
    protocol.data_received(ANSWER)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        _ = protocol.ask(b"GET / HTTP/1.1\r\n\r\n")


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def key_of_localhost() -> Any:
    """Return under what a connector has the connections to localhost."""
    loop = asyncio.get_running_loop()
    return aiohttp.ClientRequest("GET", URL("http://localhost"), loop=loop).connection_key


@pytest.mark.parametrize("when", ["after the answer", "with the answer"])
async def test_more_than_the_answer(when: str) -> None:
    """A connection on which more came than the answer is not idle afterwards: it is closed as it is handed back."""
    connector = Connector(direct=True)
    key, protocol = key_of_localhost(), handler()
    turn = protocol.ask(b"GET / HTTP/1.1\r\n\r\n")
    if when == "after the answer":
        protocol.data_received(ANSWER)
        protocol.data_received(b"HTTP/1.1 2")
    else:
        protocol.data_received(ANSWER + ANSWER)
        assert turn.result() is None  # the parser has it
    connector.put(key, protocol, reusable=True)
    assert connector.take(key) is None
    assert not protocol.is_connected()
    await connector.close()


@pytest.mark.parametrize("when", ["while it is idle", "after the next answer"])
async def test_half_an_answer_that_nobody_asked_for(when: str) -> None:
    """What comes after an answer that was parsed is noticed also if it is not a whole answer."""
    connector = Connector(direct=True)
    key, protocol = key_of_localhost(), handler()
    _ = protocol.ask(b"GET / HTTP/1.1\r\n\r\n")
    protocol.data_received(CHUNKED)
    message, _ = await protocol.read()
    assert message.code == 200
    connector.put(key, protocol, reusable=True)
    if when == "after the next answer":
        assert connector.take(key) is protocol
        _ = protocol.ask(b"GET / HTTP/1.1\r\n\r\n")
        protocol.data_received(ANSWER)
        protocol.data_received(b"HTTP/1.1 2")
        connector.put(key, protocol, reusable=True)
        assert not protocol.is_connected()
    else:
        protocol.data_received(b"HTTP/1.1 2")
    assert connector.take(key) is None
    protocol.connection_lost(None)
    await connector.close()
