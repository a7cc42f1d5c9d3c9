"""`periskope members invite | delete`: asks the client and prints. Knows no options, and asks nobody."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from periskope_async.cli.outcome import Exit
from periskope_async.cli.render_directory import invite_table
from periskope_async.cli.running import display, run, waiting
from periskope_async.cli.text import JSON, write_json
from periskope_async.models import InviteResult

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["delete", "invite"]


def invite(connect: "Connect", emails: Sequence[str], values: Mapping[str, Any], output: str) -> int:
    """Invite people, and print what became of each; fail if any of it failed."""

    async def send() -> InviteResult:
        async with connect() as client:
            return await client.members.invite(emails, **values)

    with waiting("Inviting"):
        result = run(send)
    if output in JSON:
        write_json(result.to_dict(), output)
    else:
        display(invite_table(result), wide=True)
    return Exit.SOME_FAILED if result.errors else Exit.OK


def delete(connect: "Connect", email: str) -> int:
    """Take a person out, and print nothing."""

    async def send() -> None:
        async with connect() as client:
            await client.members.delete(email)

    with waiting("Deleting"):
        run(send)
    return 0
