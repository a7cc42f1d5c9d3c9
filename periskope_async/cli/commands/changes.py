"""Every `export --changed`: fetches what changed since the state, and brings the file up to date. Knows no options."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from periskope_async import Changes, Failed, Fetched
from periskope_async.cli.commands import export
from periskope_async.cli.commands.export import Found, Reason, Tally, Target
from periskope_async.cli.files import Kind, check_beside, followed, growing, held, holds_something, is_stream, remove
from periskope_async.cli.outcome import Exit, Failure, explain
from periskope_async.cli.running import run, waiting
from periskope_async.cli.text import named
from periskope_async.cli.upserts import Upsert, bring_up_to_date, fetched_beside, fetched_form, known, stamps_in

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["Find", "by_ids", "export_changed", "in_full"]

#: Finds the rows that changed since a state.
Find = Callable[["PeriskopeClient", dict[str, Any] | None], Awaitable[Changes[Any, Any]]]
#: Fetches some of them in full.
Fetch = Callable[
    ["PeriskopeClient", Changes[Any, Any], Sequence[str]],
    AbstractAsyncContextManager[AsyncIterator[Fetched[Any] | Failed]],
]


def by_ids(kind: Kind) -> Fetch:
    """Return what fetches each thing of a *kind* by itself."""

    def fetch(
        client: "PeriskopeClient", _: Changes[Any, Any], ids: Sequence[str]
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched[Any] | Failed]]:
        resource: Any = getattr(client, kind.name)
        stream: AbstractAsyncContextManager[AsyncIterator[Fetched[Any] | Failed]] = resource.stream(ids)
        return stream

    return fetch


@asynccontextmanager
async def in_full(
    _: "PeriskopeClient", changes: Changes[Any, Any], ids: Sequence[str]
) -> AsyncGenerator[AsyncIterator[Fetched[Any] | Failed]]:
    """Give what the list had in full already."""

    async def found() -> AsyncGenerator[Fetched[Any] | Failed, None]:
        for name in ids:
            yield Fetched(name, changes.fetched[name])

    yield found()


def export_changed(
    connect: "Connect", find: Find, fetch: Fetch, target: Target, state: str, *, resume: bool, overwrite: bool
) -> int:
    """Bring a file up to date with what changed since its state, and return the exit code.

    What a stopped run fetched is taken up in any case, so that *resume* says nothing new.

    Raises:
        Failure: as for `export`; or file and state are not of each other, and *overwrite* does not replace them.
    """
    if resume and overwrite:
        raise Failure(Exit.USAGE, "--resume keeps FILE and --overwrite replaces it: choose one.")
    work = partial(_export, find, fetch, target, Path(state), overwrite)
    return export.attempt(connect, target, "same command", work)


def _export(
    find: Find,
    fetch: Fetch,
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
        had = stamps_in(fetched.path, kind)
        reason = files.enter_context(export.reasons(target))

        async def work() -> tuple[Changes[Any, Any], dict[str, str]]:
            async with client:
                with waiting(f"Listing {kind.name}"):
                    changes = await find(client, before)
                stamps = _stamps(changes, kind)
                kept = {name for name, stamp in had.items() if stamps.get(name) == stamp}
                todo = [name for name in stamps if name not in kept]
                _begin(errors, tally, changes, len(todo), reason)
                growing_log = target._replace(form=fetched_form(kind, stamps))
                async with fetch(client, changes, todo) as results:
                    await export.save(client, Found(None, results), kept, growing_log, fetched.file, reason, tally)
            return changes, {name: stamp for name, stamp in stamps.items() if name in kept}

        changes, done = run(work)
        # What is not done comes again; with the state as it was, the next run finds it by itself.
        after = changes.state_without(_stamps(changes, kind).keys() - done.keys())
        removed = frozenset(getattr(row, kind.id_key) for row in changes.deleted)
        form = target.form if log == out else None
        with waiting(f"Writing {named(out)}"):
            upsert = Upsert(out, form, kind, fetched.path, done, removed, anew=before is None)
            bring_up_to_date(upsert, state, after, fetched)
        if log != out:
            remove(lock)


def _check(target: Target, out: Path, log: Path) -> None:
    """Refuse to lose what is none of ours."""
    if log != out and holds_something(log):
        problem = f"{named(log)} is of a stopped export; nothing was changed."
        raise Failure(Exit.USAGE, problem, "Without --changed, --resume goes on with it.")
    export.check_errors(target)
    begins = b"PAR1" if log != out else target.form.header or b"{"
    check_beside(growing(out), begins)


def _stamps(changes: Changes[Any, Any], kind: Kind) -> dict[str, str]:
    """Return the stamps of what was created and updated, by id."""
    seen = changes.state["seen"]
    return {name: seen[name] for row in (*changes.created, *changes.updated) for name in [getattr(row, kind.id_key)]}


def _begin(errors: Path, tally: Tally, changes: Changes[Any, Any], todo: int, reason: Reason) -> None:
    """Say what there is to do, and of what it is unclear whether it is still there."""
    if not is_stream(errors):
        errors.unlink(missing_ok=True)  # what failed comes again
    tally.begun, tally.started = True, time.monotonic()
    tally.total = todo + len(changes.errors) + len(changes.skipped)
    for name, error in changes.errors.items():
        tally.failures[explain(error).exit] += 1
        reason(Failed(name, error))
