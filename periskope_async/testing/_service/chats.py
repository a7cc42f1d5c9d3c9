"""The operations on chats. It must not know sockets, faults or rate limits."""

from collections.abc import Callable
from functools import partial
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.chat_forms import from_short, full_id
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import (
    CHAT_ID,
    FLAG,
    FLAGS,
    PROPERTIES,
    QUERY_DATE,
    QUERY_TEXT,
    TEXT,
    Body,
    iso_date,
    one_of,
    several,
)
from periskope_async.testing._service.made_up.tickets import chats_of_tickets
from periskope_async.testing._service.operations import PAGING, page, read
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["CHATS", "ROUTES", "chats"]

_ALONE_ONLY: Final = frozenset({"is_archived", "labels", "members"})


def _row_of(chat: Json, _: str | None) -> Json:
    """What a list shows of a chat, as the vendor's page has it: neither its members nor the names of its labels."""
    return {key: value for key, value in chat.items() if key not in _ALONE_ONLY}


CHATS: Final = Resource(
    name="chat",
    plural="chats",
    id_key="chat_id",
    text_key="chat_name",
    example_id="919537851844@c.us",
    other_id="17995550199@c.us",
    unknown_values={"chat_type": "hologram"},
    full_id=full_id,
    row_of=_row_of,
)


def chats(state: State) -> Objects:
    """The chats of the tickets there are from the start."""
    make = partial(chats_of_tickets, state.tickets, state.seed, null_chat=state.assumptions.null_chat)
    return Objects(CHATS, MadeOnce(CHATS, make), state.lock, state.timestamp)


def _list(call: Call) -> Answer:
    # Which time `start_time` and `end_time` mean nobody outside knows; here it is that of the chat's making.
    query = call.query

    def wanted(name: str) -> bool:
        chat = call.objects.get(name)
        created_at = iso_date(chat.get("created_at") or "")
        labels = {label.casefold() for label in chat.get("labels") or ()} | {*(chat.get("label_ids") or ())}
        return (
            query.get("chat_type", chat.get("chat_type")) == chat.get("chat_type")
            and ("label" not in query or query["label"].casefold() in labels)
            and ("start_time" not in query or iso_date(query["start_time"]) <= created_at)
            and ("end_time" not in query or "" < created_at <= iso_date(query["end_time"]))
        )

    return page(call, wanted if query.keys() - PAGING.keys() else None)


def _update(call: Call) -> Answer:
    body, state = call.body, call.state
    with state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found("chat")
        chat = call.objects.get(call.resource_id)
        sent = {key for key in body if body[key] or state.assumptions.empty_clears}
        if "assigned_to" in sent:
            chat["assigned_to"] = body["assigned_to"] or None
        if "labels" in sent:
            chat |= _labelled(state, body["labels"])
        if body.get("custom_properties"):
            changed = from_short({"custom_properties": body["custom_properties"]})["custom_properties"]
            chat["custom_properties"] = (chat.get("custom_properties") or {}) | changed
        chat["updated_at"] = state.timestamp()
        call.objects.put(chat)
        return read(call)


def _mark_read(call: Call) -> Answer:
    with call.state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found("chat")
        unread = call.objects.get(call.resource_id).get("unread_count")
        by_phone = {"unread_count": dict.fromkeys(unread, 0)} if unread else {}
        call.objects.change(call.resource_id, message_unread_count=0, **by_phone)
    return Answer(200)


def _update_labels(call: Call) -> Answer:
    labels, state = call.body["labels"], call.state
    if not labels and not state.assumptions.empty_clears:
        return _change_each(call, lambda _: {})
    return _change_each(call, lambda _: _labelled(state, labels))


def _update_access(call: Call) -> Answer:
    def changed(chat: Json) -> Json:
        before: Json = {} if call.body.get("replace") else chat.get("override_chat_access") or {}
        return {"override_chat_access": before | call.body["access"]}

    return _change_each(call, changed)


def _update_ai(call: Call) -> Answer:
    """Say what the AI may do. Where nobody has said so it may do both; what it may in fact is not documented."""
    state = call.state
    with state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found("chat")
        allowed = state.ai_settings.setdefault(
            call.resource_id, {"is_agent_allowed": True, "is_flagging_allowed": True}
        )
        allowed |= {key: call.body[key] for key in allowed if call.body.get(key) is not None}
        return Answer(200, dumps({"chat_id": call.resource_id, **allowed}))


def _change_each(call: Call, changed: Callable[[Json], Json]) -> Answer:
    """Give many chats the fields that *changed* makes of each."""
    state, chats = call.state, call.objects
    with state.lock:
        names = [full_id(name) for name in call.body["chat_ids"]]
        known = [name for name in names if chats.body(name) is not None]
        if len(known) < len(names) and state.assumptions.unknown_chats == "404":
            return not_found("chat")
        for name in known:
            chats.change(name, **changed(chats.get(name)), updated_at=state.timestamp())
    return Answer(204)


def _labelled(state: State, labels: str | None) -> Json:
    """The fields of a chat with these labels and no others."""
    return from_short({"chat_labels": ", ".join(state.labels(labels or ""))})


_CHANGE: Final = Body("ChatChange", {"assigned_to": TEXT, "custom_properties": PROPERTIES, "labels": TEXT}, any_of=True)
_AI: Final = Body("ChatAiChange", {"is_agent_allowed": FLAG, "is_flagging_allowed": FLAG}, any_of=True)
_CHAT_IDS: Final = several(CHAT_ID)
_LABELS: Final = Body("ChatLabels", {"chat_ids": _CHAT_IDS, "labels": TEXT}, all_of=("chat_ids", "labels"))
#: Whether the real service replaces or merges without `replace` is not known; here it merges.
_ACCESS: Final = Body(
    "ChatAccess",
    {"access": FLAGS, "chat_ids": _CHAT_IDS, "replace": FLAG},
    required=("access",),
    all_of=("chat_ids",),
)
_QUERY: Final = {
    **PAGING,
    "start_time": QUERY_DATE,
    "end_time": QUERY_DATE,
    "chat_type": one_of("user", "group", "business", empty=()),
    "label": QUERY_TEXT,
}
_route: Final = partial(Route, resource=CHATS, result="Chat", phone=True)
_of_many: Final = partial(_route, result=None, status=204, errors=(404,))

ROUTES: Final = (
    _route("chats.list", "listAllChats", "GET", "/chats", "Chats, newest first", _list, query=_QUERY, page=True),
    _route("chats.get", "getChatById", "GET", "/chats/{chat_id}", "One chat with its members", read),
    _route("chats.update", "updateChat", "PATCH", "/chats/{chat_id}", "Change one chat", _update, body=_CHANGE),
    _route("chats.mark_read", "markRead", "POST", "/chats/{chat_id}/read", "Mark as read", _mark_read, result=None),
    _route(
        *("chats.update_ai_settings", "updateChatAiSettings", "PATCH", "/chats/{chat_id}/ai", "What the AI may"),
        _update_ai,
        body=_AI,
        result="ChatAiSettings",
        phone=False,
    ),
    _of_many(
        *("chats.update_labels", "updateChatLabels", "PATCH", "/chats/labels", "Label many chats", _update_labels),
        body=_LABELS,
    ),
    _of_many(
        *("chats.update_access", "updateChatOverrideAccess", "PATCH", "/chats/access", "Who sees many", _update_access),
        body=_ACCESS,
    ),
)
