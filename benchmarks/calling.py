"""One ticket, blocking: what a script, a Django view or a Celery task waits for."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

from harness import MODES, Case, Lab, Series
from peers import HEADERS, KEY, best_loads, genuine_urllib3
from server import ids

Get = Callable[[str], Any]

OURS: Final = "periskope_sync get"
URLLIB3: Final = "urllib3 PoolManager"
REQUESTS: Final = "requests Session"

PEERS: Final = {
    OURS: "periskope",
    "http.client (floor)": "http_client",
    URLLIB3: "urllib3_pool",
    "httpx Client": "httpx_client",
    REQUESTS: "requests_session",
    "niquests Session": "niquests_session",
}
THREADS: Final = 8


def call(peer: str, url: str, count: int, threads: int = 1) -> dict[str, float]:
    """Fetch tickets one after the other in a worker, in each of some threads that share one client."""
    wanted = ids(count)
    warm_up = ids(20)
    with globals()[peer](url) as get, ThreadPoolExecutor(threads) as pool:

        def run(_: int) -> list[Any]:
            return [get(ticket_id) for ticket_id in wanted]

        list(pool.map(lambda _: [get(ticket_id) for ticket_id in warm_up], range(threads)))
        started, started_cpu = time.perf_counter(), time.process_time()
        # One thread is the caller's own: a hop to another would be measured, too.
        results = [run(0)] if threads == 1 else list(pool.map(run, range(threads)))
        seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    for fetched in results:
        assert [_ticket_id(result) for result in fetched] == wanted
    calls = count * threads
    return {
        "µs per call": seconds / calls * 1e6,
        "µs of CPU per call": cpu / calls * 1e6,
        "requests": calls + len(warm_up) * threads,
    }


def _ticket_id(result: Any) -> Any:
    return result["ticket"]["ticket_id"] if isinstance(result, dict) else result.ticket.ticket_id


def blocking_call(lab: Lab) -> Series:
    """One call after the other."""
    return lab.measure("blocking call", _cases(lab, lab.size(1_000)))


def shared_client(lab: Lab) -> Series:
    """Eight threads that share one client."""
    cases = _cases(lab, lab.size(200), threads=THREADS)
    return lab.measure("8 threads, one client", [case for case in cases if case.row != "http.client (floor)"])


def _cases(lab: Lab, count: int, **more: Any) -> list[Case]:
    return [
        Case(row, mode, "calling:call", mode, {"peer": peer, "url": lab.url, "count": count, **more})
        for row, peer in PEERS.items()
        for mode in MODES
    ]


@contextmanager
def periskope(url: str) -> Iterator[Get]:
    """`client.tickets.get(id)`: typed."""
    from periskope_sync import PeriskopeClient

    with PeriskopeClient(KEY, base_url=url) as client:
        yield client.tickets.get


@contextmanager
def http_client(url: str) -> Iterator[Get]:
    """Use the standard library on one connection."""
    place, loads = urlsplit(url), best_loads()
    connection = HTTPConnection(place.netloc)

    def get(ticket_id: str) -> Any:
        connection.request("GET", f"{place.path}/tickets/{ticket_id}", headers=HEADERS)
        return loads(connection.getresponse().read())

    with ExitStack() as stack:
        stack.callback(connection.close)
        yield get


@contextmanager
def urllib3_pool(url: str) -> Iterator[Get]:
    """Use a PoolManager and the fastest decoder to dicts."""
    loads = best_loads()
    with genuine_urllib3().PoolManager(headers=HEADERS, maxsize=THREADS) as manager:
        yield lambda ticket_id: loads(manager.request("GET", f"{url}/tickets/{ticket_id}").data)


@contextmanager
def httpx_client(url: str) -> Iterator[Get]:
    """Use httpx.Client and its `json()`."""
    import httpx

    with httpx.Client(headers=HEADERS) as client:
        yield lambda ticket_id: client.get(f"{url}/tickets/{ticket_id}").json()


@contextmanager
def requests_session(url: str) -> Iterator[Get]:
    """Use requests.Session and its `json()`."""
    import requests

    genuine_urllib3()
    with requests.Session() as session:
        session.headers["Authorization"] = HEADERS["Authorization"]
        yield lambda ticket_id: session.get(f"{url}/tickets/{ticket_id}").json()


@contextmanager
def niquests_session(url: str) -> Iterator[Get]:
    """Use niquests.Session and its `json()`."""
    import niquests

    with niquests.Session() as session:
        session.headers["Authorization"] = HEADERS["Authorization"]
        yield lambda ticket_id: session.get(f"{url}/tickets/{ticket_id}").json()
