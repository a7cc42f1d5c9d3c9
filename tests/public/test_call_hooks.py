"""The call as a whole, seen from outside: its start, its waits, its end, its bulk run. In virtual time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from periskope_async import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    Hooks,
    NotFoundError,
    RateLimitError,
)
from periskope_async.hooks import (
    CallEvent,
    EndEvent,
    PacedEvent,
    QueuedEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    RunEndEvent,
    RunStartEvent,
    StartEvent,
    ThrottleEvent,
)
from periskope_async.testing import FakePeriskope, Fault, RateLimitPolicy
from tests.support import virtual_loop

NAMES = ("start", "end", "queued", "paced", "request", "response", "retry", "throttle", "run_start", "run_end")


class Heard(list[Any]):
    """Every event of a client, in order."""

    @property
    def hooks(self) -> Hooks:
        return Hooks(**{f"on_{name}": self.append for name in NAMES})

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of one kind."""
        return [event for event in self if type(event) is kind]

    @property
    def kinds(self) -> list[type[Any]]:
        return [type(event) for event in self]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope(latency=1.0) as fake:
        yield fake


@pytest.fixture
def heard() -> Heard:
    """Have a list that hears of everything."""
    return Heard()


async def test_a_call_has_one_start_and_one_end(fake: FakePeriskope, heard: Heard) -> None:
    """A call starts once and ends once, whatever lies between, and all its events have its number."""
    fake.faults.add(Fault.STATUS_503, times=1)
    fake.faults.add(Fault.STATUS_429, times=1)
    async with fake.client(hooks=heard.hooks) as client:
        await client.tickets.get("BKT-001")
        await client.tickets.get("BKT-002")
    kinds = heard.kinds
    second = kinds.index(StartEvent, 1)
    assert kinds[:second] == [
        StartEvent,
        *(RequestEvent, ResponseEvent, RetryEvent),
        *(RequestEvent, ResponseEvent, ThrottleEvent, RetryEvent, QueuedEvent, PacedEvent),
        *(RequestEvent, ResponseEvent, EndEvent),
    ]
    assert kinds[second:] == [StartEvent, RequestEvent, ResponseEvent, EndEvent]
    numbers = [event.call for event in heard]
    assert len(set(numbers[:second])) == len(set(numbers[second:])) == 1
    assert 0 < numbers[0] < numbers[-1]
    end: EndEvent = heard[second - 1]
    assert (end.attempts, end.error) == (3, None)
    assert end.elapsed >= 3.0
    assert {(event.operation, event.template, event.path) for event in heard[:second]} == {
        ("tickets.get", "/tickets/{ticket_id}", "/tickets/BKT-001")
    }


@pytest.mark.parametrize("ticket_id", ["BKT-404404", "BKT-001"])
async def test_an_end_has_its_error(fake: FakePeriskope, heard: Heard, ticket_id: str) -> None:
    """The error of an end is the very one that the call raises, and there is one whatever it is."""
    async with fake.client(hooks=heard.hooks, deadline=0.5 if ticket_id == "BKT-001" else None) as client:
        with pytest.raises((NotFoundError, DeadlineExceeded)) as caught:
            await client.tickets.get(ticket_id)
    assert heard.kinds[-1] is EndEvent
    assert heard[-1].error is caught.value
    assert (heard[-1].attempts, heard[-1].elapsed) == (caught.value.attempts, pytest.approx(caught.value.elapsed))


async def test_who_leaves_ends_a_call(fake: FakePeriskope, heard: Heard) -> None:
    """A call that is cancelled ends, with that."""
    async with fake.client(hooks=heard.hooks) as client:
        call = asyncio.create_task(client.tickets.get("BKT-001"))
        await asyncio.sleep(0.5)
        call.cancel()
        await asyncio.wait([call])
    assert heard.kinds == [StartEvent, RequestEvent, EndEvent]
    assert isinstance(heard[-1].error, asyncio.CancelledError)


async def test_what_is_never_sent_is_no_call(fake: FakePeriskope, heard: Heard) -> None:
    """An argument that cannot be, and a client that is closed, make no call."""
    async with fake.client(hooks=heard.hooks) as client:
        with pytest.raises(ConfigurationError):
            await client.tickets.get("")
    with pytest.raises(ClientClosedError):
        await client.tickets.get("BKT-001")
    assert heard == []


async def test_calls_wait_for_each_other(fake: FakePeriskope, heard: Heard) -> None:
    """A call behind as many others as may be in flight says so, and for how long it waited."""
    async with fake.client(hooks=heard.hooks, concurrency=1) as client:
        await asyncio.gather(*(client.tickets.get(f"BKT-00{number}") for number in (1, 2)))
    (queued,), (paced,) = heard.of(QueuedEvent), heard.of(PacedEvent)
    assert (queued.resource_id, queued.reason, queued.at_least) == ("BKT-002", "concurrency", 0.0)
    assert (paced.resource_id, paced.call) == ("BKT-002", queued.call)
    assert paced.waited == pytest.approx(1.0, abs=0.1)


async def test_calls_wait_for_the_rate_limit(heard: Heard) -> None:
    """A call that the limit has no room for says so, and at least how long it will be; which turns out to be true."""
    policy = RateLimitPolicy.parse("2/60s")
    async with FakePeriskope(rate_limit=policy) as fake, fake.client(hooks=heard.hooks) as client:
        for number in (1, 2, 3):
            await client.tickets.get(f"BKT-00{number}")
    (queued,), (paced,) = heard.of(QueuedEvent), heard.of(PacedEvent)
    assert queued.reason == "rate_limit"
    assert 55 < queued.at_least <= paced.waited < 65
    assert heard.kinds[-6:] == [StartEvent, QueuedEvent, PacedEvent, RequestEvent, ResponseEvent, EndEvent]
    assert fake.throttled == 0


async def test_a_wait_in_vain_has_no_end_but_the_calls(fake: FakePeriskope, heard: Heard) -> None:
    """A call that gives up in the queue was queued, and never paced."""
    fake.latency = 30.0
    async with fake.client(hooks=heard.hooks, concurrency=1, deadline=5, timeout=100) as client:
        busy = asyncio.create_task(client.with_options(deadline=None).tickets.get("BKT-001"))
        await asyncio.sleep(0.1)
        heard.clear()
        with pytest.raises(DeadlineExceeded):
            await client.tickets.get("BKT-002")
        assert heard.kinds == [StartEvent, QueuedEvent, EndEvent]
        await busy


async def test_a_bulk_run_starts_and_ends(fake: FakePeriskope, heard: Heard) -> None:
    """A run is around its calls, with how many came to what; its calls are numbered as all are."""
    async with fake.client(hooks=heard.hooks) as client:
        await client.tickets.get_many(["BKT-001", "BKT-002", "BKT-404404", ""])
    start, end = heard[0], heard[-1]
    assert start == RunStartEvent(run=start.run, total=4)
    assert (end.run, end.total, end.operation) == (start.run, 4, "tickets.get")
    assert (end.done, end.failed, end.error) == (2, 2, None)
    assert end.elapsed >= 1.0
    calls = {event.call for event in heard if isinstance(event, CallEvent)}
    assert len(calls) == len(heard.of(StartEvent)) == len(heard.of(EndEvent)) == 3
    assert start.run not in calls


async def test_a_run_whose_time_is_up(fake: FakePeriskope, heard: Heard) -> None:
    """What ends a run before its time is in its end; a stream that somebody leaves ends too."""
    async with fake.client(hooks=heard.hooks) as client:
        await client.tickets.get_many(fake.ticket_ids, deadline=0.5)
        assert isinstance(heard.of(RunEndEvent)[-1].error, asyncio.CancelledError)
        async with client.tickets.stream(row async for row in endless()) as results:
            async for _ in results:
                break
    end = heard.of(RunEndEvent)[-1]
    assert (end.total, end.operation) == (None, "tickets.get")
    assert end.done >= 1
    assert len(heard.of(RunStartEvent)) == len(heard.of(RunEndEvent)) == 2


async def endless() -> AsyncIterator[str]:
    """Yield ids for ever."""
    while True:
        for number in range(1, 10):
            yield f"BKT-00{number}"
        await asyncio.sleep(1)


async def test_a_run_of_nothing(fake: FakePeriskope, heard: Heard) -> None:
    """A run without ids has no operation."""
    async with fake.client(hooks=heard.hooks) as client:
        await client.tickets.get_many([])
    assert [heard[0].total, heard[1].operation, heard[1].done] == [0, None, 0]


async def test_bulk_runs_wait_through_outages(fake: FakePeriskope, heard: Heard) -> None:
    """What a run sends again in an outage waits for that, and says so."""
    fake.faults.add(Fault.STATUS_503)
    async with fake.client(hooks=heard.hooks, deadline=60) as client:
        await client.tickets.get_many(fake.ticket_ids)
    assert "outage" in {event.reason for event in heard.of(QueuedEvent)}
    assert {event.call for event in heard.of(PacedEvent)} <= {event.call for event in heard.of(QueuedEvent)}
    assert fake.counts["503"] == fake.calls


async def test_what_flies_for_many_is_one_call(fake: FakePeriskope, heard: Heard) -> None:
    """Reads that share a request are one call, and what is kept is none."""
    async with fake.client(hooks=heard.hooks) as client:
        for _ in range(2):
            await asyncio.gather(*(client.tickets.get("BKT-001", max_age=30) for _ in range(5)))
    assert heard.kinds == [StartEvent, RequestEvent, ResponseEvent, EndEvent]


async def test_templates_hold_no_ids(fake: FakePeriskope, heard: Heard) -> None:
    """A template is the same for all ids; of a request that no method makes there is none."""
    async with fake.client(hooks=heard.hooks) as client:
        await client.chats.get(fake.chat_ids[0])
        await client.request("GET", f"/chats/{fake.chat_ids[0]}")
    assert [event.template for event in heard.of(EndEvent)] == ["/chats/{chat_id}", ""]


async def test_one_hook_does_without_the_others(fake: FakePeriskope) -> None:
    """Each hook is called alone, too, and an event without a listener is not made."""
    fake.faults.add(Fault.STATUS_429, times=2)
    for name in NAMES:
        heard = Heard()
        async with fake.client(hooks=Hooks(**{f"on_{name}": heard.append}), concurrency=1) as client:
            await client.tickets.get_many(["BKT-001"])
            await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(2)))
        assert len(set(heard.kinds)) <= 1
    assert fake.counts["429"] == 2


async def test_a_hook_that_raises_ends_nothing(fake: FakePeriskope, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a hook raises is logged, and the call goes on."""
    caplog.set_level("DEBUG", "periskope")

    def fail(_: object) -> None:
        raise LookupError

    async with fake.client(hooks=Hooks(**{f"on_{name}": fail for name in NAMES}), concurrency=1) as client:
        results = await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(2)))
        result = await client.tickets.get_many(["BKT-001"])
    assert results[0] == results[1] == result.tickets["BKT-001"]
    raised = [record for record in caplog.records if record.exc_info]
    assert len(raised) == 3 * 4 + 2 + 2  # calls with start, request, response, end; one wait; one run


async def test_a_refusal_in_the_queue(fake: FakePeriskope, heard: Heard) -> None:
    """A call for which the limit has no room before its deadline ends at once, with no request."""
    fake.faults.retry_after = 60.0
    fake.faults.add(Fault.STATUS_429, times=1)
    async with fake.client(hooks=heard.hooks, deadline=10) as client:
        with pytest.raises(RateLimitError):
            await client.tickets.get("BKT-001")
        heard.clear()
        with pytest.raises(DeadlineExceeded):
            await client.tickets.get("BKT-001")
    assert heard.kinds == [StartEvent, QueuedEvent, EndEvent]
    assert (heard[1].reason, heard[2].attempts) == ("rate_limit", 0)
    assert heard[1].at_least > 50
