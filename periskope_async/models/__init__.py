"""The objects of the API as frozen values. Each is loaded when it is first asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from periskope_async._lazy import lazy

if TYPE_CHECKING:
    from periskope_async.models.chats import Chat, ChatPage
    from periskope_async.models.groups import GroupInvite, ParticipantResult
    from periskope_async.models.infos import ChatInfo, ChatMember, ChatType, MessageInfo
    from periskope_async.models.messages import DeliveryInfo, Media, Message, MessageFlag, MessageType, Poll
    from periskope_async.models.pages import Page
    from periskope_async.models.reactions import Reaction
    from periskope_async.models.ticket_rows import TicketPage, TicketRow
    from periskope_async.models.tickets import Ticket, TicketInfo, TicketPriority, TicketStatus

__all__ = [
    "Chat",
    "ChatInfo",
    "ChatMember",
    "ChatPage",
    "ChatType",
    "DeliveryInfo",
    "GroupInvite",
    "Media",
    "Message",
    "MessageFlag",
    "MessageInfo",
    "MessageType",
    "Page",
    "ParticipantResult",
    "Poll",
    "Reaction",
    "Ticket",
    "TicketInfo",
    "TicketPage",
    "TicketPriority",
    "TicketRow",
    "TicketStatus",
]

#: The module of each name.
WHERE: Final[Mapping[str, str]] = {
    "Chat": "periskope_async.models.chats",
    "ChatInfo": "periskope_async.models.infos",
    "ChatMember": "periskope_async.models.infos",
    "ChatPage": "periskope_async.models.chats",
    "ChatType": "periskope_async.models.infos",
    "DeliveryInfo": "periskope_async.models.messages",
    "GroupInvite": "periskope_async.models.groups",
    "Media": "periskope_async.models.messages",
    "Message": "periskope_async.models.messages",
    "MessageFlag": "periskope_async.models.messages",
    "MessageInfo": "periskope_async.models.infos",
    "MessageType": "periskope_async.models.messages",
    "Page": "periskope_async.models.pages",
    "ParticipantResult": "periskope_async.models.groups",
    "Poll": "periskope_async.models.messages",
    "Reaction": "periskope_async.models.reactions",
    "Ticket": "periskope_async.models.tickets",
    "TicketInfo": "periskope_async.models.tickets",
    "TicketPage": "periskope_async.models.ticket_rows",
    "TicketPriority": "periskope_async.models.tickets",
    "TicketRow": "periskope_async.models.ticket_rows",
    "TicketStatus": "periskope_async.models.tickets",
}

if not TYPE_CHECKING:  # hidden from checkers: see `lazy`
    _, __getattr__, __dir__ = lazy(__name__, WHERE)
