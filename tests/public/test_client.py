"""The life of a client: made, opened, shared between loops and threads, forked, closed or forgotten."""

import asyncio
import gc
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from periskope_async import (
    ClientClosedError,
    ConfigurationError,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    RequestTimeout,
    Tickets,
)
from periskope_async._io import connections
from periskope_async.testing import FakePeriskope, Fault
from tests.support import run_python, some


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Serve in a thread of its own: the loops come and go."""
    with FakePeriskope() as fake:
        yield fake


async def get(client: PeriskopeClient) -> str:
    """Get a ticket; return its id."""
    return (await client.tickets.get("BKT-001")).ticket.ticket_id


# -- made and closed --------------------------------------------------------------------------------------------------


def test_making_a_client_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client can be made anywhere, without a loop, and opens nothing until it is used."""
    monkeypatch.setenv("PERISKOPE_API_KEY", "from-env")
    client = PeriskopeClient()
    assert isinstance(client.tickets, Tickets)
    assert client.rate_limit is None
    assert repr(client) == (
        "PeriskopeClient(Settings(base_url='https://api.periskope.app/v1', "
        "timeout=30.0, deadline=120.0, retries=4, concurrency=32, budget='auto'))"
    )


async def test_leaving_the_block_closes(fake: FakePeriskope) -> None:
    """`async with` closes every connection, also when the block fails."""

    async def fail() -> None:
        async with fake.client() as client:
            await get(client)
            assert fake.open_connections == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await settled(lambda: fake.open_connections == 0)


async def settled(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds, which takes the server a moment."""
    async with asyncio.timeout(10.0):
        while not condition():  # noqa: ASYNC110  # the condition is another thread's, and tells nobody
            await asyncio.sleep(0.005)


async def test_closing_twice_is_fine(fake: FakePeriskope) -> None:
    """A client may be closed as often as one likes, used or not."""
    client = fake.client()
    await client.aclose()
    await client.aclose()
    async with fake.client() as client:
        await get(client)
        await client.aclose()


async def test_closed_client_refuses_everything(fake: FakePeriskope) -> None:
    """After `aclose` every call, whatever its kind, raises `ClientClosedError` and sends nothing."""
    client = fake.client()
    clone = client.with_options(retries=0)
    await client.aclose()
    for each in (client, clone):
        calls: list[Callable[[], Any]] = [
            lambda each=each: each.tickets.get("BKT-001"),
            lambda each=each: each.tickets.get_many(["BKT-001"]),
            lambda each=each: each.tickets.list_page(),
            lambda each=each: anext(aiter(each.tickets.list())),
            lambda each=each: each.tickets.stream(["BKT-001"]).__aenter__(),
            lambda each=each: each.tickets.create(chat_id="1234567@c.us", subject="x"),
            lambda each=each: each.tickets.update("BKT-001", subject="x"),
            each.__aenter__,
        ]
        for call in calls:
            with pytest.raises(ClientClosedError):
                await call()
        with pytest.raises(ClientClosedError, match=r"closed \(ticket BKT-001, request GET /tickets/BKT-001\)"):
            await each.tickets.get("BKT-001")
    assert fake.calls == 0


async def test_clones_close_with_their_client(fake: FakePeriskope) -> None:
    """What `with_options` returns is the same client with other times: closing either closes both."""
    client = fake.client()
    clone = client.with_options(timeout=1.5, deadline=None, retries=0)
    assert "timeout=1.5, deadline=None, retries=0" in repr(clone)
    assert "timeout=30.0, deadline=120.0, retries=4" in repr(client)
    assert "deadline=120.0" in repr(client.with_options(timeout=2))
    await clone.aclose()
    with pytest.raises(ClientClosedError):
        await get(client)


@pytest.mark.parametrize(
    "option", [{"timeout": 0}, {"deadline": -1}, {"retries": 1.5}, {"timeout": None}, {"phone": "me"}]
)
def test_options_are_checked(option: dict[str, Any]) -> None:
    """`with_options` refuses what the constructor refuses."""
    with pytest.raises(ConfigurationError, match=rf"^{next(iter(option))}: "):
        PeriskopeClient("key").with_options(**option)


def test_subclasses_clone_as_themselves() -> None:
    """A client with methods of its own keeps them through `with_options`."""

    class Ours(PeriskopeClient):
        pass

    assert type(Ours("key").with_options(retries=0)) is Ours


async def test_clients_of_one_key_share_their_gate(fake: FakePeriskope) -> None:
    """Clients with the same key and URL know the same rate limit; a client with another key does not."""
    with FakePeriskope(rate_limit="100/60s") as limited:
        async with limited.client() as first, limited.client() as second:
            await get(first)
            assert first.rate_limit is not None
            assert second.rate_limit is not None
            assert second.rate_limit.remaining == first.rate_limit.remaining == 99
            assert PeriskopeClient("other", base_url=limited.base_url).rate_limit is None
            assert fake.client().rate_limit is None


# -- loops and threads ------------------------------------------------------------------------------------------------


def test_one_client_in_two_runs(fake: FakePeriskope) -> None:
    """A client survives the end of its loop: in the next one it opens new connections, and the old ones are closed."""
    client = fake.client()
    for run in (1, 2, 3):
        assert asyncio.run(get(client)) == "BKT-001"
        assert fake.connections == run
    asyncio.run(settled(lambda: fake.open_connections == 0))
    asyncio.run(client.aclose())


def test_a_loop_that_ends_takes_its_calls_along(fake: FakePeriskope) -> None:
    """Calls under way when a loop ends do not keep the client from working in the next one."""
    client = fake.client(concurrency=2)
    fake.latency = 0.2

    async def leave() -> None:
        for _ in range(5):
            asyncio.ensure_future(client.tickets.get("BKT-002"))  # noqa: RUF006  # to be cancelled by the loop's end
        await asyncio.sleep(0.05)

    asyncio.run(leave())
    fake.latency = 0.0
    assert asyncio.run(get(client)) == "BKT-001"
    asyncio.run(client.aclose())


def test_one_client_in_many_loops_at_once(fake: FakePeriskope) -> None:
    """A client works in many loops in many threads at the same time, each with connections of its own."""
    client = fake.client()
    start = threading.Barrier(16)

    async def calls() -> set[str]:
        start.wait()
        return set(await asyncio.gather(*(get(client) for _ in range(10))))

    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            found = [future.result() for future in [pool.submit(asyncio.run, calls()) for _ in range(16)]]
            assert found == [{"BKT-001"}] * 16
    assert fake.calls == 3 * 16 * 10
    asyncio.run(settled(lambda: fake.open_connections == 0))
    asyncio.run(client.aclose())


def test_closing_closes_in_every_loop(fake: FakePeriskope) -> None:
    """Closing a client in one loop ends its calls and connections in the others too."""
    fake.faults.add(Fault.STALL_HEADERS, ticket_id="BKT-002")
    client = fake.client()
    met: list[object] = []

    async def stall() -> None:
        try:
            await client.tickets.get("BKT-002")
        except PeriskopeError as error:
            met.append(error)

    thread = threading.Thread(target=asyncio.run, args=(stall(),))
    thread.start()

    async def close() -> None:
        await settled(lambda: fake.calls == 1)
        await get(client)
        await client.aclose()
        await settled(lambda: fake.open_connections == 0)

    asyncio.run(close())
    thread.join(10.0)
    assert [type(error) for error in met] == [ClientClosedError]


def test_closing_beside_a_loop_that_stands_still(fake: FakePeriskope) -> None:
    """A loop that is not running when the client is closed closes its connections when it ends."""
    client = fake.client()
    still = asyncio.new_event_loop()
    still.run_until_complete(get(client))
    asyncio.run(client.aclose())
    still.run_until_complete(still.shutdown_asyncgens())
    still.close()
    asyncio.run(settled(lambda: fake.open_connections == 0))


def test_without_a_loop_the_error_is_ours(fake: FakePeriskope) -> None:
    """A call that is driven by no event loop says what is missing."""
    with pytest.raises(ConfigurationError, match="no asyncio event loop is running"):
        fake.client().tickets.get("BKT-001").send(None)


def test_session_of_a_loop_that_is_over(fake: FakePeriskope) -> None:
    """A borrowed session that belongs to a loop that is over is told as such, and nothing hangs."""
    first = asyncio.new_event_loop()

    async def open_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = first.run_until_complete(open_session())
    client = fake.client(session=session)
    assert first.run_until_complete(get(client)) == "BKT-001"
    with pytest.raises(ConfigurationError, match="session: it belongs to another event loop"):
        asyncio.run(get(client))
    first.run_until_complete(session.close())
    first.close()
    with pytest.raises(ConfigurationError, match="session: it belongs to another event loop"):
        asyncio.run(get(client))


async def test_session_of_a_loop_in_another_thread(fake: FakePeriskope) -> None:
    """A borrowed session is not used from another thread's loop, where it would hang or break."""
    async with aiohttp.ClientSession() as session:
        client = fake.client(session=session)
        assert await get(client) == "BKT-001"
        with pytest.raises(ConfigurationError, match="session: it belongs to another event loop"):
            await asyncio.to_thread(asyncio.run, get(client))
        assert await get(client) == "BKT-001"
    assert fake.calls == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_eager_tasks(fake: FakePeriskope) -> None:
    """A loop whose tasks begin at once changes nothing."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    try:
        async with fake.client(timeout=0.3, retries=0) as client:
            assert await asyncio.gather(*(get(client) for _ in range(20))) == ["BKT-001"] * 20
            fake.faults.add(Fault.STALL_HEADERS)
            with pytest.raises(RequestTimeout):
                await asyncio.create_task(get(client))
    finally:
        asyncio.get_running_loop().set_task_factory(None)


def test_uvloop(fake: FakePeriskope) -> None:
    """On uvloop a client works as on asyncio: twice in a row, with timeouts, cancellations and closing."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")

    async def calls() -> None:
        await asyncio.gather(*(get(client) for _ in range(50)))
        with pytest.raises(NotFoundError):
            await client.tickets.get("BKT-404")
        fake.faults.add(Fault.STALL_BODY, ticket_id="BKT-002")
        with pytest.raises(RequestTimeout):
            await client.with_options(timeout=0.1, retries=0).tickets.get("BKT-002")
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await client.tickets.get("BKT-002")
        assert type(caught.value) is TimeoutError
        await get(client)

    client = fake.client()
    for _ in range(2):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(calls())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(client.aclose())
        runner.run(settled(lambda: fake.open_connections == 0))


async def test_loop_that_was_held_up(fake: FakePeriskope) -> None:
    """A loop that somebody blocks for longer than a timeout costs no attempt where the answers are there by then."""
    async with fake.client(timeout=0.4) as client:
        for _ in range(3):  # the first time, connections are made
            fake.clear()
            calls = [asyncio.create_task(get(client)) for _ in range(20)]
            await asyncio.sleep(0)  # now they are sent
            time.sleep(0.5)  # noqa: ASYNC251  # the point of the test
            assert await asyncio.gather(*calls) == ["BKT-001"] * 20
    assert fake.calls == 20


def test_ipv6() -> None:
    """A base URL may have an IPv6 address for its host."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")

    async def call() -> str:
        async with fake.client() as client:
            return await get(client)

    with FakePeriskope(host="::1") as fake:
        assert "[::1]:" in fake.base_url
        assert asyncio.run(call()) == "BKT-001"


def test_call_at_interpreter_exit(fake: FakePeriskope) -> None:
    """A call that comes when the interpreter exits is answered or fails at once, even where a name must be resolved."""
    by_name = fake.base_url.replace("127.0.0.1", "localhost")
    done = run_python(
        f"""
        import asyncio, atexit
        from periskope_async import PeriskopeClient, PeriskopeError

        async def call(url):
            async with PeriskopeClient({fake.api_key!r}, base_url=url) as client:
                try:
                    print((await client.tickets.get("BKT-001")).ticket.ticket_id)
                except PeriskopeError as error:
                    print(type(error).__name__, error.elapsed < 1)

        atexit.register(lambda: [asyncio.run(call(url)) for url in ({fake.base_url!r}, {by_name!r})])
        """,
        "-W",
        "always",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in {"BKT-001\nBKT-001\n", "BKT-001\nConnectError True\n"}


# -- forked -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork_inside_a_running_loop() -> None:
    """A child forked while calls are under way uses connections and a rate limit of its own; the parent's go on."""
    with FakePeriskope(latency=0.3) as fake:
        done = run_python(
            f"""
            import asyncio, os, warnings
            from periskope_async import PeriskopeClient

            warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads

            async def main():
                async with PeriskopeClient({fake.api_key!r}, base_url={fake.base_url!r}, concurrency=2) as client:
                    first = os.fork()  # before there is anything to inherit
                    if not first:
                        asyncio.run(client.tickets.get("BKT-006"))
                        os._exit(0)
                    assert (await asyncio.to_thread(os.waitpid, first, 0))[1] == 0
                    await client.tickets.get("BKT-001")
                    under_way = [asyncio.create_task(client.tickets.get("BKT-002")) for _ in range(2)]
                    await asyncio.sleep(0.1)
                    child = os.fork()
                    if not child:
                        asyncio.run(client.tickets.get("BKT-003"))
                        print("child", client._caller.connections.limiter._ledger.in_flight, flush=True)
                        os._exit(0)
                    await asyncio.gather(*under_way)
                    await client.tickets.get("BKT-004")
                    assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
                    await client.tickets.get("BKT-005")
                    print("parent", flush=True)

            asyncio.run(main())
            """,
            "-W",
            "always",
        )
        assert (done.stdout, done.stderr) == ("child 0\nparent\n", "")
        assert fake.calls == 7
        by_ticket = {request.ticket_id: request.connection for request in fake.requests}
        assert by_ticket["BKT-003"] not in {by_ticket[f"BKT-00{n}"] for n in (1, 2, 4, 5)}


# -- forgotten --------------------------------------------------------------------------------------------------------

USE = 'await client.tickets.get("BKT-001")'
FORGOTTEN = {
    "at the end of its function": f"""
        async def main():
            client = make()
            {USE}
        asyncio.run(main())
    """,
    "until the interpreter exits": """
        client = make()
        asyncio.run(client.tickets.get("BKT-001"))
        asyncio.run(client.tickets.get("BKT-001"))
    """,
    "in a cycle": f"""
        async def main():
            client = make()
            client.itself = client
            {USE}
            del client
            gc.collect()
            await asyncio.sleep(0.01)
        asyncio.run(main())
    """,
    "in a traceback": f"""
        async def main():
            client = make()
            {USE}
            raise ZeroDivisionError
        try:
            asyncio.run(main())
        except ZeroDivisionError as error:
            kept = error
    """,
    "with a call under way": f"""
        async def main():
            client = make()
            {USE}
            task = asyncio.create_task(client.tickets.get("BKT-002"))
            await asyncio.sleep(0.1)
        asyncio.run(main())
    """,
    "after a call was cancelled": """
        async def main():
            client = make()
            task = asyncio.create_task(client.tickets.get("BKT-002"))
            await asyncio.sleep(0.1)
            task.cancel()
        asyncio.run(main())
    """,
    "with clones": f"""
        async def main():
            client = make()
            await client.with_options(retries=0).tickets.get("BKT-001")
            {USE}
        asyncio.run(main())
    """,
    "in a thread": f"""
        import threading
        async def main():
            client = make()
            {USE}
        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        thread.join()
    """,
    "by another thread than its loop's": f"""
        import threading
        async def main():
            client = make()
            {USE}
            held = [client]
            del client
            thread = threading.Thread(target=held.clear)
            thread.start()
            thread.join()
            await asyncio.sleep(0.01)
        asyncio.run(main())
    """,
}
REMEMBERED = {
    "never used": "client = make()",
    "refused": """
        try:
            make(timeout=-1)
        except ValueError:
            pass
    """,
    "closed": f"""
        async def main():
            async with make() as client:
                {USE}
        asyncio.run(main())
    """,
    "closed, used in two runs": """
        client = make()
        asyncio.run(client.tickets.get("BKT-001"))
        asyncio.run(client.tickets.get("BKT-001"))
        asyncio.run(client.aclose())
    """,
    "on a borrowed session": f"""
        import aiohttp
        async def main():
            async with aiohttp.ClientSession() as session:
                client = make(session=session)
                {USE}
        asyncio.run(main())
    """,
}


def script(fake: FakePeriskope, body: str) -> str:
    """Make a program that uses a client of *fake*; its ticket BKT-002 never comes."""
    fake.faults.add(Fault.STALL_BODY, ticket_id="BKT-002")
    prelude = f"""\
import asyncio, gc
from periskope_async import PeriskopeClient
def make(**options):
    return PeriskopeClient({fake.api_key!r}, base_url={fake.base_url!r}, **options)
"""
    return prelude + dedent(body)


@pytest.mark.parametrize("how", some(FORGOTTEN, "with a call under way"))
def test_forgotten_client_warns_once(fake: FakePeriskope, how: str) -> None:
    """A client that nobody closes gives one ResourceWarning that names where it was made, and not a line more."""
    done = run_python(script(fake, FORGOTTEN[how]), "-X", "dev", "-W", "always")
    # Not counted: the line of source that newer Pythons show below a warning, and what asyncio's debug mode remarks on
    # the import of aiohttp, which the first client brings.
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("  ", "Executing <Task"))]
    assert done.returncode == 0
    assert len(lines) == 1
    assert lines[0].startswith("<string>:4: ResourceWarning: unclosed PeriskopeClient: use 'async with ")


@pytest.mark.parametrize("how", some(REMEMBERED, "closed"))
def test_other_clients_do_not_warn(fake: FakePeriskope, how: str) -> None:
    """A client that is closed, or has nothing to close, goes without a word."""
    done = run_python(script(fake, REMEMBERED[how]), "-W", "always")
    assert (done.returncode, done.stderr) == (0, "")


async def test_forgotten_connections_are_closed(fake: FakePeriskope) -> None:
    """A client that is collected while its loop runs does not keep its connections open."""
    client = fake.client()
    await get(client)
    assert fake.open_connections == 1
    forgotten = [client]
    del client
    with pytest.warns(ResourceWarning, match="unclosed PeriskopeClient") as caught:
        forgotten.clear()
    await settled(lambda: fake.open_connections == 0)
    assert len(caught) == 1


def test_forgotten_in_a_loop_that_is_closed_by_hand(fake: FakePeriskope) -> None:
    """Even where a loop is closed over open connections, only we and asyncio itself complain."""
    client = fake.client()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(get(client))
    loop.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
    messages = [str(warning.message) for warning in caught]
    assert messages[0].startswith("unclosed PeriskopeClient")
    assert all(message.startswith(("unclosed transport", "unclosed <socket")) for message in messages[1:])


def test_collected_last_of_all(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that outlives our modules, as one that a web worker caches may at exit, goes without a word.

    The interpreter sets a module's names to None when it ends; here the test does.
    """
    client = fake.client()
    asyncio.run(get(client))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monkeypatch.setattr(connections, "_Process", None)
        del client
        gc.collect()
    monkeypatch.undo()
    assert [str(warning.message) for warning in caught if "Periskope" in str(warning.message)] == []


def test_dead_loops_are_not_kept(fake: FakePeriskope) -> None:
    """A client that is used in one loop after the other holds on to none but the last."""
    client = fake.client()
    for _ in range(5):
        asyncio.run(get(client))
    assert len(client._caller.connections._states) == 1
    asyncio.run(client.aclose())
    with suppress(ClientClosedError):
        asyncio.run(get(client))
    assert not client._caller.connections._states
