"""`FakePeriskope`, in one file, because its attributes are what users' tests call and read.

It is the service, its faults and its limits behind a socket on loopback, in a thread of its own.
"""

import asyncio
import itertools
import random
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from periskope_async.testing._alarm import Alarm
from periskope_async.testing._answering import TOO_LATE, AnswerHook, Answering
from periskope_async.testing._clock import Clock
from periskope_async.testing._deliveries.courier import Courier
from periskope_async.testing._deliveries.deliveries import Deliveries
from periskope_async.testing._deliveries.log import Log
from periskope_async.testing._deliveries.orders import Orders
from periskope_async.testing._faults.names import Fault
from periskope_async.testing._faults.plan import Faults
from periskope_async.testing._http import Connection, Request, Step
from periskope_async.testing._json import Json
from periskope_async.testing._limits import Limiter, RateLimitPolicy
from periskope_async.testing._listener import Listener
from periskope_async.testing._objects import FakeObjects
from periskope_async.testing._recorded import Recorded, Recorder
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.happenings import plural_of
from periskope_async.testing._service.service import Service
from periskope_async.testing._socket import SOCKET_PATH, FakeSocket

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_sync import PeriskopeClient as BlockingClient

__all__ = ["FakePeriskope"]

_KEY: Final = "test-key-0123456789"
_SIGNING_KEY: Final = "test-signing-key-0123456789"


class FakePeriskope:
    """A Periskope service on loopback: real HTTP, objects that stay changed, and faults and limits on demand.

    `with FakePeriskope() as fake:` runs it in a daemon thread of its own, for async and blocking code alike.
    `async with FakePeriskope() as fake:` runs it on the current event loop and that loop's clock: then, with a loop
    whose time is virtual, hours pass in milliseconds.

    Args:
        tickets: how many tickets there are: BKT-001 (the vendor's own example), BKT-002 and so on.
        api_key: the key that is let in; None takes a fixed one.
        signing_key: what deliveries to webhooks are signed with; None takes a fixed one, `""` leaves them unsigned.
        seed: varies the tickets and the random faults.
        rate_limit: a policy, or its short form such as `"100/2s"`; None sets no limit.
        faults: a plan; or kind to probability; or one probability, spread over all that a client should survive.
        latency: seconds before each answer.
        clock: seconds, for windows and dates; None takes the real time (on the current loop: the loop's).
            Below 1e9 they count from a fixed day, so an event loop's `time` will do.
        keepalive: close connections that are idle this long, in seconds, or a random time between two; None: never.
        assumptions: how to behave where the real service is unknown.
        host: where to listen.
        port: where to listen; 0 takes a free one.
        ssl_context: serve HTTPS with this certificate.
        compress: gzip answers for clients that accept it. An answer with a fault comes unpacked.
        keep: how many of the newest requests to remember in `requests`, and of the newest attempts at deliveries.

    Raises:
        ValueError: an unusable argument.
    """

    def __init__(  # noqa: PLR0913  # every option has a default, and all but the first are named
        self,
        tickets: int = 10,
        *,
        api_key: str | None = None,
        signing_key: str | None = None,
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
        self._now = Clock(clock)
        self._keepalive = (keepalive, keepalive) if isinstance(keepalive, float | int) else keepalive
        self._dice = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._service = Service(
            tickets,
            seed=seed,
            api_key=_KEY if api_key is None else api_key,
            assumptions=assumptions or Assumptions(),
            now=self._now,
        )
        self._answering = Answering(self._service, compress=compress)
        self._recorder = Recorder(keep)
        #: What deliveries to webhooks are signed with; `""` for nothing.
        self.signing_key: str = _SIGNING_KEY if signing_key is None else signing_key
        self._log = Log(keep)
        orders = Orders(seed)
        #: What is posted to those who subscribed: `fake.deliveries.add("duplicate", times=1)`.
        self.deliveries: Deliveries = Deliveries(self._log, orders)
        self._courier = Courier(self._service.state, self.signing_key, self._log, orders, self._service.catch_up)
        self._service.webhooks.subscribed = self._courier.subscribed
        self._alarm = Alarm(self._service.next_due, self._now, self._service.catch_up)
        self._listener = Listener(host, port, ssl_context, self._respond, self._prepare, self._finish)
        #: Where live events come from, and what is to go wrong with them.
        self.socket: FakeSocket = FakeSocket(
            self._service.state.happenings,
            self._service.state.assumptions,
            self._service.admits,
            self._listener.run,
            self._listener.run_soon,
            self._alarm.set,
        )
        #: The tickets: `fake.tickets.get("BKT-001")`. The short forms `fake.get`, `put`, `change`, `remove` are theirs.
        self.tickets: FakeObjects = FakeObjects(self._service.state.objects["tickets"])
        #: The chats, which the tickets show: `fake.chats.change(chat_id, chat_name="Parcels")`.
        self.chats: FakeObjects = FakeObjects(self._service.state.objects["chats"])
        #: The contacts: who is in the chats.
        self.contacts: FakeObjects = FakeObjects(self._service.state.objects["contacts"])
        #: The people of the organisation.
        self.members: FakeObjects = FakeObjects(self._service.state.objects["members"])
        #: The messages: those of the tickets, and what was sent and has left the queue.
        self.messages: FakeObjects = FakeObjects(self._service.state.objects["messages"])
        #: The private notes in chats.
        self.notes: FakeObjects = FakeObjects(self._service.state.objects["notes"])
        #: What happened to chats and their members.
        self.notifications: FakeObjects = FakeObjects(self._service.state.objects["notifications"])
        #: The phones: `fake.phones.change(phone_id, wa_state="CONNECTED")` is what a scan does.
        self.phones: FakeObjects = FakeObjects(self._service.state.objects["phones"])
        #: The reactions to messages.
        self.reactions: FakeObjects = FakeObjects(self._service.state.objects["reactions"])
        #: The subscriptions to events.
        self.webhooks: FakeObjects = FakeObjects(self._service.state.objects["webhooks"])
        #: Who changed what of tickets and chats; by itself it says where a ticket stands.
        self.audit_logs: FakeObjects = FakeObjects(self._service.state.objects["audit_logs"])
        #: The items of the knowledge base: questions, and chunks of documents.
        self.knowledge_base: FakeObjects = FakeObjects(self._service.state.objects["knowledge_base"])
        #: The scheduled messages, and the runs of them.
        self.scheduled_messages: FakeObjects = FakeObjects(self._service.state.objects["scheduled_messages"])
        self.occurrences: FakeObjects = FakeObjects(self._service.state.objects["occurrences"])
        #: The tasks.
        self.tasks: FakeObjects = FakeObjects(self._service.state.objects["tasks"])

    # --- life ------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Serve in a daemon thread until `stop`.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is running already.
        """
        self._listener.start()
        return self

    def stop(self) -> None:
        """Close every connection, end the thread, free the port. Stopping twice is fine.

        Raises:
            ValueError: an ordered fault changed nothing in the answer or the delivery that it struck.
            Exception: what a hook of `answer` raised. Of several failures, the first.
        """
        self._listener.stop()
        self._raise_failure()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        if self._now.source is None:
            self._now.source = asyncio.get_running_loop().time
        await self._listener.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listener.close()
        self._raise_failure()

    def _raise_failure(self) -> None:
        self._answering.raise_failure()
        self._courier.raise_failure()

    def down(self) -> None:
        """Play dead: connections are reset, and new ones refused, until `up`.

        Done when this returns; called on the event loop the fake runs on, with that loop's next turns.
        """
        self._listener.down()

    def up(self) -> None:
        """Listen again after `down`, on the same port."""
        self._listener.up()

    # --- where it is -----------------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """The key that is let in."""
        return self._service.api_key

    @property
    def base_url(self) -> str:
        """Where the API is: `http://127.0.0.1:54321/v1`.

        Raises:
            RuntimeError: the fake has not been started, so it has no address yet.
        """
        return f"{self._listener.origin}/v1"

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
        return self._recorder.requests

    @property
    def calls(self) -> int:
        """How many requests arrived. By then they are in `requests`, and their faults in `counts`."""
        return self._recorder.calls

    @property
    def throttled(self) -> int:
        """How many requests were answered 429 because the limit was used up."""
        return self._recorder.throttled

    @property
    def counts(self) -> Counter[str]:
        """How often each kind of fault was injected."""
        return self.faults.counts

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._listener.accepted

    @property
    def open_connections(self) -> int:
        """How many connections stand now."""
        return len(self._listener.connections)

    def clear(self) -> None:
        """Forget the requests and deliveries recorded so far, and their numbers. Objects, faults and limits stay."""
        self._log.clear()
        self._recorder.clear()
        self._listener.clear()

    # --- the tickets -----------------------------------------------------------------------------------------

    @property
    def ticket_ids(self) -> tuple[str, ...]:
        """Every ticket's id, oldest first; the first is BKT-001."""
        return self.tickets.ids

    @property
    def chat_ids(self) -> tuple[str, ...]:
        """The chats in which tickets can be created."""
        return self.chats.ids

    @property
    def count(self) -> int:
        """How many tickets there are."""
        return self.tickets.count

    def get(self, ticket_id: str) -> Json:
        """The ticket as the service serves it: the parsed body of `GET /tickets/{id}`.

        Raises:
            KeyError: it knows no such ticket.
        """
        return self.tickets.get(ticket_id)

    def put(self, ticket_info: Json) -> str:
        """Add a ticket in the form of the body of `GET /tickets/{id}`, or replace one; its id."""
        return self.tickets.put(ticket_info)

    def change(self, ticket_id: str, **fields: Any) -> None:
        """Change fields of a ticket: `fake.change("BKT-002", status="closed")`. Nothing is checked.

        Raises:
            KeyError: it knows no such ticket.
        """
        self.tickets.change(ticket_id, **fields)

    def remove(self, ticket_id: str) -> None:
        """Forget a ticket."""
        self.tickets.remove(ticket_id)

    # --- how it behaves --------------------------------------------------------------------------------------

    def emit(self, event: str, data: Json | str, *, previous: Json | None = None) -> None:
        """Have something happen that no operation causes: `fake.emit("message.flagged", message_id)`.

        What the operations cause happens by itself, as does what `fake.tickets.change` and its like do.

        Args:
            event: its name; any.
            data: what it is about; or the id of an object of the fake's.
            previous: the old values of what was changed.

        Raises:
            KeyError: it knows no such object.
            ValueError: an id, and a name of which it does not know what it is about.
        """
        state = self._service.state
        item = state.objects[plural_of(event)].get(data) if isinstance(data, str) else data
        state.happenings.emit(event, item, previous or {})

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
        self._answering.hook = hook

    def _prepare(self) -> None:
        if self.rate_limit is not None:
            self._answering.limiter = Limiter(self.rate_limit, self._now())
        self._courier.open()

    async def _finish(self) -> None:
        self._alarm.clear()
        await self._courier.close()

    def _respond(self, connection: Connection, request: Request) -> Iterable[Step]:
        """The steps that answer *request*, recorded, and counted after that: other threads read along."""
        now = self._now()
        if self._keepalive is not None:
            connection.idle_limit = self._dice.uniform(*self._keepalive)
        if request.path == SOCKET_PATH:
            return self.socket.answer(request)
        faults, found = self.faults, self._service.find(request)
        outcome = TOO_LATE if connection.stale else self._answering.outcome(request, found, now, faults)
        if self._service.state.happenings.listeners:
            self._alarm.set()
        connection.stale = outcome.fault is Fault.STALE
        self._recorder.add(request, found, outcome, now, self._listener.connections[connection], faults)
        return itertools.chain((self.latency,), outcome.steps) if self.latency else outcome.steps
