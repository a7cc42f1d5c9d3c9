"""The client: settings, caller and resources, opened and closed: all that its users call first, in one file."""

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Self, TypeVar, overload

from periskope_async._io.caller import Caller
from periskope_async._io.limiter import limiter_for
from periskope_async._log import log_as_asked
from periskope_async._sansio.options import Misnamed, explain_options
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.secret import conceal
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async._tracing import TracerProvider, with_tracing
from periskope_async.errors import ConfigurationError
from periskope_async.hooks import Hooks
from periskope_async.resources._attribute import Resource
from periskope_async.settings import Settings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from os import PathLike
    from ssl import SSLContext

    import aiohttp  # for the type of a session that is passed on, unopened

    from periskope_async.budgets import RedisBudget
    from periskope_async.events import Event
    from periskope_async.resources.chats import Chats
    from periskope_async.resources.contacts import Contacts
    from periskope_async.resources.groups import Groups
    from periskope_async.resources.knowledge_base import KnowledgeBase
    from periskope_async.resources.members import Members
    from periskope_async.resources.messages import Messages
    from periskope_async.resources.notes import Notes
    from periskope_async.resources.notifications import Notifications
    from periskope_async.resources.phones import Phones
    from periskope_async.resources.queue import Queue
    from periskope_async.resources.reactions import Reactions
    from periskope_async.resources.scheduled_messages import ScheduledMessages
    from periskope_async.resources.tasks import Tasks
    from periskope_async.resources.tickets import Tickets
    from periskope_async.resources.webhooks import Webhooks

__all__ = ["PeriskopeClient"]

T = TypeVar("T")


class PeriskopeClient:
    """A client of the Periskope API. One serves a whole application, from any number of tasks and event loops.

        async with PeriskopeClient() as client:
            info = await client.tickets.get("BKT-001")

    Nothing is opened before the first call. Clients with the same key share one limiter, so that together they keep
    within the service's rate limit.

    Args:
        api_key: the API key; else PERISKOPE_API_KEY. No repr, log, pickle or error ever shows it.
        phone: the phone the calls are for, in any usual spelling or as `phone-…`; else PERISKOPE_PHONE.
        base_url: where the API is, by https unless on loopback; else PERISKOPE_BASE_URL, else the real service.
        timeout: seconds for one attempt, from connecting to the last byte, counted once it may be sent.
        deadline: seconds for one call in all: queueing, pacing, attempts and the waits between them. None for no end.
        retries: further attempts after the first. A 429 costs none, only time: it is waited out also with 0.
        concurrency: requests in flight at once, in each event loop the client is used in.
        session: an aiohttp session to use instead of own ones. It is never closed from here.
        hooks: called on calls, waits, requests, answers, retries, pauses and bulk runs.
        budget: who shares the key's rate limit: "own", this process alone; "host", every process of this user on this
            machine; "redis://host:6379/0", every process with this Redis or Valkey, also by `rediss://` or as
            `RedisBudget(client)`. Else PERISKOPE_BUDGET, else "host" where that works, silently "own" where it does
            not, and "own" for a service on this machine.
        proxy: the URL of an HTTP proxy, with or without USER:PASSWORD@; else HTTPS_PROXY, unless NO_PROXY names the
            host. Requests go through it in a tunnel that it cannot read, and never past it.
        ssl: an `ssl.SSLContext`, or the path of a CA bundle to trust instead of the system's; else PERISKOPE_CA_BUNDLE.
        cache_size: how many answers to keep, at most, for calls that say with `max_age` how old one may be.
        tracing: whether to report spans and metrics to OpenTelemetry, or the `TracerProvider` to report to. None: if
            the application has imported it before, unless OTEL_PYTHON_INSTRUMENTATION_PERISKOPE_ENABLED is false.
        propagate_traceparent: whether requests say in `traceparent` and `tracestate` which span they are, where spans
            are reported. Not that the service is known to read it.

    Raises:
        ConfigurationError: an argument or environment variable is unusable; the message names it.
    """

    #: Said to who forgets it.
    _how_to_close: ClassVar[str] = "'async with PeriskopeClient(...)' or 'await client.aclose()'"

    @explain_options
    def __init__(  # noqa: PLR0913  # every setting there is
        self,
        api_key: str | None = None,
        *,
        phone: str | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        deadline: float | None = 120.0,
        retries: int = 4,
        concurrency: int = 32,
        session: "aiohttp.ClientSession | None" = None,
        hooks: Hooks | None = None,
        budget: "str | RedisBudget | None" = None,
        proxy: str | None = None,
        ssl: "SSLContext | str | PathLike[str] | None" = None,
        cache_size: int = 1000,
        tracing: "bool | TracerProvider | None" = None,
        propagate_traceparent: bool = False,
    ) -> None:
        api_key = conceal(api_key)
        settings = Settings.resolve(
            api_key=api_key,
            phone=phone,
            base_url=base_url,
            timeout=timeout,
            deadline=deadline,
            retries=retries,
            concurrency=concurrency,
            budget=budget,
            proxy=proxy,
            ssl=ssl,
            cache_size=cache_size,
        )
        log_as_asked()
        if type(hooks) not in {Hooks, type(None)}:
            raise ConfigurationError(f"hooks: expected Hooks, got {type(hooks).__name__}")
        from periskope_async._io.connections import Connections

        limiter = limiter_for(settings.base_url, settings.api_key, settings.budget)
        connections = Connections(settings, limiter, session, how_to_close=self._how_to_close)
        watch = with_tracing(hooks, tracing, settings.base_url, propagate=propagate_traceparent)
        self._caller = Caller(settings, connections, watch)

    tickets: "Resource[Tickets]" = Resource("The tickets of the account.")
    chats: "Resource[Chats]" = Resource("The chats of a phone.")
    contacts: "Resource[Contacts]" = Resource("The contacts of the account.")
    groups: "Resource[Groups]" = Resource("The groups that a phone is in.")
    members: "Resource[Members]" = Resource("The people of the organisation.")
    knowledge_base: "Resource[KnowledgeBase]" = Resource("What the AI agent of the account knows.")
    messages: "Resource[Messages]" = Resource("The messages of a phone: read, sent, acted on.")
    notes: "Resource[Notes]" = Resource("The private notes in the chats of a phone.")
    notifications: "Resource[Notifications]" = Resource("What happened to the chats of a phone and their members.")
    phones: "Resource[Phones]" = Resource("The phones of the organisation.")
    queue: "Resource[Queue]" = Resource("The messages that a phone is to send.")
    reactions: "Resource[Reactions]" = Resource("The reactions to the messages of a phone.")
    webhooks: "Resource[Webhooks]" = Resource("Subscriptions to events: which URL is called for what.")
    scheduled_messages: "Resource[ScheduledMessages]" = Resource("The messages that are to be sent later.")
    tasks: "Resource[Tasks]" = Resource("The tasks of the account.")

    @property
    def rate_limit(self) -> RateLimit | None:
        """The rate limit as the service last reported it; None before the first report."""
        return self._caller.rate_limit

    def with_options(
        self,
        *,
        timeout: float | Unset = UNSET,
        deadline: float | Unset | None = UNSET,
        retries: int | Unset = UNSET,
        phone: str | Unset | None = UNSET,
    ) -> Self:
        """Return a client with other options, on the same connections and limiter. Closing one closes both.

        Args:
            timeout: seconds for one attempt.
            deadline: seconds for one call in all; None for no end.
            retries: further attempts after the first. A 429 costs none, only time: it is waited out also with 0.
            phone: the phone its calls are for; None for none.

        Raises:
            ConfigurationError: one of them is unusable.
        """
        own = self._caller
        settings = own.settings.replace(timeout=timeout, deadline=deadline, retries=retries, phone=phone)
        clone = type(self).__new__(type(self))
        clone._caller = Caller(settings, own.connections, own.report.watch)  # noqa: SLF001  # our own kind
        return clone

    def events(
        self, *, backfill: Literal["tickets"] | None = None
    ) -> "AbstractAsyncContextManager[AsyncIterator[Event]]":
        """Listen to what happens while it happens: the events that webhooks get, over a connection that we make.

            async with client.events() as events:
                async for event in events:
                    match event:
                        case TicketUpdated(ticket=info): ...
                        case Gap(since, until): ...  # what happened in between may be missing

        It needs the extra `live`. A connection that is lost is made again, for ever, and a
        `Gap` says from when to when events may be missing: the service sends none of them again. Up to 1,000 events
        wait to be read; of more, the rest is dropped, and a `Gap` counts them. What has no class is an `UnknownEvent`.

        Leaving the block ends the connection. No limit of the service is used up, except by a backfill.

        Args:
            backfill: "tickets" to read, after each gap, the list of tickets (a request for 2,000), and to get those
                that were changed since as `TicketUpdated`, with `source="backfill"`, and without chat and messages.

        Raises:
            ConfigurationError: the extra is not installed, or an argument is unusable; raised by this call.
            AuthenticationError: the key is refused. Raised on entering, as what follows, or later when events are read.
            ConnectError: no connection could be made within the client's `deadline` and `retries`.
            PeriskopeError: the service refused the connection for another reason.
            ClientClosedError: the client was closed.
        """
        from periskope_async.live import open_events

        return open_events(self._caller, backfill)

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        model: None = None,
    ) -> Any: ...

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        model: type[T],
    ) -> T: ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        model: type[Any] | None = None,
    ) -> Any:
        """Send any request of the API, for what has no method here: same retries, pacing, deadline and errors.

            rows = await client.request("GET", "/chats", params={"limit": 10})

        `capture_responses` shows the status and headers of the answer.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: below the base URL, such as `/chats`; quoted where it is not.
            params: the query: texts, numbers, flags, or lists of them. None leaves a name out.
            json: what to send, as `json.dumps` takes it; None for no body.
            headers: further ones; `x-phone` for another phone. The client's own, as Authorization, are refused.
            idempotent: whether it may be sent again although it may have arrived. None for what the method says: True
                for GET, PUT and DELETE, False for POST and PATCH.
            model: what the body holds: a model, or `tuple[Model, ...]` of an array, or `bytes` for what is not JSON.
                None for the JSON as it is, and None is returned of an empty body.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.get`. Its `maybe_sent` is True where a request that is not idempotent may
                have taken effect.
        """
        from periskope_async._io.custom import send_custom

        values = {"params": params, "body": json, "headers": headers, "idempotent": idempotent}
        return await send_custom(self._caller, method, path, model, **values)

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake
        close = Misnamed("'await client.aclose()', or 'async with'")

        def __dir__(self) -> list[str]:
            return [name for name in super().__dir__() if name != "close"]

    async def aclose(self) -> None:
        """Close the connections. Every call after it, or still under way, raises `ClientClosedError`."""
        await self._caller.connections.aclose()

    async def __aenter__(self) -> Self:
        self._caller.connections.state()  # a closed client fails here rather than at the first call
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake

        def __enter__(self) -> NoReturn:
            raise TypeError("this client is for 'async with'; for 'with' there is periskope_sync.PeriskopeClient")

        __exit__ = __enter__

    def __repr__(self) -> str:
        if not hasattr(self, "_caller"):  # its settings were refused, and a traceback shows it
            return super().__repr__()
        return f"PeriskopeClient({self._caller.settings})"
