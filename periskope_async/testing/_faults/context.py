"""What a fault plays on, and what it answers with. Nothing but data, and the few cuts that several faults make."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import attrs

from periskope_async.testing._http import Reply, Step
from periskope_async.testing._service.resource import Resource

__all__ = ["MIB", "FaultAnswer", "FaultContext", "chunk", "chunked", "encoded", "halves"]

MIB: Final = 1024 * 1024  # bytes


@attrs.frozen
class FaultContext:
    """What a fault plays on.

    Attributes:
        reply: the answer there would have been.
        resource: what the request is about; None where its path leads nowhere.
        closes: whether the client uses the connection for this request only.
        now: the service's time, in seconds since the epoch.
        retry_after: seconds for `Retry-After`, where the fault sends one.
        pause: seconds of waiting: before slow headers, and between the bytes of a drip.
        giant: bytes of a giant body; of a bomb, after decompression.
        location: where redirects lead.
    """

    reply: Reply
    resource: Resource | None
    closes: bool
    now: float
    retry_after: float
    pause: float
    giant: int
    location: str


#: From a context to the steps of an answer.
FaultAnswer: TypeAlias = Callable[[FaultContext], Iterable[Step]]


def halves(data: bytes) -> tuple[bytes, bytes]:
    """*data* cut in two, the second part short."""
    middle = len(data) - min(len(data) // 2, 40)
    return data[:middle], data[middle:]


def chunked(context: FaultContext) -> bytes:
    """The head of an answer whose body comes in chunks."""
    return context.reply.head(("Transfer-Encoding", "chunked"))


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def encoded(reply: Reply, coding: str) -> tuple[tuple[str, str], ...]:
    """The header fields of *reply*, were its body packed by *coding*."""
    return (*reply.headers, ("Content-Encoding", coding))
