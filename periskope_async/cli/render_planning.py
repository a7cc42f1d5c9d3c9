"""Tasks, scheduled messages and audit logs as a person wants to read them. Knows no client and no options."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from periskope_async.cli.render import facts_grid, fitting, local_time
from periskope_async.cli.render_directory import plain_table
from periskope_async.cli.text import visible
from periskope_async.models import AuditLog, ScheduledMessage, ScheduledMessageOccurrence, Task

__all__ = [
    "log_table",
    "log_view",
    "occurrence_table",
    "scheduled_table",
    "scheduled_view",
    "task_table",
    "task_view",
]


def task_table(tasks: Iterable[Task], width: int | None = None) -> Table:
    """Return a table with one line for each task. *width*: columns of the terminal, None for no limit."""
    headings = fitting(
        width,
        ("Task", "Status", "Priority", "Due", "Assignee", "Title"),
        ("Task", "Status", "Due", "Title"),
        ("Task", "Title"),
    )
    rows = (
        {
            "Task": each.task_id,
            "Status": each.status,
            "Priority": _priority(each),
            "Due": local_time(each.due_date),
            "Assignee": each.assignee,
            "Title": each.title,
        }
        for each in tasks
    )
    return _columns(headings, rows)


def task_view(task: Task) -> RenderableType:
    """Return a task in full."""
    about = (each for each in task.association.items() if each[0].endswith("_id"))
    facts = facts_grid(
        ("ID", task.task_id),
        ("Status", task.status),
        ("Priority", _priority(task)),
        ("Assignee", task.assignee),
        ("Due", local_time(task.due_date)),
        ("Reminder", local_time(task.remind_at)),
        ("About", ", ".join(f"{name.removesuffix('_id')} {value}" for name, value in about)),
        ("Created", local_time(task.created_at)),
        ("Created by", task.created_by),
        ("Notes", task.notes),
    )
    return Group(Text(visible(task.title or task.task_id), "bold"), facts)


def scheduled_table(messages: Iterable[ScheduledMessage], width: int | None = None) -> Table:
    """Return a table with one line for each scheduled message. *width*: as for `task_table`."""
    headings = fitting(
        width,
        ("Message", "Status", "Next", "Repeated", "Chat", "Text"),
        ("Message", "Next", "Text"),
        ("Message", "Text"),
    )
    rows = (
        {
            "Message": each.scheduled_id,
            "Status": each.status,
            "Next": local_time(each.scheduled_at),
            "Repeated": _repeat(each),
            "Chat": each.chat_id,
            "Text": _text(each),
        }
        for each in messages
    )
    return _columns(headings, rows)


def scheduled_view(message: ScheduledMessage) -> RenderableType:
    """Return a scheduled message in full."""
    config = message.repeat_config
    facts = facts_grid(
        ("ID", message.scheduled_id),
        ("Chat", message.chat_id),
        ("Our phone", message.org_phone),
        ("Status", message.status),
        ("Next", local_time(message.scheduled_at)),
        ("Next is left out", "yes" if message.skip_next else None),
        ("Repeated", _repeat(message)),
        ("On", ", ".join(map(str, config.get("repeat_days") or ()))),
        ("Ends", config.get("repeat_ends")),
        ("Time zone", config.get("timezone")),
        ("File", _media(message).get("filename")),
        ("Created", local_time(message.created_at)),
        ("Created by", message.performed_by),
    )
    return Group(Text(visible(_text(message)), "bold"), facts)


def occurrence_table(runs: Iterable[ScheduledMessageOccurrence], width: int | None = None) -> Table:
    """Return a table with one line for each run."""
    del width
    words = {True: "sent", False: "not sent", None: "not known"}
    rows = (
        (local_time(each.created_at), words[each.is_success], each.message_id or each.sent_message_id, each.remarks)
        for each in runs
    )
    return plain_table(("Run", "", "Message", "Remarks"), rows)


def log_table(logs: Iterable[AuditLog], width: int | None = None) -> Table:
    """Return a table with one line for each change, and what it changed."""
    del width
    rows = ((local_time(each.timestamp), each.action, each.performed_by, _change(each)) for each in logs)
    return plain_table(("When", "Action", "By", "What"), rows)


def log_view(log: AuditLog) -> RenderableType:
    """Return a change as a line."""
    return log_table([log])


def _columns(headings: Sequence[str], rows: Iterable[Mapping[str, str | None]]) -> Table:
    return plain_table(headings, ([row[heading] for heading in headings] for row in rows))


def _change(log: AuditLog) -> str:
    """Say which values were others before. Of a record that was cut, or is not there, the rest says nothing."""
    before, after = log.old_record, log.new_record
    return ", ".join(f"{name}: {before.get(name)} > {after[name]}" for name in after if before.get(name) != after[name])


def _priority(task: Task) -> str | None:
    if task.priority is None:
        return None
    return task.priority.name.lower() if task.priority.is_known else str(int(task.priority))


def _repeat(message: ScheduledMessage) -> str | None:
    """Say how often a message is sent, as far as the service says."""
    if not message.is_repeat:
        return None
    config = message.repeat_config
    interval, count = config.get("repeat_interval") or "?", config.get("repeat_value") or 1
    return f"every {interval}" if count == 1 else f"every {count} {interval}s"


def _text(message: ScheduledMessage) -> str:
    """Return what is said, or what the file is called."""
    return str(message.message_payload.get("message") or _media(message).get("filename") or "")


def _media(message: ScheduledMessage) -> Mapping[str, Any]:
    media = message.message_payload.get("media")
    return cast("Mapping[str, Any]", media) if isinstance(media, Mapping) else {}
