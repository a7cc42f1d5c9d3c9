"""One call, from the limiter to the result or the error, over real sockets and in virtual time."""

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from periskope_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    BulkResult,
    ClientClosedError,
    DeadlineExceeded,
    DecodeError,
    Hooks,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RequestTimeout,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
    answer_for,
)
from periskope_async._sansio import retry as _retry
from periskope_async._sansio.circuit import CircuitBreaker
from periskope_async.resources.tickets import GET
from periskope_async.testing import HARMLESS_FAULTS, FakePeriskope, Fault, Faults, RateLimitPolicy, Reply
from tests.support import some, virtual_loop

JSON = (("Content-Type", "application/json"),)
TIMEOUT = 10.0

#: What each fault comes to if it never ends: the error, and what its message says.
RETRIED: dict[Fault, tuple[type[PeriskopeError], str]] = {
    Fault.RESET_BEFORE: (ProtocolError, "the connection ended before an answer"),
    Fault.FIN: (ProtocolError, "the connection ended before an answer"),
    Fault.RESET_DURING: (ProtocolError, "the answer broke off or is damaged"),
    Fault.TRUNCATED: (ProtocolError, "the answer broke off or is damaged"),
    Fault.CUT_CHUNK: (ProtocolError, "the answer broke off or is damaged"),
    Fault.NO_LAST_CHUNK: (ProtocolError, "the answer broke off or is damaged"),
    Fault.STALL_HEADERS: (RequestTimeout, "no complete answer within 10 s"),
    Fault.STALL_BODY: (RequestTimeout, "no complete answer within 10 s"),
    Fault.DRIP_HEADERS: (RequestTimeout, "no complete answer within 10 s"),
    Fault.DRIP_BODY: (RequestTimeout, "no complete answer within 10 s"),
    Fault.DRIP_CHUNKS: (RequestTimeout, "no complete answer within 10 s"),
    Fault.GARBAGE_STATUS: (ProtocolError, "not valid HTTP"),
    Fault.HUGE_HEADER: (ProtocolError, "not valid HTTP"),
    Fault.MANY_HEADERS: (ProtocolError, "not valid HTTP"),
    Fault.NUL_HEADER: (ProtocolError, "not valid HTTP"),
    Fault.LENGTH_AND_CHUNKED: (ProtocolError, "not valid HTTP"),
    Fault.TWO_LENGTHS: (ProtocolError, "not valid HTTP"),
    Fault.BROTLI_BOMB: (ProtocolError, "not valid HTTP|larger than"),  # aiohttp reads br only where it is installed
    Fault.STATUS_408: (UnexpectedResponseError, "has no body"),
    Fault.STATUS_425: (UnexpectedResponseError, "has no body"),
    Fault.STATUS_500: (ServerError, "Internal server error"),
    Fault.STATUS_500_EMPTY: (ServerError, "has no body"),
    Fault.STATUS_502_HTML: (ServerError, "an HTML page"),
    Fault.STATUS_503: (ServerError, "Service unavailable"),
    Fault.STATUS_503_BARE: (ServerError, "Service unavailable"),
    Fault.STATUS_504: (ServerError, "an HTML page"),
    Fault.STATUS_520: (ServerError, "an HTML page"),
    Fault.STATUS_524: (ServerError, "an HTML page"),
}
#: Waited out until the deadline: they cost no attempt.
WAITED: dict[Fault, tuple[type[PeriskopeError], str]] = {
    Fault.STATUS_429: (RateLimitError, "You can only make 100 requests per second"),
    Fault.STATUS_429_BARE: (RateLimitError, "You can only make"),
    Fault.STATUS_429_DATE: (RateLimitError, "You can only make"),
    Fault.STATUS_429_FLOAT: (RateLimitError, "You can only make"),
    Fault.STATUS_429_GARBAGE: (RateLimitError, "You can only make"),
    Fault.STATUS_429_HTML: (RateLimitError, "a proxy or firewall seems to refuse us"),
}
RETRIED_ONCE: dict[Fault, tuple[type[PeriskopeError], str]] = {
    Fault.HTML: (UnexpectedResponseError, "expected JSON, got a body of text/html"),
    Fault.EMPTY: (UnexpectedResponseError, "an empty body"),
    Fault.STATUS_204: (UnexpectedResponseError, r"^\[204\] expected JSON, got an empty body"),
    Fault.CUT_AT_EOF: (DecodeError, "not JSON"),
    Fault.TRUNCATED_GZIP: (DecodeError, "not JSON"),
    Fault.INVALID_JSON: (DecodeError, "not JSON"),
    Fault.HALF_JSON: (DecodeError, "not JSON"),
    Fault.INVALID_UTF8: (DecodeError, "not JSON"),
    Fault.NAN: (DecodeError, "not JSON"),
    Fault.HUGE_INT: (DecodeError, "not JSON"),
    Fault.DEEP: (DecodeError, "not JSON"),
    Fault.NULL: (DecodeError, "the body is null"),
    Fault.OTHER_ID: (UnexpectedResponseError, "the body is of another ticket"),
}
FINAL: dict[Fault, tuple[type[PeriskopeError], str]] = {
    Fault.STATUS_101: (UnexpectedResponseError, "has no body"),
    Fault.STATUS_301: (UnexpectedResponseError, "redirects are not followed"),
    Fault.STATUS_302: (UnexpectedResponseError, "redirects are not followed"),
    Fault.STATUS_303: (UnexpectedResponseError, "redirects are not followed"),
    Fault.STATUS_304: (UnexpectedResponseError, "has no body"),
    Fault.STATUS_307: (UnexpectedResponseError, "redirects are not followed"),
    Fault.STATUS_308: (UnexpectedResponseError, "redirects are not followed"),
    Fault.STATUS_400: (BadRequestError, "Bad request"),
    Fault.STATUS_401: (AuthenticationError, "Invalid bearer auth token"),
    Fault.STATUS_401_PLAN: (AuthenticationError, "the key is not bad: the account's plan does not include the API"),
    Fault.STATUS_403: (PermissionDeniedError, "Forbidden"),
    Fault.STATUS_404: (NotFoundError, "Ticket not found"),
    Fault.STATUS_409: (UnexpectedResponseError, "Conflict"),
    Fault.STATUS_410: (UnexpectedResponseError, "Gone"),
    Fault.STATUS_422: (ValidationError, "Request validation failed"),
    Fault.STATUS_429_HUGE: (RateLimitError, "You can only make"),  # its Retry-After is past any deadline
    Fault.STATUS_999: (UnexpectedResponseError, "has no body"),
    Fault.ARRAY: (DecodeError, r"expected TicketInfo @ \$"),
    Fault.HOLLOW: (DecodeError, r"required field missing @ \$.ticket"),
    Fault.MISSING_FIELD: (DecodeError, r"required field missing @ \$.ticket.ticket_id"),
    Fault.NULL_FIELD: (DecodeError, r"expected str @ \$.ticket.ticket_id"),
    Fault.WRONG_TYPE: (DecodeError, r"expected str @ \$.ticket.ticket_id and 1 more"),
    Fault.GZIP_BOMB: (ProtocolError, "larger than 16 MiB"),
    Fault.DEFLATE_BOMB: (ProtocolError, "larger than 16 MiB"),
    Fault.GIANT_BODY: (ProtocolError, "larger than 16 MiB"),
    Fault.ENDLESS_CHUNKS: (ProtocolError, "larger than 16 MiB"),
}
#: How many requests a call makes that meets nothing else and may repeat itself twice; 0: as many as there is time for.
MATRIX = {
    **{fault: (3, *told) for fault, told in RETRIED.items()},
    **{fault: (0, *told) for fault, told in WAITED.items()},
    **{fault: (2, *told) for fault, told in RETRIED_ONCE.items()},
    **{fault: (1, *told) for fault, told in FINAL.items()},
}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope(faults=Faults(pause=3.0, per_id=None)) as fake:
        yield fake


@asynccontextmanager
async def client_of(fake: FakePeriskope, *, borrow: bool = False, **options: Any) -> AsyncIterator[PeriskopeClient]:
    """Open a client of *fake*, on its own session or on one of ours."""
    if not borrow:
        async with fake.client(**options) as client:
            yield client
        return
    async with aiohttp.ClientSession() as session, fake.client(session=session, **options) as client:
        yield client


def now() -> float:
    """Return the virtual time, in seconds."""
    return asyncio.get_running_loop().time()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all that hang on it."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


# -- the fault matrix -------------------------------------------------------------------------------------------------


def test_every_fault_has_its_place() -> None:
    """The matrix judges every fault that the fake can inject."""
    assert MATRIX.keys() | HARMLESS_FAULTS == set(Fault)


@pytest.mark.parametrize("session", some(["own", "borrowed"], "own"))
@pytest.mark.parametrize("fault", MATRIX)
async def test_fault_that_stays(fake: FakePeriskope, fault: Fault, session: str) -> None:
    """A fault that never ends comes to its own error, after as many requests as it deserves, all of them counted."""
    calls, cls, told = MATRIX[fault]
    fake.faults.add(fault)
    requests: list[object] = []
    options = {"borrow": session == "borrowed", "hooks": Hooks(on_request=requests.append)}
    async with client_of(fake, retries=2, timeout=TIMEOUT, **options) as client:
        with pytest.raises(cls, match=told) as caught:
            await client.tickets.get("BKT-002")
    error = caught.value
    assert type(error) is cls
    assert fake.calls == fake.counts[fault] == error.attempts == len(requests)
    assert fake.calls == calls or (calls == 0 and 3 < fake.calls < 20)
    assert error.elapsed <= 120.0
    assert (error.ticket_id, error.method, error.path) == ("BKT-002", "GET", "/tickets/BKT-002")
    assert error.retryable == (calls != 1 or fault is Fault.STATUS_429_HUGE)
    assert not error.maybe_sent
    assert [type(each) for each in chain(error)] == [cls]
    assert fake.api_key not in f"{error}{vars(error)}"


@pytest.mark.parametrize("fault", [*RETRIED, *RETRIED_ONCE, *WAITED])
async def test_fault_that_passes(fake: FakePeriskope, fault: Fault) -> None:
    """A fault of the moment costs one further request, and the caller nothing."""
    fake.faults.add(fault, times=1)
    async with client_of(fake, retries=1, timeout=TIMEOUT) as client:
        assert (await client.tickets.get("BKT-002")).ticket.ticket_id == "BKT-002"
    assert (fake.counts[fault], fake.calls) == (1, 2)


@pytest.mark.parametrize("fault", sorted(HARMLESS_FAULTS))
async def test_fault_that_does_no_harm(fake: FakePeriskope, fault: Fault) -> None:
    """An answer that is good in spite of everything is taken as it is, time after time."""
    fake.faults.add(fault)
    async with client_of(fake, timeout=TIMEOUT) as client:
        for ticket_id in ("BKT-001", "BKT-002", "BKT-003"):
            assert (await client.tickets.get(ticket_id)).ticket.ticket_id == ticket_id
    assert fake.counts[fault] == 3 or fault is Fault.STALE
    assert fake.calls == 3 or fault is Fault.STALE


async def test_half_an_emoji_does_not_cost_a_ticket(fake: FakePeriskope) -> None:
    """Where the service cut a text in the middle of an emoji, the ticket comes with U+FFFD in its place."""
    subject = fake.get("BKT-001")["ticket"]["subject"]
    fake.faults.add(Fault.SURROGATE)
    async with client_of(fake) as client:
        info = await client.tickets.get("BKT-001")
    assert info.ticket.subject == f"\ufffd{subject}"
    assert fake.counts[Fault.SURROGATE] == fake.calls == 1


async def test_a_part_that_was_not_asked_for_is_told(fake: FakePeriskope) -> None:
    """A 206 to a request without Range is called what it is, and is not taken for a ticket, whole as it may look."""
    fake.answer(lambda _: Reply(206, json.dumps(fake.get("BKT-001")).encode(), JSON))
    async with client_of(fake) as client:
        with pytest.raises(UnexpectedResponseError, match="206 Partial Content, which was not asked for"):
            await client.tickets.get("BKT-001")
    assert fake.calls == 1


@pytest.mark.parametrize("retries", [0, 1, 7])
async def test_as_many_retries_as_allowed(fake: FakePeriskope, retries: int) -> None:
    """`retries` is how often a call may repeat itself after a failure, and 0 is never."""
    fake.faults.add(Fault.STATUS_503_BARE)
    async with client_of(fake, retries=retries) as client:
        with pytest.raises(ServerError) as caught:
            await client.tickets.get("BKT-001")
    assert fake.calls == caught.value.attempts == retries + 1


async def test_own_limits_count_apart(fake: FakePeriskope) -> None:
    """Trouble of one kind does not use up the retries that another kind is given."""
    for fault in (Fault.STATUS_503_BARE, Fault.EMPTY, Fault.RESET_BEFORE):
        fake.faults.add(fault, times=1)
    async with client_of(fake) as client:
        await client.tickets.get("BKT-001")
    assert fake.calls == 4


@pytest.mark.parametrize("asked", ["bkt-001", " BKT-001", "Bkt-001 "])
async def test_id_in_another_spelling_is_the_same_ticket(fake: FakePeriskope, asked: str) -> None:
    """A service that does not mind case or blanks answers with the ticket that was asked for."""
    fake.answer(lambda _: Reply(200, json.dumps(fake.get("BKT-001")).encode(), JSON))
    async with client_of(fake) as client:
        assert (await client.tickets.get(asked)).ticket.ticket_id == "BKT-001"
    assert fake.calls == 1


# -- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_hours_of_waiting(fake: FakePeriskope) -> None:
    """Without a deadline, a call waits as long as the service asks, however long that is."""
    fake.faults.retry_after = 3_600.0
    for fault in (Fault.STATUS_429, Fault.STATUS_503, Fault.STATUS_429_DATE, Fault.STATUS_429_FLOAT):
        fake.faults.add(fault, times=1)
    started = now()
    async with client_of(fake, deadline=None) as client:
        await client.tickets.get("BKT-001")
    assert 4 * 3_600 <= now() - started <= 4 * 3_600 + 5
    assert fake.calls == 5


@pytest.mark.parametrize("fault", [Fault.STATUS_429, Fault.STATUS_429_DATE, Fault.STATUS_429_FLOAT, Fault.STATUS_503])
async def test_a_wait_past_the_deadline_is_not_begun(fake: FakePeriskope, fault: Fault) -> None:
    """Asked to wait longer than the deadline allows, a call fails at once, and says how long to wait."""
    fake.faults.retry_after = 31.0
    fake.faults.add(fault)
    started = now()
    async with client_of(fake, deadline=30.0) as client:
        with pytest.raises((RateLimitError, ServerError)) as caught:
            await client.tickets.get("BKT-001")
    assert caught.value.retry_after == pytest.approx(31.0, abs=1.0)
    assert caught.value.retryable
    assert fake.calls == caught.value.attempts == 1
    assert now() - started < 1.0


async def test_a_pause_past_the_deadline_is_everybodys(fake: FakePeriskope) -> None:
    """While the key is told to pause, other calls whose deadline ends within the pause fail without a request."""
    fake.faults.retry_after = 31.0
    fake.faults.add(Fault.STATUS_429, times=1)
    async with client_of(fake, deadline=30.0) as client:
        with pytest.raises(RateLimitError):
            await client.tickets.get("BKT-001")
        with pytest.raises(DeadlineExceeded, match=r"within 30 s|deadline of 30 s") as caught:
            await client.tickets.get("BKT-002")
        assert caught.value.attempts == 0
        assert fake.calls == 1
        await client.with_options(deadline=40.0).tickets.get("BKT-002")
    assert fake.calls == 2


async def test_a_timeout_of_less_than_a_millisecond_says_so(fake: FakePeriskope) -> None:
    """It is not rounded to nothing."""
    fake.faults.add(Fault.STALL_HEADERS)
    async with client_of(fake, timeout=0.0001, retries=0) as client:
        with pytest.raises(RequestTimeout, match=r"within (0\.0001|\d\.\d+e-05) s"):
            await client.tickets.get("BKT-001")
    assert fake.counts[Fault.STALL_HEADERS] == 1


async def test_deadline_tells_what_it_was_waiting_for(fake: FakePeriskope) -> None:
    """An exceeded deadline says how long it was, and what the last attempt came to."""
    for fault in (Fault.STATUS_500, Fault.STALL_BODY):
        fake.faults.add(fault, times=1)
    async with client_of(fake, timeout=60.0, deadline=30.0) as client:
        with pytest.raises(
            DeadlineExceeded, match=r"of 30 s; the last attempt: no complete answer within [\d.]+ s"
        ) as caught:
            await client.tickets.get("BKT-001")
    assert caught.value.attempts == 2
    assert caught.value.elapsed == pytest.approx(30.0, abs=0.1)
    assert caught.value.retryable


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deadline=st.floats(0.01, 60.0),
    attempt=st.floats(0.01, 20.0),
    retries=st.integers(0, 9),
    faults=st.lists(st.sampled_from(sorted({*RETRIED, *RETRIED_ONCE, *WAITED})), min_size=1, max_size=10),
)
@example(deadline=1.1, attempt=15.2, retries=8, faults=[Fault.DRIP_HEADERS] * 2)  # once asked for a permit for ever
async def test_no_call_outlasts_its_deadline(
    fake: FakePeriskope, deadline: float, attempt: float, retries: int, faults: list[Fault]
) -> None:
    """Whatever happens in a call, it has ended by its deadline, with a result or an error of ours."""
    fake.clear()
    fake.faults.clear()
    for fault in faults:
        fake.faults.add(fault, times=1)
    key = fake.api_key
    started = now()
    most = retries + 1 + sum(fault in WAITED for fault in faults)
    try:
        async with client_of(fake, deadline=deadline, timeout=attempt, retries=retries) as client:
            await client.tickets.get("BKT-001")
    except PeriskopeError as error:
        assert error.attempts <= most  # noqa: PT017  # a success is fine too
        assert error.elapsed <= deadline + 0.05  # noqa: PT017  # likewise
        assert key not in str(error)  # noqa: PT017  # likewise
    assert now() - started <= deadline + 0.05
    assert fake.calls <= most


async def test_timeout_starts_once_there_is_a_slot(fake: FakePeriskope) -> None:
    """Waiting for a free slot does not use up the time of an attempt."""
    fake.latency = 5.0
    async with client_of(fake, concurrency=1, timeout=6.0, retries=0) as client:
        await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(10)))
    assert fake.calls == 10


async def test_deadline_counts_the_queue(fake: FakePeriskope) -> None:
    """A call that gets no slot before its deadline fails without a request, and names what is for many ids."""
    fake.latency = 20.0
    async with client_of(fake, concurrency=1, deadline=30.0) as client:
        results = await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(3)), return_exceptions=True)
    failed = [result for result in results if isinstance(result, DeadlineExceeded)]
    assert [error.attempts for error in failed] == [1, 0]
    hint = "it waited behind other calls on this key; for many ids, get_many and stream"
    assert [hint in str(error) for error in failed] == [False, True]
    assert fake.calls == 2


async def test_a_limit_that_lasts_longer_than_the_deadline() -> None:
    """A call that the rate limit keeps past its deadline fails at once, and says when one may go."""
    async with FakePeriskope(1, rate_limit="5/60s") as fake, client_of(fake, deadline=2) as client:
        for _ in range(5):
            await client.tickets.get("BKT-001")
        with pytest.raises(DeadlineExceeded, match=r"lets nothing go within 2 s, but in 60\.\d s") as caught:
            await client.tickets.get("BKT-001")
        assert fake.calls == 5
    assert caught.value.retry_after == pytest.approx(60, abs=1)
    assert answer_for(caught.value)[2] == {"Retry-After": str(math.ceil(caught.value.retry_after))}


async def test_in_flight_at_once(fake: FakePeriskope) -> None:
    """However many calls there are, no more are in flight than `concurrency` says, over no more connections."""
    fake.latency = 1.0
    in_flight: list[int] = [0]

    def fly(by: int) -> Callable[[object], None]:
        return lambda _: in_flight.append(in_flight[-1] + by)

    async with client_of(fake, concurrency=7, hooks=Hooks(on_request=fly(1), on_response=fly(-1))) as client:
        await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(50)))
    assert fake.calls == 50
    assert fake.connections == max(in_flight) == 7
    assert in_flight[-1] == 0


# -- 429 --------------------------------------------------------------------------------------------------------------


async def test_a_429_costs_no_attempt(fake: FakePeriskope) -> None:
    """Between failures that cost the call its retries, a 429 costs it only time; its requests are all counted."""
    for fault in (Fault.STATUS_429, Fault.STATUS_503, Fault.STATUS_429, Fault.STATUS_429_FLOAT, Fault.STATUS_503):
        fake.faults.add(fault, times=1)
    async with client_of(fake, retries=1) as client:
        with pytest.raises(ServerError) as caught:
            await client.tickets.get("BKT-001")
        assert fake.calls == caught.value.attempts == 5
        fake.faults.add(Fault.STATUS_429, times=3)
        await client.with_options(retries=0).tickets.get("BKT-001")
    assert fake.calls == 9


@pytest.mark.parametrize("asked", [0.0, 0.1])
async def test_a_429_that_goes_on_ends_with_the_deadline(fake: FakePeriskope, asked: float) -> None:
    """While nothing but 429s come the pauses double, whatever each says, until one would pass the deadline."""
    fake.faults.retry_after = asked
    fake.faults.add(Fault.STATUS_429_FLOAT)
    pauses: list[float] = []
    async with client_of(fake, retries=0, hooks=Hooks(on_throttle=lambda event: pauses.append(event.pause))) as client:
        with pytest.raises(RateLimitError) as caught:
            await client.tickets.get("BKT-001")
    assert pauses == pytest.approx([max(asked, min(20.0, 0.05 * 2**n)) for n in range(len(pauses))])
    assert fake.calls == caught.value.attempts == len(pauses)
    assert 100.0 < caught.value.elapsed <= 120.0


async def test_a_429_that_goes_on_for_ever(fake: FakePeriskope) -> None:
    """A call without a deadline gives up after 20 pauses in a row in which nobody on the key was let through."""
    fake.faults.retry_after = 60.0
    fake.faults.add(Fault.STATUS_429)
    async with client_of(fake, deadline=None) as client:
        with pytest.raises(RateLimitError) as caught:
            await client.tickets.get("BKT-001")
        assert fake.calls == caught.value.attempts == 21
        fake.faults.clear()
        for times in (0, 15, 15):
            fake.faults.add(Fault.STATUS_429, times=times)
            await client.tickets.get("BKT-001")
    assert fake.calls == 21 + 1 + 16 + 16


# Waits too short and of no word at both ends of the latencies; one that is too long in the middle.
@pytest.mark.parametrize(
    ("asked", "latency"), some([(0.0, 0.001), (0.0, 0.15), (0.1, 0.02), ("none", 0.001), ("none", 0.15)])
)
async def test_a_token_bucket(asked: float, latency: float) -> None:
    """Whatever a token bucket says of the wait, 200 calls at once and a run of 2,000 all come through, few refused."""
    policy = RateLimitPolicy(20, 0.2, bucket=True, headers="none", retry_after=asked)
    async with FakePeriskope(tickets=2_000, rate_limit=policy, latency=latency) as fake:
        async with client_of(fake, deadline=120.0) as client:
            await asyncio.gather(*(client.tickets.get(ticket_id) for ticket_id in fake.ticket_ids[:200]))
        assert 0 < fake.throttled < 50
        fake.clear()
        started = now()
        async with client_of(fake, deadline=120.0) as client:
            result = await client.tickets.get_many(fake.ticket_ids)
        assert result.ok
        assert len(result.tickets) == 2_000
        assert 0 < fake.throttled < 80
        assert 19.0 < now() - started < 40.0


async def test_a_run_waits_longer_than_a_call(fake: FakePeriskope) -> None:
    """A run waits out pauses that are longer than a call may take, and so does a queue of refused ids."""
    policy = RateLimitPolicy(2, 10.0, bucket=True, headers="none", retry_after="float")
    async with FakePeriskope(tickets=80, rate_limit=policy) as slow, client_of(slow, deadline=30.0) as client:
        assert (await client.tickets.get_many(slow.ticket_ids)).ok
        assert slow.throttled > 0
    fake.faults.retry_after = 300.0
    fake.faults.add(Fault.STATUS_429, times=1)
    started = now()
    async with client_of(fake, deadline=120.0) as client:
        assert (await client.tickets.get_many(fake.ticket_ids)).ok
        assert 300.0 <= now() - started < 310.0
        fake.faults.add(Fault.STATUS_429, times=1)
        result = await client.tickets.get_many(fake.ticket_ids, deadline=200.0)
        assert {*result.errors, *result.skipped, *result.tickets} == set(fake.ticket_ids)
        assert now() - started < 510.0


async def test_a_run_ends_with_a_key_that_stays_shut(fake: FakePeriskope) -> None:
    """Where nobody is let through for 20 pauses in a row a run ends, with hardly more requests, and tells every id."""
    fake.faults.retry_after = 0.0
    fake.faults.add(Fault.STATUS_429_FLOAT)
    ids = [f"BKT-{n:03}" for n in range(1, 301)]
    started = now()
    async with client_of(fake) as client:
        result = await client.tickets.get_many(ids)
    assert {*result.errors, *result.skipped} == set(ids)
    assert result.errors
    assert {type(error) for error in result.errors.values()} == {RateLimitError}
    assert sum(error.attempts for error in result.errors.values()) == fake.calls == 21
    assert 200.0 < now() - started < 300.0


async def in_a_pause(fake: FakePeriskope, client: PeriskopeClient) -> "asyncio.Task[BulkResult]":
    """Start a run of two ids: one waits out an hour's pause after a 429, the other gets a 401 in a second."""
    refused = [1.0, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"]
    fake.answer(lambda request: refused if request.path.endswith("BKT-002") else None)
    fake.faults.retry_after = 3_600.0
    await client.tickets.get("BKT-003")
    fake.faults.add(Fault.STATUS_429, ticket_id="BKT-001")
    task = asyncio.create_task(client.tickets.get_many(["BKT-001", "BKT-002", "BKT-003"]))
    await asyncio.sleep(0.5)
    assert fake.counts[Fault.STATUS_429] == 1
    return task


async def test_a_run_that_is_over_waits_for_no_pause(fake: FakePeriskope) -> None:
    """An id that waits out a pause fails with its 429 as soon as a refused key ends the run."""
    async with client_of(fake, concurrency=2) as client:
        result = await (await in_a_pause(fake, client))
        assert now() < 10.0
    errors = {ticket_id: type(error) for ticket_id, error in result.errors.items()}
    assert errors == {"BKT-001": RateLimitError, "BKT-002": AuthenticationError}
    assert result.skipped == ("BKT-003",)


async def test_closing_ends_the_pause_of_a_run(fake: FakePeriskope) -> None:
    """A run whose ids wait out a pause ends at once when its client is closed."""
    async with client_of(fake, concurrency=2) as client:
        task = await in_a_pause(fake, client)
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await task
        assert now() < 10.0


# -- connections ------------------------------------------------------------------------------------------------------


async def test_a_fresh_connection_takes_the_place_of_an_idle_one(
    fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that comes back to a full pool after a drop asks for a new connection, and an idle one goes for it."""
    monkeypatch.setattr(_retry, "random", lambda: 1.0)
    fake.latency = 0.05
    async with client_of(fake, concurrency=2) as client:
        await client.tickets.get("BKT-001")
        fake.faults.add(Fault.FIN, ticket_id="BKT-001", times=2)
        dropped = asyncio.create_task(client.tickets.get("BKT-001"))
        await asyncio.sleep(0.2)
        assert fake.counts[Fault.FIN] == 2
        await asyncio.gather(client.tickets.get("BKT-002"), client.tickets.get("BKT-003"))
        assert fake.open_connections == 2
        accepted = fake.connections
        await dropped
        assert (fake.connections, fake.open_connections) == (accepted + 1, 2)


async def test_only_what_follows_a_drop_needs_a_fresh_connection(fake: FakePeriskope) -> None:
    """After a drop one attempt is made on a new connection, and the next again on one that is there."""
    for fault in (Fault.FIN, Fault.STATUS_500, Fault.STATUS_500):
        fake.faults.add(fault, times=1)
    async with client_of(fake) as client:
        await client.tickets.get("BKT-001")
    assert [request.connection for request in fake.requests] == [1, 2, 2, 2]


# -- writes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", MATRIX)
async def test_a_create_is_never_done_twice(fake: FakePeriskope, fault: Fault) -> None:
    """A create that may have arrived is not sent again, and its error says so wherever the ticket may exist."""
    before = fake.count
    fake.faults.add(fault)
    async with client_of(fake, retries=2, timeout=TIMEOUT) as client:
        made = await outcome(client.tickets.create(chat_id=fake.chat_ids[0], subject="Broken"))
    assert fake.calls > 3 if fault in WAITED else fake.calls == 1
    assert fake.count <= before + 1
    if isinstance(made, PeriskopeError):
        assert made.maybe_sent or fake.count == before
        assert not (
            made.maybe_sent and isinstance(made, ApiError) and made.status in {400, 401, 403, 404, 409, 422, 429}
        )
        assert ("look before you repeat it" in str(made)) == made.maybe_sent
    else:
        assert fake.count == before + 1


async def test_a_create_that_cannot_have_arrived_is_sent_again(fake: FakePeriskope) -> None:
    """Where no connection could be made, nothing was created, and the create is simply sent again."""
    before = fake.count
    fake.down()
    asyncio.get_running_loop().call_later(1.0, fake.up)
    async with client_of(fake, retries=50) as client:
        await client.tickets.create(chat_id=fake.chat_ids[0], subject="Broken")
    assert (fake.calls, fake.count) == (1, before + 1)


# -- retries in an outage ---------------------------------------------------------------------------------------------


async def test_an_outage_is_not_made_worse(fake: FakePeriskope) -> None:
    """When everything fails, 500 calls share one quota of retries: hardly more requests than calls are sent."""
    fake.faults.add(Fault.STATUS_503_BARE)
    async with client_of(fake) as client:
        results = await asyncio.gather(*(client.tickets.get("BKT-001") for _ in range(500)), return_exceptions=True)
        assert {type(result) for result in results} == {ServerError}
        assert fake.calls == 600
        fake.faults.clear()
        await client.tickets.get("BKT-001")


async def test_success_refills_the_quota(fake: FakePeriskope) -> None:
    """Faults that are scattered cost nothing in the long run: each success pays for its own retry."""
    async with client_of(fake) as client:
        for _ in range(150):
            fake.faults.add(Fault.STATUS_503_BARE, times=1)
            await client.tickets.get("BKT-001")
        assert client._caller.connections.limiter._retry_budget.left == 500
    assert fake.calls == 300


@pytest.mark.parametrize(("count", "retries"), [(300, 2), (40, 0), (1, 0)])
async def test_bulk_waits_through_an_outage(count: int, retries: int) -> None:
    """A bulk run does not give up when the quota of retries is empty: it waits behind one probe until all is well.

    Whose turn it is to probe fails for the service's sake, and pays with none of its own retries.
    """
    async with FakePeriskope(tickets=count) as fake, client_of(fake, retries=retries) as client:
        limiter = client._caller.connections.limiter
        limiter._ledger.circuit = CircuitBreaker(now())
        fake.faults.add(Fault.STATUS_503_BARE)
        asyncio.get_running_loop().call_later(15.0, fake.faults.clear)
        result = await client.tickets.get_many(fake.ticket_ids)
        assert result.ok
        assert len(result.tickets) == count
        assert 4 < fake.counts[Fault.STATUS_503_BARE] < 150


async def test_bulk_ends_with_an_outage_that_does_not(fake: FakePeriskope) -> None:
    """An outage that outlasts the client's deadline ends a bulk run, with an account of every id."""
    fake.faults.add(Fault.STATUS_503_BARE)
    ids = [f"BKT-{n:03}" for n in range(1, 301)]
    started = now()
    async with client_of(fake, deadline=60.0) as client:
        result = await client.tickets.get_many(ids)
    assert not result.tickets
    assert {*result.errors, *result.skipped} == set(ids)
    assert all(isinstance(error, PeriskopeError) for error in result.errors.values())
    assert now() - started < 2 * 60.0
    assert fake.calls < 1.1 * len(ids)


# -- cancellation, and other people's timeouts ------------------------------------------------------------------------

STALLS = {
    "headers": lambda fake: fake.faults.add(Fault.STALL_HEADERS),
    "body": lambda fake: fake.faults.add(Fault.STALL_BODY),
    "backoff": lambda fake: fake.faults.add(Fault.STATUS_503),
    "pause": lambda fake: fake.faults.add(Fault.STATUS_429),
    "queue": lambda fake: fake.faults.add(Fault.STALL_HEADERS, ticket_id="BKT-001"),
}


@pytest.fixture(params=STALLS)
def stalled(request: pytest.FixtureRequest, fake: FakePeriskope) -> FakePeriskope:
    """Have calls stand still at some point of their way."""
    fake.faults.retry_after = 20.0
    STALLS[request.param](fake)
    return fake


@asynccontextmanager
async def waiting_call(fake: FakePeriskope, **options: Any) -> AsyncIterator[tuple[PeriskopeClient, asyncio.Task[Any]]]:
    """Start a call that stands still; with one slot in all, and perhaps another call in it."""
    async with client_of(fake, concurrency=1, timeout=100.0, **options) as client, asyncio.TaskGroup() as group:
        first = group.create_task(client.tickets.get("BKT-001"))
        await asyncio.sleep(1.0)
        task = group.create_task(client.tickets.get("BKT-002"))
        await asyncio.sleep(1.0)
        yield client, task
        first.cancel()


async def test_cancelling_passes_through(stalled: FakePeriskope) -> None:
    """A cancelled call ends at once with that very cancellation, is not repeated, and leaves nothing behind."""
    async with waiting_call(stalled) as (client, task):
        calls, others = stalled.calls, asyncio.all_tasks() - {task}
        task.cancel("by its owner")
        with pytest.raises(asyncio.CancelledError, match="by its owner"):
            await task
        assert stalled.calls == calls
        assert asyncio.all_tasks() == others
    limiter = client._caller.connections.limiter
    assert limiter._ledger.in_flight == 0


async def test_the_callers_timeout_is_the_callers(stalled: FakePeriskope) -> None:
    """A timeout around a call ends as the caller's TimeoutError, not as one of ours."""
    async with waiting_call(stalled) as (client, task):
        task.cancel()
        started = now()
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(3.0):
                await client.tickets.get("BKT-003")
        assert type(caught.value) is TimeoutError
        assert now() - started == pytest.approx(3.0, abs=0.1)


async def test_both_at_the_same_moment(fake: FakePeriskope) -> None:
    """Where our timeout and a cancellation meet, the cancellation is not lost."""
    fake.faults.add(Fault.STALL_HEADERS)
    async with client_of(fake, timeout=5.0) as client:
        for at in (4.99, 5.0, 5.01):
            task = asyncio.create_task(client.tickets.get("BKT-001"))
            asyncio.get_running_loop().call_later(at, task.cancel)
            await asyncio.wait([task])
            assert task.cancelled()
            assert task.cancelling() == 1


async def test_a_call_after_our_timeout_is_not_cancelled(fake: FakePeriskope) -> None:
    """A timeout of ours leaves no cancellation behind in the caller's task."""
    fake.faults.add(Fault.STALL_BODY, times=3)
    task = asyncio.current_task()
    assert task is not None
    async with client_of(fake, timeout=5.0, retries=0) as client:
        for _ in range(3):
            with pytest.raises(RequestTimeout):
                await client.tickets.get("BKT-001")
            assert task.cancelling() == 0
        async with asyncio.timeout(60.0):
            await client.tickets.get("BKT-001")


# -- closing under way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("borrow", [False, True], ids=["own session", "borrowed session"])
async def test_closing_ends_calls_under_way(stalled: FakePeriskope, borrow: bool) -> None:  # noqa: FBT001  # a parameter
    """A client that is closed answers every call under way with `ClientClosedError`, and sends nothing any more."""
    async with asyncio.timeout(200.0), aiohttp.ClientSession() as session:
        client = stalled.client(concurrency=1, timeout=100.0, session=session if borrow else None)
        async with client, asyncio.TaskGroup() as group:
            tasks = [group.create_task(outcome(client.tickets.get(i))) for i in ("BKT-001", "BKT-002", "BKT-003")]
            await asyncio.sleep(2.0)
            calls = stalled.calls
            await client.aclose()
    results = [task.result() for task in tasks]
    assert [type(result) for result in results] == [ClientClosedError] * 3
    assert not any(result.retryable for result in results if isinstance(result, PeriskopeError))
    assert stalled.calls == calls
    assert client._caller.connections.limiter._ledger.in_flight == 0


async def outcome(call: Any) -> object:
    """Return what a call comes to: its result or its error."""
    try:
        return await call
    except PeriskopeError as error:
        return error


@pytest.mark.parametrize("used", [True, False])
async def test_closed_by_another_thread_just_now(fake: FakePeriskope, used: bool) -> None:  # noqa: FBT001  # a case
    """A permit that is used, or handed back, as a thread closes its client opens nothing: it goes to who waits."""
    client = fake.client()
    caller = client.tickets._caller
    state = caller.connections.state()
    async with fake.client() as other:
        started = now()
        permit = caller.queue().try_acquire(bulk=True)  # nothing is known of the limit, and so it is the only one
        assert permit is not None
        waiting = asyncio.create_task(other.tickets.get("BKT-001"))
        await asyncio.sleep(0)
        caller.connections.closed = True  # the first thing that closing does
        if used:
            with pytest.raises(ClientClosedError, match="BKT-002"):
                await caller.call(GET.request(ticket_id="BKT-002"), permit=permit)
        else:
            state.queue.release(permit)
        await waiting
        assert now() == started
    assert caller.connections.limiter._ledger.in_flight == 0
    assert state.http is None
    assert fake.calls == 1


async def test_closed_by_another_thread_while_it_waited(fake: FakePeriskope) -> None:
    """A call whose permit comes when its client was just closed opens nothing, says so, and gives the permit back."""
    async with fake.client() as other:
        client = fake.client()
        state = client.tickets._caller.connections.state()
        fake.latency = 0.2
        first = asyncio.create_task(other.tickets.get("BKT-001"))  # nothing is known of the limit: it goes alone
        waiting = asyncio.create_task(client.tickets.get("BKT-002"))
        await asyncio.sleep(0.1)
        client._caller.connections.closed = True  # the first thing that closing does
        await first
        with pytest.raises(ClientClosedError, match=r"BKT-002, request GET /tickets/BKT-002") as caught:
            await waiting
    assert not caught.value.retryable
    assert not caught.value.maybe_sent
    assert state.queue.limiter._ledger.in_flight == 0
    assert state.http is None
    assert fake.calls == 1


async def test_a_failing_hook_gives_its_slot_back(fake: FakePeriskope) -> None:
    """Not even a hook that ends the whole task keeps the slot of its call."""

    def interrupt(_: object) -> None:
        raise asyncio.CancelledError

    async with client_of(fake, concurrency=1, hooks=Hooks(on_request=interrupt)) as client:
        for _ in range(3):
            with pytest.raises(asyncio.CancelledError):
                await client.tickets.get("BKT-001")
        assert client._caller.connections.limiter._ledger.in_flight == 0
    assert fake.calls == 0


# -- what is known of the rate limit ----------------------------------------------------------------------------------


async def test_several_rate_limits_by_the_suffix_of_their_headers() -> None:
    """Of several limits the one that binds is kept and told, by the headers that the service is known to send."""
    long = RateLimitPolicy(60, 60, headers="nestjs", name="long")
    policy = RateLimitPolicy(20, 0.5, headers="nestjs", name="short", also=(long,))
    async with FakePeriskope(50, rate_limit=policy) as fake, client_of(fake) as client:
        queue = client._caller.connections.state().queue
        assert queue._suffixes is None
        result = await client.tickets.get_many(fake.ticket_ids)
        assert (len(result.tickets), fake.throttled) == (50, 0)
        assert queue._suffixes == ("-short", "-long")
        limit = client.rate_limit
        assert limit is not None
        assert (limit.limit, limit.remaining) in {(20, 10), (60, 10), (20, 0)}


async def test_a_refusal_has_the_rate_headers_looked_for_again() -> None:
    """Whatever was known of the headers was not enough, if the service refuses all the same."""
    faults = Faults(retry_after=0)
    faults.add(Fault.STATUS_429, times=1)
    async with FakePeriskope(faults=faults) as fake, client_of(fake) as client:
        queue = client._caller.connections.state().queue
        queue._suffixes = ("-short",)
        await client.tickets.get("BKT-001")
        assert faults.counts[Fault.STATUS_429] == 1
        assert queue._suffixes == ()


async def test_rate_limit_as_last_told() -> None:
    """The client tells the rate limit as the service last told it, and nothing before."""
    async with FakePeriskope(rate_limit="100/60s") as fake, client_of(fake) as client:
        assert client.rate_limit is None
        await client.tickets.get("BKT-001")
        limit = client.rate_limit
        assert limit is not None
        assert (limit.limit, limit.remaining) == (100, 99)
        assert 0 < limit.resets_in <= 61


def test_rate_limit_outside_of_a_loop() -> None:
    """The rate limit can be asked for from any code, running loop or not."""
    with FakePeriskope(rate_limit="100/60s") as fake:
        client = fake.client()

        async def call() -> None:
            async with client:
                await client.tickets.get("BKT-001")

        asyncio.run(call())
        assert client.rate_limit is not None
        assert client.rate_limit.limit == 100


# -- log lines --------------------------------------------------------------------------------------------------------


async def test_log_tells_retries_pauses_and_answers(fake: FakePeriskope, caplog: pytest.LogCaptureFixture) -> None:
    """The log has a line for each answer (DEBUG), and for each retry and pause (INFO), with the time it will take."""
    for fault in (Fault.STATUS_503_BARE, Fault.STATUS_429):
        fake.faults.add(fault, times=1)
    with caplog.at_level(logging.DEBUG, "periskope"):
        async with client_of(fake) as client:
            await client.tickets.get("BKT-001")
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "periskope"]
    assert [level for level, _ in lines] == ["DEBUG", "INFO", "DEBUG", "INFO", "INFO", "DEBUG"]
    assert lines[0][1] == "GET /tickets/BKT-001 -> 503 (attempt 1)"
    assert "Service unavailable; again in 0." in lines[1][1]
    assert lines[3][1] == "429 from the service: everybody on this key pauses for 1.00 s"
    assert lines[5][1] == "GET /tickets/BKT-001 -> 200 (attempt 3)"
    assert fake.api_key not in caplog.text
