"""Messages and the queue as a person wants to read them. Knows no client and no options."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from periskope_async.cli.render import facts_grid, fitting, local_time, one_line
from periskope_async.cli.text import visible
from periskope_async.models import BroadcastStatus, Message, PurgeResult, QueueJob, QueueStatus

__all__ = ["broadcast_view", "job_table", "message_table", "message_view", "purge_view", "queue_view"]


def message_table(messages: Iterable[Message], width: int | None = None) -> Table:
    """Return a table with one line for each message.

    *width*: columns of the terminal, None for no limit. An id takes most of a terminal, so it is left out there.
    """
    everything = ("Sent", "Chat", "From", "Text")
    headings = (*everything, "ID") if width is None else fitting(width, everything, everything, ("From", "Text"))
    made = _table(headings)
    for message in messages:
        cells = {
            "Sent": Text(local_time(message.timestamp) or ""),
            "Chat": Text(visible(message.chat_id or "")),
            "From": one_line(_sender(message)),
            "Text": one_line(_content(message)),
            "ID": Text(visible(message.message_id)),
        }
        made.add_row(*(cells[heading] for heading in headings))
    return made


def message_view(message: Message) -> RenderableType:
    """Return a message in full."""
    media, poll = message.media, message.poll_info
    facts = facts_grid(
        ("ID", message.message_id),
        ("Chat", message.chat_id),
        ("Sent", local_time(message.timestamp)),
        ("Sent by", message.performed_by),
        ("Type", message.message_type),
        ("File", media and (media.filename or media.path)),
        ("Poll", poll and poll.name),
        ("Options", poll and ", ".join(poll.options)),
        ("Reply to", message.quoted_message_id),
        ("Acknowledged", message.ack),
        ("Reactions", " ".join(reaction.reaction or "" for reaction in message.reactions)),
        ("Ticket", message.message_ticket_id),
        ("Deleted", "yes" if message.is_deleted else None),
    )
    body = Padding(Text(visible(message.body or "")), (0, 0, 0, 2)) if message.body else Group()
    return Group(Text(visible(_sender(message)), "bold"), body, facts)


def queue_view(status: QueueStatus) -> RenderableType:
    """Return the state of a queue."""
    return facts_grid(
        ("Waiting", status.pending),
        ("Being sent", status.active),
        ("Sent", status.completed),
        ("Failed", status.failed),
        ("Running", None if status.is_running is None else "yes" if status.is_running else "no"),
    )


def job_table(jobs: Iterable[QueueJob], width: int | None = None) -> Table:
    """Return a table with one line for each message in a queue.

    *width*: columns of the terminal, None for no limit. The id, which `queue purge` takes, is never cut.
    """
    everything = ("Queue ID", "Status", "Chat", "Queued", "Sent", "Text")
    headings = fitting(width, everything, ("Queue ID", "Status", "Text"), ("Queue ID", "Status"))
    made = _table(headings)
    for job in jobs:
        cells = {
            "Queue ID": Text(visible(job.queue_id), "bold", overflow="fold"),
            "Status": Text(visible(job.status or "")),
            "Chat": Text(visible(job.recipient or "")),
            "Queued": Text(local_time(job.queued_at) or ""),
            "Sent": Text(local_time(job.finished_at) or ""),
            "Text": one_line(job.body),
        }
        made.add_row(*(cells[heading] for heading in headings))
    return made


def broadcast_view(status: BroadcastStatus) -> RenderableType:
    """Return how far a broadcast is."""
    facts = facts_grid(
        ("Status", status.broadcast_status),
        ("Text", status.message_payload.get("body")),
        ("Created", local_time(status.created_at)),
        ("Scheduled", local_time(status.scheduled_at)),
        ("Performed", local_time(status.performed_at)),
        ("Performed by", status.performed_by),
        ("Chats", status.total_chats),
        ("Sent", status.sent_chats),
        ("Failed", status.failed_chats),
        ("Waiting", status.pending_chats),
        ("People", status.total_member_count),
        ("Delivered", status.total_delivered_count),
        ("Read", status.total_read_count),
    )
    return Group(Text(visible(status.broadcast_id), "bold"), facts)


def purge_view(result: PurgeResult) -> RenderableType:
    """Return what was taken out of a queue."""
    return facts_grid(
        ("Purged", None if result.purged is None else "yes" if result.purged else "no"),
        ("Selected", result.mode),
        *(("Queue ID", queue_id) for queue_id in result.queue_ids),
    )


def _table(headings: Iterable[str]) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        made.add_column(heading, no_wrap=heading not in {"Text", "From", "Queue ID"}, overflow="fold")
    return made


def _sender(message: Message) -> str:
    return message.sender_phone or message.author or message.from_ or message.message_id


def _content(message: Message) -> str:
    """What a message says in one line: of a file its name, of a poll its question."""
    said = message.body or ""
    if message.poll_info is not None:
        said = message.poll_info.name or said
    file = message.media and (message.media.filename or message.media.mimetype)
    return f"[{file}] {said}" if file else said
