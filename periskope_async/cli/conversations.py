"""The commands on chats and groups. Must import nothing slow, as `app`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async.cli.options import (
    UNCHANGED,
    InOrder,
    asks,
    changed_options,
    chosen,
    concurrency,
    confirm,
    export_options,
    hands_on_connect,
    how_many,
    output,
    which_ids,
    writes,
)

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["chats", "groups"]

_group_id = click.argument("chat_id", metavar="GROUP")
_people = click.argument("participants", nargs=-1, required=True, metavar="NUMBER...")

#: What only admins of a group do, or everybody: the words of the options, and the names of the client.
_RIGHTS: Final = {
    "who_adds": ("--who-adds", "adds members"),
    "who_edits": ("--who-edits", "edits name, picture and description"),
    "who_sends": ("--who-sends", "sends"),
}


def _rights(command: Callable[..., int]) -> Callable[..., int]:
    for option, does in reversed(_RIGHTS.values()):
        command = click.option(option, type=click.Choice(["admins", "all"]), help=f"Who {does}.")(command)
    return command


def _settings(values: dict[str, Any], *, nothing: str = "", **names: str) -> dict[str, Any]:
    """Return what was chosen, of rights whether only admins have them; *names* are the client's where they differ."""
    return {
        names.get(name, name): value == "admins" if name in _RIGHTS else value
        for name, value in chosen(values, nothing=nothing).items()
    }


@click.group(cls=InOrder)
def chats() -> None:
    """Read, change and export chats."""


@chats.command()
@click.argument("chat_ids", nargs=-1, required=True, metavar="ID...")
@output("view", "table", "json")
@hands_on_connect
def get(connect: "Connect", *, chat_ids: tuple[str, ...], output: str) -> int:
    """Show chats with their members.

    `json` prints what the API sends: an object for one ID, an array for several.
    """
    from periskope_async.cli.commands import chats as _chats

    return _chats.get(connect, chat_ids, output)


@chats.command("list")
@how_many("chat")
@click.option("--type", "chat_type", type=click.Choice(["user", "group", "business"]), help="Only these.")
@click.option("--label", metavar="NAME", help="Only those that have it.")
@output("table", "json", "csv")
@hands_on_connect
def list_(connect: "Connect", *, limit: int | None, output: str, **filters: str | None) -> int:
    """List chats, without their members."""
    from periskope_async.cli.commands import chats as _chats

    return _chats.list_(connect, limit, chosen(filters), output)


@chats.command()
@click.argument("chat_id", metavar="ID")
@click.option("--assigned-to", metavar="EMAIL", help="Who works on it.")
@click.option("--labels", metavar="NAMES", help="Comma-separated. They replace what was there.")
@click.option("--property", "properties", nargs=2, multiple=True, metavar="NAME VALUE", help="A custom property.")
@writes
@output("view", "json")
@hands_on_connect
def update(
    connect: "Connect",
    *,
    chat_id: str,
    assigned_to: str | None,
    labels: str | None,
    properties: tuple[tuple[str, str], ...],
    output: str,
) -> int:
    """Change a chat and show it. What is not named stays as it is."""
    from periskope_async.cli.commands import chats as _chats

    fields = {"assigned_to": assigned_to, "labels": labels, "custom_properties": dict(properties) or None}
    return _chats.update(connect, chat_id, chosen(fields, nothing=UNCHANGED), output)


@chats.command()
@which_ids
@changed_options
@export_options
@concurrency
@hands_on_connect
def export(connect: "Connect", **options: Any) -> int:
    """Save chats in full, with their members, into a file.

    After Ctrl-C, a lost connection or a crash, the same command with --resume goes on, and every chat is in the file
    once. What failed stands in FILE.errors.jsonl with its reason. For what was said in them: `periskope messages
    export`.
    """
    from periskope_async.cli.commands import sources

    return sources.export_by_ids(connect, sources.CHATS, **options)


@click.group(cls=InOrder)
def groups() -> None:
    """Make groups, and see to who is in them."""


@groups.command()
@click.argument("group_name", metavar="NAME")
@_people
@click.option("--description", metavar="TEXT")
@click.option("--image", metavar="URL")
@_rights
@writes
@output("view", "json")
@hands_on_connect
def create(
    connect: "Connect", *, group_name: str, participants: tuple[str, ...], output: str, **values: str | None
) -> int:
    """Make a group and show it. Never sent twice: after an unclear failure, look before you repeat it."""
    from periskope_async.cli.commands import groups as _groups

    options = _settings(
        values,
        who_adds="add_members_admins_only",
        who_edits="info_admins_only",
        who_sends="messages_admins_only",
    )
    return _groups.create(connect, group_name, participants, options, output)


@groups.command("update")
@_group_id
@click.option("--name", metavar="TEXT")
@click.option("--description", metavar="TEXT")
@click.option("--image", metavar="URL")
@_rights
@writes
@output("view", "json")
@hands_on_connect
def update_group(connect: "Connect", *, chat_id: str, output: str, **values: str | None) -> int:
    """Change the settings of a group and show it. What is not named stays as it is.

    But --who-adds: by its notes, the service may take it for `admins` where it is left out.
    """
    from periskope_async.cli.commands import groups as _groups

    changes = _settings(
        values,
        nothing=UNCHANGED,
        who_adds="member_add_mode",
        who_edits="info_admins_only",
        who_sends="messages_admins_only",
    )
    return _groups.update(connect, chat_id, changes, output)


@groups.command()
@_group_id
@_people
@writes
@output("table", "json")
@hands_on_connect
def add(connect: "Connect", *, chat_id: str, participants: tuple[str, ...], output: str) -> int:
    """Add people to a group. Strangers may take it for spam, and WhatsApp bans numbers for that."""
    from periskope_async.cli.commands import groups as _groups

    return _groups.change(connect, "add", chat_id, participants, output)


@groups.command()
@_group_id
@_people
@asks
@output("table", "json")
@hands_on_connect
def remove(connect: "Connect", *, chat_id: str, participants: tuple[str, ...], yes: bool, output: str) -> int:
    """Remove people from a group."""
    from periskope_async.cli.commands import groups as _groups

    confirm(f"Remove {len(participants)} from {chat_id}?", yes=yes)
    return _groups.change(connect, "remove", chat_id, participants, output)


@groups.command()
@_group_id
@_people
@writes
@output("table", "json")
@hands_on_connect
def promote(connect: "Connect", *, chat_id: str, participants: tuple[str, ...], output: str) -> int:
    """Make members admins of a group."""
    from periskope_async.cli.commands import groups as _groups

    return _groups.change(connect, "promote", chat_id, participants, output)


@groups.command()
@_group_id
@_people
@writes
@output("table", "json")
@hands_on_connect
def demote(connect: "Connect", *, chat_id: str, participants: tuple[str, ...], output: str) -> int:
    """Make admins of a group plain members."""
    from periskope_async.cli.commands import groups as _groups

    return _groups.change(connect, "demote", chat_id, participants, output)


@groups.command()
@_group_id
@asks
@hands_on_connect
def leave(connect: "Connect", *, chat_id: str, yes: bool) -> int:
    """Leave a group."""
    from periskope_async.cli.commands import groups as _groups

    confirm(f"Leave {chat_id}?", yes=yes)
    return _groups.leave(connect, chat_id)


@groups.command()
@_group_id
@asks
@hands_on_connect
def invite(connect: "Connect", *, chat_id: str, yes: bool) -> int:
    """Make a new link into a group and print it. The link before it may lead nowhere from then on."""
    from periskope_async.cli.commands import groups as _groups

    confirm(f"Replace the link into {chat_id}?", yes=yes)
    return _groups.invite(connect, chat_id)


@groups.command()
@click.argument("invite_code", metavar="LINK")
@writes
@output("view", "json")
@hands_on_connect
def join(connect: "Connect", *, invite_code: str, output: str) -> int:
    """Join the group that a link, or its code, leads to, and show it."""
    from periskope_async.cli.commands import groups as _groups

    return _groups.join(connect, invite_code, output)
