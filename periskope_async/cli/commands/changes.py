"""Every `export --changed`: fetches what changed since the state, and brings the file up to date. Knows no options.

No row is kept: of a list that is read, only ids and stamps are, and what there is in full goes into a file as it comes.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from periskope_async import Failed
from periskope_async._codec.model import Model
from periskope_async._io.changes import Subject, Survey, survey
from periskope_async.cli.commands import export
from periskope_async.cli.commands.export import Found, Reason, Tally, Target
from periskope_async.cli.files import check_beside, followed, growing, holds_something, is_stream
from periskope_async.cli.held import held, remove
from periskope_async.cli.outcome import Exit, Failure, explain
from periskope_async.cli.running import run, waiting
from periskope_async.cli.text import named
from periskope_async.cli.upserts import (
    Upsert,
    bring_up_to_date,
    fetched_beside,
    fetched_form,
    fetched_line,
    known,
    stamps_in,
)

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["About", "export_changed"]

#: Returns what is compared of an account.
About = Callable[["PeriskopeClient"], Subject[Any, Any]]


def export_changed(
    connect: "Connect", about: About, target: Target, state: str, *, resume: bool, overwrite: bool
) -> int:
    """Bring a file up to date with what changed since its state, and return the exit code.

    What a stopped run fetched is taken up in any case, so that *resume* says nothing new.

    Raises:
        Failure: as for `export`; or file and state are not of each other, and *overwrite* does not replace them.
    """
    if resume and overwrite:
        raise Failure(Exit.USAGE, "--resume keeps FILE and --overwrite replaces it: choose one.")
    work = partial(_export, about, target, Path(state), overwrite)
    return export.attempt(connect, target, "same command", work)


def _export(
    about: About,
    target: Target,
    state: Path,
    overwrite: bool,  # noqa: FBT001  # of the command line
    client: "PeriskopeClient",
    tally: Tally,
) -> None:
    out, log, errors, kind = target.out, target.log, target.errors, target.kind
    if out is None or log is None or errors is None:
        raise Failure(Exit.USAGE, "--changed needs a file: --out FILE")
    state = followed(state)
    if state in {out, log, errors}:
        raise Failure(Exit.USAGE, f"{named(state)}: --state is a file of its own.")
    with ExitStack() as files:
        fetched = files.enter_context(held(fetched_beside(state), state))
        lock = files.enter_context(held(log, out))
        _check(target, out, log)
        before = known(out, state, overwrite=overwrite)
        tally.since = "" if before is None else _date(state)
        had = stamps_in(fetched.path, kind)
        reason = files.enter_context(export.reasons(target))

        async def work() -> tuple[Survey, dict[str, str]]:
            subject = about(client)

            def take(row: Model, stamp: str) -> None:
                name = kind.id_of(row)
                if had.get(name) != stamp:
                    had[name] = stamp
                    fetched.file.write(fetched_line(row, stamp))

            async with client:
                with waiting(f"Listing {kind.name}"):
                    found = await survey(subject, before, take if subject.rows_are_full else _leave)
                kept = {name for name, stamp in found.changed.items() if had.get(name) == stamp}
                todo = [name for name in found.changed if name not in kept]
                _begin(errors, tally, found, len(found.changed) if subject.rows_are_full else len(todo), reason)
                if subject.rows_are_full:
                    tally.done = len(kept)
                else:
                    stamped = target._replace(form=fetched_form(kind, found.changed))
                    async with getattr(client, kind.name).stream(todo) as results:
                        await export.save(client, Found(None, results), kept, stamped, fetched.file, reason, tally)
            return found, {name: stamp for name, stamp in found.changed.items() if name in kept}

        found, done = run(work)
        # What is not done comes again; with the state as it was, the next run finds it by itself.
        after = found.state_without(found.changed.keys() - done.keys())
        form = target.form if log == out else None
        with waiting(f"Writing {named(out)}"):
            upsert = Upsert(out, form, kind, fetched.path, done, found.deleted, anew=before is None)
            bring_up_to_date(upsert, state, after, fetched)
        if log != out:
            remove(lock)


def _leave(_: object, __: object) -> None:
    """Do nothing with a row: what it is of is fetched in full."""


def _date(state: Path) -> str:
    """Return when a state was written: at the end of the run before."""
    return f"{datetime.fromtimestamp(state.stat().st_mtime).astimezone():%Y-%m-%d %H:%M}"


def _check(target: Target, out: Path, log: Path) -> None:
    """Refuse to lose what is none of ours."""
    if log != out and holds_something(log):
        problem = f"{named(log)} is of a stopped export; nothing was changed."
        raise Failure(Exit.USAGE, problem, "Without --changed, --resume goes on with it.")
    export.check_errors(target)
    begins = b"PAR1" if log != out else target.form.header or b"{"
    check_beside(growing(out), begins)


def _begin(errors: Path, tally: Tally, found: Survey, todo: int, reason: Reason) -> None:
    """Say what there is to do, and of what it is unclear whether it is still there."""
    if not is_stream(errors):
        errors.unlink(missing_ok=True)  # what failed comes again
    tally.begun, tally.started, tally.removed = True, time.monotonic(), len(found.deleted)
    tally.total = todo + len(found.errors) + len(found.skipped)
    for name, error in found.errors.items():
        tally.failures[explain(error).exit] += 1
        reason(Failed(name, error))
