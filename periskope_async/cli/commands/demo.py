"""`periskope demo`: one ticket, then thousands through faults and a rate limit, on a fake service of our own."""

import time
from typing import Final

import click
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from periskope_async import BulkResult, PeriskopeClient, TicketInfo
from periskope_async.cli.outcome import Exit, exit_of, explain
from periskope_async.cli.render import view
from periskope_async.cli.running import console, progress, run
from periskope_async.testing import FakePeriskope, Faults

__all__ = ["demo"]

#: Every fifth call fails, each in one of these ways. Nothing that takes long: somebody is watching.
_FAULTS: Final = {
    "reset-before": 0.02,
    "reset-during": 0.02,
    "truncated": 0.02,
    "truncated-gzip": 0.02,
    "garbage-status": 0.02,
    "500": 0.02,
    "502-html": 0.02,
    "503": 0.02,
    "invalid-json": 0.02,
    "empty": 0.02,
}


def demo(*, tickets: int, rate_limit: str, seed: int) -> int:
    """Show what there is to see, and return the exit code."""
    try:
        fake = FakePeriskope(tickets, rate_limit=rate_limit)
        plan = Faults(_FAULTS, seed=seed, retry_after=0.5)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    with fake:
        return run(lambda: _play(fake, plan, rate_limit))


async def _play(fake: FakePeriskope, plan: Faults, limit: str) -> Exit:
    screen = console()
    screen.print(
        "No key is needed: an embedded fake service answers, with made-up tickets,\n"
        f"over real HTTP at {fake.base_url}\n"
    )
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        screen.print(_code('await client.tickets.get("BKT-001")\n'))
        screen.print(view(await client.tickets.get("BKT-001")))

        fake.faults = plan
        fake.clear()
        share = sum(plan.rates.values())
        screen.print(_code(f"\nawait client.tickets.get_many(ticket_ids)  # {fake.count:,} of them"))
        screen.print(
            f"  with a rate limit of {limit}, and {share:.0%} of the calls failing in {len(plan.rates)} ways\n"
        )
        started = time.perf_counter()
        with progress() as report:
            result = await client.tickets.get_many(
                fake.ticket_ids, on_progress=lambda now: report(now, client.rate_limit)
            )
        screen.print(_account(result, fake, time.perf_counter() - started))
    screen.print('\nYours: set PERISKOPE_API_KEY, then "periskope tickets get ID".')
    return exit_of((explain(error).exit for error in result.errors.values()), succeeded=len(result.tickets))


def _code(line: str) -> Text:
    code, *comment = line.partition("  #")
    return Text.assemble((code, "bold"), ("".join(comment), "dim"))


def _account(result: BulkResult[TicketInfo], fake: FakePeriskope, took: float) -> RenderableType:
    """What the bulk run was like."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column()
    fetched, attempts = len(result.tickets), fake.calls
    ways = ", ".join(f"{kind}\N{MULTIPLICATION SIGN}{number}" for kind, number in fake.counts.most_common())
    grid.add_row("Tickets", Text.assemble((f"{fetched:,} of {fake.count:,}", "green" if result.ok else "red")))
    grid.add_row("Time", f"{took:.1f} s: {fetched / took:,.0f} tickets, {attempts / took:,.0f} requests a second")
    grid.add_row("Requests", f"{attempts:,}")
    grid.add_row("Survived", f"{fake.counts.total():,} faults: {ways}")
    grid.add_row("Refused", f"{fake.throttled:,} times for going over the rate limit (429)")
    return Padding(grid, (0, 0, 0, 2), expand=False)
