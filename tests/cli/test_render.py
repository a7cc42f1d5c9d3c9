"""Tickets as text: what is shown of them, what is left out, and how strange ones are kept harmless."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from periskope_async.cli.render import chat_table, table, view
from periskope_async.cli.render_messages import job_table, message_table
from periskope_async.models import (
    Chat,
    ChatInfo,
    ChatMember,
    ChatType,
    Message,
    MessageInfo,
    QueueJob,
    Ticket,
    TicketInfo,
    TicketPriority,
    TicketRow,
    TicketStatus,
)

WHEN = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read tickets where the time is five and a half hours ahead of UTC."""
    monkeypatch.setenv("TZ", "IST-5:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def text_of(what: RenderableType, *, width: int = 80, colour: bool = False) -> str:
    """Return what a console of that *width* prints, without the spaces that fill up its lines."""
    out = StringIO()
    colours = "256" if colour else None
    Console(file=out, width=width, highlight=False, force_terminal=colour, color_system=colours).print(what)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (40, ["Ticket", "Status", "Subject"]),
        (80, ["Ticket", "Status", "Priority", "Subject", "Assignee"]),
        (120, ["Ticket", "Status", "Priority", "Subject", "Assignee", "Created"]),
        (None, ["Ticket", "Status", "Priority", "Subject", "Assignee", "Created"]),
    ],
)
def test_what_a_ticket_is_about_has_the_room(width: int | None, headings: list[str]) -> None:
    """However narrow the terminal, the subject is readable: other columns give way first."""
    subject = "The parcel came back again"
    row = TicketRow(ticket_id="BKT-0001", subject=subject, assignee="bartholomew.long@example.com", created_at=WHEN)
    heading, line = text_of(table([row], width), width=width or 200).splitlines()
    assert heading.split() == headings
    assert subject[:20] in line
    assert (subject in line) == (width != 40)
    assert "bartholomew" in line or width == 40


def test_a_full_ticket() -> None:
    """Everything a person would ask about a ticket is there, times in the reader's own zone."""
    info = TicketInfo(
        ticket=Ticket(
            ticket_id="BKT-7",
            status=TicketStatus.CLOSED,
            priority=TicketPriority.URGENT,
            subject="Parcel lost",
            raised_by="raj@example.com",
            assigned_by="mia@example.com",
            created_at=WHEN,
            due_date=WHEN,
            closed_at=WHEN,
            closed_by="lee@example.com",
            closed_message="found",
            ticket_labels=("billing", "vip"),
            ticket_custom_properties={"Order": 4711, "Empty": ""},
            is_deleted=True,
        ),
        chat=ChatInfo(
            chat_id="1@g.us",
            chat_name="Parcels",
            chat_type=ChatType.GROUP,
            group_description="all parcels",
            invite_link="https://example.com/i",
        ),
        message=MessageInfo(
            message_id="m", body="Where is it?", sender_phone="4917", timestamp=WHEN, media_path="a/b.jpg"
        ),
        attached_messages=(MessageInfo(message_id="n", sender_name="Mia", performed_by="mia@example.com"),),
    )
    assert text_of(view(info)).splitlines() == [
        "BKT-7  " + "─" * 73,
        "Parcel lost",
        "closed · urgent priority · not assigned",
        "  Created       2026-02-01 05:29 IST",
        "  Due           2026-02-01 05:29 IST",
        "  Raised by     raj@example.com",
        "  Assigned by   mia@example.com",
        "  Labels        billing, vip",
        "  Order         4711",
        "  Closed        2026-02-01 05:29 IST",
        "  Closed by     lee@example.com",
        "  Closing note  found",
        "  Deleted       yes",
        "",
        "Chat · Parcels",
        "  Type         group",
        "  ID           1@g.us",
        "  Description  all parcels",
        "  Invite link  https://example.com/i",
        "",
        "Message · 4917 · 2026-02-01 05:29 IST",
        "  Where is it?",
        "  Media  a/b.jpg",
        "",
        "Attached · Mia",
        "  Sent by  mia@example.com",
    ]


def test_a_bare_ticket() -> None:
    """A ticket of which only the id is known is shown without empty sections."""
    info = TicketInfo(ticket=Ticket(ticket_id="BKT-8"))
    assert text_of(view(info)).splitlines() == ["BKT-8  " + "─" * 73, "(no subject)", "not assigned"]


def test_a_large_group_is_counted() -> None:
    """Of a thousand members a few are named and the others counted, those without a name by their id."""
    members = {f"{n}@c.us": ChatMember(contact_id=f"{n}@c.us", is_admin=n == 0) for n in range(1_000)}
    shown = text_of(
        view(TicketInfo(ticket=Ticket(ticket_id="B"), chat=ChatInfo(chat_id="g", members=members))), width=200
    )
    assert "0@c.us (admin), 1@c.us, 2@c.us, 3@c.us, 4@c.us, 5@c.us and 994 more" in shown


def test_what_customers_write_cannot_move_the_cursor() -> None:
    """Escape sequences and rich's own markup arrive as text, wherever in a ticket they stand."""
    evil = "\x1b[2J[red]x[/red]"
    info = TicketInfo(
        ticket=Ticket(
            ticket_id=evil,
            status=TicketStatus(evil),
            subject=evil,
            assignee=evil,
            ticket_custom_properties={evil: evil},
        ),
        chat=ChatInfo(chat_id=evil, chat_name=evil, members={evil: ChatMember(contact_id=evil, contact_name=evil)}),
        message=MessageInfo(message_id=evil, body=evil, sender_name=evil),
    )
    for shown in (text_of(view(info), width=200), text_of(table([info.ticket]), width=200)):
        assert "\x1b" not in shown
        assert shown.count("�[2J[red]x[/red]") >= 4


def test_a_table_on_a_narrow_screen() -> None:
    """Only subject and assignee give way to the edge of the screen; each ticket stays on its line."""
    rows = [
        TicketRow(
            ticket_id="BKT-001",
            status=TicketStatus.INPROGRESS,
            priority=TicketPriority.HIGH,
            subject="A long subject\nthat goes on " * 5,
            assignee="somebody.with.a.long.name@example.com",
            created_at=WHEN,
        ),
        TicketRow(ticket_id="BKT-002"),
    ]
    heading, first, second = text_of(table(rows), width=70).splitlines()
    assert heading.split() == ["Ticket", "Status", "Priority", "Subject", "Assignee", "Created"]
    assert first.startswith("BKT-001  inprogress  high      A long")
    assert first.endswith("…  2026-02-01")
    assert second == "BKT-002"


def test_one_colour_has_one_meaning() -> None:
    """Status and priority are coloured alike in every view; what is not known yet is shown, uncoloured."""
    for status, priority in ((TicketStatus.OPEN, TicketPriority.URGENT), (TicketStatus("snoozed"), TicketPriority(9))):
        ticket = Ticket(ticket_id="B", status=status, priority=priority)
        for shown in (text_of(view(TicketInfo(ticket=ticket)), colour=True), text_of(table([ticket]), colour=True)):
            assert ("\x1b[36mopen" in shown) == (status == "open")
            assert ("\x1b[1;31murgent" in shown) == (priority == TicketPriority.URGENT)
            assert ("snoozed" in shown and "9" in shown) == (status == "snoozed")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_tables_of_conversations_keep_what_they_are_for(width: int) -> None:
    """However narrow the terminal, a chat has its name, a message its text, and a message in the queue its whole id."""
    chat = Chat(chat_id="120363000000000001@g.us", chat_name="Parcels North", created_at=WHEN)
    message = Message(message_id="m-1", chat_id="120363000000000001@g.us", body="Where is it?", sender_phone="Asha")
    queue_id = "00000000-0000-4000-8000-000000000001"
    assert "Parcels" in text_of(chat_table([chat], width), width=width)
    assert "Where is it" in text_of(message_table([message], width), width=width)
    shown = text_of(job_table([QueueJob(queue_id=queue_id, status="queued")], width), width=width)
    assert "".join(line[:40].split(" ")[0] for line in shown.splitlines()[1:]) == queue_id
    assert "queued" in shown
