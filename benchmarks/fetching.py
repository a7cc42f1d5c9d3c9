"""Many tickets: what one costs, at each concurrency, with a slow service, and as their number grows."""

import asyncio
import gc
import resource
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import peers
from harness import MODES, PLAIN, SPEED, Case, Lab, Series, collections, pin
from server import body, ids, loop_factory, serve

OURS: Final = "periskope get_many"
STREAM: Final = "periskope stream"
BLOCKING: Final = "periskope_sync get_many"
LIMITED: Final = "periskope get_many, rate-limit headers"
DROPPED: Final = "aiohttp pool, body dropped"
DICTS: Final = "aiohttp pool, dicts"
NAIVE: Final = "aiohttp gather + json()"
REQUESTS: Final = "requests + threads"
HTTPX: Final = "httpx"
VENDOR: Final = "vendor's TypeScript client"
RAW: Final = "raw sockets, body dropped"
COLLECTOR_OFF: Final = ", collector off"
COLLECTED: Final = "µs of CPU in the garbage collector per ticket"

#: The function of peers.py behind each label, and how many tickets it is given in a round: fewer where it is slow.
PEERS: Final = {
    OURS: ("get_many", 2_000),
    LIMITED: ("get_many", 2_000),
    STREAM: ("stream", 2_000),
    "periskope get, own pool": ("get", 2_000),
    BLOCKING: ("blocking_get_many", 2_000),
    DROPPED: ("aiohttp_dropped", 2_000),
    DICTS: ("aiohttp_dicts", 2_000),
    NAIVE: ("aiohttp_naive", 2_000),
    "urllib3 + threads": ("urllib3_threads", 1_000),
    REQUESTS: ("requests_threads", 1_000),
    "niquests": ("niquests", 500),
    HTTPX: ("httpx", 500),
    RAW: ("raw_sockets", 2_000),
}


def bulk(lab: Lab) -> Series:
    """2,000 tickets, 50 in flight."""
    cases = [_case(lab, row, mode, mode, lab.size(count)) for row, (_, count) in PEERS.items() for mode in MODES]
    vendor = {"url": lab.url, "count": lab.size(2_000), "concurrency": 50}
    return lab.measure("bulk", [*cases, Case(VENDOR, PLAIN, "vendor.mjs", PLAIN, vendor)])


def sweep(lab: Lab) -> Series:
    """2,000 tickets, 1 to 500 in flight."""
    cases = [
        _case(lab, row, f"{concurrency} in flight", SPEED, lab.size(2_000), concurrency=concurrency)
        for row in (OURS, DICTS, NAIVE)
        for concurrency in (1, 2, 5, 10, 20, 50, 100, 200, 500)
    ]
    return lab.measure("sweep", cases)


def latency(lab: Lab) -> Series:
    """A service that takes 20 ms to answer: here concurrency decides, and the client must not get in the way."""
    with serve(delay=0.02) as slow:
        pin(slow)
        lab = lab._replace(server=slow)
        cases = [
            _case(lab, row, f"{concurrency} in flight", SPEED, lab.size(40 * concurrency), concurrency=concurrency)
            for row in (OURS, DICTS, NAIVE, HTTPX)
            for concurrency in (10, 50, 100)
        ]
        return lab.measure("20 ms latency", cases)


def growth(lab: Lab) -> Series:
    """1,000, 10,000 and 50,000 tickets, with the garbage collector on and off: time and peak memory."""
    cases = [
        _case(lab, f"{row}{'' if collector else COLLECTOR_OFF}", f"{count:,}", SPEED, size, collector=collector)
        for row in (OURS, STREAM, DICTS, NAIVE)
        for collector in (True, False)
        for count in (1_000, 10_000, 50_000)
        if collector or row in (OURS, DICTS)
        for size in [lab.size(count)]
    ]
    return lab.measure("growth", cases, fresh=True)


def blocking_bulk(lab: Lab) -> Series:
    """10,000 tickets, blocking and not."""
    cases = [_case(lab, row, mode, mode, lab.size(10_000)) for row in (OURS, BLOCKING) for mode in MODES]
    return lab.measure("blocking bulk", cases)


def _case(lab: Lab, row: str, column: str, mode: str, count: int, **more: Any) -> Case:
    peer = PEERS[row.removesuffix(COLLECTOR_OFF)][0]
    url = f"{lab.server.url}/limited/v1" if row == LIMITED else lab.url
    return Case(row, column, "fetching:fetch", mode, {"peer": peer, "url": url, "count": count, **more})


def fetch(peer: str, url: str, count: int, concurrency: int = 50, *, collector: bool = True) -> dict[str, float]:
    """Fetch that many tickets with one peer in a worker, after two on each connection to warm up, and check them."""
    wanted = ids(count)
    warm_up = ids(2 * concurrency)
    opened = getattr(peers, peer)(url, concurrency)
    gc.collect()
    if not collector:
        gc.disable()
    results: list[Any] = []
    if isinstance(opened, AbstractAsyncContextManager):
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            seconds, cpu, collected = runner.run(_timed(opened, warm_up, wanted, results))
    else:
        with opened as run:
            run(warm_up)
            started, started_cpu = time.perf_counter(), time.process_time()
            with collections() as took:
                results.extend(run(wanted))
            seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
            collected = sum(took)
    figures = {
        "µs per ticket": seconds / count * 1e6,
        "µs of CPU per ticket": cpu / count * 1e6,
        COLLECTED: collected / count * 1e6,
        "peak MB": peak_memory(),
    }
    check(results, wanted, varied="/varied/" in url)
    return figures | {"requests": len(warm_up) + count}


async def _timed(
    opened: AbstractAsyncContextManager[peers.Fetch], warm_up: Sequence[str], wanted: Sequence[str], results: list[Any]
) -> tuple[float, float, float]:
    """Fetch into *results*: of what a main task returns, the loop's runner makes a repr when it ends."""
    async with opened as run:
        await run(warm_up)
        started, started_cpu = time.perf_counter(), time.process_time()
        with collections() as took:
            results.extend(await run(wanted))
        return time.perf_counter() - started, time.process_time() - started_cpu, sum(took)


def check(results: Collection[Any], wanted: Sequence[str], *, varied: bool = False) -> None:
    """Insist that a peer has what it claims: every ticket once, or as many bodies of the right length."""
    proofs = sorted(map(_proof, results))
    if varied and isinstance(proofs[0], int):  # their lengths are as different as they are
        assert len(proofs) == len(wanted)
        return
    # All ids are of one length; to make every body here would cost more than some peers take for the fetching.
    assert proofs == wanted or proofs == [len(body(wanted[0]))] * len(wanted), f"fetched {proofs[:3]}..."


def _proof(result: Any) -> Any:
    match result:
        case int() | str():
            return result
        case dict():
            return result["ticket"]["ticket_id"]
        case _:
            return result.ticket.ticket_id


def peak_memory() -> float:
    """Give the highest resident memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike ru_maxrss, this starts anew with each program
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
