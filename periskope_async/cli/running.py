"""How a command's coroutine is run, and what a terminal shows meanwhile. Knows no tickets and no options."""

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
from rich.console import Console, RenderableType
from rich.text import Text

from periskope_async import BulkResult
from periskope_async._progress import Report, terminal_bar
from periskope_async.cli.outcome import Exit, Outcome, exit_of, explain, explain_all
from periskope_async.cli.text import print_error
from periskope_async.errors import PeriskopeError, RateLimitError

if TYPE_CHECKING:
    from periskope_async import Hooks, PeriskopeClient

__all__ = ["Report", "account", "ask", "console", "display", "progress", "run", "waiting", "watching", "width"]

T = TypeVar("T")

#: Shows on the terminal what calls wait for just now, "" for nothing; None where nobody watches.
_show: ContextVar[Callable[[str], None] | None] = ContextVar("show", default=None)
#: What a call waits for, by the reason of its event.
_FOR: Final[Mapping[str, str]] = {
    "concurrency": "waiting for other requests",
    "outage": "waiting for the service, which is out of order",
    "rate_limit": "waiting for the rate limit",
}

#: Columns. A pipe has no edge to keep to, and cutting cells would lose text.
_NO_EDGE = 10_000


def run(job: Callable[[], Awaitable[T]]) -> T:
    """Return what *job* returns, run in an event loop of its own."""
    return anyio.run(job)


def ask(connect: "Callable[[], PeriskopeClient]", text: str, call: "Callable[[PeriskopeClient], Awaitable[T]]") -> T:
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
        print_error(outcome)
    return code


@contextmanager
def waiting(text: str) -> Generator[None]:
    """Show on a terminal that something is under way, and what it waits for; elsewhere, nothing.

    That is of the clients that are made inside, with the hooks of `watching`.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield
        return
    with screen.status(Text(text), spinner_style="dim") as status:
        token = _show.set(lambda what: status.update(Text(f"{text}: {what}" if what else text)))
        try:
            yield
        finally:
            _show.reset(token)


def watching() -> "Hooks | None":
    """Return the hooks by which a terminal shows what calls wait for; None where nothing of the kind is shown."""
    show = _show.get()
    if show is None:
        return None
    from periskope_async import Hooks

    return Hooks(
        on_queued=lambda event: show(f"{_FOR[event.reason]}{_seconds(event.at_least)}"),
        on_retry=lambda event: show(f"{_why(event.error)}{_seconds(event.wait)}"),
        on_request=lambda _: show(""),
    )


def _why(error: PeriskopeError) -> str:
    """Return what a call waits for that is to be repeated after *error*."""
    if isinstance(error, RateLimitError):
        return _FOR["rate_limit"]
    headline = explain(error).message.partition(".")[0]
    return f"{headline[:1].lower()}{headline[1:]}; trying again"


def _seconds(wait: float) -> str:
    return f", in {ceil(wait):,} s or later" if wait else ""


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
