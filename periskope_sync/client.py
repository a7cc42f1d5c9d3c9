"""The twin of `periskope_async.client`: the same client without `await`. Has no setting or rule of its own."""

from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, overload

import anyio

from periskope_async._sansio.options import Misnamed, explain_options
from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.secret import conceal
from periskope_async.client import PeriskopeClient as AsyncPeriskopeClient
from periskope_async.errors import ClientClosedError, ConnectError
from periskope_async.hooks import Hooks
from periskope_sync._attribute import Twin
from periskope_sync._bridge import Facade, blocking, blocking_clone
from periskope_sync._event_loop import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from ssl import SSLContext

    from periskope_async._tracing import TracerProvider
    from periskope_async.budgets import RedisBudget
    from periskope_sync.resources import (
        Chats,
        Contacts,
        Groups,
        KnowledgeBase,
        Members,
        Messages,
        Notes,
        Notifications,
        Phones,
        Queue,
        Reactions,
        ScheduledMessages,
        Tasks,
        Tickets,
        Webhooks,
    )

__all__ = ["PeriskopeClient"]

T = TypeVar("T")


class _Blocked(AsyncPeriskopeClient):
    """The async client behind a blocking one, whose user has no `await`."""

    _how_to_close = "'with PeriskopeClient(...)' or 'client.close()'"


class PeriskopeClient(Facade[AsyncPeriskopeClient]):
    """A blocking client of the Periskope API. One serves a whole process, from any number of threads.

        with PeriskopeClient() as client:
            info = client.tickets.get("BKT-001")

    It is `periskope_async.PeriskopeClient` on an event loop in a daemon thread, which starts with the first call, is
    shared by all blocking clients of the process, lives as long as that, and starts anew in a forked child. Code that a
    call takes, as a generator of ids or `on_progress`, runs in the thread that makes the call; hooks run in the loop's.
    Ctrl-C cancels.

    In a thread that runs an event loop itself, calls are refused, for they would block it; notebooks are excepted (see
    `periskope_sync.notebook`). Under gevent a call holds up its own greenlet only; under eventlet calls are refused.

    Args:
        api_key: the API key; else PERISKOPE_API_KEY. No repr, log, pickle or error ever shows it.
        phone: the phone the calls are for, in any usual spelling or as `phone-…`; else PERISKOPE_PHONE.
        base_url: where the API is, by https unless on loopback; else PERISKOPE_BASE_URL, else the real service.
        timeout: seconds for one attempt, from connecting to the last byte, counted once it may be sent.
        deadline: seconds for one call in all: queueing, pacing, attempts and the waits between them. None for no end.
        retries: further attempts after the first. A 429 costs none, only time: it is waited out also with 0.
        concurrency: requests in flight at once.
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
        hooks: Hooks | None = None,
        budget: "str | RedisBudget | None" = None,
        proxy: str | None = None,
        ssl: "SSLContext | str | PathLike[str] | None" = None,
        cache_size: int = 1000,
        tracing: "bool | TracerProvider | None" = None,
        propagate_traceparent: bool = False,
    ) -> None:
        api_key = conceal(api_key)
        prepare()
        super().__init__(
            _Blocked(
                api_key,
                phone=phone,
                base_url=base_url,
                timeout=timeout,
                deadline=deadline,
                retries=retries,
                concurrency=concurrency,
                hooks=hooks,
                budget=budget,
                proxy=proxy,
                ssl=ssl,
                cache_size=cache_size,
                tracing=tracing,
                propagate_traceparent=propagate_traceparent,
            )
        )

    with_options: Final = blocking_clone(AsyncPeriskopeClient.with_options)
    events: Final = blocking(AsyncPeriskopeClient.events)

    if TYPE_CHECKING:  # `blocking` keeps one signature, and this has two

        @overload
        def request(
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
        def request(
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

        def request(self, method: str, path: str, **options: Any) -> Any:
            """See `PeriskopeClient.request` of `periskope_async`."""

    else:
        request = blocking(AsyncPeriskopeClient.request)

    tickets: "Twin[Tickets]" = Twin("The tickets of the account.")
    chats: "Twin[Chats]" = Twin("The chats of a phone.")
    contacts: "Twin[Contacts]" = Twin("The contacts of the account.")
    groups: "Twin[Groups]" = Twin("The groups that a phone is in.")
    members: "Twin[Members]" = Twin("The people of the organisation.")
    knowledge_base: "Twin[KnowledgeBase]" = Twin("What the AI agent of the account knows.")
    messages: "Twin[Messages]" = Twin("The messages of a phone: read, sent, acted on.")
    notes: "Twin[Notes]" = Twin("The private notes in the chats of a phone.")
    notifications: "Twin[Notifications]" = Twin("What happened to the chats of a phone and their members.")
    phones: "Twin[Phones]" = Twin("The phones of the organisation.")
    queue: "Twin[Queue]" = Twin("The messages that a phone is to send.")
    reactions: "Twin[Reactions]" = Twin("The reactions to the messages of a phone.")
    webhooks: "Twin[Webhooks]" = Twin("Subscriptions to events: which URL is called for what.")
    scheduled_messages: "Twin[ScheduledMessages]" = Twin("The messages that are to be sent later.")
    tasks: "Twin[Tasks]" = Twin("The tasks of the account.")

    @property
    def rate_limit(self) -> RateLimit | None:
        """The rate limit as the service last stated it; None before it stated any."""
        return self._async.rate_limit

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake
        aclose = Misnamed("'client.close()', or 'with'")

        def __dir__(self) -> list[str]:
            return [name for name in super().__dir__() if name != "aclose"]

    def close(self) -> None:
        """Close the connections. Every call after it, or still under way, raises `ClientClosedError`."""
        try:
            _close(self)
        except (ClientClosedError, ConnectError):  # the loop has ended, or none can be made: so nothing is open
            self._async._caller.connections.closed = True  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its other half

    def __enter__(self) -> Self:
        _enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.close()
        except BaseException:  # a Ctrl-C: closing takes but a moment, and may not have begun
            self.close()
            raise

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake

        def __aenter__(self) -> NoReturn:
            raise TypeError("this client is for 'with'; for 'async with' there is periskope_async.PeriskopeClient")

        __aexit__ = __aenter__

    def __repr__(self) -> str:
        if not hasattr(self, "_async"):  # its settings were refused, and a traceback shows it
            return super().__repr__()
        return repr(self._async)


async def _close_for_certain(client: AsyncPeriskopeClient) -> None:
    with anyio.CancelScope(shield=True):  # whoever interrupts the caller does not want connections left open
        await client.aclose()


_close: Final = blocking(_close_for_certain)
_enter: Final = blocking(AsyncPeriskopeClient.__aenter__)
