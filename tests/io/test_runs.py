"""Bulk runs over real HTTP: nothing lost, nothing twice, nothing left behind."""

import asyncio
import gc
import itertools
import os
import random
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from periskope_async import (
    AuthenticationError,
    BulkResult,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    DecodeError,
    Failed,
    Fetched,
    NotFoundError,
    Outgoing,
    PeriskopeClient,
    PeriskopeError,
    PermissionDeniedError,
    Progress,
    ProtocolError,
    TicketInfo,
)
from periskope_async._io import limiter as limiter_module
from periskope_async._sansio import ledger as ledger_module
from periskope_async._sansio.circuit import CircuitBreaker
from periskope_async.testing import PASSING_FAULTS, FakePeriskope, Fault, Faults
from periskope_sync import PeriskopeClient as BlockingClient
from tests.support import repeated

SOAK = "PERISKOPE_SOAK" in os.environ


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Two hundred tickets behind real HTTP."""
    with FakePeriskope(tickets=200) as fake:
        yield fake


def connect(fake: FakePeriskope, **options: Any) -> PeriskopeClient:
    """Return a client of *fake*."""
    return PeriskopeClient(fake.api_key, base_url=fake.base_url, **options)


async def calls(fake: FakePeriskope, count: int) -> None:
    """Wait until *fake* was called so often."""
    while fake.calls < count:  # noqa: ASYNC110  # it counts in a thread of its own
        await asyncio.sleep(0.001)


def check_whole(result: BulkResult, ids: list[str] | tuple[str, ...]) -> None:
    """Every id is in exactly one place, and every ticket is the one that was asked for."""
    told = [*result.tickets, *result.errors, *result.skipped]
    assert sorted(told) == sorted(set(ids))
    assert all(info.ticket.ticket_id == ticket_id for ticket_id, info in result.tickets.items())


# -- outcomes ---------------------------------------------------------------------------------------------------------


async def test_every_ticket_once_in_order(fake: FakePeriskope) -> None:
    """Duplicates are fetched once, and the tickets stand in the order of the ids."""
    ids = [*reversed(fake.ticket_ids), *fake.ticket_ids]
    async with connect(fake) as client:
        result = await client.tickets.get_many(ids)
    assert list(result.tickets) == list(reversed(fake.ticket_ids))
    assert fake.calls == len(fake.ticket_ids)
    assert result.ok
    result.raise_for_errors()


async def test_one_bad_id_of_each_kind(fake: FakePeriskope) -> None:
    """An id that fails, in whatever way, fails alone and with its own error."""
    kinds = {
        Fault.STATUS_403: PermissionDeniedError,
        Fault.STATUS_404: NotFoundError,
        Fault.INVALID_JSON: DecodeError,
        Fault.MISSING_FIELD: DecodeError,
        Fault.GZIP_BOMB: ProtocolError,
    }
    bad = dict(zip(fake.ticket_ids[10::20], kinds, strict=False))
    for ticket_id, fault in bad.items():
        fake.faults.add(fault, ticket_id=ticket_id, times=99)
    async with connect(fake) as client:
        result = await client.tickets.get_many(fake.ticket_ids)
    check_whole(result, fake.ticket_ids)
    assert {key: type(error) for key, error in result.errors.items()} == {key: kinds[bad[key]] for key in bad}
    assert set(fake.counts) == set(kinds)
    with pytest.raises(ExceptionGroup) as caught:
        result.raise_for_errors()
    assert len(caught.value.exceptions) == len(kinds)


async def test_careless_ids(fake: FakePeriskope) -> None:
    """What cannot be an id fails alone; what is no collection of ids is refused."""
    async with connect(fake) as client:
        result = await client.tickets.get_many(["BKT-001", "", "..", 5, None, ["x"]])  # type: ignore[list-item]
        assert list(result.tickets) == ["BKT-001"]
        assert all(isinstance(error, ConfigurationError) for error in result.errors.values())
        assert len(result.errors) == 5
        for refused in ("BKT-001", b"BKT-001", 5):
            with pytest.raises(ConfigurationError, match="ticket_ids"):
                await client.tickets.get_many(refused)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="deadline"):
            await client.tickets.get_many([], deadline=-1)
        assert (await client.tickets.get_many([])).ok
    assert fake.calls == 1


async def test_refused_key_stops_the_run(fake: FakePeriskope) -> None:
    """After a 401 at most as many further calls are made as were in flight, and the rest is skipped."""
    fake.faults.add(Fault.STATUS_401, ticket_id=fake.ticket_ids[50], times=9)
    async with connect(fake, concurrency=8) as client:
        result = await client.tickets.get_many(iter(fake.ticket_ids))
    assert isinstance(result.errors[fake.ticket_ids[50]], AuthenticationError)
    check_whole(result, fake.ticket_ids)
    seen = [request.ticket_id for request in fake.requests]
    assert len(seen) - seen.index(fake.ticket_ids[50]) - 1 <= 8
    with pytest.raises(ExceptionGroup):
        result.raise_for_errors()


async def test_refused_key_heads_the_group(fake: FakePeriskope) -> None:
    """The group of a run whose key was refused says so first, and what to check; then how many ids failed."""
    async with fake.client() as client:
        fake.rotate_key("another-key-0123456789")
        result = await client.tickets.get_many(["BKT-001", "BKT-002"])
        sent = await client.messages.send_many([Outgoing("919876500001", "hello")])
    for each, failed in ((result, "2 ids failed"), (sent, "1 failed")):
        with pytest.raises(ExceptionGroup, match=f"Invalid bearer.*PERISKOPE_API_KEY.*; so {failed}") as caught:
            each.raise_for_errors()
        assert all(isinstance(error, AuthenticationError) for error in caught.value.exceptions)


@pytest.mark.parametrize("many", [True, False], ids=["get_many", "stream"])
async def test_refused_key_while_others_wait(many: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """A 401 ends the wait of those at the limiter too; what was settled out of order before is delivered still."""
    with FakePeriskope(tickets=9, rate_limit="2/60s") as fake:
        first, second, *others = fake.ticket_ids
        fake.faults.add(Fault.STATUS_401, ticket_id=second, times=9)
        ids = [first, second, others[0], "", *others[1:]]
        async with connect(fake, concurrency=3) as client:
            if many:
                result = await client.tickets.get_many(ids)
                check_whole(result, ids)
                assert set(result.errors) == {second, ""}
            else:
                async with client.tickets.stream(ids, ordered=True) as results:
                    assert [item.ticket_id async for item in results] == [first, second, ""]
        assert fake.calls == 2


async def test_refused_key_while_ids_are_awaited(fake: FakePeriskope) -> None:
    """A 401 ends a run whose ids come from an async iterable that keeps it waiting."""

    async def slow() -> AsyncIterator[str]:
        for ticket_id in fake.ticket_ids[:5]:
            yield ticket_id
        await asyncio.Event().wait()

    fake.faults.add(Fault.STATUS_401, ticket_id=fake.ticket_ids[4], times=9)
    async with connect(fake) as client:
        result = await client.tickets.get_many(slow())
    check_whole(result, fake.ticket_ids[:5])
    assert isinstance(result.errors[fake.ticket_ids[4]], AuthenticationError)


async def test_refused_key_while_duplicates_are_skipped(fake: FakePeriskope) -> None:
    """An id that is read while a 401 stops the run is skipped."""
    first, second, third, *_ = fake.ticket_ids
    fake.faults.add(Fault.STATUS_401, ticket_id=second, times=9)

    def ids() -> Iterator[str]:
        yield from (first, second)
        yield from itertools.takewhile(lambda _: not fake.counts[Fault.STATUS_401], itertools.repeat(first))
        yield from itertools.repeat(first, 5_000)
        yield third

    async with connect(fake, concurrency=2) as client:
        result = await client.tickets.get_many(ids())
    assert result.skipped == (third,)


async def test_refused_key_before_a_second_try(fake: FakePeriskope) -> None:
    """An id that waits for its second try when a run is stopped fails with the error of its first."""
    fake.faults.add(Fault.STATUS_500, ticket_id=fake.ticket_ids[0], times=9)
    fake.faults.add(Fault.STATUS_401, ticket_id=fake.ticket_ids[1], times=9)
    ids = fake.ticket_ids[:2]
    async with connect(fake, concurrency=1, retries=0) as client:
        async with client.tickets.stream(itertools.chain(ids, itertools.repeat("BKT-003"))) as results:
            items = {item.ticket_id: item async for item in results}
        assert all(isinstance(items[ticket_id], Failed) for ticket_id in ids)


async def test_outage_that_has_lasted_too_long(fake: FakePeriskope) -> None:
    """A run that comes when an outage has lasted as long as a call may take ends with its first pass, unused."""
    async with connect(fake, deadline=5.0) as client:
        state = client.tickets._caller.connections.state()
        ledger = state.queue.limiter._ledger
        ledger.circuit = CircuitBreaker(since=state.loop.time() - 5.0)
        result = await client.tickets.get_many(fake.ticket_ids)
    assert result.skipped == fake.ticket_ids
    assert (fake.calls, ledger.in_flight, ledger.circuit.in_flight) == (0, 0, 0)


async def test_deadline_of_the_run() -> None:
    """At its deadline a run returns what is done; what was in flight failed, the rest is skipped."""
    with FakePeriskope(tickets=60, latency=0.05) as fake:
        async with connect(fake, concurrency=4) as client:
            result = await client.tickets.get_many(fake.ticket_ids, deadline=0.4)
            check_whole(result, fake.ticket_ids)
            assert result.tickets
            assert result.skipped
            assert all(isinstance(error, DeadlineExceeded) for error in result.errors.values())
            assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"
    with FakePeriskope(tickets=5, rate_limit="2/60s") as fake:
        async with connect(fake) as client:
            result = await client.tickets.get_many(fake.ticket_ids, deadline=0.3)
        assert (len(result.tickets), result.skipped) == (2, fake.ticket_ids[2:])
    with pytest.raises(ExceptionGroup, match="skipped"):
        BulkResult(skipped=("BKT-001",)).raise_for_errors()


async def test_a_passing_failure_gets_one_more_try(fake: FakePeriskope) -> None:
    """An id that exhausted its attempts on passing faults is tried once more before it is given up."""
    fake.faults.add(Fault.STATUS_500, ticket_id="BKT-003", times=2)
    fake.faults.add(Fault.STATUS_500, ticket_id="BKT-004", times=99)
    async with connect(fake, retries=1) as client:
        result = await client.tickets.get_many(fake.ticket_ids[:8])
    assert "BKT-003" in result.tickets
    assert list(result.errors) == ["BKT-004"]
    assert fake.counts[Fault.STATUS_500] == 2 + 4


async def test_outage() -> None:
    """When everything fails, hardly anything is sent, and the run ends when one call's deadline has passed."""
    with FakePeriskope(tickets=1000) as fake:
        fake.faults.add(Fault.STATUS_503_BARE, times=10_000)
        async with connect(fake, deadline=1.0) as client:
            started = time.monotonic()
            result = await client.tickets.get_many(fake.ticket_ids)
            took = time.monotonic() - started
        check_whole(result, fake.ticket_ids)
        assert not result.tickets
        assert result.errors
        assert all(isinstance(error, PeriskopeError) for error in result.errors.values())
        assert fake.calls <= 1.1 * len(fake.ticket_ids)
        assert took < 2 * 1.0 + 3  # the bound is 2 x the deadline; the rest is for a busy machine


async def test_outage_without_retries() -> None:
    """An outage ends a run too whose calls never wait themselves: then those at the limiter notice."""
    with FakePeriskope(tickets=300) as fake:
        fake.faults.add(Fault.STATUS_503_BARE, times=10_000)
        async with connect(fake, deadline=0.5, retries=0) as client:
            result = await client.tickets.get_many(fake.ticket_ids)
        check_whole(result, fake.ticket_ids)
        assert result.errors
        assert fake.calls <= 1.1 * len(fake.ticket_ids)


async def test_recovery() -> None:
    """Down and up again in the middle of a run: every ticket is delivered."""
    with FakePeriskope(tickets=400, latency=0.005) as fake:
        async with connect(fake, deadline=30, concurrency=8) as client:
            run = asyncio.create_task(client.tickets.get_many(fake.ticket_ids))
            await asyncio.sleep(0.1)
            fake.down()
            await asyncio.sleep(1.0)
            fake.up()
            result = await run
    check_whole(result, fake.ticket_ids)
    assert result.ok


# -- chaos ------------------------------------------------------------------------------------------------------------

#: Faults that pass, without those that only a pause of whole seconds ends.
KINDS = [kind for kind in PASSING_FAULTS if not kind.value.startswith("429")] + [Fault.STATUS_429_FLOAT]


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        (1, 500),
        *(pytest.param(n, 10_000 if SOAK else 1_500, marks=pytest.mark.slow) for n in ((1, 2, 3) if SOAK else (2,))),
    ],
)
async def test_chaos(seed: int, count: int) -> None:
    """30 % of calls failing in at least 24 ways: every ticket comes once, and nothing stays behind."""
    assert len(KINDS) >= 24
    rates = {kind: 0.3 / len(KINDS) for kind in KINDS} | {Fault.STATUS_429_FLOAT: 0.0005}
    faults = Faults(rates, seed=seed, per_id=4)
    with FakePeriskope(tickets=count, seed=seed, faults=faults) as fake:
        before = asyncio.all_tasks()
        async with connect(fake, timeout=2.0, deadline=None, concurrency=64) as client:
            result = await client.tickets.get_many(fake.ticket_ids)
        assert result.ok, (seed, result.errors)
        check_whole(result, fake.ticket_ids)
        assert asyncio.all_tasks() == before
        struck = {kind for kind, times in fake.counts.items() if times}
        assert len(struck) >= 24, (seed, struck)
        assert fake.calls >= count * 1.2


@pytest.mark.parametrize("seed", [1, 2, 3] if SOAK else [4])
def test_chaos_blocking(seed: int) -> None:
    """The blocking client comes through the same chaos with the same result, and leaves no thread of a call behind."""
    count = 10_000 if SOAK else 600
    rates = {kind: 0.3 / len(KINDS) for kind in KINDS} | {Fault.STATUS_429_FLOAT: 0.0005}
    with FakePeriskope(tickets=count, seed=seed, faults=Faults(rates, seed=seed, per_id=4)) as fake:
        options: dict[str, Any] = {"timeout": 2.0, "deadline": None, "concurrency": 64}
        with BlockingClient(fake.api_key, base_url=fake.base_url, **options) as client:
            threads = threading.active_count()
            result = client.tickets.get_many(fake.ticket_ids)
            assert threading.active_count() <= threads + 1  # the loop's own, if this was the first call of all
        check_whole(result, fake.ticket_ids)
        assert result.ok, (seed, result.errors)
        assert sum(fake.counts.values()) >= 0.2 * count


def sockets_beside(port: int) -> int:
    """Count the internet sockets of this process that are not those of the service at *port*."""
    found = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # counted, not read
        try:
            number = os.dup(int(name))
        except OSError:  # closed meanwhile, in the service's thread
            continue
        try:
            held = socket.socket(fileno=number)
        except OSError:  # not a socket
            os.close(number)
            continue
        with held:
            found += held.family is socket.AF_INET and held.getsockname()[1] != port
    return found


@pytest.mark.parametrize(
    ("rates", "per_id"),
    [
        ({Fault.FIN: 0.1, Fault.STATUS_500: 0.1}, None),
        ({Fault.RESET_BEFORE: 0.5, Fault.FIN: 0.5}, 1),
        ({Fault.STALE: 1.0}, None),
    ],
    ids=["one in five fails", "every call is dropped once", "no connection answers twice"],
)
@pytest.mark.slow  # sockets that pile up do so over thousands of calls
async def test_sockets_are_bounded(rates: dict[str, float], per_id: int | None) -> None:
    """However many requests fail, a client never has more sockets than its concurrency, and no call is lost."""
    count, concurrency, done, sampled = 4_000, 100, itertools.count(), list[int]()
    with FakePeriskope(tickets=count, faults=Faults(rates, seed=1, per_id=per_id)) as fake:
        port = int(fake.base_url.split(":")[2].split("/")[0])
        before = sockets_beside(port)
        ids = iter(fake.ticket_ids)
        async with connect(fake, concurrency=concurrency, retries=9) as client:

            async def work() -> None:
                for ticket_id in ids:
                    assert (await client.tickets.get(ticket_id)).ticket.ticket_id == ticket_id
                    if next(done) % 20 == 0:
                        sampled.append(sockets_beside(port) - before)

            await asyncio.gather(*(work() for _ in range(concurrency)))
        assert next(done) == count
        assert sum(fake.counts.values()) >= 0.15 * count
    assert len(sampled) == count // 20
    assert concurrency / 2 < max(sampled) <= concurrency + 5


# -- a service that says 429 ------------------------------------------------------------------------------------------


class Guarded:
    """In the place of what a limiter keeps: nothing but the limiter may reach it, and that only under its lock."""

    def __init__(self, guarded: object, lock: threading.Lock, reached: set[str]) -> None:
        self._guarded, self._lock, self._reached = guarded, lock, reached

    def __getattr__(self, name: str) -> Any:
        assert sys._getframe(1).f_code.co_filename == limiter_module.__file__, name
        assert self._lock.locked(), name
        self._reached.add(name)
        return getattr(self._guarded, name)


async def test_nothing_is_read_without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens in a run or a call, nobody but the limiter reaches its ledger and its budget, under its lock."""
    faults: dict[str, float] = {Fault.STATUS_500: 0.2, Fault.RESET_BEFORE: 0.2, Fault.STATUS_404: 0.1}
    reached: set[str] = set()
    with FakePeriskope(tickets=60, faults=Faults(faults, per_id=1)) as fake:
        told: list[Progress] = []
        async with connect(fake, deadline=20) as client:
            limiter: Any = client._caller.connections.limiter

            class GuardedCircuit(CircuitBreaker):
                """A circuit breaker, which permits carry about: it may be touched only under the limiter's lock."""

                def __getattribute__(self, name: str) -> Any:
                    assert limiter._lock.locked(), name
                    reached.add(name)
                    return super().__getattribute__(name)

            monkeypatch.setattr(ledger_module, "CircuitBreaker", GuardedCircuit)
            for name in ("_ledger", "_retry_budget"):
                setattr(limiter, name, Guarded(getattr(limiter, name), limiter._lock, reached))
            result = await client.tickets.get_many(fake.ticket_ids, on_progress=told.append)
            assert client.rate_limit is None
            await client.tickets.get("BKT-001")  # first attempts go well again: that they fail is not usual
            fake.faults.add(Fault.STATUS_503_BARE, times=36)
            assert (await client.with_options(retries=0).tickets.get_many(fake.ticket_ids[:40])).tickets
            fake.faults.add(Fault.STATUS_429_FLOAT, times=1)
            fake.faults.retry_after = 0.01
            await client.tickets.get("BKT-001")
        check_whole(result, fake.ticket_ids)
        assert result.errors
        assert len(told) == 60
        assert (fake.counts[Fault.STATUS_503_BARE], fake.counts[Fault.STATUS_429_FLOAT]) == (36, 1)
    asked = {"admit", "answer", "lose", "throttle", "record_failure", "take", "succeed", "rate_limit", "time_for"}
    assert reached >= {*asked, "circuit", "is_shut", "since", "probe_until"}


# -- progress ---------------------------------------------------------------------------------------------------------


async def test_progress_adds_up(fake: FakePeriskope) -> None:
    """Progress is told after every ticket, its parts add up, and at the end nothing waits."""
    told: list[Progress] = []
    async with connect(fake, concurrency=4) as client:
        await client.tickets.get_many([*fake.ticket_ids[:40], "NOPE-1", "BKT-001"], on_progress=told.append)
    assert len(told) == 41
    assert all(step.waiting is not None and step.waiting >= 0 for step in told)
    assert all(step.in_flight < 4 for step in told)
    last = told[-1]
    assert (last.total, last.done, last.failed, last.in_flight, last.waiting) == (41, 40, 1, 0, 0)
    assert last.eta == 0.0
    lazily: list[Progress] = []
    async with connect(fake, concurrency=4) as client:
        await client.tickets.get_many(iter(fake.ticket_ids), on_progress=lazily.append)
    assert (lazily[0].total, lazily[0].waiting, lazily[0].eta) == (None, None, None)
    assert lazily[-1].total == len(fake.ticket_ids)


async def test_what_on_progress_raises(fake: FakePeriskope) -> None:
    """What on_progress raises comes back as it is, and the next call works."""

    def refuse(_: Progress) -> None:
        raise KeyError("mine")

    async with connect(fake) as client:
        before = asyncio.all_tasks()
        with pytest.raises(KeyError, match="mine"):
            await client.tickets.get_many(fake.ticket_ids, on_progress=refuse)
        assert asyncio.all_tasks() == before
        assert await client.tickets.get("BKT-001")


# -- sources ----------------------------------------------------------------------------------------------------------


async def drip(ids: Iterator[str] | tuple[str, ...]) -> AsyncIterator[str]:
    """Give out ids one loop turn at a time."""
    for ticket_id in ids:
        await asyncio.sleep(0)
        yield ticket_id


async def test_async_ids(fake: FakePeriskope) -> None:
    """Ids may come from an async iterable, duplicates and all."""
    async with connect(fake) as client:
        result = await client.tickets.get_many(drip((*fake.ticket_ids[:30], "BKT-001")))
    assert list(result.tickets) == list(fake.ticket_ids[:30])


async def test_a_source_that_fails(fake: FakePeriskope) -> None:
    """What the iterable of ids raises ends the run and comes back as it is, after what it gave before."""

    def broken() -> Iterator[str]:
        yield from fake.ticket_ids[:5]
        raise OSError("the disk is gone")

    async with connect(fake, concurrency=2) as client:
        before = asyncio.all_tasks()
        with pytest.raises(OSError, match="disk"):
            await client.tickets.get_many(broken())
        found: list[str] = []

        async def read() -> None:
            async with client.tickets.stream(broken()) as results:
                async for result in results:
                    found.append(result.ticket_id)  # noqa: PERF401  # what came before the failure is the point

        with pytest.raises(OSError, match="disk"):
            await read()
        assert sorted(found) == sorted(fake.ticket_ids[:5])
        assert asyncio.all_tasks() == before


# -- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [False, True])
async def test_stream(fake: FakePeriskope, ordered: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """A stream hands over every distinct id once, in order if asked to, and failures among them."""
    fake.faults.add(Fault.STATUS_500, ticket_id="BKT-002", times=1)
    ids = [*fake.ticket_ids, "NOPE-1", "", *fake.ticket_ids]
    async with connect(fake) as client, client.tickets.stream(ids, ordered=ordered) as results:
        items = [item async for item in results]
    found = [item.ticket_id for item in items]
    wanted = [*fake.ticket_ids, "NOPE-1", ""]
    assert (found if ordered else sorted(found)) == (wanted if ordered else sorted(wanted))
    assert {item.ticket_id for item in items if isinstance(item, Failed)} == {"NOPE-1", ""}
    assert all(item.ticket.ticket.ticket_id == item.ticket_id for item in items if isinstance(item, Fetched))


async def test_an_endless_stream_reads_no_further_than_its_reader(fake: FakePeriskope) -> None:
    """Ids are read only as fast as results are taken, so that they may be endless."""
    read = itertools.count()

    def endless() -> Iterator[str]:
        for number in read:
            yield fake.ticket_ids[number] if number < 200 else f"NOPE-{number}"

    async with connect(fake, concurrency=5) as client:
        async with client.tickets.stream(endless()) as results:
            for _ in range(20):
                await anext(results)
            await asyncio.sleep(0.2)
            assert next(read) <= 20 + 10 + 1
        left = [item async for item in results]
        assert len(left) <= 2 * 5


async def test_a_second_try_while_the_reader_rests(fake: FakePeriskope) -> None:
    """A stream whose reader takes nothing uses the time for second tries."""
    fake.faults.add(Fault.STATUS_500, ticket_id=fake.ticket_ids[0], times=1)
    async with connect(fake, concurrency=1, retries=0) as client, client.tickets.stream(fake.ticket_ids) as results:
        await calls(fake, 3)
        assert [request.ticket_id for request in fake.requests] == [*fake.ticket_ids[:2], fake.ticket_ids[0]]
        assert isinstance(await anext(results), Fetched)


async def test_a_refused_key_while_the_reader_rests(fake: FakePeriskope) -> None:
    """A 401 ends a stream whose workers wait for their reader."""
    bad = fake.ticket_ids[1]
    refused = [0.3, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"]
    fake.answer(lambda request: refused if request.path.endswith(bad) else None)
    before = asyncio.all_tasks()
    async with connect(fake, concurrency=2) as client, client.tickets.stream(fake.ticket_ids) as results:
        while asyncio.all_tasks() > before:  # noqa: ASYNC110  # its workers leave by themselves
            await asyncio.sleep(0.001)
        found = [item async for item in results]
    assert {item.ticket_id for item in found} == set(fake.ticket_ids[:4])
    assert sum(isinstance(item, Failed) for item in found) == 1


async def test_a_refused_key_ends_a_stream(fake: FakePeriskope) -> None:
    """A 401 ends the stream after its Failed, in order too."""
    fake.faults.add(Fault.STATUS_401, ticket_id=fake.ticket_ids[20], times=9)
    async with connect(fake, concurrency=4) as client, client.tickets.stream(fake.ticket_ids, ordered=True) as results:
        items = [item async for item in results]
    assert any(isinstance(item, Failed) and isinstance(item.error, AuthenticationError) for item in items)
    assert len(items) < len(fake.ticket_ids)


@repeated
async def test_leaving_at_random_points(fake: FakePeriskope, batch: int) -> None:
    """Leaving a run by break, exception, timeout or cancellation leaves no task and no busy connection."""
    chance = random.Random(batch)  # noqa: S311  # a reproducible test
    async with connect(fake, concurrency=8) as client:
        await client.tickets.get("BKT-001")
        before = asyncio.all_tasks()

        async def leave(way: str, after: int) -> None:
            async with client.tickets.stream(itertools.cycle(fake.ticket_ids[:150])) as results:
                for _ in range(after):
                    await anext(results)
                if way == "error":
                    raise LookupError("mine")
                if way == "hang":
                    await asyncio.sleep(60)

        for _ in range(1000 if SOAK else 40):
            way = chance.choice(["break", "error", "hang", "many"])
            if way == "many":
                with suppress(TimeoutError):
                    async with asyncio.timeout(chance.random() * 0.02):
                        await client.tickets.get_many(fake.ticket_ids)
            elif way == "hang":
                task = asyncio.create_task(leave(way, chance.randrange(4)))
                await asyncio.sleep(chance.random() * 0.02)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            elif way == "error":
                with pytest.raises(LookupError, match="mine"):
                    await leave(way, chance.randrange(10))
            else:
                await leave(way, chance.randrange(10))
            assert asyncio.all_tasks() == before
        assert (await client.tickets.get_many(fake.ticket_ids)).ok


async def test_cancelled_while_leaving(fake: FakePeriskope) -> None:
    """Somebody who cancels a run twice waits all the same until its last worker is gone."""
    left: list[str] = []

    async def stubborn() -> AsyncIterator[str]:
        try:
            for ticket_id in fake.ticket_ids[:3]:
                yield ticket_id
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)
            left.append("the source")

    async with connect(fake, concurrency=2) as client:
        before = asyncio.all_tasks()
        run = asyncio.create_task(client.tickets.get_many(stubborn()))
        await calls(fake, 3)
        for _ in range(2):
            await asyncio.sleep(0.02)
            run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert asyncio.all_tasks() == before
    assert left == ["the source"]


async def test_cancelled_while_leaving_a_stream(fake: FakePeriskope) -> None:
    """Somebody who leaves a stream, and is cancelled meanwhile, waits all the same until its last worker is gone."""
    left: list[str] = []

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield fake.ticket_ids[0]
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)
            left.append("the source")

    async def read() -> None:
        async with client.tickets.stream(stubborn()) as results:
            await anext(results)
            leaving.set()

    async with connect(fake, concurrency=2) as client:
        before, leaving = asyncio.all_tasks(), asyncio.Event()
        reader = asyncio.create_task(read())
        await leaving.wait()
        for _ in range(2):
            await asyncio.sleep(0.02)
            assert not reader.done()
            reader.cancel("by its owner")
        with pytest.raises(asyncio.CancelledError, match="by its owner"):
            await reader
        assert asyncio.all_tasks() == before
    assert left == ["the source"]


@pytest.mark.parametrize("end", ["refused", "refused twice", "deadline", "on_progress", "left", "refused and left"])
async def test_ids_can_clean_up(fake: FakePeriskope, end: str) -> None:
    """However a run ends that waits for an id, the caller's generator is cancelled once, and ends in its own time."""
    first, second = fake.ticket_ids[:2]
    left: list[str] = []

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield first
            yield second
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)
            left.append("the source")

    def refuse(_: Progress) -> None:
        raise KeyError("mine")

    refused = {"refused": [first], "refused twice": [first, second], "refused and left": [second]}.get(end, [])
    steps = [0.02, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"]
    fake.answer(lambda request: steps if request.path.rpartition("/")[2] in refused else None)
    async with connect(fake, concurrency=3) as client:
        before = asyncio.all_tasks()
        if "left" in end:
            async with client.tickets.stream(stubborn()) as results:
                items = [await anext(results), await anext(results)]
            assert [item.ticket_id for item in items if isinstance(item, Failed)] == refused
        elif end == "on_progress":
            with pytest.raises(KeyError, match="mine"):
                await client.tickets.get_many(stubborn(), on_progress=refuse)
        else:
            result = await client.tickets.get_many(stubborn(), deadline=0.3 if end == "deadline" else None)
            assert sorted(result.errors) == refused
        assert left == ["the source"]
        assert asyncio.all_tasks() == before


@pytest.mark.parametrize("end", ["deadline", "cancelled", "left"])
async def test_ids_that_do_not_end(fake: FakePeriskope, end: str) -> None:
    """A generator that goes on although it was told to end does not keep its run from ending."""

    async def stubborn() -> AsyncIterator[str]:
        yield fake.ticket_ids[0]
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        for ticket_id in itertools.cycle(fake.ticket_ids[1:]):
            await asyncio.sleep(0)
            yield ticket_id

    async with asyncio.timeout(20.0), connect(fake) as client:
        if end == "deadline":
            result = await client.tickets.get_many(stubborn(), deadline=0.2)
            assert (len(result.tickets), result.skipped) == (1, (fake.ticket_ids[1],))
        elif end == "cancelled":
            run = asyncio.create_task(client.tickets.get_many(stubborn()))
            await calls(fake, 1)
            await asyncio.sleep(0.1)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
        else:
            async with client.tickets.stream(stubborn()) as results:
                await anext(results)
    assert fake.calls == 1


async def test_what_clean_up_raises(fake: FakePeriskope) -> None:
    """A generator of ids that fails as it is told to end has failed, and its run with it."""

    async def broken() -> AsyncIterator[str]:
        try:
            yield fake.ticket_ids[0]
            await asyncio.Event().wait()
        finally:
            raise OSError("the disk is gone")

    fake.faults.add(Fault.STATUS_401, times=9)
    async with connect(fake) as client:
        with pytest.raises(OSError, match="disk"):
            await client.tickets.get_many(broken())


async def test_an_id_that_comes_too_late_is_skipped(fake: FakePeriskope) -> None:
    """What the ids give out in spite of the end of a run is accounted for: it was never attempted."""
    first, second = fake.ticket_ids[:2]

    async def stubborn() -> AsyncIterator[str]:
        yield first
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        yield second

    fake.faults.add(Fault.STATUS_401, ticket_id=first, times=9)
    async with connect(fake, concurrency=2) as client:
        result = await client.tickets.get_many(stubborn())
    assert (list(result.errors), result.skipped) == ([first], (second,))


async def test_a_timeout_of_the_callers_own(fake: FakePeriskope) -> None:
    """A TimeoutError that the ids raise is theirs, also where the run has a deadline."""

    def slow() -> Iterator[str]:
        yield fake.ticket_ids[0]
        raise TimeoutError("the database")

    async with connect(fake) as client:
        for deadline in (None, 60.0):
            with pytest.raises(TimeoutError, match="the database"):
                await client.tickets.get_many(slow(), deadline=deadline)


async def test_closing_ends_a_run(fake: FakePeriskope) -> None:
    """Closing the client in the middle of a run ends it with ClientClosedError."""
    client = connect(fake, concurrency=4)
    run = asyncio.create_task(client.tickets.get_many(itertools.cycle(fake.ticket_ids[:100])))
    await calls(fake, 20)
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await run


async def test_a_blocked_loop(fake: FakePeriskope) -> None:
    """Code that blocks the loop for longer than an attempt's timeout costs no ticket."""
    async with connect(fake, timeout=0.5, concurrency=50) as client:
        run = asyncio.create_task(client.tickets.get_many(fake.ticket_ids[:100]))
        await calls(fake, 10)
        time.sleep(1.0)  # noqa: ASYNC251  # the fault itself
        assert (await run).ok


async def test_two_runs_at_once_and_a_single_call_between(fake: FakePeriskope) -> None:
    """Two runs share a client's concurrency, and a single call goes before what they have waiting."""
    async with connect(fake, concurrency=3) as client:
        runs = [asyncio.create_task(client.tickets.get_many(fake.ticket_ids)) for _ in range(2)]
        await calls(fake, 20)
        await client.tickets.get("BKT-001")
        assert not all(run.done() for run in runs)
        assert all(result.ok for result in await asyncio.gather(*runs))


async def test_nothing_leaks(fake: FakePeriskope) -> None:
    """After many runs there are no more threads and file descriptors than after the first."""

    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # counted, not read

    async def run() -> None:
        async with connect(fake) as client:
            assert (await client.tickets.get_many(fake.ticket_ids)).ok
        await asyncio.sleep(0.05)
        gc.collect()

    await run()
    files, threads = open_files(), threading.active_count()
    for _ in range(3):
        await run()
    assert open_files() <= files
    assert threading.active_count() <= threads


async def test_a_run_keeps_no_object_for_an_id_but_its_outcome(fake: FakePeriskope) -> None:
    """What the garbage collector looks through again and again while a run grows is its tickets, and nothing beside."""
    holders: list[int] = []

    def look(progress: Progress) -> None:
        if progress.done == progress.total:
            holders.append(sum(type(each) is tuple and _has_a_ticket(each) for each in gc.get_objects()))

    async with connect(fake) as client:
        assert (await client.tickets.get_many(fake.ticket_ids, on_progress=look)).ok
    assert len(holders) == 1
    assert holders[0] < len(fake.ticket_ids) / 2


def _has_a_ticket(values: tuple[Any, ...]) -> bool:
    return any(type(each) is TicketInfo for each in values)  # `isinstance` asks the object, whosever it is
