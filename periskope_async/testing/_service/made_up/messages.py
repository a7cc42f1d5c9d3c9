"""Made-up messages, in the short form of a ticket and in the API's full form. Pure; it must not know HTTP."""

import random

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import NAMES, ORG_ID, ORG_PHONE, STAFF, SUBJECTS

__all__ = ["full_message", "make_message", "messages_by_id", "short_id"]


def make_message(chat: Json, dice: random.Random, *, media: bool) -> Json:
    """A message of *chat* as a ticket shows it."""
    short = f"3EB0{dice.getrandbits(144):036X}"
    sender = dice.choice([*(chat["members"] or {ORG_PHONE: None})])
    tail = f"_{sender}" if chat["chat_type"] == "group" else ""
    return {
        "body": "" if media else f"{dice.choice(SUBJECTS)}\n\n{dice.choice(NAMES)}",
        "chat_id": chat["chat_id"],
        "media_path": f"{ORG_ID}/{short}.jpeg" if media else "",
        "message_id": f"{str(sender == ORG_PHONE).lower()}_{chat['chat_id']}_{short}{tail}",
        "org_phone": ORG_PHONE,
        "performed_by": dice.choice((None, *STAFF)),
        "sender_name": dice.choice(NAMES),
        "sender_phone": sender.partition("@")[0],
        "timestamp": "2025-01-24T05:11:08+00:00",
    }


def full_message(message: Json) -> Json:
    """*message*, in a ticket's short form, as the API's `Message`: other keys, and null where the ticket has `""`."""
    mine = message["message_id"].startswith("true_")
    path = message["media_path"]
    return {
        "ack": "3" if mine else None,
        "author": None,
        "body": message["body"],
        "broadcast_id": None,
        "chat_id": message["chat_id"],
        "delivery_info": {"delivered": {}, "delivered_count": 0, "pending": [], "read": {}, "read_count": 0},
        "from_me": mine,
        "has_media": bool(path),
        "id": {"from_me": mine, "remote": message["chat_id"], "serialized": message["message_id"]},
        "media": {"path": path, "mimetype": "image/jpeg", "filename": "photo.jpeg"} if path else None,
        "mentioned_ids": [],
        "message_id": message["message_id"],
        "message_type": "image" if path else "chat",
        "org_id": ORG_ID,
        "org_phone": message["org_phone"],
        "performed_by": message["performed_by"],
        "quoted_message_id": None,
        "sender_phone": f"{message['sender_phone']}@c.us",
        "timestamp": message["timestamp"],
        "unique_id": short_id(message["message_id"]),
    }


def messages_by_id(info: Json) -> dict[str, Json]:
    """The messages of a ticket, by full and by short id."""
    found: dict[str, Json] = {}
    for message in (info.get("message"), *(info.get("attached_messages") or ())):
        if message and message.get("message_id"):
            full = str(message["message_id"])
            found[full] = found[short_id(full)] = message
    return found


def short_id(message_id: str) -> str:
    """The short id in `true_<chat>_<id>` or `true_<chat>_<id>_<participant>`; another id as it is."""
    parts = message_id.split("_")
    return parts[2] if len(parts) > 2 else message_id  # the third part
