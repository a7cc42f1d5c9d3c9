"""The operations that change a message that there is. It must not know sockets, faults or rate limits."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import ORG_ID
from periskope_async.testing._service.answers import Answer, invalid
from periskope_async.testing._service.fields import REQUIRED_FLAG, REQUIRED_TEXT, Body, iso_date
from periskope_async.testing._service.made_up.messages import short_id
from periskope_async.testing._service.messages import MESSAGES, find, missing
from periskope_async.testing._service.router import Call, Route

__all__ = ["ROUTES"]

#: How long a message can be edited, seconds.
_EDITABLE: Final = 15 * 60
#: How long a pin lasts, seconds.
_PINNED: Final = 7 * 24 * 3600


def _change(change: Callable[[Call, Json], Answer | None]) -> Callable[[Call], Answer]:
    """An operation that changes the message of its path; *change* answers where it refuses to."""

    def handler(call: Call) -> Answer:
        with call.state.lock:
            message = find(call)
            if message is None:
                return missing(call)
            refusal = change(call, message)
            if refusal is not None:
                return refusal
            call.objects.put(message | {"updated_at": call.state.timestamp()})
        return Answer(204)

    return handler


def _edit(call: Call, message: Json) -> Answer | None:
    # What the real service answers to a late edit nobody outside knows.
    sent_at = iso_date(message["timestamp"] or "")
    late = not sent_at or call.state.now() - datetime.fromisoformat(sent_at).timestamp() > _EDITABLE
    if late or not message["from_me"] or message["message_type"] == "poll_creation":
        return invalid({"params.message_id": "Only own messages of the last 15 minutes can be edited"})
    message |= {"prev_body": message["body"], "body": call.body["edited_body"]}
    return None


def _delete(_: Call, message: Json) -> None:
    message["is_deleted"] = True


def _react(call: Call, message: Json) -> None:
    others = [one for one in message.get("reactions") or () if one["sender_id"] != call.acting]
    mine = {
        "reaction_id": f"reaction-{message['message_id']}",
        "message_id": message["message_id"],
        "chat_id": message["chat_id"],
        "org_id": ORG_ID,
        "org_phone": call.acting,
        "sender_id": call.acting,
        "reaction": call.body["reaction"],
        "timestamp": call.state.timestamp(),
        "unique_id": short_id(message["message_id"]),
        "ack": 3,
    }
    message |= {"reactions": [*others, mine], "has_reaction": True}


def _pin(call: Call, message: Json) -> None:
    chats, message_id = call.state.objects["chats"], message["message_id"]
    if chats.body(message["chat_id"]) is None:
        return
    before: list[Json] = chats.get(message["chat_id"]).get("pinned_messages") or []
    pinned = [one for one in before if one["message_id"] != message_id]
    if call.body["pin"]:
        now = int(call.state.now())
        pinned.append({"message_id": message_id, "pinned_at": now, "expires_at": now + _PINNED})
    chats.change(message["chat_id"], pinned_messages=pinned)


_route: Final = partial(Route, resource=MESSAGES, result=None, status=204, phone=True)
_PATH: Final = "/message/{message_id}"

ROUTES: Final = (
    _route(
        *("messages.edit", "editMessage", "POST", f"{_PATH}/edit", "Change the text of a message", _change(_edit)),
        body=Body("MessageChange", {"edited_body": REQUIRED_TEXT}, required=("edited_body",)),
    ),
    _route("messages.delete", "deleteMessage", "POST", f"{_PATH}/delete", "Delete a message", _change(_delete)),
    _route(
        *("messages.react", "reactToMessage", "POST", f"{_PATH}/react", "React to a message", _change(_react)),
        body=Body("MessageReaction", {"reaction": REQUIRED_TEXT}, required=("reaction",)),
    ),
    _route(
        *("messages.pin", "pinMessage", "POST", f"{_PATH}/pin", "Pin a message, or unpin it", _change(_pin)),
        body=Body("MessagePin", {"pin": REQUIRED_FLAG}, required=("pin",)),
    ),
)
