"""What both packages export beside their clients and resources, and how: when it is first asked for.

The same names stand here three times: for type checkers, for `import *`, and for the interpreter. A test compares them.
"""

# ruff: noqa: TC004  # what is imported for type checkers alone is what `lazy` imports for the interpreter

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from periskope_async import models

if TYPE_CHECKING:
    from periskope_async._sansio.rate_limit import RateLimit
    from periskope_async._sansio.unset import Unset
    from periskope_async.budgets import RedisBudget
    from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
    from periskope_async.changes import Change, Changes
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
    from periskope_async.models.audit_logs import AuditLog, AuditLogPage
    from periskope_async.models.chats import Chat, ChatAiSettings, ChatPage
    from periskope_async.models.contacts import Contact, ContactCheck, ContactPage
    from periskope_async.models.groups import GroupInvite, ParticipantResult
    from periskope_async.models.infos import ChatInfo, ChatMember, ChatType, MessageInfo
    from periskope_async.models.knowledge_base import KbDocumentCreated, KbItem, KbPage, KbType
    from periskope_async.models.members import InviteFailure, InviteResult, Member, MemberRole
    from periskope_async.models.messages import (
        DeliveryInfo,
        Message,
        MessageFlag,
        MessageMedia,
        MessagePage,
        MessagePoll,
        MessageType,
    )
    from periskope_async.models.notes import Note, NotePage
    from periskope_async.models.notifications import Notification, NotificationPage
    from periskope_async.models.pages import Page
    from periskope_async.models.phones import Phone, PhoneRow, PhoneState
    from periskope_async.models.qr_images import QrImage
    from periskope_async.models.queue import BroadcastState, BroadcastStatus, PurgeResult, QueueJob, QueueStatus
    from periskope_async.models.reactions import Reaction, ReactionPage
    from periskope_async.models.scheduled_messages import (
        ScheduledMessage,
        ScheduledMessageOccurrence,
        ScheduledMessageOccurrencePage,
        ScheduledMessagePage,
    )
    from periskope_async.models.sends import BroadcastReceipt, MessageStatus, SendReceipt, SentMessage
    from periskope_async.models.tasks import Task, TaskPage, TaskPriority, TaskStatus, TaskType
    from periskope_async.models.ticket_rows import TicketPage, TicketRow
    from periskope_async.models.tickets import Ticket, TicketInfo, TicketPriority, TicketStatus
    from periskope_async.models.webhooks import EventName, Webhook
    from periskope_async.sending import FoundSend, Media, Outgoing, Poll, SendManyResult
    from periskope_async.web import answer_for

__all__ = [
    "ApiError",
    "AuditLog",
    "AuditLogPage",
    "AuthenticationError",
    "BadRequestError",
    "BroadcastReceipt",
    "BroadcastState",
    "BroadcastStatus",
    "BulkResult",
    "Change",
    "Changes",
    "Chat",
    "ChatAiSettings",
    "ChatInfo",
    "ChatMember",
    "ChatPage",
    "ChatType",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "Contact",
    "ContactCheck",
    "ContactPage",
    "DeadlineExceeded",
    "DecodeError",
    "DeliveryInfo",
    "EventName",
    "Failed",
    "Fetched",
    "FoundSend",
    "GroupInvite",
    "Hooks",
    "InviteFailure",
    "InviteResult",
    "KbDocumentCreated",
    "KbItem",
    "KbPage",
    "KbType",
    "Media",
    "Member",
    "MemberRole",
    "Message",
    "MessageFlag",
    "MessageInfo",
    "MessageMedia",
    "MessagePage",
    "MessagePoll",
    "MessageStatus",
    "MessageType",
    "NotFoundError",
    "Note",
    "NotePage",
    "Notification",
    "NotificationPage",
    "Outgoing",
    "Page",
    "ParticipantResult",
    "PeriskopeError",
    "PermissionDeniedError",
    "Phone",
    "PhoneRow",
    "PhoneState",
    "Poll",
    "Progress",
    "ProtocolError",
    "PurgeResult",
    "QrImage",
    "QueueJob",
    "QueueStatus",
    "RateLimit",
    "RateLimitError",
    "Reaction",
    "ReactionPage",
    "RedisBudget",
    "RequestEvent",
    "RequestTimeout",
    "ResponseEvent",
    "RetryEvent",
    "ScheduledMessage",
    "ScheduledMessageOccurrence",
    "ScheduledMessageOccurrencePage",
    "ScheduledMessagePage",
    "SendManyResult",
    "SendReceipt",
    "SentMessage",
    "ServerError",
    "Task",
    "TaskPage",
    "TaskPriority",
    "TaskStatus",
    "TaskType",
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
    "Webhook",
    "answer_for",
    "capture_responses",
]

#: Which module of `periskope_async` has which names; those of models stand with them.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "_sansio.rate_limit": ("RateLimit",),
    "_sansio.unset": ("Unset",),
    "budgets": ("RedisBudget",),
    "bulk": (
        "BulkResult",
        "Failed",
        "Fetched",
        "Progress",
    ),
    "changes": (
        "Change",
        "Changes",
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
    "sending": (
        "FoundSend",
        "Media",
        "Outgoing",
        "Poll",
        "SendManyResult",
    ),
    "web": ("answer_for",),
}


def modules() -> dict[str, str]:
    """Return in which module each name is."""
    return {name: f"periskope_async.{module}" for module, names in NAMES.items() for name in names} | dict(models.WHERE)
