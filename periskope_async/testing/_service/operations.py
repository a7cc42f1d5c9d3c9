"""What operations of all resources have in common: reading one object, and a page of rows. It must not know them."""

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final

from periskope_async.testing._json import dumps
from periskope_async.testing._service.answers import Answer, not_found, refused
from periskope_async.testing._service.fields import LIMIT, OFFSET, QUERY_DATE, Fields, iso_date
from periskope_async.testing._service.router import Call

__all__ = ["BY_TIME", "PAGING", "in_time", "page", "read", "remove"]

PAGING: Final[Fields] = MappingProxyType({"offset": OFFSET, "limit": LIMIT})
#: Of a list that is narrowed by time.
BY_TIME: Final[Fields] = MappingProxyType({**PAGING, "start_time": QUERY_DATE, "end_time": QUERY_DATE})


def read(call: Call) -> Answer:
    """One object."""
    body = call.objects.body(call.resource_id)
    return not_found(call.objects.resource.name) if body is None else Answer(200, body)


def remove(call: Call) -> Answer:
    """Remove one object, and answer nothing."""
    with call.state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found(call.objects.resource.name)
        call.objects.remove(call.resource_id)
    return Answer(204)


def in_time(call: Call, timestamp: str | None) -> bool:
    """Whether what happened then is within `start_time` and `end_time` of the query."""
    query, moment = call.query, iso_date(timestamp or "")
    return ("start_time" not in query or iso_date(query["start_time"]) <= moment) and (
        "end_time" not in query or "" < moment <= iso_date(query["end_time"])
    )


def page(
    call: Call,
    wanted: Callable[[str], bool] | None = None,
    *,
    rows_key: str = "",
    limit: int | None = None,
    echo: Iterable[str] = (),
    numbered: bool = True,
) -> Answer:
    """A page of rows, newest first, counted from 1.

    Args:
        call: its query holds `offset` and `limit`.
        wanted: whether the object of an id is listed; None: every one is.
        rows_key: where the rows stand; `""` for where those of the resource do.
        limit: how many rows there are at most where the query does not say.
        echo: parameters of the query that the page repeats; null for one that did not come.
        numbered: whether it says which rows these are.
    """
    assumptions, objects = call.state.assumptions, call.objects
    most = call.query.get("limit", str(limit or assumptions.max_limit))
    if not 0 < int(most) <= assumptions.max_limit:
        message = f"Limit should be greater than 0 and less than {assumptions.max_limit}"
        return refused(message, {"limit": {"message": message, "value": most}})
    names = objects.ids() if wanted is None else tuple(filter(wanted, objects.ids()))
    first = int(call.query.get("offset", "0"))
    stop = max(0, len(names) - first)
    rows = [objects.row(name) for name in reversed(names[max(0, stop - int(most)) : stop])]
    count = len(names) if assumptions.count == "total" else len(rows)
    repeated = b"".join(b'"%b":%b,' % (name.encode(), dumps(call.query.get(name))) for name in echo)
    numbers = b'"from":%d,"to":%d,' % (first + 1, first + len(rows)) if numbered else b""
    head = b'{%b"count":%d,%b"%b":[' % (
        numbers,
        count,
        repeated,
        (rows_key or objects.resource.rows_key).encode(),
    )
    return Answer(200, head + b",".join(rows) + b"]}")
