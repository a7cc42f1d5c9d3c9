"""`periskope messages get | list | export`: asks the client and prints what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Mapping, Sequence
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

__all__ = ["export", "get", "list_"]

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_MESSAGES: Final = reading.Shown("messages", Message, message_table, message_view)


def get(connect: "Connect", message_ids: Sequence[str], output: str) -> int:
    """Print messages on standard output, and why any did not come on standard error."""
    return reading.get(connect, _MESSAGES, message_ids, output)


def list_(connect: "Connect", limit: int | None, chosen: Mapping[str, Any], output: str) -> int:
    """Print messages: the first *limit*, or all, of those *chosen* by chat, first and last moment, and their order."""
    return reading.list_(connect, _MESSAGES, limit, lambda client, most: _walk(client, most, **chosen), output)


def export(
    connect: "Connect", chats: Sequence[str], start_time: str | None, end_time: str | None, **options: Any
) -> int:
    """Save the messages of these *chats*, or of all if there are none, and return the exit code."""
    wanted: Sequence[str | None] = chats or [None]
    walks = [partial(_walk, chat=chat, start_time=start_time, end_time=end_time) for chat in wanted]
    return sources.export_messages(connect, walks, **options)


def _walk(
    client: "PeriskopeClient",
    most: int | None = None,
    *,
    chat: str | None,
    start_time: str | None,
    end_time: str | None,
    oldest_first: bool = False,
) -> AsyncGenerator[Message, None]:
    """Walk the messages of a chat, or of all, that were sent between two moments; *most* at most."""
    times = {"start_time": start_time, "end_time": end_time}
    query: dict[str, Any] = {name: as_datetime(name, value) for name, value in times.items() if value is not None}
    size = min(most or reading.PAGE, reading.PAGE)
    rows = partial(client.messages.list, oldest_first=oldest_first)
    if chat is None:
        return rows(page_size=size, limit=most, **query)
    if not query:
        return rows(chat_id=chat, page_size=size, limit=most)
    return _between(rows(chat_id=chat), most, oldest_first=oldest_first, **query)  # of a chat, the API takes no times


async def _between(
    rows: AsyncGenerator[Message, None],
    most: int | None,
    *,
    oldest_first: bool,
    start_time: datetime = _EARLIEST,
    end_time: datetime = _LATEST,
) -> AsyncGenerator[Message, None]:
    """Pick out what was sent between two moments. Messages come in order, so the walk ends at the first beyond them."""
    found = 0
    async with aclosing(rows):
        async for message in rows:
            sent = message.timestamp
            if found == most or (sent is not None and (sent > end_time if oldest_first else sent < start_time)):
                return
            if sent is not None and start_time <= sent <= end_time:
                yield message
                found += 1
