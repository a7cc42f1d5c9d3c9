"""`periskope demo`: one ticket, then thousands and a bad id through faults and a rate limit, on a fake of our own."""

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
from periskope_async.cli.running import display, progress, run
from periskope_async.testing import FakePeriskope, Faults, RateLimitPolicy

__all__ = ["PROGRAM", "demo"]

#: Among all the ids that there are, one that is none.
BAD_ID: Final = "BKT-404404"

#: What somebody takes home from here.
PROGRAM: Final = """\
import asyncio

from periskope_async import PeriskopeClient


async def main() -> None:
    async with PeriskopeClient() as client:
        rows = client.tickets.list(limit=100)
        ids = [row.ticket_id async for row in rows]
        result = await client.tickets.get_many(ids)
        for info in result.tickets.values():
            print(info.ticket.ticket_id, info.ticket.subject)
        print(result.errors)


asyncio.run(main())
"""

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
        policy = RateLimitPolicy.parse(rate_limit)
        fake = FakePeriskope(tickets, rate_limit=policy)
        plan = Faults(_FAULTS, seed=seed, retry_after=0.5)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    with fake:
        return run(lambda: _play(fake, plan, policy))


async def _play(fake: FakePeriskope, plan: Faults, policy: RateLimitPolicy) -> Exit:
    display(
        "No key is needed: an embedded fake service answers, with made-up tickets,\n"
        f"over real HTTP at {fake.base_url}\n"
    )
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        display(_code('await client.tickets.get("BKT-001")\n'))
        display(view(await client.tickets.get("BKT-001")))

        fake.faults = plan
        fake.clear()
        share = sum(plan.rates.values())
        display(
            _code(
                f'\nticket_ids.append("{BAD_ID}")  # no such ticket, among {fake.count:,} that there are\n'
                "await client.tickets.get_many(ticket_ids)"
            )
        )
        display(f"  with a rate limit, and {share:.0%} of the calls failing in {len(plan.rates)} ways\n")
        started = time.perf_counter()
        with progress() as report:
            result = await client.tickets.get_many(
                [*fake.ticket_ids, BAD_ID], on_progress=lambda now: report(now, client.rate_limit)
            )
        display(_account(result, fake, time.perf_counter() - started, policy))
    display(
        "\nYours, to paste into a file, with PERISKOPE_API_KEY set; without a key,\n"
        '"periskope serve" runs this fake for it, and prints what to set:\n'
    )
    display(Text(PROGRAM, "bold"))
    display('Or first: "periskope doctor", "periskope tickets list".')
    failed = [explain(error).exit for ticket_id, error in result.errors.items() if ticket_id != BAD_ID]
    return exit_of(failed, succeeded=len(result.tickets))


def _code(line: str) -> Text:
    lines = (each.partition("  #") for each in line.split("\n"))
    return Text("\n").join(Text.assemble((code, "bold"), (sign + comment, "dim")) for code, sign, comment in lines)


def _account(
    result: BulkResult[TicketInfo], fake: FakePeriskope, took: float, policy: RateLimitPolicy
) -> RenderableType:
    """What the bulk run was like."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column()
    fetched, attempts = len(result.tickets), fake.calls
    errors = [f"{ticket_id}: {error.args[0]}" for ticket_id, error in result.errors.items()]
    ways = ", ".join(f"{kind}\N{MULTIPLICATION SIGN}{number}" for kind, number in fake.counts.most_common())
    grid.add_row("Tickets", Text(f"{fetched:,} of {fake.count:,}", "green" if fetched == fake.count else "red"))
    grid.add_row("Failed", Text("\n".join(errors), "yellow"))
    grid.add_row("Time", f"{took:.1f} s: {fetched / took:,.0f} tickets a second")
    # A whole window can be used in a moment: a rate says something only of three or more.
    pace = f": {policy.limit / policy.window:,.0f} a second allowed, {attempts / took:,.0f} used"
    grid.add_row("Requests", f"{attempts:,}{pace if took > 3 * policy.window else ''}")
    grid.add_row("Survived", f"{fake.counts.total():,} faults: {ways}")
    grid.add_row("Refused", f"{fake.throttled:,} times for going over the rate limit (429)")
    return Padding(grid, (0, 0, 0, 2), expand=False)
