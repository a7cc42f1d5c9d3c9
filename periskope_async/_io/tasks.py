"""The end of a task that works for somebody else."""

import asyncio

__all__ = ["cancel_and_wait"]


async def cancel_and_wait(work: "asyncio.Task[None]") -> None:
    """Cancel a task and wait until it is over, even if we are cancelled meanwhile."""
    work.cancel()
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if not work.cancelled():
        work.exception()  # it is raised where results are read, and asyncio shall not report it as overlooked
    if cancelled is not None:
        raise cancelled
