"""`periskope groups ...`: asks the client and prints what it gives. Knows no options, and asks nobody."""

from collections.abc import Mapping, Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from periskope_async.cli.commands.chats import show
from periskope_async.cli.outcome import Exit
from periskope_async.cli.render import participants_table
from periskope_async.cli.running import display, run, waiting
from periskope_async.cli.text import JSON, write, write_json
from periskope_async.models import Chat, GroupInvite, ParticipantResult

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["change", "create", "invite", "join", "leave", "update"]


def create(
    connect: "Connect", group_name: str, participants: Sequence[str], options: Mapping[str, Any], output: str
) -> int:
    """Make a group and print it."""

    async def send() -> Chat:
        async with connect() as client:
            return await client.groups.create(group_name, participants, **options)

    with waiting("Creating"):
        chat = run(send)
    show(chat, output)
    return 0


def update(connect: "Connect", chat_id: str, changes: Mapping[str, Any], output: str) -> int:
    """Change the settings of a group and print it."""

    async def send() -> Chat:
        async with connect() as client:
            return await client.groups.update(chat_id, **changes)

    with waiting("Updating"):
        chat = run(send)
    show(chat, output)
    return 0


def change(connect: "Connect", verb: str, chat_id: str, participants: Sequence[str], output: str) -> int:
    """Add, remove, promote or demote people, and print what became of each; fail if any of it failed."""
    call = methodcaller(f"{verb}_participants", chat_id, participants)

    async def send() -> Mapping[str, ParticipantResult]:
        async with connect() as client:
            results: Mapping[str, ParticipantResult] = await call(client.groups)
            return results

    with waiting("Changing"):
        results = run(send)
    if output in JSON:
        write_json({contact_id: result.to_dict() for contact_id, result in results.items()}, output)
    else:
        display(participants_table(results))
    return Exit.OK if all(result.is_success for result in results.values()) else Exit.SOME_FAILED


def leave(connect: "Connect", chat_id: str) -> int:
    """Leave a group, and print nothing."""

    async def send() -> None:
        async with connect() as client:
            await client.groups.leave(chat_id)

    with waiting("Leaving"):
        run(send)
    return 0


def invite(connect: "Connect", chat_id: str) -> int:
    """Make a new link into a group and print it."""

    async def send() -> GroupInvite:
        async with connect() as client:
            return await client.groups.refresh_invite(chat_id)

    with waiting("Asking for a link"):
        link = run(send).invite_link
    write(f"{link or ''}\n".encode())
    return 0


def join(connect: "Connect", invite_code: str, output: str) -> int:
    """Join a group and print it."""

    async def send() -> Chat:
        async with connect() as client:
            return await client.groups.accept_invite(invite_code)

    with waiting("Joining"):
        chat = run(send)
    show(chat, output)
    return 0
