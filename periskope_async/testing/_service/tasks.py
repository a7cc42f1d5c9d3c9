"""The operations on tasks. It must not know sockets, faults or rate limits."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import STAFF, SUBJECTS, lettered
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import DATE, TEXT, Body, Field, iso_date, object_of, one_of
from periskope_async.testing._service.made_up.conversations import moment
from periskope_async.testing._service.operations import PAGING, page
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["ROUTES", "TASKS", "tasks"]

#: The longest title, characters.
_MAX_TITLE: Final = 500
#: How many tasks there are from the start, rows.
_MADE: Final = 3


def _task_id(number: int) -> str:
    return f"task-{lettered(number, 16)}"


TASKS: Final = Resource(
    name="task",
    plural="tasks",
    id_key="task_id",
    text_key="title",
    example_id=_task_id(0),
    other_id=_task_id(10**15),
    unknown_values={"type": "hologram", "status": "levitating", "priority": 9},
    row_of=lambda task, _: task,
)


def tasks(state: State) -> Objects:
    """The tasks there are from the start."""

    def make() -> Mapping[str, Json]:
        made = [_new(_task_id(number), moment(number), {"title": SUBJECTS[number]}) for number in range(_MADE)]
        return {task["task_id"]: task for task in made}

    return Objects(TASKS, MadeOnce(TASKS, make), state.lock, state.timestamp)


def _new(task_id: str, timestamp: str, body: Json) -> Json:
    """A task with what *body* says of it. What the service assumes where it says nothing is not documented."""
    said: Json = body.get("association") or {}
    association: Json = {key: value for key, value in said.items() if value}
    if association.get("chat_id"):
        association["chat_id"] = full_id(association["chat_id"])
    status = body.get("status") or "open"
    author = body.get("created_by") or STAFF[0]
    return {
        "task_id": task_id,
        "title": body["title"],
        "type": body.get("type") or "todo",
        "status": status,
        "priority": body.get("priority") or 2,
        "assignee": body.get("assignee") or None,
        "created_by": author,
        "last_updated_by": author,
        "created_at": timestamp,
        "last_updated_at": timestamp,
        "due_date": iso_date(body.get("due_date") or "") or None,
        "remind_at": iso_date(body.get("remind_at") or "") or None,
        "notes": body.get("notes") or None,
        "chat_id": association.get("chat_id"),
        "association": {"type": body.get("type") or "todo", **association} if association else None,
        "completed_metadata": {"completed_at": timestamp, "completed_by": author} if status == "closed" else None,
    }


def _create(call: Call) -> Answer:
    with call.state.lock:
        task = _new(_task_id(_MADE + len(call.objects.put_ids())), call.state.timestamp(), call.body)
        call.objects.put(task)
    return Answer(200, dumps(task))


def _is_title(value: Any, _: Assumptions) -> str:
    return "" if isinstance(value, str) and len(value) <= _MAX_TITLE else f"Expected at most {_MAX_TITLE} characters"


def _is_priority(value: Any, _: Assumptions) -> str:
    return "" if type(value) is int and value in (1, 2, 3) else "Expected 1, 2 or 3"  # not bool: True equals 1


_PRIORITY: Final = Field({"enum": [1, 2, 3, None]}, _is_priority, empty=(None,))
_NEW_TASK: Final = Body(
    "NewTask",
    {
        "title": Field({"type": "string", "minLength": 1, "maxLength": _MAX_TITLE}, _is_title),
        "type": one_of("todo", "chat", "message", "ticket"),
        "association": object_of(dict.fromkeys(("chat_id", "message_id", "ticket_id"), TEXT)),
        "status": one_of("open", "inprogress", "closed"),
        "priority": _PRIORITY,
        "assignee": TEXT,
        "due_date": DATE,
        "remind_at": DATE,
        "notes": TEXT,
        "created_by": TEXT,
    },
    required=("title",),
)
_route: Final = partial(Route, resource=TASKS, result="Task")

ROUTES: Final = (
    _route("tasks.list", "getTasks", "GET", "/tasks", "Tasks, newest first", page, query=PAGING, page=True),
    _route("tasks.create", "createTask", "POST", "/tasks/create", "Make a task", _create, body=_NEW_TASK),
)
