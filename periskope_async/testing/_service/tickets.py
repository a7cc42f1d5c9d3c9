"""The operations on tickets. It must not know sockets, faults or rate limits."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID
from periskope_async.testing._service.answers import Answer, invalid, not_found
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.audit_logs import log_status
from periskope_async.testing._service.chat_forms import full_id, short_form
from periskope_async.testing._service.fields import CHAT_ID, DATE, REQUIRED_TEXT, TEXT, Body, Field, iso_date, one_of
from periskope_async.testing._service.made_up.chats import new_chat
from periskope_async.testing._service.made_up.messages import short_id
from periskope_async.testing._service.operations import PAGING, page, read
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State
from periskope_async.testing._service.ticket_objects import TICKETS, find_message, next_id

__all__ = ["ROUTES"]


def _get(call: Call) -> Answer:
    assumed = call.state.assumptions.missing_ticket
    if assumed == "404" or call.objects.body(call.resource_id) is not None:
        return read(call)
    if assumed == "422":
        return invalid({"params.ticket_id": "Invalid ticket_id"})
    return Answer(200, b"null" if assumed == "null" else b"")


def _list(call: Call) -> Answer:
    def wanted(name: str) -> bool:
        return b'"is_deleted":true' not in call.objects.row(name)

    return page(call, None if call.state.assumptions.deleted_listed else wanted)


def _create(call: Call) -> Answer:
    state, body, chats = call.state, call.body, call.state.objects["chats"]
    chat_id = full_id(body["chat_id"])
    with state.lock:
        if chats.body(chat_id) is None:
            if state.assumptions.unknown_chat == "404":
                return not_found("chat")
            chats.put(new_chat(chat_id, state.timestamp()))
        quoted_id = body.get("quoted_message_id") or ""
        info: Json = {
            "attached_messages": [],
            "chat": short_form(chats.get(chat_id)),
            "message": find_message(state, quoted_id) or _UNQUOTED[state.assumptions.unquoted],
            "ticket": {
                "assigned_by": "",
                "assignee": "",
                "created_at": state.timestamp(),
                "due_date": "",
                "is_deleted": False,
                "org_id": ORG_ID,
                "priority": 1,
                "quoted_message_id": short_id(quoted_id),
                "raised_by": None,
                "status": "open",
                "subject": "",
                "ticket_custom_properties": {},
                "ticket_id": next_id(state),
                "ticket_labels": "",
            },
        }
        _apply(state, info["ticket"], body)
        call.objects.put(info)
    return Answer(200, dumps(info))


def _update(call: Call) -> Answer:
    with call.state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found("ticket")
        info = call.objects.get(call.resource_id)
        before = dict(info["ticket"])
        _apply(call.state, info["ticket"], call.body)
        log_status(call.state, before, info["ticket"])
        call.objects.put(info)
    return Answer(200, dumps(info))


def _apply(state: State, ticket: Json, body: Json) -> None:
    """Write checked values into *ticket*."""
    for key in ("subject", "status"):
        ticket[key] = body.get(key) or ticket[key]
    if body.get("priority"):
        ticket["priority"] = int(body["priority"])
    sent = {key for key in body if body[key] or state.assumptions.empty_clears}
    if "assignee" in sent:
        ticket["assignee"] = body["assignee"] or ""
    if "due_date" in sent:
        ticket["due_date"] = iso_date(body["due_date"] or "")
    if "labels" in sent:
        ticket["ticket_labels"] = ", ".join(state.labels(body["labels"] or ""))
    if ticket["status"] == "closed":
        ticket.setdefault("closed_at", state.timestamp())
    else:
        for key in ("closed_at", "closed_by", "closed_message"):
            ticket.pop(key, None)


def _priority(*, numbers: bool) -> Field:
    """A priority as text; as a number too where *numbers* says so, or the assumptions do."""

    def check(value: Any, assumptions: Assumptions) -> str:
        number = type(value) is int and (numbers or assumptions.lenient_priority)  # not bool: True equals 1
        fits = (str(value) if number else value) in _PRIORITIES
        return "" if fits else f"Expected one of {', '.join(_PRIORITIES)}"

    return Field({"enum": [*(map(int, _PRIORITIES) if numbers else ()), *_PRIORITIES, "", None]}, check)


_PRIORITIES: Final = ("1", "2", "3", "4")
_STATUS: Final = one_of("open", "inprogress", "closed", "archived")
_CHANGE: Final = {"subject": TEXT, "assignee": TEXT, "due_date": DATE, "status": _STATUS, "labels": TEXT}
_NEW: Final = {**_CHANGE, "chat_id": CHAT_ID, "subject": REQUIRED_TEXT, "quoted_message_id": TEXT}

_BLANK: Final = (
    *("message_id", "body", "chat_id", "org_phone", "timestamp", "media_path", "sender_name", "sender_phone"),
    "performed_by",
)
#: `message` of a ticket made without a quoted message.
_UNQUOTED: Final[Mapping[str, Json | None]] = MappingProxyType(
    {"object": {}, "null": None, "blank": dict.fromkeys(_BLANK, "")}
)
_NEW_TICKET: Final = Body("NewTicket", {**_NEW, "priority": _priority(numbers=True)}, required=("chat_id", "subject"))
_TICKET_CHANGE: Final = Body("TicketChange", {**_CHANGE, "priority": _priority(numbers=False)}, any_of=True)
_route: Final = partial(Route, resource=TICKETS, result="TicketInfo")

ROUTES: Final = (
    _route(
        *("tickets.list", "getTickets", "GET", "/tickets", "Rows of tickets, newest first", _list),
        result="TicketRow",
        query=PAGING,
        page=True,
    ),
    _route("tickets.get", "getTicketById", "GET", "/tickets/{ticket_id}", "One ticket with chat and messages", _get),
    _route(
        *("tickets.create", "createTicket", "POST", "/tickets/create", "Make a ticket in a chat", _create),
        body=_NEW_TICKET,
        phone=True,
        errors=(404,),
    ),
    _route(
        *("tickets.update", "updateTicket", "PATCH", "/tickets/{ticket_id}", "Change one ticket", _update),
        body=_TICKET_CHANGE,
    ),
)
