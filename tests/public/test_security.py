"""One key, sent through every path there is, and looked for wherever somebody might see it."""

import asyncio
import copy
import gc
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import attrs
import pytest
from multidict import CIMultiDict

from periskope_async import (
    ClientClosedError,
    ConfigurationError,
    Hooks,
    PeriskopeClient,
    PeriskopeError,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    ThrottleEvent,
    capture_responses,
)
from periskope_async.testing import FakePeriskope, Fault, Faults, Reply
from periskope_sync import PeriskopeClient as BlockingClient
from tests.support import some, virtual_loop

#: Long, as real keys are, so that every piece of it tells where it came from.
PIECES = [f"canary{n:02}" for n in range(40)]
KEY = ".".join(PIECES)


def sightings(texts: Iterable[str]) -> list[str]:
    """Return where some piece of the key can be read."""
    return [text[:2_000] for text in texts if any(piece in text for piece in PIECES)]


def all_texts(value: object, depth: int = 12, seen: set[int] | None = None) -> Iterator[str]:
    """Yield everything that can be printed of a value, and of what hangs on it."""
    seen = set() if seen is None else seen
    if depth == 0 or id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    yield repr(value)
    inner: list[object] = []
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inner = list(value)
    elif type(value).__module__.startswith(("periskope", "aiohttp", "multidict")) or isinstance(value, BaseException):
        inner = [*getattr(value, "__dict__", {}).values(), getattr(value, "args", ()), list(_items(value))]
        inner += [getattr(value, name, None) for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    for each in inner:
        yield from all_texts(each, depth - 1, seen)


def _items(value: Any) -> Iterable[object]:
    return value.items() if hasattr(value, "items") else ()


def shown(error: BaseException) -> Iterator[str]:
    """Yield all that error reporters make of an exception, but for the frames of this file, which know the key."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    error.__traceback__ = frames
    yield str(error)
    yield from all_texts(error)
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual, in debug mode: asyncio then logs what it does."""

    def debugged() -> asyncio.AbstractEventLoop:
        loop = virtual_loop()
        loop.set_debug(True)
        return loop

    return "asyncio", {"loop_factory": debugged}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope(api_key=KEY, faults=Faults(pause=3.0, per_id=None)) as fake:
        yield fake


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail the test if the key stands in any log line of any library, or in any warning."""
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert not sightings([caplog.text, *(str(warning.message) for warning in caught)])
    assert not sightings(text for record in caplog.records for text in all_texts(vars(record)))


def test_the_search_finds_what_is_there() -> None:
    """The search these tests rely on finds a key, or a piece of one, in text, state, arguments and headers."""
    told, kept = PeriskopeError(f"no {KEY}"), PeriskopeError("no")
    kept.fields = {"a": [("b", {KEY[20:40]})]}  # type: ignore[attr-defined]  # a place as good as any
    for error in (told, kept):
        assert sightings(shown(error))
    assert sightings(all_texts(CIMultiDict(Authorization=KEY)))
    assert not sightings(shown(PeriskopeError("no")))


@pytest.mark.parametrize("fault", some(Fault, *list(Fault)[::4]))  # the search through all that an error holds is long
async def test_key_is_in_no_error(fake: FakePeriskope, fault: Fault) -> None:
    """Whatever goes wrong, what is raised does not show the key: not in its text, state, copies or frames."""
    fake.faults.add(fault)
    events: list[object] = []
    hooks = Hooks(
        on_request=events.append, on_response=events.append, on_retry=events.append, on_throttle=events.append
    )
    async with fake.client(retries=1, timeout=5.0, hooks=hooks) as client:
        try:
            with capture_responses() as answers:
                await client.tickets.get("BKT-001")
        except PeriskopeError as error:
            found = [*shown(error), *all_texts(copy.deepcopy(error)), pickle.dumps(error).decode("latin-1")]
        else:
            found = []
        assert not sightings([*found, *all_texts(events), *all_texts(answers)])
    assert events


async def test_key_is_in_no_living_exception(fake: FakePeriskope) -> None:
    """After all kinds of faults, no exception that is still alive anywhere in the process holds the key."""
    gc.collect()  # what other tests were raised, and what they gave for an id, is none of this one's affair
    for fault in (Fault.RESET_BEFORE, Fault.STALL_BODY, Fault.HUGE_HEADER, Fault.STATUS_401, Fault.EMPTY, Fault.ARRAY):
        fake.faults.add(fault, times=3)
    kept: list[PeriskopeError] = []
    async with fake.client(retries=2, timeout=5.0) as client:
        for _ in range(6):
            try:
                await client.tickets.get("BKT-001")
            except PeriskopeError as error:
                kept.append(error)
        alive = [each for each in gc.get_objects() if isinstance(each, BaseException)]
        assert kept
        assert not sightings(text for each in alive for text in [repr(each), str(each), str(each.args)])
        for each in alive:
            told = traceback.TracebackException.from_exception(each, capture_locals=True)
            ours = [
                str(frame.locals)
                for frame in told.stack
                if "periskope" in frame.filename or "aiohttp" in frame.filename
            ]
            assert not sightings(ours)


@pytest.mark.parametrize("fault", [Fault.STALL_HEADERS, Fault.STALL_BODY, Fault.STATUS_503, Fault.STATUS_429])
async def test_key_is_in_no_cancellation(fake: FakePeriskope, fault: Fault) -> None:
    """Cancelled or timed out from outside at any point, no frame of the traceback shows the key."""
    fake.faults.retry_after = 50.0
    fake.faults.add(fault)
    async with fake.client(timeout=60.0) as client:
        with pytest.raises(TimeoutError) as timed_out:
            async with asyncio.timeout(3.0):
                await client.tickets.get("BKT-001")
        task = asyncio.create_task(client.tickets.get("BKT-001"))
        await asyncio.sleep(3.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
    assert not sightings([*shown(timed_out.value), *shown(cancelled.value)])


async def test_key_is_in_nothing_that_can_be_printed(fake: FakePeriskope) -> None:
    """A client in use can be printed with all that hangs on it: settings, transport, session, connections, headers."""
    async with fake.client(phone="+91 98765 43210") as client:
        await client.tickets.get("BKT-001")
        texts = list(all_texts(client))
        assert len(texts) > 100
        assert not sightings(texts)
        assert not sightings(
            [repr(vars(client)), repr(client._caller.connections), str(attrs.asdict(client._caller.settings))]
        )


def test_client_does_not_pickle() -> None:
    """A client cannot be pickled, so no task queue or cache gets its key."""
    with pytest.raises(TypeError) as caught:
        pickle.dumps(PeriskopeClient(KEY))
    assert not sightings(shown(caught.value))


@pytest.mark.parametrize("client", [PeriskopeClient, BlockingClient])
@pytest.mark.parametrize("options", [{"base_url": "ftp://x"}, {"timeout": -1}, {"phone": "x"}, {"retries": None}, {}])
@pytest.mark.parametrize("from_environment", [False, True])
def test_key_is_in_no_refusal(
    client: Callable[..., object],
    options: dict[str, Any],
    from_environment: bool,  # noqa: FBT001  # a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Refused settings, and a refused key itself, leave no frame of ours that shows the key."""
    key = KEY if options else f"{KEY} {KEY}"
    monkeypatch.setenv("PERISKOPE_API_KEY", key)
    try:
        client(None if from_environment else key, **options)
    except ConfigurationError as error:
        refused = error
    assert not sightings(shown(refused))
    frames = traceback.extract_tb(refused.__traceback__)
    assert "__init__" in {frame.name for frame in frames}


@pytest.mark.parametrize("client", [PeriskopeClient, BlockingClient])
@pytest.mark.parametrize("key", [KEY.encode(), [KEY], {"key": KEY}, (KEY, 1)], ids=lambda key: type(key).__name__)
def test_key_of_another_type_is_in_no_refusal(client: Callable[..., object], key: object) -> None:
    """A key that is no text is refused by the name of its type, and no frame of ours shows it."""
    with pytest.raises(ConfigurationError) as caught:
        client(key)
    assert caught.value.message == f"api_key: expected text, got {type(key).__name__}"
    assert not sightings(shown(caught.value))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert "__init__" in {frame.name for frame in frames}


# -- a service that repeats the key -----------------------------------------------------------------------------------


def echo(status: int, body: object, content_type: str = "application/json") -> Reply:
    """Make an answer that repeats the key wherever an answer can."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = ("x-periskope-trace-id", "x-echo", "Server", "Retry-After", "X-RateLimit-Reset", "x-periskope-org-id")
    fields = [
        *((name, KEY) for name in headers),
        ("Location", f"https://{KEY}/x?{KEY}"),
        ("Content-Type", content_type),
        ("Set-Cookie", f'{KEY}="{KEY}; Path={KEY}; Max-Age={KEY}'),
        ("WWW-Authenticate", f"Bearer {KEY}"),
    ]
    return Reply(status, raw, tuple(fields))


ENVELOPE = {"code": KEY, "name": KEY, "message": f"bad key {KEY}!", "fields": {KEY: {"value": [KEY]}}}
ECHOES = {
    "error object": [
        echo(status, ENVELOPE) for status in (400, 401, 403, 404, 409, 422, 500, 503, 429)
    ],  # the last pauses all
    "page": [echo(status, f"<html>{KEY}".encode(), f"text/html; charset={KEY}") for status in (200, 302, 403, 502)],
    "half": [echo(500, f"{'x' * shift}{KEY}".encode()) for shift in (0, 100, 150, 190)],
    "broken JSON": [echo(200, f'{{"{KEY}": {KEY}'.encode())],
    "JSON of another shape": [echo(200, {"ticket": {"ticket_id": KEY, KEY: KEY}, KEY: KEY}), echo(200, [KEY])],
    "redirect": [echo(status, b"") for status in (301, 302, 303, 307, 308)],
}


@pytest.mark.parametrize("replies", ECHOES.values(), ids=ECHOES)
async def test_key_that_the_service_repeats_is_masked(fake: FakePeriskope, replies: list[Reply]) -> None:
    """A service that repeats the key, whole or cut by an excerpt, does not get it into an error or event."""
    async with fake.client(retries=1, deadline=5.0) as client:
        for reply in replies:
            fake.answer(lambda _, reply=reply: reply)
            with capture_responses() as answers, pytest.raises(PeriskopeError) as caught:
                await client.tickets.get("BKT-001")
            assert not sightings([*shown(caught.value), *all_texts(answers)])
            assert answers
            assert "***" in str(answers[0].headers)


@pytest.mark.parametrize("prefix", ["", "../"])
async def test_key_that_was_pasted_as_an_id_is_masked(
    fake: FakePeriskope, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A key given for an id goes out as that id, and stands in no error, event or log line."""
    key = ".".join(PIECES[:20])  # an id is no longer than 256 characters
    fake.rotate_key(key)
    ticket_id = prefix + key
    fake.faults.retry_after = 1.0
    for fault in (Fault.RESET_BEFORE, Fault.STATUS_503, Fault.STATUS_429):
        fake.faults.add(fault, times=1)
    events: list[RequestEvent] = []
    hooks = Hooks(
        on_request=events.append, on_response=events.append, on_retry=events.append, on_throttle=events.append
    )
    async with fake.client(hooks=hooks) as client:
        with capture_responses() as answers, pytest.raises(PeriskopeError) as missing:
            await client.tickets.get(ticket_id)
        result = await client.tickets.get_many([ticket_id])
        fake.faults.add(Fault.STALL_HEADERS)
        late = await client.tickets.get_many([ticket_id], deadline=1.0)
    with pytest.raises(ClientClosedError) as closed:
        await client.tickets.get(ticket_id)
    told = [missing.value, *result.errors.values(), *late.errors.values(), closed.value]
    assert len(told) == 4
    assert not sightings(text for error in told for text in [str(error), repr(error), str(vars(error))])
    assert {type(event) for event in events} == {RequestEvent, ResponseEvent, RetryEvent, ThrottleEvent}
    assert {(event.ticket_id or "")[-3:] for event in [*events, *answers]} == {"***"}
    assert not sightings(all_texts([attrs.asdict(event) for event in [*events, *answers]]))
    assert "GET /tickets/" in caplog.text


async def test_key_in_a_ticket_is_the_tickets(fake: FakePeriskope) -> None:
    """Nothing is masked in a result: a ticket in which somebody wrote the key comes as it is."""
    fake.change("BKT-001", subject=f"why is {KEY} refused?")
    async with fake.client() as client:
        info = await client.tickets.get("BKT-001")
    assert info.ticket.subject == f"why is {KEY} refused?"
