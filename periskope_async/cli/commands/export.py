"""`periskope tickets export`; in one file, because beginning, going on and ending must agree on what is on disk.

Tickets go into a file that survives being killed. Knows the client, but no options.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import click
from attrs import define, field

from periskope_async import Failed, Progress
from periskope_async.cli.files import (
    CSV,
    JSONL,
    Form,
    Held,
    check_beside,
    followed,
    growing,
    held,
    holds_something,
    is_stream,
    open_stream,
    recover,
    remove,
    write_parquet,
)
from periskope_async.cli.outcome import Exit, Failure, Outcome, exit_of, explain
from periskope_async.cli.running import console, progress, run, waiting
from periskope_async.cli.text import named, tell, to_json

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["Target", "export", "read_ids", "target"]

#: What the files beside an export begin with, if an export wrote them.
_REASONS: Final = b'{"ticket_id": '
_PARQUET: Final = b"PAR1"

#: Takes up why a ticket did not come.
_Reason = Callable[[Failed], None]


class Target(NamedTuple):
    """Where an export goes.

    Attributes:
        out: the file in the end; None is standard output.
        log: the file that tickets are appended to. It is `out` itself, except for Parquet, which cannot be appended
            to: there it is a JSONL file beside `out`, turned into `out` at the end.
        errors: the file that tells what failed. None is standard error, where `out` is standard output, a pipe or a
            device.
        form: of the log.
    """

    out: Path | None
    log: Path | None
    errors: Path | None
    form: Form


def target(out: Path | None, form: str | None) -> Target:
    """Return the target that the name *out* and the format *form* describe.

    Raises:
        Failure: they describe none, an export cannot go there, or Parquet's extra is missing.
        OSError: what is there cannot be examined.
    """
    chosen = form or ("jsonl" if out is None else out.suffix.lower().removeprefix("."))
    if out is None or is_stream(out):
        errors = None
    else:
        out = followed(out)
        if not out.parent.exists():
            raise Failure(Exit.FILE, f"{named(out)}: its folder does not exist.", "Make it, or give another --out.")
        errors = followed(out.with_name(f"{out.name}.errors.jsonl"))
    match chosen:
        case "jsonl":
            return Target(out, out, errors, JSONL)
        case "csv":
            return Target(out, out, errors, CSV)
        case "parquet" if find_spec("pyarrow") is None:
            raise Failure(Exit.USAGE, 'Parquet needs its extra: pip install "periskope[parquet]"')
        case "parquet" if out is not None and errors is not None:
            return Target(out, out.with_name(f"{out.name}.part.jsonl"), errors, JSONL)
        case "parquet":
            raise Failure(Exit.USAGE, "Parquet goes into a file only: --out FILE")
        case _:
            raise Failure(Exit.USAGE, f"{named(out or '-')}: its name does not tell the format. Give --format.")


def read_ids(file: str) -> list[str]:
    """Return the ids in *file*, one a line, without blank lines; `-` is standard input.

    Raises:
        OSError: it cannot be read.
    """
    # What is not UTF-8 goes on as it is: the client refuses such an id by itself, and the others count.
    with click.open_file(file, encoding="utf-8-sig", errors="surrogateescape") as lines:
        return [ticket_id for line in lines if (ticket_id := line.strip())]


@define
class _Tally:
    """How far an export is. It is begun once its files were touched."""

    begun: bool = False
    total: int = 0
    done: int = 0
    failures: Counter[Exit] = field(factory=Counter[Exit])
    started: float = field(factory=time.monotonic)

    @property
    def failed(self) -> int:
        return self.failures.total()

    @property
    def untried(self) -> int:
        return self.total - self.done - self.failed

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def progress(self) -> Progress:
        """The same once something is settled, with the time left if it goes on like this."""
        elapsed, settled = self.elapsed, self.done + self.failed
        eta = (self.total - settled) * elapsed / settled
        return Progress(self.total, self.done, self.failed, in_flight=0, elapsed=elapsed, eta=eta)


def export(connect: "Connect", ids: Sequence[str] | None, target: Target, *, resume: bool, overwrite: bool) -> int:
    """Save the tickets with these *ids*, or all there are, and return the exit code.

    Raises:
        Failure: the file is there, and neither *resume* nor *overwrite* says what to do with it; or it cannot be
            written.
        PeriskopeError: the list of all tickets cannot be read.
    """
    client = connect()  # wrong settings are reported before any file is touched
    tally = _Tally()
    try:
        _export(client, ids, target, tally, resume=resume, overwrite=overwrite)
    except KeyboardInterrupt:
        message = f"Stopped with {tally.done:,} of {tally.total:,} tickets saved." if tally.begun else "Stopped."
        tell(Outcome(Exit.INTERRUPTED, message, _how_to_go_on(target, tally, overwrite=overwrite)))
        return Exit.INTERRUPTED
    except BrokenPipeError:  # nobody reads any more, which is answered elsewhere
        raise
    except OSError as error:
        message = f"{named(error.filename or target.out or 'Standard output')}: {error.strerror}"
        raise Failure(Exit.FILE, message, _how_to_go_on(target, tally, overwrite=overwrite)) from None
    return _sum_up(tally, target.errors, overwrite=overwrite)


def _export(
    client: "PeriskopeClient",
    ids: Sequence[str] | None,
    target: Target,
    tally: _Tally,
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    if resume and target.errors is None:
        raise Failure(Exit.USAGE, "--resume needs a file: --out FILE")
    with ExitStack() as files:
        log = files.enter_context(_opened(target))
        kept = _prepare(target, log, resume=resume, overwrite=overwrite)
        reason = files.enter_context(_reasons(target.errors))

        async def work() -> None:
            async with client:
                wanted = await _all_ids(client) if ids is None else ids
                todo = [ticket_id for ticket_id in dict.fromkeys(wanted) if ticket_id not in kept]
                # Nothing of what was there is lost before: a list that cannot be read costs no file.
                _begin(target, log.file, overwrite=overwrite)
                tally.begun, tally.total, tally.started = True, len(todo), time.monotonic()
                await _save(client, todo, kept, target.form, log.file, reason, tally)

        run(work)
        if target.out is not None and target.log is not None and target.log != target.out:
            with waiting(f"Writing {named(target.out)}"):
                write_parquet(target.log, target.out)
            if tally.done == tally.total:  # else --resume has something to go on with
                remove(log)


def _opened(target: Target) -> AbstractContextManager[Held]:
    if target.out is None or target.log is None:
        return nullcontext(Held(Path("-"), sys.stdout.buffer, new=False, locked=False))
    if target.errors is None:
        return _streaming(target.log)
    return held(target.log, target.out)


@contextmanager
def _streaming(out: Path) -> Generator[Held]:
    with waiting(f"Opening {named(out)}"):
        file = open_stream(out)
    with file:
        yield Held(out, file, new=False, locked=False)


def _prepare(target: Target, opened: Held, *, resume: bool, overwrite: bool) -> set[str]:
    """Refuse to lose what nobody gave up, and return the ids of the tickets that are saved already."""
    out, log, errors = target.out, target.log, target.errors
    if out is None or log is None or errors is None:
        return set()
    if resume and log != out and out.exists() and opened.new:
        raise Failure(Exit.USAGE, f"{named(out)} is complete. --overwrite fetches everything again.")
    if not resume and not overwrite and (holds_something(out) or holds_something(log)):
        raise Failure(Exit.USAGE, f"{named(out)} is there. --resume goes on with it, --overwrite replaces it.")
    if log != out:
        check_beside(growing(out), _PARQUET)
    if not is_stream(errors):
        check_beside(errors, _REASONS)
    return recover(log, target.form) if holds_something(log) and not overwrite else set()


def _begin(target: Target, file: BinaryIO, *, overwrite: bool) -> None:
    """Clear away what this export replaces."""
    if target.errors is not None:
        if overwrite:
            file.truncate(0)
        if not is_stream(target.errors):
            target.errors.unlink(missing_ok=True)  # what failed is tried again
    if target.errors is None or not os.fstat(file.fileno()).st_size:
        file.write(target.form.header)


@contextmanager
def _reasons(errors: Path | None) -> Generator[_Reason]:
    """Give the function that keeps why a ticket did not come: beside the file, or on standard error if there is none.

    The file is made when the first ticket fails; a pipe is opened in any case, so that its reader sees the end.
    """
    if errors is None:
        yield lambda failed: tell(explain(failed.error))
        return
    with ExitStack() as files:
        file = files.enter_context(open_stream(errors)) if is_stream(errors) else None

        def keep(failed: Failed) -> None:
            nonlocal file
            file = file or files.enter_context(errors.open("ab"))
            error = failed.error
            record = {"ticket_id": failed.ticket_id, "error": type(error).__name__, "reason": str(error)}
            file.write(to_json(record | {"trace_id": error.trace_id, "attempts": error.attempts}))
            file.flush()

        yield keep


async def _all_ids(client: "PeriskopeClient") -> list[str]:
    # All ids first: the rest is known then, and so the time it takes; and rows have no time to shift between pages.
    with waiting("Listing tickets"):
        return [row.ticket_id async for row in client.tickets.list()]


async def _save(
    client: "PeriskopeClient",
    todo: Sequence[str],
    kept: set[str],
    form: Form,
    file: BinaryIO,
    reason: _Reason,
    tally: _Tally,
) -> None:
    """Fetch the tickets *todo* and append each to *file*; those *kept* are in it."""
    with progress() as report:
        async with client.tickets.stream(todo) as results:
            async for result in results:
                if isinstance(result, Failed):
                    tally.failures[explain(result.error).exit] += 1
                    reason(result)
                else:
                    # Two spellings of an id can be one ticket.
                    if result.ticket.ticket.ticket_id not in kept:
                        kept.add(result.ticket.ticket.ticket_id)
                        file.write(form.record(result.ticket))
                        file.flush()  # what is with the operating system outlives this process
                    tally.done += 1
                report(tally.progress(), client.rate_limit)


def _how_to_go_on(target: Target, tally: _Tally, *, overwrite: bool) -> str:
    """What to do after an export was stopped; nothing is known to help where nothing was begun."""
    if not tally.begun or target.out is None:
        return ""
    if target.errors is None:
        return f"{named(target.out)} keeps nothing that --resume could go on with."
    return f"The {_resumed(overwrite=overwrite)} goes on from there."


def _resumed(*, overwrite: bool) -> str:
    return f"same command with --resume{' in place of --overwrite' if overwrite else ''}"


def _sum_up(tally: _Tally, errors: Path | None, *, overwrite: bool) -> int:
    """Say how it ended where somebody watches, say in any case what is missing, and return the exit code."""
    if console(stderr=True).is_terminal:
        rate = f"{tally.done / tally.elapsed:,.0f} a second" if tally.done else "none was missing"
        click.echo(f"Saved {tally.done:,} tickets in {tally.elapsed:.1f} s ({rate}).", err=True)
    code = exit_of(tally.failures, succeeded=tally.done)
    if tally.untried and Exit.KEY_REFUSED in tally.failures:
        code = Exit.KEY_REFUSED
    if tally.failed or tally.untried:
        untried = f", and {tally.untried:,} were not tried" if tally.untried else ""
        message = f"{tally.failed:,} of {tally.total:,} tickets failed{untried}."
        again = f"{_resumed(overwrite=overwrite)} tries them again."
        hint = "" if errors is None else f"{named(errors)} tells why; the {again}"
        tell(Outcome(code, message, hint))
    return code
