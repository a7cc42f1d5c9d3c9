"""The objects of the API as frozen values. Each is loaded when it is first asked for."""

from typing import TYPE_CHECKING

from periskope_async import _exports

if TYPE_CHECKING:
    from periskope_async.models.chats import Chat, ChatPage
    from periskope_async.models.infos import ChatInfo, ChatMember, ChatType, MessageInfo
    from periskope_async.models.messages import DeliveryInfo, Media, Message, MessageFlag, MessageType, Poll
    from periskope_async.models.pages import Page
    from periskope_async.models.reactions import Reaction
    from periskope_async.models.ticket_rows import TicketPage, TicketRow
    from periskope_async.models.tickets import Ticket, TicketInfo, TicketPriority, TicketStatus
else:  # hidden from checkers: see `lazy`
    _, __getattr__, __dir__ = _exports.lazy(__name__, _exports.modules("models."))

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
