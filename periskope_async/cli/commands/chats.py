"""`periskope chats get | list | update`: asks the client and prints what it gives. Knows no options."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from periskope_async import BulkResult
from periskope_async.cli.render import chat_table, chat_view
from periskope_async.cli.running import account, display, run, waiting
from periskope_async.cli.text import to_json, write
from periskope_async.models import Chat

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["get", "list_", "show", "update"]

#: The longest page that the service sends, in rows.
_PAGE = 2000


def get(connect: "Connect", chat_ids: Sequence[str], output: str) -> int:
    """Print chats on standard output, and why any did not come on standard error."""

    async def fetch() -> BulkResult[Chat]:
        async with connect() as client:
            if len(chat_ids) == 1:  # whoever waits for one chat shall not wait through an outage, as bulk runs do
                return BulkResult({chat_ids[0]: await client.chats.get(chat_ids[0])})
            return await client.chats.get_many(chat_ids)

    with waiting("Fetching"):
        found = run(fetch)
    _print(list(found.fetched.values()), output, one=len(chat_ids) == 1)
    return account(found, "chats")


def list_(connect: "Connect", limit: int | None, filters: Mapping[str, str], output: str) -> int:
    """Print rows of the list of chats: the first *limit*, or all."""
    size = min(limit or _PAGE, _PAGE)

    async def collect() -> list[Chat]:
        async with connect() as client, aclosing(client.chats.list(page_size=size, limit=limit, **filters)) as walk:
            return [chat async for chat in walk]

    with waiting("Listing"):
        chats = run(collect)
    _print(chats, output)
    return 0


def update(connect: "Connect", chat_id: str, changes: Mapping[str, Any], output: str) -> int:
    """Change a chat and print it."""

    async def send() -> Chat:
        async with connect() as client:
            return await client.chats.update(chat_id, **changes)

    with waiting("Updating"):
        chat = run(send)
    show(chat, output)
    return 0


def show(chat: Chat, output: str) -> None:
    """Print one chat: as `json`, or to be read."""
    _print([chat], output, one=True)


def _print(chats: Sequence[Chat], output: str, *, one: bool = False) -> None:
    match output:
        case "table":
            display(chat_table(chats), wide=True)
        case "json":
            rows = [chat.to_dict() for chat in chats]
            write(to_json(rows[0] if one else rows, indent=2))
        case "jsonl":
            for chat in chats:
                write(to_json(chat.to_dict()))
        case _:
            for chat in chats:
                display(chat_view(chat))
