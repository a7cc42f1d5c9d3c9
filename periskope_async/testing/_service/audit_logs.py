"""Who changed what of tickets and chats. It must not know sockets, faults or rate limits."""

from collections.abc import Callable
from functools import partial
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import ORG_ID, made_id
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.chats import CHATS
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import QUERY_TEXT
from periskope_async.testing._service.operations import PAGING, page
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State
from periskope_async.testing._service.ticket_objects import TICKETS

__all__ = ["AUDIT_LOGS", "ROUTES", "audit_logs", "log_status"]

AUDIT_LOGS: Final = Resource(
    name="audit log",
    plural="audit_logs",
    rows_key="logs",
    id_key="log_id",
    text_key="action",
    example_id="",
    other_id="00000000-0000-4000-8000-00000000ffff",
    unknown_values={},
    row_of=lambda log, _: log,
)


def audit_logs(state: State) -> Objects:
    """Nothing has been changed from the start."""
    return Objects(AUDIT_LOGS, MadeOnce(AUDIT_LOGS, dict), state.lock, state.timestamp)


def log_status(state: State, before: Json, after: Json) -> None:
    """Write down that a ticket stands elsewhere. It is the one action that the vendor names; of others none is made."""
    if before["status"] == after["status"]:
        return
    logs = state.objects["audit_logs"]
    logs.put(
        {
            "log_id": made_id("audit log", state.seed, len(logs.put_ids())),
            "org_id": ORG_ID,
            "ticket_id": after["ticket_id"],
            "action": "STATUS_CHANGED",
            "performed_by": "api",
            "type": "ticket",
            "old_record": before,
            "new_record": after,
            "timestamp": state.timestamp(),
        }
    )


def _of(key: str) -> Callable[[Call], Answer]:
    # The pages document no 404: of what is unknown, and of what never changed, the log is empty.
    def listed(call: Call) -> Answer:
        def wanted(name: str) -> bool:
            log, query = call.objects.get(name), call.query
            return log.get(key) == call.resource_id and all(
                query.get(field, log.get(field)) == log.get(field) for field in ("performed_by", "action")
            )

        return page(call, wanted)

    return listed


_route: Final = partial(
    Route,
    method="GET",
    resource=AUDIT_LOGS,
    result="AuditLog",
    query={**PAGING, "performed_by": QUERY_TEXT, "action": QUERY_TEXT},
    page=True,
)

ROUTES: Final = (
    _route(
        "tickets.list_audit_logs",
        "listTicketAuditLogs",
        path="/tickets/{ticket_id}/audit-logs",
        summary="Who changed what of a ticket",
        handler=_of("ticket_id"),
        owner=TICKETS,
    ),
    _route(
        "chats.list_audit_logs",
        "listChatAuditLogs",
        path="/chats/{chat_id}/audit-logs",
        summary="Who changed what of a chat",
        handler=_of("chat_id"),
        owner=CHATS,
    ),
)
