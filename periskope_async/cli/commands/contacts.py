"""`periskope contacts get | list | create | update | check`: asks the client and prints. Knows no options."""

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from periskope_async import BulkResult, PeriskopeClient
from periskope_async.cli.render_directory import check_table, contact_table, contact_view
from periskope_async.cli.running import account, display, run, waiting
from periskope_async.cli.text import JSON, write, write_json
from periskope_async.models import Contact, ContactCheck

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["COLUMNS", "check", "create", "get", "list_", "update"]

#: The longest page that the service sends, in rows.
_PAGE = 2000
#: What `-o csv` prints and `import` reads.
COLUMNS: Final = ("contact_id", "contact_name", "labels", "is_internal")


def get(connect: "Connect", contact_ids: Sequence[str], output: str) -> int:
    """Print contacts on standard output, and why any did not come on standard error."""

    async def fetch() -> BulkResult[Contact]:
        async with connect() as client:
            if len(contact_ids) == 1:  # whoever waits for one shall not wait through an outage, as bulk runs do
                return BulkResult({contact_ids[0]: await client.contacts.get(contact_ids[0])})
            return await client.contacts.get_many(contact_ids)

    with waiting("Fetching"):
        found = run(fetch)
    _print(list(found.fetched.values()), output, one=len(contact_ids) == 1)
    return account(found, "contacts")


def list_(connect: "Connect", limit: int | None, output: str) -> int:
    """Print rows of the list of contacts: the first *limit*, or all."""
    size = min(limit or _PAGE, _PAGE)

    async def collect() -> list[Contact]:
        async with connect() as client, aclosing(client.contacts.list(page_size=size, limit=limit)) as walk:
            return [contact async for contact in walk]

    with waiting("Listing"):
        found = run(collect)
    _print(found, output)
    return 0


def create(connect: "Connect", contact_id: str, values: Mapping[str, Any], output: str) -> int:
    """Make a contact and print it."""
    return _shown(connect, lambda client: client.contacts.create(contact_id, **values), output)


def update(connect: "Connect", contact_id: str, changes: Mapping[str, Any], output: str) -> int:
    """Change a contact and print it."""
    return _shown(connect, lambda client: client.contacts.update(contact_id, **changes), output)


def check(connect: "Connect", contact_ids: Sequence[str], output: str) -> int:
    """Print of each number whether it is on WhatsApp."""

    async def ask() -> tuple[ContactCheck, ...]:
        async with connect() as client:
            return await client.contacts.check(contact_ids)

    with waiting("Asking"):
        checks = run(ask)
    if output in JSON:
        write_json([each.to_dict() for each in checks], output)
    else:
        display(check_table(checks), wide=True)
    return 0


def _shown(connect: "Connect", call: Callable[[PeriskopeClient], Awaitable[Contact]], output: str) -> int:
    async def send() -> Contact:
        async with connect() as client:
            return await call(client)

    with waiting("Sending"):
        contact = run(send)
    _print([contact], output, one=True)
    return 0


def _print(contacts: Sequence[Contact], output: str, *, one: bool = False) -> None:
    match output:
        case "table":
            display(contact_table(contacts), wide=True)
        case "json" | "jsonl":
            rows = [contact.to_dict() for contact in contacts]
            write_json(rows[0] if one else rows, output)
        case "csv":
            write(_csv(contacts))
        case _:
            for contact in contacts:
                display(contact_view(contact))


def _csv(contacts: Sequence[Contact]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for each in contacts:
        internal = "" if each.is_internal is None else str(each.is_internal).lower()
        table.writerow((each.contact_id, each.contact_name or "", ", ".join(each.labels), internal))
    return text.getvalue().encode("utf-8", "replace")
