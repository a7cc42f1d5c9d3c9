"""The objects of the API as frozen values. Each is loaded when it is first asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from periskope_async._lazy import lazy

if TYPE_CHECKING:
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

__all__ = [
    "AuditLog",
    "AuditLogPage",
    "BroadcastReceipt",
    "BroadcastState",
    "BroadcastStatus",
    "Chat",
    "ChatAiSettings",
    "ChatInfo",
    "ChatMember",
    "ChatPage",
    "ChatType",
    "Contact",
    "ContactCheck",
    "ContactPage",
    "DeliveryInfo",
    "EventName",
    "GroupInvite",
    "InviteFailure",
    "InviteResult",
    "KbDocumentCreated",
    "KbItem",
    "KbPage",
    "KbType",
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
    "Note",
    "NotePage",
    "Notification",
    "NotificationPage",
    "Page",
    "ParticipantResult",
    "Phone",
    "PhoneRow",
    "PhoneState",
    "PurgeResult",
    "QrImage",
    "QueueJob",
    "QueueStatus",
    "Reaction",
    "ReactionPage",
    "ScheduledMessage",
    "ScheduledMessageOccurrence",
    "ScheduledMessageOccurrencePage",
    "ScheduledMessagePage",
    "SendReceipt",
    "SentMessage",
    "Task",
    "TaskPage",
    "TaskPriority",
    "TaskStatus",
    "TaskType",
    "Ticket",
    "TicketInfo",
    "TicketPage",
    "TicketPriority",
    "TicketRow",
    "TicketStatus",
    "Webhook",
]

#: The module of each name.
WHERE: Final[Mapping[str, str]] = {
    "AuditLog": "periskope_async.models.audit_logs",
    "AuditLogPage": "periskope_async.models.audit_logs",
    "BroadcastReceipt": "periskope_async.models.sends",
    "BroadcastState": "periskope_async.models.queue",
    "BroadcastStatus": "periskope_async.models.queue",
    "Chat": "periskope_async.models.chats",
    "ChatAiSettings": "periskope_async.models.chats",
    "ChatInfo": "periskope_async.models.infos",
    "ChatMember": "periskope_async.models.infos",
    "ChatPage": "periskope_async.models.chats",
    "ChatType": "periskope_async.models.infos",
    "Contact": "periskope_async.models.contacts",
    "ContactCheck": "periskope_async.models.contacts",
    "ContactPage": "periskope_async.models.contacts",
    "DeliveryInfo": "periskope_async.models.messages",
    "EventName": "periskope_async.models.webhooks",
    "GroupInvite": "periskope_async.models.groups",
    "InviteFailure": "periskope_async.models.members",
    "InviteResult": "periskope_async.models.members",
    "Member": "periskope_async.models.members",
    "MemberRole": "periskope_async.models.members",
    "KbDocumentCreated": "periskope_async.models.knowledge_base",
    "KbItem": "periskope_async.models.knowledge_base",
    "KbPage": "periskope_async.models.knowledge_base",
    "KbType": "periskope_async.models.knowledge_base",
    "Message": "periskope_async.models.messages",
    "MessageFlag": "periskope_async.models.messages",
    "MessageInfo": "periskope_async.models.infos",
    "MessageMedia": "periskope_async.models.messages",
    "MessagePage": "periskope_async.models.messages",
    "MessagePoll": "periskope_async.models.messages",
    "MessageStatus": "periskope_async.models.sends",
    "MessageType": "periskope_async.models.messages",
    "Note": "periskope_async.models.notes",
    "NotePage": "periskope_async.models.notes",
    "Notification": "periskope_async.models.notifications",
    "NotificationPage": "periskope_async.models.notifications",
    "Page": "periskope_async.models.pages",
    "ParticipantResult": "periskope_async.models.groups",
    "Phone": "periskope_async.models.phones",
    "PhoneRow": "periskope_async.models.phones",
    "PhoneState": "periskope_async.models.phones",
    "PurgeResult": "periskope_async.models.queue",
    "QrImage": "periskope_async.models.qr_images",
    "QueueJob": "periskope_async.models.queue",
    "QueueStatus": "periskope_async.models.queue",
    "Reaction": "periskope_async.models.reactions",
    "ReactionPage": "periskope_async.models.reactions",
    "ScheduledMessage": "periskope_async.models.scheduled_messages",
    "ScheduledMessageOccurrence": "periskope_async.models.scheduled_messages",
    "ScheduledMessageOccurrencePage": "periskope_async.models.scheduled_messages",
    "ScheduledMessagePage": "periskope_async.models.scheduled_messages",
    "SendReceipt": "periskope_async.models.sends",
    "SentMessage": "periskope_async.models.sends",
    "Task": "periskope_async.models.tasks",
    "TaskPage": "periskope_async.models.tasks",
    "TaskPriority": "periskope_async.models.tasks",
    "TaskStatus": "periskope_async.models.tasks",
    "TaskType": "periskope_async.models.tasks",
    "Ticket": "periskope_async.models.tickets",
    "TicketInfo": "periskope_async.models.tickets",
    "TicketPage": "periskope_async.models.ticket_rows",
    "TicketPriority": "periskope_async.models.tickets",
    "TicketRow": "periskope_async.models.ticket_rows",
    "TicketStatus": "periskope_async.models.tickets",
    "Webhook": "periskope_async.models.webhooks",
}

if not TYPE_CHECKING:  # hidden from checkers: see `lazy`
    _, __getattr__, __dir__ = lazy(__name__, WHERE)
