"""What several test modules share. It must not know what they test."""

import asyncio
import fcntl
import functools
import inspect
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from unittest.mock import MagicMock

import looptime
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from periskope_async._sansio.operation import Request

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
BATCH = 25
slow: Any = functools.partial(pytest.param, marks=pytest.mark.slow)
#: Has a test that draws its cases draw four times as many where the slow tests run.
repeated = pytest.mark.parametrize("batch", [0, slow(1), slow(2), slow(3)])

#: Real seconds that bytes may be on their way through the kernel: more than a delayed acknowledgement takes.
ON_THE_WAY = 0.1
#: Real seconds that a thread of a loop may be at work, for a disk that others use too.
AT_WORK = 5.0
SIOCOUTQNSD = 0x894B  # of Linux: what is not sent, for want of room at the other end or of its acknowledgement

#: Whatever a server may put into a header, lone surrogates included: so aiohttp decodes bytes that are not UTF-8.
any_text = st.text(st.characters(exclude_categories=()))


class Recorder:
    """In the place of a caller: keeps what it is to send, and sends nothing."""

    settings = SimpleNamespace(timeout=30.0)

    def __init__(self) -> None:
        self.requests: list[Request[Any]] = []

    async def call(self, request: Request[Any]) -> Any:
        """Keep *request*; what it would have brought is anything."""
        self.requests.append(request)
        return MagicMock()


async def request_of(resource: type[Any], method: str, *args: Any, **kwargs: Any) -> Request[Any]:
    """Return the one request that a method of a resource would send."""
    recorder = Recorder()
    await getattr(resource(recorder), method)(*args, **kwargs)
    (request,) = recorder.requests
    return request


def many(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[list[T]]:
    """Draw a batch of cases: Hypothesis spends most of its time between examples."""
    return st.lists(strategy, min_size=BATCH, max_size=BATCH, unique_by=repr)


def cases(count: int) -> Callable[[T], T]:
    """Let a test of batches that `many` draws see so many cases."""
    return settings(max_examples=count // BATCH, deadline=None, suppress_health_check=[HealthCheck.large_base_example])


def some(cases: Iterable[Any], *often: Any) -> list[Any]:
    """Have a parametrized test run *often* by default, and the others of its *cases* where the slow tests run."""
    return [case if case in often else slow(*case) if isinstance(case, tuple) else slow(case) for case in cases]


def each_of(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Show one test all of its *cases*, as `pytest.mark.parametrize` does with a test for each.

    A failure names its case, and the others are tried all the same. It is for rules of pure functions: pytest, xdist
    and their reports spend two milliseconds on a test, a hundred times what such a case takes.
    """
    arguments = [each.strip() for each in names.split(",")] if isinstance(names, str) else list(names)
    table = list(cases)
    assert table, "a rule without a case proves nothing"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)

        @functools.wraps(test)
        def every(**others: Any) -> None:
            failures: list[BaseException] = []
            for values in table:
                case = dict(zip(arguments, values if len(arguments) > 1 else [values], strict=True))
                try:
                    test(**others, **case)
                except (Exception, pytest.fail.Exception, BaseExceptionGroup) as error:  # noqa: BLE001  # it is raised below, with its case
                    error.add_note(f"case: {case!r}")
                    failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(table)} cases failed", failures)

        kept = [each for name, each in signature.parameters.items() if name not in arguments]
        assert len(kept) == len(signature.parameters) - len(arguments), "each name is an argument"
        every.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # pytest reads it
        return every

    return decorate


def run_python(code: str, *options: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run *code* in an interpreter of its own, which is killed after *timeout* seconds."""
    return subprocess.run(
        [sys.executable, *options, "-c", dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Swallowed:
    """What a server took in that keeps nothing."""

    url = ""
    bytes = 0


@asynccontextmanager
async def swallowing(answer: bytes) -> AsyncIterator[Swallowed]:
    """Serve one request at a time, however large, with the same JSON for an answer."""
    swallowed = Swallowed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length:")[2].split(None, 1)[0])
        while left > 0:
            count = len(await reader.read(1 << 16))
            left -= count or left
            swallowed.bytes += count
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(answer), answer))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    swallowed.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield swallowed


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Count the memory that Python takes while the block lasts; what it gives returns the most there was, bytes."""
    most = 0
    tracemalloc.start()
    try:
        yield lambda: most
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def virtual_loop() -> asyncio.AbstractEventLoop:
    """Make a loop of virtual time that overtakes neither bytes which the kernel has not delivered yet, nor its threads.

    looptime leaps to the next timer after half a millisecond without an event. Large bodies on a machine under load
    take longer at times, as does a disk, and ran into timeouts of half a minute.
    """
    loop = cast("Any", looptime.new_event_loop())
    selector, select = loop._selector, loop._selector.select
    idle = False  # looptime asks many times before it leaps; once is enough here
    stuck = dict[int, int]()  # what waits for longer: for somebody who does not read, or for the test itself

    def busy() -> dict[int, int]:
        # With when it last ended some work, so that one that was stuck is waited for in its next work.
        at_work = (each for each in worker_threads(loop) if each.queue.unfinished_tasks)
        return {hash((id(thread), thread.idle_since)): 1 for thread in at_work}

    def patient(timeout: float | None) -> list[Any]:
        nonlocal idle, stuck
        since = time.monotonic()
        while timeout and not idle and (late := unsent_bytes(selector.get_map()) | busy()) and late != stuck:
            if type(selector).select(selector, 0.001):
                break
            if time.monotonic() - since > (AT_WORK if busy() else ON_THE_WAY):
                stuck = late
        ready = cast("list[Any]", select(timeout))
        idle = bool(timeout) and not ready
        return ready

    async def shut_down(_: float | None = None) -> None:
        loop._executor_shutdown_called = True
        if loop._default_executor is not None:
            loop._default_executor.shutdown()

    selector.select = patient
    loop.shutdown_default_executor = shut_down  # since Python 3.12 it takes 300 s at most, and here they take no time
    return cast("asyncio.AbstractEventLoop", loop)


def worker_threads(loop: object) -> list[Any]:
    """Return the threads of anyio's that work for a loop."""
    threads = cast("list[Any]", threading.enumerate())
    return [each for each in threads if hasattr(each, "queue") and getattr(each, "loop", None) is loop]


def unsent_bytes(sockets: Iterable[int]) -> dict[int, int]:
    """Return how many bytes the kernel has for each of some sockets that it could not send yet."""
    unsent = {}
    for each in sockets:
        with suppress(OSError):  # one that listens; another system than Linux
            unsent[each] = int.from_bytes(fcntl.ioctl(each, SIOCOUTQNSD, bytes(4)), sys.byteorder)
    return {each: count for each, count in unsent.items() if count}
