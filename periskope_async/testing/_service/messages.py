"""The messages there are, and the operations that read them. It must not know sockets, faults or rate limits."""

from functools import partial
from typing import Any, Final

import attrs

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.chats import CHATS
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import QUERY_DATE, iso_date
from periskope_async.testing._service.made_up.messages import full_message, short_id, short_message
from periskope_async.testing._service.made_up.tickets import messages_of_tickets
from periskope_async.testing._service.operations import PAGING, page
from periskope_async.testing._service.outbox import HIDDEN
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.seen import is_of
from periskope_async.testing._service.state import State

__all__ = ["MESSAGES", "ROUTES", "arrive", "find", "messages", "missing"]

MESSAGES: Final = Resource(
    name="message",
    plural="messages",
    id_key="message_id",
    text_key="body",
    example_id="true_919537851844@c.us_3EB0ABB7C973860FC19EBE05FD934141CCEC2D8B",
    other_id="true_17995550199@c.us_3EB0AN0THER",
    unknown_values={"message_type": "hologram"},
    row_of=lambda message, _: message,
)
_STATUS: Final = attrs.evolve(
    MESSAGES, id_key="unique_id", parameter="unique_id", other_id="3EB0AN0THER", text_key="status"
)


def messages(state: State) -> Objects:
    """The messages of the tickets there are from the start, and what is sent."""

    def make() -> dict[str, Json]:
        shown = messages_of_tickets(state.tickets, state.seed, null_chat=state.assumptions.null_chat)
        return {message["message_id"]: full_message(message) for message in shown.values()}

    return Objects(MESSAGES, MadeOnce(MESSAGES, make), state.lock, state.timestamp)


def arrive(state: State, message: Json) -> None:
    """Put a message that left the queue into its chat, where tickets find it too."""
    chats, chat_id = state.objects["chats"], message["chat_id"]
    state.objects["messages"].put(message)
    if chats.body(chat_id) is not None:  # it may have been removed meanwhile
        chats.change(chat_id, latest_message=message, updated_at=message["timestamp"])
    short = short_message(message)
    state.messages |= {message["message_id"]: short, short_id(message["message_id"]): short}


def find(call: Call) -> Json | None:
    """The message that a path means: by its full id, its short one, or that of its send."""
    call.state.outbox.deliver()
    name = call.resource_id
    job = call.state.outbox.find(name)
    name = job["message_id"] or "" if job else name
    return call.objects.get(name) if call.objects.body(name) is not None else None


def missing(call: Call) -> Answer:
    """What there is to say of a message that is not there, or not yet."""
    assumed = call.state.assumptions.queued_message
    if assumed == "404" or call.state.outbox.find(call.resource_id) is None:
        return not_found("message")
    return Answer(200, b"null" if assumed == "null" else b"")


def _get(call: Call) -> Answer:
    message = find(call)
    return missing(call) if message is None else Answer(200, dumps(message))


def _get_status(call: Call) -> Answer:
    call.state.outbox.deliver()
    job = call.state.outbox.find(call.resource_id)
    if job is None or not is_of(call.phone, job):
        return not_found("message")
    reached: Json = {"ack": 0, "delivered_count": 0, "read_count": 0}
    if job["message_id"]:
        message = call.objects.get(job["message_id"])
        info = message["delivery_info"]
        reached = {"ack": int(message["ack"]), **{key: info[key] for key in ("delivered_count", "read_count")}}
    shown = {key: value for key, value in job.items() if key not in HIDDEN}
    return Answer(200, dumps(shown | reached))


def _list(call: Call, chat_id: str = "") -> Answer:
    call.state.outbox.deliver()
    query = call.query

    def wanted(name: str) -> bool:
        message: dict[str, Any] = call.objects.get(name)
        timestamp = iso_date(message.get("timestamp") or "")
        return (
            chat_id in {"", message.get("chat_id")}
            and ("start_time" not in query or iso_date(query["start_time"]) <= timestamp)
            and ("end_time" not in query or "" < timestamp <= iso_date(query["end_time"]))
        )

    return page(call, wanted)


def _list_of_chat(call: Call) -> Answer:
    return _list(call, call.resource_id)


_QUERY: Final = {**PAGING, "start_time": QUERY_DATE, "end_time": QUERY_DATE}
_route: Final = partial(Route, phone=True)

ROUTES: Final = (
    _route(
        *("messages.list", "getMessagesInAChat", "GET", "/chats/{chat_id}/messages"),
        *("Messages of a chat, newest first", _list_of_chat),
        resource=MESSAGES,
        owner=CHATS,
        result="Message",
        query=PAGING,
        page=True,
    ),
    _route(
        *("messages.list", "listAllMessages", "GET", "/chats/messages", "Messages of all chats, newest first", _list),
        resource=MESSAGES,
        result="Message",
        query=_QUERY,
        page=True,
    ),
    _route(
        *("messages.get_status", "getMessageStatus", "GET", "/message/{unique_id}/status"),
        *("How far a send has come", _get_status),
        resource=_STATUS,
        result="MessageStatus",
    ),
    _route(
        *("messages.get", "getMessage", "GET", "/message/{message_id}", "One message", _get),
        resource=MESSAGES,
        result="Message",
    ),
)
