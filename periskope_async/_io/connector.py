"""aiohttp's connector and connections, made cheaper to use, and new connections where asked for.

Not all that this stands on is public. What is for the direct way is used only where the probe of `probe.py` found it to
work. Should some of the rest go, connections are slower, or some retries in vain.
"""

from contextvars import ContextVar
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from periskope_async._sansio.usual_answer import UsualAnswer, read_usual

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

    from aiohttp.connector import Connection

__all__ = ["KEEPALIVE", "READ_SIZE", "AnswerHandler", "Connector", "fresh"]

#: What asyncio reads at once, bytes. It asks for a new buffer of 256 KiB for every read, which costs a quarter of the
#: whole request; a ticket takes a few KiB.
READ_SIZE: Final = 65_536
#: Node closes idle connections after 5 s and aiohttp does not read its hint, so ours go before, seconds.
KEEPALIVE: Final = 4.0

#: Whether the request that is being sent shall not use a connection that was used before.
fresh: Final[ContextVar[bool]] = ContextVar("periskope_fresh", default=False)


class AnswerHandler(ResponseHandler):
    """One connection: aiohttp's, which also reads the usual answer without a parser."""

    #: Whether nothing but the usual answer came since the last `ask`.
    quiet: bool = False
    #: Who waits for an answer of which nothing has come.
    _turn: "asyncio.Future[UsualAnswer | None] | None" = None

    def ask(self, request: bytes) -> "asyncio.Future[UsualAnswer | None]":
        """Send a request; return what will hold its answer, or None if that, or the error, is to be had by `read`.

        Raises:
            ServerDisconnectedError: the connection has ended, or has said something that nobody had asked for.
        """
        transport = self.transport
        if transport is None or self._tail:
            raise aiohttp.ServerDisconnectedError
        self.quiet = True
        turn = self._turn = self._loop.create_future()
        transport.write(request)
        return turn

    def drop_parser(self) -> None:
        """Keep whatever comes until the next `ask`: it is nobody's, and the connection can no longer be used.

        The parser of the last answer would take a part of it for the start of another, and aiohttp the connection for
        idle.
        """
        self._parser = None

    def data_received(self, data: bytes) -> None:
        """Read what came, or have aiohttp's parser read it, for which nothing is too odd."""
        turn = self._turn
        if turn is None:
            self.quiet = False
            super().data_received(data)
            return
        self._turn = None
        usual = read_usual(data)
        if usual is None:
            self.quiet = False
            self.set_response_params(read_until_eof=True, read_bufsize=READ_SIZE)
            super().data_received(data)
        if not turn.done():
            turn.set_result(usual)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let who waits find that out."""
        super().connection_lost(exc)
        turn, self._turn = self._turn, None
        if turn is not None and not turn.done():
            turn.set_result(None)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002  # as aiohttp has it
        """Go on, if reading was paused: aiohttp asks for that at every read, and its parser for nothing each time."""
        if self._reading_paused:
            super().resume_reading(resume_parser)


class Connector(aiohttp.TCPConnector):
    """The connections of one session of ours. It never queues: how many requests are in flight is decided before.

    Args:
        ssl: None for the system's authorities.
        direct: whether connections are to be ours, for the direct way.
    """

    def __init__(self, ssl: "SSLContext | None" = None, *, direct: bool = False) -> None:
        # True is aiohttp's own default: the system's authorities.
        super().__init__(limit=0, keepalive_timeout=KEEPALIVE, ssl=True if ssl is None else ssl)  # pyright: ignore[reportUnknownMemberType]  # aiohttp's own
        #: Whether aiohttp lets itself be handed connections of another class.
        self.takes_handlers: bool = getattr(getattr(self, "_factory", None), "func", None) is ResponseHandler
        if direct:
            self._factory: Any = partial(AnswerHandler, loop=self._loop)

    def __del__(self, *_: object) -> None:
        """Do not complain that it is not closed: who forgot to hears it from `Connections.__del__`."""

    # -- for requests that go past the session --------------------------------------------------------------------

    def take(self, key: Any) -> AnswerHandler | None:
        """Return the connection that has been idle longest, if it can be used as it is; hand it back by `put`.

        It is taken from aiohttp's own list, from which aiohttp closes what gets too old. Saved is what aiohttp makes
        around a connection for each request.
        """
        idle: Any = self._conns.get(key)
        if not idle:
            return None
        protocol, since = idle[0]
        transport = protocol.transport
        if transport is None or transport.is_closing() or monotonic() - since > KEEPALIVE:
            return None
        if not protocol.quiet and protocol.should_close:
            return None
        idle.popleft()
        self._acquired.add(protocol)
        return protocol  # type: ignore[no-any-return]  # made by our factory

    async def open(self, request: aiohttp.ClientRequest, patience: aiohttp.ClientTimeout) -> AnswerHandler:
        """Return a connection that can be used, which is a new one if there is none; hand it back by `put`."""
        connection: Any = await self.connect(request, [], patience)
        protocol, connection._protocol = connection.protocol, None  # noqa: SLF001  # it would be closed with it
        return protocol  # type: ignore[no-any-return]  # made by our factory

    def put(self, key: Any, protocol: AnswerHandler, *, reusable: bool) -> None:
        """Hand back a connection, to be used again, or to be closed if it is not *reusable*."""
        if reusable:
            protocol.drop_parser()
        if reusable and protocol.quiet and self._cleanup_handle is not None:  # as it is while aiohttp looks after some
            self._acquired.discard(protocol)
            self._conns[key].append((protocol, monotonic()))
        else:
            self._release(key, protocol, should_close=not reusable)

    # -- aiohttp's own --------------------------------------------------------------------------------------------

    async def _get(self, *args: Any, **kwargs: Any) -> "Connection | None":
        if fresh.get():
            # It takes the place of the idle one that has waited longest: connections never are more than requests
            # were in flight at once, however many fail.
            if (idle := await super()._get(*args, **kwargs)) is not None:
                idle.close()
            return None
        connection = await super()._get(*args, **kwargs)
        while connection is not None and (protocol := connection.protocol) is not None and protocol.should_close:
            connection.close()  # something came that nobody had asked for: it would pass for the next answer
            connection = await super()._get(*args, **kwargs)
        return connection

    async def _create_connection(self, *args: Any, **kwargs: Any) -> "ResponseHandler":
        protocol = await super()._create_connection(*args, **kwargs)
        transport: Any = protocol.transport
        if hasattr(transport, "max_size"):
            transport.max_size = READ_SIZE
        return protocol
