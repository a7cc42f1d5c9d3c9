"""`periskope messages get | list | export`: asks the client and prints what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from periskope_async._sansio.arguments import as_datetime
from periskope_async.cli.commands import reading, sources
from periskope_async.cli.render_messages import message_table, message_view
from periskope_async.models import Message

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["export", "export_changed", "get", "list_"]

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_MESSAGES: Final = reading.Shown("messages", Message, message_table, message_view)


def get(connect: "Connect", message_ids: Sequence[str], output: str) -> int:
    """Print messages on standard output, and why any did not come on standard error."""
    return reading.get(connect, _MESSAGES, message_ids, output)


def list_(connect: "Connect", limit: int | None, chosen: tuple[str | None, str | None, str | None], output: str) -> int:
    """Print messages: the first *limit*, or all, of those *chosen* by chat, first and last moment."""
    return reading.list_(connect, _MESSAGES, limit, partial(_walk, *chosen), output)


def export(connect: "Connect", chats: Sequence[str], since: str | None, until: str | None, **options: Any) -> int:
    """Save the messages of these *chats*, or of all if there are none, and return the exit code."""
    wanted: Sequence[str | None] = chats or [None]
    return sources.export_messages(connect, [partial(_walk, chat, since, until) for chat in wanted], **options)


def export_changed(connect: "Connect", since: str | None, state: str, **options: Any) -> int:
    """Save the messages that changed since a state, those sent from *since* on, and return the exit code."""
    query = {} if since is None else {"start_time": as_datetime("since", since)}
    return sources.export_changed_messages(connect, state, query=query, **options)


def _walk(
    chat: str | None, since: str | None, until: str | None, client: "PeriskopeClient", most: int | None = None
) -> AsyncGenerator[Message, None]:
    """Walk the messages of a chat, or of all, that were sent from *since* to *until*; *most* at most."""
    times = {"start_time": since, "end_time": until}
    query: dict[str, Any] = {name: as_datetime(name, value) for name, value in times.items() if value is not None}
    size = min(most or reading.PAGE, reading.PAGE)
    if chat is None:
        return client.messages.list(page_size=size, limit=most, **query)
    if not query:
        return client.messages.list(chat_id=chat, page_size=size, limit=most)
    return _between(client.messages.list(chat_id=chat), most, **query)  # of one chat, the API takes no times


async def _between(
    rows: AsyncGenerator[Message, None],
    most: int | None,
    *,
    start_time: datetime = _EARLIEST,
    end_time: datetime = _LATEST,
) -> AsyncGenerator[Message, None]:
    """Pick out what was sent between two moments. Messages come newest first, so the walk can end at the first."""
    found = 0
    async with aclosing(rows):
        async for message in rows:
            if message.timestamp is None or message.timestamp > end_time:
                continue
            if message.timestamp < start_time or found == most:
                return
            yield message
            found += 1
