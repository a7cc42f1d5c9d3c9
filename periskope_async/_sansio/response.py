"""One answer, and what became of an attempt, as values."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Protocol, TypeAlias

from attrs import define, field, frozen

from periskope_async.errors import ApiError, PeriskopeError

__all__ = ["AnyJson", "Content", "FailedAttempt", "FailureKind", "Headers", "LimitTexts", "Response"]

#: All that an answer's headers say of a rate limit: the texts of `X-RateLimit-Limit`, `-Remaining` and `-Reset`, or
#: nothing. None where they may say something else.
LimitTexts: TypeAlias = tuple[()] | tuple[str, str, str] | None


class Headers(Protocol):
    """Response headers: names in any case, a name possibly more than once."""

    def items(self) -> Iterable[tuple[str, str]]: ...
    def get(self, key: str, /) -> str | None: ...
    def __contains__(self, key: object, /) -> bool: ...
    def getall(self, key: str, default: list[str], /) -> list[str]: ...


@define
class Response:
    """One answer: status, headers, unpacked body, and when it came (seconds since the epoch, by our clock)."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    received: float = 0.0
    #: Where it was seen as the answer came, its headers need not be read again.
    limit: LimitTexts = None

    @property
    def trace_id(self) -> str | None:
        """The service's name for this answer."""
        return self.headers.get("x-periskope-trace-id")


@frozen
class Content:
    """A body that is not JSON, such as an image.

    Attributes:
        data: its bytes.
        media_type: its `Content-Type`; `""` if the service named none.
    """

    data: bytes = field(repr=False)
    media_type: str


class AnyJson:
    """In the place of a model: whatever JSON the body holds, None of an empty one."""


class FailureKind(Enum):
    """How a failed attempt is treated; `retry.RULES` is the table."""

    FINAL = auto()  # repeating cannot help
    PASSING = auto()  # 5xx, refused connections, broken answers
    DROPPED = auto()  # the connection ended before an answer, as idle keep-alive connections do
    SLOW = auto()  # an attempt ran out of time
    UNRESOLVED = auto()  # the host name does not resolve
    THROTTLED = auto()  # 429
    MALFORMED = auto()  # a 200 with a body that cannot be it: half a page, another ticket


@frozen
class FailedAttempt:
    """An attempt that gave no result: the error to raise if it was the last, and how to treat it."""

    error: PeriskopeError
    kind: FailureKind
    retry_after: float | None = None
    #: Nothing of the request can have reached the service, so that even a create may be sent again.
    unsent: bool = False

    @property
    def had_no_effect(self) -> bool:
        """Whether it is certain that what was asked was not done: it never arrived, or the service refused it."""
        error = self.error
        return self.unsent or (isinstance(error, ApiError) and 400 <= error.status < 500 and error.status != 408)
