"""What happens in the service, a class for each event, in one file: `match`-able values with the models inside.

    match event:
        case TicketUpdated(ticket=info, previous=old): ...
        case MessageEvent(message=message): ...  # any event of a message
        case UnknownEvent(type=name, data=data): ...

`webhooks.parse` makes them of deliveries, and `client.events()` of what comes live. An event that this version does
not know, or whose data is not what the event should have, is an `UnknownEvent`: nothing that the service says is
refused.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

from attrs import field

from periskope_async._codec.marks import EMPTY_MAPPING
from periskope_async._codec.model import Model
from periskope_async._deferred import frozen
from periskope_async.models.chats import Chat
from periskope_async.models.messages import Message
from periskope_async.models.notes import Note
from periskope_async.models.notifications import Notification
from periskope_async.models.phones import Phone
from periskope_async.models.reactions import Reaction
from periskope_async.models.tickets import TicketInfo

__all__ = [
    "EVENTS",
    "ChatCreated",
    "ChatCustomPropertiesUpdated",
    "ChatEvent",
    "ChatNotificationCreated",
    "Event",
    "Gap",
    "MessageAckUpdated",
    "MessageCreated",
    "MessageDeleted",
    "MessageEvent",
    "MessageFlagged",
    "MessageTicketAttached",
    "MessageUnflagged",
    "MessageUpdated",
    "NoteCreated",
    "OrgPhoneConnected",
    "OrgPhoneDisconnected",
    "OrgPhoneQr",
    "OrgPhoneUpdated",
    "PhoneEvent",
    "ReactionCreated",
    "ReactionEvent",
    "ReactionUpdated",
    "TicketCreated",
    "TicketDeleted",
    "TicketEvent",
    "TicketUpdated",
    "UnknownEvent",
]


@frozen(kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        type: the service's name of it, such as `ticket.updated`.
        id: the service's name of this delivery, as it seems; None where it sends none.
        org_id: the organisation it happened in.
        timestamp: when; None where the service does not say.
        previous: the old values of what was changed, as the service sends them.
        raw: the JSON of the delivery as it came.
        source: `backfill` if the service did not say so itself: it was found in a list after a `Gap`.
    """

    #: The attribute that holds what it is about, and what that is.
    about: ClassVar[str] = ""
    model: ClassVar[type[Model] | None] = None

    type: str
    id: str | None = None
    org_id: str | None = None
    timestamp: datetime | None = None
    previous: Mapping[str, Any] = field(default=EMPTY_MAPPING, hash=False, repr=False)
    raw: Mapping[str, Any] = field(default=EMPTY_MAPPING, eq=False, hash=False, repr=False)
    source: Literal["service", "backfill"] = "service"

    @property
    def key(self) -> str:
        """What two deliveries of the same event have in common, to recognise a duplicate by: text without blanks.

        It is made of the type, the delivery's id (else its time, else a digest of it all) and the id of what it is
        about. That id may hold a phone number.
        """
        when = self.id or (None if self.timestamp is None else self.timestamp.isoformat()) or self._digest()
        return f"{self.type}:{when}:{self._about_id()}"

    def _digest(self) -> str:
        return blake2b(json.dumps(self.raw, sort_keys=True, default=repr).encode(), digest_size=16).hexdigest()

    def _about_id(self) -> str:
        return ""


@frozen(kw_only=True)
class UnknownEvent(Event):
    """An event this version has no class for, or one whose data is not what it should be.

    Attributes:
        data: what the delivery holds about it.
        problems: where its data is not what an event of this type has; empty for an unknown type.
    """

    data: Any = field(default=None, hash=False, repr=False)
    problems: tuple[str, ...] = ()


@frozen(kw_only=True)
class Gap(Event):
    """Live events may be missing here: the connection was lost for a while, or more came than were read.

    The service does not send them again. It is an event of ours: no delivery of a webhook is one.

    Attributes:
        since: when something last came, or when the first event found no room, by our clock.
        until: when the connection stood again, or when the last event found no room.
        dropped: events that came and found no room. What was missed while the connection was away is not in it.
    """

    type: str = field(default="gap", kw_only=True)
    since: datetime = field(kw_only=False)
    until: datetime = field(kw_only=False)
    dropped: int = 0

    def _about_id(self) -> str:
        return f"{self.since.isoformat()}/{self.until.isoformat()}"


@frozen(kw_only=True)
class TicketEvent(Event):
    """Any event of a ticket.

    Attributes:
        ticket: as it is now, with its chat and messages.
    """

    about: ClassVar[str] = "ticket"
    model: ClassVar[type[Model] | None] = TicketInfo

    ticket: TicketInfo = field(kw_only=False)

    def _about_id(self) -> str:
        return self.ticket.ticket.ticket_id


@frozen(kw_only=True)
class TicketCreated(TicketEvent):
    """A ticket was created."""


@frozen(kw_only=True)
class TicketUpdated(TicketEvent):
    """A ticket was changed."""


@frozen(kw_only=True)
class TicketDeleted(TicketEvent):
    """A ticket was deleted."""


@frozen(kw_only=True)
class ChatEvent(Event):
    """Any event of a chat itself.

    Attributes:
        chat: as it is now.
    """

    about: ClassVar[str] = "chat"
    model: ClassVar[type[Model] | None] = Chat

    chat: Chat = field(kw_only=False)

    def _about_id(self) -> str:
        return self.chat.chat_id


@frozen(kw_only=True)
class ChatCreated(ChatEvent):
    """A chat was begun, or found."""


@frozen(kw_only=True)
class ChatCustomPropertiesUpdated(ChatEvent):
    """The custom properties of a chat were changed."""


@frozen(kw_only=True)
class ChatNotificationCreated(Event):
    """Something happened in a chat: somebody joined, left, was removed.

    Attributes:
        notification: what happened, and to whom.
    """

    about: ClassVar[str] = "notification"
    model: ClassVar[type[Model] | None] = Notification

    notification: Notification = field(kw_only=False)

    def _about_id(self) -> str:
        return self.notification.notification_id


@frozen(kw_only=True)
class MessageEvent(Event):
    """Any event of a message.

    Attributes:
        message: as it is now.
    """

    about: ClassVar[str] = "message"
    model: ClassVar[type[Model] | None] = Message

    message: Message = field(kw_only=False)

    def _about_id(self) -> str:
        return self.message.message_id


@frozen(kw_only=True)
class MessageCreated(MessageEvent):
    """A message came or was sent; of your own, `message.from_me` is True."""


@frozen(kw_only=True)
class MessageUpdated(MessageEvent):
    """A message was changed."""


@frozen(kw_only=True)
class MessageDeleted(MessageEvent):
    """A message was deleted."""


@frozen(kw_only=True)
class MessageAckUpdated(MessageEvent):
    """A message was delivered, or read."""


@frozen(kw_only=True)
class MessageFlagged(MessageEvent):
    """A message was flagged."""


@frozen(kw_only=True)
class MessageUnflagged(MessageEvent):
    """A message is flagged no longer."""


@frozen(kw_only=True)
class MessageTicketAttached(MessageEvent):
    """A message was attached to a ticket."""


@frozen(kw_only=True)
class ReactionEvent(Event):
    """Any event of a reaction.

    Attributes:
        reaction: as it is now.
    """

    about: ClassVar[str] = "reaction"
    model: ClassVar[type[Model] | None] = Reaction

    reaction: Reaction = field(kw_only=False)

    def _about_id(self) -> str:
        return self.reaction.reaction_id


@frozen(kw_only=True)
class ReactionCreated(ReactionEvent):
    """Somebody reacted to a message."""


@frozen(kw_only=True)
class ReactionUpdated(ReactionEvent):
    """A reaction was changed."""


@frozen(kw_only=True)
class PhoneEvent(Event):
    """Any event of a phone of the organisation.

    Attributes:
        phone: as it is now.
    """

    about: ClassVar[str] = "phone"
    model: ClassVar[type[Model] | None] = Phone

    phone: Phone = field(kw_only=False)

    def _about_id(self) -> str:
        return self.phone.phone_id


@frozen(kw_only=True)
class OrgPhoneUpdated(PhoneEvent):
    """A phone was changed."""


@frozen(kw_only=True)
class OrgPhoneConnected(PhoneEvent):
    """A phone was connected."""


@frozen(kw_only=True)
class OrgPhoneDisconnected(PhoneEvent):
    """A phone lost its connection."""


@frozen(kw_only=True)
class OrgPhoneQr(PhoneEvent):
    """A phone waits for its code, `phone.qr_code`, to be scanned."""


@frozen(kw_only=True)
class NoteCreated(Event):
    """A private note was written.

    Attributes:
        note: what was written, and where.
    """

    about: ClassVar[str] = "note"
    model: ClassVar[type[Model] | None] = Note

    note: Note = field(kw_only=False)

    def _about_id(self) -> str:
        return self.note.message_id


#: The class of each event by the service's name of it.
EVENTS: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        "chat.created": ChatCreated,
        "chat.custom_properties.updated": ChatCustomPropertiesUpdated,
        "chat.notification.created": ChatNotificationCreated,
        "message.ack.updated": MessageAckUpdated,
        "message.created": MessageCreated,
        "message.deleted": MessageDeleted,
        "message.flagged": MessageFlagged,
        "message.ticket.attached": MessageTicketAttached,
        "message.unflagged": MessageUnflagged,
        "message.updated": MessageUpdated,
        "note.created": NoteCreated,
        "org.phone.connected": OrgPhoneConnected,
        "org.phone.disconnected": OrgPhoneDisconnected,
        "org.phone.qr": OrgPhoneQr,
        "org.phone.updated": OrgPhoneUpdated,
        "reaction.created": ReactionCreated,
        "reaction.updated": ReactionUpdated,
        "ticket.created": TicketCreated,
        "ticket.deleted": TicketDeleted,
        "ticket.updated": TicketUpdated,
    }
)
