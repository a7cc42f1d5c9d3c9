"""What both packages export beside their clients and resources, and how: when it is first asked for.

The same names stand here three times: for type checkers, for `import *`, and for the interpreter. A test compares them.
"""

# ruff: noqa: TC004  # what is imported for type checkers alone is what `lazy` imports for the interpreter

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
    from periskope_async.models.chats import Chat, ChatPage
    from periskope_async.models.infos import ChatInfo, ChatMember, ChatType, MessageInfo
    from periskope_async.models.messages import DeliveryInfo, Media, Message, MessageFlag, MessageType, Poll
    from periskope_async.models.pages import Page
    from periskope_async.models.reactions import Reaction
    from periskope_async.models.ticket_rows import TicketPage, TicketRow
    from periskope_async.models.tickets import Ticket, TicketInfo, TicketPriority, TicketStatus

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "BulkResult",
    "Chat",
    "ChatInfo",
    "ChatMember",
    "ChatPage",
    "ChatType",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "DeadlineExceeded",
    "DecodeError",
    "DeliveryInfo",
    "Failed",
    "Fetched",
    "Hooks",
    "Media",
    "Message",
    "MessageFlag",
    "MessageInfo",
    "MessageType",
    "NotFoundError",
    "Page",
    "PeriskopeError",
    "PermissionDeniedError",
    "Poll",
    "Progress",
    "ProtocolError",
    "RateLimit",
    "RateLimitError",
    "Reaction",
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
    "TlsError",
    "TransportError",
    "UnexpectedResponseError",
    "Unset",
    "ValidationError",
    "capture_responses",
]

#: Which module of `periskope_async` has which names.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "_sansio.rate_limit": ("RateLimit",),
    "_sansio.unset": ("Unset",),
    "bulk": (
        "BulkResult",
        "Failed",
        "Fetched",
        "Progress",
    ),
    "errors": (
        "ApiError",
        "AuthenticationError",
        "BadRequestError",
        "ClientClosedError",
        "ConfigurationError",
        "ConnectError",
        "DeadlineExceeded",
        "DecodeError",
        "NotFoundError",
        "PeriskopeError",
        "PermissionDeniedError",
        "ProtocolError",
        "RateLimitError",
        "RequestTimeout",
        "ServerError",
        "TlsError",
        "TransportError",
        "UnexpectedResponseError",
        "ValidationError",
    ),
    "hooks": (
        "Hooks",
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
        "ThrottleEvent",
        "capture_responses",
    ),
    "models.chats": (
        "Chat",
        "ChatPage",
    ),
    "models.infos": (
        "ChatInfo",
        "ChatMember",
        "ChatType",
        "MessageInfo",
    ),
    "models.messages": (
        "DeliveryInfo",
        "Media",
        "Message",
        "MessageFlag",
        "MessageType",
        "Poll",
    ),
    "models.pages": ("Page",),
    "models.reactions": ("Reaction",),
    "models.ticket_rows": (
        "TicketPage",
        "TicketRow",
    ),
    "models.tickets": (
        "Ticket",
        "TicketInfo",
        "TicketPriority",
        "TicketStatus",
    ),
}


Lazy = tuple[list[str], Callable[[str], object], Callable[[], list[str]]]


def modules(prefix: str = "") -> dict[str, str]:
    """Return where the names of `NAMES` are: in which module, of those that begin with a prefix."""
    return {
        name: f"periskope_async.{module}"
        for module, names in NAMES.items()
        if module.startswith(prefix)
        for name in names
    }


def lazy(package: str, where: Mapping[str, str]) -> Lazy:
    """Return the `__all__`, `__getattr__` and `__dir__` of a package that imports a name when it is first asked for.

    So nobody waits for the models and resources that they do not use. Checkers must not see these: they would take the
    one for an empty list, and by the other every misspelt name for one that is there.

    Args:
        package: its name.
        where: the module of each name.
    """
    inside = len(package) + 1
    public = {module[inside:].partition(".")[0] for module in where.values() if module.startswith(f"{package}.")}
    exported = import_module(package)

    def load(name: str) -> object:
        if name in where:
            value = getattr(import_module(where[name]), name)
        elif name in public and not name.startswith("_"):  # a module of ours, as `periskope_async.errors`
            value = import_module(f"{package}.{name}")
        elif name == "__version__" and "." not in package:
            from importlib.metadata import version

            return version("periskope")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(exported, name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(exported), *where})

    return sorted(where, key=lambda name: (name[0].islower(), name)), load, listed
