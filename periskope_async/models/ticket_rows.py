"""Tickets as they stand in a list, and pages of them. Apart, because a row may hold a chat in full."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, ROWS, Labels, in_column
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen
from periskope_async.models.chats import Chat
from periskope_async.models.pages import Page, rows_first, show_count
from periskope_async.models.tickets import TicketPriority, TicketStatus

__all__ = ["TicketPage", "TicketRow"]


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
    labels: Labels = field(default=(), metadata=in_column("ticket_labels"))
    label_ids: Mapping[str, Any] = EMPTY_MAPPING
    custom_properties: Any = field(default=EMPTY_MAPPING, metadata=in_column("ticket_custom_properties"))
    quoted_message_id: str | None = None
    is_deleted: bool | None = None
    hubspot_metadata: Any = EMPTY_MAPPING
    freshdesk_metadata: Any = EMPTY_MAPPING
    zohodesk_metadata: Any = EMPTY_MAPPING
    close_ticket_metadata: Any = EMPTY_MAPPING
    chat: Chat | None = field(default=None, metadata=LEFT_OUT)


@frozen(kw_only=True, field_transformer=rows_first)
class TicketPage(Page[TicketRow]):
    """One page of the list of tickets.

    Attributes:
        tickets: its rows, in the order of the service.
    """

    tickets: tuple[TicketRow, ...] = field(default=(), metadata=ROWS, repr=show_count)
