"""The API's four ticket operations as requests: arguments checked and spelled for the wire. Pure."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final

from periskope_async._sansio.arguments import path_segment
from periskope_async._sansio.request import Request
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models import TicketInfo, TicketPage, TicketPriority, TicketStatus

__all__ = ["DueDate", "Labels", "Priority", "Status", "create_ticket", "get_ticket", "list_tickets", "update_ticket"]

DueDate = date | datetime | str
Labels = Iterable[str] | str
Priority = TicketPriority | int | str
Status = TicketStatus | str

_PRIORITIES: Final = range(1, 5)


def get_ticket(ticket_id: str) -> Request:
    """Build `GET /tickets/{ticket_id}`.

    Raises:
        ConfigurationError: the id cannot name a ticket.
    """
    path = f"/tickets/{path_segment('ticket_id', ticket_id)}"
    return Request("tickets.get", "GET", path, ticket_id, mismatch=_other_ticket)


def list_tickets(offset: int, limit: int) -> Request:
    """Build `GET /tickets`, whose rows are counted from 0."""
    return Request("tickets.list", "GET", "/tickets", query={"offset": offset, "limit": limit}, mismatch=_no_page)


def create_ticket(
    *,
    chat_id: str,
    subject: str,
    assignee: str | Unset = UNSET,
    due_date: DueDate | Unset = UNSET,
    priority: Priority | Unset = UNSET,
    status: Status | Unset = UNSET,
    labels: Labels | Unset = UNSET,
    quoted_message_id: str | Unset = UNSET,
) -> Request:
    """Build `POST /tickets/create`. The API wants its priority as a number.

    Raises:
        ConfigurationError: an argument is unusable; the message names it.
    """
    fields = {
        "chat_id": _text("chat_id", chat_id),
        "subject": _text("subject", subject),
        "assignee": _text("assignee", assignee),
        "due_date": _spell_date(due_date),
        "priority": UNSET if priority is UNSET else _level(priority),
        "status": _text("status", status),
        "labels": _labels(labels),
        "quoted_message_id": _text("quoted_message_id", quoted_message_id),
    }
    return Request("tickets.create", "POST", "/tickets/create", body=_body(fields))


def update_ticket(
    ticket_id: str,
    *,
    subject: str | Unset = UNSET,
    assignee: str | Unset | None = UNSET,
    due_date: DueDate | Unset | None = UNSET,
    priority: Priority | Unset = UNSET,
    status: Status | Unset = UNSET,
    labels: Labels | Unset | None = UNSET,
) -> Request:
    """Build `PATCH /tickets/{ticket_id}`. The API wants its priority as text, and shows "" and null for "none".

    Raises:
        ConfigurationError: an argument is unusable, or none is given; the message names it.
    """
    fields = {
        "subject": _text("subject", subject),
        "assignee": "" if assignee is None else _text("assignee", assignee),
        "due_date": None if due_date is None else _spell_date(due_date),
        "priority": UNSET if priority is UNSET else str(_level(priority)),
        "status": _text("status", status),
        "labels": "" if labels is None else _labels(labels),
    }
    if all(value is UNSET for value in fields.values()):
        raise ConfigurationError("update: nothing to change was given")
    path = f"/tickets/{path_segment('ticket_id', ticket_id)}"
    return Request("tickets.update", "PATCH", path, ticket_id, body=_body(fields), mismatch=_other_ticket)


def _other_ticket(request: Request, info: TicketInfo) -> str | None:
    told, asked = info.ticket.ticket_id, request.ticket_id
    # Whether ids are case-sensitive is not documented; "bkt-001" answered with BKT-001 is the same ticket.
    if told == asked or told.strip().casefold() == str(asked).strip().casefold():
        return None
    return "the body is of another ticket"


def _no_page(_: Request, page: TicketPage) -> str | None:
    # Every key of a page is optional. Of an error told with a 200, a walk would make an account without tickets.
    return "the body is not a page of tickets" if not page.tickets and "tickets" not in page.to_dict() else None


def _body(fields: dict[str, Any]) -> bytes:
    told = {name: value for name, value in fields.items() if value is not UNSET}
    try:
        return json.dumps(told, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ConfigurationError("a text holds a lone surrogate") from None


def _text(name: str, value: object) -> str | Unset:
    if value is UNSET:
        return UNSET
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}: expected text, got {type(value).__name__}")
    if not value.strip():
        raise ConfigurationError(f"{name}: is empty")
    return str(value)


def _spell_date(value: object) -> str | Unset:
    # A datetime without an offset is taken for UTC, as those the service sends without one are.
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value.isoformat() if isinstance(value, date) else _text("due_date", value)


def _level(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int) or number not in _PRIORITIES:
        raise ConfigurationError(f"priority: expected 1 (low), 2, 3 or 4 (urgent), got {value!r}")
    return int(number)


def _labels(value: Labels | Unset) -> str | Unset:
    """Join label names as the API does: by commas, which therefore cannot stand in one."""
    if isinstance(value, str | Unset):
        return value
    try:
        names = [str(_text("labels", name)) for name in value]
    except TypeError:
        raise ConfigurationError(f"labels: expected names, got {type(value).__name__}") from None
    if any("," in name for name in names):
        raise ConfigurationError("labels: a name may not hold a comma; the API separates them by commas")
    return ", ".join(names)
