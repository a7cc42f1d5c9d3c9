"""The objects of the API as frozen values: what the service calls them, typed as a Python programmer wants them.

Knows no JSON and no HTTP: `_converter` reads these declarations. What they have in common:

- Names are the service's own. Only the ids are required; whatever else it leaves out, sends as null or sends as `""` is
  None here, and a list, a map or a set of labels it leaves out is empty.
- Datetimes are aware; one that came without an offset is taken for UTC.
- Enums are open: a value added tomorrow arrives as a member with `.is_known` False.
- What has no field here is kept in `.extra`.
- Equality compares every value, hash and repr only the ids, with phone numbers cut to their last four digits.
- `to_dict()` gives back the JSON that came in.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from periskope_async._model import EMPTY_TEXT, LEFT_OUT, NOTHING, Model, OpenIntEnum, OpenStrEnum, identity

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


class TicketStatus(OpenStrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    INPROGRESS = "inprogress"
    CLOSED = "closed"
    ARCHIVED = "archived"


class TicketPriority(OpenIntEnum):
    """How urgent a ticket is. `NONE` comes from the service only; it is not accepted as input."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    URGENT = 4


class ChatType(OpenStrEnum):
    """What kind of chat it is."""

    USER = "user"
    GROUP = "group"
    BUSINESS = "business"
    UNKNOWN = "unknown"


@frozen(kw_only=True, field_transformer=identity)
class Ticket(Model):
    """A ticket's own fields.

    Attributes:
        ticket_id: such as `BKT-001`.
        org_id: the organisation it belongs to.
        status: open, inprogress, closed, archived.
        priority: 0 (none) to 4 (urgent).
        subject: what it is about.
        assignee: the e-mail address of who works on it.
        assigned_by: the e-mail address of who assigned it.
        raised_by: the e-mail address of who opened it.
        created_at: when it was opened.
        due_date: when it is due.
        first_assigned_at: when it was first assigned.
        closed_at: when it was closed.
        closed_by: who closed it.
        closed_message: the note left on closing.
        ticket_labels: names of its labels.
        ticket_custom_properties: values by property.
        quoted_message_id: the short id of the message it was opened on: the tail of `Message.message_id`.
        is_deleted: whether it was deleted.
    """

    ticket_id: str
    org_id: str | None = None
    status: TicketStatus | None = None
    priority: TicketPriority | None = None
    subject: str | None = None
    assignee: str | None = field(default=None, metadata=EMPTY_TEXT)
    assigned_by: str | None = field(default=None, metadata=EMPTY_TEXT)
    raised_by: str | None = None
    created_at: datetime | None = None
    due_date: datetime | None = field(default=None, metadata=EMPTY_TEXT)
    first_assigned_at: datetime | None = field(default=None, metadata=LEFT_OUT)
    closed_at: datetime | None = field(default=None, metadata=LEFT_OUT)
    closed_by: str | None = field(default=None, metadata=LEFT_OUT)
    closed_message: str | None = field(default=None, metadata=LEFT_OUT)
    ticket_labels: tuple[str, ...] = field(default=(), metadata=EMPTY_TEXT)
    ticket_custom_properties: Mapping[str, Any] = NOTHING
    quoted_message_id: str | None = None
    is_deleted: bool | None = None


@frozen(kw_only=True, field_transformer=identity)
class ChatMember(Model):
    """A participant of a chat, with what the organisation's contacts know of them.

    Attributes:
        contact_id: such as `918527184400@c.us`.
        chat_id: the chat this membership is of.
        org_id: the organisation the contact belongs to.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        contact_name: the name as the contacts have it.
        contact_image: a URL.
        contact_color: such as `#FA6533`.
        contact_labels: names of the contact's labels.
        is_admin: whether they administer the group.
        is_super_admin: whether they own the group.
        is_internal: whether they belong to the organisation.
    """

    contact_id: str
    chat_id: str | None = None
    org_id: str | None = None
    org_phone: str | None = None
    contact_name: str | None = None
    contact_image: str | None = None
    contact_color: str | None = None
    contact_labels: tuple[str, ...] = field(default=(), metadata=EMPTY_TEXT)
    is_admin: bool | None = None
    is_super_admin: bool | None = None
    is_internal: bool | None = None


@frozen(kw_only=True, field_transformer=identity)
class Chat(Model):
    """The chat a ticket was opened in.

    Attributes:
        chat_id: `…@c.us` for a person, `…@g.us` for a group.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in it, with `@c.us`.
        chat_name: the name shown.
        chat_type: user, group, business, unknown.
        chat_image: a URL or a path.
        chat_labels: names of its labels.
        created_at: when it was first seen.
        custom_properties: values by property.
        group_description: the text of a group's description.
        invite_link: the link into a group.
        is_muted: whether it is muted.
        members: participants by contact id.
    """

    chat_id: str
    org_id: str | None = None
    org_phone: str | None = None
    chat_name: str | None = None
    chat_type: ChatType | None = None
    chat_image: str | None = None
    chat_labels: tuple[str, ...] = field(default=(), metadata=EMPTY_TEXT)
    created_at: datetime | None = None
    custom_properties: Mapping[str, Any] = NOTHING
    group_description: str | None = None
    invite_link: str | None = None
    is_muted: bool | None = None
    members: Mapping[str, ChatMember] = NOTHING


@frozen(kw_only=True, field_transformer=identity)
class Message(Model):
    """A message, in the short form tickets carry.

    Attributes:
        message_id: the full id: `true_<chat>_<id>`, in groups with `_<participant>` after it.
        chat_id: the chat it was sent in.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        body: the text.
        timestamp: when it was sent.
        media_path: where its media is.
        sender_name: the name of who sent it.
        sender_phone: the phone of who sent it, digits only.
        performed_by: the e-mail address of the organisation's user who sent it through Periskope.
    """

    message_id: str
    chat_id: str | None = None
    org_phone: str | None = None
    body: str | None = field(default=None, metadata=EMPTY_TEXT)
    timestamp: datetime | None = None
    media_path: str | None = field(default=None, metadata=EMPTY_TEXT)
    sender_name: str | None = None
    sender_phone: str | None = None
    performed_by: str | None = None


@frozen(kw_only=True, field_transformer=identity)
class TicketInfo(Model):
    """A ticket in full: what getting, creating or updating one returns.

    Attributes:
        ticket: the ticket's own fields.
        chat: the chat it was opened in.
        message: the message it was opened on.
        attached_messages: messages attached to it later.
    """

    ticket: Ticket
    chat: Chat | None = None
    message: Message | None = None
    attached_messages: tuple[Message, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return the ticket as one flat dict, for tables and data frames; its columns are `records.COLUMNS`."""
        from periskope_async.records import to_record

        return to_record(self)


@frozen(kw_only=True, field_transformer=identity)
class TicketRow(Model):
    """A ticket as it stands in a list: more metadata than `Ticket`, but neither chat nor messages as a rule.

    Attributes:
        ticket_id: such as `BKT-001`.
        org_id: the organisation it belongs to.
        chat_id: the chat it was opened in.
        status: open, inprogress, closed, archived.
        priority: 0 (none) to 4 (urgent).
        subject: what it is about.
        assignee: the e-mail address of who works on it.
        assigned_by: the e-mail address of who assigned it.
        raised_by: the e-mail address of who opened it.
        created_at: when it was opened.
        last_updated_at: when it was last changed.
        last_updated_by: who changed it last.
        due_date: when it is due.
        first_assigned_at: when it was first assigned.
        closed_at: when it was closed.
        response_time: as the service counts it; its unit is not documented.
        labels: names of its labels.
        label_ids: which label ids are set.
        custom_properties: any JSON.
        quoted_message_id: the short id of the message it was opened on.
        is_deleted: whether it was deleted.
        hubspot_metadata: any JSON, as the HubSpot integration left it.
        freshdesk_metadata: any JSON, as the Freshdesk integration left it.
        zohodesk_metadata: any JSON, as the Zoho Desk integration left it.
        close_ticket_metadata: any JSON: who closed it, when, and with which note.
        chat: the chat, if the service sent it along.
    """

    ticket_id: str
    org_id: str | None = None
    chat_id: str | None = None
    status: TicketStatus | None = None
    priority: TicketPriority | None = None
    subject: str | None = None
    assignee: str | None = None
    assigned_by: str | None = None
    raised_by: str | None = None
    created_at: datetime | None = None
    last_updated_at: datetime | None = None
    last_updated_by: str | None = field(default=None, metadata=LEFT_OUT)
    due_date: datetime | None = None
    first_assigned_at: datetime | None = field(default=None, metadata=LEFT_OUT)
    closed_at: datetime | None = None
    response_time: float | None = None
    labels: tuple[str, ...] = ()
    label_ids: Mapping[str, Any] = NOTHING
    custom_properties: Any = NOTHING
    quoted_message_id: str | None = None
    is_deleted: bool | None = None
    hubspot_metadata: Any = NOTHING
    freshdesk_metadata: Any = NOTHING
    zohodesk_metadata: Any = NOTHING
    close_ticket_metadata: Any = NOTHING
    chat: Chat | None = field(default=None, metadata=LEFT_OUT)

    def to_record(self) -> dict[str, Any]:
        """Return the row as one flat dict, for tables and data frames; its columns are `records.ROW_COLUMNS`."""
        from periskope_async.records import to_record

        return to_record(self)


@frozen(kw_only=True)
class TicketPage(Model):
    """One page of the list of tickets.

    Attributes:
        tickets: its rows, in the order of the service.
        count: the service's own count; what it counts is not documented, so do not end a walk on it.
        first: the number of the first row, counted from 1 (`from` in JSON).
        last: the number of the last row (`to` in JSON).
    """

    tickets: tuple[TicketRow, ...] = field(default=(), repr=lambda rows: f"<{len(rows)} rows>")
    count: int | None = field(default=None, metadata=LEFT_OUT)
    first: int | None = field(default=None, metadata=LEFT_OUT | {"key": "from"})
    last: int | None = field(default=None, metadata=LEFT_OUT | {"key": "to"})
