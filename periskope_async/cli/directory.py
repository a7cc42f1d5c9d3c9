"""The commands on contacts, phones and members. Must import nothing slow, as `app`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    rehearsing,
    which_ids,
    writes,
)

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["contacts", "members", "phones"]

_emails = click.argument("emails", nargs=-1, required=True, metavar="EMAIL...")
_numbers = click.argument("contact_ids", nargs=-1, required=True, metavar="NUMBER...")
_contact_name = click.option("--name", "contact_name", metavar="TEXT", help="The name it has in Periskope.")
_labels = click.option("--labels", metavar="NAMES", help="Comma-separated. They replace what was there.")
_internal = click.option("--internal/--external", "is_internal", default=None, help="Whether it is a colleague.")


@click.group(cls=InOrder)
def contacts() -> None:
    """Read, change, export and import contacts."""


@contacts.command()
@_numbers
@output("view", "json")
@hands_on_connect
def get(connect: "Connect", *, contact_ids: tuple[str, ...], output: str) -> int:
    """Show contacts with the chats they are in.

    `json` prints what the API sends: an object for one NUMBER, an array for several.
    """
    from periskope_async.cli.commands import contacts as _contacts

    return _contacts.get(connect, contact_ids, output)


@contacts.command("list")
@how_many("contact")
@output("table", "json", "csv")
@hands_on_connect
def list_(connect: "Connect", *, limit: int | None, output: str) -> int:
    """List contacts. What `-o csv` prints, `import` reads."""
    from periskope_async.cli.commands import contacts as _contacts

    return _contacts.list_(connect, limit, output)


@contacts.command()
@click.argument("contact_id", metavar="NUMBER")
@click.argument("contact_name", metavar="NAME")
@_labels
@_internal
@writes
@output("view", "json")
@hands_on_connect
def create(connect: "Connect", *, contact_id: str, contact_name: str, output: str, **values: Any) -> int:
    """Make a contact and show it. Never sent twice: after an unclear failure, look before you repeat it."""
    from periskope_async.cli.commands import contacts as _contacts

    return _contacts.create(connect, contact_id, chosen(values | {"contact_name": contact_name}), output)


@contacts.command()
@click.argument("contact_id", metavar="NUMBER")
@_contact_name
@_labels
@_internal
@writes
@output("view", "json")
@hands_on_connect
def update(connect: "Connect", *, contact_id: str, output: str, **values: Any) -> int:
    """Change a contact and show it. What is not named stays as it is."""
    from periskope_async.cli.commands import contacts as _contacts

    return _contacts.update(connect, contact_id, chosen(values, nothing=UNCHANGED), output)


@contacts.command()
@_numbers
@output("table", "json")
@hands_on_connect
def check(connect: "Connect", *, contact_ids: tuple[str, ...], output: str) -> int:
    """Say of each number whether it is on WhatsApp."""
    from periskope_async.cli.commands import contacts as _contacts

    return _contacts.check(connect, contact_ids, output)


@contacts.command()
@which_ids
@changed_options
@export_options
@concurrency
@hands_on_connect
def export(connect: "Connect", **options: Any) -> int:
    """Save contacts in full, with the ids of their chats, into a file.

    After Ctrl-C, a lost connection or a crash, the same command with --resume goes on, and every contact is in the file
    once. What failed stands in FILE.errors.jsonl with its reason.
    """
    from periskope_async.cli.commands import sources

    return sources.export_by_ids(connect, sources.CONTACTS, **options)


@contacts.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--resume", is_flag=True, help="Leave out what a stopped import of FILE has done.")
@click.option("--overwrite", is_flag=True, help="Begin anew, whatever a stopped import has done.")
@concurrency
@writes
@hands_on_connect
def import_(connect: "Connect", *, file: Path, resume: bool, overwrite: bool) -> int:
    """Create or update a contact for each row of a CSV file.

    Columns: contact_id, contact_name, labels, is_internal. A cell that is empty changes nothing. Rows that failed stand
    in FILE.errors.jsonl with their reason, and --resume tries them again. A row that was changed counts as a new one.
    --dry-run shows the updates; which of the contacts are new only the service knows.
    """
    from periskope_async.cli.commands import contact_import

    if resume and overwrite:
        raise click.UsageError("--resume goes on and --overwrite begins anew: choose one.")
    return contact_import.import_contacts(connect, file, resume=resume, overwrite=overwrite, dry_run=rehearsing())


@click.group(cls=InOrder)
def phones() -> None:
    """See to the phones, and connect them."""


@phones.command("list")
@output("table", "json")
@hands_on_connect
def list_phones(connect: "Connect", *, output: str) -> int:
    """List all phones, and whether they are connected."""
    from periskope_async.cli.commands import phones as _phones

    return _phones.list_(connect, output)


@phones.command("get")
@output("table", "json")
@hands_on_connect
def get_phone(connect: "Connect", *, output: str) -> int:
    """Show the phone that --phone names."""
    from periskope_async.cli.commands import phones as _phones

    return _phones.get(connect, output)


@phones.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the picture, and print nothing.")
@click.option("--wait", is_flag=True, help="Until it was scanned; a code that changed meanwhile is shown again.")
@click.option("--deadline", type=float, metavar="SECONDS", default=120.0, help="How long --wait waits.")
@hands_on_connect
def qr(connect: "Connect", *, out: Path | None, wait: bool, deadline: float) -> int:
    """Show the code that connects the phone which --phone names: on it, WhatsApp > Linked devices."""
    from periskope_async.cli.commands import phones as _phones

    return _phones.qr(connect, out, deadline if wait else None)


@phones.command()
@asks
@hands_on_connect
def restart(connect: "Connect", *, yes: bool) -> int:
    """Start the session of the phone anew that --phone names. Meanwhile it sends nothing."""
    from periskope_async.cli.commands import phones as _phones

    confirm("Restart the phone?", yes=yes)
    return _phones.restart(connect)


@phones.command()
@click.argument("number", metavar="PHONE")
@asks
@hands_on_connect
def reset(connect: "Connect", *, number: str, yes: bool) -> int:
    """Log a phone out. It sends and receives nothing until its code is scanned again."""
    from periskope_async.cli.commands import phones as _phones

    confirm(f"Log {number} out, until its code is scanned again?", yes=yes)
    return _phones.reset(connect, number)


@phones.command("delete")
@click.argument("number", metavar="PHONE")
@asks
@hands_on_connect
def delete_phone(connect: "Connect", *, number: str, yes: bool) -> int:
    """Take a phone out of the organisation."""
    from periskope_async.cli.commands import phones as _phones

    confirm(f"Delete {number} from the organisation?", yes=yes)
    return _phones.delete(connect, number)


@click.group(cls=InOrder)
def members() -> None:
    """Invite people, and take them out."""


@members.command()
@_emails
@click.option("--role", type=click.Choice(["member", "admin"]), help="What they may do.")
@click.option("--label", "labels", multiple=True, metavar="NAME", help="They see chats that have it. Repeatable.")
@click.option("--of-phone", "org_phones", multiple=True, metavar="NUMBER", help="They see its chats. Repeatable.")
@writes
@output("table", "json")
@hands_on_connect
def invite(connect: "Connect", *, emails: tuple[str, ...], output: str, **values: Any) -> int:
    """Invite people by e-mail, and say who was invited. Never sent twice."""
    from periskope_async.cli.commands import members as _members

    return _members.invite(connect, emails, {name: value for name, value in values.items() if value}, output)


@members.command("delete")
@click.argument("email", metavar="EMAIL")
@asks
@hands_on_connect
def delete_member(connect: "Connect", *, email: str, yes: bool) -> int:
    """Take a person out of the organisation."""
    from periskope_async.cli.commands import members as _members

    confirm(f"Take {email} out of the organisation?", yes=yes)
    return _members.delete(connect, email)
