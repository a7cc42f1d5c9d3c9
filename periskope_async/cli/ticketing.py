"""The commands on tickets, as `--help` lists them. Must import nothing slow, as `app`."""

from typing import TYPE_CHECKING, Any

import click

from periskope_async.cli.options import (
    STATUSES,
    InOrder,
    changed_options,
    chosen,
    concurrency,
    export_options,
    hands_on_connect,
    how_many,
    output,
    ticket_values,
    which_ids,
    writes,
)

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["tickets"]


@click.group(cls=InOrder)
def tickets() -> None:
    """Read, write and export tickets."""


@tickets.command()
@click.argument("ticket_ids", nargs=-1, required=True, metavar="ID...")
@output("view", "table", "json")
@hands_on_connect
def get(connect: "Connect", *, ticket_ids: tuple[str, ...], output: str) -> int:
    """Show tickets with their chat and messages.

    `json` prints what the API sends: an object for one ID, an array for several.
    """
    from periskope_async.cli.commands import tickets as _tickets

    return _tickets.get(connect, ticket_ids, output)


@tickets.command("list")
@how_many("ticket")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--assignee", metavar="EMAIL", help="Only theirs.")
@click.option("--label", metavar="NAME", help="Only with this label.")
@click.option("--updated-since", metavar="DATE", help="Only what was changed then or later.")
@output("table", "json", "csv")
@hands_on_connect
def list_(connect: "Connect", *, limit: int | None, output: str, **filters: str | None) -> int:
    """List tickets, without their chats and messages.

    The API knows no filters: all rows are read, and those that fit are shown.
    """
    from periskope_async.cli.commands import tickets as _tickets

    return _tickets.list_(connect, limit, chosen(filters), output)


@tickets.command()
@click.option("--chat-id", required=True, metavar="ID", help="The chat it is about: ...@c.us or ...@g.us.")
@click.option("--subject", required=True, metavar="TEXT")
@ticket_values
@click.option("--quoted-message-id", metavar="ID", help="The message it is about.")
@writes
@output("view", "json")
@hands_on_connect
def create(connect: "Connect", *, output: str, **values: str | None) -> int:
    """Create a ticket and show it. Never sent twice: after an unclear failure, look before you repeat it."""
    from periskope_async.cli.commands import tickets as _tickets

    return _tickets.create(connect, chosen(values), output)


@tickets.command()
@click.argument("ticket_ids", nargs=-1, required=True, metavar="ID...")
@click.option("--subject", metavar="TEXT")
@ticket_values
@click.option("--add-label", multiple=True, metavar="NAME", help="Add it to the labels there are.")
@click.option("--remove-label", multiple=True, metavar="NAME", help="Take it off them.")
@click.option("--clear", multiple=True, type=click.Choice(["assignee", "due-date", "labels"]), help="Empty it.")
@writes
@output("view", "json")
@hands_on_connect
def update(
    connect: "Connect",
    *,
    ticket_ids: tuple[str, ...],
    clear: tuple[str, ...],
    add_label: tuple[str, ...],
    remove_label: tuple[str, ...],
    output: str,
    **values: str | None,
) -> int:
    """Change tickets, each in the same way, and show them. What is not named stays as it is.

    --add-label and --remove-label read a ticket before they write: a label that somebody else sets between the two is
    lost.
    """
    from periskope_async.cli.commands import tickets as _tickets

    cleared = {name.replace("-", "_"): None for name in clear}
    changes = chosen(values)
    if cleared.keys() & changes.keys():
        raise click.UsageError("The same value is set and cleared.")
    if (add_label or remove_label) and "labels" in cleared.keys() | changes.keys():
        raise click.UsageError(
            "--labels and --clear labels replace all labels, which leaves none to add to: choose one."
        )
    if not (cleared or changes or add_label or remove_label):
        raise click.UsageError("Nothing to change: name at least one value, or --clear one.")
    return _tickets.update(connect, ticket_ids, changes | cleared, (add_label, remove_label), output)


@tickets.command()
@which_ids
@changed_options
@export_options
@concurrency
@hands_on_connect
def export(connect: "Connect", **options: Any) -> int:
    """Save tickets in full, with chats and messages, into a file.

    After Ctrl-C, a lost connection or a crash, the same command with --resume goes on, and every ticket is in the
    file once. Tickets stand in the order in which they came; what failed stands in FILE.errors.jsonl with its reason.

    With --changed, FILE is brought up to date: what changed since the last run is replaced, what is deleted is removed,
    and nothing else is fetched. FILE and --state change both or not at all.
    """
    from periskope_async.cli.commands import sources

    return sources.export_by_ids(connect, sources.TICKETS, **options)
