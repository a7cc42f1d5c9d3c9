"""`periskope scheduled-messages ...`: asks the client and prints what it gives. Knows no options, and asks nobody."""

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, Final

from periskope_async.cli.commands import reading
from periskope_async.cli.commands.composing import as_media
from periskope_async.cli.render_planning import occurrence_table, scheduled_table, scheduled_view
from periskope_async.cli.running import ask
from periskope_async.models import ScheduledMessage, ScheduledMessageOccurrence

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["create", "delete", "get", "list_", "runs", "update"]

_MESSAGES: Final = reading.Shown("scheduled_messages", ScheduledMessage, scheduled_table, scheduled_view)
_RUNS: Final = reading.Shown(
    "occurrences", ScheduledMessageOccurrence, occurrence_table, lambda run: occurrence_table([run])
)


def list_(connect: "Connect", limit: int | None, output: str) -> int:
    """Print scheduled messages: the first *limit*, or all."""

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[ScheduledMessage, None]:
        return client.scheduled_messages.list(limit=most)

    return reading.list_(connect, _MESSAGES, limit, walk, output)


def runs(connect: "Connect", scheduled_id: str, limit: int | None, output: str) -> int:
    """Print the runs of a scheduled message: the newest *limit*, or all."""

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[ScheduledMessageOccurrence, None]:
        return client.scheduled_messages.list_occurrences(scheduled_id, limit=most)

    return reading.list_(connect, _RUNS, limit, walk, output)


def get(connect: "Connect", scheduled_id: str, output: str) -> int:
    """Print a scheduled message."""
    return _print(ask(connect, "Fetching", lambda client: client.scheduled_messages.get(scheduled_id)), output)


def create(connect: "Connect", chat_id: str, scheduled_at: str, plan: Mapping[str, Any], output: str) -> int:
    """Have a message sent later, and print it."""
    fields = _with_file(plan)
    made = ask(connect, "Scheduling", lambda client: client.scheduled_messages.create(chat_id, scheduled_at, **fields))
    return _print(made, output)


def update(connect: "Connect", scheduled_id: str, changes: Mapping[str, Any], output: str) -> int:
    """Change a scheduled message, and print it."""
    fields = _with_file(changes)
    changed = ask(connect, "Updating", lambda client: client.scheduled_messages.update(scheduled_id, **fields))
    return _print(changed, output)


def delete(connect: "Connect", scheduled_id: str) -> int:
    """Delete a scheduled message, and print nothing."""
    ask(connect, "Deleting", lambda client: client.scheduled_messages.delete(scheduled_id))
    return 0


def _with_file(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**fields, "media": as_media(fields["media"])} if "media" in fields else dict(fields)


def _print(message: ScheduledMessage, output: str) -> int:
    reading.show(_MESSAGES, [message], output, one=True)
    return 0
