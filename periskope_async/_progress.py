"""A bar for a bulk run in a terminal or a notebook, a line in a terminal without rich, and nothing elsewhere."""

import math
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from math import ceil
from shutil import get_terminal_size
from typing import Any, Final

from periskope_async._sansio.rate_limit import RateLimit
from periskope_async.bulk import Progress

__all__ = ["Report", "shown", "terminal_bar"]

#: Shows how far a bulk run is, and what is known of the rate limit.
Report = Callable[[Progress, RateLimit | None], None]

#: A run is shown no more often than this, seconds.
STEP: Final = 0.1


@contextmanager
def shown(
    on_progress: Callable[[Progress], None] | None, rate_limit: Callable[[], RateLimit | None]
) -> Generator[Callable[[Progress], None]]:
    """Show a bulk run while the block lasts, and leave in sight what it came to.

    Gives what to call after every outcome: it shows how far the run is, and calls *on_progress*.
    """
    last: Progress | None = None
    drawn_at = -math.inf
    with _bar() as draw:

        def report(now: Progress) -> None:
            nonlocal last, drawn_at
            last = now
            if now.elapsed - drawn_at >= STEP:
                drawn_at = now.elapsed
                draw(now, rate_limit())
            if on_progress is not None:
                on_progress(now)

        try:
            yield report
        finally:
            if last is not None:
                draw(last, rate_limit())


@contextmanager
def terminal_bar(console: Any, *, stays: bool) -> Generator[Report]:
    """Show a bulk run on a terminal of rich while the block lasts, and after it, if it *stays*."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
        TextColumn("{task.fields[counts]}"),
        TextColumn(" {task.fields[pace]}", style="dim"),
    )
    with Bar(*columns, console=console, transient=not stays, expand=True) as bar:
        task = bar.add_task("", total=None, counts="", pace="")

        def draw(now: Progress, limit: RateLimit | None) -> None:
            failed = f"[{'red' if now.failed else 'dim'}]{_failed(now)}[/]"
            bar.update(
                task,
                completed=now.done + now.failed,
                total=now.total,
                counts=f"{_counted(now)}  {failed}",
                pace="  ".join(_pace(now, limit)),
            )

        yield draw


@contextmanager
def _bar() -> Generator[Report]:
    notebook = _notebook()
    if notebook is not None:
        yield _notebook_bar(notebook)
    elif not sys.stderr.isatty():
        yield lambda _now, _limit: None
    elif find_spec("rich") is None:
        yield _line
        sys.stderr.write("\n")
    else:
        from rich.console import Console

        with terminal_bar(Console(stderr=True, highlight=False), stays=True) as draw:
            yield draw


def _notebook() -> Any:
    """Return IPython's `display` module where this runs in a notebook's kernel, else None."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return None if getattr(shell, "kernel", None) is None else import_module("IPython.display")


def _line(now: Progress, limit: RateLimit | None) -> None:
    """Write over the line that the cursor is in."""
    line = "  ".join(filter(None, (_counted(now), _failed(now), *_pace(now, limit))))
    sys.stderr.write(f"\r\x1b[2K{line[: get_terminal_size().columns - 1]}")
    sys.stderr.flush()


def _notebook_bar(notebook: Any) -> Report:
    from html import escape  # a third of a megabyte, for notebooks alone

    handle = notebook.display(notebook.HTML(""), display_id=True)

    def draw(now: Progress, limit: RateLimit | None) -> None:
        most = "" if now.total is None else f' max="{max(now.total, 1)}" value="{now.done + now.failed}"'
        words = "&ensp;".join(map(escape, filter(None, (_counted(now), _failed(now), *_pace(now, limit)))))
        handle.update(notebook.HTML(f"<progress{most}></progress> {words}"))

    return draw


def _counted(now: Progress) -> str:
    settled = now.done + now.failed
    return _amount(now, settled) if now.total is None else f"{_amount(now, settled)}/{_amount(now, now.total)}"


def _failed(now: Progress) -> str:
    return f"{now.failed:,} failed" if now.unit == "ids" else ""


def _amount(now: Progress, number: float) -> str:
    return f"{number:,.0f}" if now.unit == "ids" else f"{number / 1_000_000:,.1f} MB"


def _pace(now: Progress, limit: RateLimit | None) -> list[str]:
    """Return how fast it goes, what is left of the rate limit, and the time to go, as far as they are known."""
    facts = (
        f"{_amount(now, (now.done + now.failed) / now.elapsed)}/s" if now.elapsed else "",
        "" if limit is None else f"{limit.remaining:,}/{limit.limit:,} calls left",
        f"{timedelta(seconds=ceil(now.eta))} to go" if now.eta else "",
    )
    return [fact for fact in facts if fact]
