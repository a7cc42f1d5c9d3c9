"""`periskope chats get | list | update | ai-settings`: asks the client and prints what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from periskope_async.cli.commands import reading
from periskope_async.cli.render import chat_table, chat_view, facts_grid
from periskope_async.cli.running import ask, display, run, waiting
from periskope_async.cli.text import JSON, write_json
from periskope_async.models import Chat

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["get", "list_", "show", "update", "update_ai_settings"]

_CHATS: Final = reading.Shown("chats", Chat, chat_table, chat_view)


def get(connect: "Connect", chat_ids: Sequence[str], output: str) -> int:
    """Print chats on standard output, and why any did not come on standard error."""
    return reading.get(connect, _CHATS, chat_ids, output)


def list_(connect: "Connect", limit: int | None, filters: Mapping[str, str], output: str) -> int:
    """Print rows of the list of chats: the first *limit*, or all."""

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[Chat, None]:
        return client.chats.list(page_size=min(most or reading.PAGE, reading.PAGE), limit=most, **filters)

    return reading.list_(connect, _CHATS, limit, walk, output)


def update(connect: "Connect", chat_id: str, changes: Mapping[str, Any], output: str) -> int:
    """Change a chat and print it."""

    async def send() -> Chat:
        async with connect() as client:
            return await client.chats.update(chat_id, **changes)

    with waiting("Updating"):
        chat = run(send)
    show(chat, output)
    return 0


def update_ai_settings(connect: "Connect", chat_id: str, changes: Mapping[str, bool], output: str) -> int:
    """Say what the AI may do in a chat, and print what it then may."""
    settings = ask(connect, "Updating", lambda client: client.chats.update_ai_settings(chat_id, **changes))
    if output in JSON:
        write_json(settings.to_dict(), output)
    else:
        words = {True: "yes", False: "no", None: None}
        display(
            facts_grid(
                ("Chat", settings.chat_id),
                ("Agent may answer", words[settings.is_agent_allowed]),
                ("Messages may be flagged", words[settings.is_flagging_allowed]),
            )
        )
    return 0


def show(chat: Chat, output: str) -> None:
    """Print one chat: as `json`, or to be read."""
    reading.show(_CHATS, [chat], output, one=True)
