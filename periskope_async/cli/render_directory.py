"""Contacts, phones, members and webhooks as a person wants to read them. Knows no client and no options."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from periskope_async.cli.text import visible
from periskope_async.models import Contact, ContactCheck, InviteResult, Phone, Webhook

__all__ = [
    "check_table",
    "contact_table",
    "contact_view",
    "invite_table",
    "phone_table",
    "plain_table",
    "webhook_table",
]


def contact_table(contacts: Iterable[Contact]) -> Table:
    """Return a table with one line for each contact."""
    rows = ((each.contact_id, each.contact_type, each.contact_name, ", ".join(each.labels)) for each in contacts)
    return plain_table(("Contact", "Type", "Name", "Labels"), rows)


def contact_view(contact: Contact) -> Table:
    """Return a contact in full."""
    facts = (
        ("Name", contact.contact_name),
        ("ID", contact.contact_id),
        ("Type", contact.contact_type),
        ("Labels", ", ".join(contact.labels)),
        ("Colleague", "yes" if contact.is_internal else None),
        ("Chats", ", ".join(contact.chat_ids)),
    )
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in facts:
        if value:
            made.add_row(name, Text(visible(value)))
    return made


def check_table(checks: Iterable[ContactCheck]) -> Table:
    """Return a table with one line for each number."""
    words = {True: "on WhatsApp", False: "not on WhatsApp", None: "not known"}
    return plain_table((), ((each.contact_id, words[each.exists]) for each in checks))


def phone_table(phones: Iterable[Phone]) -> Table:
    """Return a table with one line for each phone."""
    rows = ((each.phone_id, each.org_phone, each.wa_state, each.phone_name) for each in phones)
    return plain_table(("Phone", "Number", "State", "Name"), rows)


def invite_table(result: InviteResult) -> Table:
    """Return a table with one line for each address."""
    invited = [(each.email, "invited", "") for each in result.members]
    return plain_table((), invited + [(each.email or "?", "failed", each.message) for each in result.errors])


def webhook_table(webhooks: Iterable[Webhook]) -> Table:
    """Return a table with one line for each subscription."""
    rows = ((each.id, each.integration_name, "" if each.is_subscribed else "off", each.hook_url) for each in webhooks)
    return plain_table(("Webhook", "Event", "", "URL"), rows)


def plain_table(headings: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Table:
    """A table whose last column alone gives way where it is too narrow."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=bool(headings))
    for heading in headings:
        made.add_column(heading, no_wrap=heading != headings[-1])
    for first, *others in rows:
        cells = (Text(" ".join(visible(each or "").split())) for each in others)
        made.add_row(Text(visible(first or ""), "bold"), *cells)
    return made
