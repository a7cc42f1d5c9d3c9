import asyncio
import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

import periskope_async
import periskope_sync
from periskope_async import BulkResult, ClientClosedError, ConfigurationError, Fetched, NotFoundError, TicketInfo
from periskope_async._io import source
from periskope_async.testing import FakePeriskope
from periskope_sync import PeriskopeClient, _bridge
from periskope_sync._loop_thread import LoopThread


@pytest.fixture(scope="module")
def fake() -> Iterator[FakePeriskope]:
    """Run a fake service with a few hundred tickets."""
    with FakePeriskope(tickets=300) as service:
        yield service


@pytest.fixture
def client(fake: FakePeriskope) -> Iterator[PeriskopeClient]:
    """Give a blocking client of the fake service."""
    with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        yield client


def awaited(fake: FakePeriskope, use: Callable[[periskope_async.PeriskopeClient], object]) -> object:
    """Return what the async client gives for the same."""

    async def main() -> object:
        async with periskope_async.PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
            return await use(client)  # type: ignore[misc]  # any coroutine will do

    return asyncio.run(main())


def test_get(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A blocking get gives the ticket the async one gives."""
    assert client.tickets.get("BKT-001") == awaited(fake, lambda client: client.tickets.get("BKT-001"))


def test_threads_share_a_read(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Threads that ask for the same ticket with `max_age` share one request, until one of them changes it."""
    calls, start = fake.calls, threading.Barrier(20)

    def get(_: int) -> TicketInfo:
        start.wait(30)
        return client.tickets.get("BKT-002", max_age=300)

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(get, range(20)))
    assert len({id(result) for result in results}) == 1
    assert fake.calls == calls + 1
    client.with_options(timeout=5).tickets.update("BKT-002", subject="Changed")
    assert client.tickets.get("BKT-002", max_age=300).ticket.subject == "Changed"


@pytest.mark.parametrize("blocking", [False, True], ids=["async", "blocking"])
def test_skipped_ids_of_a_generator(blocking: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001  # a parameter
    """When a 401 stops a run, what a generator still had is skipped; of an endless one, as many as is sane."""
    monkeypatch.setattr(source, "MAX_SKIPPED_IDS", 700)

    def run(ids: Iterator[str]) -> BulkResult:
        if blocking:
            with PeriskopeClient("refused", base_url=fake.base_url, concurrency=8) as client:
                return client.tickets.get_many(ids)
        return asyncio.run(in_async(fake, ids))

    with FakePeriskope(tickets=1) as fake:
        result = run(str(number) for number in range(600))
        assert {*result.errors, *result.skipped} == {str(number) for number in range(600)}
        assert 1 <= len(result.errors) <= 8
        assert 700 <= len(run(map(str, count())).skipped) <= 708


async def in_async(fake: FakePeriskope, ids: Iterator[str]) -> BulkResult:
    """Fetch with the async client."""
    async with periskope_async.PeriskopeClient("refused", base_url=fake.base_url, concurrency=8) as client:
        return await client.tickets.get_many(ids)


def test_get_many(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A blocking bulk run gives what the async one gives, from a list and from a generator."""
    ids = [*fake.ticket_ids, "no-such-ticket"]
    expected = awaited(fake, lambda client: client.tickets.get_many(ids))
    assert isinstance(expected, BulkResult)
    for permit in (ids, (ticket_id for ticket_id in ids)):
        result = client.tickets.get_many(permit)
        assert result.tickets == expected.tickets
        assert list(result.tickets) == list(fake.ticket_ids)
        assert set(result.errors) == set(expected.errors) == {"no-such-ticket"}


def test_progress(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """`on_progress` is called in the caller's thread, up to the last ticket, before the call returns."""
    seen: list[int] = []

    def on_progress(progress: periskope_sync.Progress) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert progress.total == 300
        seen.append(progress.done)

    client.tickets.get_many(fake.ticket_ids, on_progress=on_progress)
    assert seen == list(range(1, 301))


@pytest.mark.parametrize("ordered", [False, True])
def test_stream(fake: FakePeriskope, client: PeriskopeClient, ordered: bool) -> None:  # noqa: FBT001  # a parameter
    """A stream hands over every ticket once, in order where asked."""
    with client.tickets.stream(iter(fake.ticket_ids), ordered=ordered) as results:
        ids = [result.ticket_id for result in results if isinstance(result, Fetched)]
    assert (ids if ordered else sorted(ids)) == list(fake.ticket_ids)


def test_changes(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What changed comes back at once, and from a watch one by one, which may be left at any time."""
    first = client.tickets.changed_since(details="none")
    name = first.created[0].ticket_id
    before = fake.get(name)
    fake.change(name, subject="Another")
    try:
        changes = client.tickets.changed_since(first.state)
        assert changes.tickets[name].ticket.subject == "Another"
        with client.tickets.watch(every=60, state=first.state) as watched:
            assert next(watched).ticket_id == name
    finally:
        fake.put(before)


def test_endless_stream(client: PeriskopeClient) -> None:
    """A stream of endless ids can be left; what was in flight is gone when `with` ends."""
    with client.tickets.stream(f"BKT-{number:03}" for number in count(1)) as results:
        for result in results:
            assert isinstance(result, Fetched)
            if result.ticket_id == "BKT-100":
                break
    assert client.tickets.get("BKT-001").ticket.ticket_id == "BKT-001"


def test_same_errors(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An error is the very class the async client raises, and says the same."""
    with pytest.raises(NotFoundError) as blocked:
        client.tickets.get("no-such-ticket")
    with pytest.raises(NotFoundError) as expected:
        awaited(fake, lambda client: client.tickets.get("no-such-ticket"))
    said = ("message", "ticket_id", "method", "path", "status", "code", "attempts")
    assert {name: getattr(blocked.value, name) for name in said} == {
        name: getattr(expected.value, name) for name in said
    }
    with pytest.raises(ConfigurationError):
        client.tickets.get("..")
    with pytest.raises(ConfigurationError, match="ticket_ids"):
        client.tickets.get_many("BKT-001")
    with pytest.raises(ConfigurationError, match="ticket_ids"), client.tickets.stream("BKT-001"):
        pass


def test_constructor_checks_its_arguments(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad setting is refused when the client is made, by the async side; settings come from the environment too."""
    with pytest.raises(ConfigurationError, match="retries"):
        PeriskopeClient("key", retries=-1)
    monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
    monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
    with PeriskopeClient() as client:
        assert client.tickets.get("BKT-002").ticket.ticket_id == "BKT-002"


def test_closing(fake: FakePeriskope) -> None:
    """Closing twice is closing once; afterwards every call, and `with`, is refused."""
    client = PeriskopeClient(fake.api_key, base_url=fake.base_url)
    with client:
        client.tickets.get("BKT-001")
    client.close()
    with pytest.raises(ClientClosedError):
        client.tickets.get("BKT-001")
    with pytest.raises(ClientClosedError), client:
        pass
    with pytest.raises(ClientClosedError), client.tickets.stream(["BKT-001"]):
        pass


def test_closing_when_the_loop_has_ended(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose loop has ended, as at exit, is closed without a word: the loop has closed its connections."""
    loop = LoopThread()
    monkeypatch.setattr(_bridge, "loop_thread", lambda: loop)
    client = PeriskopeClient(fake.api_key, base_url=fake.base_url)
    client.tickets.get("BKT-001")
    loop.end()
    client.close()
    with pytest.raises(ClientClosedError):
        client.tickets.get("BKT-001")


def test_closing_ends_calls_in_other_threads(fake: FakePeriskope) -> None:
    """A call under way in another thread ends when the client is closed."""
    begun = threading.Event()
    client = PeriskopeClient(fake.api_key, base_url=fake.base_url)

    def endless() -> Iterator[str]:
        begun.set()
        yield from (f"BKT-{number:03}" for number in count(1))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.tickets.get_many, endless())
        begun.wait(5)
        client.close()
        with pytest.raises(ClientClosedError):
            running.result(5)


def test_with_options(client: PeriskopeClient) -> None:
    """A clone has other options on the same connections; closing one closes both."""
    clone = client.with_options(timeout=5, deadline=None)
    assert isinstance(clone, PeriskopeClient)
    assert clone.tickets is clone.tickets is not client.tickets
    assert "timeout=5.0" in repr(clone)
    assert clone.tickets.get("BKT-003").ticket.ticket_id == "BKT-003"
    with pytest.raises(ConfigurationError, match="timeout"):
        client.with_options(timeout=0)
    clone.close()
    with pytest.raises(ClientClosedError):
        client.tickets.get("BKT-003")


def test_repr_hides_the_key(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A client shows its settings but never its key."""
    assert fake.base_url in repr(client)
    assert fake.api_key not in repr(client)
    assert "PeriskopeClient" in repr(PeriskopeClient.__new__(PeriskopeClient)), "one whose settings were refused"


def test_rate_limit() -> None:
    """The rate limit is what the service last stated, read without a call."""
    with FakePeriskope(rate_limit="50/60s") as fake, PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        assert client.rate_limit is None
        client.tickets.get("BKT-001")
        assert client.rate_limit is not None
        assert client.rate_limit.limit == 50


def test_captures_responses(client: PeriskopeClient) -> None:
    """Metadata of blocking calls is collected as that of awaited ones: context variables cross over."""
    with periskope_sync.capture_responses() as answers:
        client.tickets.get("BKT-001")
    client.tickets.get("BKT-002")
    assert [answer.ticket_id for answer in answers] == ["BKT-001"]


def test_threads(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """32 threads share a client, and each gets its own tickets."""
    ids = fake.ticket_ids * 2
    with ThreadPoolExecutor(32) as pool:
        tickets = list(pool.map(client.tickets.get, ids))
    assert [info.ticket.ticket_id for info in tickets] == list(ids)


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_beside_event_loops(fake: FakePeriskope, client: PeriskopeClient, kind: str) -> None:
    """Loops, in turn or at the same time, may hand blocking calls to threads and use the async client too."""
    factory = asyncio.new_event_loop
    if kind == "uvloop":
        factory = pytest.importorskip("uvloop", reason="uvloop is not installed").new_event_loop
    meeting = threading.Barrier(2)

    async def both() -> None:
        async with periskope_async.PeriskopeClient(fake.api_key, base_url=fake.base_url) as awaited:
            blocked = asyncio.to_thread(client.tickets.get, "BKT-001")
            assert await blocked == await awaited.tickets.get("BKT-001")

    def run() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            meeting.wait(5)
            runner.run(both())

    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            for loop in [pool.submit(run), pool.submit(run)]:
                loop.result(10)


async def test_inside_an_event_loop(client: PeriskopeClient) -> None:
    """Where it would block the caller's own event loop, a call is refused, and so are streams, lists and closing."""
    for call in (
        lambda: client.tickets.get("BKT-001"),
        lambda: client.tickets.stream(["BKT-001"]).__enter__(),
        lambda: next(client.tickets.list()),
        client.close,
    ):
        with pytest.raises(ConfigurationError, match="periskope_async"):
            call()
    assert (await asyncio.to_thread(client.tickets.get, "BKT-001")).ticket.ticket_id == "BKT-001"


def test_interrupted_closing(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C while `with` closes the client is passed on, and the client is closed nevertheless."""
    interrupts = [KeyboardInterrupt()]
    close = PeriskopeClient.close

    def interrupted(client: PeriskopeClient) -> None:
        if interrupts:
            raise interrupts.pop()
        close(client)

    monkeypatch.setattr(PeriskopeClient, "close", interrupted)
    with pytest.raises(KeyboardInterrupt), PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        client.tickets.get("BKT-001")
    with pytest.raises(ClientClosedError):
        client.tickets.get("BKT-001")


def test_dropped_unclosed(fake: FakePeriskope) -> None:
    """A client that is dropped unclosed warns once, of how blocking code closes it and where it was made."""
    client = PeriskopeClient(fake.api_key, base_url=fake.base_url).with_options(retries=1)
    client.tickets.get("BKT-001")
    with pytest.warns(ResourceWarning) as caught:  # noqa: PT031  # dropping and collecting are one thing
        del client
        gc.collect()
    (warning,) = caught
    assert str(warning.message) == "unclosed PeriskopeClient: use 'with PeriskopeClient(...)' or 'client.close()'"
    assert warning.filename == __file__


def test_unused(fake: FakePeriskope) -> None:
    """A client that made no call needs no closing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PeriskopeClient(fake.api_key, base_url=fake.base_url)
        gc.collect()
