"""Many ids at once, with what became of each when all are done."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, TypeVar

from periskope_async._io.caller import Caller
from periskope_async._io.intake import Intake, Job
from periskope_async._io.run import Load, Run
from periskope_async._io.source import Ids, Source
from periskope_async._progress import shown
from periskope_async._sansio.arguments import as_seconds
from periskope_async._sansio.operation import Request
from periskope_async.bulk import BulkResult, Progress
from periskope_async.errors import PeriskopeError

__all__ = ["fetch_many"]

T = TypeVar("T")


async def fetch_many(  # noqa: PLR0913  # what `get_many` and `send_many` take, and what a run does at its steps
    caller: Caller,
    build: Callable[[Any], Request[T]],
    ids: Ids,
    *,
    name: str,
    deadline: float | None,
    on_progress: Callable[[Progress], None] | None,
    progress: bool = False,
    model: type[T] | None = None,
    begin: Callable[[Any], Awaitable[None]] | None = None,
    load: Callable[[Any, Request[T]], Load | None] | None = None,
    end: Callable[[Any, T | PeriskopeError], None] | None = None,
) -> BulkResult[T]:
    """Fetch every id once and return what became of each; see `Tickets.get_many`.

    *model* is what there is to fetch: a result that holds nothing has its columns too. *begin* and *load* are
    those of `Run`; *end* is called with an id and what came of it.
    """
    if deadline is not None:
        deadline = as_seconds("deadline", deadline)
    # By position, and two of them: a pair for each would be one more object for the garbage collector to look through.
    keys: dict[int, Any] = {}
    outcomes: dict[int, T | PeriskopeError] = {}

    def record(job: Job, outcome: T | PeriskopeError) -> None:
        keys[job.position] = job.key
        outcomes[job.position] = outcome
        if end is not None:
            end(job.key, outcome)

    bar = shown(on_progress, lambda: caller.rate_limit) if progress else nullcontext(on_progress)
    with bar as report:
        run = Run(caller, build, Intake(Source(ids, name)), record, report, begin, load)
        timeout = asyncio.timeout(deadline)
        try:
            async with timeout:
                await run.work()
        except TimeoutError:
            if not timeout.expired():  # the caller's ids or `on_progress` raised it
                raise
    run.drop_rest()
    skipped = (*(run.dropped[position] for position in sorted(run.dropped)), *await run.intake.source.rest())
    result = BulkResult[T](skipped=skipped, model=model)
    for position in sorted(outcomes):
        key, outcome = keys[position], outcomes[position]
        if isinstance(outcome, PeriskopeError):
            result.errors[key] = outcome
        else:
            result.fetched[key] = outcome
    return result
