"""Which rows of the list of tickets somebody wants: chosen on our side, for the service filters nothing."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

from periskope_async._sansio.arguments import Moment, as_datetime, as_one_of, as_text
from periskope_async.models.ticket_rows import TicketRow
from periskope_async.models.tickets import TicketStatus

__all__ = ["filter_of", "only"]

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def filter_of(
    status: str | None, assignee: str | None, label: str | None, updated_since: Moment | None
) -> Callable[[TicketRow], bool] | None:
    """Return which rows pass; None if all do."""
    checks: list[Callable[[TicketRow], bool]] = []
    if status is not None:
        wanted = as_one_of("status", status, TicketStatus)
        checks.append(lambda row: row.status == wanted)
    if assignee is not None:
        address = str(as_text("assignee", assignee)).strip().casefold() if assignee != "" else ""
        checks.append(lambda row: (row.assignee or "").casefold() == address)
    if label is not None:
        name = as_text("label", label)
        checks.append(lambda row: name in row.labels)
    if updated_since is not None:
        since = as_datetime("updated_since", updated_since)
        checks.append(lambda row: (row.last_updated_at or row.created_at or _LONG_AGO) >= since)
    return (lambda row: all(check(row) for check in checks)) if checks else None


async def only(
    rows: AsyncGenerator[TicketRow, None], chosen: Callable[[TicketRow], bool], limit: int | None
) -> AsyncGenerator[TicketRow, None]:
    """Yield the rows that pass, at most *limit*; None for all."""
    left = limit
    async with aclosing(rows):
        async for row in rows:
            if chosen(row):
                yield row
                left = None if left is None else left - 1
                if left == 0:
                    return
