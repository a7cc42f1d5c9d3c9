"""The blocking twin of `periskope_async`: the same names, arguments, results and errors, without `await`.

from periskope_sync import PeriskopeClient

with PeriskopeClient() as client:
    info = client.tickets.get("BKT-001")
"""

import typing

from periskope_async._sansio.rate_limit import RateLimit
from periskope_async._sansio.unset import Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
from periskope_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    DeadlineExceeded,
    DecodeError,
    NotFoundError,
    PeriskopeError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RequestTimeout,
    ServerError,
    TlsError,
    TransportError,
    UnexpectedResponseError,
    ValidationError,
)
from periskope_async.hooks import Hooks, RequestEvent, ResponseEvent, RetryEvent, ThrottleEvent, capture_responses
from periskope_async.models import (
    Chat,
    ChatMember,
    ChatType,
    Message,
    Ticket,
    TicketInfo,
    TicketPage,
    TicketPriority,
    TicketRow,
    TicketStatus,
)
from periskope_sync.client import PeriskopeClient
from periskope_sync.resources import Tickets

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "BulkResult",
    "Chat",
    "ChatMember",
    "ChatType",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "DeadlineExceeded",
    "DecodeError",
    "Failed",
    "Fetched",
    "Hooks",
    "Message",
    "NotFoundError",
    "PeriskopeClient",
    "PeriskopeError",
    "PermissionDeniedError",
    "Progress",
    "ProtocolError",
    "RateLimit",
    "RateLimitError",
    "RequestEvent",
    "RequestTimeout",
    "ResponseEvent",
    "RetryEvent",
    "ServerError",
    "ThrottleEvent",
    "Ticket",
    "TicketInfo",
    "TicketPage",
    "TicketPriority",
    "TicketRow",
    "TicketStatus",
    "Tickets",
    "TlsError",
    "TransportError",
    "UnexpectedResponseError",
    "Unset",
    "ValidationError",
    "capture_responses",
]


if typing.TYPE_CHECKING:
    __version__: str
else:  # hidden from checkers, which would take every misspelt name for one that is there

    def __getattr__(name: str) -> str:
        if name == "__version__":
            from importlib.metadata import version

            return version("periskope")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
