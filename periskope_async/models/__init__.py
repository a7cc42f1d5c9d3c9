"""The objects of the API as frozen values. Each is loaded when it is first asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from periskope_async._lazy import lazy

if TYPE_CHECKING:
    from periskope_async.models.chats import Chat, ChatPage
    from periskope_async.models.infos import ChatInfo, ChatMember, ChatType, MessageInfo
    from periskope_async.models.messages import (
        DeliveryInfo,
        Message,
        MessageFlag,
        MessageMedia,
        MessagePage,
        MessagePoll,
        MessageType,
    )
    from periskope_async.models.pages import Page
    from periskope_async.models.reactions import Reaction
    from periskope_async.models.sends import BroadcastReceipt, MessageStatus, SendReceipt, SentMessage
    from periskope_async.models.ticket_rows import TicketPage, TicketRow
    from periskope_async.models.tickets import Ticket, TicketInfo, TicketPriority, TicketStatus

__all__ = [
    "BroadcastReceipt",
    "Chat",
    "ChatInfo",
    "ChatMember",
    "ChatPage",
    "ChatType",
    "DeliveryInfo",
    "Message",
    "MessageFlag",
    "MessageInfo",
    "MessageMedia",
    "MessagePage",
    "MessagePoll",
    "MessageStatus",
    "MessageType",
    "Page",
    "Reaction",
    "SendReceipt",
    "SentMessage",
    "Ticket",
    "TicketInfo",
    "TicketPage",
    "TicketPriority",
    "TicketRow",
    "TicketStatus",
]

#: The module of each name.
WHERE: Final[Mapping[str, str]] = {
    "BroadcastReceipt": "periskope_async.models.sends",
    "Chat": "periskope_async.models.chats",
    "ChatInfo": "periskope_async.models.infos",
    "ChatMember": "periskope_async.models.infos",
    "ChatPage": "periskope_async.models.chats",
    "ChatType": "periskope_async.models.infos",
    "DeliveryInfo": "periskope_async.models.messages",
    "Message": "periskope_async.models.messages",
    "MessageFlag": "periskope_async.models.messages",
    "MessageInfo": "periskope_async.models.infos",
    "MessageMedia": "periskope_async.models.messages",
    "MessagePage": "periskope_async.models.messages",
    "MessagePoll": "periskope_async.models.messages",
    "MessageStatus": "periskope_async.models.sends",
    "MessageType": "periskope_async.models.messages",
    "Page": "periskope_async.models.pages",
    "Reaction": "periskope_async.models.reactions",
    "SendReceipt": "periskope_async.models.sends",
    "SentMessage": "periskope_async.models.sends",
    "Ticket": "periskope_async.models.tickets",
    "TicketInfo": "periskope_async.models.tickets",
    "TicketPage": "periskope_async.models.ticket_rows",
    "TicketPriority": "periskope_async.models.tickets",
    "TicketRow": "periskope_async.models.ticket_rows",
    "TicketStatus": "periskope_async.models.tickets",
}

if not TYPE_CHECKING:  # hidden from checkers: see `lazy`
    _, __getattr__, __dir__ = lazy(__name__, WHERE)
