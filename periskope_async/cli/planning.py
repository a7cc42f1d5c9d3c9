"""The commands on tasks and scheduled messages. Must import nothing slow, as `app`."""

from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async.cli.options import InOrder, all_of, asks, confirm, hands_on_connect, how_many, output, writes

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["scheduled_messages", "tasks"]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_scheduled_id = click.argument("scheduled_id", metavar="ID")


@click.group(cls=InOrder)
def tasks() -> None:
    """Read and make tasks."""


@tasks.command("list")
@how_many("task")
@output("table", "json", "csv")
@hands_on_connect
def list_tasks(connect: "Connect", *, limit: int | None, output: str) -> int:
    """List tasks."""
    from periskope_async.cli.commands import tasks as _tasks

    return _tasks.list_(connect, limit, output)


@tasks.command("create")
@click.argument("title")
@click.option("--chat", "chat_id", metavar="ID", help="The chat it is about.")
@click.option("--message", "message_id", metavar="ID", help="The message it is about.")
@click.option("--ticket", "ticket_id", metavar="ID", help="The ticket it is about.")
@click.option("--assignee", metavar="EMAIL", help="Who is to do it.")
@click.option("--due-date", metavar="DATE", help="Such as 2026-01-31, or with a time.")
@click.option("--remind-at", metavar="DATE", help="When its assignee is reminded.")
@click.option("--priority", type=click.Choice(["high", "medium", "low"]))
@click.option("--status", type=click.Choice(["open", "inprogress", "closed"]))
@click.option("--notes", metavar="TEXT")
@click.option("--created-by", metavar="EMAIL", help="In whose name.")
@writes
@output("view", "json")
@hands_on_connect
def create_task(connect: "Connect", *, title: str, output: str, **values: str | None) -> int:
    """Make a task and show it. Never sent twice: after an unclear failure, look before you repeat it."""
    from periskope_async.cli.commands import tasks as _tasks

    fields: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    about = {name: fields.pop(name) for name in ("chat_id", "message_id", "ticket_id") if name in fields}
    if "ticket_id" in about and len(about) > 1:
        raise click.UsageError("A task is about a ticket, or about a message or a chat: choose one.")
    if about:
        kind = next(name for name in ("ticket", "message", "chat") if f"{name}_id" in about)
        fields |= {"association": about, "type": kind}
    return _tasks.create(connect, title, fields, output)


@click.group("scheduled-messages", cls=InOrder)
def scheduled_messages() -> None:
    """See to what is sent later. `scheduled` for short."""


def _time_zone(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the name of a time zone, which IANA's database has, where this machine has that to look it up in."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    if value is None or value in (known := available_timezones()) or not known:
        return value
    found = get_close_matches(value, known, 1)
    cure = f"did you mean {found[0]}?" if found else "one is Asia/Kolkata."
    raise click.BadParameter(f"{value!r} is not the name of a time zone; {cure}", ctx, param)


#: What is sent, and when.
_plan: Final = all_of(
    click.option("--media", metavar="PATH|URL", help="A file to send; the text is its caption."),
    click.option("--repeat", type=click.Choice(["day", "week", "month"]), help="Again and again, each of these."),
    click.option("--every", type=click.IntRange(1), metavar="N", help="Each N-th of them."),
    click.option("--on", "days", multiple=True, type=click.Choice(_DAYS), help="Of weeks, on this day. Repeatable."),
    click.option("--ends", metavar="DATE", help="Not after that."),
    click.option("--timezone", callback=_time_zone, metavar="NAME", help="Whose clock counts, such as Asia/Kolkata."),
)


@scheduled_messages.command("list")
@how_many("message")
@output("table", "json", "csv")
@hands_on_connect
def list_scheduled(connect: "Connect", *, limit: int | None, output: str) -> int:
    """List scheduled messages, those that are done too."""
    from periskope_async.cli.commands import scheduled_messages as _scheduled_messages

    return _scheduled_messages.list_(connect, limit, output)


@scheduled_messages.command("get")
@_scheduled_id
@output("view", "json")
@hands_on_connect
def get_scheduled(connect: "Connect", *, scheduled_id: str, output: str) -> int:
    """Show a scheduled message."""
    from periskope_async.cli.commands import scheduled_messages as _scheduled_messages

    return _scheduled_messages.get(connect, scheduled_id, output)


@scheduled_messages.command("runs")
@_scheduled_id
@how_many("run")
@output("table", "json", "csv")
@hands_on_connect
def list_runs(connect: "Connect", *, scheduled_id: str, limit: int | None, output: str) -> int:
    """List when a scheduled message was sent or left out, newest first; of a deleted one too."""
    from periskope_async.cli.commands import scheduled_messages as _scheduled_messages

    return _scheduled_messages.runs(connect, scheduled_id, limit, output)


@scheduled_messages.command("create")
@click.argument("chat_id", metavar="CHAT_ID")
@click.argument("text", required=False)
@click.option(
    "--at",
    "scheduled_at",
    required=True,
    metavar="DATE",
    help="When, such as 2026-01-31T09:00+01:00; UTC without an offset.",
)
@_plan
@writes
@output("view", "json")
@hands_on_connect
def create_scheduled(
    connect: "Connect", *, chat_id: str, scheduled_at: str, text: str | None, output: str, **plan: Any
) -> int:
    """Have a message sent later, once or again and again, and show it. Never sent twice."""
    from periskope_async.cli.commands import scheduled_messages as _scheduled_messages

    if text is None and plan["media"] is None:
        raise click.UsageError("Say what to send: TEXT, or --media.")
    return _scheduled_messages.create(connect, chat_id, scheduled_at, _planned(text=text, **plan), output)


@scheduled_messages.command("update")
@_scheduled_id
@click.option("--text", metavar="TEXT", help="What to say.")
@click.option("--at", "scheduled_at", metavar="DATE", help="When; UTC without an offset.")
@_plan
@click.option("--skip-next/--no-skip-next", "skip_next", default=None, help="Whether the next time is left out.")
@writes
@output("view", "json")
@hands_on_connect
def update_scheduled(
    connect: "Connect",
    *,
    scheduled_id: str,
    scheduled_at: str | None,
    skip_next: bool | None,
    output: str,
    **plan: Any,
) -> int:
    """Change a scheduled message and show it. What is not named stays as it is."""
    from periskope_async.cli.commands import scheduled_messages as _scheduled_messages

    others = {"scheduled_at": scheduled_at, "skip_next": skip_next}
    changes = _planned(**plan) | {name: value for name, value in others.items() if value is not None}
    if not changes:
        raise click.UsageError("Nothing to change: give at least one value.")
    return _scheduled_messages.update(connect, scheduled_id, changes, output)


@scheduled_messages.command("delete")
@_scheduled_id
@asks
@hands_on_connect
def delete_scheduled(connect: "Connect", *, scheduled_id: str, yes: bool) -> int:
    """Delete a scheduled message for good: it is sent no more."""
    from periskope_async.cli.commands import scheduled_messages as _scheduled_messages

    confirm(f"Delete the scheduled message {scheduled_id} for good?", yes=yes)
    return _scheduled_messages.delete(connect, scheduled_id)


def _planned(
    *,
    text: str | None,
    media: str | None,
    repeat: str | None,
    every: int | None,
    days: tuple[str, ...],
    ends: str | None,
    timezone: str | None,
) -> dict[str, Any]:
    """Return what was chosen, by the names of the client; of a file, its place."""
    rest = {"repeat_value": every, "repeat_days": [*days] or None, "repeat_ends": ends, "timezone": timezone}
    config = {name: value for name, value in rest.items() if value is not None}
    if config and repeat is None:
        raise click.UsageError("--every, --on, --ends and --timezone are of a message that is repeated: --repeat day.")
    chosen = {"message": text, "media": media}
    if repeat is not None:
        chosen |= {"is_repeat": True, "repeat_config": {"repeat_interval": repeat, **config}}  # type: ignore[dict-item]  # texts so far
    return {name: value for name, value in chosen.items() if value is not None}
