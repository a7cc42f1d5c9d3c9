"""Calls of a process that runs out of file descriptors, in processes of their own; who waits for whom, in virtual time.

The limit is lowered once the client is made and its tickets were looked at, as late as can be: what is imported by then
needs no descriptor any more.
"""

import asyncio
import errno
import json
import sys
from collections.abc import Iterator

import looptime
import pytest

from periskope_async import PeriskopeClient
from periskope_async._io.shortage import PATIENCE, RECOVERY, Room, ShortageError, has_left, is_shortage
from periskope_async.testing import FakePeriskope, Fault
from tests.support import run_python, some

pytest.importorskip("resource", reason="this system sets no limit of open files")

#: Each script prints JSON.
ASYNC = """
import asyncio, json, os, resource, sys
from periskope_async import *
ids = [f"BKT-{number:03}" for number in range(1, 301)]
client = PeriskopeClient(concurrency=200)
client.tickets
imported = set(sys.modules)
"""
BLOCKING = ASYNC.replace("periskope_async", "periskope_sync") + "from concurrent.futures import ThreadPoolExecutor\n"
LIMIT = "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"

EVERY_TICKET = {
    "async run": f"""{ASYNC}{LIMIT}
async def main():
    async with client:
        return len((await client.tickets.get_many(ids)).tickets)
print(json.dumps(asyncio.run(main())))
""",
    "async calls": f"""{ASYNC}{LIMIT}
async def main():
    async with client.with_options(retries=0) as brave:
        return len(await asyncio.gather(*map(brave.tickets.get, ids)))
print(json.dumps(asyncio.run(main())))
""",
    "lent session": f"""{ASYNC}{LIMIT}
import aiohttp
async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async with PeriskopeClient(concurrency=200, retries=0, session=session) as client:
            return len(await asyncio.gather(*map(client.tickets.get, ids)))
print(json.dumps(asyncio.run(main())))
""",
    "blocking run": f"""{BLOCKING}{LIMIT}
with client:
    print(json.dumps(len(client.tickets.get_many(ids).tickets)))
""",
    "blocking calls": f"""{BLOCKING}{LIMIT}
with client, ThreadPoolExecutor(200) as pool:
    print(json.dumps(len(list(pool.map(client.with_options(retries=0).tickets.get, ids)))))
""",
}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePeriskope]:
    """Serve by name, so that names are resolved too, and so slowly that all connections are wanted at once."""
    with FakePeriskope(tickets=300, latency=0.2) as fake:
        monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
        monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url.replace("127.0.0.1", "localhost"))
        yield fake


def told(code: str) -> object:
    """Run *code* and return what it printed."""
    done = run_python(code, "-W", "always", timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


# By default two that have between them each kind of call and of client once.
@pytest.mark.parametrize("case", some(EVERY_TICKET, "async run", "blocking calls"))
def test_every_ticket_comes(fake: FakePeriskope, case: str) -> None:
    """With 64 descriptors and 200 connections wanted every ticket comes, fetched once, without a retry."""
    assert told(EVERY_TICKET[case]) == 300
    assert fake.calls == 300
    assert 10 <= fake.connections < 64


USE = {
    "periskope_async": """
async def use():
    async with PeriskopeClient(deadline=20) as client:
        info = await client.tickets.get("BKT-001")
        await client.tickets.get_many(["BKT-001", "BKT-404404", ""])
        async with client.tickets.stream(ids[:5]) as results:
            [result async for result in results]
        [row async for row in client.tickets.list(page_size=200)]
        await client.tickets.create(chat_id=info.chat.chat_id, subject="x")
        await client.tickets.update("BKT-001", status="closed")
    for url in ("http://127.0.0.1:9", "http://no-such-name.localhost:9", base_url.replace("http:", "https:")):
        try:
            async with PeriskopeClient(base_url=url, retries=1, deadline=1) as client:
                await client.tickets.get("BKT-001")
        except TransportError:
            pass
asyncio.run(use())
""",
    "periskope_sync": """
with PeriskopeClient(deadline=20) as client:
    info = client.tickets.get("BKT-001")
    client.tickets.get_many(["BKT-001", "BKT-404404", ""])
    with client.tickets.stream(ids[:5]) as results:
        list(results)
    list(client.tickets.list(page_size=200))
    client.tickets.create(chat_id=info.chat.chat_id, subject="x")
    client.tickets.update("BKT-001", status="closed")
""",
}


@pytest.mark.slow  # three services that are none, each tried until its deadline
@pytest.mark.parametrize("package", USE)
def test_calls_import_nothing(fake: FakePeriskope, package: str) -> None:
    """What calls need is there once a client and its tickets were touched: none opens files for modules of its own."""
    for fault in (Fault.RESET_BEFORE, Fault.STATUS_503, Fault.STATUS_429, Fault.EMPTY):
        fake.faults.add(fault, times=1)
    code = f"""{ASYNC if package == "periskope_async" else BLOCKING}
base_url = os.environ["PERISKOPE_BASE_URL"]
{USE[package]}
print(json.dumps(sorted(set(sys.modules) - imported)))
"""
    assert told(code) == []


def test_connecting_without_descriptors_is_tried_again(fake: FakePeriskope) -> None:
    """A call that gets no descriptor says so, is tried again, also if it creates, and succeeds when there is one."""
    code = f"""{ASYNC}{LIMIT}
held, errors = [], []
def free(event):
    errors.append([type(event.error).__name__, event.error.message.partition(": ")[2], event.error.maybe_sent])
    while held:
        os.close(held.pop())
def hold():
    try:
        while True:
            held.append(os.dup(1))
    except OSError:
        pass
async def main():
    async with PeriskopeClient(hooks=Hooks(on_retry=free)) as client:
        hold()
        info = await client.tickets.get("BKT-001")
    async with PeriskopeClient(hooks=Hooks(on_retry=free)) as client:
        hold()
        await client.tickets.create(chat_id=info.chat.chat_id, subject="x")
    return errors
print(json.dumps(asyncio.run(main())))
"""
    lack = "no connection: out of file descriptors; raise the limit of open files (`ulimit -n`), or lower `concurrency`"
    assert told(code) == [["ConnectError", lack, False]] * 2
    assert fake.calls == 2


def test_no_descriptor_for_the_loop(fake: FakePeriskope) -> None:
    """Without descriptors for its loop a blocking call is a ConnectError; a later one works; closing always does."""
    code = f"""{BLOCKING}{LIMIT}
held, errors = [], []
try:
    while True:
        held.append(os.dup(1))
except OSError:
    pass
other = PeriskopeClient()
try:
    client.tickets.get("BKT-001")
except ConnectError as error:
    errors.append([str(error), error.retryable])
other.close()
for descriptor in held:
    os.close(descriptor)
with client:
    client.tickets.get("BKT-001")
try:
    other.tickets.get("BKT-001")
except ClientClosedError as error:
    errors.append("closed")
print(json.dumps(errors))
"""
    lack = "out of file descriptors; raise the limit of open files (`ulimit -n`), or lower `concurrency`"
    assert told(code) == [[f"the event loop of the blocking clients does not start: {lack}", True], "closed"]
    assert fake.calls == 1


TOUCH = """
import json, os, resource
from {package} import *
client, held, errors = PeriskopeClient(), [], []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        held.append(os.dup(1))
except OSError:
    pass
try:
    client.tickets
except ConnectError as error:
    errors.append([error.message, error.retryable, type(error.__cause__).__name__])
while held:
    os.close(held.pop())
errors.append(type(client.tickets).__name__)
print(json.dumps(errors))
"""


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("package", some(["periskope_async", "periskope_sync"], "periskope_async"))
def test_no_descriptor_for_modules(package: str) -> None:
    """Tickets that are first asked for without a descriptor to import them by are a ConnectError, and then come."""
    lack = "out of file descriptors; raise the limit of open files (`ulimit -n`), or lower `concurrency`"
    refusal = [f"the client cannot load its modules: {lack}", True, "OSError"]
    assert told(TOUCH.format(package=package)) == [refusal, "Tickets"]


def test_modules_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that cannot be imported for another reason is that, and no lack of descriptors."""
    monkeypatch.setitem(sys.modules, "periskope_async.resources.tickets", None)
    with pytest.raises(ImportError, match="tickets"):
        _ = PeriskopeClient("key").tickets


def test_importing_a_package_imports_nothing_of_that() -> None:
    """What is imported with the client is not imported with the package."""
    code = "import json, sys, {0}; print(json.dumps([name for name in sys.modules if name in {1}]))"
    for package in ("periskope_async", "periskope_sync"):
        assert told(code.format(package, {"anyio._backends._asyncio", "encodings.idna", "aiohttp", "uvloop"})) == []


# -- who waits for whom -----------------------------------------------------------------------------------------------


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: waiting takes none of ours."""
    return "asyncio", {"loop_factory": looptime.new_event_loop}


async def starved(room: Room, count: int) -> list[asyncio.Task[None]]:
    """Let so many requests try, find that one other holds all there is, and wait."""
    room.in_use += 1

    async def wait() -> None:
        room.in_use += 1
        room.leave(freed=False)
        await room.wait()

    waiting = [asyncio.create_task(wait()) for _ in range(count)]
    await asyncio.sleep(0)
    assert room.turns
    return waiting


def let_in(tasks: list[asyncio.Task[None]]) -> list[bool]:
    """Tell which of *tasks* wait no longer."""
    return [task.done() for task in tasks]


async def turn() -> None:
    """Give everybody the time to go on, and no more."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_first_come_first_served() -> None:
    """While descriptors are short, one comes in for each that leaves, in the order in which they came."""
    room = Room(asyncio.get_running_loop())
    waiting = await starved(room, 3)
    for expected in ([True, False, False], [True, True, False], [True, True, True]):
        room.leave(freed=True)
        await turn()
        assert (let_in(waiting), room.in_use) == (expected, 1)
    assert not room.turns
    room.leave(freed=True)
    assert room.in_use == 0


async def test_who_finds_none_again_lets_nobody_in() -> None:
    """A request that was let in and still gets no descriptor has freed none, and lets nobody try in its place."""
    room = Room(asyncio.get_running_loop())
    room.in_use = 1  # holds on
    waiting = await starved(room, 2)
    room.leave(freed=True)
    await turn()
    room.leave(freed=False)
    await turn()
    assert (let_in(waiting), room.in_use) == ([True, False], 1)
    room.leave(freed=True)
    await asyncio.gather(*waiting)


async def test_the_room_grows_again() -> None:
    """A while after the last sign of a shortage, each that leaves lets two in: so its end is found out."""
    room = Room(asyncio.get_running_loop())
    waiting = await starved(room, 4)
    await asyncio.sleep(RECOVERY)
    room.leave(freed=True)
    await turn()
    assert (let_in(waiting), room.in_use) == ([True, True, False, False], 2)
    room.leave(freed=False)
    room.leave(freed=True)
    await turn()
    assert (let_in(waiting), room.in_use) == ([True, True, True, False], 1)
    room.leave(freed=True)
    await asyncio.gather(*waiting)
    await asyncio.sleep(RECOVERY)
    (last,) = await starved(room, 1)
    await asyncio.sleep(RECOVERY)
    room.leave(freed=True)
    await last


async def test_nobody_waits_for_ever() -> None:
    """Who is not let in for some seconds gives up, and its place with it."""
    loop = asyncio.get_running_loop()
    room, start = Room(loop), loop.time()
    (waiting,) = await starved(room, 1)
    with pytest.raises(ShortageError):
        await waiting
    assert (loop.time() - start, bool(room.turns), room.in_use) == (PATIENCE, False, 1)


@pytest.mark.parametrize("late", [False, True])
async def test_cancelled_while_waiting(late: bool) -> None:  # noqa: FBT001  # a parameter
    """Who is cancelled while it waits, or just as it was let in, passes its turn on."""
    room = Room(asyncio.get_running_loop())
    first, second = await starved(room, 2)
    if late:
        room.leave(freed=True)
    first.cancel()
    await turn()
    assert first.cancelled()
    if not late:
        room.leave(freed=True)
    await second
    assert (bool(room.turns), room.in_use) == (False, 1)


def test_what_is_a_shortage() -> None:
    """An error that names a lack of descriptors comes of one; another one does not while there are some left."""
    assert is_shortage(OSError(errno.EMFILE, "x"))
    assert is_shortage(OSError(errno.ENFILE, "x"))
    assert not is_shortage(OSError(errno.ECONNREFUSED, "x"))
    assert has_left(8)


def test_a_shortage_that_the_error_does_not_name() -> None:
    """With no descriptor left, whatever a connection fails with comes of that, but for other troubles with sockets."""
    code = f"""{ASYNC}
from periskope_async._io.shortage import has_left, is_shortage
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
print(json.dumps([is_shortage(OSError("Multiple exceptions")), has_left(1)]))
"""
    done = run_python(f"import os; os.environ['PERISKOPE_API_KEY'] = 'k'\n{code}")
    assert json.loads(done.stdout) == [True, False], done.stderr
