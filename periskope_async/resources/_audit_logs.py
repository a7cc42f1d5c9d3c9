"""What the audit logs of tickets and of chats have in common."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from datetime import date
from functools import partial
from operator import attrgetter
from typing import Any, Final

from periskope_async._io.paging import walk
from periskope_async._sansio.arguments import Moment, as_moment, as_rows, as_text
from periskope_async._sansio.unset import Unset
from periskope_async.models.audit_logs import AuditLog, AuditLogPage
from periskope_async.resources._from_row import from_row

__all__ = ["PAGE_SIZE", "QueryValue", "audit_query", "walk_logs"]

#: Rows of a page: as many as the service's page shows. Neither its default nor its maximum is documented.
PAGE_SIZE: Final = 20

QueryValue = Moment | int


def walk_logs(
    page: Callable[..., Coroutine[Any, Any, AuditLogPage]],
    chosen: Mapping[str, Any],
    *,
    offset: int,
    page_size: int,
    limit: int | None,
) -> AsyncGenerator[AuditLog, None]:
    """Walk the rows of a log by its method for a *page*, which takes what is *chosen*; each row once."""
    fetch = from_row(partial(page, **chosen), offset)
    return walk(fetch, attrgetter("log_id"), key_of=attrgetter("timestamp"), page_size=page_size, limit=limit)


def audit_query(
    offset: int, limit: int, performed_by: str | Unset, action: str | Unset, more: Mapping[str, QueryValue]
) -> dict[str, str | int | Unset]:
    """Return the query for rows of an audit log; *more* is sent as it is named, times as ISO 8601.

    Raises:
        ConfigurationError: a value is unusable; the message names it.
    """
    return {
        **{name: _value(name, value) for name, value in more.items()},
        "performed_by": as_text("performed_by", performed_by),
        "action": as_text("action", action),
        **as_rows(offset, limit),
    }


def _value(name: str, value: QueryValue) -> str | int | Unset:
    if isinstance(value, date):
        return as_moment(name, value)
    return value if isinstance(value, int) else as_text(name, value)
