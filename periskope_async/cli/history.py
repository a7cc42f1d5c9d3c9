"""The commands on what became of tickets and chats, and what the AI may do. Must import nothing slow, as `app`."""

from typing import TYPE_CHECKING

import click

from periskope_async.cli.options import all_of, hands_on_connect, how_many, output, writes

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["ai_settings", "chat_logs", "ticket_logs"]

_chosen = all_of(
    click.option("--by", "performed_by", metavar="EMAIL", help="Only what they did."),
    click.option("--action", metavar="WORD", help="Only what was done so, such as STATUS_CHANGED."),
    how_many("change"),
    output("table", "json", "csv"),
)


@click.command("audit-logs")
@click.argument("ticket_id", metavar="ID")
@_chosen
@hands_on_connect
def ticket_logs(connect: "Connect", *, ticket_id: str, limit: int | None, output: str, **filters: str | None) -> int:
    """List who changed what of a ticket, newest first."""
    from periskope_async.cli.commands import audit_logs

    return audit_logs.list_(connect, "tickets", ticket_id, filters, limit, output)


@click.command("audit-logs")
@click.argument("chat_id", metavar="ID")
@_chosen
@hands_on_connect
def chat_logs(connect: "Connect", *, chat_id: str, limit: int | None, output: str, **filters: str | None) -> int:
    """List who changed what of a chat, newest first."""
    from periskope_async.cli.commands import audit_logs

    return audit_logs.list_(connect, "chats", chat_id, filters, limit, output)


@click.command("ai-settings")
@click.argument("chat_id", metavar="ID")
@click.option("--agent/--no-agent", "is_agent_allowed", default=None, help="Whether the AI agent may answer in it.")
@click.option("--flagging/--no-flagging", "is_flagging_allowed", default=None, help="Whether messages may be flagged.")
@writes
@output("view", "json")
@hands_on_connect
def ai_settings(connect: "Connect", *, chat_id: str, output: str, **settings: bool | None) -> int:
    """Say what the AI may do in a chat, and show what it then may. What is not named stays as it is."""
    from periskope_async.cli.commands import chats as _chats

    changes = {name: value for name, value in settings.items() if value is not None}
    if not changes:
        raise click.UsageError("Nothing to change: give at least one value.")
    return _chats.update_ai_settings(connect, chat_id, changes, output)
