"""`periskope tickets get | list | create | update`: asks the client and prints what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import anyio
from rich.table import Table

from periskope_async import BulkResult, PeriskopeError
from periskope_async.cli.commands import reading
from periskope_async.cli.outcome import Unsent
from periskope_async.cli.render import table, view
from periskope_async.cli.running import account, run, waiting
from periskope_async.models import TicketInfo, TicketRow

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["create", "get", "list_", "update"]


def _lines(infos: Sequence[TicketInfo], width: int | None) -> Table:
    return table((info.ticket for info in infos), width)


_INFOS: Final = reading.Shown("tickets", TicketInfo, _lines, view)
_ROWS: Final = reading.Shown("tickets", TicketRow, table, lambda row: table([row]))  # which shows all of it


def get(connect: "Connect", ticket_ids: Sequence[str], output: str) -> int:
    """Print tickets on standard output, and why any did not come on standard error."""
    return reading.get(connect, _INFOS, ticket_ids, output)


def list_(connect: "Connect", limit: int | None, filters: Mapping[str, Any], output: str) -> int:
    """Print rows of the list of tickets: the first *limit* that pass the filters, or all."""

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[TicketRow, None]:
        size = reading.PAGE if filters else min(most or reading.PAGE, reading.PAGE)
        return client.tickets.list(page_size=size, limit=most, **filters)

    return reading.list_(connect, _ROWS, limit, walk, output)


def create(connect: "Connect", values: Mapping[str, Any], output: str) -> int:
    """Create a ticket of *values* as typed, and print it."""

    async def send() -> TicketInfo:
        async with connect() as client:
            return await client.tickets.create(**values)

    with waiting("Creating"):
        info = run(send)
    reading.show(_INFOS, [info], output, one=True)
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
    if changed or len(ticket_ids) > 1:
        reading.show(_INFOS, changed, output, one=len(ticket_ids) == 1)
    return account(found, "tickets")


async def _relabel(
    client: "PeriskopeClient", ticket_id: str, added: Sequence[str], removed: Sequence[str]
) -> dict[str, Any]:
    """Return the labels that a ticket is to have, as an argument of `update`."""
    has = (await client.tickets.get(ticket_id)).ticket.ticket_labels
    return {"labels": [label for label in dict.fromkeys([*has, *added]) if label not in removed]}
