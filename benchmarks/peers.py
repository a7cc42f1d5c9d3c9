"""The clients that fetch many tickets, each written as its own documentation has it. Knows nothing of measuring.

A peer is a context manager that opens a client and gives a function from ids to results: a ticket (ours), a dict, or
the length of a body that was read and dropped.
"""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

KEY: Final = "benchmark-key"
HEADERS: Final = {"Authorization": f"Bearer {KEY}"}

Result = Any  # a ticket, a dict or a length
Fetch = Callable[[Sequence[str]], Awaitable[Collection[Result]]]
BlockingFetch = Callable[[Sequence[str]], Collection[Result]]


async def pool(fetch_one: Callable[[str], Awaitable[Result]], ids: Sequence[str], workers: int) -> list[Result]:
    """Fetch with that many workers on one shared iterator: how a careful hand writes it."""
    results: list[Result] = []
    left = iter(ids)

    async def work() -> None:
        for ticket_id in left:
            results.append(await fetch_one(ticket_id))  # noqa: PERF401  # keeps what came before a failure, as people do

    await asyncio.gather(*(work() for _ in range(workers)))
    return results


def best_loads() -> Callable[[bytes], Any]:
    """Choose the fastest JSON decoder to plain dicts that is installed."""
    try:
        import orjson
    except ModuleNotFoundError:
        return json.loads
    return orjson.loads


# --- ours ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def get_many(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """`await client.tickets.get_many(ids)`."""
    from periskope_async import PeriskopeClient

    async with PeriskopeClient(KEY, base_url=url, concurrency=concurrency) as client:

        async def fetch(ids: Sequence[str]) -> Collection[Result]:
            return (await client.tickets.get_many(ids)).tickets.values()

        yield fetch


@asynccontextmanager
async def public_get_many(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """`get_many` on an aiohttp on which the direct way does not work."""
    from periskope_async._io import http

    http.works_directly = lambda: False  # type: ignore[assignment]  # as the probe would say there
    async with get_many(url, concurrency) as fetch:
        yield fetch


@asynccontextmanager
async def stream(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """`async with client.tickets.stream(ids)`, no ticket kept: only its id, as proof."""
    from periskope_async import Fetched, PeriskopeClient

    async with PeriskopeClient(KEY, base_url=url, concurrency=concurrency) as client:

        async def fetch(ids: Sequence[str]) -> Collection[Result]:
            async with client.tickets.stream(ids) as outcomes:
                return [outcome.ticket.ticket.ticket_id async for outcome in outcomes if isinstance(outcome, Fetched)]

        yield fetch


@asynccontextmanager
async def get(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """`await client.tickets.get(id)` in a worker pool of the caller's own."""
    from periskope_async import PeriskopeClient

    async with PeriskopeClient(KEY, base_url=url, concurrency=concurrency) as client:
        yield lambda ids: pool(client.tickets.get, ids, concurrency)


@contextmanager
def blocking_get_many(url: str, concurrency: int) -> Iterator[BlockingFetch]:
    """`client.tickets.get_many(ids)` of the blocking twin."""
    from periskope_sync import PeriskopeClient

    with PeriskopeClient(KEY, base_url=url, concurrency=concurrency) as client:
        yield lambda ids: client.tickets.get_many(ids).tickets.values()


# --- aiohttp by hand -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _aiohttp_pool(keep: Callable[[bytes], Result], url: str, concurrency: int) -> AsyncIterator[Fetch]:
    import aiohttp

    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def fetch_one(ticket_id: str) -> Result:
            async with session.get(f"{url}/tickets/{ticket_id}") as response:
                return keep(await response.read())

        yield lambda ids: pool(fetch_one, ids, concurrency)


def aiohttp_dropped(url: str, concurrency: int) -> Any:
    """Read every body and drop it: the least that aiohttp can do."""
    return _aiohttp_pool(len, url, concurrency)


def aiohttp_dicts(url: str, concurrency: int) -> Any:
    """Decode every body to plain dicts."""
    return _aiohttp_pool(best_loads(), url, concurrency)


@asynccontextmanager
async def aiohttp_naive(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """Do what most code does: a task per id, a semaphore, `response.json()`."""
    import aiohttp

    async with aiohttp.ClientSession(headers=HEADERS) as session:
        free = asyncio.Semaphore(concurrency)

        async def fetch_one(ticket_id: str) -> Result:
            async with free, session.get(f"{url}/tickets/{ticket_id}") as response:
                return await response.json()

        async def fetch(ids: Sequence[str]) -> Collection[Result]:
            return await asyncio.gather(*map(fetch_one, ids))

        yield fetch


# --- other async clients ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def httpx(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """Use one AsyncClient with as many connections as workers."""
    import httpx

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits) as client:

        async def fetch_one(ticket_id: str) -> Result:
            return (await client.get(f"{url}/tickets/{ticket_id}")).json()

        yield lambda ids: pool(fetch_one, ids, concurrency)


@asynccontextmanager
async def niquests(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """Use one AsyncSession with as many connections as workers."""
    import niquests

    async with niquests.AsyncSession(pool_connections=1, pool_maxsize=concurrency) as session:
        session.headers["Authorization"] = HEADERS["Authorization"]

        async def fetch_one(ticket_id: str) -> Result:
            return (await session.get(f"{url}/tickets/{ticket_id}")).json()

        yield lambda ids: pool(fetch_one, ids, concurrency)


# --- threads ---------------------------------------------------------------------------------------------------------


@contextmanager
def requests_threads(url: str, concurrency: int) -> Iterator[BlockingFetch]:
    """Use one Session with as many connections as threads."""
    import requests
    from requests.adapters import HTTPAdapter

    with requests.Session() as session, ThreadPoolExecutor(concurrency) as threads:
        session.headers["Authorization"] = HEADERS["Authorization"]
        session.mount("http://", HTTPAdapter(pool_maxsize=concurrency))

        def fetch_one(ticket_id: str) -> Result:
            return session.get(f"{url}/tickets/{ticket_id}").json()  # the session's own timeout: none

        yield lambda ids: list(threads.map(fetch_one, ids))


@contextmanager
def urllib3_threads(url: str, concurrency: int) -> Iterator[BlockingFetch]:
    """Use one PoolManager with as many connections as threads."""
    urllib3 = genuine_urllib3()
    loads = best_loads()
    with (
        urllib3.PoolManager(maxsize=concurrency, headers=HEADERS) as manager,
        ThreadPoolExecutor(concurrency) as threads,
    ):

        def fetch_one(ticket_id: str) -> Result:
            return loads(manager.request("GET", f"{url}/tickets/{ticket_id}").data)

        yield lambda ids: list(threads.map(fetch_one, ids))


def genuine_urllib3() -> Any:
    """Import urllib3, not the fork that niquests installs over it unless told otherwise."""
    import urllib3

    if hasattr(urllib3, "AsyncPoolManager"):
        raise ModuleNotFoundError(name="urllib3 (urllib3-future has replaced it)")
    return urllib3


# --- the floor -------------------------------------------------------------------------------------------------------


class _Raw(asyncio.Protocol):
    """One connection that asks for the next ticket as soon as it has the last, and knows just enough HTTP for that."""

    def __init__(self, host: str, path: str) -> None:
        self.ask = f"{path}/tickets/%s HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n\r\n"

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def start(self, left: Iterator[str], lengths: list[int]) -> asyncio.Future[None]:
        self.left, self.lengths, self.buffer = left, lengths, b""
        self.finished = asyncio.get_running_loop().create_future()
        self.next()
        return self.finished

    def next(self) -> None:
        if ticket_id := next(self.left, None):
            self.transport.write(b"GET " + (self.ask % ticket_id).encode())
        else:
            self.finished.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        head = self.buffer.find(b"\r\n\r\n") + 4
        at = self.buffer.find(b"Content-Length: ") + 16
        length = int(self.buffer[at : self.buffer.find(b"\r", at)]) if head > at > 16 else None
        if length is not None and len(self.buffer) == head + length:
            self.lengths.append(length)
            self.buffer = b""
            self.next()


@asynccontextmanager
async def raw_sockets(url: str, concurrency: int) -> AsyncIterator[Fetch]:
    """Send and read bytes on bare connections, drop the body: what no client can undercut."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    connect = functools.partial(
        loop.create_connection, lambda: _Raw(place.netloc, place.path), place.hostname, place.port
    )
    connections = [await connect() for _ in range(concurrency)]

    async def fetch(ids: Sequence[str]) -> Collection[Result]:
        left, lengths = iter(ids), list[int]()
        await asyncio.gather(*(protocol.start(left, lengths) for _, protocol in connections))
        return lengths

    yield fetch
    for transport, _ in connections:
        transport.close()
