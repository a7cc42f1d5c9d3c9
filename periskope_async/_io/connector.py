"""aiohttp's connector, with connections that read less at once, and new ones where asked for.

Not all that it overrides is public. Should some of it go, connections are slower, or some retries in vain.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

__all__ = ["KEEPALIVE", "READ_SIZE", "Connector", "fresh"]

#: What asyncio reads at once, bytes. It asks for a new buffer of 256 KiB for every read, which costs a quarter of the
#: whole request; a ticket takes a few KiB.
READ_SIZE: Final = 65_536
#: Node closes idle connections after 5 s and aiohttp does not read its hint, so ours go before, seconds.
KEEPALIVE: Final = 4.0

#: Whether the request that is being sent shall not use a connection that was used before.
fresh: Final[ContextVar[bool]] = ContextVar("periskope_fresh", default=False)


class Connector(aiohttp.TCPConnector):
    """The connections of one session of ours. It never queues: how many requests are in flight is decided before."""

    def __init__(self, ssl: "SSLContext | None" = None) -> None:
        # True is aiohttp's own default: the system's authorities.
        super().__init__(limit=0, keepalive_timeout=KEEPALIVE, ssl=True if ssl is None else ssl)  # pyright: ignore[reportUnknownMemberType]  # aiohttp's own

    def __del__(self, *_: object) -> None:
        """Do not complain that it is not closed: who forgot to hears it from `Connections.__del__`."""

    async def _get(self, *args: Any, **kwargs: Any) -> "Connection | None":
        if fresh.get():
            # It takes the place of the idle one that has waited longest: connections never are more than requests
            # were in flight at once, however many fail.
            if (idle := await super()._get(*args, **kwargs)) is not None:
                idle.close()
            return None
        connection = await super()._get(*args, **kwargs)
        while connection is not None and connection.protocol is not None and connection.protocol.should_close:
            connection.close()  # something came that nobody had asked for: it would pass for the next answer
            connection = await super()._get(*args, **kwargs)
        return connection

    async def _create_connection(self, *args: Any, **kwargs: Any) -> "ResponseHandler":
        protocol = await super()._create_connection(*args, **kwargs)
        transport: Any = protocol.transport
        if hasattr(transport, "max_size"):
            transport.max_size = READ_SIZE
        return protocol
