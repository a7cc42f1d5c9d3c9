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
    from periskope_async.models.chats import Chat, ChatInfo, ChatMember, ChatPage, ChatType
    from periskope_async.models.messages import (
        DeliveryInfo,
        Media,
        Message,
        MessageFlag,
        MessageInfo,
        MessageType,
        Poll,
    )
    from periskope_async.models.pages import Page
    from periskope_async.models.reactions import Reaction
    from periskope_async.models.tickets import Ticket, TicketInfo, TicketPage, TicketPriority, TicketRow, TicketStatus

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
        "ChatInfo",
        "ChatMember",
        "ChatPage",
        "ChatType",
    ),
    "models.messages": (
        "DeliveryInfo",
        "Media",
        "Message",
        "MessageFlag",
        "MessageInfo",
        "MessageType",
        "Poll",
    ),
    "models.pages": ("Page",),
    "models.reactions": ("Reaction",),
    "models.tickets": (
        "Ticket",
        "TicketInfo",
        "TicketPage",
        "TicketPriority",
        "TicketRow",
        "TicketStatus",
    ),
}


Lazy = tuple[list[str], Callable[[str], object], Callable[[], list[str]]]


def lazy(package: str, own: Mapping[str, str]) -> Lazy:
    """Return the `__all__`, `__getattr__` and `__dir__` of a package that exports `NAMES` and names of its own.

    So nobody waits for the models and resources that they do not use. Checkers must not see these: they would take the
    one for an empty list, and by the other every misspelt name for one that is there.

    Args:
        package: its name.
        own: the modules of its own names, without the package.
    """
    modules = {name: f"periskope_async.{module}" for module, names in NAMES.items() for name in names}
    modules |= {name: f"{package}.{module}" for name, module in own.items()}
    public = {module.split(".")[1] for module in modules.values() if module.startswith(f"{package}.")}
    exported = import_module(package)

    def load(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("periskope")
        if name in modules:
            value = getattr(import_module(modules[name]), name)
        elif name in public and not name.startswith("_"):  # a module of ours, as `periskope_async.errors`
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(exported, name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(exported), *modules, "__version__"})

    return sorted(modules, key=lambda name: (name[0].islower(), name)), load, listed
