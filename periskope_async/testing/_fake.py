"""`FakePeriskope`: the service, its faults and its limits behind a socket on loopback, in a thread of its own."""

import asyncio
import itertools
import json
import random
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import lru_cache, partial
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import attrs

from periskope_async.testing._express import Fields, common_fields, dressed, too_many
from periskope_async.testing._faults.answers import play
from periskope_async.testing._faults.names import REFUSALS, Fault, status_of
from periskope_async.testing._faults.plan import Faults
from periskope_async.testing._http import Connection, Hangup, Headers, Reply, Request, Step, parse_headers
from periskope_async.testing._limits import Limiter, RateLimitPolicy
from periskope_async.testing._service.made_up import Json
from periskope_async.testing._service.router import Answer, Assumptions, Service, error, ticket_of

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_sync import PeriskopeClient as BlockingClient

__all__ = ["FakePeriskope", "Recorded"]

AnswerHook: TypeAlias = Callable[[Request], Reply | Iterable[Step] | None]

_KEY: Final = "test-key-0123456789"
_BACKLOG: Final = 4096

#: What a clock that counts from zero, as an event loop's, is added to: dates then look like dates. Not on the full
#: second, where rounding up and rounding down meet, and where no real window ever begins.
_FIRST_DAY: Final = 1_740_000_000.25
_DATES_FROM: Final = 1_000_000_000.0


@attrs.frozen
class _Outcome:
    """How one request is answered, and what is to be counted of it.

    Attributes:
        steps: of the answer.
        status: as `Recorded` has it.
        fault: as `Recorded` has it.
        injected: whether *fault* strikes with this request. False too for what STALE has already struck.
        throttled: whether the limit was used up.
    """

    steps: Iterable[Step]
    status: int
    fault: Fault | None = None
    injected: bool = False
    throttled: bool = False


#: What a request meets on a connection that was closed while it travelled.
_TOO_LATE: Final = _Outcome((Hangup.FIN,), 0, Fault.STALE)


@attrs.frozen(kw_only=True)
class Recorded:
    """One request as it arrived, and how it was answered.

    Attributes:
        method: `GET`, `POST` ...
        path: the raw request target, query included.
        headers: names in lower case; the key is masked.
        body: the raw body.
        time: when it arrived, in seconds since the epoch, on the fake's clock.
        status: of the answer; 0 where a hook gave the raw steps, or where there was none.
        fault: the fault injected, None for none.
        connection: number of the connection it came over, from 1.
    """

    method: str
    path: str
    headers: Headers
    body: bytes
    time: float
    status: int
    fault: Fault | None
    connection: int

    @property
    def ticket_id(self) -> str:
        """The ticket it was about; `""` for none."""
        return "" if self.method == "POST" else ticket_of(self.path.partition("?")[0])

    def json(self) -> Any:
        """The body, parsed.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)


class FakePeriskope:
    """A Periskope service on loopback: real HTTP, tickets that stay changed, and faults and limits on demand.

    `with FakePeriskope() as fake:` runs it in a daemon thread of its own, for async and blocking code alike.
    `async with FakePeriskope() as fake:` runs it on the current event loop and that loop's clock: then, with a loop
    whose time is virtual, hours pass in milliseconds.

    Args:
        tickets: how many tickets there are: BKT-001 (the vendor's own example), BKT-002 and so on.
        api_key: the key that is let in; None takes a fixed one.
        seed: varies the tickets and the random faults.
        rate_limit: a policy, or its short form such as `"100/2s"`; None sets no limit.
        faults: a plan; or kind to probability; or one probability, spread over all that a client should survive.
        latency: seconds before each answer.
        clock: seconds, for windows and dates; None takes the real time (on the current loop: the loop's).
            Below 1e9 they count from a fixed day, so an event loop's `time` will do.
        keepalive: close connections idle for so many seconds, or for a random time between two; None: never.
        unknowns: how to behave where the real service is unknown.
        host: where to listen.
        port: where to listen; 0 takes a free one.
        ssl_context: serve HTTPS with this certificate.
        compress: gzip answers for clients that accept it. An answer with a fault comes unpacked.
        keep: how many of the newest requests to remember in `requests`.

    Raises:
        ValueError: an unusable argument.
    """

    def __init__(  # noqa: PLR0913  # every option has a default, and all but the first are named
        self,
        tickets: int = 10,
        *,
        api_key: str | None = None,
        seed: int = 0,
        rate_limit: RateLimitPolicy | str | None = None,
        faults: Faults | Mapping[str, float] | float | None = None,
        latency: float = 0.0,
        clock: Callable[[], float] | None = None,
        keepalive: float | tuple[float, float] | None = None,
        assumptions: Assumptions | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        compress: bool = False,
        keep: int = 100_000,
    ) -> None:
        if tickets < 0:
            raise ValueError(f"tickets: {tickets} is less than none")
        #: The plan of faults: `fake.faults.add("503", times=2)`.
        self.faults: Faults = faults if isinstance(faults, Faults) else Faults(faults or {})
        if self.faults.seed is None:
            self.faults.seed = seed
        #: The limit in force, None for none.
        self.rate_limit: RateLimitPolicy | None = (
            RateLimitPolicy.parse(rate_limit) if isinstance(rate_limit, str) else rate_limit
        )
        #: Seconds before each answer.
        self.latency: float = latency
        #: How many requests were answered 429 because the limit was used up.
        self.throttled: int = 0
        self._clock = clock
        self._keepalive = (keepalive, keepalive) if isinstance(keepalive, float | int) else keepalive
        self._dice = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._host = host
        self._port = port
        self._ssl = ssl_context
        self._compress = compress
        key = _KEY if api_key is None else api_key
        self._service = Service(
            tickets, seed=seed, api_key=key, assumptions=assumptions or Assumptions(), now=self._now
        )
        self._limiter: Limiter | None = None
        self._hook: AnswerHook | None = None
        self._failure: Exception | None = None
        self._lock = threading.Lock()  # of what is recorded and counted
        self._requests: deque[Recorded] = deque(maxlen=keep)
        self._serial = itertools.count(1)
        self._calls = 0
        self._accepted = 0
        self._open: dict[Connection, int] = {}
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._switching: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._stopped: asyncio.Event

    # --- life ------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Serve in a daemon thread until `stop`.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is running already.
        """
        listener = self._bind()
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener, started), name=f"FakePeriskope:{self._port}", daemon=True
        )
        self._thread.start()
        started.result()
        return self

    def stop(self) -> None:
        """Close every connection, end the thread, free the port. Stopping twice is fine.

        Raises:
            ValueError: an ordered fault changed nothing in the answer that it struck.
            Exception: what a hook of `answer` raised. Of several failures, the first.
        """
        thread, loop = self._thread, self._loop
        if thread is not None and loop is not None:
            loop.call_soon_threadsafe(self._stopped.set)
            thread.join()
            self._thread = None
        self._raise_failure()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        if self._clock is None:
            self._clock = asyncio.get_running_loop().time
        await self._open_on(asyncio.get_running_loop(), self._bind())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()
        self._raise_failure()

    def down(self) -> None:
        """Play dead: connections are reset, and new ones refused, until `up`.

        Done when this returns; called on the event loop the fake runs on, with that loop's next turns.
        """
        self._switch(self._go_down)

    def up(self) -> None:
        """Listen again after `down`, on the same port."""
        self._switch(self._go_up)

    # --- where it is -----------------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """The key that is let in."""
        return self._service.api_key

    @property
    def base_url(self) -> str:
        """Where the API is: `http://127.0.0.1:54321/v1`.

        Raises:
            RuntimeError: the fake has not been started, so there is no address yet.
        """
        if not self._port:
            raise RuntimeError("start the fake first: `with FakePeriskope() as fake:`")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._ssl else 'http'}://{host}:{self._port}/v1"

    def client(self, **options: Any) -> "PeriskopeClient":
        """An async client that talks to this fake; *options* are the client's own."""
        from periskope_async import PeriskopeClient

        return PeriskopeClient(self.api_key, base_url=self.base_url, **options)

    def sync_client(self, **options: Any) -> "BlockingClient":
        """A blocking client that talks to this fake; *options* are the client's own."""
        from periskope_sync import PeriskopeClient

        return PeriskopeClient(self.api_key, base_url=self.base_url, **options)

    # --- what happened ---------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, oldest first; the newest `keep` of them."""
        with self._lock:
            return list(self._requests)

    @property
    def calls(self) -> int:
        """How many requests arrived. By then they are in `requests`, and their faults in `counts`."""
        return self._calls

    @property
    def counts(self) -> Counter[str]:
        """How often each kind of fault was injected."""
        return self.faults.counts

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._accepted

    @property
    def open_connections(self) -> int:
        """How many connections stand now."""
        return len(self._open)

    def clear(self) -> None:
        """Forget the requests recorded and counted so far. Tickets, faults and limits stay."""
        with self._lock:
            self._requests.clear()
            self._calls = self._accepted = self.throttled = 0

    # --- the tickets -----------------------------------------------------------------------------------------

    @property
    def ticket_ids(self) -> tuple[str, ...]:
        """Every ticket's id, oldest first; the first is BKT-001."""
        return self._service.ids()

    @property
    def chat_ids(self) -> tuple[str, ...]:
        """The chats in which tickets can be created."""
        return self._service.chat_ids()

    @property
    def count(self) -> int:
        """How many tickets there are."""
        return len(self._service.ids())

    def get(self, ticket_id: str) -> Json:
        """The ticket as the service would tell it: the parsed body of `GET /tickets/{id}`.

        Raises:
            KeyError: there is no such ticket.
        """
        return self._service.get(ticket_id)

    def put(self, ticket_info: Json) -> str:
        """Add a ticket in the form of the body of `GET /tickets/{id}`, or replace one; its id."""
        return self._service.put(ticket_info)

    def change(self, ticket_id: str, **fields: Any) -> None:
        """Change fields of a ticket: `fake.change("BKT-002", status="closed")`. Nothing is checked.

        Raises:
            KeyError: there is no such ticket.
        """
        info = self._service.get(ticket_id)
        info["ticket"] |= fields
        self._service.put(info)

    def remove(self, ticket_id: str) -> None:
        """Forget a ticket."""
        self._service.remove(ticket_id)

    # --- how it behaves --------------------------------------------------------------------------------------

    def rotate_key(self, api_key: str) -> None:
        """Let in another key from now on; the one before gets 401."""
        self._service.api_key = api_key

    def end_plan(self) -> None:
        """Answer 401 from now on, as for an account whose plan has no API."""
        self._service.plan_active = False

    def answer(self, hook: AnswerHook | None) -> None:
        """Ask *hook* first for every answer: a `Reply`, the steps of one, or None to answer as usual.

        It is called in the fake's thread. An exception in it, or in a generator of steps that it returns, resets the
        connection, and is raised again when the fake stops. None as hook takes it back.
        """
        self._hook = hook

    # --- inside: life ----------------------------------------------------------------------------------------

    def _bind(self) -> socket.socket:
        if self._socket is not None:
            raise RuntimeError("this fake is running already")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        self._port = self._socket.getsockname()[1]
        return self._socket

    def _run(self, listener: socket.socket, started: Future[None]) -> None:
        async def main() -> None:
            self._stopped = asyncio.Event()
            try:
                await self._open_on(asyncio.get_running_loop(), listener)
            except Exception as cause:  # noqa: BLE001  # goes to the caller of `start`
                await self._close()
                started.set_exception(cause)
                return
            started.set_result(None)
            await self._stopped.wait()
            await self._close()

        with asyncio.Runner(debug=False, loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(main())

    async def _open_on(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        self._server = await self._listen(loop, listener)
        if self.rate_limit is not None:
            self._limiter = Limiter(self.rate_limit, self._now())
        self._loop = loop

    async def _listen(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> asyncio.Server:
        make = partial(Connection, self._respond, self._opened, self._closed)
        return await loop.create_server(make, sock=listener, ssl=self._ssl, backlog=_BACKLOG)

    async def _close(self) -> None:
        await self._settled()
        for closing in (self._server, self._socket):
            if closing is not None:
                closing.close()
        for connection in tuple(self._open):
            connection.hang_up()
        while self._open:  # noqa: ASYNC110  # their `connection_lost` is already scheduled
            await asyncio.sleep(0)
        self._socket = self._server = self._loop = self._switching = None

    def _fail(self, cause: Exception) -> None:
        """Keep *cause* for whoever stops the fake; the first is what the others follow from."""
        if self._failure is None:
            self._failure = cause

    def _raise_failure(self) -> None:
        cause, self._failure = self._failure, None
        if cause is not None:
            raise cause

    def _switch(self, action: Callable[[], Awaitable[None]]) -> None:
        """Have *action* done before this returns; on the loop the fake runs on, with the loop's next turns."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("start the fake first: `with FakePeriskope() as fake:`")
        if self._thread is None or self._thread is threading.current_thread():
            self._begin(action)
        else:
            asyncio.run_coroutine_threadsafe(self._finish(action), loop).result()

    def _begin(self, action: Callable[[], Awaitable[None]]) -> None:
        before = self._switching

        async def in_turn() -> None:
            if before is not None:
                await before
            await action()

        self._switching = asyncio.get_running_loop().create_task(in_turn())

    async def _finish(self, action: Callable[[], Awaitable[None]]) -> None:
        self._begin(action)
        await self._settled()

    async def _settled(self) -> None:
        if self._switching is not None:
            await self._switching

    async def _go_down(self) -> None:
        if self._server is None or self._socket is None:
            return
        self._server.close()
        self._server = None
        for connection in tuple(self._open):
            connection.hang_up()
        # Bound but not listening: connections are refused, and the port stays ours.
        self._socket = socket.socket(self._socket.family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self._host, self._port))

    async def _go_up(self) -> None:
        if self._server is None and self._socket is not None:
            self._server = await self._listen(asyncio.get_running_loop(), self._socket)

    def _opened(self, connection: Connection) -> None:
        with self._lock:
            self._accepted += 1
            self._open[connection] = self._accepted

    def _closed(self, connection: Connection) -> None:
        del self._open[connection]

    def _now(self) -> float:
        if self._clock is None:
            return time.time()
        now = self._clock()
        return now if now >= _DATES_FROM else _FIRST_DAY + now

    # --- inside: answers -------------------------------------------------------------------------------------

    def _respond(self, connection: Connection, request: Request) -> Iterable[Step]:
        """The steps that answer *request*, recorded, and counted after that: other threads read along."""
        now = self._now()
        if self._keepalive is not None:
            connection.idle_limit = self._dice.uniform(*self._keepalive)
        faults = self.faults
        outcome = _TOO_LATE if connection.stale else self._judged(request, now, faults)
        connection.stale = outcome.fault is Fault.STALE
        recorded = Recorded(
            method=request.method,
            path=request.target,
            headers=_masked(request.fields),
            body=request.body,
            time=now,
            status=outcome.status,
            fault=outcome.fault,
            connection=self._open[connection],
        )
        with self._lock:
            self._requests.append(recorded)
            if outcome.fault is not None and outcome.injected:
                faults.count(outcome.fault)
            self.throttled += outcome.throttled
            self._calls += 1  # last: who waits for so many calls finds everything of them
        return itertools.chain((self.latency,), outcome.steps) if self.latency else outcome.steps

    def _judged(self, request: Request, now: float, faults: Faults) -> _Outcome:
        """First the limit has its say, then the faults, a hook, the service."""
        fields = common_fields(request, next(self._serial), now)
        if self._limiter is not None:
            verdict = self._limiter.hit(request.headers.get("authorization", ""), now)
            fields += self._limiter.policy.fields(verdict)
            if not verdict.allowed:
                reply = self._dressed(too_many(self._limiter.policy), fields, request)
                return _Outcome((reply.encode(),), 429, throttled=True)
        strike = faults.strike(request.method, ticket_of(request.path) or request.target)
        if strike is None:
            return self._answered(request, fields)
        kind = strike.kind
        refused = kind in REFUSALS  # then nothing reaches the service: a write is not done
        answer = Answer(200) if refused else self._service.answer(request)
        # Not packed, whatever the client accepts: a fault of the body is one of what the client reads.
        reply = dressed(answer, fields, request, compress=False)
        steps = play(kind, faults.context(reply, now, closes=request.closes))
        if steps is not None:
            return _Outcome(steps, status_of(kind, reply.status), kind, injected=True)
        if not strike.ordered:
            return self._answered(request, fields, answer)
        useless = ValueError(
            f"the ordered fault {kind.value!r} changes nothing in the answer to {request.method} {request.target} "
            f"(status {reply.status}, {len(reply.body)} bytes): order it for requests whose answer it can change"
        )
        self._fail(useless)
        return self._sent(error(500, "USELESS_FAULT", str(useless)), fields, request)

    def _answered(self, request: Request, fields: Fields, answer: Answer | None = None) -> _Outcome:
        """As the hook wants it, else by the service; *answer* is what the service has already answered."""
        if self._hook is not None:
            try:
                scripted = self._hook(request)
            except Exception as cause:  # noqa: BLE001  # raised again by `stop`
                self._fail(cause)
                scripted = (Hangup.RESET,)
            if isinstance(scripted, Reply):
                reply = attrs.evolve(scripted, headers=(*fields, *scripted.headers))
                return _Outcome((reply.encode(),), reply.status)
            if scripted is not None:
                return _Outcome(self._guarded(scripted), 0)
        return self._sent(self._service.answer(request) if answer is None else answer, fields, request)

    def _guarded(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps of a hook, which may be a generator that raises as late as this."""
        try:
            yield from steps
        except Exception as cause:  # noqa: BLE001  # raised again by `stop`
            self._fail(cause)
            yield Hangup.RESET

    def _sent(self, answer: Answer, fields: Fields, request: Request) -> _Outcome:
        reply = self._dressed(answer, fields, request)
        whole = reply.head(("Content-Length", str(len(reply.body)))) if request.method == "HEAD" else reply.encode()
        return _Outcome((whole,), reply.status)

    def _dressed(self, answer: Answer, fields: Fields, request: Request) -> Reply:
        return dressed(answer, fields, request, compress=self._compress)


@lru_cache(maxsize=1024)
def _masked(fields: bytes) -> Headers:
    headers = dict(parse_headers(fields))
    if "authorization" in headers:
        headers["authorization"] = f"{headers['authorization'].partition(' ')[0]} ***"
    return MappingProxyType(headers)
