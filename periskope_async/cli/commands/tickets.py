"""`periskope tickets get | list | create | update`: asks the client and prints what it gives. Knows no options."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import click

from periskope_async import BulkResult, PeriskopeError
from periskope_async.cli.files import rows_to_csv
from periskope_async.cli.outcome import Unsent
from periskope_async.cli.render import table, view
from periskope_async.cli.running import account, display, run, waiting, width
from periskope_async.cli.text import to_json, write
from periskope_async.models import TicketInfo, TicketRow

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["create", "get", "list_", "update"]

#: Tickets: the longest page that the service is known to send.
_PAGE = 2000


def get(connect: "Connect", ticket_ids: Sequence[str], output: str) -> int:
    """Print tickets on standard output, and why any did not come on standard error."""

    async def fetch() -> BulkResult[TicketInfo]:
        async with connect() as client:
            if len(ticket_ids) == 1:  # whoever waits for one ticket shall not wait through an outage, as bulk runs do
                return BulkResult({ticket_ids[0]: await client.tickets.get(ticket_ids[0])})
            return await client.tickets.get_many(ticket_ids)

    with waiting("Fetching"):
        found = run(fetch)
    _print(found.tickets.values(), output, several=len(ticket_ids) > 1)
    return account(found, "tickets")


def list_(connect: "Connect", limit: int | None, filters: Mapping[str, Any], output: str) -> int:
    """Print rows of the list of tickets: the first *limit* that pass the filters, or all."""
    most = None if limit is None else limit + 1  # one more tells whether there are more
    size = min(most or _PAGE, _PAGE) if not filters else _PAGE

    async def collect() -> list[TicketRow]:
        async with connect() as client, aclosing(client.tickets.list(page_size=size, limit=most, **filters)) as walk:
            return [row async for row in walk]

    with waiting("Listing"):
        found = run(collect)
    rows = found[:limit]
    match output:
        case "table":
            display(table(rows, width()), wide=True)
        case "json":
            write(to_json([row.to_dict() for row in rows], indent=2))
        case "jsonl":
            for row in rows:
                write(to_json(row.to_dict()))
        case _:
            write(rows_to_csv(TicketRow, rows))
    if len(found) > len(rows):
        click.echo(f"There are more than {limit:,}: --limit N shows more of them, --all shows all.", err=True)
    return 0


def create(connect: "Connect", values: Mapping[str, Any], output: str) -> int:
    """Create a ticket of *values* as typed, and print it."""

    async def send() -> TicketInfo:
        async with connect() as client:
            return await client.tickets.create(**values)

    with waiting("Creating"):
        info = run(send)
    _print([info], output)
    return 0


def update(
    connect: "Connect",
    ticket_ids: Sequence[str],
    changes: Mapping[str, Any],
    labels: tuple[Sequence[str], Sequence[str]],
    output: str,
) -> int:
    """Change tickets by *changes* as typed, None clearing a value, and print them.

    Args:
        connect: makes the client.
        ticket_ids: which.
        changes: values by name.
        labels: those to add to what each has, and those to take off it.
        output: what to print.
    """
    found = BulkResult[TicketInfo]()

    async def send(client: "PeriskopeClient", ticket_id: str) -> None:
        try:
            relabelled = await _relabel(client, ticket_id, *labels) if any(labels) else {}
            found.fetched[ticket_id] = await client.tickets.update(ticket_id, **changes, **relabelled)
        except Unsent:  # on a dry run, which goes on with the others
            return
        except PeriskopeError as error:
            found.errors[ticket_id] = error

    async def send_all() -> None:
        async with connect() as client, anyio.create_task_group() as group:
            for ticket_id in dict.fromkeys(ticket_ids):
                group.start_soon(send, client, ticket_id)

    with waiting("Updating"):
        run(send_all)
    changed = [found.fetched[ticket_id] for ticket_id in dict.fromkeys(ticket_ids) if ticket_id in found.fetched]
    _print(changed, output, several=len(ticket_ids) > 1)
    return account(found, "tickets")


async def _relabel(
    client: "PeriskopeClient", ticket_id: str, added: Sequence[str], removed: Sequence[str]
) -> dict[str, Any]:
    """Return the labels that a ticket is to have, as an argument of `update`."""
    has = (await client.tickets.get(ticket_id)).ticket.ticket_labels
    return {"labels": [label for label in dict.fromkeys([*has, *added]) if label not in removed]}


def _print(infos: Collection[TicketInfo], output: str, *, several: bool = False) -> None:
    """Print tickets in full; as JSON an array of them, if *several* were asked for."""
    if output == "table":
        display(table((info.ticket for info in infos), width()), wide=True)
    elif output == "json" and several:
        write(to_json([info.to_dict() for info in infos], indent=2))
    else:
        for info in infos:
            if output == "view":
                display(view(info))
            else:
                write(to_json(info.to_dict(), indent=2 if output == "json" else None))
