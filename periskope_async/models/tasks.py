"""Tasks, and pages of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, ROWS
from periskope_async._codec.model import Model, sparse
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["Task", "TaskPage", "TaskPriority", "TaskStatus", "TaskType"]


class TaskType(OpenStrEnum):
    """What a task hangs on: nothing (`TODO`), a chat, a message or a ticket."""

    TODO = "todo"
    CHAT = "chat"
    MESSAGE = "message"
    TICKET = "ticket"


class TaskStatus(OpenStrEnum):
    """Where a task stands."""

    OPEN = "open"
    INPROGRESS = "inprogress"
    CLOSED = "closed"


class TaskPriority(OpenIntEnum):
    """How urgent a task is. 1 is the highest: the other way round than with tickets."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3


@frozen(kw_only=True, field_transformer=sparse)
class Task(Model):
    """Something to do, on its own or for a chat, a message or a ticket.

    Attributes:
        task_id: such as `task-…`.
        title: what is to do.
        type: todo, chat, message, ticket.
        status: open, inprogress, closed.
        priority: 1 (highest) to 3 (lowest).
        assignee: the e-mail address of who is to do it.
        created_by: the e-mail address of who made it, or `api`.
        last_updated_by: the e-mail address of who changed it last.
        created_at: when it was made.
        last_updated_at: when it last changed.
        due_date: when it is due.
        remind_at: when its assignee is reminded.
        notes: a longer text.
        chat_id: the chat it hangs on, also by a message of it.
        association: any JSON: what it hangs on, by `type`, `chat_id`, `message_id` and `ticket_id`.
        completed_metadata: any JSON: `completed_at` and `completed_by`.
    """

    task_id: str
    title: str | None = None
    type: TaskType | None = None
    status: TaskStatus | None = None
    priority: TaskPriority | None = None
    assignee: str | None = None
    created_by: str | None = None
    last_updated_by: str | None = None
    created_at: datetime | None = None
    last_updated_at: datetime | None = None
    due_date: datetime | None = None
    remind_at: datetime | None = None
    notes: str | None = None
    chat_id: str | None = None
    association: Mapping[str, Any] = EMPTY_MAPPING
    completed_metadata: Mapping[str, Any] = EMPTY_MAPPING


@frozen(kw_only=True, field_transformer=rows_first)
class TaskPage(Page[Task]):
    """One page of the list of tasks.

    Attributes:
        tasks: its rows, in the order of the service, which is not documented.
    """

    tasks: tuple[Task, ...] = field(default=(), metadata=ROWS, repr=show_count)
