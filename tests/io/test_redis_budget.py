"""Clients that share a budget through a real Redis, which fails in every way that is known; each failure is counted."""

import asyncio
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from periskope_async import PeriskopeClient, RedisBudget
from periskope_async._io.limiter import RateLimiter, limiter_for
from periskope_async._io.redis_ledger import RedisLedger
from periskope_async._io.redis_script import SCRIPT, Transaction
from periskope_async._io.redis_store import LoopStore, ThreadStore
from periskope_async.settings import Secret, Settings
from periskope_async.testing import FakePeriskope, RateLimitPolicy
from periskope_sync import PeriskopeClient as BlockingClient
from tests.redis_server import RedisServer, free_port, needs_redis, relay
from tests.support import ROOT
from tests.virtual_processes import Redis

redis = pytest.importorskip("redis", reason="redis is not installed")
pytestmark = needs_redis

CERTIFICATE = Path(__file__).parents[1] / "localhost.pem"
#: A window that no test outlasts.
LONG = RateLimitPolicy(100, 30.0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Run a server for all tests that do nothing to it."""
    with RedisServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Run a service with a limit."""
    with FakePeriskope(tickets=30, rate_limit=LONG) as running:
        yield running


def ledger_of(client: PeriskopeClient) -> RedisLedger:
    """What a client has of the shared budget."""
    budget = client._caller.connections.limiter._budget
    assert isinstance(budget, RedisLedger)
    return budget


def another(client: PeriskopeClient) -> PeriskopeClient:
    """A client that shares nothing with *client* but Redis, as in another process."""
    settings = client._caller.settings
    other = PeriskopeClient(settings.api_key.reveal(), base_url=settings.base_url, budget=settings.budget)
    assert isinstance(settings.budget, RedisBudget)
    connections = other._caller.connections
    shared = RedisLedger.of(settings.budget, settings.base_url, settings.api_key)
    connections.limiter = RateLimiter(shared.ledger, shared)
    shared.wake = connections.limiter.wake_others
    return other


def statuses(fake: FakePeriskope) -> Counter[int]:
    """How often the fake answered what."""
    return Counter(request.status for request in fake.requests)


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        await asyncio.sleep(0.005)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of budgets."""
    return [record.getMessage() for record in caplog.records if "budget" in record.getMessage()]


# -- in order ---------------------------------------------------------------------------------------------------------


def test_the_script(server: RedisServer) -> None:
    """The script does what the Redis of the tests in virtual time does, step by step."""
    virtual = Redis(asyncio.new_event_loop())
    with redis.Redis(port=server.port, decode_responses=True) as own:
        for me, known, image, new, size, room, seen in [
            ("a", "", "", "1", 0, 0, 0),
            ("a", "", "one", "1", 0, 0, 0),
            ("a", "", "one", "1", 0, 0, 0),  # again, as its answer was late
            ("b", "", "late", "2", 0, 0, 0),
            ("b", "1", "", "3", 3, 5, 0),
            ("b", "1", "", "3", 3, 5, 0),  # again
            ("a", "1", "", "4", 3, 5, 0),  # no room
            ("a", "1", "", "5", 2, 5, 0),
            ("c", "0", "", "6", 1, 9, 5),  # of another image
            ("a", "1", "two", "7", 0, 0, 3),  # without what was leased meanwhile
            ("a", "1", "two", "8", 0, 0, 5),
            ("b", "1", "", "3", 3, 5, 0),  # again, and overtaken
            ("b", "8", "three", "9", 0, 0, 0),
            ("a", "1", "two", "8", 0, 0, 5),  # likewise
            ("b", "9", "", "10", 0, 0, 0),
        ]:
            command = (me, f"of {me}", known, image, new, "", 6_000_000, 60_000, size, room, seen)
            true = own.execute_command("EVAL", SCRIPT, 1, "periskope:test", *command)
            made = virtual.eval("EVAL", SCRIPT, 1, "periskope:test", *command)
            assert [true[0], true[1], true[4], sorted(true[5][::2]), true[6]] == [
                *(made[0], virtual.version, made[4], sorted(made[5][::2]), made[6])
            ]
        own.delete("periskope:test")
    virtual.loop.close()


async def test_two_share_one_window(server: RedisServer, fake: FakePeriskope) -> None:
    """What one has sent, the other counts; and the key is nowhere in Redis."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as one, another(one) as other:
        await one.tickets.get_many(fake.ticket_ids[:20])
        await other.tickets.get_many(fake.ticket_ids[20:])
        assert other.rate_limit is not None
        assert other.rate_limit.remaining == 70
        assert ledger_of(other).describe() == (f"redis, shared at {server.url[:-2]}; other processes at work: 1", True)
    assert statuses(fake) == {200: 30}
    with redis.Redis(port=server.port) as client:
        name = ledger_of(one)._name
        held = repr((name, client.hgetall(name), client.pttl(name) > 0))
    assert name.startswith("periskope:{")
    assert fake.api_key not in held
    assert held.endswith("True)")


@pytest.mark.slow
async def test_the_limit_is_kept_by_both(server: RedisServer) -> None:
    """Two that send at once, more than a window lets through, are not refused once."""
    with FakePeriskope(tickets=30, rate_limit=RateLimitPolicy(20, 0.4)) as fake:
        one = PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url)
        async with one, another(one) as other, asyncio.TaskGroup() as group:
            for client, ids in ((one, fake.ticket_ids[::2]), (other, fake.ticket_ids[1::2])):
                group.create_task(client.tickets.get_many(ids))
        assert statuses(fake) == {200: 30}


async def test_single_calls_that_fail_and_leave(server: RedisServer, fake: FakePeriskope) -> None:
    """What got no answer, and what was cancelled, is in flight no more."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url, retries=0) as client:
        await client.tickets.list_page(limit=1)
        ledger = ledger_of(client).ledger
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await client.tickets.list_page(limit=1)
        assert ledger.own == 0
        assert ledger.in_flight == len(ledger._lease)


def test_the_blocking_client_shares_too(server: RedisServer, fake: FakePeriskope) -> None:
    """The same setting does the same without await, from the environment as well."""
    with BlockingClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
        client.tickets.get_many(fake.ticket_ids)
        assert client.rate_limit is not None
        assert client.rate_limit.remaining == 70
    assert statuses(fake) == {200: 30}


@pytest.mark.parametrize("decode", [False, True])
async def test_a_client_of_the_application(server: RedisServer, fake: FakePeriskope, decode: bool) -> None:  # noqa: FBT001
    """The application's own client is used in its loop, and not closed; whether it decodes or not."""
    import redis.asyncio

    async with redis.asyncio.Redis(port=server.port, decode_responses=decode) as own:
        budget = RedisBudget(own)
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=budget) as client:
            await client.tickets.get_many(fake.ticket_ids)
            assert client.rate_limit is not None
            assert client.rate_limit.remaining == 70
            assert ledger_of(client).describe()[1]
            assert ledger_of(client).ledger.joined
        assert await own.ping()


async def test_a_blocking_client_of_the_application(server: RedisServer, fake: FakePeriskope) -> None:
    """A blocking client is used in a thread, and not closed."""
    with redis.Redis(port=server.port, socket_timeout=1) as own:
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=RedisBudget(own)) as client:
            await client.tickets.get_many(fake.ticket_ids)
            assert ledger_of(client).ledger.joined
        assert own.ping()


def test_one_client_of_the_application_in_two_loops(server: RedisServer, fake: FakePeriskope) -> None:
    """Calls in a second loop, after the first has ended, go on, whether or not the application's client can."""
    import redis.asyncio

    own = redis.asyncio.Redis(port=server.port)
    client = PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=RedisBudget(own))

    async def call(last: bool) -> None:  # noqa: FBT001
        await client.tickets.get_many(fake.ticket_ids[:10])
        await own.connection_pool.disconnect()
        if last:
            await client.aclose()
            await own.aclose()

    for last in (False, True):
        asyncio.run(call(last))
    assert statuses(fake) == {200: 20}


async def test_over_tls(fake: FakePeriskope, caplog: pytest.LogCaptureFixture) -> None:
    """Over TLS with an authority of the company's own it is shared; where nobody knows who signed, it is not."""
    port = str(free_port())
    tls = [
        "--tls-port",
        port,
        "--tls-cert-file",
        CERTIFICATE,
        "--tls-key-file",
        CERTIFICATE,
        "--tls-auth-clients",
        "no",
    ]
    with RedisServer(*map(str, tls)) as server:
        url = f"rediss://localhost:{port}/0"
        for number, query in enumerate([f"?ssl_ca_certs={CERTIFICATE}", ""]):
            async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=url + query) as client:
                assert (await client.tickets.get_many(fake.ticket_ids[10 * number :][:10])).ok
                text, works = ledger_of(client).describe()
            assert works is ledger_of(client).ledger.joined is bool(query)
        with redis.Redis(port=server.port) as own:
            assert own.dbsize() == 1
    assert "CERTIFICATE_VERIFY_FAILED" in text
    assert len(warnings_of(caplog)) == 1
    assert statuses(fake) == {200: 20}


async def test_nothing_is_shared_where_there_is_no_limit(server: RedisServer) -> None:
    """A service without rate limit headers costs a look at Redis, and no more."""
    with FakePeriskope(tickets=30) as fake:
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
            await client.tickets.get_many(fake.ticket_ids)
            assert ledger_of(client).describe() == ("redis; not shared, for the service reports no rate limit", True)
        assert statuses(fake) == {200: 30}


async def take_ahead(client: PeriskopeClient) -> int:
    """Make single calls until some are taken ahead; return how many were made."""
    for calls in range(1, 40):
        await client.tickets.list_page(limit=1)
        if len(ledger_of(client).ledger._lease) > 1:
            return calls
    raise AssertionError("nothing was taken ahead")


async def taken_as_known(client: PeriskopeClient) -> int:
    """Return how many requests of the window are taken, as another process finds by a request of its own."""
    async with another(client) as other:
        await other.tickets.list_page(limit=1)
        assert other.rate_limit is not None
        return LONG.limit - other.rate_limit.remaining - 1 - len(ledger_of(other).ledger._lease)


async def test_who_is_idle_holds_nothing(server: RedisServer, fake: FakePeriskope) -> None:
    """A client that asks for nothing more hands back what was taken ahead for it, though it stays open."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
        calls = await take_ahead(client)
        ledger = ledger_of(client).ledger
        await eventually(lambda: not ledger._lease and not ledger.is_urgent)
        assert await taken_as_known(client) == calls


@pytest.mark.parametrize("closes", [False, True])
def test_a_loop_that_ends_hands_back(server: RedisServer, fake: FakePeriskope, closes: bool) -> None:  # noqa: FBT001
    """What was taken ahead in a loop that has ended, or by a client that was closed, others have."""
    client = PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url)

    async def use() -> int:
        calls = await take_ahead(client)
        if closes:
            await client.aclose()
        return calls

    async def look() -> int:
        ledger = ledger_of(client).ledger
        await eventually(lambda: not ledger._lease and not ledger.is_urgent)
        return await taken_as_known(client)

    assert asyncio.run(use()) == asyncio.run(look())
    asyncio.run(client.aclose())


async def test_a_client_of_the_application_is_asked_nothing_after_the_end(
    server: RedisServer, fake: FakePeriskope
) -> None:
    """Closed, a client has handed back what it held, and lets the application close its Redis."""
    import redis.asyncio

    async with redis.asyncio.Redis(port=server.port) as own:
        client = PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=RedisBudget(own))
        calls = await take_ahead(client)
        await client.aclose()
        ledger = ledger_of(client)
        assert not ledger.ledger.is_urgent
        assert isinstance(ledger.store, LoopStore)
        assert ledger.store._timer is None
        assert await taken_as_known(client) == calls


def test_a_loop_that_ends_asks_the_application_nothing(
    server: RedisServer, fake: FakePeriskope, caplog: pytest.LogCaptureFixture
) -> None:
    """When a loop ends with the client open, the application's Redis, which may be closed, is left alone."""
    import redis.asyncio

    async def use() -> PeriskopeClient:
        async with redis.asyncio.Redis(port=server.port) as own:
            client = PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=RedisBudget(own))
            await take_ahead(client)
            return client

    client = asyncio.run(use())
    ledger = ledger_of(client)
    ledger.hand_back()
    with pytest.raises(RuntimeError):
        ledger.store.kick(0.0)
    assert caplog.records == []
    asyncio.run(client.aclose())


EXITS = """
import sys
from periskope_sync import PeriskopeClient
client = PeriskopeClient(sys.argv[1], base_url=sys.argv[2], budget=sys.argv[3])
for _ in range(5):
    client.tickets.list_page(limit=1)
limiter = client._async._caller.connections.limiter
print(len(limiter._ledger._lease))
"""


@pytest.mark.processes
@pytest.mark.slow
async def test_a_process_that_ends_holds_nothing(server: RedisServer, fake: FakePeriskope) -> None:
    """A script that ends without closing its client leaves to others what was taken ahead for it."""
    command = [sys.executable, "-c", EXITS, fake.api_key, fake.base_url, server.url]
    held = await asyncio.to_thread(subprocess.check_output, command, cwd=ROOT)
    assert int(held) > 0
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
        assert await taken_as_known(client) == 5


# -- not in order -----------------------------------------------------------------------------------------------------


async def test_without_redis(fake: FakePeriskope, caplog: pytest.LogCaptureFixture) -> None:
    """Where none answers at the URL, calls go on with what the machine shares; that is said once, with no password."""
    url = "redis://user:CANARY@127.0.0.1:1/0"
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=url) as client:
        for _ in range(3):
            result = await client.tickets.get_many(fake.ticket_ids[:10])
            assert len(result.tickets) == 10
        text, works = ledger_of(client).describe()
    assert not works
    assert "with the budget of this machine: ConnectionError" in text
    (said,) = warnings_of(caplog)
    assert said.startswith("budget 'redis': this process goes on with the budget of this machine: ConnectionError")
    assert "CANARY" not in said + text + repr(client) + repr(client._caller.settings)
    assert statuses(fake) == {200: 30}


async def test_a_password_that_is_wrong(fake: FakePeriskope, caplog: pytest.LogCaptureFixture) -> None:
    """A server that refuses the password is one that is not there."""
    with RedisServer("--requirepass", "right") as server:
        url = server.url.replace("//", "//:CANARY@")
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=url) as client:
            assert (await client.tickets.get_many(fake.ticket_ids)).ok
        with redis.Redis(port=server.port, password="right") as own:
            refused = own.info("errorstats")
    assert sum(each["count"] for each in refused.values()) >= 1
    (said,) = warnings_of(caplog)
    assert "AuthenticationError" in said
    assert "CANARY" not in said
    assert statuses(fake) == {200: 30}


async def test_redis_stops_and_comes_back_empty(fake: FakePeriskope, caplog: pytest.LogCaptureFixture) -> None:
    """Stopped in the middle, calls go on; started again, empty, it is shared again. Each is said once."""
    with RedisServer() as server:
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
            await client.tickets.get_many(fake.ticket_ids[:10])
            server.stop()
            budget = ledger_of(client)
            budget.ledger._lease.clear()  # what was leased before does not notice
            await client.tickets.get_many(fake.ticket_ids[10:20])
            assert not budget.describe()[1]
            server.start()
            while not budget.describe()[1]:
                budget._retry_at = 0.0
                await client.tickets.list_page(limit=1)
            assert budget.ledger.joined
            with redis.Redis(port=server.port) as own:
                assert own.dbsize() == 1
    assert [said.partition(":")[0] for said in warnings_of(caplog)] == ["budget 'redis'"] * 2
    assert warnings_of(caplog)[1] == "budget 'redis': shared again"
    assert set(statuses(fake)) == {200}
    assert sum(request.path.count("BKT") for request in fake.requests) == 20


async def test_redis_forgets_its_scripts_and_all(server: RedisServer, fake: FakePeriskope) -> None:
    """A server that took over, empty, and knows no script is begun anew with one probe; nobody notices."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
        await client.tickets.get_many(fake.ticket_ids[:10])
        with redis.Redis(port=server.port) as own:
            own.flushall()
            own.script_flush()
        ledger_of(client).ledger._lease.clear()
        assert (await client.tickets.get_many(fake.ticket_ids[10:])).ok
        assert ledger_of(client).describe()[1]
        assert ledger_of(client).ledger.joined
    assert statuses(fake) == {200: 30}


@pytest.mark.parametrize("fault", ["slow", pytest.param("silent", marks=pytest.mark.slow), "cut"])
async def test_a_line_that_fails(
    server: RedisServer, fake: FakePeriskope, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """Over a line that is slow, says nothing or is cut, calls go on; and come back once it is mended."""
    with relay(server.port) as line:
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=line.url) as client:
            await client.tickets.list_page(limit=1)
            ledger_of(client).ledger._lease.clear()
            line.delay, line.is_silent = (0.3 if fault == "slow" else 0.0), fault == "silent"
            if fault == "cut":
                line.target = 1
                assert line.cut() == 1
            await client.tickets.list_page(limit=1)  # waits for less long than a bulk run
            assert (await client.tickets.get_many(fake.ticket_ids)).ok
            injected = {"slow": line.delayed, "silent": line.swallowed, "cut": line.connections - 1}[fault]
            assert injected >= 1
            assert len(warnings_of(caplog)) == 1
            line.delay, line.is_silent, line.target = 0.0, False, server.port
            await comes_back(client)
    assert warnings_of(caplog)[1:] == ["budget 'redis': shared again"]
    assert statuses(fake)[200] == len(fake.requests)


async def comes_back(client: PeriskopeClient) -> None:
    """Call until the budget is shared again, without the pause between two tries."""
    budget = ledger_of(client)
    until = time.monotonic() + 20
    while not budget.ledger.joined:
        assert time.monotonic() < until
        budget._retry_at = 0.0
        await client.tickets.list_page(limit=1)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set(server: RedisServer, fake: FakePeriskope, hours: int) -> None:
    """When the clock of Redis is an hour off from one moment to the next, nobody is refused, and it stays shared."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
        await client.tickets.get_many(fake.ticket_ids[:10])
        with redis.Redis(port=server.port) as own:  # as if the clock had been set since it was written
            name = ledger_of(client)._name
            written = int(own.hget(name, "at"))
            assert own.hset(name, "at", written - hours * 3_600_000_000) == 0
            own.hset(name, "version", "another")
        ledger_of(client).ledger._lease.clear()
        assert (await client.tickets.get_many(fake.ticket_ids[10:])).ok
        assert ledger_of(client).describe()[1]
    assert statuses(fake) == {200: 30}


async def test_what_is_no_image(server: RedisServer, fake: FakePeriskope) -> None:
    """What somebody else has written in its place is no reason to fail."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, budget=server.url) as client:
        name = ledger_of(client)._name
        with redis.Redis(port=server.port) as own:
            own.hset(name, mapping={"image": "bm9pc2U=", "version": "x", "at": "0", "slot": "0 x", "other": "noise"})
            assert (await client.tickets.get_many(fake.ticket_ids)).ok
            assert ledger_of(client).describe()[1]
            own.delete(name)
            own.set(name, "of another type")
            ledger_of(client).ledger._lease.clear()
            assert (await client.tickets.get_many(fake.ticket_ids)).ok
            assert "ResponseError" in ledger_of(client).describe()[0]
    assert statuses(fake) == {200: 60}


def test_who_shares_a_limiter() -> None:
    """Clients with the same URL share a limiter; those with another do not. No repr shows the password."""
    first, same, other = (
        Settings.resolve(
            api_key="CANARY", phone=None, base_url=None, timeout=1, deadline=1, retries=1, concurrency=1, budget=url
        )
        for url in ("redis://:SECRET@cache", "redis://:SECRET@cache", "valkeys://:SECRET@cache:7000/1")
    )
    assert first.budget == same.budget != other.budget
    assert len({first.budget, same.budget, other.budget}) == 2
    assert "SECRET" not in repr((first, same, other))
    assert repr(other.budget) == "RedisBudget(valkeys://cache:7000)"
    one = limiter_for(first.base_url, first.api_key, first.budget)
    assert limiter_for(same.base_url, same.api_key, same.budget) is one
    assert limiter_for(other.base_url, other.api_key, other.budget) is not one


async def test_a_loop_with_a_clock_of_its_own(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """In a loop whose clock is not the machine's, a process is alone."""
    limiter = limiter_for("https://x.example", Secret("key"), RedisBudget.of_url(server.url))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            limiter.admit(5.0, bulk=False, wanted=0)
            await limiter.rest()
    assert "an event loop has a clock of its own" in limiter.describe_budget()[0]


async def test_kicks_of_a_client_of_the_application() -> None:
    """The sooner of two kicks counts, and one that comes while a transaction runs is another transaction."""
    ran = list[float]()
    store: LoopStore
    free = asyncio.Event()

    class Client:
        async def execute_command(self, *command: str) -> str:
            await free.wait()
            return command[0]

    def transaction() -> Transaction:
        ran.append(1)
        assert (yield ("PING",)) == "PING"

    store = LoopStore(transaction, Client())
    for delay in (30.0, 60.0, 0.0):
        store.kick(delay)
    await eventually(lambda: len(ran) == 1)
    store.kick(0.0)
    await asyncio.sleep(0.01)
    free.set()
    await eventually(lambda: len(ran) == 2)
    assert store._task is not None
    await store._task


async def test_a_client_of_the_application_that_fails() -> None:
    """What it raises, the transaction gets, in the place where it asked."""
    met = list[str]()

    class Client:
        async def execute_command(self, *_: str) -> str:
            raise ConnectionError("gone")

    def transaction() -> Transaction:
        try:
            yield ("PING",)
        except ConnectionError as error:
            met.append(str(error))

    store = LoopStore(transaction, Client())
    store.kick(0.0)
    await eventually(lambda: met == ["gone"])
    assert store._task is not None
    await store._task


async def test_nothing_is_due_in_the_end() -> None:
    """Who rests or finishes with nothing to write writes nothing."""
    ran = list[int]()

    class Client:
        async def execute_command(self, *command: str) -> str:
            return command[0]

    def transaction() -> Transaction:
        ran.append(1)
        yield ("PING",)

    store = LoopStore(transaction, Client())
    store.kick(0.0)
    await store.rest()
    await store.rest()
    store.finish()
    ThreadStore(transaction, Client).finish()
    assert ran == [1]
