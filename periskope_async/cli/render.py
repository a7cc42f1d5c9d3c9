"""Tickets as a person wants to read them: models in, rich renderables out. Knows no client and no options."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from periskope_async.cli.text import visible
from periskope_async.models import (
    Chat,
    ChatInfo,
    ChatMember,
    MessageInfo,
    ParticipantResult,
    Ticket,
    TicketInfo,
    TicketPriority,
    TicketRow,
)

__all__ = [
    "chat_table",
    "chat_view",
    "facts_grid",
    "fitting",
    "local_time",
    "one_line",
    "participants_table",
    "table",
    "view",
]

#: One colour for one meaning in every view. What the service adds tomorrow is shown without one.
_STATUS: Final = {"open": "cyan", "inprogress": "yellow", "closed": "green", "archived": "dim"}
_PRIORITY: Final = {0: "dim", 1: "dim", 2: "", 3: "yellow", 4: "bold red"}
#: From this width on a table shows all there is, columns.
_WIDE: Final = 100
#: Below this width it shows what a ticket is about and how it stands, columns.
_NARROW: Final = 60
#: What the name of an assignee may take between the two, columns.
_NAME: Final = 14
#: More members than this are counted, not named: a group can have a thousand.
_NAMED: Final = 6


def table(tickets: Iterable[Ticket | TicketRow], width: int | None = None) -> Table:
    """Return a table with one line for each ticket.

    *width*: columns of the terminal, None for no limit. What a ticket is about has the room before the rest has any.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    headings = fitting(
        width,
        ("Ticket", "Status", "Priority", "Subject", "Assignee", "Created"),
        ("Ticket", "Status", "Priority", "Subject", "Assignee"),
        ("Ticket", "Status", "Subject"),
    )
    wide = "Created" in headings
    for heading in headings:
        # Where it is still too narrow, only these two give way.
        made.add_column(
            heading,
            no_wrap=heading not in {"Subject", "Assignee"},
            max_width=_NAME if heading == "Assignee" and not wide else None,
        )
    for ticket in tickets:
        assignee = ticket.assignee or ""
        cells = {
            "Ticket": Text(visible(ticket.ticket_id), "bold"),
            "Status": _status(ticket.status),
            "Priority": _priority(ticket.priority),
            "Subject": one_line(ticket.subject),
            "Assignee": one_line(assignee if wide else assignee.partition("@")[0]),
            "Created": _day(ticket.created_at),
        }
        made.add_row(*(cells[heading] for heading in headings))
    return made


def fitting(
    width: int | None, wide: tuple[str, ...], middle: tuple[str, ...], narrow: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the columns of a table for a terminal of *width* columns, None for no limit."""
    if width is None or width >= _WIDE:
        return wide
    return middle if width >= _NARROW else narrow


def view(info: TicketInfo) -> RenderableType:
    """Return a ticket in full: its own fields, its chat, its messages."""
    return Group(*_view(info))


def chat_table(chats: Iterable[Chat], width: int | None = None) -> Table:
    """Return a table with one line for each chat. *width*: as for `table`; the name has the room."""
    headings = fitting(
        width,
        ("Chat", "Type", "Name", "Assignee", "Created"),
        ("Chat", "Type", "Name", "Assignee"),
        ("Chat", "Name"),
    )
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        made.add_column(heading, no_wrap=heading not in {"Name", "Assignee"})
    for chat in chats:
        cells = {
            "Chat": Text(visible(chat.chat_id), "bold"),
            "Type": Text(visible(chat.chat_type or "")),
            "Name": one_line(chat.chat_name),
            "Assignee": one_line(chat.assigned_to),
            "Created": _day(chat.created_at),
        }
        made.add_row(*(cells[heading] for heading in headings))
    return made


def chat_view(chat: Chat) -> RenderableType:
    """Return a chat in full, without its messages."""
    facts = facts_grid(
        ("Type", chat.chat_type),
        ("ID", chat.chat_id),
        ("Our phone", chat.org_phone),
        ("Assigned to", chat.assigned_to),
        ("Labels", ", ".join(chat.labels)),
        *_properties(chat.custom_properties),
        ("Unread", chat.message_unread_count),
        ("Members", _members(chat.members)),
        ("Description", chat.group_description),
        ("Invite link", chat.invite_link),
        ("For admins only", ", ".join(_of_admins(chat))),
        ("Left", "yes" if chat.is_exited else None),
    )
    return Group(Text(visible(chat.chat_name or chat.chat_id), "bold"), facts)


def _properties(properties: Any) -> Iterator[tuple[str, Any]]:
    """The custom properties of a chat, of which the service says only that they are JSON."""
    if isinstance(properties, Mapping):
        yield from cast("Mapping[str, Any]", properties).items()
    else:
        yield "Properties", properties


def _of_admins(chat: Chat) -> Iterator[str]:
    """What only the admins of a group do, as far as the service says."""
    if chat.add_members_admins_only:
        yield "adding members"
    if chat.info_admins_only:
        yield "editing its name, picture and description"
    if chat.messages_admins_only:
        yield "sending"


def participants_table(results: Mapping[str, ParticipantResult]) -> Table:
    """Return a table with one line for what became of each participant."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for contact_id, result in results.items():
        mark = Text("done", "green") if result.is_success else Text("failed", "bold red")
        made.add_row(Text(visible(contact_id), "bold"), mark, one_line(result.message))
    return made


def _view(info: TicketInfo) -> Iterator[RenderableType]:
    ticket = info.ticket
    yield Rule(Text(f"{visible(ticket.ticket_id)} ", "bold"), align="left", style="dim")
    yield Text(visible(ticket.subject or "(no subject)"), "bold")
    yield Text.assemble((" · ", "dim")).join(
        part
        for part in (
            _status(ticket.status),
            _priority(ticket.priority, " priority"),
            Text(visible(ticket.assignee or "not assigned")),
        )
        if part
    )
    yield facts_grid(
        ("Created", local_time(ticket.created_at)),
        ("Due", local_time(ticket.due_date)),
        ("Raised by", ticket.raised_by),
        ("Assigned by", ticket.assigned_by),
        ("Labels", ", ".join(ticket.ticket_labels)),
        *ticket.ticket_custom_properties.items(),
        ("Closed", local_time(ticket.closed_at)),
        ("Closed by", ticket.closed_by),
        ("Closing note", ticket.closed_message),
        ("Deleted", "yes" if ticket.is_deleted else None),
    )
    if info.chat is not None:
        yield from _chat(info.chat)
    if info.message is not None:
        yield from _message("Message", info.message)
    for message in info.attached_messages:
        yield from _message("Attached", message)


def _chat(chat: ChatInfo) -> Iterator[RenderableType]:
    yield _heading("Chat", chat.chat_name or chat.chat_id)
    yield facts_grid(
        ("Type", chat.chat_type),
        ("ID", chat.chat_id),
        ("Our phone", chat.org_phone),
        ("Labels", ", ".join(chat.chat_labels)),
        ("Members", _members(chat.members)),
        ("Description", chat.group_description),
        ("Invite link", chat.invite_link),
        *chat.custom_properties.items(),
    )


def _message(heading: str, message: MessageInfo) -> Iterator[RenderableType]:
    yield _heading(heading, message.sender_name or message.sender_phone, local_time(message.timestamp))
    if message.body:
        yield Padding(Text(visible(message.body)), (0, 0, 0, 2))
    yield facts_grid(("Media", message.media_path), ("Sent by", message.performed_by))


def _heading(*parts: str | None) -> Text:
    first, *rest = (visible(part) for part in parts if part)
    return Text.assemble("\n", (first, "bold"), *((f" · {part}", "dim") for part in rest))


def facts_grid(*facts: tuple[str, Any]) -> RenderableType:
    """A line for each fact that is known: names in one column, values in another."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in facts:
        if value is not None and value != "":
            grid.add_row(Text(visible(name)), Text(visible(str(value))))
    return Padding(grid, (0, 0, 0, 2)) if grid.row_count else Group()


def _members(members: Mapping[str, ChatMember]) -> str:
    named = [_member(member) for member in list(members.values())[:_NAMED]]
    more = len(members) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _member(member: ChatMember) -> str:
    marks = [mark for mark, is_so in (("ours", member.is_internal), ("admin", member.is_admin)) if is_so]
    name = member.contact_name or member.contact_id
    return f"{name} ({', '.join(marks)})" if marks else name


def _status(status: str | None) -> Text:
    return Text(visible(status), _STATUS.get(status, "")) if status else Text()


def _priority(priority: TicketPriority | None, unit: str = "") -> Text:
    if priority is None:
        return Text()
    name = priority.name.lower() if priority.is_known else str(int(priority))
    return Text(f"{name}{unit}", _PRIORITY.get(priority, ""))


def one_line(text: str | None) -> Text:
    """Text that is cut, never wrapped, where a column is narrow."""
    return Text(" ".join(visible(text or "").split()), no_wrap=True, overflow="ellipsis")


def _day(moment: datetime | None) -> Text:
    return Text("" if moment is None else f"{moment.astimezone():%Y-%m-%d}")


def local_time(moment: datetime | None) -> str | None:
    """A moment in the reader's own time zone."""
    return None if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M %Z}"
