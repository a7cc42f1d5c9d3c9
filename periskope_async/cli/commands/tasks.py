"""`periskope tasks list | create`: asks the client and prints what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, Final

from periskope_async.cli.commands import reading
from periskope_async.cli.render_planning import task_table, task_view
from periskope_async.cli.running import ask
from periskope_async.models import Task

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["create", "list_"]

_TASKS: Final = reading.Shown("tasks", Task, task_table, task_view)


def list_(connect: "Connect", limit: int | None, output: str) -> int:
    """Print tasks: the first *limit*, or all."""

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[Task, None]:
        return client.tasks.list(limit=most)

    return reading.list_(connect, _TASKS, limit, walk, output)


def create(connect: "Connect", title: str, fields: Mapping[str, Any], output: str) -> int:
    """Make a task and print it."""
    made = ask(connect, "Creating", lambda client: client.tasks.create(title, **fields))
    reading.show(_TASKS, [made], output, one=True)
    return 0
