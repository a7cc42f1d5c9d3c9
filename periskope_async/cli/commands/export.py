"""Every `export`; in one file, because beginning, going on and ending must agree on what is on disk.

What is fetched goes into a file that survives being killed. Knows no resource and no options.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import click
from attrs import define, field

from periskope_async import Failed, Fetched, PeriskopeError, Progress
from periskope_async._extras import needs_extra
from periskope_async.cli.files import (
    Form,
    Kind,
    check_beside,
    csv_form,
    followed,
    growing,
    holds_something,
    is_stream,
    jsonl_form,
    open_stream,
    recover,
)
from periskope_async.cli.held import Held, held, remove
from periskope_async.cli.outcome import Exit, Failure, Outcome, exit_of, explain
from periskope_async.cli.parquet import write_parquet
from periskope_async.cli.running import console, progress, run, waiting
from periskope_async.cli.text import named, print_error, to_json

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = [
    "Found",
    "Reason",
    "Source",
    "Tally",
    "Target",
    "attempt",
    "check_errors",
    "export",
    "reasons",
    "save",
    "target",
]

#: What a growing Parquet file begins with, if an export wrote it.
_PARQUET: Final = b"PAR1"

#: Takes up why something did not come.
Reason = Callable[[Failed], None]


class Found(NamedTuple):
    """What there is to save.

    Attributes:
        total: how many there are; None where nobody knows before the end.
        results: each of them, or why it did not come.
    """

    total: int | None
    results: AsyncIterator[Fetched[Any] | Failed]


#: Finds what there is to save, but for what has these ids; a list that cannot be read fails when it is entered.
Source = Callable[["PeriskopeClient", set[str]], AbstractAsyncContextManager[Found]]


class Target(NamedTuple):
    """Where an export goes.

    Attributes:
        out: the file in the end; None is standard output.
        log: the file that is appended to. It is `out` itself, except for Parquet, which cannot be appended
            to: there it is a JSONL file beside `out`, turned into `out` at the end.
        errors: the file that lists what failed. None is standard error, where `out` is standard output, a pipe or a
            device.
        form: of the log.
        kind: of what is saved.
    """

    out: Path | None
    log: Path | None
    errors: Path | None
    form: Form
    kind: Kind


def target(out: Path | None, form: str | None, kind: Kind) -> Target:
    """Return the target of an export of this *kind* that the name *out* and the format *form* describe.

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
            return Target(out, out, errors, jsonl_form(kind), kind)
        case "csv":
            return Target(out, out, errors, csv_form(kind), kind)
        case "parquet" if find_spec("pyarrow") is None:
            raise Failure(Exit.USAGE, f"Parquet {needs_extra('parquet')}")
        case "parquet" if out is not None and errors is not None:
            return Target(out, out.with_name(f"{out.name}.part.jsonl"), errors, jsonl_form(kind), kind)
        case "parquet":
            raise Failure(Exit.USAGE, "Parquet goes into a file only: --out FILE")
        case _:
            raise Failure(Exit.USAGE, f"{named(out or '-')}: its name does not show the format. Give --format.")


@define
class Tally:
    """How far an export is.

    Attributes:
        begun: whether its files were touched.
        total: how much there is to do; None where nobody knows before the end.
        done: how much of it is saved.
        removed: how much goes from a file that is brought up to date.
        since: when such a file was brought up to date before; empty where it was not.
        failures: how often there was which.
        started: a moment of the monotonic clock.
    """

    begun: bool = False
    total: int | None = 0
    done: int = 0
    removed: int = 0
    since: str = ""
    failures: Counter[Exit] = field(factory=Counter[Exit])
    started: float = field(factory=time.monotonic)

    @property
    def failed(self) -> int:
        """How many did not come."""
        return self.failures.total()

    @property
    def untried(self) -> int:
        """How many were not attempted."""
        return 0 if self.total is None else self.total - self.done - self.failed

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.started

    def progress(self) -> Progress:
        """The same once something is settled, with the time left if it goes on like this."""
        elapsed, settled = self.elapsed, self.done + self.failed
        eta = None if self.total is None else self.untried * elapsed / settled
        return Progress(self.total, self.done, self.failed, in_flight=0, elapsed=elapsed, eta=eta)


def export(connect: "Connect", source: Source, target: Target, *, resume: bool, overwrite: bool) -> int:
    """Save what *source* finds, and return the exit code.

    Raises:
        Failure: the file is there, and neither *resume* nor *overwrite* says what to do with it; or it cannot be
            written; or the list of what there is cannot be read.
    """
    if resume and overwrite:
        raise Failure(Exit.USAGE, "--resume keeps FILE and --overwrite replaces it: choose one.")
    again = f"same command with --resume{' in place of --overwrite' if overwrite else ''}"

    def work(client: "PeriskopeClient", tally: Tally) -> None:
        _export(client, source, target, tally, resume=resume, overwrite=overwrite)

    return attempt(connect, target, again, work)


def attempt(connect: "Connect", target: Target, again: str, work: "Callable[[PeriskopeClient, Tally], None]") -> int:
    """Do the *work* of an export, say what became of it, and return the exit code. *again* is what goes on with it.

    Raises:
        Failure: a file cannot be read or written, or the list of what there is cannot be read.
    """
    client = connect()  # wrong settings are reported before any file is touched
    tally = Tally()
    try:
        work(client, tally)
    except KeyboardInterrupt:
        of = "" if tally.total is None else f" of {tally.total:,}"
        message = f"Stopped with {tally.done:,}{of} {target.kind.name} saved." if tally.begun else "Stopped."
        print_error(Outcome(Exit.INTERRUPTED, message, _how_to_go_on(target, tally, again)))
        return Exit.INTERRUPTED
    except BrokenPipeError:  # nobody reads any more, which is answered elsewhere
        raise
    except OSError as error:
        message = f"{named(error.filename or target.out or 'Standard output')}: {error.strerror}"
        raise Failure(Exit.FILE, message, _how_to_go_on(target, tally, again)) from None
    except PeriskopeError as error:
        why = explain(error)
        raise Failure(why.exit, why.message, _how_to_go_on(target, tally, again) or why.hint) from None
    return _sum_up(tally, target, again)


def _export(
    client: "PeriskopeClient",
    source: Source,
    target: Target,
    tally: Tally,
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    if resume and target.errors is None:
        raise Failure(Exit.USAGE, "--resume needs a file: --out FILE")
    with ExitStack() as files:
        log = files.enter_context(_opened(target))
        kept = _prepare(target, log, resume=resume, overwrite=overwrite)
        reason = files.enter_context(reasons(target))

        async def work() -> None:
            async with client, source(client, kept) as found:
                # Nothing of what was there is lost before: a list that cannot be read costs no file.
                _begin(target, log.file, overwrite=overwrite)
                tally.begun, tally.total, tally.started = True, found.total, time.monotonic()
                await save(client, found, kept, target, log.file, reason, tally)

        run(work)
        if target.out is not None and target.log is not None and target.log != target.out:
            with waiting(f"Writing {named(target.out)}"):
                write_parquet(target.log, target.out, target.kind.model)
            if not tally.failed and not tally.untried:  # else --resume has something to go on with
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
    """Refuse to lose what nobody gave up, and return the ids of what is saved already."""
    out, log, errors = target.out, target.log, target.errors
    if out is None or log is None or errors is None:
        return set()
    if resume and log != out and out.exists() and opened.new:
        raise Failure(Exit.USAGE, f"{named(out)} is complete. --overwrite fetches everything again.")
    if not resume and not overwrite and (holds_something(out) or holds_something(log)):
        raise Failure(Exit.USAGE, f"{named(out)} is there. --resume goes on with it, --overwrite replaces it.")
    if log != out:
        check_beside(growing(out), _PARQUET)
    check_errors(target)
    return recover(log, target.form) if holds_something(log) and not overwrite else set()


def check_errors(target: Target) -> None:
    """Find out whether the file of what failed can be written.

    Raises:
        Failure: something else is there.
        OSError: nothing can be written there.
    """
    if target.errors is not None and not is_stream(target.errors):
        check_beside(target.errors, f'{{"{target.kind.id_key}": '.encode())


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
def reasons(target: Target) -> Generator[Reason]:
    """Give the function that keeps why something did not come: beside the file, or on standard error without one.

    The file is made at the first failure; a pipe is opened in any case, so that its reader sees the end.
    """
    errors = target.errors
    if errors is None:
        yield lambda failed: print_error(explain(failed.error))
        return
    with ExitStack() as files:
        file = files.enter_context(open_stream(errors)) if is_stream(errors) else None

        def keep(failed: Failed) -> None:
            nonlocal file
            file = file or files.enter_context(errors.open("ab"))
            error = failed.error
            record = {target.kind.id_key: failed.id, "error": type(error).__name__, "reason": str(error)}
            file.write(to_json(record | {"trace_id": error.trace_id, "attempts": error.attempts}))
            file.flush()

        yield keep


async def save(
    client: "PeriskopeClient",
    found: Found,
    kept: set[str],
    target: Target,
    file: BinaryIO,
    reason: Reason,
    tally: Tally,
) -> None:
    """Append what is *found* to *file*; what is *kept* is in it."""
    watched = console(stderr=True).is_terminal
    with progress() as report:
        async for result in found.results:
            if isinstance(result, Failed):
                tally.failures[explain(result.error).exit] += 1
                reason(result)
            else:
                name = target.kind.id_of(result.value)
                if name not in kept:  # two spellings of an id can be one thing
                    kept.add(name)
                    file.write(target.form.record(result.value))
                    file.flush()  # what is with the operating system outlives this process
                tally.done += 1
            if watched:  # else it would take as long as to write the record
                report(tally.progress(), client.rate_limit)


def _how_to_go_on(target: Target, tally: Tally, again: str) -> str:
    """What to do after an export was stopped; nothing is known to help where nothing was begun."""
    if not tally.begun or target.out is None:
        return ""
    if target.errors is None:
        return f"{named(target.out)} keeps nothing that --resume could go on with."
    return f"The {again} goes on from there."


def _sum_up(tally: Tally, target: Target, again: str) -> int:
    """Say how it ended where somebody watches, say in any case what is missing, and return the exit code."""
    things, errors = target.kind.name, target.errors
    if console(stderr=True).is_terminal:
        click.echo(_in_a_line(tally, things), err=True)
    code = exit_of(tally.failures, succeeded=tally.done)
    if tally.untried and Exit.KEY_REFUSED in tally.failures:
        code = Exit.KEY_REFUSED
    if tally.failed or tally.untried:
        untried = f", and {tally.untried:,} were not tried" if tally.untried else ""
        message = f"{tally.failed:,} of {tally.total:,} {things} failed{untried}."
        hint = "" if errors is None else f"{named(errors)} says why; the {again} tries them again."
        print_error(Outcome(code, message, hint))
    return code


def _in_a_line(tally: Tally, things: str) -> str:
    """Return how it ended, for who watches."""
    if tally.since and not (tally.total or tally.removed):
        return f"Nothing changed since {tally.since}."
    removed = f", removed {tally.removed:,}" if tally.removed else ""
    rate = f"{tally.done / tally.elapsed:,.0f} a second" if tally.done else "none was missing"
    return f"Saved {tally.done:,} {things}{removed} in {tally.elapsed:.1f} s ({rate})."
