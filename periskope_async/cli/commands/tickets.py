"""`periskope tickets get | list | create | update`: asks the client and prints what it gives. Knows no options."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from periskope_async import BulkResult
from periskope_async.cli.files import rows_to_csv
from periskope_async.cli.outcome import Outcome, exit_of, explain_all
from periskope_async.cli.render import table, view
from periskope_async.cli.running import console, run, waiting
from periskope_async.cli.text import tell, to_json, write
from periskope_async.models import TicketInfo, TicketPriority, TicketRow

if TYPE_CHECKING:
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
    infos = list(found.tickets.values())
    if output == "table":
        console(wide=True).print(table(info.ticket for info in infos))
    elif output == "json" and len(ticket_ids) > 1:
        write(to_json([info.to_dict() for info in infos], indent=2))
    else:
        for info in infos:
            _print(info, output)
    outcomes = explain_all(found.errors.values())
    code = exit_of((outcome.exit for outcome in outcomes), succeeded=len(infos))
    if found.skipped:
        outcomes.append(Outcome(code, f"After that, {len(found.skipped):,} tickets were not tried."))
    for outcome in outcomes:
        tell(outcome)
    return code


def list_(connect: "Connect", limit: int | None, output: str) -> int:
    """Print rows of the list of tickets: the first *limit*, or all."""

    async def collect() -> list[TicketRow]:
        rows = list[TicketRow]()
        size = min(limit or _PAGE, _PAGE)
        async with connect() as client, aclosing(client.tickets.list(page_size=size)) as walk:
            async for row in walk:
                rows.append(row)
                if len(rows) == limit:
                    break
        return rows

    with waiting("Listing"):
        rows = run(collect)
    match output:
        case "table":
            console(wide=True).print(table(rows))
        case "json":
            write(to_json([row.to_dict() for row in rows], indent=2))
        case "jsonl":
            for row in rows:
                write(to_json(row.to_dict()))
        case _:
            write(rows_to_csv(rows))
    return 0


def create(connect: "Connect", values: Mapping[str, str | None], output: str) -> int:
    """Create a ticket of *values* as typed, and print it."""
    arguments = _arguments(values)

    async def send() -> TicketInfo:
        async with connect() as client:
            return await client.tickets.create(**arguments)

    with waiting("Creating"):
        info = run(send)
    _print(info, output)
    return 0


def update(connect: "Connect", ticket_id: str, changes: Mapping[str, str | None], output: str) -> int:
    """Change a ticket by *changes* as typed, None clearing a value, and print it."""
    arguments = _arguments(changes)

    async def send() -> TicketInfo:
        async with connect() as client:
            return await client.tickets.update(ticket_id, **arguments)

    with waiting("Updating"):
        info = run(send)
    _print(info, output)
    return 0


def _arguments(typed: Mapping[str, str | None]) -> dict[str, Any]:
    """What was typed, as the client takes it: the same, but for priorities, which have names only here."""
    arguments: dict[str, Any] = dict(typed)
    if priority := typed.get("priority"):
        arguments["priority"] = TicketPriority[priority.upper()]
    return arguments


def _print(info: TicketInfo, output: str) -> None:
    match output:
        case "json":
            write(to_json(info.to_dict(), indent=2))
        case "jsonl":
            write(to_json(info.to_dict()))
        case _:
            console().print(view(info))
