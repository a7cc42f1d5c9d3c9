"""What can be seen of calls from outside: hooks and captured answers, in virtual time."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from periskope_async import (
    ConfigurationError,
    Hooks,
    PeriskopeClient,
    RateLimitError,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    ServerError,
    ThrottleEvent,
    capture_responses,
)
from periskope_async import hooks as hooks_module
from periskope_async.testing import FakePeriskope, Fault, RateLimitPolicy
from tests.support import Recorder, each_of, run_python, slow, virtual_loop

Seen = list[RequestEvent]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope(rate_limit=RateLimitPolicy.parse("100/60s")) as fake:
        yield fake


def hooks_into(seen: Seen) -> Hooks:
    """Have every event put into a list."""
    return Hooks(on_request=seen.append, on_response=seen.append, on_retry=seen.append, on_throttle=seen.append)


async def test_every_step_of_a_call_is_told(fake: FakePeriskope) -> None:
    """Hooks see each request, each answer, each retry and each pause, in order, with what a dashboard needs."""
    for fault in (Fault.RESET_BEFORE, Fault.STATUS_503, Fault.STATUS_429):
        fake.faults.add(fault, times=1)
    seen: Seen = []
    async with fake.client(hooks=hooks_into(seen)) as client:
        await client.tickets.get("BKT-001")
    kinds = [type(event) for event in seen]
    assert kinds == [
        *(RequestEvent, RetryEvent),
        *(RequestEvent, ResponseEvent, RetryEvent),
        *(RequestEvent, ResponseEvent, ThrottleEvent, RetryEvent),
        *(RequestEvent, ResponseEvent),
    ]
    assert [event.attempt for event in seen] == [1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4]
    about = {(event.operation, event.method, event.path, event.ticket_id) for event in seen}
    assert about == {("tickets.get", "GET", "/tickets/BKT-001", "BKT-001")}
    assert fake.calls == kinds.count(RequestEvent) == 4


async def test_answers_tell_their_metadata(fake: FakePeriskope) -> None:
    """A response event has status, headers by lower-case name, trace id, time and rate limit."""
    seen: list[ResponseEvent] = []
    async with fake.client(hooks=Hooks(on_response=seen.append)) as client:
        await client.tickets.get("BKT-001")
    (event,) = seen
    assert event.status == 200
    assert event.headers["content-type"] == "application/json; charset=utf-8"
    assert event.trace_id == event.headers["x-periskope-trace-id"] == "trace-000000000001"
    assert 0.0 <= event.elapsed < 1.0
    assert event.rate_limit is not None
    assert (event.rate_limit.limit, event.rate_limit.remaining) == (100, 99)


async def test_retries_tell_their_error(fake: FakePeriskope) -> None:
    """A retry event has the error as it would have been raised, and the wait that follows."""
    fake.faults.retry_after = 7.0
    fake.faults.add(Fault.STATUS_503, times=1)
    seen: list[RetryEvent] = []
    async with fake.client(hooks=Hooks(on_retry=seen.append)) as client:
        await client.tickets.get("BKT-001")
    (event,) = seen
    assert isinstance(event.error, ServerError)
    assert (event.error.retry_after, event.wait) == (7.0, 7.0)
    assert (event.error.attempts, event.error.ticket_id, event.error.trace_id) == (1, "BKT-001", "trace-000000000001")


async def test_pauses_tell_how_long(fake: FakePeriskope) -> None:
    """A throttle event has what the service asked for and how long everybody waits, also when the call gives up."""
    fake.faults.retry_after = 7.0
    fake.faults.add(Fault.STATUS_429)
    seen: list[ThrottleEvent] = []
    async with fake.client(deadline=6.0, hooks=Hooks(on_throttle=seen.append)) as client:
        with pytest.raises(RateLimitError):
            await client.tickets.get("BKT-001")
    assert [(event.retry_after, event.pause) for event in seen] == [(7.0, 7.0)]


async def test_what_a_hook_raises_is_logged(
    fake: FakePeriskope, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that fails is an error in the log with its traceback, the first time; the call goes on."""

    def fail(_: object) -> None:
        raise RuntimeError("the dashboard is down")

    for fault in (Fault.STATUS_503, Fault.STATUS_429):
        fake.faults.add(fault, times=1)
    monkeypatch.setattr(hooks_module, "_failed", set())
    caplog.set_level(logging.DEBUG, "periskope")
    hooks = Hooks(on_request=fail, on_response=fail, on_retry=fail, on_throttle=fail, on_end=functools.partial(fail))
    async with fake.client(hooks=hooks) as client:
        await client.tickets.get("BKT-001")
        await client.tickets.get("BKT-001")
    logged = [record for record in caplog.records if record.exc_info]
    assert len(logged) == 4 + 4 + 2 + 1 + 2  # requests, answers, retries, pauses, ends
    assert all(record.exc_info and "dashboard" in str(record.exc_info[1]) for record in logged)
    errors = [record.getMessage() for record in logged if record.levelno == logging.ERROR]
    assert [message.split()[2].rpartition(".")[2] for message in errors] == ["fail", "partial"]
    assert {record.levelno for record in logged} == {logging.ERROR, logging.DEBUG}


class Awaited:
    """Can be called, and has to be awaited."""

    async def __call__(self, event: object) -> None:
        """Do nothing."""


async def awaited(_: object) -> None:
    """Do nothing, awaited."""


async def generating(_: object) -> AsyncIterator[None]:
    """Do nothing, iterated."""
    yield


@each_of("name", [each.name for each in attrs.fields(Hooks)])
@each_of(
    "hook, problem",
    [
        (1, "expected a function of one event, got int"),
        ("print", "expected a function of one event, got str"),
        *((each, "hooks are not awaited") for each in (awaited, generating, functools.partial(awaited), Awaited())),
        (Awaited().__call__, "hooks are not awaited"),
    ],
)
def test_what_is_no_hook_is_refused(name: str, hook: Any, problem: str) -> None:
    """What cannot be called, or would have to be awaited, is refused by name when the hooks are made."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: {problem}"):
        Hooks(**{name: hook})


@each_of("hook", [None, print, [].append, int, Recorder().requests.append, functools.partial(print, "event")])
def test_what_can_be_called_is_a_hook(hook: Any) -> None:
    """Functions, methods, classes and what else can be called will do."""
    assert Hooks(on_end=hook).on_end is hook


async def test_clones_tell_the_same_hooks(fake: FakePeriskope) -> None:
    """What `with_options` returns tells the hooks of the client it came from."""
    seen: Seen = []
    async with fake.client(hooks=hooks_into(seen)) as client:
        await client.with_options(retries=0).tickets.get("BKT-001")
    assert len(seen) == 2


@pytest.mark.parametrize("hooks", [print, [print], {"on_request": print}, Hooks])
def test_hooks_of_another_kind_are_refused(hooks: Any) -> None:
    """Hooks that are none are refused when the client is made, by name."""
    with pytest.raises(ConfigurationError, match=r"^hooks: expected Hooks, got "):
        PeriskopeClient("key", hooks=hooks)


def test_events_do_not_change() -> None:
    """An event is a value: no hook can change what the next one sees."""
    event = RequestEvent(operation="tickets.get", method="GET", path="/x", resource=None, resource_id=None, attempt=1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.attempt = 2  # type: ignore[misc]  # the point of the test


# -- captured answers -------------------------------------------------------------------------------------------------


async def test_answers_are_captured(fake: FakePeriskope) -> None:
    """Inside of `capture_responses` every answer is collected, of any client, retried ones too, and after it none."""
    fake.faults.add(Fault.STATUS_503, times=1)
    async with fake.client() as client, fake.client() as other:
        with capture_responses() as answers:
            await client.tickets.get("BKT-001")
            await other.tickets.get("BKT-002")
        await client.tickets.get("BKT-003")
    assert [(answer.status, answer.attempt, answer.ticket_id) for answer in answers] == [
        (503, 1, "BKT-001"),
        (200, 2, "BKT-001"),
        (200, 1, "BKT-002"),
    ]


async def test_answers_of_inner_tasks_are_captured(fake: FakePeriskope) -> None:
    """Tasks that begin inside belong to it; tasks beside it do not, and an inner capture keeps its own."""
    async with fake.client() as client:
        beside = asyncio.Event()

        async def stranger() -> None:
            await beside.wait()
            await client.tickets.get("BKT-009")

        task = asyncio.create_task(stranger())
        with capture_responses() as outer:
            beside.set()
            await asyncio.gather(*(client.tickets.get(f"BKT-00{n}") for n in (1, 2, 3)))
            with capture_responses() as inner:
                await client.tickets.get("BKT-004")
        await task
    assert sorted(answer.ticket_id or "" for answer in outer) == ["BKT-001", "BKT-002", "BKT-003"]
    assert [answer.ticket_id for answer in inner] == ["BKT-004"]


async def test_captures_end_with_an_exception(fake: FakePeriskope) -> None:
    """A capture ends with its block, however the block ends."""
    async with fake.client() as client:
        with pytest.raises(ZeroDivisionError), capture_responses() as answers:
            raise ZeroDivisionError
        await client.tickets.get("BKT-001")
    assert answers == []


# -- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "setup", "lines"),
    [
        ("debug", "", ["INFO: GET /tickets/BKT-001: Service unavailable; again", "DEBUG: GET /tickets/BKT-001 -> 200"]),
        slow(" INFO ", "", ["INFO: GET /tickets/BKT-001: Service unavailable; again"]),
        slow("", "", []),
        slow("info", "logging.basicConfig(format='MINE %(message)s')", ["MINE GET /tickets/BKT-001: Service unavail"]),
    ],
)
def test_log_of_a_script(monkeypatch: pytest.MonkeyPatch, wanted: str, setup: str, lines: list[str]) -> None:
    """PERISKOPE_LOG shows the log of a script on stderr, each line once; a program's own logging goes before."""
    monkeypatch.setenv("PERISKOPE_LOG", wanted)
    done = run_python(
        f"""
        import logging
        {setup}
        from periskope_async.testing import FakePeriskope
        from periskope_sync import PeriskopeClient

        with FakePeriskope() as fake:
            fake.faults.add("503", times=1)
            for _ in range(2):
                with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
                    client.tickets.get("BKT-001")
            assert fake.counts == {{"503": 1}}
        """
    )
    assert done.returncode == 0, done.stderr
    assert "Bearer" not in done.stderr
    for line in lines:
        assert line in done.stderr
    assert done.stderr.count("Service unavailable") == bool(lines)
    assert ("DEBUG" in done.stderr) == (wanted == "debug")


@pytest.mark.parametrize(("setup", "said"), [("", 1), slow("logging.basicConfig()", 1)])
def test_errors_of_a_script(setup: str, said: int) -> None:
    """What a hook raises is shown once, whether a program has set up logging or not, on the stderr of that time."""
    done = run_python(
        f"""
        import io, logging, sys
        from periskope_async.testing import FakePeriskope
        from periskope_sync import Hooks, PeriskopeClient

        {setup}
        with FakePeriskope() as fake:
            fake.faults.add("503", times=1)
            with PeriskopeClient(fake.api_key, base_url=fake.base_url, hooks=Hooks(on_end=lambda _: 1 / 0)) as client:
                client.tickets.get_many(fake.ticket_ids)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("ZeroDivisionError") == said
    assert done.stderr.count("the hook <lambda> raised, and the call goes on") == said
    assert "503" not in done.stderr


def test_log_in_a_word_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another word is refused with the two that there are."""
    monkeypatch.setenv("PERISKOPE_LOG", "loud")
    with pytest.raises(ConfigurationError, match="PERISKOPE_LOG: expected info or debug, got 'loud'"):
        PeriskopeClient("key")
