"""`periskope queue show | purge`: asks the client and prints what it gives. Knows no options, and asks nobody."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.render_messages import broadcast_view, job_table, purge_view, queue_view
from periskope_async.cli.running import display, run, waiting, width
from periskope_async.cli.text import JSON, write_json
from periskope_async.models import BroadcastStatus, PurgeResult, QueueJob, QueueStatus

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["purge", "show"]


def show(connect: "Connect", *, jobs: bool, job: str | None, broadcast: str | None, output: str) -> int:
    """Print the state of the queue, its jobs, or how far a broadcast is."""
    selection = {name: value for name, value in (("queue_id", job), ("broadcast_id", broadcast)) if value is not None}

    async def fetch() -> QueueStatus | BroadcastStatus | tuple[QueueJob, ...]:
        async with connect() as client:
            if jobs or job is not None:
                return await client.queue.list_jobs(**selection)
            if broadcast is not None:
                return await client.queue.get_broadcast(broadcast)
            return await client.queue.get_status()

    with waiting("Asking"):
        found = run(fetch)
    if found == () and selection:
        raise Failure(Exit.NOT_FOUND, f"Nothing is in the queue under {', '.join(selection.values())}.")
    if output in JSON:
        value = [each.to_dict() for each in found] if isinstance(found, tuple) else found.to_dict()
        write_json(value, output)
    else:
        display(_view(found), wide=True)
    return Exit.OK


def purge(connect: "Connect", queue_ids: Sequence[str], broadcast: str | None, *, everything: bool, output: str) -> int:
    """Take these messages out of the queue, or what is left of a broadcast, or *everything*."""

    async def send() -> PurgeResult | None:
        async with connect() as client:
            if everything:
                return await client.queue.purge_all()
            if broadcast is not None:
                return await client.queue.purge(broadcast_id=broadcast)
            return await client.queue.purge(queue_ids=queue_ids)  # which refuses none

    with waiting("Purging"):
        result = run(send)
    left = () if result is None or result.mode != "queue_ids" else set(queue_ids) - set(result.queue_ids)
    if output in JSON:
        write_json(None if result is None else result.to_dict(), output)
    elif result is not None:
        display(purge_view(result))
    if left:
        code = Exit.SOME_FAILED if len(left) < len(set(queue_ids)) else Exit.NOT_FOUND
        raise Failure(code, f"Does not wait in the queue: {', '.join(sorted(left))}")
    return Exit.OK


def _view(found: QueueStatus | BroadcastStatus | tuple[QueueJob, ...]) -> RenderableType:
    match found:
        case QueueStatus():
            return queue_view(found)
        case BroadcastStatus():
            return broadcast_view(found)
        case _:
            return job_table(found, width())
