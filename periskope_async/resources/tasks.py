"""The tasks of the account."""

from collections.abc import AsyncGenerator, Mapping
from operator import attrgetter
from typing import Final, Literal

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.paging import walk
from periskope_async._sansio.arguments import Moment, as_moment, as_one_of, as_rows, as_text, as_texts_by_name
from periskope_async._sansio.operation import Operation, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.tasks import Task, TaskPage, TaskPriority, TaskStatus, TaskType

__all__ = ["Tasks"]

# No `str`, with which a checker would find no misspelling; as for tickets.
Type = TaskType | Literal["todo", "chat", "message", "ticket"]
Status = TaskStatus | Literal["open", "inprogress", "closed"]
Priority = TaskPriority | Literal[1, 2, 3, "high", "medium", "low"]

_LEVELS: Final = {level.name.lower(): level for level in TaskPriority}

#: The longest title that the service takes, characters.
MAX_TITLE: Final = 500

CREATE = Operation("tasks.create", "POST", "/tasks/create", Task, idempotent=False)
LIST = Operation("tasks.list", "GET", "/tasks", TaskPage, idempotent=True, mismatch=no_page("tasks"))


class Tasks:
    """The tasks of the account. Reached as `client.tasks`.

    These operations are documented on two pages and in no published type of the vendor's.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(Task)
        self._caller = caller

    async def create(  # noqa: PLR0913  # as many as a task has fields
        self,
        title: str,
        *,
        type: Type | Unset = UNSET,  # noqa: A002  # the API's word
        association: Mapping[str, str] | Unset = UNSET,
        status: Status | Unset = UNSET,
        priority: Priority | Unset = UNSET,
        assignee: str | Unset = UNSET,
        due_date: Moment | Unset = UNSET,
        remind_at: Moment | Unset = UNSET,
        notes: str | Unset = UNSET,
        created_by: str | Unset = UNSET,
    ) -> Task:
        """Make a task and return it.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        the task exists: look before you repeat it.

        API: `POST /tasks/create`; documented by its page only.

        Args:
            title: what is to do, at most 500 characters.
            type: todo, chat, message or ticket; the service's default is todo.
            association: what it hangs on: `{"chat_id": …}`, `{"message_id": …, "chat_id": …}` or `{"ticket_id": …}`.
                The first is documented; the others are read off what the service answers.
            status: open, inprogress, closed.
            priority: high, medium or low, also as 1 (highest) to 3.
            assignee: the e-mail address of a user of the account.
            due_date: a date, a datetime (without an offset it is taken for UTC), or text the service can read.
            remind_at: likewise.
            notes: a longer text.
            created_by: the e-mail address of a user of the account.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            ValidationError: the service refused a value; `fields` says which.
            PeriskopeError: as for `Tickets.create`.
        """
        named = as_text("title", title)
        if isinstance(named, Unset) or len(named) > MAX_TITLE:
            raise ConfigurationError(f"title: expected at most {MAX_TITLE} characters of text")
        fields = {
            "title": named,
            "type": as_one_of("type", type, TaskType),
            "association": as_texts_by_name("association", association),
            "status": as_one_of("status", status, TaskStatus),
            "priority": _level(priority),
            "assignee": as_text("assignee", assignee),
            "due_date": as_moment("due_date", due_date),
            "remind_at": as_moment("remind_at", remind_at),
            "notes": as_text("notes", notes),
            "created_by": as_text("created_by", created_by),
        }
        return await self._caller.call(CREATE.request(body=fields))

    def list(self, *, page_size: int = 50, limit: int | None = None) -> AsyncGenerator[Task, None]:
        """Walk all tasks, each once, even while others come and go; as `Tickets.list`.

        Args:
            page_size: rows asked for at a time. How many the service allows is not documented; its page shows 50.
            limit: rows to yield at most; None for all.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `Tickets.get`; rows already read stay read.
        """
        return walk(self.list_page, attrgetter("task_id"), page_size=page_size, limit=limit)

    async def list_page(self, *, offset: int = 0, limit: int = 50) -> TaskPage:
        """Return one page of the tasks.

        API: `GET /tasks`; documented by its page only.

        Args:
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's maximum is not documented.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(LIST.request(query=as_rows(offset, limit)))


def _level(value: object) -> int | Unset:
    if isinstance(value, Unset):
        return value
    level = _LEVELS.get(value.strip().lower()) if isinstance(value, str) else value
    if isinstance(level, bool) or not isinstance(level, int) or level not in range(1, 4):
        raise ConfigurationError(f"priority: expected high, medium or low, also as 1 to 3, got {value!r}")
    return int(level)
