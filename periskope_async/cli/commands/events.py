"""`periskope events`: prints what happens as it happens. Knows no options."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import click

from periskope_async.cli.commands.event_names import doubts
from periskope_async.cli.running import run
from periskope_async.cli.text import visible, write_json
from periskope_async.events import Event, Gap

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["print_events"]


def print_events(connect: "Connect", *, types: Sequence[str], backfill: Literal["tickets"] | None, output: str) -> int:
    """Print events of these *types*, or all if there are none, until Ctrl-C, which is how it is meant to end."""
    for doubt in doubts(types, "gap"):
        click.echo(visible(f"{doubt} It is waited for all the same."), err=True)

    async def listen() -> None:
        async with connect() as client, client.events(backfill=backfill) as events:
            click.echo("Listening. Ctrl-C ends it.", err=True)
            async for event in events:
                # What is missing may have been of any type.
                if isinstance(event, Gap) or not types or any(fnmatchcase(event.type, each) for each in types):
                    _print(event, output)

    with suppress(KeyboardInterrupt):
        run(listen)
    return 0


def _print(event: Event, output: str) -> None:
    if output == "lines":
        click.echo(visible(f"{time.strftime('%H:%M:%S')}  {_line(event)}").replace("\n", " "))
        return
    # JSON can hold no bytes, and a socket can send some.
    facts = json.loads(json.dumps(_facts(event), default=repr))
    write_json(facts, output)
    sys.stdout.flush()


def _clock(moment: datetime) -> str:
    """Return a moment by the clock that the lines begin with; of another day than today, with the day."""
    local = moment.astimezone()
    today = datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M:%S}"


def _facts(event: Event) -> dict[str, Any]:
    if isinstance(event, Gap):
        times = {"since": event.since.isoformat(), "until": event.until.isoformat()}
        return {"event": event.type, **times, "dropped": event.dropped}
    return {"event": event.type, "key": event.key, "source": event.source, "data": dict(event.raw)}


def _line(event: Event) -> str:
    if isinstance(event, Gap):
        dropped = f", {event.dropped:,} of them because they came too fast" if event.dropped else ""
        return f"gap  events may be missing from {_clock(event.since)} to {_clock(event.until)}{dropped}"
    mark = "  backfill" if event.source == "backfill" else ""
    return f"{event.type}  {event.key.rpartition(':')[2]}".rstrip() + mark
