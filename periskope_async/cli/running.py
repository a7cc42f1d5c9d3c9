"""How a command's coroutine is run, and what a terminal shows meanwhile. Knows no tickets and no options."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from math import ceil
from typing import Any, TypeVar

import anyio
from rich.console import Console, RenderableType
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from periskope_async import BulkResult, Progress, RateLimit
from periskope_async.cli.outcome import Exit, Outcome, exit_of, explain_all
from periskope_async.cli.text import tell

__all__ = ["Report", "account", "console", "display", "progress", "run", "waiting", "width"]

T = TypeVar("T")

#: Shows how far a bulk run is, and what is known of the rate limit.
Report = Callable[[Progress, RateLimit | None], None]

#: Columns. A pipe has no edge to keep to, and cutting cells would lose text.
_NO_EDGE = 10_000


def run(job: Callable[[], Awaitable[T]]) -> T:
    """Return what *job* returns, run in an event loop of its own."""
    return anyio.run(job)


def console(*, stderr: bool = False, wide: bool = False) -> Console:
    """Return a console on standard output or, with *stderr*, on standard error.

    With *wide*, text that goes into a pipe or a file takes as much width as it needs.
    """
    made = Console(stderr=stderr, highlight=False)
    if wide and not made.is_terminal:
        made.width = _NO_EDGE
    return made


def display(shown: RenderableType, *, wide: bool = False) -> None:
    """Print on standard output; in a pipe or a file no line ends in blanks. *wide*: as for `console`."""
    screen = console(wide=wide)
    if screen.is_terminal:
        screen.print(shown)
        return
    with screen.capture() as captured:
        screen.print(shown)
    screen.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def width() -> int | None:
    """Return the columns of the terminal that standard output is, None where it is none."""
    screen = console()
    return screen.width if screen.is_terminal else None


def account(found: BulkResult[Any], things: str) -> Exit:
    """Say on standard error what of some *things* did not come, and return the exit code."""
    outcomes = explain_all(found.errors.values())
    code = exit_of((outcome.exit for outcome in outcomes), succeeded=len(found.fetched))
    if found.skipped:
        outcomes.append(Outcome(code, f"After that, {len(found.skipped):,} {things} were not tried."))
    for outcome in outcomes:
        tell(outcome)
    return code


def waiting(text: str) -> AbstractContextManager[object]:
    """Show on a terminal that something is under way; elsewhere, nothing."""
    screen = console(stderr=True)
    return screen.status(Text(text), spinner_style="dim") if screen.is_terminal else nullcontext()


@contextmanager
def progress() -> Generator[Report]:
    """Show a bulk run on standard error while the block lasts. Where nobody watches, show nothing.

    Gives the function to tell how far it is; call it as often as you like, the screen is drawn ten times a second.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda _now, _limit: None
        return
    columns = (
        BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
        TextColumn("{task.fields[counts]}"),
        TextColumn(" {task.fields[pace]}", style="dim"),
    )
    with Bar(*columns, console=screen, transient=True, expand=True) as bar:
        task = bar.add_task("", total=None, counts="", pace="")

        def report(now: Progress, limit: RateLimit | None) -> None:
            settled = now.done + now.failed
            pace = (
                f"{settled / now.elapsed:,.0f}/s" if now.elapsed else "",
                "" if limit is None else f"{limit.remaining:,}/{limit.limit:,} calls",
                "" if now.eta is None else f"{timedelta(seconds=ceil(now.eta))} left",
            )
            total = "" if now.total is None else f"/{now.total:,}"
            failed = f"[{'red' if now.failed else 'dim'}]{now.failed:,} failed[/]"
            bar.update(
                task,
                completed=settled,
                total=now.total,
                counts=f"{settled:,}{total}  {failed}",
                pace="  ".join(filter(None, pace)),
            )

        yield report
