"""How a command's coroutine is run, and what a terminal shows meanwhile. Knows no tickets and no options."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from rich.console import Console, RenderableType
from rich.text import Text

from periskope_async import BulkResult
from periskope_async._progress import Report, terminal_bar
from periskope_async.cli.outcome import Exit, Outcome, exit_of, explain_all
from periskope_async.cli.text import tell

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["Report", "account", "ask", "console", "display", "progress", "run", "waiting", "width"]

T = TypeVar("T")

#: Columns. A pipe has no edge to keep to, and cutting cells would lose text.
_NO_EDGE = 10_000


def run(job: Callable[[], Awaitable[T]]) -> T:
    """Return what *job* returns, run in an event loop of its own."""
    return anyio.run(job)


def ask(connect: "Connect", text: str, call: "Callable[[PeriskopeClient], Awaitable[T]]") -> T:
    """Return what one *call* of a client comes to; a terminal shows *text* meanwhile."""

    async def job() -> T:
        async with connect() as client:
            return await call(client)

    with waiting(text):
        return run(job)


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

    Yields the function that reports how far it is; call it at will, the screen is drawn ten times a second.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda _now, _limit: None
        return
    with terminal_bar(screen, stays=False) as report:
        yield report
