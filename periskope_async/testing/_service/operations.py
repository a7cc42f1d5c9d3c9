"""What operations of all resources have in common: reading one object, and a page of rows. It must not know them."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from periskope_async.testing._service.answers import Answer, not_found, refused
from periskope_async.testing._service.fields import LIMIT, OFFSET, Fields
from periskope_async.testing._service.router import Call

__all__ = ["PAGING", "page", "read"]

PAGING: Final[Fields] = MappingProxyType({"offset": OFFSET, "limit": LIMIT})


def read(call: Call) -> Answer:
    """One object."""
    body = call.objects.body(call.resource_id)
    return not_found(call.objects.resource.name) if body is None else Answer(200, body)


def page(call: Call, wanted: Callable[[str], bool] | None = None) -> Answer:
    """A page of rows, newest first, counted from 1.

    Args:
        call: its query holds `offset` and `limit`.
        wanted: whether the object of an id is listed; None: every one is.
    """
    assumptions, objects = call.state.assumptions, call.objects
    limit = call.query.get("limit", str(assumptions.max_limit))
    if not 0 < int(limit) <= assumptions.max_limit:
        message = f"Limit should be greater than 0 and less than {assumptions.max_limit}"
        return refused(message, {"limit": {"message": message, "value": limit}})
    names = objects.ids() if wanted is None else tuple(filter(wanted, objects.ids()))
    first = int(call.query.get("offset", "0"))
    stop = max(0, len(names) - first)
    rows = [objects.row(name) for name in reversed(names[max(0, stop - int(limit)) : stop])]
    count = len(names) if assumptions.count == "total" else len(rows)
    head = b'{"from":%d,"to":%d,"count":%d,"%b":[' % (
        first + 1,
        first + len(rows),
        count,
        objects.resource.plural.encode(),
    )
    return Answer(200, head + b",".join(rows) + b"]}")
