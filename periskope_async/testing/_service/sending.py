"""The operations that send. It must not know sockets, faults or rate limits."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.fields import CHAT_ID, DATE, TEXT, Body, iso_date
from periskope_async.testing._service.made_up.chats import new_chat
from periskope_async.testing._service.made_up.messages import sent_message
from periskope_async.testing._service.message_fields import (
    CHAT_IDS,
    MEDIA,
    OPTIONS,
    POLL,
    SECONDS,
    VARIABLES,
)
from periskope_async.testing._service.messages import MESSAGES, find, missing
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["ROUTES"]

#: What a send in step waits for by itself, seconds.
_SYNC_TIMEOUT: Final = 20


def queue(call: Call, chat_id: str, sent: Json, *, due: float = 0.0, **more: Any) -> Json:
    """Queue a message to a chat until *due*, in seconds since the epoch; return its job. A person's chat is made."""
    state, chat_id = call.state, full_id(chat_id)
    chats = state.objects["chats"]
    if chats.body(chat_id) is None:
        of_phone = {"org_phone": call.acting, "chat_org_phones": [call.acting]}
        chats.put(new_chat(chat_id, state.timestamp()) | of_phone)
    elif call.of("chats").body(chat_id) is None:  # another phone's so far
        chats.change(chat_id, chat_org_phones=[*(chats.get(chat_id).get("chat_org_phones") or ()), call.acting])
    message = sent_message(chat_id, *state.outbox.new_ids(), sent, call.acting) | more
    return state.outbox.add(message, max(due, state.now()) + state.assumptions.queue_seconds)


def _sending(handler: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    """An operation that sends something, to persons and to groups that there are."""

    def checked(call: Call) -> Answer:
        body, chats = call.body, call.of("chats")
        ids = body.get("forward_chat_ids") or body.get("chat_ids") or [body["chat_id"]]
        with call.state.lock:
            if any(chat_id.endswith("@g.us") and chats.body(chat_id) is None for chat_id in ids):
                return not_found("chat")
            return handler(call)

    return checked


def _send(call: Call) -> Answer:
    return _receipt(call.state, queue(call, call.body["chat_id"], call.body))


def _send_sync(call: Call) -> Answer:
    state = call.state
    job = queue(call, call.body["chat_id"], call.body)
    if state.assumptions.queue_seconds > (call.body.get("sync_timeout") or _SYNC_TIMEOUT):
        return _receipt(state, job)
    state.outbox.deliver(job["queue_id"])
    message = call.objects.get(job["message_id"])
    return Answer(200, dumps({"status": "sent", "unique_id": job["unique_id"], "message": message}))


def _broadcast(call: Call) -> Answer:
    # How a variable stands in the text nobody outside knows: every chat gets it as it is.
    state, body = call.state, call.body
    scheduled_at = iso_date(body.get("scheduled_at") or "")
    due = datetime.fromisoformat(scheduled_at).timestamp() if scheduled_at else state.now()
    broadcast_id = str(uuid.UUID(int=len(state.outbox.jobs) + 1))
    for place, chat_id in enumerate(body["chat_ids"]):
        queue(call, chat_id, body, due=due + place * float(body.get("delay") or 0), broadcast_id=broadcast_id)
    return Answer(200, dumps({"broadcast_id": broadcast_id}))


def _forward(call: Call) -> Answer:
    message = find(call)
    if message is None:
        return missing(call)
    kept = {key: message[key] for key in ("media", "message_type", "has_media", "poll_info") if key in message}
    for chat_id in call.body["forward_chat_ids"]:
        queue(call, chat_id, {"message": message["body"]}, **kept, is_forwarded=True)
    return Answer(204)


def _receipt(state: State, job: Json) -> Answer:
    hint = f"You can track message status using the fetch jobs api - /queue/jobs?queue_id={job['queue_id']}"
    position = len(state.outbox.waiting()) - 1
    receipt = {"queue_id": job["queue_id"], "queue_position": position, "unique_id": job["unique_id"], "hint": hint}
    return Answer(200, dumps(receipt))


_CONTENT: Final = {"message": TEXT, "media": MEDIA, "poll": POLL, "reply_to": TEXT}
#: One of these there must be; whether the real service refuses a send without, nobody outside knows.
_ONE_OF: Final = ("message", "media", "poll")
_SEND: Final = {"chat_id": CHAT_ID, "options": OPTIONS, **_CONTENT}
_BROADCAST: Final = {
    "chat_ids": CHAT_IDS,
    **_CONTENT,
    "scheduled_at": DATE,
    "delay": SECONDS,
    "variables": VARIABLES,
}
_route: Final = partial(Route, resource=MESSAGES, phone=True, errors=(404,))

ROUTES: Final = (
    _route(
        *("messages.send", "sendMessage", "POST", "/message/send", "Queue a message", _sending(_send)),
        result="SendReceipt",
        body=Body("SendMessage", _SEND, required=("chat_id",), filled=_ONE_OF),
    ),
    _route(
        *(
            "messages.send_sync",
            "sendMessageSync",
            "POST",
            "/message/send-sync",
            "Send a message",
            _sending(_send_sync),
        ),
        result="SendMessageSync",
        body=Body("SendMessageSyncBody", {**_SEND, "sync_timeout": SECONDS}, required=("chat_id",), filled=_ONE_OF),
    ),
    _route(
        *(
            "messages.broadcast",
            "broadcastMessage",
            "POST",
            "/message/broadcast",
            "Send to many chats",
            _sending(_broadcast),
        ),
        result="BroadcastReceipt",
        body=Body("Broadcast", _BROADCAST, required=("chat_ids",), filled=_ONE_OF),
    ),
    _route(
        *(
            "messages.forward",
            "forwardMessage",
            "POST",
            "/message/{message_id}/forward",
            "Send one on",
            _sending(_forward),
        ),
        result=None,
        status=204,
        body=Body("Forward", {"forward_chat_ids": CHAT_IDS}, required=("forward_chat_ids",)),
    ),
)
