"""`periskope tickets export`: tickets into a file that survives being killed. Knows the client, but no options."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from attrs import define, field

from periskope_async import Failed, Progress, TicketInfo
from periskope_async.cli._files import CSV, JSONL, Form, recover, write_parquet
from periskope_async.cli._outcome import Exit, Failure, Outcome, exit_of, explain
from periskope_async.cli._running import console, progress, run, waiting
from periskope_async.cli._text import tell, to_json

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli._options import Connect

__all__ = ["Target", "export", "read_ids", "target"]


class Target(NamedTuple):
    """Where an export goes.

    Attributes:
        out: the file in the end; None is standard output.
        log: the file that tickets are appended to. It is `out` itself, except for Parquet, which cannot be appended
            to: there it is a JSONL file beside `out`, turned into `out` at the end.
        form: of the log.
    """

    out: Path | None
    log: Path | None
    form: Form


def target(out: Path | None, form: str | None) -> Target:
    """Return the target that the name *out* and the format *form* describe.

    Raises:
        Failure: they describe none, or Parquet's extra is missing.
    """
    chosen = form or ("jsonl" if out is None else out.suffix.lower().removeprefix("."))
    match chosen:
        case "jsonl":
            return Target(out, out, JSONL)
        case "csv":
            return Target(out, out, CSV)
        case "parquet" if find_spec("pyarrow") is None:
            raise Failure(Exit.USAGE, 'Parquet needs its extra: pip install "periskope[parquet]"')
        case "parquet" if out is not None:
            return Target(out, out.with_name(f"{out.name}.part.jsonl"), JSONL)
        case "parquet":
            raise Failure(Exit.USAGE, "Parquet goes into a file only: --out FILE")
        case _:
            raise Failure(Exit.USAGE, f"{out}: its name does not tell the format. Give --format.")


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
    """How far an export is."""

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
        Failure: the file is there, and neither *resume* nor *overwrite* says what to do with it.
        OSError: it cannot be read.
        PeriskopeError: the list of all tickets cannot be read.
    """
    client = connect()  # wrong settings are told before any file is touched
    out, log = target.out, target.log
    kept = _prepare(target, resume=resume, overwrite=overwrite)
    tally = _Tally()

    async def work() -> None:
        async with client:
            wanted = await _all_ids(client) if ids is None else ids
            todo = [ticket_id for ticket_id in dict.fromkeys(wanted) if ticket_id not in kept]
            tally.total, tally.started = len(todo), time.monotonic()
            await _save(client, todo, kept, target, tally)

    try:
        run(work)
    except KeyboardInterrupt:
        again = "" if out is None else "The same command with --resume goes on from there."
        tell(Outcome(Exit.INTERRUPTED, f"Stopped with {tally.done:,} of {tally.total:,} tickets saved.", again))
        return Exit.INTERRUPTED
    except OSError as error:
        if log is None:  # standard output has no reader any more, which is answered elsewhere
            raise
        raise Failure(Exit.FILE, f"{log}: {error.strerror}", "The same command with --resume goes on.") from None
    if out is not None and log is not None and log != out:
        with waiting(f"Writing {out}"):
            write_parquet(log, out)
        if tally.done == tally.total:  # else --resume has something to go on with
            log.unlink()
    return _sum_up(tally, out)


def _prepare(target: Target, *, resume: bool, overwrite: bool) -> set[str]:
    """Make the target ready to be appended to, and return the ids of the tickets it holds."""
    out, log = target.out, target.log
    if out is None or log is None:
        if resume:
            raise Failure(Exit.USAGE, "--resume needs a file: --out FILE")
        return set()
    if overwrite:
        log.unlink(missing_ok=True)
    elif resume and log != out and out.exists() and not log.exists():
        raise Failure(Exit.USAGE, f"{out} is complete. --overwrite fetches everything again.")
    elif not resume and (_holds_something(out) or _holds_something(log)):
        raise Failure(Exit.USAGE, f"{out} is there. --resume goes on with it, --overwrite replaces it.")
    kept = recover(log, target.form) if _holds_something(log) else set[str]()
    _errors(out).unlink(missing_ok=True)  # what failed is tried again
    return kept


def _holds_something(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _errors(out: Path) -> Path:
    """The file that tells what failed."""
    return out.with_name(f"{out.name}.errors.jsonl")


async def _all_ids(client: "PeriskopeClient") -> list[str]:
    # All ids first: the rest is known then, and so the time it takes; and rows have no time to shift between pages.
    with waiting("Listing tickets"):
        return [row.ticket_id async for row in client.tickets.list()]


async def _save(client: "PeriskopeClient", todo: Sequence[str], kept: set[str], target: Target, tally: _Tally) -> None:
    """Fetch the tickets *todo* and append each; those *kept* are in the file."""
    with _appending(target) as append, progress() as report:
        async with client.tickets.stream(todo) as results:
            async for result in results:
                if isinstance(result, Failed):
                    tally.failures[explain(result.error).exit] += 1
                    _tell_failed(result, target.out)
                else:
                    # Two spellings of an id can be one ticket.
                    if result.ticket.ticket.ticket_id not in kept:
                        kept.add(result.ticket.ticket.ticket_id)
                        append(result.ticket)
                    tally.done += 1
                report(tally.progress(), client.rate_limit)


@contextmanager
def _appending(target: Target) -> Generator[Callable[[TicketInfo], None]]:
    """Open the target and give the function that appends one ticket to it."""
    file = sys.stdout.buffer if target.log is None else target.log.open("ab")
    try:
        if target.log is None or not file.tell():
            file.write(target.form.header)

        def append(info: TicketInfo) -> None:
            file.write(target.form.record(info))
            file.flush()  # what is with the operating system outlives this process

        yield append
    finally:
        if target.log is not None:
            file.close()


def _tell_failed(failed: Failed, out: Path | None) -> None:
    """Keep why a ticket did not come: beside the file, or on standard error if there is none."""
    error = failed.error
    if out is None:
        tell(explain(error))
        return
    with _errors(out).open("ab") as file:
        told = {"ticket_id": failed.ticket_id, "error": type(error).__name__, "reason": str(error)}
        file.write(to_json(told | {"trace_id": error.trace_id, "attempts": error.attempts}))


def _sum_up(tally: _Tally, out: Path | None) -> int:
    """Say how it ended where somebody watches, say in any case what is missing, and return the exit code."""
    if console(stderr=True).is_terminal:
        rate = f"{tally.done / tally.elapsed:,.0f} a second" if tally.done else "none was missing"
        click.echo(f"Saved {tally.done:,} tickets in {tally.elapsed:.1f} s ({rate}).", err=True)
    code = exit_of(tally.failures, succeeded=tally.done)
    if tally.untried and Exit.KEY_REFUSED in tally.failures:
        code = Exit.KEY_REFUSED
    if tally.failed or tally.untried:
        untried = f", and {tally.untried:,} were not tried" if tally.untried else ""
        told = f"{tally.failed:,} of {tally.total:,} tickets failed{untried}."
        hint = "" if out is None else f"{_errors(out)} tells why; the same command with --resume tries them again."
        tell(Outcome(code, told, hint))
    return code
