"""The objects of the API as frozen values."""

from periskope_async.models.chats import Chat, ChatMember, ChatType
from periskope_async.models.messages import Message
from periskope_async.models.tickets import Ticket, TicketInfo, TicketPage, TicketPriority, TicketRow, TicketStatus

__all__ = [
    "Chat",
    "ChatMember",
    "ChatType",
    "Message",
    "Ticket",
    "TicketInfo",
    "TicketPage",
    "TicketPriority",
    "TicketRow",
    "TicketStatus",
]
