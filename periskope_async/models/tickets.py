"""Tickets in full."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, EMPTY_TEXT, LEFT_OUT, Labels, counted_as
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen
from periskope_async.models.infos import ChatInfo, MessageInfo

__all__ = ["Ticket", "TicketInfo", "TicketPriority", "TicketStatus"]


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
        quoted_message_id: the short id of the message it was opened on: the tail of `MessageInfo.message_id`.
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
    ticket_labels: Labels = field(default=(), metadata=EMPTY_TEXT)
    ticket_custom_properties: Mapping[str, Any] = EMPTY_MAPPING
    quoted_message_id: str | None = None
    is_deleted: bool | None = None


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
    chat: ChatInfo | None = None
    message: MessageInfo | None = None
    attached_messages: tuple[MessageInfo, ...] = field(default=(), metadata=counted_as("attached_count"))
