"""The objects of the API as frozen values."""

from periskope_async.models.chats import Chat, ChatInfo, ChatMember, ChatPage, ChatType
from periskope_async.models.messages import DeliveryInfo, Media, Message, MessageFlag, MessageInfo, MessageType, Poll
from periskope_async.models.pages import Page
from periskope_async.models.reactions import Reaction
from periskope_async.models.tickets import Ticket, TicketInfo, TicketPage, TicketPriority, TicketRow, TicketStatus

__all__ = [
    "Chat",
    "ChatInfo",
    "ChatMember",
    "ChatPage",
    "ChatType",
    "DeliveryInfo",
    "Media",
    "Message",
    "MessageFlag",
    "MessageInfo",
    "MessageType",
    "Page",
    "Poll",
    "Reaction",
    "Ticket",
    "TicketInfo",
    "TicketPage",
    "TicketPriority",
    "TicketRow",
    "TicketStatus",
]
